"""keysat.md 8, D28 to D35, each defect of the reference by name.  D29, D25
and D27: those of access and of the self-license.  D31 and D32 also
test_profiles.py, D34 test_subscriptions.py."""
import base64
import hashlib
import re
import subprocess

import pytest

from lib import keys
from lib.check import NOWHERE, events
from lib.client import Api, new_address, new_slug, refused
from lib.instance import KNOWN_SEED
from lib.postgres import bin_dir
from lib.process import wait_for
from lib.webhooks import Hooks, stalled_by_none, together

LIMITED = {"ok": False, "reason": "rate_limited"}


# D28 Whose address, and limits

def address_seen(server, api, agent):
    p = api.do("POST", "/products", {
        "slug": new_slug(), "name": "n", "price_sats": 1}, headers=agent)
    (row,) = events(server, p["id"], "product.create")
    return row["request_ip"]


@pytest.mark.parametrize("header,seen", [
    ("203.0.113.9", "203.0.113.9"),
    ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
    ("6.6.6.6, 203.0.113.9, 127.0.0.5", "203.0.113.9"),
    ("6.6.6.6, nonsense", "127.0.0.1")])
def test_D28_forwarded_for_is_read_from_the_right(api, server, header, seen):
    """D28: it was trusted blindly; now what proxies of ours appended
    counts, and not what the client sent along."""
    assert address_seen(server, api, {"X-Forwarded-For": header}) == seen


def test_D28_forwarded_for_of_others_is_ignored(own_instance):
    """D28: a peer that is no proxy of ours can claim nothing."""
    server = own_instance(LICET_TRUSTED_PROXIES="192.0.2.0/24")
    api = Api(server.url, server.admin_key)
    assert address_seen(server, api, {
        "X-Forwarded-For": "203.0.113.9"}) == "127.0.0.1"


def test_D28_without_the_header_the_peer_counts(own_instance):
    """D28: without it, validate shared one bucket per product (the first 24
    characters of the key); now it is the peer's, whatever the key."""
    server = own_instance(LICET_TRUSTED_PROXIES="")
    api = Api(server.url, server.admin_key)
    wait_for(lambda: api.validate(new_slug("k")) == LIMITED, 60,
             "the peer is limited, with another key each time", pause=0)
    assert server.value("SELECT bool_and(bucket_key = '127.0.0.1') FROM"
                        " rate_buckets") in (True, None)


@pytest.mark.parametrize("method,path,body", [
    ("POST", "/v1/redeem", {"product": "x", "code": "y"}),
    ("GET", "/v1/discount-codes/preview?code=x&product=y", None),
    ("POST", "/v1/purchase", {"product": "x"}),
    ("POST", "/v1/machines/activate", {"key": "x", "fingerprint": "y"}),
    ("POST", "/v1/upgrade", {"license_key": "x", "target_policy_slug": "y"}),
    ("POST", "/v1/upgrade-quote", {"license_key": "x",
                                   "target_policy_slug": "y"}),
    ("POST", "/v1/subscriptions/cancel", {"license_key": "x"}),
    ("POST", "/v1/machines/deactivate", {"key": "x", "fingerprint": "y"}),
    ("GET", f"/v1/purchase/{NOWHERE}", None),
    ("GET", "/v1/products", None)])
def test_D28_limits_everywhere(api, method, path, body):
    """D28: redeem, preview, purchase, activate and upgrade had no limit."""
    ip = new_address()

    def limited():
        return api.public(method, path, body, ip=ip).status_code == 429
    wait_for(limited, 60, "the address is limited", pause=0)
    r = api.public(method, path, body, ip=ip)
    if r.status_code == 429:    # a token may have come back meanwhile
        refused(r, 429, "rate_limited")
        assert int(r.headers["Retry-After"]) >= 1
    assert api.public(method, path, body).status_code != 429


# D30 One node, times as text, one slow receiver

def test_D30_a_receiver_that_hangs_stalls_no_other(hooks):
    """D30: one slow webhook receiver stalled all."""
    hanging = [hooks.endpoint() for _ in range(4)]
    for e in hanging:
        hooks.vendor.set(e["path"], hang=60)
    well = hooks.endpoint()
    for _ in range(30):
        hooks.product()
    stalled_by_none(hooks.comes(well, n=30))
    assert all(together(hooks.vendor.got(e["path"])) <= 8 for e in hanging)


