"""4.1 to 4.3 and 4.5, row by row, with D2, D3 and D9; D32 and 4.9 are in
tests/api/test_providers.py.  What was odd about a payment is noted."""
import datetime
import itertools

import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import Api, refused
from lib.process import wait_for
from lib.renewals import Shop as Renewals
from lib.sales import becomes, created, hurry, issued, order, status
from lib.tiers import HIGH, LOW, Shop as Tiers

WEBHOOK = "/v1/btcpay/webhook"


def sold(shop, **fields):
    return shop.buy(shop.product(**fields))


def row(server, bought):
    return server.row("SELECT * FROM invoices WHERE id = %s",
                      bought["invoice_id"])


def press(shop, btcpay, bought, kind="InvoiceSettled"):
    sent, = btcpay.deliver(bought["btcpay_invoice_id"], kind)
    return sent.status


# 4.1, the call that creates

def test_4_1_create(shop, btcpay, btcpay_server):
    """4.1 row 1: path, key, body, and what is made of the answer."""
    p = shop.product(price_sats=50000)
    bought = shop.buy(p, redirect_url="https://shop.example/x?y=z")
    sent, = created(btcpay)
    assert sent["path"] == f"/api/v1/stores/{btcpay.store_id}/invoices"
    assert sent["headers"]["Authorization"] == f"token {btcpay.api_key}"
    assert sent["json"] == {
        "amount": "0.00050000", "currency": "BTC",
        "metadata": {"orderId": bought["invoice_id"], "productId": p["id"],
                     "itemDesc": p["name"], "source": "licet"},
        "checkout": {"redirectURL": "https://shop.example/x?y=z",
                     "redirectAutomatically": True}}
    theirs = btcpay.invoices[bought["btcpay_invoice_id"]]
    assert bought["checkout_url"] == theirs.link
    assert row(btcpay_server, bought)["provider_invoice_id"] == theirs.id


def test_4_1_tier_changes_say_what_they_are(shop, btcpay, btcpay_server):
    """4.1 row 1: intent, licenseId, fromPolicyId, toPolicyId; 3.2's
    change-tier by the vendor says admin_tier_change."""
    tiers = Tiers(shop)
    had = shop.buy(tiers.product, policy_slug=LOW)
    btcpay.settle(had["btcpay_invoice_id"])
    had.update(shop.poll(had))
    want = {"source": "licet", "productId": tiers.product["id"],
            "licenseId": had["license_id"], "fromPolicyId": tiers.id[LOW],
            "toPolicyId": tiers.id[HIGH]}
    for intent, ask in (
            ("tier_change", lambda: tiers.upgrade(had["license_key"], HIGH)),
            ("admin_tier_change", lambda: tiers.change(
                had["license_id"], HIGH).json())):
        btcpay.requests.clear()
        bought = ask()
        metadata = created(btcpay)[0]["json"]["metadata"]
        assert metadata.pop("itemDesc")
        assert metadata == {**want, "intent": intent,
                            "orderId": bought["invoice_id"]}


@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared):
    return make_instance(
        movable=True, name="paid", LICET_RENEWAL_SECONDS=1,
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings())


@pytest.fixture
def renewals(movable, btcpay):
    yield Renewals(movable, btcpay)
    movable.check_workers()


def test_4_1_renewals_say_what_they_are(renewals, btcpay):
    """4.1 row 1: subscriptionId, cycleStartAt; payable for days, not for the
    quarter of an hour of a sale."""
    s = renewals.subscribe(grace_period_days=3)
    btcpay.requests.clear()
    bill = renewals.due(s)
    sent, = [c["json"] for c in created(btcpay)
             if c["json"]["metadata"]["orderId"] == str(bill["id"])]
    assert sent["metadata"]["subscriptionId"] == str(s["id"])
    start = datetime.datetime.fromisoformat(
        sent["metadata"]["cycleStartAt"].replace("Z", "+00:00"))
    assert start == bill["cycle_start_at"]
    assert sent["checkout"]["expirationMinutes"] >= 60


def test_4_1_checkout_link_is_the_buyers(own_instance, btcpay):
    """4.1: scheme, host and port are replaced by the public URL's."""
    server = own_instance(LICET_WORKERS=1,
                          LICET_BTCPAY_PUBLIC_URL="https://pay.example:8443",
                          **btcpay.settings())
    bought = sold(Api(server.url, server.admin_key, server.db))
    assert bought["checkout_url"] == \
        f"https://pay.example:8443/i/{bought['btcpay_invoice_id']}"


# 4.1 row 2: what a status means; with what is odd about it

MEANS = {
    ("New", "None"): "pending", ("New", "PaidPartial"): "pending",
    ("Processing", "None"): "pending", ("Processing", "PaidOver"): "pending",
    ("Settled", "None"): "settled", ("Settled", "PaidOver"): "settled",
    ("Settled", "Marked"): "settled", ("Expired", "None"): "expired",
    ("Expired", "PaidPartial"): "expired", ("Expired", "PaidLate"): "settled",
    ("Invalid", "None"): "invalid", ("Invalid", "Marked"): "invalid"}


