"""A shop whose policies tip a Lightning address, and whose clock the test
moves, along with those of the provider and of the address's host."""
from lib.client import Api
from lib.process import wait_for

PAY = "/lightning/BTC/invoices/pay"
LOOK = "/lightning/BTC/payments/"


class TipShop(Api):
    def __init__(self, server, fake, host):
        super().__init__(server.url, server.admin_key, server.db)
        self.server, self.fake, self.host = server, fake, host
        fake.webhook_urls = [server.url + "/v1/btcpay/webhook"]
        self.before = len(host.made)
        self.tell_the_time()

    def made(self):
        """The invoices that the host handed out, since this began."""
        return self.host.made[self.before:]

    def paid(self):
        """Those of them that the node has paid."""
        return [m for m in self.made()
                if m in self.host.paid(self.fake)]

    def tell_the_time(self):
        self.host.shift = self.fake.shift = \
            self.server.clock.shift().total_seconds()

    def order(self, bps=1000, sats=50000, recipient=None, **fields):
        """A purchase not yet paid."""
        product = self.product(price_sats=sats)
        policy = self.policy(
            product, tip_pct_bps=bps,
            tip_recipient=recipient or self.host.address(), **fields)
        return self.buy(product, policy_slug=policy["slug"])

    def sell(self, **how):
        """A purchase that is paid, with its license."""
        bought = self.order(**how)
        self.settle(bought)
        return bought

    def settle(self, bought):
        if "license_id" not in bought:
            self.fake.settle(bought["btcpay_invoice_id"])
        wait_for(lambda: self.poll(bought)["license_id"], 60,
                 "the license is there", pause=0.03)
        bought.update(self.poll(bought))
        return bought

    def tip(self, bought):
        return self.server.row("SELECT * FROM tip_attempts"
                               " WHERE license_id = %s", bought["license_id"])

    def wake(self, name="tips"):
        self.server.db.execute("SELECT pg_notify('licet_jobs', %s)", [name])

    def hurry(self, bought):
        """Its next look is due."""
        self.server.db.execute(
            "UPDATE tip_attempts SET next_check_at = licet_now()"
            " WHERE license_id = %s AND next_check_at IS NOT NULL",
            [bought["license_id"]])
        self.wake()

    def until(self, bought, good, what):
        """Wakes the job until the tip's row is good; the row."""
        def there():
            row = self.tip(bought)
            if good(row):
                return row
            self.wake()
            return None
        return wait_for(there, 60, what, pause=0.05)

    def becomes(self, bought, status):
        return self.until(bought, lambda t: t["status"] == status,
                          f"the tip is {status}")

    def waits(self, bought, status="paying"):
        """Until it was tried and nothing is certain; the row."""
        return self.until(
            bought, lambda t: t["status"] == status and
            t["detail"] is not None, f"the tip is {status} with a reason")

    def move(self, **how):
        """Time passes for all three."""
        self.server.clock.move(**how)
        self.tell_the_time()

    def asked_to_pay(self):
        return self.fake.asked("POST", PAY)
