"""Zaprite, row by row of 4.10; what 4.2, 4.8 and 5 say of it; D9."""
import itertools

import pytest

from fake.zaprite import SHAPES
from lib.client import refused
from lib.process import wait_for
from lib.zaprite import Shop, connect

SETTLED = ("PAID", "COMPLETE", "OVERPAID")
PENDING = ("PENDING", "PROCESSING", "UNDERPAID")
INVALID = ("EXPIRED", "CANCELLED", "INVALID")
NAMES = ("event", "eventType", "type", "name")
EVENTS = ("order.paid", "order.complete", "order.overpaid", "order.expired",
          "order.invalid", "order.cancelled")


@pytest.fixture(scope="module")
def zapped(make_instance, zaprite_shared):
    server = make_instance(
        movable=True, name="zapconf", LICET_PAYMENTS="none",
        LICET_RENEWAL_SECONDS=1, LICET_RECONCILE_SECONDS=3600)
    return server, connect(server, zaprite_shared)


@pytest.fixture
def shop(zapped, zaprite):
    server, provider = zapped
    client = Shop(server, zaprite, provider)
    client.forget_others()
    yield client
    zaprite.reset()
    server.check_workers()


def begun(shop):
    """(purchase, its order at Zaprite)"""
    bought = shop.buy(shop.product())
    return bought, shop.order(bought)


def status(shop, bought):
    return shop.poll(bought)["status"]


# Orders

def test_bearer_key(shop, zaprite):
    """4.10 "Bearer key" """
    begun(shop)
    for r in zaprite.requests:
        assert r["headers"]["Authorization"] == f"Bearer {zaprite.api_key}"


def test_order_body(shop, zaprite):
    """4.10 "POST /v1/orders {amount,currency(BTC in sats),externalUniqId,
    redirectUrl,label,metadata,customerData?}" """
    product = shop.product(price_sats=777, name="Ana's game")
    bought = shop.buy(product, buyer_email="b@x.test")
    made, = zaprite.asked("POST", "/v1/orders")
    body = made["json"]
    assert body.pop("metadata") == {
        "orderId": bought["invoice_id"], "productId": product["id"],
        "source": "licet"}
    assert body == {
        "amount": 777, "currency": "BTC", "label": "Ana's game",
        "externalUniqId": bought["invoice_id"],
        "redirectUrl": f"{shop.url}/thank-you?invoice_id="
                       f"{bought['invoice_id']}",
        "customerData": {"email": "b@x.test"}}


def test_order_answer(shop):
    """4.10 "→ id, checkoutUrl"; 2.2 "btcpay_invoice_id is the provider's id
    (Zaprite too)" """
    bought, order = begun(shop)
    assert bought["btcpay_invoice_id"] == order.id
    assert bought["checkout_url"] == order.link


def test_no_email_no_customer(shop, zaprite):
    begun(shop)
    made, = zaprite.asked("POST", "/v1/orders")
    assert "customerData" not in made["json"]


def test_recurring_first_cycle_makes_a_contact_first(shop, zaprite):
    """4.10 "recurring first cycle with an email first does POST /v1/contacts
    {email,legalName}"; allowSavePaymentProfile and contactId on the order"""
    bought = shop.begin(email="rec@x.test")
    paths = [r["path"] for r in zaprite.requests if r["method"] == "POST"]
    assert paths == ["/v1/contacts", "/v1/orders"]
    contact, order = (r["json"] for r in zaprite.requests
                      if r["method"] == "POST")
    assert contact["email"] == "rec@x.test" and contact["legalName"]
    assert order["allowSavePaymentProfile"] is True
    assert order["contactId"] == shop.order(bought).contact_id
    assert order["contactId"] in zaprite.contacts


@pytest.mark.parametrize("word", SETTLED)
def test_settled(shop, zaprite, word):
    """4.10 "PAID, COMPLETE, OVERPAID → settled" """
    bought, order = begun(shop)
    zaprite.pay(order.id, word)
    assert status(shop, bought) == "settled"
    assert shop.validate(shop.poll(bought)["license_key"])["ok"]


