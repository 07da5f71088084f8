"""docs/errors.md, code by code: each that the page lists is brought about, has
the status that the page says, and comes in the envelope."""
import re
import threading

import pytest

from lib.check import NOWHERE
from lib.client import Api, new_address, new_slug
from lib.customer import customer
from lib.idempotency import keyed, new_key
from lib.process import wait_for
from lib.replica import run_ctl
from lib.selflicense import UPGRADE_URL, root_pem
from lib.wire import Wire, get, post


def listed():
    """{code: status} of the page, as the binary writes it now."""
    page = run_ctl({}, "docs", "errors").stdout
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \| (.+) \|$", page, re.M)
    assert all(meaning.strip().endswith(".") for _, _, meaning in rows)
    return {code: int(status) for code, status, _ in rows}


@pytest.fixture(scope="module")
def place(make_instance):
    """Where every fault can happen: capped, impatient, without provider."""
    return make_instance(
        LICET_PAYMENTS="none", LICET_HEADER_TIMEOUT=1,
        LICET_REQUEST_TIMEOUT_MS=1500, LICET_TRUST_ROOT=root_pem(),
        LICET_UPGRADE_URL=UPGRADE_URL, LICET_WORKERS=1)


@pytest.fixture
def client(place):
    yield Api(place.url, place.admin_key, place.db)
    place.check_workers()


def wire(place, data):
    with Wire(place) as w:
        w.send(data)
        a = w.answer()
        return a.status, a.json(), a.headers


def product(client, **fields):
    return client.admin("POST", "/products", {
        "slug": new_slug(), "name": "n", "price_sats": 1, **fields})


def twice(client, place):
    code = {"code": new_slug("C"), "kind": "percent", "amount": 1}
    return [client.admin("POST", "/discount-codes", code)
            for _ in range(2)][1]


def capped(client, place):
    """Creators have five products."""
    return [product(client) for _ in range(6)][-1]


def key_reused(client, place):
    key = new_key()
    return [client.admin("POST", "/licenses", {"product_slug": slug},
                         **keyed(key)) for slug in ("none", "another")][1]


def key_running(client, place):
    """The first waits for a row that somebody has."""
    key = new_key()
    p = place.row("SELECT id FROM products LIMIT 1") or \
        product(client).json()
    path = f"/v1/admin/products/{p['id']}/active"

    def ask():
        return client.call("PATCH", path, {"active": True}, token=client
                           .admin_key, **keyed(key))
    with place.db.transaction():
        place.db.execute("SELECT 1 FROM products WHERE id = %s FOR UPDATE",
                         [p["id"]])
        other = threading.Thread(target=ask)
        other.start()
        wait_for(lambda: place.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname ="
            " current_database() AND wait_event_type = 'Lock'"), 60,
            "the first one waits")
        r = ask()
    other.join(60)
    return r


def limited(client, place):
    ip = new_address()

    def ask():
        return client.public("POST", "/v1/redeem", {"product": "x",
                                                    "code": "y"}, ip=ip)
    wait_for(lambda: ask().status_code == 429, 60, "it is limited", pause=0)
    return ask()


def broken(client, place):
    place.db.execute("ALTER TABLE exchange_rates RENAME TO elsewhere")
    try:
        return client.admin("GET", "/rates")
    finally:
        place.db.execute("ALTER TABLE elsewhere RENAME TO exchange_rates")


def stuck(client, place):
    with place.db.transaction():
        place.db.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        return client.public("GET", "/v1/products")


def unsure(client, place):
    """Who was let in long ago wants all that is kept about him."""
    return customer(place, "ann@example.com", fresh=False).ask(
        "GET", "/v1/portal/data")


ADMIN = "/v1/admin/products"
FAULTS = {
    "bad_request": lambda c, p: product(c, slug="Not a slug"),
    "license_invalid": lambda c, p: c.admin("POST", "/self-license",
                                            {"license_key": "x"}),
    "unauthorized": lambda c, p: c.call("GET", ADMIN),
    "tier_cap": capped,
    "forbidden": lambda c, p: c.call("GET", ADMIN, token="x" * 40),
    "confirm_required": unsure,
    "not_found": lambda c, p: c.admin("GET", f"/licenses/{NOWHERE}"),
    "method_not_allowed": lambda c, p: c.public("GET", "/v1/validate"),
    "request_timeout": lambda c, p: wire(p, b"GET /healthz HTTP/1.1\r\n"),
    "conflict": twice,
    "no_mail": lambda c, p: c.public("POST", "/v1/portal/sign-in",
                                     {"email": "ann@example.com"}),
    "idempotency_running": key_running,
    "payload_too_large": lambda c, p: wire(p, post(b"", length=2097153)),
    "uri_too_long": lambda c, p: wire(p, get(path="/" + "a" * 2500)),
    "expectation_failed": lambda c, p: wire(p, post(
        b"{}", extra="Expect: tea\r\n")),
    "idempotency_mismatch": key_reused,
    "rate_limited": limited,
    "request_header_fields_too_large": lambda c, p: wire(p, get(
        "X: " + "y" * 9000)),
    "internal_error": broken,
    "not_implemented": lambda c, p: wire(p, get(
        "Transfer-Encoding: chunked")),
    "upstream_error": lambda c, p: c.admin("POST", "/rates/refresh",
                                           {"currency": "USD"}),
    "service_unavailable": stuck,
    "btcpay_not_configured": lambda c, p: c.public(
        "POST", "/v1/btcpay/webhook", {"type": "x"}),
    "http_version_not_supported": lambda c, p: wire(p, get(
        version="HTTP/1.2")),
}
AGAIN = {"rate_limited", "service_unavailable", "idempotency_running"}


def test_page_lists_what_is_tried_here():
    """A code that is new gets its line above."""
    assert set(listed()) == set(FAULTS)


@pytest.mark.parametrize("code", FAULTS)
def test_fault(client, place, code):
    got = FAULTS[code](client, place)
    if not isinstance(got, tuple):
        got = got.status_code, got.json(), {
            k.lower(): v for k, v in got.headers.items()}
    status, body, headers = got
    assert (body["error"], status) == (code, listed()[code]), body
    assert body["ok"] is False and body["message"]
    assert headers["content-type"].startswith("application/json")
    assert headers["access-control-allow-origin"] == "*"
    if code in AGAIN:
        assert int(headers["retry-after"]) >= 1
    if code == "tier_cap":
        assert body["upgrade_url"] == UPGRADE_URL
