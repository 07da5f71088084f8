"""What vendors do in a browser, from the first run on, and what the API says of
it after each step: with scripts, without, by the keyboard alone, and on two
replicas of which one dies between two clicks."""
import datetime

import pytest
import requests

from lib.check import events
from lib.client import Api, refused
from lib.desk import open_desk
from lib.process import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow,
              pytest.mark.timeout(600)]
PASSWORD = "four calm words here"
BUYER = "ada@example.com"
HOSTILE = "Leaked <script>document.title='x'</script>\"'&amp;"


class Vendor:
    """Somebody who begins to sell; each step looks at what the API says."""

    def __init__(self, server, browser):
        self.server, self.browser = server, browser
        self.api = Api(server.url, server.admin_key, server.db)

    STEPS = ("first_run", "product", "policy", "code", "license", "search",
             "machine", "release", "revoke")

    def all(self, between=lambda step: None):
        for step in self.STEPS:
            getattr(self, step)()
            between(step)
        assert self.browser.complaints() == []

    def first_run(self):
        b = self.browser.go("/admin/")
        assert b.path.startswith("/admin/welcome"), b.path
        b.fill(admin_key=self.server.admin_key, password=PASSWORD,
               repeat=PASSWORD).submit()
        assert b.path == "/admin/first-steps"
        assert self.api.public("POST", "/admin/login",
                               {"password": PASSWORD}).status_code == 204

    def product(self):
        b = self.browser.follow("Products").follow("Make your first product")
        b.label("Name", "Photo <Studio>").label("Slug", "photo-studio")
        b.label("Price", "50,000").submit()
        assert b.heading == "Photo <Studio>" and b.said == ["Created."]
        made, = self.api.do("GET", "/products")["products"]
        assert (made["name"], made["slug"], made["price_sats"]) == (
            "Photo <Studio>", "photo-studio", 50000)
        self.product_path = b.path.partition("?")[0]
        assert self.product_path.endswith(made["id"])

    def policy(self):
        b = self.browser.go(self.product_path).follow("Add a policy")
        b.label("Name", "Standard").label("Slug", "photo-studio!")
        b.label("Licenses last", "30").label("Machines at most", "2").submit()
        assert "new" in b.path      # refused: the rest is kept
        slug = b.field("Slug")
        assert slug.get_attribute("value") == "photo-studio!"
        assert slug.get_attribute("aria-invalid") == "true"
        assert b.field("Licenses last").get_attribute("value") == "30"
        b.label("Slug", "standard").submit()
        assert b.heading == "Standard" and b.said == ["Created."]
        made, = self.api.do(
            "GET", "/policies?product_slug=photo-studio")["policies"]
        assert (made["slug"], made["duration_seconds"],
                made["max_machines"]) == ("standard", 30 * 86400, 2)

    def code(self):
        b = self.browser.go(self.product_path).follow("Add a discount code")
        b.label("Code", "launch10").fill(kind="percent")
        b.label("Amount", "10").submit()
        assert b.heading == "LAUNCH10"
        made, = self.api.do("GET", "/discount-codes")["codes"]
        assert (made["code"], made["kind"], made["amount"]) == (
            "LAUNCH10", "percent", 1000)
        seen = self.api.get("/v1/discount-codes/preview?product=photo-studio"
                            "&code=LAUNCH10")
        assert seen["final_price_sats"] == 45000

    def license(self):
        b = self.browser.follow("Licenses").follow("Issue a license")
        b.follow("Photo <Studio>").fill(policy_slug="standard")
        b.label("Buyer’s address", BUYER).submit()
        self.key = b.fact("License key")
        said = self.api.validate(self.key, product_slug="photo-studio")
        assert said["ok"] is True, said
        b.follow("Go on")
        self.license_path = b.path.partition("?")[0]
        self.license_id = self.license_path.rpartition("/")[2]
        made = self.api.license(self.license_id)
        assert made["license"]["buyer_email"] == BUYER
        assert self.key not in b.driver.page_source

    def search(self):
        b = self.browser.follow("Licenses").fill(q=self.key).submit()
        assert b.path.partition("?")[0] == self.license_path
        assert self.key not in b.path
        assert self.key not in "".join(r.log() for r in self.server.replicas)

    def machine(self):
        self.api.activate(self.key, "laptop", hostname="Ada’s laptop")
        self.api.activate(self.key, "desktop", hostname="Ada’s desktop")
        said = self.api.validate(self.key, fingerprint="third")
        assert said["reason"] == "too_many_machines"

    def release(self):
        b = self.browser.go(self.license_path).follow("Ada’s laptop")
        b.follow("Release its seat").label("Reason", "Sold").submit()
        assert b.said == ["The machine is released."]
        left, = self.api.do("GET", f"/machines?license_id={self.license_id}"
                            )["machines"]
        assert left["hostname"] == "Ada’s desktop"
        assert self.api.validate(self.key, fingerprint="third")["ok"] is True

    def revoke(self):
        b = self.browser.go(self.license_path).follow("Revoke")
        assert "2 now" in b.text
        b.label("Reason", HOSTILE).submit()
        assert b.said == ["Revoked."] and HOSTILE in b.text
        assert b.driver.title.startswith("License for")
        said = self.api.validate(self.key, fingerprint="desktop")
        assert said["reason"] == "revoked"
        told, = events(self.server, self.license_id, "license.revoke")
        assert told["actor_kind"] == "web_session" or told["actor_hash"]


