"""Stores, API keys and registered webhooks of the fake BTCPay Server."""
import hashlib
import secrets

from fake import bolt11
from fake.btcpay_invoice import base58, invalid
from fake.wire import Refusal

# A permission and those it brings along (PolicyDefinition of the original).
STORE = "btcpay.store."
INCLUDES = {
    "canmodifystoresettings": (
        "canmanagepullpayments", "canmodifyinvoices", "canviewstoresettings",
        "webhooks.canmodifywebhooks", "canmanagepayouts",
        "canuselightningnode", "canviewwallet"),
    "canviewstoresettings": ("canviewinvoices", "canviewpullpayments",
                             "canviewpayouts"),
    "canmodifyinvoices": ("canviewinvoices", "cancreateinvoice"),
    "canmanagepullpayments": ("cancreatepullpayments",
                              "canarchivepullpayments"),
    "cancreatepullpayments": ("cancreatenonapprovedpullpayments",),
    "cancreatenonapprovedpullpayments": ("canviewpullpayments",),
    "canmanagepayouts": ("canviewpayouts",),
}
NETWORKS = {"mainnet": "bc", "testnet": "tb", "signet": "tb",
            "regtest": "bcrt"}
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
VERSIONS = {"mainnet": (0x00, 0x05), "testnet": (0x6F, 0xC4),
            "signet": (0x6F, 0xC4), "regtest": (0x6F, 0xC4)}


def brings(permission):
    """The permission itself and everything below it."""
    out, todo = set(), [permission]
    while todo:
        name = todo.pop()
        if name not in out:
            out.add(name)
            todo += INCLUDES.get(name, ())
    return out


def base58check(payload):
    check = hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    data = payload + check
    value, text = int.from_bytes(data, "big"), ""
    while value:
        value, digit = divmod(value, 58)
        text = B58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def new_address(network, kind="segwit"):
    """A receive address: segwit, or of the old kinds p2pkh and p2sh."""
    program = secrets.token_bytes(20)
    if kind == "segwit":
        return bolt11.bech32(NETWORKS[network],
                             [0] + bolt11.to_words(program))
    version = VERSIONS[network][kind == "p2sh"]
    return base58check(bytes([version]) + program)


class Store:
    def __init__(self, name="Test store", network="mainnet"):
        self.id = base58(44)
        self.name, self.network = name, network
        self.address_kind = "segwit"
        self.methods = {"BTC-CHAIN": True, "BTC-LN": True}
        self.has_wallet = True
        self.hooks = {}
        self.reserved = None

    def address(self):
        return new_address(self.network, self.address_kind)

    def receive_address(self, fresh=False):
        if self.reserved is None or fresh:
            self.reserved = self.address()
        return self.reserved

    def json(self):
        return {"id": self.id, "name": self.name, "website": None,
                "defaultCurrency": "USD", "invoiceExpiration": 900,
                "monitoringExpiration": 86400, "archived": False,
                "speedPolicy": "MediumSpeed", "paymentTolerance": 0.0,
                "networkFeeMode": "MultiplePaymentsOnly",
                "anyoneCanCreateInvoice": False}


class Key:
    """Permissions as BTCPay writes them: policy, or policy:store id."""

    def __init__(self, permissions, label="test", identity=None):
        self.text = secrets.token_hex(20)
        self.permissions = list(permissions)
        self.label = label
        self.identity = identity    # (application, redirect) of a consent

    def allows(self, policy, store_id):
        for text in self.permissions:
            name, _, scope = text.partition(":")
            if name == "unrestricted":
                return True
            if scope in ("", store_id) and \
                    policy in brings(name.removeprefix(STORE)):
                return True
        return False

    def stores(self, all_ids):
        """What it may see of which stores."""
        return [i for i in all_ids if self.allows("canviewstoresettings", i)]

    def json(self):
        return {"apiKey": self.text, "label": self.label,
                "permissions": self.permissions}


class Hook:
    """A registered webhook."""

    def __init__(self, body):
        self.id = base58(22)
        self.update(body)
        self.secret = self.secret or base58(22)

    def update(self, body):
        url = (body or {}).get("url")
        if not isinstance(url, str) or "://" not in url:
            raise invalid(("Url", "Invalid Url"))
        self.url = url
        self.secret = body.get("secret") or getattr(self, "secret", None)
        self.enabled = body.get("enabled", True)
        self.redelivers = body.get("automaticRedelivery", True)
        events = body.get("authorizedEvents") or {"everything": True}
        self.everything = events.get("everything", True)
        self.types = list(events.get("specificEvents") or [])

    def wants(self, kind):
        return self.enabled and (self.everything or kind in self.types)

    def json(self, with_secret=False):
        return {"id": self.id, "enabled": self.enabled,
                "automaticRedelivery": self.redelivers, "url": self.url,
                "authorizedEvents": {"everything": self.everything,
                                     "specificEvents": self.types},
                "secret": self.secret if with_secret else None}


def unauthenticated(text):
    return Refusal(401, {"code": "unauthenticated", "message": text})


def missing(policy):
    name = STORE + policy
    return Refusal(403, {
        "missingPermission": name, "code": "missing-permission",
        "message": "Insufficient API Permissions. Please use an API key with"
        f' permission "{name}". You can create an API key in your account\'s'
        " settings / Api Keys."})
