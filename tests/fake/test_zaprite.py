"""The fake Zaprite: orders, contacts, saved cards, events of many shapes."""
import json

import pytest
import requests

from fake.receiver import receiving
from fake.zaprite import OPEN, PAID, SHAPES, FakeZaprite

ORDER = {"amount": 4999, "currency": "USD", "externalUniqId": "inv-1",
         "redirectUrl": "https://shop.example/", "label": "Demo",
         "metadata": {"productId": "p-1"}}


@pytest.fixture
def fake():
    f = FakeZaprite().start()
    yield f
    f.stop()


@pytest.fixture
def receiver(fake):
    with receiving() as server:
        fake.webhook_urls = [server.url]
        yield server


def call(fake, method, path, body=None, key=None):
    return requests.request(
        method, f"{fake.url}/v1{path}", json=body, timeout=5,
        headers={"Authorization": f"Bearer {key or fake.api_key}"})


def make(fake, **more):
    r = call(fake, "POST", "/orders", {**ORDER, **more})
    assert r.status_code == 200, r.text
    return r.json()


def test_order_is_made_and_found_by_either_id(fake):
    made = make(fake)
    assert made["checkoutUrl"].startswith(fake.url)
    assert (made["status"], made["totalAmount"], made["currency"]) == \
        ("PENDING", 4999, "USD")
    for name in (made["id"], "inv-1"):
        assert call(fake, "GET", f"/orders/{name}").json() == made
        assert call(fake, "GET", f"/order/{name}").json() == made
    assert call(fake, "GET", "/orders/none").json()["code"] == "NOT_FOUND"
    assert fake.order_of("inv-1").id == made["id"]


def test_list_is_paged_and_newest_first(fake):
    made = [make(fake, externalUniqId=f"inv-{n}")["id"] for n in range(5)]
    seen = call(fake, "GET", "/orders?limit=2&page=2").json()
    assert [o["id"] for o in seen["items"]] == [made[2], made[1]]
    assert seen["meta"]["pagesCount"] == 3
    found = call(fake, "GET", "/orders?search=inv-3").json()["items"]
    assert [o["id"] for o in found] == [made[3]]


