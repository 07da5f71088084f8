"""A shop that sells through Zaprite, and renews with cards kept there."""
from lib import renewals
from lib.client import Api
from lib.process import wait_for


def connect(server, fake):
    """Connects Zaprite to the default profile; the provider's id."""
    api = Api(server.url, server.admin_key)
    return api.do("POST", "/zaprite/connect", {
        "api_key": fake.api_key, "base_url": fake.url})["provider_id"]


class Shop(renewals.Shop):
    """Client of an instance that Zaprite is connected to."""

    def __init__(self, server, fake, provider):
        super().__init__(server, fake)
        self.provider = provider
        self.path = f"/v1/zaprite/webhook/{provider}"
        fake.webhook_urls = [server.url + self.path]

    def forget_others(self):
        """What earlier tests left behind stays quiet when time passes."""
        for statement in (
                "UPDATE subscriptions SET next_attempt_at = NULL",
                "UPDATE subscription_invoices SET charge_next_at = NULL",
                "UPDATE card_contacts SET next_check_at = NULL",
                "UPDATE invoices SET next_check_at = NULL"):
            self.server.db.execute(statement)
        self.fake.requests.clear()

    def hook(self, event, path=None):
        return self.public("POST", path or self.path, event)

    def order(self, bought):
        return self.fake.orders[bought["btcpay_invoice_id"]]

    def begin(self, product=None, email="buyer@example.org", **fields):
        """A first cycle, not paid yet."""
        product, policy = self.tier(product, **fields)
        who = {} if email is None else {"buyer_email": email}
        return self.buy(product, policy_slug=policy["slug"], **who)

    def subscribe(self, card=True, product=None, email="buyer@example.org",
                  **fields):
        """The subscription's row after its first cycle is paid, and after
        the card was found if there is one."""
        bought = self.begin(product, email, **fields)
        self.fake.pay(bought["btcpay_invoice_id"])
        bought.update(self.paid(bought["invoice_id"]))
        s = self.sub(license_id=bought["license_id"])
        if card:
            self.look_for_cards()
            s = wait_for(lambda: self.has_card(s), 60, "the card is saved",
                         pause=0.03)
        s.update(key=bought["license_key"], first=bought["invoice_id"])
        return s

    def look_for_cards(self):
        self.server.db.execute(
            "UPDATE card_contacts SET next_check_at = licet_now()"
            " WHERE next_check_at IS NOT NULL")
        self.server.db.execute("SELECT pg_notify('licet_jobs', 'cards')")

    def has_card(self, s):
        now = self.sub(s)
        return now["zaprite_payment_profile_id"] and now

    def charges_of(self, bill):
        """(order, card, status) of each charge of this invoice's order."""
        return [c for c in self.fake.charges
                if c[0] == bill["provider_invoice_id"]]

    def cycle(self, s, n=2):
        """The cycle's invoice in force, with its charge; None: none yet."""
        rows = self.server.rows(
            "SELECT i.*, c.announced_at, c.charge_next_at,"
            " c.charge_started_at, c.charge_failed_at"
            " FROM subscription_invoices c JOIN invoices i"
            " ON i.id = c.invoice_id WHERE c.subscription_id = %s"
            " AND c.cycle_number = %s AND c.superseded_at IS NULL",
            s["id"], n)
        return rows[0] if rows else None

    def fall_due(self, s):
        self.until(self.sub(s)["next_renewal_at"])
        return self.charge_soon()

    def charge_soon(self):
        self.server.db.execute("SELECT pg_notify('licet_jobs', 'charges')")

    def reaches(self, s, what, condition, n=2):
        """Waits until its cycle's invoice is so; charges are hurried."""
        def there():
            self.charge_soon()
            row = self.cycle(s, n)
            return row is not None and condition(row) and row
        return wait_for(there, 60, what, pause=0.1)

    def renewed(self, s, n=2):
        self.reaches(s, f"cycle {n} is paid and seen to", lambda c:
                     c["status"] == "settled" and c["charge_next_at"] is None,
                     n)
        return self.sub(s)

    def announced(self, s, n=2):
        return self.reaches(s, f"cycle {n} is announced",
                            lambda c: c["announced_at"] is not None, n)
