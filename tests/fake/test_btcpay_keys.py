"""Who may do what at the fake BTCPay Server: keys, stores, consent; and the
webhooks that a program registers."""
import json
import types
from urllib.parse import parse_qs, urlencode

import pytest
import requests

from fake.btcpay import FakeBtcpay
from fake.receiver import receiving

ORDER = {"amount": "0.0005", "metadata": {"orderId": "o-1"}}
ASKED = ["btcpay.store.canviewstoresettings",
         "btcpay.store.canmodifystoresettings",
         "btcpay.store.cancreateinvoice"]


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


@pytest.fixture
def receiver():
    with receiving() as server:
        yield server


def api(fake, method, path, body=None, key=None, store=None):
    if not path.startswith("/api"):
        path = f"/api/v1/stores/{(store or fake.store).id}{path}"
    return requests.request(
        method, fake.url + path, json=body, timeout=5,
        headers={"Authorization": f"token {key or fake.api_key}"})


def test_no_key_and_unknown_key_are_401(fake):
    for headers in ({}, {"Authorization": "token nobody"},
                    {"Authorization": fake.api_key}):
        r = requests.get(fake.url + "/api/v1/stores", headers=headers,
                         timeout=5)
        assert (r.status_code, r.json()["code"]) == (401, "unauthenticated")


def test_bearer_is_as_good_as_token(fake):
    r = requests.get(fake.url + "/api/v1/stores", timeout=5,
                     headers={"Authorization": f"Bearer {fake.api_key}"})
    assert [s["id"] for s in r.json()] == [fake.store_id]


@pytest.mark.parametrize("method,path,needed", [
    ("POST", "/invoices", "cancreateinvoice"),
    ("GET", "/invoices", "canviewinvoices"),
    ("GET", "/webhooks", "webhooks.canmodifywebhooks"),
    ("GET", "/payment-methods", "canviewstoresettings"),
    ("GET", "/pull-payments", "canviewpullpayments"),
    ("GET", "/payment-methods/BTC-CHAIN/wallet/address", "canviewwallet"),
    ("POST", "/lightning/BTC/invoices/pay", "canuselightningnode")])
def test_missing_permission_is_403_and_says_which(fake, method, path, needed):
    other = fake.add_key("btcpay.user.canviewprofile")
    r = api(fake, method, path, ORDER, other)
    assert (r.status_code, r.json()["code"], r.json()["missingPermission"]) \
        == (403, "missing-permission", f"btcpay.store.{needed}")
    right = fake.add_key(f"btcpay.store.{needed}:{fake.store_id}")
    assert api(fake, method, path, ORDER, right).status_code in (200, 422)


def test_bigger_permissions_bring_smaller_ones(fake):
    """Store settings bring the wallet, webhooks and the node, but not the
    making of invoices; modifying invoices does."""
    key = fake.add_key("btcpay.store.canmodifystoresettings")
    for path in ("/invoices", "/webhooks", "/pull-payments"):
        assert api(fake, "GET", path, key=key).status_code == 200
    key = fake.add_key("btcpay.store.canviewinvoices")
    assert api(fake, "POST", "/invoices", ORDER, key).status_code == 403
    key = fake.add_key("btcpay.store.canmodifyinvoices")
    assert api(fake, "POST", "/invoices", ORDER, key).status_code == 200


def test_key_of_one_store_is_nothing_in_another(fake):
    other = fake.add_store("Other")
    key = fake.add_key(f"btcpay.store.canmodifystoresettings:{other.id}")
    assert api(fake, "GET", "/invoices", key=key).status_code == 403
    assert api(fake, "GET", "/invoices", key=key,
               store=other).status_code == 200
    seen = api(fake, "GET", "/api/v1/stores", key=key).json()
    assert [s["id"] for s in seen] == [other.id]
    mine = api(fake, "POST", "/invoices", ORDER).json()["id"]
    assert api(fake, "GET", f"/invoices/{mine}",
               store=other).status_code == 403


