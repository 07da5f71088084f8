"""What happens at Zaprite: orders that are paid by card, cards that are kept
and charged, webhooks that nobody signs."""
from fake.zaprite import OPEN, PAID, SHAPES, FakeZaprite

PATH = "/v1/zaprite/webhook/"


def said(order):
    """What an order is to us in the end."""
    if order.status in PAID:
        return "settled"
    return "pending" if order.status in OPEN else "invalid"


class Cards:
    """Mixed into the world."""

    def open_cards(self):
        self.zaprite = FakeZaprite().start()
        self.card_path = None

    def connect_cards(self, api):
        made = api.do("POST", "/zaprite/connect", {
            "api_key": self.zaprite.api_key, "base_url": self.zaprite.url})
        self.card_path = PATH + made["provider_id"]

    def turn_cards(self, rng):
        self.zaprite.webhook_urls = [
            r.url + self.card_path for r in self.server.replicas]
        rng.shuffle(self.zaprite.webhook_urls)
        self.zaprite.shape = rng.choice(sorted(SHAPES))

    def orders(self, *statuses, days=1000):
        return [o for o in list(self.zaprite.orders.values())
                if o.status in statuses and
                self.zaprite.now - o.created < days * 86400]

    def card_pay(self, rng):
        """Nobody looks at an order for more than 30 days."""
        orders = self.orders(*OPEN, "EXPIRED", days=12)
        if orders:
            order = rng.choice(orders[-4:] + orders)
            how = rng.choice(("PAID", "PAID", "PAID", "COMPLETE",
                              "OVERPAID"))
            self.say(f"  card pays {how} {order.external_id}")
            self.zaprite.pay(order.id, how)

    def card_odd(self, rng):
        orders = self.orders(*OPEN, days=12)
        if orders:
            order = rng.choice(orders)
            how = rng.choice(("process", "process", "underpay", "expire",
                              "cancel"))
            self.say(f"  card {how}: {order.external_id}")
            getattr(self.zaprite, how)(order.id)

    def land_cards(self, days):
        """No payment is under way for longer than this."""
        young = self.orders("PROCESSING", days=days)
        for order in self.orders("PROCESSING"):
            if order not in young:
                self.zaprite.change(order.id, "PAID" if
                                    int(order.id[-1], 16) % 2 else "INVALID")

    def card_mood(self, rng):
        """How the charges to come will end."""
        self.zaprite.decline = rng.choice((
            None, None, "PROCESSING", "INVALID", "PENDING"))

    def card_lie(self, rng):
        """Anybody may say anything here."""
        orders = self.orders("PENDING", "PAID", "EXPIRED")
        if orders:
            order = rng.choice(orders)
            event = rng.choice(("order.paid", "order.expired",
                                "order.cancelled", "order.change"))
            body = SHAPES[rng.choice(sorted(SHAPES))](event, {
                "hook": "x", "body": {**order.json(), "status": "PAID"}})
            self.ask(rng, "POST", self.card_path, body, decent={200, 503})
