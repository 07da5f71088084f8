"""A shop with something of everything, so that every page has what it shows.

What is free text is hostile, and says where it was written: what a page shows
of it is told apart by its first word.
"""
from fake.receiver import refusing
from lib.client import expect
from lib.codes import code
from lib.process import wait_for
from lib.selflicense import ALL, make_key, root_pem, store

HOSTILE = "<script>alert(1)</script>\"'&amp;<b onload=x>{{up}}"
LONG = "unbreakable" * 7


# What its server is started with.
SETTINGS = {"LICET_WEBHOOK_PRIVATE": "on", "LICET_TRUST_ROOT": root_pem()}


class Stock:
    """fill() once; `wrote' is what was written where."""

    def __init__(self, api, vendor=None, hostile=HOSTILE):
        self.api, self.vendor, self.hostile = api, vendor, hostile
        self.wrote = {}

    def text(self, where, most=120):
        made = f"w{len(self.wrote)}-{where} {self.hostile}".strip()
        assert len(made) <= most, where
        self.wrote[where] = made
        return made

    def fill(self):
        store(self.api, make_key(*ALL))
        self.catalogue()
        self.customers()
        self.money()
        self.server()
        return self

    def catalogue(self):
        api = self.api
        self.product = api.product(
            name=self.text("product"), description=self.text("description"),
            entitlements_catalog=[
                {"slug": "pro", "name": self.text("entitlement"),
                 "description": LONG}])
        self.policy = api.policy(
            self.product, name=self.text("policy"), slug="standard",
            max_machines=3, entitlements=["pro"],
            tip_recipient="tips@nowhere.invalid", tip_pct_bps=100,
            tip_label=self.text("tip", 80))
        self.better = api.policy(self.product, name="Better", slug="better",
                                 tier_rank=2)
        self.monthly = api.policy(
            self.product, name="Monthly", slug="monthly", tier_rank=1,
            is_recurring=True, renewal_period_days=30)
        self.smaller = api.policy(
            self.product, name="Smaller", slug="smaller", tier_rank=0,
            is_recurring=True, renewal_period_days=30)
        self.fiat = api.product(name=LONG, price_currency="EUR",
                                price_value=4900)
        for kind in ("percent", "fixed_sats", "set_price", "free_license"):
            self.code = code(api, self.product, kind=kind,
                             description=self.text(f"code-{kind}", 160),
                             referrer_label=self.text(f"referrer-{kind}"))

        self.switched_off()

    def switched_off(self):
        """What is put away: its pages say how it comes back."""
        api = self.api
        product = api.product(name="Put away")
        api.do("PATCH", f"/products/{product['id']}/active",
               {"active": False})
        off = code(api, self.product)
        api.do("PATCH", f"/discount-codes/{off['id']}/active",
               {"active": False})
        for field in ("active", "public", "archived"):
            policy = api.policy(self.product, name=f"Not {field}")
            api.do("PATCH", f"/policies/{policy['id']}/{field}",
                   {field: field == "archived"})

    def customers(self):
        api, policy = self.api, self.policy["slug"]
        self.license = api.issue(
            self.product, policy_slug=policy, note=self.text("note"),
            buyer_email="ada.with.a.rather.long.name@a-long-domain.example")
        key = self.license["license_key"]
        for n in range(2):
            self.machine = api.activate(
                key, f"machine-{n}", hostname=self.text(f"host{n}"),
                platform=self.text(f"platform{n}"))["machine_id"]
        api.deactivate(key, "machine-0", reason=self.text("released"))
        api.validate(key, fingerprint="machine-1",
                     headers={"User-Agent": HOSTILE})
        api.validate(key, fingerprint="machine-1", product_slug="another")
        self.gone, self.still = (api.issue(self.product, policy_slug=policy)
                                 for _ in range(2))
        api.revoke(self.gone["license_id"], reason=self.text("revoked"))
        api.do("POST", f"/licenses/{self.still['license_id']}/suspend",
               {"reason": self.text("suspended")})

    def bought(self, policy, **fields):
        sale = self.api.buy(self.product, policy_slug=policy["slug"],
                            buyer_email="bob@example.com", **fields)
        return {**sale, **self.api.pay(sale)}

    def money(self):
        api = self.api
        self.sale = self.bought(self.policy, buyer_note=self.text("buyer"))
        self.subscribed = self.bought(self.monthly)
        self.subscription = api.license(
            self.subscribed["license_id"])["subscription"]["id"]
        ended = api.license(self.bought(self.monthly)["license_id"])
        api.do("POST", f"/subscriptions/{ended['subscription']['id']}/cancel",
               {"reason": self.text("cancelled")})
        late = api.license(self.bought(self.monthly)["license_id"])
        api.db.execute("UPDATE subscriptions SET status = 'past_due',"
                       " consecutive_failures = 5 WHERE id = %s",
                       [late["subscription"]["id"]])
        self.bobs()
        api.buy(self.product)
        api.expire(api.buy(self.product))
        api.db.execute("UPDATE invoices SET attention = 'over'"
                       " WHERE id = %s", [self.sale["invoice_id"]])
        self.profile = api.do("POST", "/merchant-profiles", {
            "name": self.text("profile", 100),
            "legal_name": self.text("legal"),
            "support_url": "https://example.com/help?a=1&b=2"})
        for currency, rate in (("USD", "65000.50"), ("EUR", "60000")):
            api.do("PUT", f"/rates/{currency}/pin", {"units_per_btc": rate})

    def bobs(self):
        """What a customer has to look at: a device, and another plan to
        come."""
        api = self.api
        api.activate(self.subscribed["license_key"], "bobs",
                     hostname=self.text("bobhost"),
                     platform=self.text("bobplatform"))
        expect(api.public("POST", "/v1/downgrade", {
            "license_key": self.bought(self.monthly)["license_key"],
            "target_policy_slug": self.smaller["slug"]}), 200)

    def server(self):
        api = self.api
        url = self.vendor.url + "/ok?a=1&b=<b>" if self.vendor else \
            "https://example.com/hooks"
        self.endpoint = api.do("POST", "/webhook-endpoints", {
            "url": url, "description": self.text("endpoint")})
        self.refusing = api.do("POST", "/webhook-endpoints", {
            "url": refusing() if self.vendor else "https://example.com/no"})
        for endpoint in (self.endpoint, self.refusing):
            api.do("POST", f"/webhook-endpoints/{endpoint['id']}/test")
        off = api.do("POST", "/webhook-endpoints", {
            "url": "https://example.com/off"})
        api.do("PATCH", f"/webhook-endpoints/{off['id']}/active",
               {"active": False})
        self.key = api.do("POST", "/api-keys", {
            "label": self.text("key", 80), "role": "read-only"})
        for n, alone in enumerate(("true", "false")):
            api.db.execute(
                "INSERT INTO passkeys (credential_id, algorithm, public_key,"
                " sign_count, name, transports, alone) VALUES (sha256(%s), -8,"
                " sha256(%s), %s, %s, '{internal,hybrid}', %s)",
                [f"{n}", f"{n}", n * 12, self.text(f"passkey{n}"), alone])
        api.do("POST", "/settings/operator-name",
               {"name": self.text("operator")})
        for status in ("dead", "skipped"):
            api.db.execute(
                "INSERT INTO mails (kind, about, license_id, to_address,"
                " status, next_attempt_at, last_error) VALUES ('receipt', %s,"
                " %s, 'bob@example.com', %s, NULL, %s)",
                [f"a {status} one", self.license["license_id"], status,
                 self.text(f"mail-{status}")])

    def settled(self, server):
        """Until each message and tip was tried; nothing happens on its own then."""
        def tried():
            return server.value(
                "SELECT count(*) >= 2 AND bool_and(attempt_count > 0) AND NOT"
                " EXISTS (SELECT FROM outbox WHERE NOT fanned_out) AND NOT"
                " EXISTS (SELECT FROM tip_attempts WHERE next_check_at IS NOT"
                " NULL) AS done FROM webhook_deliveries")
        wait_for(tried, 60, "what is to be sent was tried", pause=0.1)
        for table, due in (("webhook_deliveries", "next_attempt_at"),
                           ("subscriptions", "next_attempt_at"),
                           ("invoices", "next_check_at")):
            server.db.execute(
                f"UPDATE {table} SET {due} = licet_now() + interval '1 day'"
                f" WHERE {due} IS NOT NULL")
        return self