def test_D30_two_replicas_deliver_once(make_instance, vendor_shared):
    """D30: a second process would deliver twice."""
    server = make_instance(replicas=2, movable=True, name="pair",
                           LICET_WEBHOOK_PRIVATE="on")
    hooks = Hooks(server, vendor_shared)
    e = hooks.endpoint()
    for _ in range(40):
        hooks.product()
    calls = hooks.comes(e, n=40)
    wait_for(lambda: all(d["delivered_at"] for d in hooks.deliveries(e)), 60,
             "all are delivered")
    calls = hooks.vendor.got(e["path"])
    assert len(calls) == len({c.id for c in calls}) == 40


@pytest.mark.parametrize("kind", ["timestamp without time zone", "text",
                                  "date"])
def test_D30_times_are_timestamptz(server, kind):
    """D30: times were text and compared as text."""
    assert server.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = %s AND"
        " column_name ~ '_(at|run)$'", kind) == []


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:9/", "http://localhost/", "http://10.0.0.1/",
    "http://192.168.1.1/", "http://172.16.0.1/", "http://169.254.169.254/",
    "http://[::1]/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/",
    "http://0.0.0.0/", "http://2130706433/"])
def test_D30_no_private_targets_of_webhooks(server, api, url):
    """D30: no private-range webhook targets unless allowed: such an address
    is refused at once, a name that leads there when it is sent to."""
    r = api.admin("POST", "/webhook-endpoints", {"url": url})
    if r.status_code == 200:
        e = r.json()
        row = api.do("POST", f"/webhook-endpoints/{e['id']}/test")

        def tried():
            return server.row("SELECT * FROM webhook_deliveries WHERE id ="
                              " %s AND attempt_count > 0", row["id"])
        got = wait_for(tried, 60, "it was tried")
        assert got["delivered_at"] is None
        assert got["last_status_code"] is None
        api.do("DELETE", f"/webhook-endpoints/{e['id']}")
    else:
        refused(r, 400, "bad_request")


# D31, D32

def test_D31_null_clears_every_profile_field(vendor):
    """D31: JSON null could not clear profile fields."""
    given = {"legal_name": "L", "support_url": "https://s.example",
             "support_email": "s@example.com", "brand_color": "#aabbcc",
             "post_purchase_redirect_url": "https://t.example/{invoice_id}"}
    p = vendor.do("POST", "/merchant-profiles", {
        "name": new_slug("profile"), **given})
    for name, value in given.items():
        assert p[name] == value
        got = vendor.do("PATCH", f"/merchant-profiles/{p['id']}",
                        {name: None})
        assert got[name] is None, name
        p = {**p, name: None}
        assert {k: got[k] for k in given} == {k: p[k] for k in given}


def test_D32_the_environments_btcpay_sells(btcpay_server, shop):
    """D32: env-seeded BTCPay was ignored since profiles exist: it is the
    default profile's provider, and sells."""
    assert shop.do("GET", "/btcpay/status")["connected"] is True
    bought = shop.buy(shop.product())
    assert bought["checkout_url"] and not bought["btcpay_invoice_id"
                                                 ].startswith("free-")


# D33 What an error tells

SQL = re.compile(r"relation|column|constraint|syntax|postgres|SQLSTATE|"
                 r"SELECT|INSERT|UPDATE|\b\d{2}[A-Z0-9]{3}\b|"
                 r"\bpq\b|libpq|does not exist|\.c:|\.sql", re.I)


def operations(document):
    """(method, path, body) of each, filled with what gets past the checks."""
    for path, methods in sorted(document["paths"].items()):
        for method, what in methods.items():
            schema = what.get("requestBody", {}).get("content", {}).get(
                "application/json", {}).get("schema", {})
            yield (method.upper(), re.sub(r"\{[^}]*\}", NOWHERE, path),
                   {name: example(name, field) for name, field in
                    schema.get("properties", {}).items()
                    if name in schema.get("required", [])})


def example(name, field):
    if "enum" in field:
        return field["enum"][0]
    kind = field.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    return {"integer": 1, "boolean": True, "array": [], "object": {}}.get(
        kind, {"slug": new_slug(), "email": "a@example.com"}.get(
            name, "https://a.example" if "url" in name else "x"))