def test_key_is_asked_for(fake):
    r = call(fake, "GET", "/orders?limit=1", key="no")
    assert (r.status_code, r.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("change", [
    {"amount": "4999"}, {"amount": 0}, {"amount": 1.5}, {"amount": True},
    {"currency": "DOGE"}, {"currency": None}])
def test_nonsense_is_refused(fake, change):
    r = call(fake, "POST", "/orders", {**ORDER, **change})
    assert (r.status_code, r.json()["code"]) == (400, "BAD_REQUEST")
    assert r.json()["issues"]
    assert fake.billed("inv-1") == 0


def test_same_external_id_twice(fake):
    """What the original does is not documented: by default it takes it."""
    make(fake), make(fake)
    assert fake.billed("inv-1") == 2
    fake.is_unique = True
    assert call(fake, "POST", "/orders", ORDER).status_code == 409


@pytest.mark.parametrize("status", OPEN + PAID + ("EXPIRED", "CANCELLED"))
def test_states(fake, status):
    made = make(fake)
    fake.change(made["id"], status)
    seen = call(fake, "GET", f"/orders/{made['id']}").json()
    assert seen["status"] == status
    assert (seen["paidAt"] is not None) == (status in PAID)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_events_say_it_in_many_ways_and_are_not_signed(fake, receiver,
                                                       shape):
    made = make(fake)
    sent, = fake.pay(made["id"], shape=shape)
    assert sent.status == 200
    got, = receiver.got
    assert not [h for h in got["headers"] if "sig" in h.lower()]
    event = json.loads(got["raw"])
    name = next(event[k] for k in ("event", "eventType", "type", "name")
                if event.get(k))
    data = event.get("data") or {}
    named = [data.get("id"), (data.get("object") or {}).get("id"),
             event.get("orderId"), event.get("id")]
    assert name == "order.paid"
    assert next(i for i in named if i) == made["id"]


def test_events_may_lie(fake, receiver):
    made = make(fake)
    fake.deliver(made["id"], "order.change", changed={"status": "PAID"})
    assert receiver.events()[0]["data"]["status"] == "PAID"
    assert call(fake, "GET",
                f"/orders/{made['id']}").json()["status"] == "PENDING"
    fake.deliver("od_forged", "order.paid")
    assert receiver.events()[1]["data"]["id"] == "od_forged"


def test_what_happens_to_orders(fake, receiver):
    for act, event, status in (
            (fake.process, "order.change", "PROCESSING"),
            (fake.underpay, "order.underpaid", "UNDERPAID"),
            (fake.expire, "order.expired", "EXPIRED"),
            (fake.cancel, "order.cancelled", "CANCELLED")):
        made = make(fake)
        act(made["id"])
        last = receiver.events()[-1]
        assert (last["event"], last["data"]["status"]) == (event, status)


# Cards

def buyer(fake):
    return call(fake, "POST", "/contacts", {"email": "b@example.com",
                                            "legalName": "B"}).json()["id"]


def with_card(fake):
    """(contact, profile) after a first order that saved the card."""
    contact = buyer(fake)
    made = make(fake, contactId=contact, allowSavePaymentProfile=True)
    fake.pay(made["id"], notify=False)
    profile, = call(fake, "GET",
                    f"/contacts/{contact}").json()["paymentProfiles"]
    return contact, profile


def test_card_is_saved_when_allowed(fake):
    contact, profile = with_card(fake)
    assert profile["sourceOrder"]["externalUniqId"] == "inv-1"
    assert profile["expiresAt"]
    made = make(fake, contactId=contact, externalUniqId="inv-2")
    fake.pay(made["id"], notify=False)
    assert len(call(fake, "GET", f"/contacts/{contact}").json()
               ["paymentProfiles"]) == 1


def test_no_contact_no_card(fake):
    make(fake, allowSavePaymentProfile=True)
    assert call(fake, "POST", "/orders",
                {**ORDER, "contactId": "ct_none"}).status_code == 404
    assert call(fake, "POST", "/contacts",
                {"email": "nobody"}).status_code == 400


def test_charge_pays_an_order(fake):
    _, profile = with_card(fake)
    made = make(fake, externalUniqId="inv-2")
    body = {"orderId": made["id"], "paymentProfileId": profile["id"]}
    r = call(fake, "POST", "/orders/charge", body)
    assert (r.status_code, r.json()["status"]) == (200, "PAID")
    assert call(fake, "POST", "/orders/charge", body).status_code == 400
    assert fake.charges == [(made["id"], profile["id"], "PAID")]
    assert call(fake, "POST", "/orders/charge", {
        **body, "paymentProfileId": "pp_none"}).status_code == 404


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "UNDERPAID"])
def test_charge_may_not_be_settled(fake, status):
    _, profile = with_card(fake)
    fake.decline = status
    made = make(fake, externalUniqId="inv-2")
    r = call(fake, "POST", "/orders/charge", {
        "orderId": made["id"], "paymentProfileId": profile["id"]})
    assert (r.status_code, r.json()["status"]) == (200, status)


def test_lost_charge_was_a_charge(fake):
    _, profile = with_card(fake)
    fake.spoil("lost", path="charge$")
    made = make(fake, externalUniqId="inv-2")
    with pytest.raises(requests.ConnectionError):
        call(fake, "POST", "/orders/charge", {
            "orderId": made["id"], "paymentProfileId": profile["id"]})
    assert len(fake.charges) == 1
    assert call(fake, "GET", "/orders/inv-2").json()["status"] == "PAID"


def test_lost_create_exists_all_the_same(fake):
    fake.lose_create()
    with pytest.raises(requests.ConnectionError):
        call(fake, "POST", "/orders", ORDER)
    assert fake.billed("inv-1") == 1
