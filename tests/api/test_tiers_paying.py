"""Moves between policies whose money goes through a BTCPay Server that may
be late, silent or wrong; and those that the renewal worker makes."""
import pytest

from lib.check import events, outbox
from lib.client import Api, expect, refused
from lib.process import wait_for
from lib.sales import created, hurry
from lib.tiers import EVER, HIGH, LOW, TOP, Shop, invoice, subscription


class Buyers(Shop):
    """Their payments go through the fake, told by its webhooks."""

    def __init__(self, api, btcpay, **product):
        self.btcpay = btcpay
        super().__init__(api, **product)

    def buy(self, slug, **fields):
        bought = self.api.buy(self.product, policy_slug=slug, **fields)
        self.btcpay.pay(bought["btcpay_invoice_id"])
        wait_for(lambda: self.api.poll(bought)["license_key"], 60, "the key")
        return self.api.poll(bought)

    def pay(self, bought, **how):
        self.btcpay.pay(bought["provider_invoice_id"], **how)

    def at(self, bought):
        return self.btcpay.invoices[bought["provider_invoice_id"]]

    def is_on(self, had, slug):
        return self.policy_of(had["license_id"]) == self.id[slug]


@pytest.fixture
def buyers(shop, btcpay):
    return Buyers(shop, btcpay)


def test_provider_is_told_what_it_is_for(buyers, btcpay):
    """4.1: intent, licenseId, fromPolicyId, toPolicyId in the metadata."""
    had = buyers.buy(LOW)
    bought = buyers.upgrade(had["license_key"], HIGH)
    sent = created(btcpay)[-1]["json"]
    assert sent["amount"] == "0.00005800"
    want = {"orderId": bought["invoice_id"], "intent": "tier_change",
            "licenseId": had["license_id"], "fromPolicyId": buyers.id[LOW],
            "toPolicyId": buyers.id[HIGH],
            "productId": buyers.product["id"]}
    assert want.items() <= sent["metadata"].items()
    expect(buyers.change(had["license_id"], TOP), 200)
    assert created(btcpay)[-1]["json"]["metadata"]["intent"] == \
        "admin_tier_change"


def test_webhooks_make_it_once(buyers, btcpay_server):
    had = buyers.buy(LOW)
    bought = buyers.upgrade(had["license_key"], HIGH)
    buyers.pay(bought)
    buyers.btcpay.deliver(bought["provider_invoice_id"], "InvoiceSettled")
    wait_for(lambda: buyers.is_on(had, HIGH), 60, "the upgrade")
    assert len(outbox(btcpay_server, "tier_change_id",
                      bought["tier_change_id"])) == 1


def test_older_invoice_is_taken_back(buyers):
    had = buyers.buy(LOW)
    first = buyers.upgrade(had["license_key"], HIGH)
    buyers.upgrade(had["license_key"], TOP)
    assert buyers.at(first).status == "Invalid"


@pytest.mark.parametrize("part", ["0.5", "1"])
def test_older_invoice_with_money_on_the_way_stays(buyers, part):
    """Called invalid, what was paid would have no effect."""
    had = buyers.buy(LOW)
    first = buyers.upgrade(had["license_key"], HIGH)
    buyers.btcpay.pay_part(first["provider_invoice_id"], part,
                           method="BTC-CHAIN")
    buyers.upgrade(had["license_key"], TOP)
    assert buyers.at(first).status != "Invalid"
    if part == "1":
        buyers.btcpay.confirm(first["provider_invoice_id"])
        wait_for(lambda: buyers.is_on(had, HIGH), 60, "the upgrade")


def test_provider_refuses(buyers, btcpay_server):
    had = buyers.buy(LOW)
    buyers.btcpay.spoil("422", method="POST", path="/invoices$")
    refused(buyers.ask("upgrade", had["license_key"], HIGH), 502,
            "upstream_error")
    (change,) = buyers.changes(had["license_id"])
    assert (change["status"], change["invoice_status"]) == (
        "cancelled", "invalid")
    bought = buyers.upgrade(had["license_key"], HIGH)
    buyers.pay(bought)
    wait_for(lambda: buyers.is_on(had, HIGH), 60, "the upgrade")


def test_lost_answer_is_found_again(buyers, btcpay_server):
    """The provider has the invoice; we never heard its id."""
    had = buyers.buy(LOW)
    buyers.btcpay.lose_create()
    refused(buyers.ask("upgrade", had["license_key"], HIGH), 502,
            "upstream_error")
    (change,) = buyers.changes(had["license_id"])
    assert change["status"] == "pending"
    remote = next(i for i in buyers.btcpay.invoices.values()
                  if i.metadata.get("orderId") == change["invoice_id"])
    buyers.btcpay.pay(remote.id, notify=False)
    hurry(btcpay_server, change["invoice_id"])
    wait_for(lambda: buyers.is_on(had, HIGH), 60, "the upgrade")


def test_void_that_fails_harms_nobody(buyers, btcpay_server):
    had = buyers.buy(LOW)
    first = buyers.upgrade(had["license_key"], HIGH)
    buyers.btcpay.spoil("500", method="POST", path="/status$")
    second = buyers.upgrade(had["license_key"], TOP)
    buyers.pay(second)
    wait_for(lambda: buyers.is_on(had, TOP), 60, "the upgrade")
    buyers.pay(first)
    wait_for(lambda: invoice(btcpay_server, first)["attention"], 60,
             "the stale payment is noted")
    assert invoice(btcpay_server, first)["attention"] == "void_change"
    assert buyers.is_on(had, TOP)


# With time going by

@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared):
    return make_instance(movable=True, name="tiers", LICET_RENEWAL_SECONDS=1,
                         LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings())


