"""Connecting and disconnecting payment providers (3.6)."""
import hashlib
import json
import re
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from lib.check import NOWHERE, events
from lib.client import Api, expect, refused
from lib.connect import (begin, browser, callback, connect, consent, profile,
                         row, status)
from lib.process import wait_for
from lib.roles import make_key

SCOPED = [f"btcpay.store.{p}" for p in (
    "canviewstoresettings", "canmodifystoresettings", "canviewinvoices",
    "cancreateinvoice", "canmodifyinvoices", "webhooks.canmodifywebhooks",
    "canuselightningnode", "cancreatepullpayments")]
EVENTS = {"InvoiceSettled", "InvoiceExpired", "InvoiceInvalid",
          "InvoiceProcessing", "InvoiceExpiredPaidPartial",
          "InvoicePaidAfterExpiration", "InvoicePaymentSettled",
          "InvoiceReceivedPayment"}


def html(r, status_code):
    assert r.status_code == status_code, r.text
    assert r.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in r.headers["Content-Security-Policy"]
    return r.text


def nothing_connected(api, profile_id):
    return status(api, profile_id) == {"connected": False}


# Beginning

def test_connect_gives_a_link_to_the_consent_page(vendor, btcpay, bare):
    p = profile(vendor)
    begun = begin(vendor, p["id"])
    assert set(begun) == {"authorize_url", "state", "merchant_profile_id"}
    assert begun["merchant_profile_id"] == p["id"]
    assert re.fullmatch("[A-Z2-7]{32}", begun["state"])
    url = urlsplit(begun["authorize_url"])
    assert f"{url.scheme}://{url.netloc}" == btcpay.url
    assert url.path == "/api-keys/authorize"
    query = parse_qs(url.query)
    assert query["permissions"] == SCOPED
    assert query["redirect"] == [
        f"{bare.url}/v1/btcpay/authorize/callback?state={begun['state']}"]
    assert query["strict"] == query["selectiveStores"] == ["true"]
    assert query["applicationName"] == ["Licet"]
    kept = bare.rows("SELECT * FROM btcpay_authorize_states WHERE"
                     " merchant_profile_id = %s", p["id"])
    assert [bytes(k["state_hash"]) for k in kept] == \
        [hashlib.sha256(begun["state"].encode()).digest()]
    assert begun["state"] not in json.dumps(kept, default=str)


def test_connect_of_an_unknown_profile_is_404(vendor):
    refused(vendor.admin("POST", "/btcpay/connect",
                         {"merchant_profile_id": NOWHERE}), 404, "not_found")


def test_connect_without_a_server_to_connect_is_503(api):
    refused(api.admin("POST", "/btcpay/connect", {}), 503,
            "btcpay_not_configured")


def test_browser_url_is_used_and_falls_through(own_instance, btcpay):
    server = own_instance(LICET_PAYMENTS="none",
                          LICET_BTCPAY_URL=btcpay.url,
                          LICET_BTCPAY_BROWSER_URL="https://pay.example/")
    own = Api(server.url, server.admin_key, server.db)
    begun = begin(own)
    assert begun["authorize_url"].startswith(
        "https://pay.example/api-keys/authorize?")
    r = btcpay.authorize(begun["authorize_url"].replace(
        "https://pay.example", btcpay.url))
    html(r, 200)
    bought = own.buy(own.product())
    assert bought["checkout_url"].startswith("https://pay.example/i/")


# Consent

