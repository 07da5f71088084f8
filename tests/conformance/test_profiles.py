"""keysat.md 3.6, 3.1 (merchant_profile_id) and 4.9, row by row; D24, D26,
D31, D32."""
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from lib.check import NOWHERE, is_time, is_uuid
from lib.client import Api, expect, refused
from lib.connect import begin, browser, callback, connect, consent, profile, \
    status

PROFILE = {"id", "name", "legal_name", "support_url", "support_email",
           "brand_color", "post_purchase_redirect_url", "is_default",
           "smtp_configured", "smtp_host", "smtp_port", "smtp_username",
           "smtp_from", "created_at", "updated_at"}
PROVIDER = {"id", "kind", "label", "base_url", "store_id", "webhook_id",
            "connected_at", "served_rails"}


# Merchant profiles

def test_get_lists_the_default_first_each_with_providers(vendor):
    """3.6 `GET` -> {profiles:[...]} default first, each with providers[]."""
    profile(vendor)
    seen = vendor.do("GET", "/merchant-profiles")
    assert set(seen) == {"profiles"}
    assert [p["is_default"] for p in seen["profiles"]][0] is True
    for p in seen["profiles"]:
        assert set(p) == PROFILE | {"providers"}


def test_post_makes_a_profile(vendor):
    """3.6 `POST {name,...}` -> those fields, id, is_default, times."""
    p = profile(vendor, name="Ünternehmen")
    assert is_uuid(p["id"]) and is_time(p["created_at"])
    assert (p["name"], p["is_default"]) == ("Ünternehmen", False)


def test_get_one_adds_rails_and_counts(vendor):
    """3.6 `GET /:id` adds rail_preferences, product_count,
    active_subscription_count."""
    p = profile(vendor)
    got = vendor.do("GET", f"/merchant-profiles/{p['id']}")
    assert set(got) == PROFILE | {"providers", "rail_preferences",
                                  "product_count",
                                  "active_subscription_count"}


def test_D31_patch_null_clears(vendor):
    """3.6 `PATCH /:id` (null clears, D31)."""
    p = profile(vendor, legal_name="L", support_url="https://s.example")
    q = vendor.do("PATCH", f"/merchant-profiles/{p['id']}",
                  {"legal_name": None, "support_url": None})
    assert q["legal_name"] is q["support_url"] is None


def test_delete_400_if_default_or_with_products(vendor):
    """3.6 `DELETE /:id` -> {ok,id}, 400 if default or with products."""
    first = vendor.do("GET", "/merchant-profiles")["profiles"][0]
    refused(vendor.admin("DELETE", f"/merchant-profiles/{first['id']}"),
            400, "bad_request")
    p = profile(vendor)
    vendor.product(merchant_profile_id=p["id"])
    refused(vendor.admin("DELETE", f"/merchant-profiles/{p['id']}"), 400,
            "bad_request")
    q = profile(vendor)
    gone = vendor.do("DELETE", f"/merchant-profiles/{q['id']}")
    assert (gone["ok"], gone["id"]) == (True, q["id"])


def test_exactly_one_default_named_after_the_operator(own_instance):
    """3.6 Exactly one default from first boot, named after the operator."""
    server = own_instance(LICET_OPERATOR_NAME="Ada's Software")
    own = Api(server.url, server.admin_key, server.db)
    one, = own.do("GET", "/merchant-profiles")["profiles"]
    assert (one["is_default"], one["name"]) == (True, "Ada's Software")
    p = profile(own)
    assert own.do("POST", f"/merchant-profiles/{p['id']}/set-default") == {
        "ok": True, "id": p["id"]}
    assert [q["is_default"] for q in
            own.do("GET", "/merchant-profiles")["profiles"]] == [True, False]


def test_product_profile_unknown_404_null_default(vendor):
    """3.1 merchant_profile_id: null -> default; unknown 404."""
    p = profile(vendor)
    product = vendor.product(merchant_profile_id=p["id"])
    where = f"/products/{product['id']}"
    refused(vendor.admin("PATCH", where, {"merchant_profile_id": NOWHERE}),
            404, "not_found")
    assert vendor.do("PATCH", where, {"merchant_profile_id": None})[
        "merchant_profile_id"] is None


# Rails (3.6, 4.9)

