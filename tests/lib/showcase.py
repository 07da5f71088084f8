"""A small shop as one would like it, for pictures."""
import random

from lib.codes import code, trial
from lib.process import wait_for

# Of docs/selling.md: file, page, width, height, dark.
SELLING = [
    ("shop-front.png", "/", 1100, 620, False),
    ("shop-product.png", "/buy/photo-studio", 1100, 1060, False),
    ("shop-checkout.png", "/checkout", 1100, 900, False),
    ("shop-thanks.png", "/thank-you", 1100, 980, False),
    ("shop-portal.png", "/portal/", 1100, 700, False),
    ("shop-phone.png", "/buy/photo-studio", 390, 844, True),
]
# Of docs/dashboard.md, the same.
DASHBOARD = [
    ("desk-overview.png", "/admin/", 1280, 1000, False),
    ("desk-license.png", "license", 1280, 1000, True),
    ("desk-phone.png", "/admin/", 390, 844, True),
]
FIRST_DAY = 60
BUYER = "ada@example.com"
CATALOGUE = [
    {"slug": "raw", "name": "Raw development",
     "description": "All cameras since 2005"},
    {"slug": "print", "name": "Colour-managed printing", "description": ""},
    {"slug": "sync", "name": "Sync",
     "description": "Between your own machines"}]


class Showcase:
    """fill() once."""

    def __init__(self, api):
        self.api = api

    def fill(self, clock=None):
        """With a clock there are the sales of two months, too."""
        if clock is not None:
            clock.move(days=-FIRST_DAY)
        self.catalogue()
        if clock is not None:
            self.months(clock)
        self.paid, self.open, self.over = (
            self.api.buy(self.studio, policy_slug="pro",
                         buyer_email=BUYER) for _ in range(3))
        self.api.pay(self.paid)
        self.api.expire(self.over)
        return self

    def months(self, clock):
        dice, keys = random.Random(21), []
        for day in range(FIRST_DAY):
            for n in range(dice.randint(1, 3 + day // 16)):
                product, policy = dice.choice(self.sold)
                paid = self.api.pay(self.api.buy(
                    product, policy_slug=policy,
                    buyer_email=f"buyer{day}.{n}@example.com"))
                keys.append((product, paid["license_key"]))
                self.license = paid["license_id"]
                self.api.activate(paid["license_key"], f"machine-{day}-{n}",
                                  hostname="studio", platform="linux")
            for product, key in dice.choices(keys, k=8):
                self.api.validate(key, product_slug=product["slug"])
            self.api.validate("LIC1-NONSENSE")
            clock.move(days=1)
        clock.reset()
        # Those days counted as counted already; now once more.
        self.api.db.execute("DELETE FROM figure_days")
        self.api.db.execute("UPDATE figure_marks SET upto = NULL")
        wait_for(lambda: self.api.do("GET", "/figures?days=30")
                 ["used"]["validations"]["total"], 150, "the days are counted")

    def catalogue(self):
        api = self.api
        api.do("POST", "/settings/operator-name",
               {"name": "Northlight Software"})
        api.do("PUT", "/rates/USD/pin", {"units_per_btc": "65000"})
        studio = api.product(
            name="Photo Studio", slug="photo-studio", price_sats=50000,
            entitlements_catalog=CATALOGUE,
            description="Develop, retouch and print raw photographs. Works"
            " offline, on Linux, macOS and Windows.")
        api.policy(studio, name="Personal", slug="personal", max_machines=2,
                   entitlements=["raw"],
                   metadata={"description": "For one person at home."})
        api.policy(studio, name="Professional", slug="pro", max_machines=3,
                   price_sats_override=120000, entitlements=["raw", "print",
                                                             "sync"],
                   metadata={"highlight": True, "description":
                             "For those who live by their pictures.",
                             "marketing_bullets": ["Answers within a day"]})
        code(api, studio, code="SPRING", featured=True, amount=2000,
             policy_slugs=["pro"], description="Spring sale.")
        ledger = api.product(name="Ledger", slug="ledger", price_value=4900,
                             price_currency="USD",
                             description="Double-entry books for small firms.")
        trial(api, ledger, name="Monthly", slug="monthly",
              price_sats_override=900)
        api.policy(ledger, name="Yearly", slug="yearly", is_recurring=True,
                   renewal_period_days=365, price_sats_override=9000)
        theme = api.product(name="Terminal theme", slug="theme",
                            description="Sixteen colours that get along.")
        api.policy(theme, price_sats_override=0)
        self.studio = studio
        self.sold = [(studio, "pro"), (studio, "personal"),
                     (ledger, "yearly")]

    def paths(self):
        """{what kind of page: which one}"""
        return {
            "/": "/", "/buy/photo-studio": "/buy/photo-studio",
            "/buy/ledger": "/buy/ledger",
            "/buy/code": "/buy/ledger?policy=yearly&code=NONE",
            "/checkout": f"/checkout/{self.open['invoice_id']}",
            "/thank-you": f"/thank-you?invoice_id={self.paid['invoice_id']}",
            "/thank-you/waiting":
                f"/thank-you?invoice_id={self.open['invoice_id']}",
            "/thank-you/over":
                f"/thank-you?invoice_id={self.over['invoice_id']}",
            "/recover": "/recover", "/portal/": "/portal/",
        }

    def desk_paths(self):
        return {"/admin/": "/admin/",
                "license": f"/admin/licenses/{self.license}"}
