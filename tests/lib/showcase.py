"""A small shop as one would like it, for pictures."""
from lib.codes import code, trial

# Of docs/selling.md: file, page, width, height, dark.
DOCS = [
    ("shop-front.png", "/", 1100, 620, False),
    ("shop-product.png", "/buy/photo-studio", 1100, 1060, False),
    ("shop-checkout.png", "/checkout", 1100, 900, False),
    ("shop-thanks.png", "/thank-you", 1100, 980, False),
    ("shop-portal.png", "/portal/", 1100, 700, False),
    ("shop-phone.png", "/buy/photo-studio", 390, 844, True),
]
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

    def fill(self):
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
        self.paid, self.open, self.over = (
            api.buy(studio, policy_slug="pro", buyer_email="ada@example.com")
            for _ in range(3))
        api.pay(self.paid)
        api.expire(self.over)
        return self

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