@pytest.fixture
def later(movable, btcpay):
    btcpay.webhook_urls = [movable.url + "/v1/btcpay/webhook"]
    yield Buyers(Api(movable.url, movable.admin_key, movable.db), btcpay)
    btcpay.reset()
    movable.check_workers()


def renewal(server, had):
    """The invoice of the next cycle, once the worker has announced it."""
    def one():
        return server.row(
            "SELECT i.* FROM invoices i WHERE i.license_id = %s AND i.kind ="
            " 'renewal' AND i.checkout_url <> ''", had["license_id"])
    wait_for(one, 60, "the renewal is billed")
    return one()


def test_worker_makes_the_downgrade_before_it_bills(later, movable):
    """4.8: scheduled changes that fell due are applied, then it is billed."""
    had = later.buy(HIGH)
    made = later.downgrade(had["license_key"], LOW)
    movable.clock.move(days=29)
    assert later.is_on(had, HIGH)
    movable.clock.move(days=1, seconds=60)
    due = renewal(movable, had)
    assert due["amount_sats"] == 3000
    assert later.is_on(had, LOW)
    (told,) = outbox(movable, "tier_change_id", made["tier_change_id"])
    assert (told["data"]["actor"], told["data"]["applied_via"]) == (
        "system", "renewal_worker")
    assert events(movable, had["license_id"],
                  "subscription.downgrade.applied")
    later.btcpay.pay(due["provider_invoice_id"])
    wait_for(lambda: subscription(movable, had["license_id"])["paid_cycle"]
             == 2, 60, "the renewal is paid")
    assert later.license(had["license_id"])["entitlements"] == [LOW]


def test_cancelled_downgrade_is_not_made(later, movable):
    had = later.buy(HIGH)
    later.downgrade(had["license_key"], LOW)
    expect(later.ask("downgrade/cancel", had["license_key"]), 200)
    movable.clock.move(days=30, seconds=60)
    assert renewal(movable, had)["amount_sats"] == 9000
    assert later.is_on(had, HIGH)


def test_upgrade_is_billed_at_its_price(later, movable):
    """2.8: listed_value is updated; the next cycle costs L(to)."""
    had = later.buy(LOW)
    later.pay(later.upgrade(had["license_key"], HIGH))
    wait_for(lambda: later.is_on(had, HIGH), 60, "the upgrade")
    movable.clock.move(days=30, seconds=60)
    assert renewal(movable, had)["amount_sats"] == 9000


def test_price_of_a_day_buys_no_cycle(later, movable):
    """Quoted with a day to go, paid after the renewal at the old price."""
    had = later.buy(LOW)
    movable.clock.move(days=28, hours=23)
    bought = later.upgrade(had["license_key"], HIGH)
    assert bought["amount_sats"] == 6000 * 1 // 30
    movable.clock.move(days=1, hours=2)
    later.btcpay.pay(renewal(movable, had)["provider_invoice_id"])
    wait_for(lambda: subscription(movable, had["license_id"])["paid_cycle"]
             == 2, 60, "the renewal is paid")
    later.pay(bought)
    wait_for(lambda: invoice(movable, bought)["attention"], 60,
             "the late payment is noted")
    assert invoice(movable, bought)["attention"] == "void_change"
    assert later.is_on(had, LOW)


def test_downgrade_while_a_renewal_is_due(later, movable):
    """The next renewal is now: it is billed anew, at the lower price."""
    had = later.buy(HIGH)
    movable.clock.move(days=30, seconds=60)
    dear = renewal(movable, had)
    assert dear["amount_sats"] == 9000
    later.downgrade(had["license_key"], LOW)
    wait_for(lambda: later.is_on(had, LOW), 60, "the worker makes it")

    def cheap():
        return movable.row(
            "SELECT i.* FROM invoices i WHERE i.license_id = %s AND i.kind ="
            " 'renewal' AND i.status = 'pending' AND i.checkout_url <> ''",
            had["license_id"])
    wait_for(cheap, 60, "it is billed anew")
    assert cheap()["amount_sats"] == 3000
    later.btcpay.pay(cheap()["provider_invoice_id"])
    wait_for(lambda: subscription(movable, had["license_id"])["status"]
             == "active", 60, "the renewal is paid")
    assert subscription(movable, had["license_id"])["paid_cycle"] == 2


def test_nobody_is_billed_after_the_move_to_perpetual(later, movable):
    had, other = later.buy(LOW), later.buy(LOW)
    later.pay(later.upgrade(had["license_key"], EVER))
    wait_for(lambda: later.is_on(had, EVER), 60, "the upgrade")
    movable.clock.move(days=30, seconds=60)
    renewal(movable, other)
    assert movable.value("SELECT count(*) FROM invoices WHERE license_id = %s"
                         " AND kind = 'renewal'", had["license_id"]) == 0
    movable.clock.move(days=300)
    assert later.api.validate(had["license_key"])["ok"]


def test_new_subscription_is_billed_after_its_first_cycle(later, movable):
    """D7: perpetual to recurring, then on like any other."""
    later.add("plan", tier_rank=9, price_sats_override=99000)
    had = later.buy(EVER)
    later.pay(later.upgrade(had["license_key"], "plan"))
    wait_for(lambda: later.is_on(had, "plan"), 60, "the upgrade")
    movable.clock.move(days=30, seconds=60)
    due = renewal(movable, had)
    assert due["amount_sats"] == 99000
    later.btcpay.pay(due["provider_invoice_id"])
    wait_for(lambda: subscription(movable, had["license_id"])["paid_cycle"]
             == 2, 60, "the renewal is paid")
