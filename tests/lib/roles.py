"""Roles of scoped keys as the contract's 3.4 has them, written from its words
and not from the server's table."""

EXTRA = "payment_providers:write"
WRITES = {
    "read-only": set(),
    "license-issuer": {"licenses"},
    "support": {"licenses", "subscriptions", "machines"},
    "merchant-onboard": {"products", "policies", "licenses"},
    "full-admin": None,         # all of them
}


def allows(role, scope, extras=()):
    """May a key of this role do what this scope names?"""
    if scope == "master":
        return False
    if scope == EXTRA:
        return scope in extras
    resource, verb = scope.split(":")
    if verb == "read":
        return True
    return WRITES[role] is None or resource in WRITES[role]


def make_key(api, role="read-only", label="for a test", **fields):
    """A new key, as POST /v1/admin/api-keys answers it."""
    return api.do("POST", "/api-keys",
                  {"label": label, "role": role, **fields})