@pytest.fixture
def both(vendor, btcpay, zaprite):
    """A profile with BTCPay, then Zaprite; (profile, btcpay id, zaprite
    id)."""
    p = profile(vendor)
    s = connect(vendor, btcpay, p["id"], btcpay.add_store())
    z = vendor.do("POST", "/zaprite/connect", {
        "api_key": zaprite.api_key, "base_url": zaprite.url,
        "merchant_profile_id": p["id"]})
    return p, s["provider_id"], z["provider_id"]


def test_provider_object(vendor, both):
    """3.6 Provider = id, kind, label, base_url, store_id, webhook_id,
    connected_at, served_rails[]; 4.9 which kind serves which rails."""
    p, btcpay_id, zaprite_id = both
    mine = vendor.do("GET", f"/merchant-profiles/{p['id']}")["providers"]
    assert [set(v) for v in mine] == [PROVIDER, PROVIDER]
    assert [v["id"] for v in mine] == [btcpay_id, zaprite_id]
    assert [set(v["served_rails"]) for v in mine] == [
        {"lightning", "onchain"}, {"lightning", "onchain", "card"}]


def test_rail_preference_must_be_on_the_profile_and_serve(vendor, both):
    """3.6 `PUT .../rail-preferences/:rail`: 400 unless on the profile and
    serving the rail."""
    p, btcpay_id, zaprite_id = both
    where = f"/merchant-profiles/{p['id']}/rail-preferences/"
    refused(vendor.admin("PUT", where + "card",
                         {"payment_provider_id": btcpay_id}), 400,
            "bad_request")
    other = f"/merchant-profiles/{profile(vendor)['id']}/rail-preferences/"
    refused(vendor.admin("PUT", other + "card",
                         {"payment_provider_id": zaprite_id}), 400,
            "bad_request")
    vendor.do("PUT", where + "card", {"payment_provider_id": zaprite_id})
    got = vendor.do("GET", f"/merchant-profiles/{p['id']}")
    assert got["rail_preferences"] == [
        {"rail": "card", "payment_provider_id": zaprite_id}]


# Connecting BTCPay

def test_connect_answer_and_link(vendor, btcpay, bare):
    """3.6 `POST /btcpay/connect`: answer, state and URL; D26: what tips need
    is asked for."""
    p = profile(vendor)
    begun = begin(vendor, p["id"])
    assert set(begun) == {"authorize_url", "state", "merchant_profile_id"}
    assert re.fullmatch("[A-Z2-7]{32}", begun["state"])
    assert begun["authorize_url"].startswith(
        f"{btcpay.url}/api-keys/authorize?applicationName=")
    query = parse_qs(urlsplit(begun["authorize_url"]).query)
    assert query["strict"] == query["selectiveStores"] == ["true"]
    assert callback(begun) == f"{bare.url}/v1/btcpay/authorize/callback" \
        f"?state={begun['state']}"
    assert set(query["permissions"]) >= {f"btcpay.store.{x}" for x in (
        "canviewstoresettings", "canmodifystoresettings", "canviewinvoices",
        "cancreateinvoice", "canmodifyinvoices", "canuselightningnode")}


def test_connect_409_if_the_profile_has_btcpay(vendor, btcpay):
    """3.6 409 if the profile already has BTCPay."""
    p = profile(vendor)
    connect(vendor, btcpay, p["id"], btcpay.add_store())
    refused(vendor.admin("POST", "/btcpay/connect",
                         {"merchant_profile_id": p["id"]}), 409, "conflict")


def test_callback_bad_state_401(vendor, bare):
    """3.6 callback: bad state 401."""
    url = bare.url + "/v1/btcpay/authorize/callback?state=AAAA"
    assert browser().post(url, data={"apiKey": "a"}).status_code == 401
    assert browser().get(url + "&apiKey=a").status_code == 401


def test_callback_no_store_400_else_the_first(vendor, btcpay):
    """3.6 callback: list stores (none -> 400), take the first."""
    p = profile(vendor)
    r = consent(btcpay, begin(vendor, p["id"]), apiKey=btcpay.add_key("x"))
    assert r.status_code == 400
    a, b = btcpay.add_store(), btcpay.add_store()
    key = btcpay.add_key(*[f"btcpay.store.canmodifystoresettings:{s.id}"
                           for s in (a, b)])
    r = consent(btcpay, begin(vendor, p["id"]), apiKey=key)
    assert r.status_code == 200
    assert status(vendor, p["id"])["store_id"] == a.id