@pytest.mark.parametrize("state", MEANS, ids="/".join)
def test_4_1_status(shop, btcpay, state):
    """4.1 row 2: Settled is settled, Expired, Invalid; else pending; paid in
    full after its expiry is paid."""
    bought = sold(shop)
    btcpay.change(bought["btcpay_invoice_id"], *state)
    assert press(shop, btcpay, bought) == 200
    assert status(shop, bought) == MEANS[state]


ODD = {"pay_late": ("late", None, "settled", 50000),
       "mark_settled": ("marked", None, "settled", 50000),
       "overpay": ("over", "over", "settled", 75000)}


@pytest.mark.parametrize("how", ODD)
def test_odd_payments_are_noted(shop, btcpay, btcpay_server, how):
    """4.1 row 2; what was paid, and how, is on the invoice and in the audit
    trail."""
    bought = sold(shop)
    getattr(btcpay, how)(bought["btcpay_invoice_id"])
    word, attention, now, paid = ODD[how]
    becomes(shop, bought, now)
    got = row(btcpay_server, bought)
    assert (got["payment_exception"], got["attention"], got["paid_sats"]) == \
        (word, attention, paid)
    assert len(events(btcpay_server, bought["invoice_id"],
                      "invoice." + word)) == 1
    assert issued(btcpay_server, bought) == 1


def test_part_of_it_is_noted_and_brings_no_license(
        shop, btcpay, btcpay_server):
    """Expired with money on it: somebody should pay it back."""
    bought = sold(shop)
    btcpay.expire(bought["btcpay_invoice_id"], partial=True)
    assert status(shop, bought) == "expired"
    got = row(btcpay_server, bought)
    assert (got["payment_exception"], got["attention"], got["paid_sats"]) == \
        ("partial", "partial", 25000)
    assert issued(btcpay_server, bought) == 0


@pytest.mark.parametrize("kind", ["InvoiceProcessing",
                                  "InvoiceExpiredPaidPartial"])
def test_news_of_money_are_looked_at(shop, btcpay, btcpay_server, kind):
    """Also the events that the contract doesn't name: paid, unconfirmed."""
    bought = sold(shop)
    btcpay.change(bought["btcpay_invoice_id"], "Processing", "None")
    assert press(shop, btcpay, bought, kind) == 200
    got = row(btcpay_server, bought)
    assert (got["status"], got["paid_sats"]) == ("pending", 50000)


# 4.2

def test_4_2_any_path_any_number_of_times(shop, btcpay, btcpay_server):
    """4.2: with the provider's id and without; 4.3: repeats are no-ops and
    always 200."""
    provider = btcpay_server.value("SELECT id FROM payment_providers"
                                   " WHERE disconnected_at IS NULL")
    base = btcpay_server.url + WEBHOOK
    bought = sold(shop)
    sent = btcpay.settle(bought["btcpay_invoice_id"], n=6,
                         targets=[base, f"{base}/{provider}"])
    assert [d.status for d in sent] == [200] * 6
    assert issued(btcpay_server, bought) == 1
    assert len(outbox(btcpay_server, "invoice_id", bought["invoice_id"],
                      "license.issued")) == 1


@pytest.mark.parametrize("path", ["", "/" + NOWHERE])
@pytest.mark.parametrize("kind", ["missing", "malformed", "wrong"])
def test_4_2_signature(shop, btcpay, kind, path):
    """4.2: missing, malformed or wrong: 401, and nothing changes; of an
    unknown provider 404."""
    bought = sold(shop)
    btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    _, body = btcpay.body(bought["btcpay_invoice_id"], "InvoiceSettled")
    headers = {"missing": {}, "malformed": {"BTCPay-Sig": "sha256=zz"},
               "wrong": {"BTCPay-Sig": btcpay.sign(body + b" ")}}[kind]
    r = shop.public("POST", WEBHOOK + path, data=body, headers=headers)
    refused(r, *((404, "not_found") if path else (401, "unauthorized")))
    assert status(shop, bought) == "pending"


def test_4_2_unknown_invoice_is_200(shop, btcpay):
    sent, = btcpay.deliver("NobodysInvoice", "InvoiceSettled")
    assert sent.status == 200


@pytest.mark.parametrize("kind", ["InvoiceSettled", "InvoicePaymentSettled",
                                  "InvoiceExpired", "InvoiceInvalid"])
def test_4_2_D9_nothing_is_believed_of_the_body(shop, btcpay, kind):
    """4.2, D9: the provider says New; also when it says nothing at all."""
    bought = sold(shop)
    assert press(shop, btcpay, bought, kind) == 200
    assert status(shop, bought) == "pending"
    with btcpay.away():
        assert press(shop, btcpay, bought, kind) == 200
    assert status(shop, bought) == "pending"


def test_4_2_tripwire(shop, btcpay, btcpay_server):
    """4.2: another amount is audited, and it goes on."""
    bought = sold(shop)
    btcpay.report_amount(bought["btcpay_invoice_id"], 40000)
    btcpay.settle(bought["btcpay_invoice_id"])
    assert status(shop, bought) == "settled"
    event, = events(btcpay_server, bought["invoice_id"],
                    "invoice.amount_mismatch")
    assert (event["details"]["amount_sats"],
            event["details"]["reported_sats"]) == (50000, 40000)