@pytest.mark.parametrize("shape", ["form", "json", "query"])
def test_consent_connects(vendor, btcpay, bare, shape):
    p, store = profile(vendor), btcpay.add_store("Corner <shop>")
    begun = begin(vendor, p["id"])
    text = html(consent(btcpay, begun, store=store,
                                 shape=shape), 200)
    assert "Corner &lt;shop&gt;" in text and "<shop>" not in text
    assert btcpay.granted.text not in text and "lacks" not in text
    s = status(vendor, p["id"])
    hook, = store.hooks.values()
    assert s == {"connected": True, "provider_id": s["provider_id"],
                 "store_id": store.id, "webhook_id": hook.id,
                 "base_url": btcpay.url, "label": "Corner <shop>",
                 "merchant_profile_id": p["id"],
                 "merchant_profile_name": p["name"]}
    assert hook.url == \
        f"{bare.url}/v1/btcpay/webhook/{s['provider_id']}"
    assert not hook.everything and set(hook.types) == EVENTS
    assert re.fullmatch("[A-Z2-7]{52}", hook.secret)
    mine, = vendor.do("GET", f"/merchant-profiles/{p['id']}")["providers"]
    assert (mine["id"], mine["kind"], mine["store_id"]) == \
        (s["provider_id"], "btcpay", store.id)
    assert mine["served_rails"] == ["lightning", "onchain"]
    event, = events(bare, s["provider_id"], "payment_provider.connect")
    assert event["actor_kind"] == "admin_api_key"
    assert event["details"]["store_id"] == store.id


