"""Merchant profiles, and BTCPay servers connected to them by consent."""
from urllib.parse import parse_qs, urlsplit

import requests

from lib.client import new_address, new_slug


def profile(api, **fields):
    return api.do("POST", "/merchant-profiles",
                  {"name": new_slug("shop"), **fields})


def begin(api, profile_id=None):
    """The answer of connect: authorize_url, state, merchant_profile_id."""
    body = {} if profile_id is None else {"merchant_profile_id": profile_id}
    return api.do("POST", "/btcpay/connect", body)


def callback(begun):
    return parse_qs(urlsplit(begun["authorize_url"]).query)["redirect"][0]


def browser():
    """One with an address of its own, for the limits."""
    session = requests.Session()
    session.trust_env = False
    session.headers["X-Forwarded-For"] = new_address()
    return session


def consent(fake, begun, **how):
    """What the browser gets after its user said yes."""
    return fake.authorize(begun["authorize_url"], session=browser(), **how)


def connect(api, fake, profile_id=None, store=None, **how):
    """Connects a store of the fake's; its status."""
    begun = begin(api, profile_id)
    r = consent(fake, begun, store=store, **how)
    assert r.status_code == 200, r.text
    return status(api, begun["merchant_profile_id"])


def status(api, profile_id, kind="btcpay"):
    return api.do("GET", f"/{kind}/status?merchant_profile_id={profile_id}")


def row(server, provider_id):
    one, = server.rows("SELECT * FROM payment_providers WHERE id = %s",
                       provider_id)
    return one
