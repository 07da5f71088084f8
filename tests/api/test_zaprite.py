"""Selling through Zaprite: orders, cards that are kept, renewals by card."""
import datetime

import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import refused
from lib.process import wait_for
from lib.renewals import DAY
from lib.zaprite import Shop, connect

PROFILE = "zaprite_payment_profile_id"


@pytest.fixture(scope="module")
def zapped(make_instance, zaprite_shared):
    """(instance, provider's id): Zaprite is all that it sells through."""
    server = make_instance(
        movable=True, name="zaprite", LICET_PAYMENTS="none",
        LICET_RENEWAL_SECONDS=1, LICET_RECONCILE_SECONDS=1)
    return server, connect(server, zaprite_shared)


@pytest.fixture
def shop(zapped, zaprite):
    server, provider = zapped
    client = Shop(server, zaprite, provider)
    client.forget_others()
    yield client
    zaprite.reset()
    server.check_workers()


# Buying

def test_a_sale(shop, zaprite):
    bought = shop.buy(shop.product(price_sats=4321), buyer_email="b@x.test")
    order = shop.order(bought)
    assert bought["checkout_url"] == order.link
    assert (order.amount, order.currency) == (4321, "BTC")
    assert order.external_id == bought["invoice_id"]
    sent, = zaprite.pay(order.id)
    assert sent.status == 200
    paid = shop.poll(bought)
    assert paid["status"] == "settled"
    assert shop.validate(paid["license_key"])["ok"]
    row, = outbox(shop.server, "invoice_id", bought["invoice_id"],
                  "invoice.settled")
    assert row["data"]["provider_kind"] == "zaprite"


@pytest.mark.parametrize("rail", [None, "card", "lightning", "onchain"])
def test_it_serves_every_rail(shop, rail):
    fields = {} if rail is None else {"rail": rail}
    assert shop.buy(shop.product(), **fields)["checkout_url"]


def test_a_lost_answer_is_found_by_our_id(shop, zaprite):
    """The order is there; the reconciler finds it by its external id."""
    zaprite.lose_create()
    product = shop.product()
    refused(shop.public("POST", "/v1/purchase", {
        "product": product["slug"]}), 502, "upstream_error")
    row = shop.server.row("SELECT id FROM invoices WHERE product_id = %s",
                          product["id"])
    order = zaprite.order_of(str(row["id"]))
    zaprite.pay(order.id, notify=False)
    shop.server.db.execute("UPDATE invoices SET next_check_at = licet_now()"
                           " WHERE id = %s", [row["id"]])
    assert shop.paid(str(row["id"]))["license_key"]
    assert zaprite.billed(str(row["id"])) == 1


def test_a_lost_answer_and_a_webhook(shop, zaprite):
    """The event's own word for our id leads to the order, before the
    reconciler knows of it."""
    zaprite.lose_create()
    product = shop.product()
    shop.public("POST", "/v1/purchase", {"product": product["slug"]})
    row = shop.server.row("SELECT id FROM invoices WHERE product_id = %s",
                          product["id"])
    zaprite.pay(zaprite.order_of(str(row["id"])).id)
    assert shop.poll({"invoice_id": str(row["id"])})["status"] == "settled"


def test_a_refused_order_ends_the_invoice(shop, zaprite):
    zaprite.wrong("401")
    product = shop.product()
    refused(shop.public("POST", "/v1/purchase", {
        "product": product["slug"]}), 502, "upstream_error")
    assert shop.server.value("SELECT status FROM invoices"
                             " WHERE product_id = %s",
                             product["id"]) == "invalid"


def test_an_order_that_never_was_is_given_up_after_an_hour(shop, zaprite):
    with zaprite.away():
        product = shop.product()
        refused(shop.public("POST", "/v1/purchase", {
            "product": product["slug"]}), 502, "upstream_error")
    invoice = shop.server.value("SELECT id FROM invoices"
                                " WHERE product_id = %s", product["id"])
    shop.clock.move(seconds=3700)
    wait_for(lambda: shop.poll({"invoice_id": str(invoice)})["status"] ==
             "invalid", 60, "the invoice is given up", pause=0.05)


# Webhooks

def test_webhook_of_an_unknown_provider_is_404(shop):
    refused(shop.hook({"event": "order.paid", "data": {"id": "od_1"}},
                      f"/v1/zaprite/webhook/{NOWHERE}"), 404, "not_found")


