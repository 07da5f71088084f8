"""Mail about subscriptions: due with a link to pay, renewed with the new key,
lapsed; each once, and only while it is true."""
import pytest

from lib.mails import Mails
from lib.renewals import Shop

GRACE = 3


class MailShop(Mails, Shop):
    def __init__(self, server, fake, smtp):
        Shop.__init__(self, server, fake)
        self.smtp = smtp


@pytest.fixture(scope="module")
def movable(make_instance, btcpay_shared, smtp_shared):
    return make_instance(
        movable=True, name="mailing", LICET_RENEWAL_SECONDS=1,
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings(),
        **smtp_shared.settings())


@pytest.fixture
def shop(movable, btcpay, smtp):
    yield MailShop(movable, btcpay, smtp)
    movable.check_workers()


def subscribe(shop, **fields):
    to = shop.address()
    s = shop.subscribe(shop.product(name="Weekly", price_sats=700), email=to,
                       grace_period_days=GRACE, **fields)
    shop.told(to)
    return to, s


def test_due_paid_and_renewed(shop):
    to, s = subscribe(shop)
    bill = shop.due(s)
    mail = shop.told(to, 2)
    assert mail.subject == "Your subscription to Weekly is due"
    assert bill["checkout_url"] in mail.text
    assert f'href="{bill["checkout_url"]}"' in mail.html.replace("&amp;", "&")
    assert "Pay 700 sats" in mail.text and s["key"] not in mail.text
    shop.pay_bill(bill)
    mail = shop.told(to, 3)
    assert mail.subject == "Weekly is renewed"
    new = shop.poll({"invoice_id": s["first"]})["license_key"]
    assert new in mail.text and new != s["key"]
    assert "Paid: 700 sats" in mail.text and str(bill["id"]) in mail.text
    assert [(r["kind"], r["status"]) for r in shop.rows(to)][:2] == [
        ("receipt", "sent"), ("renewal_due", "sent")]


def test_each_cycle_is_told(shop):
    to, s = subscribe(shop)
    for n in range(2):
        bill = shop.due(s)
        shop.told(to, 2 + 2 * n)
        shop.pay_bill(bill)
        shop.told(to, 3 + 2 * n)
    kinds = [r["kind"] for r in shop.rows(to)]
    assert kinds.count("renewal_due") == kinds.count("renewed") == 2


def test_lapsed(shop):
    to, s = subscribe(shop)
    bill = shop.due(s)
    shop.told(to, 2)
    shop.clock.move(days=GRACE, seconds=5)
    Shop.becomes(shop, s, "lapsed")
    mail = shop.told(to, 3)
    assert mail.subject == "Your subscription to Weekly has lapsed"
    assert bill["checkout_url"] in mail.text
    assert "can still be paid" in " ".join(mail.text.split())


def test_trial_that_becomes_a_bill(shop):
    to = shop.address()
    product = shop.product(name="Tried", price_sats=700)
    s = shop.subscribe(product, email=to, trial_days=10,
                       grace_period_days=GRACE)
    assert shop.told(to).subject == "Your trial of Tried"
    shop.clock.move(days=7, seconds=70)
    assert shop.told(to, 2).subject.startswith("Your trial of Tried ends")
    bill = shop.due(s)
    mail = shop.told(to, 3)
    assert mail.subject == "Your trial of Tried is over: go on?"
    assert bill["checkout_url"] in mail.text
    assert "pay for the first 30 days" in " ".join(mail.text.split())


def test_paid_before_the_mail_leaves(shop):
    """The bill that was paid meanwhile is not asked for."""
    to, s = subscribe(shop)
    shop.smtp.way(to, rcpt="451 later")
    bill = shop.due(s)
    row = shop.tried(to, 1, "renewal_due")
    shop.pay_bill(bill)
    shop.smtp.well(to)
    shop.until(row["next_attempt_at"])
    row = Mails.becomes(shop, to, "skipped", "renewal_due")
    assert row["last_error"] == "the bill is not open any more"
    shop.until(shop.tried(to, 1, "renewed")["next_attempt_at"] or
               shop.clock.now())
    assert shop.told(to, 2).subject == "Weekly is renewed"


def test_news_told_twice_is_mailed_once(shop):
    to, s = subscribe(shop)
    shop.db.execute("UPDATE outbox SET fanned_out = false WHERE event_type ="
                    " 'license.issued' AND data->>'license_id' = %s",
                    [str(s["license_id"])])
    shop.settled()
    assert [r["kind"] for r in shop.rows(to)] == ["receipt"]
