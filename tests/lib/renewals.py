"""A shop with subscriptions whose clock the test moves."""
import datetime

from lib.client import Api
from lib.process import wait_for

DAY = datetime.timedelta(days=1)


class Shop(Api):
    """Client of a movable instance that sells through a fake BTCPay Server."""

    def __init__(self, server, fake):
        super().__init__(server.url, server.admin_key, server.db)
        self.server, self.fake, self.clock = server, fake, server.clock
        fake.webhook_urls = [server.url + "/v1/btcpay/webhook"]

    # Buying

    def tier(self, product=None, **fields):
        product = product or self.product()
        fields.setdefault("is_recurring", True)
        fields.setdefault("renewal_period_days", 30)
        return product, self.policy(product, **fields)

    def subscribe(self, product=None, email="buyer@example.org", buying=None,
                  **fields):
        """The subscription's row, after its first cycle is paid."""
        product, policy = self.tier(product, **fields)
        bought = self.buy(product, policy_slug=policy["slug"],
                          buyer_email=email, **(buying or {}))
        if "license_key" not in bought:
            self.fake.settle(bought["btcpay_invoice_id"])
            bought.update(self.paid(bought["invoice_id"]))
        s = self.sub(license_id=bought["license_id"])
        s.update(key=bought["license_key"], first=bought["invoice_id"],
                 policy=policy, product=product)
        return s

    def paid(self, invoice_id):
        poll = {"invoice_id": invoice_id}
        wait_for(lambda: self.poll(poll)["status"] == "settled", 60,
                 "the invoice is settled", pause=0.03)
        return self.poll(poll)

    # Looking

    def sub(self, s=None, license_id=None):
        return self.server.row(
            "SELECT * FROM subscriptions WHERE license_id = %s",
            license_id or s["license_id"])

    def lic(self, s):
        return self.server.row("SELECT * FROM licenses WHERE id = %s",
                               s["license_id"])

    def bills(self, s, cycle=None):
        """Invoices of its cycles, oldest first, with what bills what."""
        return self.server.rows(
            "SELECT i.*, c.cycle_number, c.cycle_start_at, c.cycle_end_at,"
            " c.applied_at, c.superseded_at, c.announced_at"
            " FROM subscription_invoices c JOIN invoices i"
            " ON i.id = c.invoice_id WHERE c.subscription_id = %s"
            " AND (%s::int IS NULL OR c.cycle_number = %s)"
            " ORDER BY c.created_at, c.cycle_number", s["id"], cycle, cycle)

    def news(self, s, kind):
        rows = self.server.rows(
            "SELECT data FROM outbox WHERE event_type = %s AND"
            " data->>'subscription_id' = %s ORDER BY id", kind, str(s["id"]))
        return [r["data"] for r in rows]

    def told(self, s, action):
        return self.server.rows(
            "SELECT * FROM events WHERE action = %s AND target_id = %s"
            " ORDER BY occurred_at", action, str(s["id"]))

    # Time

    def until(self, when, plus=1):
        """Moves the clock to a time and some seconds."""
        return self.clock.set(when + datetime.timedelta(seconds=plus))

    def becomes(self, s, status, seconds=60):
        wait_for(lambda: self.sub(s)["status"] == status, seconds,
                 f"the subscription is {status}", pause=0.03)
        return self.sub(s)

    def billed(self, s, n=1):
        """Until its next cycle's nth invoice is with the buyer; that row."""
        def there():
            now = self.sub(s)
            bills = [b for b in self.bills(s, now["paid_cycle"] + 1)
                     if b["announced_at"] is not None]
            return len(bills) >= n and bills[n - 1]
        return wait_for(there, 60, "the cycle is billed", pause=0.03)

    def due(self, s):
        """Moves on to its due date; the invoice it is sent."""
        self.until(self.sub(s)["next_renewal_at"])
        return self.billed(s)

    def pay_bill(self, bill):
        self.fake.settle(bill["provider_invoice_id"])
        wait_for(lambda: self.server.value(
            "SELECT status FROM invoices WHERE id = %s",
            bill["id"]) == "settled", 60, "the bill is settled", pause=0.03)

    def renew(self, s):
        """A whole cycle: due, billed, paid; the row afterwards."""
        self.pay_bill(self.due(s))
        return self.sub(s)

    def fails(self, s, n):
        wait_for(lambda: self.sub(s)["consecutive_failures"] == n, 60,
                 f"billing failed {n} times", pause=0.03)
        return self.sub(s)
