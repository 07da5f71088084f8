"""A product with tiers, and all that moves a license between them."""
from lib.client import expect

LOW, HIGH, TOP, EVER = "low", "high", "top", "ever"


class Shop:
    """A product with three recurring tiers and a perpetual one."""

    def __init__(self, api, **product):
        self.api = api
        self.product = api.product(**({"price_sats": 1000} | product))
        self.id = {}
        for slug, rank, price, more in (
                (LOW, 1, 3000, {"renewal_period_days": 30}),
                (HIGH, 2, 9000, {"renewal_period_days": 30,
                                 "max_machines": 5}),
                (TOP, 3, 30000, {"renewal_period_days": 30}),
                (EVER, 4, 90000, {"is_recurring": False, "max_machines": 0})):
            self.add(slug, tier_rank=rank, price_sats_override=price,
                     entitlements=[slug], **more)

    def add(self, slug, **fields):
        fields.setdefault("is_recurring", True)
        if fields["is_recurring"]:
            fields.setdefault("renewal_period_days", 30)
        made = self.api.policy(self.product, slug=slug, name=slug, **fields)
        self.id[slug] = made["id"]
        return made

    def buy(self, slug, **fields):
        bought = self.api.buy(self.product, policy_slug=slug, **fields)
        paid = self.api.pay(bought) if "license_key" not in bought else bought
        assert paid["license_key"]
        return paid

    def issue(self, slug=None, **fields):
        if slug is not None:
            fields["policy_slug"] = slug
        return self.api.issue(self.product, **fields)

    def ask(self, path, key, target=None, **fields):
        body = {"license_key": key, **fields}
        if target is not None:
            body["target_policy_slug"] = target
        return self.api.public("POST", "/v1/" + path, body)

    def quote(self, key, target):
        return expect(self.ask("upgrade-quote", key, target), 200)

    def upgrade(self, key, target, **fields):
        return expect(self.ask("upgrade", key, target, **fields), 200)

    def downgrade(self, key, target):
        return expect(self.ask("downgrade", key, target), 200)

    def change(self, license_id, target, **fields):
        return self.api.admin(
            "POST", f"/licenses/{license_id}/change-tier",
            {"to_policy_slug": target, **fields})

    def changes(self, license_id):
        return self.api.do("GET", f"/tier-changes?license_id={license_id}"
                           )["tier_changes"]

    def license(self, license_id):
        return self.api.license(license_id)["license"]

    def policy_of(self, license_id):
        return self.license(license_id)["policy_id"]


def subscription(server, license_id):
    return server.row("SELECT * FROM subscriptions WHERE license_id = %s",
                      license_id)


def invoice(server, bought):
    return server.row("SELECT * FROM invoices WHERE id = %s",
                      bought["invoice_id"])


def at_sandbox(server, bought):
    """How the provider has it."""
    return server.value("SELECT status FROM sandbox_invoices"
                        " WHERE order_id = %s", bought["invoice_id"])


def lose_void(server, bought):
    """The provider never heard that the invoice was put aside."""
    assert at_sandbox(server, bought) == "expired"
    server.db.execute("UPDATE sandbox_invoices SET status = 'pending'"
                      " WHERE order_id = %s", [bought["invoice_id"]])
