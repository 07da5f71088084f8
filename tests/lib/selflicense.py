"""This server's own license: trust roots, and keys that they sign."""
import base64
import time
import uuid

from nacl.signing import SigningKey

from lib import keys
from lib.client import Api, refused
from lib.instance import KNOWN_SEED

FOREIGN_SEED = bytes(range(100, 132))   # no ring has it
UPGRADE_URL = "https://licenses.example/upgrade?from=here"
ALL = ("unlimited_products", "unlimited_policies", "unlimited_codes",
       "unlimited_merchant_profiles", "recurring_billing",
       "zaprite_payments")
DAY = 86400


def root_pem(seed=FOREIGN_SEED):
    der = keys.SPKI + bytes(SigningKey(seed).verify_key)
    return "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % \
        base64.b64encode(der).decode()


def make_key(*entitlements, seed=FOREIGN_SEED, license_id=None,
             product_id=None, expires_at=0):
    return keys.Key(product_id=product_id or str(uuid.uuid4()),
                    license_id=license_id or str(uuid.uuid4()),
                    issued_at=int(time.time()), expires_at=int(expires_at),
                    entitlements=entitlements).signed(seed)


def key_of(license, *entitlements, seed=KNOWN_SEED, **fields):
    """A key for a license that the server itself issued, as the trust root
    signs it who is one of its own signing keys."""
    return make_key(*entitlements, seed=seed,
                    license_id=license["license_id"],
                    product_id=license["product_id"], **fields)


def api_of(server):
    return Api(server.url, server.admin_key, server.db)


def store(api, key):
    """The answer of a POST that must succeed."""
    return api.do("POST", "/self-license", {"license_key": key})


def standing(api):
    """"licensed", or the reason why not."""
    got = api.do("GET", "/self-license")
    return got["reason"] if got["tier"] == "unlicensed" else got["tier"]


def capped(response):
    """The answer is a 402 that says where to upgrade."""
    body = refused(response, 402, "tier_cap")
    assert body["upgrade_url"] == UPGRADE_URL
    return body
