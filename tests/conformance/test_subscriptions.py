"""2.8 cancel, 3.2 subscriptions, 4.2 to 4.5 as far as they settle, 4.8, and
the defects D1 to D7 and D34: row by row, by a clock that is moved."""
import datetime

import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import expect, refused
from lib.process import wait_for
from lib.renewals import DAY, Shop


@pytest.fixture(scope="module")
def server(make_instance, btcpay_shared, rates_shared):
    return make_instance(
        movable=True, name="cycles", LICET_RENEWAL_SECONDS=1,
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings(),
        **rates_shared.settings())


@pytest.fixture
def shop(server, btcpay, rates):
    yield Shop(server, btcpay)
    server.check_workers()


def cancel(shop, key, **body):
    return shop.public("POST", "/v1/subscriptions/cancel",
                       {"license_key": key, **body})


def end_by_admin(shop, s, body=None):
    return shop.do("POST", f"/subscriptions/{s['id']}/cancel", body)


def licenses_of(shop, s):
    return shop.server.value("SELECT count(*) FROM licenses WHERE"
                             " product_id = %s", s["product_id"])


# ---- 2.8 ----

def test_2_8_the_key_is_the_credential(shop):
    """Bad key, unknown, revoked or suspended: 401."""
    s = shop.subscribe()
    refused(cancel(shop, "LIC1-AAAA-AAAA"), 401, "unauthorized")
    refused(cancel(shop, s["key"][:-1] + (
        "A" if s["key"][-1] != "A" else "Q")), 401, "unauthorized")
    gone = shop.issue()
    shop.server.db.execute("DELETE FROM licenses WHERE id = %s",
                           [gone["license_id"]])
    refused(cancel(shop, gone["license_key"]), 401, "unauthorized")
    for verb in ("suspend", "revoke"):
        shop.do("POST", f"/licenses/{s['license_id']}/{verb}", {})
        refused(cancel(shop, s["key"]), 401, "unauthorized")


def test_2_8_no_subscription_404(shop):
    refused(cancel(shop, shop.issue()["license_key"]), 404, "not_found")


@pytest.mark.parametrize("past_due", [False, True])
def test_2_8_cancelled(shop, past_due):
    """{ok,subscription_id,status:"cancelled"} from active and past_due."""
    s = shop.subscribe()
    if past_due:
        shop.due(s)
    assert expect(cancel(shop, s["key"], reason="x"), 200) == {
        "ok": True, "subscription_id": str(s["id"]), "status": "cancelled"}


@pytest.mark.parametrize("status", ["cancelled", "lapsed"])
def test_2_8_already(shop, status):
    """{ok,already:STATUS,subscription_id} when not active or past_due."""
    s = shop.subscribe(grace_period_days=0)
    if status == "cancelled":
        cancel(shop, s["key"])
    else:
        shop.due(s)
        shop.becomes(s, "lapsed")
    assert expect(cancel(shop, s["key"]), 200) == {
        "ok": True, "already": status, "subscription_id": str(s["id"])}


def test_2_8_access_continues_to_the_end(shop):
    """... of the paid cycle, and no further: the days of grace were for a
    renewal to come.  The policy's own grace stays."""
    s = shop.subscribe()
    own = shop.subscribe(grace_seconds=3600)
    for one in (s, own):
        cancel(shop, one["key"])
    shop.until(s["next_renewal_at"], plus=-30)
    assert shop.validate(s["key"])["ok"]
    assert "in_grace_period" not in shop.validate(s["key"])
    assert shop.lic(s)["expires_at"] == s["next_renewal_at"]
    shop.until(own["next_renewal_at"], plus=30)
    assert shop.validate(s["key"])["reason"] == "expired"
    assert shop.validate(own["key"])["in_grace_period"] is True


# ---- 3.2 ----

def test_3_2_list(shop):
    """The named fields; status filters, 400 for a bad one; limit 1-1000."""
    s = shop.subscribe()
    mine, = [x for x in shop.do("GET", "/subscriptions")["subscriptions"]
             if x["id"] == str(s["id"])]
    assert set(mine) >= {
        "id", "license_id", "policy_id", "product_id", "period_days",
        "listed_currency", "listed_value", "status", "started_at",
        "next_renewal_at", "cancelled_at", "consecutive_failures"}
    for query, status in (("status=active", 200), ("status=past_due", 200),
                          ("status=cancelled", 200), ("status=lapsed", 200),
                          ("status=trialing", 400), ("limit=1", 200),
                          ("limit=1000", 200), ("limit=0", 400),
                          ("limit=1001", 400)):
        assert shop.admin("GET", f"/subscriptions?{query}").status_code == \
            status, query
    refused(shop.public("GET", "/v1/admin/subscriptions"), 401,
            "unauthorized")


