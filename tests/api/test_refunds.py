"""Refunds by the vendor: made once, whatever is lost; and what follows."""
import pytest

from lib.check import NOWHERE, events, is_uuid, outbox
from lib.client import expect, refused
from lib.process import wait_for
from lib.renewals import Shop
from lib.waiting import Asker

REFUND = r"/invoices/[^/]+/refund$"


@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared):
    return make_instance(
        movable=True, name="refunds", LICET_RENEWAL_SECONDS=1,
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings())


class Refunds(Shop):
    def sell(self, **fields):
        bought = self.buy(self.product(), buyer_email="a@example.org",
                          **fields)
        self.fake.settle(bought["btcpay_invoice_id"])
        bought.update(self.paid(bought["invoice_id"]))
        return bought

    def ask(self, invoice_id, **body):
        return self.admin("POST", f"/invoices/{invoice_id}/refund", body)

    def refund(self, invoice_id, **body):
        return expect(self.ask(invoice_id, **body), 200)

    def rows(self, invoice_id):
        return self.server.rows("SELECT * FROM refunds WHERE invoice_id = %s"
                                " ORDER BY created_at", invoice_id)

    def pulls(self, bought):
        """What the provider made for this purchase."""
        return [p for p in self.fake.pull_payments.values()
                if p.invoice.id == bought["btcpay_invoice_id"]]

    def becomes_made(self, invoice_id, status="made"):
        def there():
            self.server.db.execute("SELECT pg_notify('licet_jobs',"
                                   " 'refunds')")
            return self.rows(invoice_id)[-1]["status"] == status
        wait_for(there, 60, f"the refund is {status}", pause=0.05)

    def reason(self, bought):
        return self.validate(bought["license_key"]).get("reason")


@pytest.fixture
def shop(movable, btcpay):
    btcpay.shift = movable.clock.shift().total_seconds()
    yield Refunds(movable, btcpay)
    movable.db.execute("UPDATE refunds SET next_check_at = NULL")
    movable.check_workers()


def test_a_purchase_is_refunded(shop):
    sold = shop.sell()
    made = shop.refund(sold["invoice_id"], reason="did not like it")
    pull, = shop.pulls(sold)
    assert made == {
        "ok": True, "refund_id": made["refund_id"],
        "claim_url": f"{shop.fake.url}/pull-payments/{pull.id}",
        "license_id": sold["license_id"], "license_revoked": True}
    assert is_uuid(made["refund_id"])
    assert (pull.currency, pull.amount) == ("BTC", pull.invoice.amount)
    row, = shop.rows(sold["invoice_id"])
    assert (row["status"], row["provider_refund_id"], row["variant"],
            row["next_check_at"]) == ("made", pull.id, "RateThen", None)
    lic = shop.lic(sold)
    assert (lic["status"], lic["revocation_reason"]) == (
        "revoked", "did not like it")
    assert shop.reason(sold) == "revoked"
    told, = events(shop.server, sold["invoice_id"], "invoice.refund")
    assert told["actor_kind"] == "admin_api_key" or told["actor_hash"]
    assert len(events(shop.server, sold["license_id"],
                      "license.revoke")) == 1
    news, = outbox(shop.server, "license_id", sold["license_id"],
                   "license.revoked")
    assert news["data"] == {"license_id": sold["license_id"],
                            "reason": "did not like it"}


def test_the_invoice_tells_of_it_without_the_link(shop):
    sold = shop.sell()
    made = shop.refund(sold["invoice_id"])
    seen = shop.do("GET", f"/invoices/{sold['invoice_id']}")
    one, = seen["refunds"]
    assert (one["id"], one["status"]) == (made["refund_id"], "made")
    assert made["claim_url"] not in str(seen)


def test_asking_again_answers_the_same(shop):
    sold = shop.sell()
    first = shop.refund(sold["invoice_id"])
    assert shop.refund(sold["invoice_id"]) == first
    assert len(shop.pulls(sold)) == 1
    assert len(events(shop.server, sold["invoice_id"],
                      "invoice.refund")) == 1
    assert len(outbox(shop.server, "license_id", sold["license_id"],
                      "license.revoked")) == 1


def test_two_at_once_make_one(shop):
    sold = shop.sell()
    shop.fake.slow(0.3)
    askers = [Asker(shop, "POST", f"/invoices/{sold['invoice_id']}/refund",
                    {}) for _ in range(6)]
    for a in askers:
        a.join()
    codes = sorted(a.response.status_code for a in askers)
    assert codes[0] == 200 and set(codes) <= {200, 409, 502}, codes
    assert len(shop.pulls(sold)) == 1
    assert len(shop.rows(sold["invoice_id"])) == 1


