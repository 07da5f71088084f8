"""Disconnecting payment providers; Zaprite (3.6)."""
import json
import threading
import uuid

import pytest

from lib.check import NOWHERE, events
from lib.client import refused
from lib.connect import connect, profile, row, status


def nothing_connected(api, profile_id):
    return status(api, profile_id) == {"connected": False}


def leave(api, s, kind="btcpay"):
    return api.do("POST", f"/{kind}/disconnect",
                  {"provider_id": s["provider_id"]})


def test_disconnect(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    key = btcpay.granted.text
    vendor.do("PUT", f"/merchant-profiles/{p['id']}/rail-preferences/onchain",
              {"payment_provider_id": s["provider_id"]})
    assert leave(vendor, s) == {
        "ok": True, "noop": False, "provider_id": s["provider_id"],
        "store_id": store.id, "webhook_id": s["webhook_id"], "warnings": []}
    assert not store.hooks and key not in btcpay.keys
    assert nothing_connected(vendor, p["id"])
    kept = row(bare, s["provider_id"])
    assert kept["sealed_api_key"] is kept["sealed_webhook_secret"] is None
    got = vendor.do("GET", f"/merchant-profiles/{p['id']}")
    assert got["providers"] == got["rail_preferences"] == []
    assert len(events(bare, s["provider_id"],
                      "payment_provider.disconnect")) == 1
    again = leave(vendor, s)
    assert again["noop"] is True and again["warnings"] == []


def test_disconnect_of_nothing(vendor):
    assert vendor.do("POST", "/btcpay/disconnect", {}) == {
        "ok": True, "noop": True, "provider_id": None, "store_id": None,
        "webhook_id": None, "warnings": []}
    refused(vendor.admin("POST", "/btcpay/disconnect",
                         {"provider_id": NOWHERE}), 404, "not_found")
    refused(vendor.admin("POST", "/zaprite/disconnect",
                         {"provider_id": str(uuid.uuid4())}), 404,
            "not_found")


def test_disconnect_while_the_server_is_away(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    with btcpay.away():
        gone = leave(vendor, s)
    assert gone["ok"] is True and len(gone["warnings"]) == 2
    assert nothing_connected(vendor, p["id"])
    assert row(bare, s["provider_id"])["sealed_api_key"] is None
    # The webhook that was left behind is used again.
    back = connect(vendor, btcpay, p["id"], store)
    assert (back["provider_id"], back["webhook_id"]) == \
        (s["provider_id"], s["webhook_id"])


def test_disconnect_what_is_gone_there_already(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    store.hooks.clear()
    assert leave(vendor, s)["warnings"] == []


def test_disconnect_when_the_key_was_revoked_there(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    btcpay.revoke(btcpay.granted.text)
    gone = leave(vendor, s)
    assert len(gone["warnings"]) == 1 and "webhook" in gone["warnings"][0]


def test_D24_disconnect_with_invoices_and_connect_again(vendor, btcpay,
                                                        bare):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    product = vendor.product(merchant_profile_id=p["id"])
    bought = vendor.buy(product)
    gone = leave(vendor, s)
    assert len(gone["warnings"]) == 1 and "unpaid" in gone["warnings"][0]
    refused(vendor.public("POST", "/v1/purchase",
                          {"product": product["slug"]}), 400, "bad_request")
    hook = f"/v1/btcpay/webhook/{s['provider_id']}"
    assert vendor.public("POST", hook, {}).status_code == 404
    back = connect(vendor, btcpay, p["id"], store)
    assert back["provider_id"] == s["provider_id"]
    sent = btcpay.pay(bought["btcpay_invoice_id"])
    assert {d.status for d in sent if d.target.startswith(bare.url)} == {200}
    assert vendor.poll(bought)["status"] == "settled"


def test_store_moves_to_another_profile(vendor, btcpay):
    p, other, store = profile(vendor), profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    leave(vendor, s)
    moved = connect(vendor, btcpay, other["id"], store)
    assert moved["provider_id"] == s["provider_id"]
    assert moved["merchant_profile_id"] == other["id"]
    assert nothing_connected(vendor, p["id"])


def test_D24_delete_of_a_profile_disconnects_its_provider(
        vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    product = vendor.product(merchant_profile_id=p["id"])
    bought = vendor.buy(product)
    vendor.do("PATCH", f"/products/{product['id']}",
              {"merchant_profile_id": None})
    gone = vendor.do("DELETE", f"/merchant-profiles/{p['id']}")
    assert (gone["ok"], gone["id"], gone["warnings"]) == (True, p["id"], [])
    assert not store.hooks and btcpay.granted.text not in btcpay.keys
    kept = row(bare, s["provider_id"])
    assert kept["disconnected_at"] is not None
    assert kept["sealed_api_key"] is None
    assert vendor.poll(bought)["status"] == "pending"


# Zaprite

def join(api, zaprite, **fields):
    return api.admin("POST", "/zaprite/connect", {
        "api_key": zaprite.api_key, "base_url": zaprite.url, **fields})


def test_zaprite(vendor, zaprite, bare):
    p = profile(vendor)
    r = join(vendor, zaprite, merchant_profile_id=p["id"], label="Cards",
             base_url=zaprite.url + "/")
    assert r.status_code == 200, r.text
    made = r.json()
    assert made == {
        "ok": True, "provider": "zaprite",
        "provider_id": made["provider_id"],
        "merchant_profile_id": p["id"], "merchant_profile_name": p["name"],
        "label": "Cards", "base_url": zaprite.url, "webhook_url":
            f"{bare.url}/v1/zaprite/webhook/{made['provider_id']}"}
    assert status(vendor, p["id"], "zaprite") == {
        "connected": True, **{k: made[k] for k in (
            "provider_id", "base_url", "label", "webhook_url",
            "merchant_profile_id", "merchant_profile_name")}}
    mine, = vendor.do("GET", f"/merchant-profiles/{p['id']}")["providers"]
    assert mine["served_rails"] == ["card", "lightning", "onchain"]
    assert mine["store_id"] is None
    kept = row(bare, made["provider_id"])
    assert zaprite.api_key.encode() not in bytes(kept["sealed_api_key"])
    refused(join(vendor, zaprite, merchant_profile_id=p["id"]), 409,
            "conflict")
    gone = leave(vendor, made, "zaprite")
    assert (gone["ok"], gone["noop"]) == (True, False)
    assert row(bare, made["provider_id"])["sealed_api_key"] is None
    assert status(vendor, p["id"], "zaprite") == {"connected": False}
    assert leave(vendor, made, "zaprite")["noop"] is True
    told = json.dumps(bare.rows("SELECT details FROM events"), default=str)
    assert zaprite.api_key not in told
    assert join(vendor, zaprite,
                merchant_profile_id=p["id"]).status_code == 200


def test_zaprite_key_is_tried(vendor, zaprite):
    p = profile(vendor)
    refused(join(vendor, zaprite, merchant_profile_id=p["id"],
                 api_key="wrong"), 502, "upstream_error")
    with zaprite.away():
        refused(join(vendor, zaprite, merchant_profile_id=p["id"]), 502,
                "upstream_error")
    assert status(vendor, p["id"], "zaprite") == {"connected": False}


@pytest.mark.parametrize("fields", [
    {"api_key": ""}, {"api_key": "a\r\nb"}, {"api_key": None},
    {"base_url": "ftp://x"}, {"label": ""}])
def test_zaprite_bad_fields_are_400(vendor, zaprite, fields):
    refused(join(vendor, zaprite, **fields), 400, "bad_request")


def test_zaprite_for_an_unknown_profile_is_404(vendor, zaprite):
    refused(join(vendor, zaprite, merchant_profile_id=NOWHERE), 404,
            "not_found")


def test_zaprite_twice_at_once(vendor, zaprite):
    p = profile(vendor)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(
        join(vendor, zaprite, merchant_profile_id=p["id"]).status_code))
        for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(codes) == [200] + 5 * [409]