def test_3_2_cancel(shop):
    """Optional {reason?}; as 2.8; 404 unknown."""
    s = shop.subscribe()
    assert end_by_admin(shop, s) == {
        "ok": True, "subscription_id": str(s["id"]), "status": "cancelled"}
    assert end_by_admin(shop, s, {"reason": "again"}) == {
        "ok": True, "already": "cancelled", "subscription_id": str(s["id"])}
    refused(shop.admin("POST", f"/subscriptions/{NOWHERE}/cancel"), 404,
            "not_found")
    refused(shop.public("POST", f"/v1/admin/subscriptions/{s['id']}/cancel"),
            401, "unauthorized")


# ---- 4.2 to 4.5 ----

def test_4_2_settled_is_never_believed_from_the_body(shop):
    """A signed InvoiceSettled of a bill that isn't paid: 200, no effect."""
    s = shop.subscribe()
    bill = shop.due(s)
    d, = shop.fake.deliver(bill["provider_invoice_id"], "InvoiceSettled")
    assert d.status == 200
    assert shop.sub(s)["paid_cycle"] == 1


def test_4_2_amount_tripwire(shop):
    """Another amount than asked: audited, and goes on."""
    s = shop.subscribe()
    bill = shop.due(s)
    shop.fake.report_amount(bill["provider_invoice_id"], 49999)
    shop.pay_bill(bill)
    assert len(events(shop.server, bill["id"], "invoice.amount_mismatch")) == 1
    assert shop.sub(s)["paid_cycle"] == 2


def test_4_3_settled_is_final(shop):
    """D9: a late expired or invalid changes nothing."""
    s = shop.subscribe()
    bill = shop.due(s)
    shop.pay_bill(bill)
    before = shop.sub(s)
    for word in (shop.fake.expire, shop.fake.invalidate):
        word(bill["provider_invoice_id"])
        now, = [b for b in shop.bills(s, 2)]
        assert now["status"] == "settled"
    assert shop.sub(s) == before


@pytest.mark.parametrize("word", ["expire", "invalidate"])
def test_4_3_unpaid_may_become_settled(shop, word):
    """expired|invalid to settled when the provider confirms."""
    s = shop.subscribe()
    bill = shop.due(s)
    getattr(shop.fake, word)(bill["provider_invoice_id"])
    wait_for(lambda: shop.bills(s, 2)[0]["status"] != "pending", 60, "it ends")
    shop.pay_bill(bill)
    assert shop.sub(s)["paid_cycle"] == 2


def test_4_3_repeats_are_no_ops(shop):
    """Always 200, one effect."""
    s = shop.subscribe()
    bill = shop.due(s)
    shop.fake.settle(bill["provider_invoice_id"], n=5, concurrently=True)
    wait_for(lambda: shop.sub(s)["paid_cycle"] == 2, 60, "it is paid")
    shop.fake.deliver(bill["provider_invoice_id"], "InvoiceSettled", n=3)
    assert {d.status for d in shop.fake.deliveries} == {200}
    assert len(shop.news(s, "subscription.renewed")) == 1
    assert shop.sub(s)["next_renewal_at"] == s["next_renewal_at"] + 30 * DAY


def test_4_4_issuance(shop):
    """Recurring: also the subscription; license.issued once."""
    s = shop.subscribe()
    told, = outbox(shop.server, "license_id", s["license_id"],
                   "license.issued")
    assert told["data"]["source"] == "purchase"
    assert told["data"]["policy_id"] == str(s["policy_id"])
    assert shop.lic(s)["metadata"]["source"] == "purchase"
    assert shop.lic(s)["buyer_email"] == "buyer@example.org"


def test_4_5_a_lost_webhook(shop):
    """D3: a renewal goes through the same pipeline by the reconciler."""
    s = shop.subscribe()
    bill = shop.due(s)
    shop.fake.settle(bill["provider_invoice_id"], notify=False)
    shop.server.db.execute("UPDATE invoices SET next_check_at = licet_now()"
                           " WHERE id = %s", [bill["id"]])
    wait_for(lambda: shop.sub(s)["paid_cycle"] == 2, 60, "it is found")
    assert licenses_of(shop, s) == 1