def test_key_says_what_it_may_and_can_be_revoked_by_itself(fake):
    key = fake.add_key(*ASKED)
    seen = api(fake, "GET", "/api/v1/api-keys/current", key=key).json()
    assert (seen["apiKey"], seen["permissions"]) == (key, ASKED)
    r = api(fake, "DELETE", "/api/v1/api-keys/current", key=key)
    assert (r.status_code, r.content) == (200, b"")
    assert api(fake, "DELETE", "/api/v1/api-keys/current",
               key=key).status_code == 401


@pytest.mark.parametrize("network,start", [
    ("mainnet", "bc1q"), ("testnet", "tb1q"), ("signet", "tb1q"),
    ("regtest", "bcrt1q")])
def test_wallet_address_shows_the_network(fake, network, start):
    fake.store.network = network
    path = "/payment-methods/BTC-CHAIN/wallet/address"
    first = api(fake, "GET", path).json()
    assert first["address"].startswith(start)
    assert api(fake, "GET", path).json() == first      # until it is used
    assert api(fake, "GET", path + "?forceGenerate=true").json() != first
    fake.store.address_kind = "p2pkh"
    old = api(fake, "GET", path + "?forceGenerate=true").json()["address"]
    assert old[0] in ("1" if network == "mainnet" else "mn")
    fake.store.has_wallet = False
    r = api(fake, "GET", path)
    assert (r.status_code, r.json()["code"]) == \
        (404, "paymentmethod-not-found")


# Consent

def authorize_url(fake, redirect, **more):
    return f"{fake.url}/api-keys/authorize?" + urlencode({
        "permissions": ASKED, "applicationName": "Licet", "strict": "true",
        "selectiveStores": "true", "redirect": redirect,
        "applicationIdentifier": "licet", **more}, doseq=True)


def test_consent_posts_a_form_to_the_redirect(fake, receiver):
    r = fake.authorize(authorize_url(fake, receiver.url + "back?state=s1"))
    assert r.status_code == 200
    got, = receiver.got
    assert got["path"] == "/back?state=s1"
    assert got["headers"]["Content-Type"] == \
        "application/x-www-form-urlencoded"
    form = parse_qs(got["raw"].decode())
    key = form["apiKey"][0]
    assert form["permissions[]"] == [f"{p}:{fake.store_id}" for p in ASKED]
    assert form["userId"]
    assert api(fake, "POST", "/invoices", ORDER, key).status_code == 200


def test_consent_is_for_the_chosen_store(fake, receiver):
    other = fake.add_store("Other")
    fake.authorize(authorize_url(fake, receiver.url), store=other)
    assert fake.granted.permissions[0].endswith(":" + other.id)
    assert api(fake, "GET", "/invoices",
               key=fake.granted.text).status_code == 403


def test_consent_in_the_documented_shape_and_refused(fake, receiver):
    url = authorize_url(fake, receiver.url + "back")
    fake.authorize(url, shape="json")
    assert json.loads(receiver.got[0]["raw"])["permissions"] == \
        fake.granted.permissions
    assert fake.authorize(url, allow=False) is None
    assert len(receiver.got) == 1


def test_same_program_and_place_get_the_same_key_again(fake, receiver):
    def granted(path):
        fake.authorize(authorize_url(fake, receiver.url + path))
        return fake.granted.text
    assert granted("a") == granted("a") != granted("b")


def test_unrestricted_stores_when_not_selective(fake, receiver):
    fake.authorize(authorize_url(fake, receiver.url,
                                 selectiveStores="false"))
    assert fake.granted.permissions == ASKED


# Registered webhooks

def register(fake, url, *types, **more):
    events = {"everything": not types, "specificEvents": list(types)}
    return api(fake, "POST", "/webhooks", {
        "url": url, "enabled": True, "automaticRedelivery": True,
        "authorizedEvents": events, **more}).json()