@pytest.mark.parametrize("word", PENDING)
def test_pending(shop, zaprite, word):
    """4.10 "PENDING, PROCESSING, UNDERPAID → pending" """
    bought, order = begun(shop)
    zaprite.change(order.id, word)
    zaprite.deliver(order.id, "order.paid")
    assert status(shop, bought) == "pending"


@pytest.mark.parametrize("word", INVALID)
def test_else_invalid(shop, zaprite, word):
    """4.10 "else invalid" """
    bought, order = begun(shop)
    zaprite.change(order.id, word)
    zaprite.deliver(order.id, "order.expired")
    assert status(shop, bought) == "invalid"


# Webhooks

@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_shapes_of_events(shop, zaprite, shape):
    """4.10 "event name from the first non-empty of …; id from …" """
    bought, order = begun(shop)
    sent, = zaprite.pay(order.id, shape=shape)
    assert (sent.status, status(shop, bought)) == (200, "settled")


@pytest.mark.parametrize("name,place", itertools.product(
    NAMES, ("data.id", "data.object.id", "orderId", "id")))
def test_each_name_with_each_place(shop, zaprite, name, place):
    bought, order = begun(shop)
    zaprite.change(order.id, "PAID")
    event = {name: "order.paid"}
    value = order.id
    for part in reversed(place.split(".")):
        value = {part: value}
    event.update(value)
    assert shop.hook(event).status_code == 200
    assert status(shop, bought) == "settled"


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_leads_to_a_look(shop, zaprite, event):
    """4.10 "the re-read is the only trust": whatever the event is called"""
    bought, order = begun(shop)
    zaprite.change(order.id, "PAID")
    zaprite.deliver(order.id, event)
    assert status(shop, bought) == "settled"


@pytest.mark.parametrize("word", SETTLED + INVALID)
def test_order_change_is_read_by_its_status(shop, zaprite, word):
    """4.10 "order.change is read by data.status" """
    bought, order = begun(shop)
    zaprite.change(order.id, word)
    zaprite.deliver(order.id, "order.change")
    assert status(shop, bought) == \
        ("settled" if word in SETTLED else "invalid")


@pytest.mark.parametrize("event", ["order.change", "order.created",
                                   "contact.created", "paid", ""])
def test_other_events_are_ignored(shop, zaprite, event):
    """4.2 "every other type → 200, ignored" """
    bought, order = begun(shop)
    zaprite.requests.clear()
    sent, = zaprite.deliver(order.id, event)
    assert sent.status == 200 and not zaprite.requests


def test_unknown_provider_404_none_503_unknown_order_200(shop, zaprite):
    """4.2, for Zaprite"""
    refused(shop.hook({}, "/v1/zaprite/webhook/" + "0" * 8 + "-0000-4000-"
                      "8000-" + "0" * 12), 404, "not_found")
    sent, = zaprite.deliver("od_of_nobody", "order.paid")
    assert sent.status == 200


# D9: nobody signs these events

@pytest.mark.parametrize("event,lie", [
    ("order.paid", "PAID"), ("order.complete", "COMPLETE"),
    ("order.change", "OVERPAID"), ("order.expired", "EXPIRED"),
    ("order.cancelled", "CANCELLED"), ("order.invalid", "INVALID")])
def test_d9_forged_events_change_nothing(shop, zaprite, event, lie):
    bought, order = begun(shop)
    for _ in range(3):
        sent, = zaprite.deliver(order.id, event, changed={"status": lie})
        assert sent.status == 200
    assert status(shop, bought) == "pending"


@pytest.mark.parametrize("word", INVALID)
def test_d9_settled_is_final(shop, zaprite, word):
    """Late events, forged ones, and even Zaprite's own change of mind."""
    bought, order = begun(shop)
    zaprite.pay(order.id)
    key = shop.poll(bought)["license_key"]
    zaprite.deliver(order.id, f"order.{word.lower()}",
                    changed={"status": word})
    assert status(shop, bought) == "settled"
    zaprite.change(order.id, word)
    zaprite.deliver(order.id, f"order.{word.lower()}", n=3)
    assert shop.poll(bought)["license_key"] == key
    assert shop.validate(key)["ok"]