def test_callback_registers_the_webhook(vendor, btcpay, bare):
    """3.6 callback: secret base32 of 32 bytes, webhook at
    <public>/v1/btcpay/webhook/<provider id>; HTML with the real status."""
    p, store = profile(vendor), btcpay.add_store()
    r = consent(btcpay, begin(vendor, p["id"]), store=store)
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith("text/html")
    hook, = store.hooks.values()
    assert hook.url.startswith(f"{bare.url}/v1/btcpay/webhook/")
    assert re.fullmatch("[A-Z2-7]{52}", hook.secret)
    assert {"InvoiceSettled", "InvoiceExpired", "InvoiceInvalid"} <= \
        set(hook.types) and hook.redelivers and not hook.everything


# Status

def test_btcpay_status(vendor, btcpay):
    """3.6 `GET /btcpay/status`."""
    p = profile(vendor)
    assert status(vendor, p["id"]) == {"connected": False}
    assert set(connect(vendor, btcpay, p["id"], btcpay.add_store())) == {
        "connected", "provider_id", "store_id", "webhook_id", "base_url",
        "label", "merchant_profile_id", "merchant_profile_name"}


def test_payment_methods(vendor, btcpay):
    """3.6 `GET /btcpay/payment-methods` -> {store_id,count,methods[]}."""
    p, store = profile(vendor), btcpay.add_store()
    connect(vendor, btcpay, p["id"], store)
    seen = vendor.do("GET", "/btcpay/payment-methods?merchant_profile_id="
                     + p["id"])
    assert seen["store_id"] == store.id
    assert seen["count"] == len(seen["methods"]) == 2


def test_payment_provider_status(vendor):
    """3.6 `GET /payment-provider/status`: of the default profile."""
    seen = vendor.do("GET", "/payment-provider/status")
    assert set(seen) == {"btcpay_configured", "zaprite_configured",
                         "preferred", "active", "merchant_profile_id",
                         "merchant_profile_name", "providers"}


# Disconnecting

def test_D24_disconnect_with_invoices(vendor, btcpay):
    """3.6 `POST /btcpay/disconnect`; D24: local first, invoices or not."""
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    bought = vendor.buy(vendor.product(merchant_profile_id=p["id"]))
    gone = vendor.do("POST", "/btcpay/disconnect",
                     {"provider_id": s["provider_id"]})
    assert set(gone) == {"ok", "noop", "provider_id", "store_id",
                         "webhook_id", "warnings"}
    assert (gone["ok"], gone["noop"]) == (True, False)
    assert not store.hooks and btcpay.granted.text not in btcpay.keys
    assert vendor.poll(bought)["status"] == "pending"


def test_disconnect_noop(vendor):
    """3.6 noop when there is none."""
    assert vendor.do("POST", "/btcpay/disconnect")["noop"] is True
    assert vendor.do("POST", "/zaprite/disconnect")["noop"] is True


# Zaprite

def test_zaprite_connect(vendor, zaprite, bare):
    """3.6 `POST /zaprite/connect`: key tried (502), 409 duplicate, answer."""
    p = profile(vendor)
    body = {"api_key": "wrong", "base_url": zaprite.url,
            "merchant_profile_id": p["id"]}
    refused(vendor.admin("POST", "/zaprite/connect", body), 502,
            "upstream_error")
    body["api_key"] = zaprite.api_key
    made = expect(vendor.admin("POST", "/zaprite/connect", body), 200)
    assert set(made) == {"ok", "provider", "provider_id",
                         "merchant_profile_id", "merchant_profile_name",
                         "label", "base_url", "webhook_url"}
    assert made["webhook_url"] == \
        f"{bare.url}/v1/zaprite/webhook/{made['provider_id']}"
    refused(vendor.admin("POST", "/zaprite/connect", body), 409, "conflict")


# D32

def test_D32_provider_of_the_environment_is_connected(own_instance, btcpay):
    """D32: the settings' BTCPay is connected to the default profile at boot;
    disconnecting leaves its key alone, since the next start needs it."""
    server = own_instance(**btcpay.settings())
    own = Api(server.url, server.admin_key, server.db)
    s = own.do("GET", "/btcpay/status")
    assert (s["connected"], s["store_id"]) == (True, btcpay.store_id)
    gone = own.do("POST", "/btcpay/disconnect")
    assert gone["noop"] is False and len(gone["warnings"]) == 1
    assert btcpay.api_key in btcpay.keys
    assert btcpay.api_key not in json.dumps(gone)
    assert own.do("GET", "/btcpay/status") == {"connected": False}
    server.replicas[0].stop()
    server.replicas[0].restart()
    assert own.do("GET", "/btcpay/status")["provider_id"] == \
        s["provider_id"]