def test_webhook_without_zaprite_is_503(btcpay_server, shop):
    refused(shop.public("POST", btcpay_server.url + "/v1/zaprite/webhook",
                        {}), 503, "btcpay_not_configured")


def test_webhook_without_an_id_is_the_default_profiles(shop, zaprite):
    bought = shop.buy(shop.product())
    sent, = zaprite.pay(shop.order(bought).id, targets=[
        shop.server.url + "/v1/zaprite/webhook"])
    assert sent.status == 200
    assert shop.poll(bought)["status"] == "settled"


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"{}", b"\xff\xfe",
    b'{"event":"order.paid"}', b'{"event":{},"data":[]}',
    b'{"event":"order.paid","data":{"id":5}}',
    b'{"event":"order.paid","data":{"id":"../contacts"}}',
    b'{"event":"order.paid","data":{"id":"a b?c#d"}}',
    b'{"event":"order.paid","data":{"id":""},"orderId":"","id":""}',
    b'{"event":"' + b"x" * 70000 + b'","id":"x"}'],
    ids=lambda b: repr(b[:40]))
def test_webhook_nonsense_is_200_and_asks_nobody(shop, zaprite, body):
    zaprite.requests.clear()
    r = shop.public("POST", shop.path, data=body)
    assert (r.status_code, r.json()) == (200, {"ok": True})
    assert not zaprite.requests


def test_strangers_orders_are_not_asked_for(shop, zaprite):
    """Nobody can make us call Zaprite with ids of their own."""
    theirs = zaprite.create_order(type("R", (), {"json": {
        "amount": 5, "currency": "USD"}})())["id"]
    zaprite.requests.clear()
    sent, = zaprite.pay(theirs)
    assert sent.status == 200 and not zaprite.requests


def test_silent_zaprite_is_200_and_the_reconciler_catches_up(shop, zaprite):
    bought = shop.buy(shop.product())
    order = shop.order(bought)
    zaprite.change(order.id, "PAID")
    with zaprite.away():
        assert shop.hook({"event": "order.paid",
                          "orderId": order.id}).status_code == 200
        assert shop.poll(bought)["status"] == "pending"
    assert shop.paid(bought["invoice_id"])["license_key"]


# Cards

def test_a_card_is_saved_with_the_first_cycle(shop, zaprite):
    s = shop.subscribe()
    contact = zaprite.contacts[s["zaprite_contact_id"]]
    profile, = contact.profiles
    assert contact.email == "buyer@example.org"
    assert s[PROFILE] == profile.id
    assert s["zaprite_payment_profile_method"] == "STRIPE_CARD"
    assert s["zaprite_payment_profile_expires_at"] == datetime.datetime(
        2030, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)
    assert str(s["card_provider_id"]) == shop.provider
    assert len(shop.told(s, "subscription.card_saved")) == 1
    assert shop.server.value(
        "SELECT next_check_at FROM card_contacts WHERE invoice_id = %s",
        s["first"]) is None


@pytest.mark.parametrize("what", ["no e-mail", "not recurring", "a trial"])
def test_no_contact_for_who_cant_have_a_card(shop, zaprite, what):
    if what == "no e-mail":
        shop.begin(email=None)
    elif what == "not recurring":
        shop.buy(shop.product(), buyer_email="b@x.test")
    else:
        shop.begin(trial_days=7, email="one-trial@x.test")
    assert not zaprite.asked("POST", "/v1/contacts")
    for r in zaprite.asked("POST", "/v1/orders"):
        assert not {"contactId", "allowSavePaymentProfile"} & set(r["json"])


@pytest.mark.parametrize("how", ["500", "401", "hangup", "garbage",
                                 "silent"])
def test_without_a_contact_it_is_sold_all_the_same(shop, zaprite, how):
    zaprite.spoil(how, path="contacts$")
    bought = shop.begin()
    assert "contactId" not in shop.order(bought).body
    zaprite.pay(bought["btcpay_invoice_id"])
    assert shop.poll(bought)["status"] == "settled"