def test_from_the_first_run_to_a_revoked_license(own_instance, browse):
    server = own_instance(name="first")
    Vendor(server, browse(server.url)).all()


def test_the_same_without_scripts_on_a_phone(own_instance, browse):
    server = own_instance(name="plain")
    browser = browse(server.url, scripts=False, width=390, height=844)
    Vendor(server, browser).all()


def test_the_same_while_replicas_die(own_instance, browse):
    """Each step finds one of the two dead that were there a step before."""
    server = own_instance(name="mortal", replicas=2)

    def between(step):
        number = Vendor.STEPS.index(step)
        dead, other = (server.replicas[(number + n) % 2] for n in (0, 1))
        if other.process is None:
            server.bring_back(other)
        dead.kill()
    vendor = Vendor(server, browse(server.url))
    vendor.all(between)


def test_a_session_outlives_the_replica_it_began_on(own_instance, browse):
    server = own_instance(name="session", replicas=2)
    desk = open_desk(server)
    b = browse(server.url).sign_in(desk.password)
    server.replicas[0].kill()
    b.follow("Products")
    server.bring_back(server.replicas[0])
    server.replicas[1].kill()
    b.follow("Licenses")
    assert b.heading == "Licenses" and b.path == "/admin/licenses"


def test_by_the_keyboard_alone(own_instance, browse):
    """A product, from the sign-in on, with Tab, letters and Enter."""
    server = own_instance(name="keys")
    desk = open_desk(server)
    b = browse(server.url).go("/admin/sign-in")
    b.tab_to(b.field("Password")).type(desk.password)
    with b.leaving():
        b.type("\n")
    for words in ("Products", "Make your first product"):
        b.tab_to(b.link(words))
        with b.leaving():
            b.type("\n")
    for label, text in (("Name", "Typed"), ("Slug", "typed"),
                        ("Price", "7")):
        b.tab_to(b.field(label)).type(text)
    with b.leaving():
        b.type("\n")
    assert b.heading == "Typed"
    assert [p["slug"] for p in
            desk.api.do("GET", "/products")["products"]] == ["typed"]


def test_a_refund(own_instance, btcpay, browse):
    server = own_instance(name="refund", LICET_RECONCILE_SECONDS=1,
                          **btcpay.settings())
    btcpay.webhook_urls = [server.url + "/v1/btcpay/webhook"]
    desk = open_desk(server)
    api = desk.api
    sale = api.buy(api.product(), buyer_email=BUYER)
    btcpay.settle(sale["btcpay_invoice_id"])
    wait_for(lambda: api.poll(sale)["status"] == "settled", 60,
             "the sale is paid", pause=0.1)
    key = api.poll(sale)["license_key"]
    b = browse(server.url).sign_in(desk.password)
    b.follow("Invoices").go(f"/admin/invoices/{sale['invoice_id']}")
    b.follow("Refund").label("Reason", HOSTILE).submit()
    assert "The refund is made" in b.text
    pulls = [p for p in btcpay.pull_payments.values()
             if p.invoice.id == sale["btcpay_invoice_id"]]
    pull, = pulls
    assert f"/pull-payments/{pull.id}" in b.text
    assert api.validate(key)["reason"] == "revoked"
    row, = server.rows("SELECT * FROM refunds")
    assert row["status"] == "made"
    b.follow("Go on")
    assert HOSTILE in b.text
    b.go(f"/admin/invoices/{sale['invoice_id']}/refund")
    b.label("Reason", "again").submit()
    assert [p for p in btcpay.pull_payments.values()
            if p.invoice.id == sale["btcpay_invoice_id"]] == pulls