def test_D33_no_error_tells_of_the_database(own_instance):
    """D33: 500 messages leaked database errors.  With half of the schema
    gone, every operation that there is answers without a word of SQL."""
    server = own_instance(LICET_PAYMENTS="sandbox")
    api = Api(server.url, server.admin_key)
    document = api.get("/v1/openapi.json")
    for table in ("products", "policies", "licenses", "invoices", "machines",
                  "settings", "webhook_endpoints", "discount_codes"):
        server.db.execute(f'ALTER TABLE {table} RENAME TO "gone_{table}"')
    failed = 0
    for method, path, body in operations(document):
        r = api.admin(method, path, body or None) if path.startswith(
            "/v1/admin") else api.public(method, path, body or None)
        if r.status_code < 400 or "json" not in r.headers["Content-Type"]:
            continue
        told = r.json()
        failed += r.status_code == 500
        if r.status_code == 500:
            refused(r, 500, "internal_error")
        if r.status_code >= 500:
            assert not SQL.search(told["message"]), (method, path, told)
    assert failed > 30
    assert api.get("/healthz") == {"ok": True}


def test_D33_nor_does_a_page(own_instance):
    """D33: pages neither."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    server.db.execute('ALTER TABLE invoices RENAME TO "gone"')
    r = api.public("GET", f"/thank-you?invoice_id={NOWHERE}")
    assert r.status_code >= 500
    assert "gone" not in r.text and "invoices" not in r.text
    assert "relation" not in r.text


# D35 What is stored in clear

def forms(secret):
    """A secret as a dump could have it: text, hexadecimal, base64."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1]
    yield base64.b32encode(raw).rstrip(b"=")[:-1]


def test_D35_a_dump_holds_no_secret(own_instance, btcpay, zaprite,
                                    vendor_shared):
    """D35: raw fingerprints, provider keys and the signing key were stored
    in clear.  All that is secret goes through the server, then the whole
    database is dumped as text and searched."""
    server = own_instance(LICET_WEBHOOK_PRIVATE="on", **btcpay.settings())
    api = Api(server.url, server.admin_key)
    prints = [new_slug("raw-fingerprint") for _ in range(4)]
    p = api.product()
    made = api.issue(p, max_machines=0)
    api.validate(made["license_key"], fingerprint=prints[0])
    api.activate(made["license_key"], prints[1])
    api.heartbeat(made["license_key"], prints[1])
    single = api.issue(p)
    api.validate(single["license_key"], fingerprint=prints[2])
    api.policy(p, slug="trial", is_recurring=True, renewal_period_days=30,
               trial_days=7)
    api.buy(p, policy_slug="trial", fingerprint=prints[3])
    api.buy(p)
    api.do("POST", "/zaprite/connect", {"api_key": zaprite.api_key,
                                        "base_url": zaprite.url})
    hook = api.do("POST", "/webhook-endpoints", {
        "url": vendor_shared.url + "/d35", "secret": new_slug("whsec")})
    made_up = api.do("POST", "/webhook-endpoints", {
        "url": vendor_shared.url + "/d35"})
    dump = subprocess.run(
        [f"{bin_dir()}/pg_dump", "--inserts", "-d",
         server.cluster.url(server.database)], check=True,
        capture_output=True, timeout=120).stdout
    assert made["license_id"].encode() in dump      # it is a dump of all that
    assert keys.hash_hex(prints[0]).encode() in dump
    secret = {
        **{f"fingerprint {n}": f for n, f in enumerate(prints)},
        "BTCPay key": btcpay.api_key,
        "BTCPay webhook secret": btcpay.webhook_secret,
        "Zaprite key": zaprite.api_key,
        "given webhook secret": hook["secret"],
        "made webhook secret": made_up["secret"],
        "made webhook secret's bytes": bytes.fromhex(made_up["secret"]),
        "master key": server.admin_key,
        "signing key": KNOWN_SEED,
        "license key": made["license_key"],
        "license key's signature": keys.parse(made["license_key"]).signature}
    for what, value in secret.items():
        for form in forms(value):
            assert form not in dump, (what, form)
    assert hashlib.sha256(server.admin_key.encode()).hexdigest().encode() \
        in dump                 # whose hash the audit names
    api.do("DELETE", f"/webhook-endpoints/{hook['id']}")
    api.do("DELETE", f"/webhook-endpoints/{made_up['id']}")