def test_paid_without_a_card(shop, zaprite):
    """By Lightning, say: nothing is found, and that is looked for less and
    less; the renewal is an ordinary one."""
    bought = shop.begin(grace_period_days=3)
    order = shop.order(bought)
    order.body.pop("allowSavePaymentProfile")
    zaprite.pay(order.id)
    s = shop.sub(license_id=shop.poll(bought)["license_id"])
    for n in range(1, 9):
        shop.look_for_cards()
        row = wait_for(lambda: shop.server.row(
            "SELECT * FROM card_contacts WHERE invoice_id = %s AND"
            " tries = %s", bought["invoice_id"], n), 60, "a look")
    assert row["next_check_at"] is None
    shop.fall_due(s)
    bill = shop.announced(s)
    assert bill["charge_started_at"] is None and not shop.charges_of(bill)


# Renewals by card

def test_a_card_renews(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    shop.fall_due(s)
    after = shop.renewed(s)
    bill = shop.cycle(s)
    assert (after["status"], after["paid_cycle"]) == ("active", 2)
    assert after["next_renewal_at"] == s["next_renewal_at"] + 30 * DAY
    order = zaprite.order_of(str(bill["id"]))
    assert order.contact_id == s["zaprite_contact_id"]
    assert shop.charges_of(bill) == [(order.id, s[PROFILE], "PAID")]
    begun, = shop.news(s, "subscription.auto_charge_initiated")
    assert begun["invoice_id"] == str(bill["id"])
    assert (begun["amount_sats"], begun["cycle_number"]) == (50000, 2)
    assert not shop.news(s, "subscription.renewal_pending")
    assert not shop.news(s, "subscription.auto_charge_failed")
    assert len(shop.news(s, "subscription.renewed")) == 1
    assert shop.validate(s["key"])["ok"]
    shop.fall_due(s)
    assert shop.renewed(s, 3)["paid_cycle"] == 3


def test_a_card_renews_without_days_of_grace(shop):
    """It doesn't lapse while the card is charged."""
    s = shop.subscribe(grace_period_days=0)
    shop.fall_due(s)
    assert shop.renewed(s)["status"] == "active"
    assert not shop.news(s, "subscription.lapsed")


@pytest.mark.parametrize("status", ["PENDING", "UNDERPAID"])
def test_a_declined_card_makes_it_an_ordinary_renewal(shop, zaprite, status):
    s = shop.subscribe(grace_period_days=3)
    zaprite.decline = status
    shop.fall_due(s)
    bill = shop.announced(s)
    assert bill["charge_failed_at"] is not None
    assert shop.sub(s)["status"] == "past_due"
    failed, = shop.news(s, "subscription.auto_charge_failed")
    assert set(failed) == {"subscription_id", "license_id", "invoice_id",
                           "reason"}
    assert status in failed["reason"]
    pending, = shop.news(s, "subscription.renewal_pending")
    assert pending["checkout_url"] == bill["checkout_url"] != ""
    zaprite.pay(bill["provider_invoice_id"])
    assert shop.renewed(s)["status"] == "active"
    assert len(shop.charges_of(bill)) == 1


@pytest.mark.parametrize("how", ["400", "404", "401"])
def test_a_refused_charge_makes_it_an_ordinary_renewal(shop, zaprite, how):
    s = shop.subscribe(grace_period_days=3)
    zaprite.spoil(how, path="charge$")
    shop.fall_due(s)
    bill = shop.announced(s)
    assert shop.charges_of(bill) == []
    assert len(shop.news(s, "subscription.auto_charge_failed")) == 1


def test_the_answer_to_a_charge_is_lost(shop, zaprite):
    """It was a charge: the order says so, and nobody charges again."""
    s = shop.subscribe(grace_period_days=3)
    zaprite.spoil("lost", path="charge$")
    shop.fall_due(s)
    after = shop.renewed(s)
    assert (after["status"], after["paid_cycle"]) == ("active", 2)
    assert len(zaprite.asked("POST", "charge")) == 1
    assert not shop.news(s, "subscription.auto_charge_failed")


@pytest.mark.parametrize("how", ["500", "hangup", "garbage", "429"])
def test_nobody_knows_what_became_of_a_charge(shop, zaprite, how):
    """Only the order is read, for ten minutes; then the buyer is asked."""
    s = shop.subscribe(grace_period_days=3)
    zaprite.spoil(how, path="charge$")
    shop.fall_due(s)
    bill = shop.reaches(s, "the charge began", lambda c:
                        c["charge_started_at"] is not None)
    wait_for(lambda: zaprite.asked("GET", bill["provider_invoice_id"]), 60,
             "the order is read")
    shop.clock.move(seconds=300)
    shop.charge_soon()
    wait_for(lambda: shop.cycle(s)["charge_next_at"] > shop.clock.now(), 60,
             "the order was looked at again")
    assert shop.cycle(s)["announced_at"] is None
    shop.clock.move(seconds=400)
    bill = shop.announced(s)
    assert bill["charge_failed_at"] is not None
    assert len(zaprite.asked("POST", "charge")) == 1


def test_a_charge_that_takes_its_time(shop, zaprite):
    """PROCESSING is no failure, and a webhook brings the end."""
    s = shop.subscribe(grace_period_days=3)
    zaprite.decline = "PROCESSING"
    shop.fall_due(s)
    bill = shop.reaches(s, "the charge began", lambda c:
                        c["charge_started_at"] is not None)
    wait_for(lambda: shop.charges_of(bill), 60, "it is charged")
    assert shop.cycle(s)["announced_at"] is None
    zaprite.pay(bill["provider_invoice_id"])
    shop.paid(str(bill["id"]))
    shop.clock.move(seconds=61)
    assert shop.renewed(s)["status"] == "active"
    assert not shop.news(s, "subscription.auto_charge_failed")


def test_cancelled_before_the_charge(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    shop.do("POST", f"/subscriptions/{s['id']}/cancel", {})
    shop.until(s["next_renewal_at"])
    assert shop.sub(s)["status"] == "cancelled"
    assert not zaprite.asked("POST", "charge")


def test_a_suspended_license_is_not_charged(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    shop.do("POST", f"/licenses/{s['license_id']}/suspend", {})
    shop.fall_due(s)
    shop.announced(s)
    assert not zaprite.asked("POST", "charge")


def test_an_expired_card_is_not_charged(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    shop.server.db.execute(
        "UPDATE subscriptions SET zaprite_payment_profile_expires_at ="
        " next_renewal_at WHERE id = %s", [s["id"]])
    shop.fall_due(s)
    shop.announced(s)
    assert not zaprite.asked("POST", "charge")


def test_one_charge_to_a_cycle_whatever_becomes_of_its_order(shop, zaprite):
    """The order of a declined charge expires: the next order of the same
    cycle is for the buyer to pay."""
    s = shop.subscribe(grace_period_days=9)
    zaprite.decline = "PENDING"
    shop.fall_due(s)
    first = shop.announced(s)
    zaprite.decline = None
    zaprite.expire(first["provider_invoice_id"])
    shop.clock.move(days=1, seconds=60)
    second = shop.reaches(s, "it is billed anew", lambda c:
                          c["id"] != first["id"] and c["announced_at"])
    assert second["charge_started_at"] is None
    assert len(zaprite.asked("POST", "charge")) == 1


def test_a_lost_order_of_a_renewal_is_found_and_charged(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    zaprite.lose_create()
    shop.fall_due(s)
    wait_for(lambda: shop.sub(s)["consecutive_failures"] == 1, 60,
             "billing failed once", pause=0.05)
    shop.clock.move(seconds=301)
    assert shop.renewed(s)["paid_cycle"] == 2
    assert zaprite.billed(str(shop.cycle(s)["id"])) == 1


def test_a_contact_that_is_gone_stops_no_renewal(shop, zaprite):
    """Its order is refused with it; the next try goes without."""
    s = shop.subscribe(grace_period_days=3)
    del zaprite.contacts[s["zaprite_contact_id"]]
    shop.fall_due(s)
    wait_for(lambda: shop.sub(s)["consecutive_failures"] == 1, 60,
             "billing failed once", pause=0.05)
    shop.clock.move(seconds=301)
    bill = shop.announced(s)
    assert "contactId" not in zaprite.orders[
        bill["provider_invoice_id"]].body
    zaprite.pay(bill["provider_invoice_id"])
    assert shop.renewed(s)["status"] == "active"


def test_another_zaprite_knows_no_contact_of_the_first(shop, zaprite):
    s = shop.subscribe(grace_period_days=3)
    shop.server.db.execute(
        "UPDATE subscriptions SET card_provider_id = NULL WHERE id = %s",
        [s["id"]])
    shop.fall_due(s)
    bill = shop.announced(s)
    assert "contactId" not in zaprite.orders[
        bill["provider_invoice_id"]].body
    assert not zaprite.asked("POST", "charge")


def test_paid_too_much_is_told(shop, zaprite):
    bought = shop.buy(shop.product())
    zaprite.pay(shop.order(bought).id, "OVERPAID")
    assert events(shop.server, bought["invoice_id"], "invoice.over")
