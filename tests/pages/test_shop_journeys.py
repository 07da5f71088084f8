"""What buyers do in a browser, with scripts and without: find it, choose, type
a code, buy, get the key; and what the API, the product's own software and the
vendor see of it."""
import pytest

from lib.client import Api
from lib.codes import code, trial
from lib.desk import open_desk
from lib.process import wait_for
from lib.sales import issued

pytestmark = [pytest.mark.browser, pytest.mark.slow,
              pytest.mark.timeout(600)]


class Vendor:
    """Sells a little of everything."""

    def __init__(self, server):
        self.server = server
        self.api = Api(server.url, server.admin_key, server.db)

    def sell(self):
        api = self.api
        self.studio = api.product(name="Photo Studio", price_sats=50000)
        api.policy(self.studio, name="Personal")
        self.pro = api.policy(self.studio, name="Professional",
                              price_sats_override=120000,
                              metadata={"highlight": True})
        self.spring = code(api, self.studio, featured=True, amount=2000,
                           policy_slugs=[self.pro["slug"]])["code"]
        self.tenth = code(api, self.studio)["code"]
        self.gift = code(api, self.studio, kind="free_license")["code"]
        self.ledger = api.product(name="Ledger")
        trial(api, self.ledger, name="Monthly")
        self.theme = api.product(name="Theme")
        api.policy(self.theme, price_sats_override=0)
        self.desk = open_desk(self.server)

    def row(self, invoice):
        return self.server.rows("SELECT status, buyer_email, amount_sats"
                                " FROM invoices WHERE id = %s", invoice)[0]

    def pay(self, invoice):
        order = self.server.value("SELECT provider_invoice_id FROM invoices"
                                  " WHERE id = %s", invoice)
        r = self.api.public("POST", f"/sandbox/{order}/pay")
        assert r.status_code == 200, r.text


class Buyer:
    """In front of a browser."""

    def __init__(self, vendor, browser):
        self.vendor, self.browser = vendor, browser

    def card(self, words):
        """A tier's; a click anywhere on it counts."""
        return self.browser.one(f"//h3[normalize-space()='{words}']/a")

    @property
    def price(self):
        return " ".join(self.browser.one(
            "//*[@id='order']//p[@class='price']").text.split())

    def becomes(self, price):
        wait_for(lambda: self.seen() == price, 60, f"the price is {price}",
                 pause=0.05)

    def seen(self):
        """Of a page that may be just going."""
        try:
            return self.price
        except Exception:       # whichever the driver says of what is gone
            return None

    def buy(self, button):
        self.browser.press(button)
        return self.browser.path

    def key(self):
        """Of the thank-you page that is open, and its invoice."""
        b = self.browser
        shown = b.one("//code[@class='key']").text
        invoice = b.fact("Invoice")
        assert self.vendor.api.poll({"invoice_id": invoice})[
            "license_key"] == shown
        assert self.vendor.api.validate(shown)["ok"] is True
        file = b.link("Save it as a file").get_attribute("href")
        assert self.vendor.api.public("GET", file).text == shown + "\n"
        return shown, invoice

    # What they do

    def chooses(self):
        """From the front to a tier, with a code and an address."""
        b, v = self.browser, self.vendor
        b.go("/").follow("Photo Studio")
        assert self.price.endswith("96,000 sats")
        assert b.field("Discount code (if you have one)").get_attribute(
            "value") == v.spring
        b.fill(email="ada@example.com")
        self.card("Personal").click()
        self.becomes("50,000 sats")
        assert b.field("Discount code (if you have one)").get_attribute(
            "value") == ""
        b.fill(code=v.tenth, email="ada@example.com")
        b.one("//button[normalize-space()='Apply']").click()
        self.becomes("Instead of 50,000 sats 45,000 sats")
        assert b.one("//*[@name='email']").get_attribute("value") == \
            "ada@example.com"
        self.card("Professional").click()
        self.becomes("Instead of 120,000 sats 108,000 sats")

    def pays(self):
        """The page that waits shows the key by itself, and after a reload."""
        b, v = self.browser, self.vendor
        b.fill(email="ada@example.com")
        path = self.buy("Pay with Bitcoin")
        assert path.startswith("/checkout/"), path
        invoice = path.removeprefix("/checkout/").partition("?")[0]
        assert v.row(invoice) == {"status": "pending", "buyer_email":
                                  "ada@example.com", "amount_sats": 108000}
        b.go(f"/thank-you?invoice_id={invoice}")
        assert b.heading == "Waiting for your payment"
        v.pay(invoice)
        wait_for(lambda: b.has("//code[@class='key']"), 60,
                 "the key comes by itself", pause=0.1)
        key, its = self.key()
        assert its == invoice
        b.go(b.path)
        assert self.key() == (key, invoice)
        sold = v.api.poll({"invoice_id": invoice})["license_id"]
        page = v.desk.get(f"/admin/licenses/{sold}")
        assert "ada@example.com" in page.text and "Professional" in page.text

    def takes(self, product, button, **fields):
        """What costs nothing: the key at once, once for a page."""
        b = self.browser.go(f"/buy/{product['slug']}")
        b.fill(**fields)
        path = self.buy(button)
        assert path.startswith("/thank-you"), (path, b.text)
        assert "#" not in path
        _, invoice = self.key()
        assert issued(self.vendor.server, {"invoice_id": invoice}) == 1

    def mistypes(self):
        """Said beside the field, in its place, with all that was typed."""
        b = self.browser.go(f"/buy/{self.vendor.studio['slug']}")
        b.fill(code="NOSUCH", email="bob@example.com")
        self.buy("Pay with Bitcoin")
        field = b.one("//*[@name='code']")
        assert field.get_attribute("aria-invalid") == "true"
        assert b.one("//*[@id='code-wrong']").text == "There is no such code."
        assert b.one("//*[@name='email']").get_attribute("value") == \
            "bob@example.com"

    def all(self, address):
        self.chooses()
        self.pays()
        self.takes(self.vendor.ledger, "Start 14-day free trial",
                   email=address)
        self.takes(self.vendor.theme, "Redeem license")
        self.takes(self.vendor.studio, "Pay with Bitcoin",
                   code=self.vendor.gift)
        self.mistypes()
        assert self.browser.complaints() == []


def test_buying(own_instance, browse):
    vendor = Vendor(own_instance(name="journeys"))
    browser = browse(vendor.server.url, width=390, height=844)
    assert "Nothing is for sale yet" in browser.go("/").text
    vendor.sell()
    Buyer(vendor, browser).all("one@example.com")
    Buyer(vendor, browse(vendor.server.url, scripts=False)).all(
        "two@example.com")
    keyboard(vendor, browser.look(1280, 900) or browser)


def keyboard(vendor, b):
    """Without a mouse: the tier, the code, the button."""
    b.go(f"/buy/{vendor.studio['slug']}")
    b.tab_to(b.one("//h3[normalize-space()='Personal']/a")).type("\ue007")
    buyer = Buyer(vendor, b)
    buyer.becomes("50,000 sats")
    b.tab_to(b.one("//*[@name='code']")).type(vendor.gift, "\ue007")
    buyer.becomes("Instead of 50,000 sats Free")
    b.tab_to(b.one("//button[@value='buy']"))
    with b.leaving():
        b.type("\ue007")
    assert b.path.startswith("/thank-you")
    buyer.key()