def test_secrets_are_sealed_and_told_to_nobody(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    hook, = store.hooks.values()
    secrets = (btcpay.granted.text, hook.secret)
    kept = row(bare, s["provider_id"])
    for secret in secrets:
        for column in ("sealed_api_key", "sealed_webhook_secret"):
            assert secret.encode() not in bytes(kept[column])
    told = json.dumps([vendor.do("GET", "/merchant-profiles"), s,
                       vendor.do("GET", "/payment-provider/status"),
                       bare.rows("SELECT details FROM events")],
                      default=str)
    for secret in secrets:
        assert secret not in told
        for replica in bare.replicas:
            assert secret not in replica.log()


def test_sold_through_the_connected_store(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    connect(vendor, btcpay, p["id"], store)
    product = vendor.product(merchant_profile_id=p["id"])
    bought = vendor.buy(product)
    assert btcpay.invoices[bought["btcpay_invoice_id"]].store is store
    sent = btcpay.pay(bought["btcpay_invoice_id"])
    ours = [d for d in sent if d.target.startswith(bare.url)]
    assert ours and all(d.status == 200 for d in ours)
    assert vendor.poll(bought)["status"] == "settled"


@pytest.mark.parametrize("state", [
    None, "", "A", "A" * 32, "A" * 200, "%00", "%ff", "'--"])
def test_unknown_state_is_401(vendor, bare, state, btcpay):
    url = bare.url + "/v1/btcpay/authorize/callback"
    if state is not None:
        url += "?state=" + state
    r = vendor.public("POST", url, data={"apiKey": btcpay.api_key})
    assert r.status_code == (400 if state in ("%00", "%ff") else 401)
    r = vendor.public("GET", url + ("&" if state is not None else "?") +
                      "apiKey=" + btcpay.api_key)
    assert r.status_code == (400 if state in ("%00", "%ff") else 401)


def test_state_is_good_for_once(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    begun = begin(vendor, p["id"])
    html(consent(btcpay, begun, store=store), 200)
    html(consent(btcpay, begun, store=store), 401)


def test_state_is_good_for_once_however_many_come(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store()
    begun = begin(vendor, p["id"])
    key = btcpay.add_key(*SCOPED)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(requests.post(
        callback(begun), data={"apiKey": key}, timeout=30).status_code))
        for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(codes)[:1] != [500] and codes.count(401) == 7
    del store


def test_state_ends_after_30_minutes(own_instance, btcpay):
    server = own_instance(movable=True, LICET_PAYMENTS="none",
                          LICET_BTCPAY_URL=btcpay.url)
    own = Api(server.url, server.admin_key, server.db)
    late, good = begin(own), begin(own)
    server.clock.move(seconds=29 * 60)
    html(consent(btcpay, good), 200)
    server.clock.move(seconds=61)
    html(consent(btcpay, late), 401)
    profile_id = profile(own)["id"]
    begin(own, profile_id)
    assert server.value("SELECT count(*) FROM btcpay_authorize_states") == 1


def test_refusal_of_the_owner_is_400_and_ends_it(vendor, btcpay):
    p = profile(vendor)
    begun = begin(vendor, p["id"])
    r = browser().get(callback(begun) + "&error=access_denied", timeout=30)
    assert "access_denied" not in html(r, 400)
    assert nothing_connected(vendor, p["id"])
    html(consent(btcpay, begun), 401)


@pytest.mark.parametrize("body", [
    b"", b"apiKey=", b"apiKey=a%0d%0ab", b"apiKey=a/../b", b"{",
    b'{"apiKey":5}', b'["apiKey"]', b"apiKey=" + b"a" * 201, b"\0",
    b"apiKey=%zz", b"userId=x"])
def test_no_key_is_400(vendor, body):
    begun = begin(vendor, profile(vendor)["id"])
    html(browser().post(callback(begun), data=body, timeout=30), 400)


def test_unknown_key_is_400(vendor, btcpay):
    p = profile(vendor)
    r = consent(btcpay, begin(vendor, p["id"]),
                         apiKey="f" * 40)
    html(r, 400)
    assert nothing_connected(vendor, p["id"])


def test_key_without_stores_is_400(vendor, btcpay):
    p = profile(vendor)
    key = btcpay.add_key("btcpay.user.canviewprofile")
    r = consent(btcpay, begin(vendor, p["id"]),
                         apiKey=key)
    assert "store" in html(r, 400)


def test_key_that_lacks_what_is_needed_is_400(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    key = btcpay.add_key(f"btcpay.store.canviewstoresettings:{store.id}")
    r = consent(btcpay, begin(vendor, p["id"]),
                         apiKey=key)
    assert "btcpay.store.cancreateinvoice" in html(r, 400)
    assert nothing_connected(vendor, p["id"]) and not store.hooks


def test_key_that_lacks_extras_is_connected_and_says_so(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    key = btcpay.add_key(*[f"btcpay.store.{x}:{store.id}" for x in (
        "canviewstoresettings", "canmodifyinvoices",
        "webhooks.canmodifywebhooks")])
    r = consent(btcpay, begin(vendor, p["id"]),
                         apiKey=key)
    assert "btcpay.store.canuselightningnode" in html(r, 200)
    assert status(vendor, p["id"])["connected"] is True


@pytest.mark.parametrize("kind", [
    "garbage", "html", "empty", "null", "types", "500", "truncated"])
def test_provider_that_makes_no_sense_is_502(vendor, btcpay, kind):
    p, store = profile(vendor), btcpay.add_store()
    begun = begin(vendor, p["id"])
    key = btcpay.add_key(*[f"{x}:{store.id}" for x in SCOPED])
    btcpay.wrong(kind)
    r = browser().post(callback(begun), data={"apiKey": key}, timeout=30)
    assert html(r, r.status_code) and r.status_code in (400, 502)
    btcpay.wrong(None)
    assert nothing_connected(vendor, p["id"])
    connect(vendor, btcpay, p["id"], store)


def test_provider_that_is_away_is_502(vendor, btcpay):
    p = profile(vendor)
    begun = begin(vendor, p["id"])
    with btcpay.away():
        html(browser().post(callback(begun), data={"apiKey": "a" * 40},
                           timeout=30), 502)
    assert nothing_connected(vendor, p["id"])


# Only play money for those who may connect no other

def begin_scoped(vendor, profile_id):
    """Begun by a key that holds payment_providers:write; and its token."""
    token = make_key(vendor, scopes=["payment_providers:write"])["token"]
    return expect(vendor.call("POST", "/v1/admin/btcpay/connect",
                              {"merchant_profile_id": profile_id},
                              token=token), 200), token


def test_audit_knows_which_key_connected(vendor, btcpay, bare):
    """0: actor = SHA-256 of the token, for what the browser brings, too."""
    p, store = profile(vendor), btcpay.add_store(network="regtest")
    begun, token = begin_scoped(vendor, p["id"])
    html(consent(btcpay, begun, store=store), 200)
    provider = status(vendor, p["id"])["provider_id"]
    event, = events(bare, provider, "payment_provider.connect")
    assert (event["actor_kind"], event["actor_hash"]) == (
        "scoped_api_key", hashlib.sha256(token.encode()).hexdigest())


@pytest.mark.parametrize("network,kind,code", [
    ("mainnet", "segwit", 400), ("mainnet", "p2pkh", 400),
    ("mainnet", "p2sh", 400), ("testnet", "segwit", 200),
    ("testnet", "p2pkh", 200), ("testnet", "p2sh", 200),
    ("regtest", "segwit", 200)])
def test_scoped_initiator_needs_a_test_network(vendor, btcpay, bare,
                                               network, kind, code):
    p, store = profile(vendor), btcpay.add_store(network=network)
    store.address_kind = kind
    begun = begin_scoped(vendor, p["id"])[0]
    html(consent(btcpay, begun, store=store), code)
    assert nothing_connected(vendor, p["id"]) == (code != 200)


def test_scoped_initiator_and_a_store_without_wallet(vendor, btcpay, bare):
    p, store = profile(vendor), btcpay.add_store(network="regtest")
    store.has_wallet = False
    begun = begin_scoped(vendor, p["id"])[0]
    html(consent(btcpay, begun, store=store), 400)


# One store, one profile

def test_second_server_of_a_profile_is_409(vendor, btcpay):
    p = profile(vendor)
    begun = begin(vendor, p["id"])      # begun before, finished after
    connect(vendor, btcpay, p["id"], btcpay.add_store())
    refused(vendor.admin("POST", "/btcpay/connect",
                         {"merchant_profile_id": p["id"]}), 409, "conflict")
    html(consent(btcpay, begun,
                          store=btcpay.add_store()), 409)


def test_store_of_another_profile_is_409(vendor, btcpay):
    p, other, store = profile(vendor), profile(vendor), btcpay.add_store()
    mine = connect(vendor, btcpay, p["id"], store)
    r = consent(btcpay, begin(vendor, other["id"]),
                         store=store)
    assert "another profile" in html(r, 409)
    assert status(vendor, p["id"]) == mine
    hook, = store.hooks.values()
    assert hook.id == mine["webhook_id"]


def test_both_try_for_one_store_at_once(vendor, btcpay, bare):
    """One wins, and its webhook works."""
    profiles, store = [profile(vendor) for _ in range(6)], \
        btcpay.add_store()
    key = btcpay.add_key(*[f"{x}:{store.id}" for x in SCOPED])
    urls = [callback(begin(vendor, p["id"])) for p in profiles]
    codes = []
    threads = [threading.Thread(target=lambda u=u: codes.append(
        browser().post(u, data={"apiKey": key}, timeout=30).status_code))
        for u in urls]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(codes) == [200] + 5 * [409]
    winner, = [p for p in profiles
               if status(vendor, p["id"])["connected"]]
    bought = vendor.buy(vendor.product(merchant_profile_id=winner["id"]))
    sent = btcpay.pay(bought["btcpay_invoice_id"])
    assert {d.status for d in sent if d.target.startswith(bare.url)} == {200}
    assert vendor.poll(bought)["status"] == "settled"


def test_lost_reply_to_the_webhooks_registration(vendor, btcpay, bare):
    """The next try finds the webhook, by its URL, and makes it its own."""
    p, store = profile(vendor), btcpay.add_store()
    key = btcpay.add_key(*[f"{x}:{store.id}" for x in SCOPED])
    made = requests.post(
        f"{btcpay.url}/api/v1/stores/{store.id}/webhooks", timeout=10,
        headers={"Authorization": f"token {key}"},
        json={"url": "https://else.example/hook", "secret": "theirs"}).json()
    connect(vendor, btcpay, p["id"], store)
    first = status(vendor, p["id"])
    # As if the last statement had never been made.
    bare.rows("UPDATE payment_providers SET disconnected_at = now(),"
              " webhook_id = NULL, sealed_api_key = NULL WHERE id = %s"
              " RETURNING 1", first["provider_id"])
    assert nothing_connected(vendor, p["id"])
    again = connect(vendor, btcpay, p["id"], store)
    assert again == first
    assert set(store.hooks) == {made["id"], first["webhook_id"]}
    bought = vendor.buy(vendor.product(merchant_profile_id=p["id"]))
    sent = btcpay.pay(bought["btcpay_invoice_id"])
    assert {d.status for d in sent if d.target.startswith(bare.url)} == {200}


def test_crash_between_leaves_nothing_half_connected(own_instance, btcpay):
    """The replica dies after the webhook was registered, before its answer;
    the next try makes that webhook its own."""
    server = own_instance(LICET_PAYMENTS="none",
                          LICET_BTCPAY_URL=btcpay.url)
    own = Api(server.url, server.admin_key, server.db)
    p, store = profile(own), btcpay.add_store()
    key = btcpay.add_key(*[f"{x}:{store.id}" for x in SCOPED])
    url = callback(begin(own, p["id"]))
    btcpay.slow(1)

    def post():
        try:
            browser().post(url, data={"apiKey": key}, timeout=30)
        except requests.RequestException:
            pass

    t = threading.Thread(target=post)
    t.start()
    wait_for(lambda: any(r["method"] == "POST" and
                         r["path"].endswith(f"{store.id}/webhooks")
                         for r in btcpay.requests), 60,
             "the webhook is being registered", pause=0.01)
    server.replicas[0].kill()
    t.join()
    btcpay.reset()
    wait_for(lambda: len(store.hooks) == 1, 60, "it is registered")
    server.replicas[0].restart()
    assert nothing_connected(own, p["id"])
    s = connect(own, btcpay, p["id"], store)
    assert list(store.hooks) == [s["webhook_id"]]
    assert server.value("SELECT count(*) FROM payment_providers") == 1


def test_subscriptions_that_gave_up_try_again(vendor, btcpay, bare):
    p, other = profile(vendor), profile(vendor)
    made = {}
    for of in (p, other):
        product = vendor.product(merchant_profile_id=of["id"])
        policy = vendor.policy(product, is_recurring=True,
                               renewal_period_days=30, trial_days=7)
        bought = vendor.buy(product, policy_slug=policy["slug"])
        made[of["id"]] = bought["license_id"]
        bare.rows("UPDATE subscriptions SET status = 'past_due',"
                  " consecutive_failures = 5, next_attempt_at ="
                  " licet_now() + interval '5 days' WHERE license_id = %s"
                  " RETURNING 1", bought["license_id"])
    connect(vendor, btcpay, p["id"], btcpay.add_store())

    def failures(of):
        return bare.value("SELECT consecutive_failures FROM subscriptions"
                          " WHERE license_id = %s", made[of["id"]])

    assert failures(p) == 0 and failures(other) == 5


# Status

def test_payment_methods(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    store.methods["BTC-LN"] = False
    where = f"/btcpay/payment-methods?merchant_profile_id={p['id']}"
    refused(vendor.admin("GET", where), 503, "btcpay_not_configured")
    connect(vendor, btcpay, p["id"], store)
    assert vendor.do("GET", where) == {
        "store_id": store.id, "count": 2, "methods": [
            {"payment_method_id": "BTC-CHAIN", "enabled": True},
            {"payment_method_id": "BTC-LN", "enabled": False}]}
    btcpay.wrong("garbage")
    refused(vendor.admin("GET", where), 502, "upstream_error")


def test_status_of_an_unknown_profile_is_404(vendor):
    for what in ("btcpay/status", "zaprite/status", "btcpay/payment-methods"):
        refused(vendor.admin(
            "GET", f"/{what}?merchant_profile_id={NOWHERE}"), 404,
            "not_found")


def test_overview_is_of_the_default_profile(vendor, btcpay):
    before = vendor.do("GET", "/payment-provider/status")
    assert before["btcpay_configured"] is False
    assert before["preferred"] is before["active"] is None
    assert before["providers"] == []
    s = connect(vendor, btcpay, store=btcpay.add_store())
    try:
        assert vendor.do("GET", "/btcpay/status") == s
        seen = vendor.do("GET", "/payment-provider/status")
        assert seen["btcpay_configured"] is True
        assert seen["zaprite_configured"] is False
        assert seen["preferred"] == seen["active"] == "btcpay"
        assert seen["merchant_profile_id"] == s["merchant_profile_id"]
        assert seen["providers"] == [{
            "id": s["provider_id"], "kind": "btcpay", "label": s["label"],
            "base_url": s["base_url"], "store_id": s["store_id"]}]
    finally:
        assert vendor.do("POST", "/btcpay/disconnect")["noop"] is False