# ---- 4.8 ----

def test_4_8_first_due_dates(shop):
    """now + trial_days, else + period; cycle 1 is the purchase invoice."""
    paid = shop.subscribe(renewal_period_days=31)
    trial = shop.subscribe(renewal_period_days=31, trial_days=3,
                           email="one@example.org")
    assert paid["next_renewal_at"] - paid["started_at"] == 31 * DAY
    assert trial["next_renewal_at"] - trial["started_at"] == 3 * DAY
    for s in (paid, trial):
        first, = shop.bills(s)
        assert (str(first["id"]), first["cycle_number"]) == (s["first"], 1)


def test_4_8_snapshot(shop):
    """Later product edits do not touch it."""
    s = shop.subscribe()
    shop.do("PATCH", f"/products/{s['product_id']}", {"price_sats": 7})
    shop.do("PATCH", f"/policies/{s['policy_id']}",
            {"renewal_period_days": 3, "grace_period_days": 1})
    bill = shop.due(s)
    assert bill["amount_sats"] == 50000
    assert bill["cycle_end_at"] - bill["cycle_start_at"] == 30 * DAY


def test_4_8_renewal_pending(shop):
    """5: the event's data, all of it."""
    s = shop.subscribe()
    bill = shop.due(s)
    told, = shop.news(s, "subscription.renewal_pending")
    when = lambda t: t.astimezone(datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")
    assert told == {
        "subscription_id": str(s["id"]), "license_id": str(s["license_id"]),
        "product_id": str(s["product_id"]), "policy_id": str(s["policy_id"]),
        "invoice_id": str(bill["id"]), "checkout_url": bill["checkout_url"],
        "amount_sats": 50000, "listed_currency": "SAT", "listed_value": 50000,
        "cycle_number": 2, "cycle_start_at": when(s["next_renewal_at"]),
        "cycle_end_at": when(s["next_renewal_at"] + 30 * DAY),
        "due_at": when(s["next_renewal_at"]),
        "buyer_email": "buyer@example.org", "is_first_paid_cycle": False}


def test_4_1_renewals_say_what_they_are_for(shop):
    """subscriptionId and cycleStartAt in the provider's metadata."""
    s = shop.subscribe()
    bill = shop.due(s)
    seen = shop.fake.invoices[bill["provider_invoice_id"]].metadata
    assert seen["orderId"] == str(bill["id"])
    assert seen["subscriptionId"] == str(s["id"])
    assert seen["cycleStartAt"].startswith(
        s["next_renewal_at"].astimezone(datetime.timezone.utc)
        .strftime("%Y-%m-%d"))


def test_4_8_archived_policy(shop):
    """Audit + subscription.renewal_skipped, reason policy_archived, no
    invoice."""
    s = shop.subscribe()
    shop.do("PATCH", f"/policies/{s['policy_id']}/archived",
            {"archived": True})
    shop.until(s["next_renewal_at"])
    wait_for(lambda: shop.news(s, "subscription.renewal_skipped"), 60,
             "it is skipped")
    told, = shop.news(s, "subscription.renewal_skipped")
    assert told["reason"] == "policy_archived"
    assert told["policy_slug"] == s["policy"]["slug"]
    assert len(shop.told(s, "subscription.renewal_skipped")) == 1
    assert shop.bills(s, 2) == []


def test_4_8_failure_and_retries(shop):
    """failures+1, past_due; after 5 min, 30 min, 2 h, 6 h; stop at 5."""
    s = shop.subscribe()
    shop.fake.wrong("503")
    shop.until(s["next_renewal_at"])
    for n, wait in enumerate((300, 1800, 7200, 21600), 1):
        row = shop.fails(s, n)
        assert row["status"] == "past_due"
        assert (row["next_attempt_at"] - row["last_renewal_attempt_at"]) \
            .total_seconds() == wait
        shop.until(row["next_attempt_at"])
    row = shop.fails(s, 5)
    assert row["next_attempt_at"] == s["next_renewal_at"] + 7 * DAY
    shop.fake.reset()
    assert expect(
        shop.admin("POST", "/subscriptions/resume"), 200)["resumed"] >= 1
    assert shop.billed(s)["amount_sats"] == 50000
    assert shop.sub(s)["consecutive_failures"] == 0


def test_4_8_lapse(shop):
    """Past due longer than grace_period_days: lapsed, and validate says
    expired (D4)."""
    s = shop.subscribe(grace_period_days=2)
    shop.due(s)
    shop.until(s["next_renewal_at"] + 2 * DAY, plus=-60)
    assert shop.sub(s)["status"] == "past_due"
    assert shop.validate(s["key"])["ok"]
    shop.until(s["next_renewal_at"] + 2 * DAY)
    assert shop.validate(s["key"])["reason"] == "expired"
    shop.becomes(s, "lapsed")
    told, = shop.news(s, "subscription.lapsed")
    assert told == {"subscription_id": str(s["id"]),
                    "license_id": str(s["license_id"]),
                    "product_id": str(s["product_id"]),
                    "policy_id": str(s["policy_id"])}


@pytest.mark.parametrize("actor", ["buyer", "admin"])
def test_5_cancelled(shop, actor):
    """ids, actor, reason."""
    s = shop.subscribe()
    if actor == "buyer":
        cancel(shop, s["key"], reason="why")
    else:
        end_by_admin(shop, s, {"reason": "why"})
    told, = shop.news(s, "subscription.cancelled")
    assert told == {"subscription_id": str(s["id"]),
                    "license_id": str(s["license_id"]),
                    "product_id": str(s["product_id"]),
                    "policy_id": str(s["policy_id"]),
                    "actor": actor, "reason": "why"}


def test_4_8_cancelled_is_billed_no_more(shop):
    s = shop.subscribe()
    cancel(shop, s["key"])
    other = shop.subscribe()
    shop.until(other["next_renewal_at"])
    shop.billed(other)
    assert shop.bills(s, 2) == []


# ---- defects ----

def test_d1_a_renewal_extends_the_same_license(shop):
    s = shop.subscribe()
    shop.renew(s)
    assert licenses_of(shop, s) == 1
    assert shop.server.value("SELECT count(*) FROM subscriptions WHERE"
                             " product_id = %s", s["product_id"]) == 1
    assert shop.lic(s)["expires_at"] == s["next_renewal_at"] + 30 * DAY
    assert len(outbox(shop.server, "license_id", s["license_id"],
                      "license.issued")) == 1


def test_d1_a_trial_becomes_paid_and_the_key_is_derived_anew(shop):
    s = shop.subscribe(trial_days=5, email="d1@example.org")
    bill = shop.due(s)
    shop.pay_bill(bill)
    assert not shop.lic(s)["is_trial"]
    key = shop.poll({"invoice_id": bill["id"]})["license_key"]
    assert key is not None and key != s["key"]
    for k in (key, s["key"]):       # the older string still verifies
        assert shop.validate(k)["ok"]


def test_d2_a_settled_purchase_without_effect_is_fulfilled(shop):
    s = shop.subscribe()
    db = shop.server.db
    db.execute("DELETE FROM subscription_invoices WHERE subscription_id = %s",
               [s["id"]])
    db.execute("DELETE FROM licenses WHERE id = %s", [s["license_id"]])
    shop.clock.move(seconds=301)
    shop.server.db.execute("SELECT pg_notify('licet_jobs', 'housekeeping')")
    again = wait_for(lambda: shop.poll({"invoice_id": s["first"]})
                     ["license_id"], 60, "it is fulfilled")
    assert shop.sub(license_id=again)["status"] == "active"


def test_d3_recurring_licenses_without_subscription_get_one(shop):
    s = shop.subscribe()
    shop.server.db.execute("DELETE FROM subscriptions WHERE id = %s",
                           [s["id"]])
    shop.clock.move(seconds=301)
    shop.server.db.execute("SELECT pg_notify('licet_jobs', 'housekeeping')")
    wait_for(lambda: shop.sub(s), 60, "it has one again")
    assert shop.sub(s)["next_renewal_at"] == s["next_renewal_at"]


def test_d4_one_open_invoice_and_no_drift(shop):
    """An unpaid cycle is billed once, however long it takes; the next one
    starts at the previous end."""
    s = shop.subscribe(grace_period_days=20)
    bill = shop.due(s)
    for _ in range(3):
        shop.clock.move(days=5)
    assert len(shop.bills(s, 2)) == 1
    assert shop.fake.billed(str(bill["id"])) == 1
    assert len(shop.news(s, "subscription.renewal_pending")) == 1
    shop.pay_bill(bill)
    assert shop.sub(s)["next_renewal_at"] == s["next_renewal_at"] + 30 * DAY


def test_d5_renewals_cost_what_is_listed(shop):
    """After a discounted first cycle and after a trial: L(policy)."""
    product = shop.product(price_sats=50000)
    _, policy = shop.tier(product, price_sats_override=30000)
    code = shop.do("POST", "/discount-codes", {
        "code": f"HALF{product['id'][:6].upper()}", "kind": "percent",
        "amount": 5000, "product_slug": product["slug"]})
    bought = shop.buy(product, policy_slug=policy["slug"], code=code["code"])
    assert bought["amount_sats"] == 15000
    shop.fake.settle(bought["btcpay_invoice_id"])
    bought = shop.paid(bought["invoice_id"])
    s = shop.sub(license_id=bought["license_id"])
    assert s["listed_value"] == 30000
    assert shop.due(s)["amount_sats"] == 30000
    trial = shop.subscribe(trial_days=2, email="d5@example.org",
                           price_sats_override=40000)
    bill = shop.due(trial)
    assert trial["listed_value"] == bill["amount_sats"] == 40000 and bill["provider_id"] is not None


def test_d6_fiat_is_converted_at_the_days_rate(shop, rates):
    product = shop.product(price_currency="EUR", price_value=900)
    rates.set(EUR="90000")
    s = shop.subscribe(product)
    assert (s["listed_currency"], s["listed_value"]) == ("EUR", 900)
    rates.set(EUR="45000")
    bill = shop.due(s)
    assert bill["amount_sats"] == 20000
    assert (bill["listed_currency"], bill["listed_value"],
            bill["exchange_rate_centibps"], bill["exchange_rate_source"]) == (
        "EUR", 900, 450000000, "kraken")
    assert (bill["provider_id"], bill["buyer_email"]) == (
        s["payment_provider_id"], "buyer@example.org")
    shop.pay_bill(bill)
    assert shop.sub(s)["paid_cycle"] == 2


def test_d6_no_rate_is_a_failure_and_no_invoice(shop, rates):
    product = shop.product(price_currency="USD", price_value=900)
    s = shop.subscribe(product)
    for source in ("kraken", "coinbase", "coingecko"):
        rates.fail(source)
    shop.until(s["next_renewal_at"])
    row = shop.fails(s, 1)
    assert shop.bills(s, 2) == []
    rates.reset()
    shop.until(row["next_attempt_at"])
    assert shop.billed(s)["amount_sats"] == 9000


def test_d7_recurring_licenses_end_with_their_cycle(shop):
    """duration_seconds 0 isn't perpetual here; grace at least
    grace_period_days."""
    s = shop.subscribe(duration_seconds=0, grace_period_days=4)
    assert shop.lic(s)["expires_at"] == s["next_renewal_at"]
    assert shop.lic(s)["grace_seconds"] == 4 * 86400
    longer = shop.subscribe(duration_seconds=5 * 86400, grace_period_days=1,
                            grace_seconds=3 * 86400)
    assert shop.lic(longer)["expires_at"] - longer["started_at"] == 30 * DAY
    assert shop.lic(longer)["grace_seconds"] == 3 * 86400


def test_d34_first_paid_cycle_only_after_a_trial(shop):
    plain = shop.subscribe()
    trial = shop.subscribe(trial_days=4, email="d34@example.org")
    shop.due(plain)
    shop.pay_bill(shop.due(trial) if shop.sub(trial)["status"] == "active"
                  else shop.billed(trial))
    shop.due(trial)
    flags = lambda s: [n["is_first_paid_cycle"] for n in shop.news(
        s, "subscription.renewal_pending")]
    assert flags(plain) == [False]
    assert flags(trial) == [True, False]


def test_a_lost_answer_is_not_billed_twice(shop):
    """The provider made it, we never heard: found by our order id."""
    s = shop.subscribe()
    shop.fake.lose_create()
    shop.until(s["next_renewal_at"])
    shop.until(shop.fails(s, 1)["next_attempt_at"])
    bill = shop.billed(s)
    assert shop.fake.billed(str(bill["id"])) == 1
    assert len(shop.bills(s, 2)) == 1
    shop.pay_bill(bill)