def test_unknown_invoice(shop):
    refused(shop.ask(NOWHERE), 404, "not_found")


@pytest.mark.parametrize("body", [{"variant": "Custom"}, {"variant": ""},
                                  {"variant": 1}, {"reason": "x" * 501}])
def test_what_is_no_request(shop, body):
    sold = shop.sell()
    refused(shop.ask(sold["invoice_id"], **body), 400, "bad_request")
    assert shop.rows(sold["invoice_id"]) == []


def test_only_what_is_settled(shop):
    bought = shop.buy(shop.product())
    refused(shop.ask(bought["invoice_id"]), 400, "bad_request")
    shop.fake.expire(bought["btcpay_invoice_id"])
    wait_for(lambda: shop.poll(bought)["status"] == "expired", 60, "expired")
    refused(shop.ask(bought["invoice_id"]), 400, "bad_request")


def test_only_what_was_paid(shop):
    product = shop.product()
    policy = shop.policy(product, price_sats_override=0)
    free = shop.buy(product, policy_slug=policy["slug"])
    refused(shop.ask(free["invoice_id"]), 400, "bad_request")


def test_only_by_a_provider_that_can(api):
    bought = api.buy(api.product())
    api.pay(bought)
    refused(api.admin("POST", f"/invoices/{bought['invoice_id']}/refund", {}),
            400, "bad_request")


def test_only_for_administrators(shop):
    refused(shop.public("POST", f"/v1/admin/invoices/{NOWHERE}/refund", {}),
            401, "unauthorized")


# What the provider says