def test_a_replay_of_webhooks(own_instance, vendor_shared, browse):
    server = own_instance(name="replay", LICET_WEBHOOK_PRIVATE="on")
    desk = open_desk(server)
    api, path = desk.api, "/replayed"
    b = browse(server.url).sign_in(desk.password)
    b.follow("Webhooks").follow("New endpoint")
    b.label("Address", vendor_shared.url + path).submit()
    secret = b.fact("Secret")
    b.follow("Go on")
    endpoint, = api.do("GET", "/webhook-endpoints")["endpoints"]
    assert endpoint["url"] == vendor_shared.url + path
    assert secret not in b.driver.page_source
    api.product(name="Told")
    wait_for(lambda: vendor_shared.got(path, "product.created"), 60,
             "the news comes", pause=0.05)
    b.go(f"/admin/webhooks/{endpoint['id']}")
    assert "product.created" in b.text and "Delivered" in b.text
    since = datetime.datetime.now(datetime.timezone.utc) - \
        datetime.timedelta(hours=1)
    b.follow("Replay").label("From", since).submit()
    wait_for(lambda: len(vendor_shared.got(path, "product.created")) == 2,
             60, "it comes again", pause=0.05)
    deliveries = api.do("GET", "/webhook-deliveries?endpoint_id="
                        + endpoint["id"])["deliveries"]
    assert [d["event_type"] for d in deliveries] == ["product.created"] * 2
    b.go(f"/admin/webhooks/{endpoint['id']}").follow("Delete").submit()
    assert api.do("GET", "/webhook-endpoints")["endpoints"] == []


def test_an_api_key(own_instance, browse):
    """Made, used by a program, revoked."""
    server = own_instance(name="apikey")
    desk = open_desk(server)
    api = desk.api
    made = api.product()
    b = browse(server.url).sign_in(desk.password)
    b.follow("API keys").follow("Make a key")
    b.label("Label", HOSTILE).fill(role="license-issuer").submit()
    token = b.fact("Token")

    def use(method, path, **options):
        return requests.request(
            method, server.url + "/v1/admin" + path, timeout=30,
            headers={"Authorization": f"Bearer {token}"}, **options)
    issued = use("POST", "/licenses", json={"product_slug": made["slug"]})
    assert issued.status_code == 200
    refused(use("PATCH", f"/products/{made['id']}", json={"name": "no"}), 403,
            "forbidden")
    b.follow("Go on")
    assert token not in b.driver.page_source and "license.issue" in b.text
    assert b.heading == HOSTILE
    b.follow("Revoke").submit()
    assert b.said == ["Revoked."]
    assert use("GET", "/products").status_code == 403


def test_the_password_is_asked_again(own_instance, browse):
    """A session of ten minutes' age doesn't show keys; who knows the password
    comes back to where they were."""
    server = own_instance(name="fresh", movable=True)
    desk = open_desk(server)
    made = desk.api.issue()
    b = browse(server.url).sign_in(desk.password)
    server.clock.move(seconds=660)
    where = f"/admin/licenses/{made['license_id']}"
    b.go(where).follow("Show the key")
    if not b.path.startswith("/admin/confirm"):
        b.submit()
    assert b.path.startswith("/admin/confirm"), b.path
    assert made["license_key"] not in b.driver.page_source
    b.fill(password=desk.password).submit()
    assert b.path.startswith(where + "/key"), b.path
    b.submit()
    assert b.fact("License key") == made["license_key"]
    told, = events(server, made["license_id"], "license.key_shown")
    assert told["actor_hash"]


def test_a_cookie_from_before_is_not_the_session(own_instance, browse):
    """Session fixation: what was planted opens nothing, then or later."""
    server = own_instance(name="fixed")
    desk = open_desk(server)
    planted = "A" * 43
    b = browse(server.url).use_session(planted)
    b.sign_in(desk.password)
    assert b.path == "/admin/"
    cookie = b.cookie()
    assert cookie["value"] != planted
    assert cookie["httpOnly"] and cookie["secure"]
    assert cookie["sameSite"] == "Strict"
    b.press("Sign out")
    assert b.said == ["You are signed out."]
    for token in (planted, cookie["value"]):
        b.use_session(token).go("/admin/products")
        assert b.path.startswith("/admin/sign-in"), b.path


def test_scripts_only_add(stocked, browse):
    """Times are in the viewer's zone with scripts, and UTC without; the words
    are the same."""
    path = f"/admin/licenses/{stocked.stock.license['license_id']}"
    with_them = browse(stocked.url).use_session(stocked.desk.cookie)
    with_them.cdp("Emulation.setTimezoneOverride",
                  timezoneId="Pacific/Auckland")
    with_them.go(path)
    times = with_them.all("//time[@title]")
    assert times and all(t.get_attribute("title") ==
                         t.get_attribute("datetime") for t in times)
    without = browse(stocked.url, scripts=False).use_session(
        stocked.desk.cookie)
    without.go(path)
    plain = without.all("//time")
    assert len(plain) == len(times) and "UTC" in plain[0].text
    assert plain[0].text != times[0].text
    assert without.heading == with_them.heading