def test_d9_an_order_of_another_invoice_pays_nothing_here(shop, zaprite):
    """The event says our id, the order says another's."""
    mine, _ = begun(shop)
    theirs, paid = begun(shop)
    zaprite.change(paid.id, "PAID")
    zaprite.deliver(paid.id, "order.paid",
                    changed={"externalUniqId": mine["invoice_id"]})
    assert status(shop, mine) == "pending"
    assert status(shop, theirs) == "settled"


def test_d9_late_payment_is_taken(shop, zaprite):
    """4.3 "expired|invalid → settled is allowed when the provider confirms"
    """
    bought, order = begun(shop)
    zaprite.expire(order.id)
    assert status(shop, bought) == "invalid"
    zaprite.pay(order.id)
    assert status(shop, bought) == "settled"


def test_repeats_are_no_ops(shop, zaprite):
    """4.3 "Repeats are no-ops and always 200" """
    bought, order = begun(shop)
    sent = zaprite.pay(order.id, n=20, concurrently=True)
    assert [d.status for d in sent] == [200] * 20
    assert shop.server.value("SELECT count(*) FROM licenses"
                             " WHERE invoice_id = %s",
                             bought["invoice_id"]) == 1


# Saved cards

def test_saved_card_is_the_profile_of_our_order(shop, zaprite):
    """4.10 "take the paymentProfiles[] entry whose
    sourceOrder.externalUniqId is our invoice id" """
    bought = shop.begin()
    order = shop.order(bought)
    contact = zaprite.contacts[order.contact_id]
    other, _ = begun(shop)
    stray = zaprite.save_card(order)
    stray.order = shop.order(other)
    zaprite.pay(order.id)
    s = shop.sub(license_id=shop.poll(bought)["license_id"])
    shop.look_for_cards()
    s = wait_for(lambda: shop.has_card(s), 60, "the card is saved")
    assert [p.id for p in contact.profiles] == [
        stray.id, s["zaprite_payment_profile_id"]]


def test_renewal_is_charged_to_it(shop, zaprite):
    """4.10 "renew with POST /v1/orders/charge {orderId,paymentProfileId}";
    5 "auto_charge_initiated: ids, amount, listed_*, cycle_*" """
    s = shop.subscribe(grace_period_days=3)
    shop.fall_due(s)
    shop.renewed(s)
    bill = shop.cycle(s)
    made, = zaprite.asked("POST", "/v1/orders/charge")
    assert made["json"] == {
        "orderId": bill["provider_invoice_id"],
        "paymentProfileId": s["zaprite_payment_profile_id"]}
    told, = shop.news(s, "subscription.auto_charge_initiated")
    assert set(told) == {
        "subscription_id", "license_id", "product_id", "policy_id",
        "invoice_id", "amount_sats", "listed_currency", "listed_value",
        "cycle_number", "cycle_start_at", "cycle_end_at"}


@pytest.mark.parametrize("word", ["PENDING", "UNDERPAID", "EXPIRED"])
def test_success_only_if_settled(shop, zaprite, word):
    """4.10 "success only if the status is settled"; 4.8 "try an auto-charge
    first (…initiated / …failed)", then the ordinary renewal"""
    s = shop.subscribe(grace_period_days=3)
    zaprite.decline = word
    shop.fall_due(s)
    wait_for(lambda: shop.news(s, "subscription.auto_charge_failed"), 60,
             "it failed", pause=0.05)
    told, = shop.news(s, "subscription.auto_charge_failed")
    assert set(told) == {"subscription_id", "license_id", "invoice_id",
                         "reason"}
    assert shop.sub(s)["status"] == "past_due"
    if word != "EXPIRED":       # else its order is over: another is made
        shop.announced(s)
    assert len(zaprite.asked("POST", "/v1/orders/charge")) == 1


def test_renewals_name_the_contact(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    zaprite.requests.clear()
    shop.fall_due(s)
    shop.renewed(s)
    made, = [r for r in zaprite.asked("POST", "/v1/orders")
             if r["path"] == "/v1/orders"]
    assert made["json"]["contactId"] == s["zaprite_contact_id"]
    assert "allowSavePaymentProfile" not in made["json"]
    assert made["json"]["metadata"]["subscriptionId"] == str(s["id"])