def test_registered_webhook_gets_what_it_wants_with_its_secret(
        fake, receiver):
    hook = register(fake, receiver.url, "InvoiceSettled", "InvoiceExpired",
                    secret="s3cret")
    assert hook["secret"] == "s3cret"
    made = api(fake, "POST", "/invoices", ORDER).json()
    fake.pay(made["id"])
    (raw, signature), = receiver.seen
    event = json.loads(raw)
    assert (event["type"], event["webhookId"]) == \
        ("InvoiceSettled", hook["id"])
    assert signature == fake.sign(raw, "s3cret")


def test_secret_is_made_and_shown_only_once(fake, receiver):
    hook = register(fake, receiver.url)
    assert len(hook["secret"]) > 16
    listed, = api(fake, "GET", "/webhooks").json()
    assert listed == {**hook, "secret": None}
    assert api(fake, "GET", f"/webhooks/{hook['id']}").json() == listed


def test_deleted_or_disabled_webhook_gets_nothing(fake, receiver):
    hook = register(fake, receiver.url)
    made = api(fake, "POST", "/invoices", ORDER).json()
    api(fake, "PUT", f"/webhooks/{hook['id']}",
        {"url": receiver.url, "enabled": False})
    assert fake.settle(made["id"]) == []
    api(fake, "PUT", f"/webhooks/{hook['id']}", {"url": receiver.url})
    assert len(fake.settle(made["id"])) == 1
    r = api(fake, "DELETE", f"/webhooks/{hook['id']}")
    assert (r.status_code, r.content) == (200, b"")
    assert fake.settle(made["id"]) == []
    r = api(fake, "DELETE", f"/webhooks/{hook['id']}")
    assert (r.status_code, r.json()["code"]) == (404, "webhook-not-found")
    assert len(receiver.seen) == 1


def test_webhooks_are_of_their_store(fake, receiver):
    other = fake.add_store("Other")
    register(fake, receiver.url)
    theirs = api(fake, "POST", "/invoices", ORDER, store=other).json()
    assert fake.settle(theirs["id"]) == []


def test_webhook_without_a_url_is_refused(fake):
    r = api(fake, "POST", "/webhooks", {"url": "nowhere"})
    assert (r.status_code, r.json()[0]["path"]) == (422, "Url")


def test_redelivery_keeps_to_the_original_and_its_time(fake, receiver):
    """Ten seconds, a minute, six times ten minutes, then never again."""
    register(fake, receiver.url)
    made = api(fake, "POST", "/invoices", ORDER).json()
    receiver.statuses = [503] * 40
    fake.settle(made["id"])

    def settled():
        return [e for e in receiver.events()
                if e["type"] == "InvoiceSettled"]
    for n, pause in enumerate((10, 60) + 6 * (600,)):
        fake.move(seconds=pause - 2)
        assert len(settled()) == n + 1
        fake.move(seconds=2)
        assert len(settled()) == n + 2
    fake.move(hours=2)
    assert len(settled()) == 9
    assert len({e["deliveryId"] for e in settled()}) == 9
    assert len({e["originalDeliveryId"] for e in settled()}) == 1
    assert len({e["timestamp"] for e in settled()}) == 1
    assert [e["isRedelivery"] for e in settled()] == [False] + [True] * 8


def test_no_redelivery_when_it_was_not_asked_for(fake, receiver):
    register(fake, receiver.url, "InvoiceSettled", automaticRedelivery=False)
    made = api(fake, "POST", "/invoices", ORDER).json()
    receiver.statuses = [503]
    fake.settle(made["id"])
    assert fake.move(hours=1) == []
    assert len(receiver.seen) == 1


def test_unknown_store_is_forbidden_as_at_the_original(fake):
    """By default it is the 404 that our doctor is tested with."""
    stranger = types.SimpleNamespace(id="elsewhere")
    assert api(fake, "GET", "/invoices", store=stranger).status_code == 404
    fake.unknown_store = 403
    r = api(fake, "GET", "/invoices", store=stranger)
    assert (r.status_code, r.json()["code"]) == (403, "missing-permission")