@pytest.mark.parametrize("fault", ["400", "403", "404", "422"])
def test_a_refusal_fails_it(shop, fault):
    """Nothing changes, and it can be tried anew."""
    sold = shop.sell()
    shop.fake.spoil(fault, method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    row, = shop.rows(sold["invoice_id"])
    assert row["status"] == "failed" and fault in row["detail"]
    assert shop.validate(sold["license_key"])["ok"] is True
    assert events(shop.server, sold["invoice_id"], "invoice.refund_failed")
    shop.refund(sold["invoice_id"])
    assert [r["status"] for r in shop.rows(sold["invoice_id"])] == [
        "failed", "made"]
    assert len(shop.pulls(sold)) == 1


LOST = ["lost", "done:500", "done:garbage", "done:truncated", "done:429"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_found_by_the_job(shop, fault):
    sold = shop.sell()
    shop.fake.spoil(fault, method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    assert shop.rows(sold["invoice_id"])[0]["status"] == "asked"
    assert shop.validate(sold["license_key"])["ok"] is True
    shop.clock.move(seconds=121)
    shop.becomes_made(sold["invoice_id"])
    assert shop.reason(sold) == "revoked"
    assert len(shop.pulls(sold)) == 1
    made = shop.refund(sold["invoice_id"])
    assert made["claim_url"].endswith(shop.pulls(sold)[0].id)


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_found_by_asking_again(shop, fault):
    sold = shop.sell()
    shop.fake.spoil(fault, method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    shop.refund(sold["invoice_id"])
    assert len(shop.pulls(sold)) == 1
    assert [r["status"] for r in shop.rows(sold["invoice_id"])] == ["made"]


def test_a_lost_question_is_asked_again_after_a_minute(shop):
    """Not sooner: it may still be on its way."""
    sold = shop.sell()
    shop.fake.spoil("hangup", method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    assert shop.pulls(sold) == []
    shop.clock.move(seconds=61)
    shop.refund(sold["invoice_id"])
    assert len(shop.pulls(sold)) == 1
    assert len(shop.rows(sold["invoice_id"])) == 1


@pytest.mark.parametrize("fault", ["403", "404", "500", "hangup"])
def test_not_being_able_to_look_is_no_proof(shop, fault):
    """A key that may not list refunds must not lead to a second one."""
    sold = shop.sell()
    shop.fake.spoil("lost", method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    shop.clock.move(seconds=61)
    rule = shop.fake.spoil(fault, times=None, method="GET",
                           path="/pull-payments")
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    shop.clock.move(hours=2)
    shop.server.db.execute("SELECT pg_notify('licet_jobs', 'refunds')")
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    assert len(shop.pulls(sold)) == 1
    assert [r["status"] for r in shop.rows(sold["invoice_id"])] == ["asked"]
    shop.fake.mend(rule)
    shop.refund(sold["invoice_id"])
    assert len(shop.pulls(sold)) == 1


def test_one_that_was_never_made_fails_after_an_hour(shop):
    sold = shop.sell()
    shop.fake.spoil("hangup", method="POST", path=REFUND)
    refused(shop.ask(sold["invoice_id"]), 502, "upstream_error")
    shop.clock.move(seconds=3700)
    shop.becomes_made(sold["invoice_id"], "failed")
    assert shop.validate(sold["license_key"])["ok"] is True
    shop.refund(sold["invoice_id"])
    assert len(shop.pulls(sold)) == 1


# What follows

def test_its_subscription_ends(shop):
    s = shop.subscribe()
    shop.refund(s["first"])
    after = shop.sub(s)
    assert (after["status"], after["cancellation_reason"],
            after["next_attempt_at"]) == ("cancelled", "refunded", None)
    assert len(shop.news(s, "subscription.cancelled")) == 1
    assert shop.lic(s)["status"] == "revoked"


def test_a_renewal_is_refunded(shop):
    """The license that it was for is revoked."""
    s = shop.subscribe()
    bill = shop.due(s)
    shop.pay_bill(bill)
    made = shop.refund(bill["id"])
    assert (made["license_id"], made["license_revoked"]) == (
        str(s["license_id"]), True)
    assert shop.sub(s)["status"] == "cancelled"
    assert shop.lic(s)["status"] == "revoked"


def test_a_surplus_payment_goes_back_and_the_license_stays(shop):
    """A cycle that was paid twice: the second payment had no effect."""
    s = shop.subscribe(grace_period_days=20)
    first = shop.due(s)
    shop.fake.expire(first["provider_invoice_id"])
    wait_for(lambda: shop.server.value(
        "SELECT status FROM invoices WHERE id = %s", first["id"])
        == "expired", 60, "the first bill is expired")
    shop.clock.move(days=2)
    second = shop.billed(s, 2) if len(shop.bills(s, 2)) > 1 else \
        wait_for(lambda: [b for b in shop.bills(s, 2)
                          if b["id"] != first["id"]
                          and b["announced_at"]], 60, "billed again")[0]
    shop.pay_bill(second)
    shop.fake.pay_late(first["provider_invoice_id"])
    wait_for(lambda: shop.server.value(
        "SELECT attention FROM invoices WHERE id = %s", first["id"])
        == "surplus", 60, "the first payment is surplus")
    made = shop.refund(first["id"])
    assert made["license_revoked"] is False
    assert shop.sub(s)["status"] == "active"
    assert shop.validate(s["key"])["ok"] is True
    assert shop.server.value("SELECT attention FROM invoices WHERE id = %s",
                             first["id"]) is None


def test_what_was_paid_too_much_goes_back_and_the_license_stays(shop):
    bought = shop.buy(shop.product())
    shop.fake.overpay(bought["btcpay_invoice_id"])
    bought.update(shop.paid(bought["invoice_id"]))
    made = shop.refund(bought["invoice_id"], variant="OverpaidAmount")
    assert made["license_revoked"] is False
    pull, = shop.pulls(bought)
    assert pull.amount == pull.invoice.amount / 2
    assert shop.validate(bought["license_key"])["ok"] is True
    assert outbox(shop.server, "license_id", bought["license_id"],
                  "license.revoked") == []


def test_an_open_upgrade_is_cancelled(shop):
    product = shop.product()
    low = shop.policy(product, tier_rank=1, price_sats_override=1000)
    high = shop.policy(product, tier_rank=2, price_sats_override=9000)
    bought = shop.buy(product, policy_slug=low["slug"])
    shop.fake.settle(bought["btcpay_invoice_id"])
    bought.update(shop.paid(bought["invoice_id"]))
    up = expect(shop.public("POST", "/v1/upgrade", {
        "license_key": bought["license_key"],
        "target_policy_slug": high["slug"]}), 200)
    shop.refund(bought["invoice_id"])
    change = shop.server.row("SELECT * FROM tier_changes WHERE id = %s",
                             up["tier_change_id"])
    assert change["cancelled_at"] is not None
    assert shop.server.value("SELECT status FROM invoices WHERE id = %s",
                             up["invoice_id"]) == "expired"


def test_a_license_that_was_revoked_before(shop):
    """Its reason stays, and nothing is told twice."""
    sold = shop.sell()
    shop.revoke(sold["license_id"], reason="fraud")
    shop.refund(sold["invoice_id"])
    assert shop.lic(sold)["revocation_reason"] == "fraud"
    assert len(outbox(shop.server, "license_id", sold["license_id"],
                      "license.revoked")) == 1