# 4.3

STATES = {"settled": "Settled", "expired": "Expired", "invalid": "Invalid"}


@pytest.mark.parametrize("first,then", itertools.permutations(STATES, 2))
def test_4_3_transitions(shop, btcpay, btcpay_server, first, then):
    """4.3, D9: settled is final; expired and invalid may become settled, not
    one another."""
    bought = sold(shop)
    for state in (first, then):
        btcpay.change(bought["btcpay_invoice_id"], STATES[state], "None")
        assert press(shop, btcpay, bought) == 200
    want = "settled" if "settled" in (first, then) else first
    assert status(shop, bought) == want
    assert issued(btcpay_server, bought) == (want == "settled")


def test_4_3_D2_settled_without_its_license_gets_it(
        shop, btcpay, btcpay_server):
    """D2: status and license are one transaction; were it otherwise (an old
    release, a backup), the next news mends it."""
    bought = sold(shop)
    btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    btcpay_server.db.execute(
        "UPDATE invoices SET status = 'settled', settled_at = licet_now()"
        " WHERE id = %s", [bought["invoice_id"]])
    assert press(shop, btcpay, bought) == 200
    paid = shop.poll(bought)
    assert shop.validate(paid["license_key"])["ok"] is True


def test_4_3_D2_refused_by_the_database_nothing_is_half_done(
        shop, btcpay, btcpay_server):
    """D2: one transaction: where the license can't be, the status isn't
    either, and the reconciler makes both good."""
    bought = sold(shop)
    btcpay_server.db.execute(
        "CREATE FUNCTION no_license() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no'; END $$")
    btcpay_server.db.execute(
        "CREATE TRIGGER no_license BEFORE INSERT ON licenses"
        " FOR EACH ROW EXECUTE FUNCTION no_license()")
    try:
        sent, = btcpay.settle(bought["btcpay_invoice_id"])
        assert sent.status == 500
        assert status(shop, bought) == "pending"
        assert not events(btcpay_server, bought["invoice_id"],
                          "invoice.settle")
    finally:
        btcpay_server.db.execute("DROP FUNCTION no_license CASCADE")
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled")
    assert issued(btcpay_server, bought) == 1


# 4.5

def age(server, bought, text):
    server.db.execute("UPDATE invoices SET created_at = licet_now() -"
                      " %s::interval WHERE id = %s",
                      [text, bought["invoice_id"]])


@pytest.mark.parametrize("old", ["1 hour", "71 hours", "80 hours", "29 days"])
def test_4_5_D3_lost_webhooks_are_caught_up_with(
        shop, btcpay, btcpay_server, old):
    """4.5; D3: older than 72 hours too, if more slowly."""
    bought = sold(shop)
    btcpay.settle(bought["btcpay_invoice_id"], notify=False)
    age(btcpay_server, bought, old)
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled")


def test_4_5_D3_slow_poll_after_72_hours(shop, btcpay, btcpay_server):
    bought = sold(shop)
    age(btcpay_server, bought, "73 hours")
    hurry(btcpay_server, bought["invoice_id"])
    wait_for(lambda: btcpay_server.value(
        "SELECT next_check_at > licet_now() + interval '5 hours' FROM "
        "invoices WHERE id = %s", bought["invoice_id"]), 60, "it was claimed")
    assert status(shop, bought) == "pending"


def test_4_5_D3_reconciler_applies_upgrades(shop, btcpay, btcpay_server):
    """D3: no license comes of a tier change; the one there is moves."""
    tiers = Tiers(shop)
    had = shop.buy(tiers.product, policy_slug=LOW)
    btcpay.settle(had["btcpay_invoice_id"])
    had.update(shop.poll(had))
    bought = tiers.upgrade(had["license_key"], HIGH)
    btcpay.settle(bought["provider_invoice_id"], notify=False)
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled")
    assert issued(btcpay_server, bought) == 0
    assert tiers.policy_of(had["license_id"]) == tiers.id[HIGH]


def test_4_5_D3_reconciler_applies_renewals(renewals, btcpay):
    """D3: the cycle is paid for, and nobody gets a second license."""
    s = renewals.subscribe()
    bill = renewals.due(s)
    btcpay.settle(bill["provider_invoice_id"], notify=False)
    hurry(renewals.server, bill["id"])
    renewals.becomes(s, "active")
    assert renewals.lic(s)["expires_at"] == bill["cycle_end_at"]
    assert renewals.server.value(
        "SELECT count(*) FROM licenses WHERE product_id = %s",
        s["product"]["id"]) == 1


def test_4_5_lost_answer_to_the_create(shop, btcpay, btcpay_server):
    """The invoice is found by our id; the provider has made one."""
    btcpay.lose_create()
    refused(order(shop), 502, "upstream_error")
    sent, = created(btcpay)
    bought = {"invoice_id": sent["json"]["metadata"]["orderId"]}
    theirs, = btcpay.orders[bought["invoice_id"]]
    btcpay.settle(theirs.id, notify=False)
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled")
