"""What customers do in the portal without the vendor: in a browser without
scripts, by the key; and page by page, by their address."""
import datetime
import re

import pytest

from lib.activation import request
from lib.check import events
from lib.customer import customer, new_email, open_session
from lib.desk import Page, went
from lib.mails import Mails
from lib.process import wait_for
from lib.tiers import HIGH, LOW, TOP, Shop, subscription

KEY = re.compile(r"LIC1-\S+")
CODE = re.compile(r"\b\d{4}[ -]?\d{4}\b")


@pytest.fixture(scope="module")
def server(make_instance, smtp_shared):
    made = make_instance(name="journeys", movable=True,
                         **smtp_shared.settings())
    yield made
    made.check_workers()


@pytest.fixture
def mails(server, smtp):
    return Mails(server, smtp)


@pytest.fixture
def buyer(mails):
    """Address and license of somebody who has the receipt."""
    email = new_email()
    bought = Shop(mails).buy(LOW, buyer_email=email)
    mails.told(email)
    return email, bought


@pytest.mark.browser
@pytest.mark.slow
def test_who_has_the_key_helps_himself(server, mails, buyer, browse):
    """With scripts off: in by the key, a device released and another
    activated, one without a network, then the key replaced."""
    email, bought = buyer
    key = bought["license_key"]
    mails.activate(key, "old", hostname="Old laptop")
    assert not mails.activate(key, "new")["ok"]
    b = browse(server.url, scripts=False)
    b.look(390, 844)
    b.go("/portal/")
    assert b.path.startswith("/portal/sign-in")
    b.fill(license_key=key)
    with b.leaving():
        b.one("//textarea[@name='license_key']/ancestor::form//button").click()
    assert b.path.partition("?")[0] == "/portal/", b.text
    b.go(f"/portal/licenses/{bought['license_id']}")
    assert "Old laptop" in b.text
    b.follow("Release this device").press("Release this device")
    assert b.said == ["The device is released: its seat is free."]
    assert mails.activate(key, "new", hostname="New laptop")["ok"]
    machine = server.value("SELECT id::text FROM machines WHERE hostname ="
                           " 'New laptop' AND license_id = %s",
                           bought["license_id"])
    b.go(f"/portal/devices/{machine}/release").press("Release this device")
    b.follow("Activate offline").fill(request="LICQ1-NO")
    b.press("Activate the device")
    assert "character of it is wrong" in b.text
    b.fill(request=request("attic"), hostname="The attic")
    b.press("Activate the device")
    assert b.fact("Activation").startswith("LICA1-")
    b.follow("Go on").follow("My key leaked")
    b.press("Revoke my key and send a new one")
    assert b.heading == "My key leaked" and "example.org" in b.text
    assert "LIC1-" not in b.text
    assert mails.validate(key)["reason"] == "revoked"
    new = KEY.search(mails.smtp.comes(email, 2).text).group()
    assert mails.validate(new)["ok"]
    b.go("/portal/")
    assert b.path.startswith("/portal/sign-in")
    assert b.complaints() == []


@pytest.mark.browser
@pytest.mark.slow
def test_who_reads_the_mail_upgrades_renews_and_recovers(server, mails, buyer,
                                                         browse):
    """In by the letter's code; a better plan and a renewal, each paid at the
    checkout that its link leads to; the key once more by invoice and
    address."""
    email, bought = buyer
    at = f"/portal/licenses/{bought['license_id']}"
    b = browse(server.url).go("/portal/").fill(email=email)
    with b.leaving():
        b.one("//input[@name='email']/ancestor::form//button").click()
    code = CODE.search(mails.smtp.comes(email, 2).text).group()
    b.fill(code=code)
    with b.leaving():
        b.one("//input[@name='code']/ancestor::form//button").click()
    b.go(f"{at}/upgrade/{HIGH}").press("Upgrade and pay")

    def pay():
        """What the page in front asks for; the checkout sees it by itself."""
        with b.leaving():
            b.one("//main//a[contains(@href, '/checkout/')]").click()
        invoice = b.path.rpartition("/")[2]
        mails.pay(server.row("SELECT id AS invoice_id, checkout_url FROM"
                             " invoices WHERE id = %s", invoice))
        wait_for(lambda: "/checkout/" not in b.path, 60, "it is paid")
        b.go(at)
    pay()
    assert b.fact("Plan") == HIGH
    server.clock.set(subscription(server, bought["license_id"])
                     ["next_renewal_at"] + datetime.timedelta(seconds=1))
    # The session of a month ago is over.
    assert b.go(at).path.startswith("/portal/sign-in")
    b.use_session(open_session(server, email), "licet_portal")
    wait_for(lambda: b.go(at).has("//main//a[contains(@href, '/checkout/')]"),
             60, "the bill")
    pay()
    assert "Renewed" in b.text
    b.go("/recover").fill(invoice_id=bought["invoice_id"], email=email)
    b.press("Show my key")
    key = KEY.search(b.text).group()
    assert mails.validate(key)["ok"]
    assert b.complaints() == []


def test_key_is_shown_and_saved(server, buyer):
    email, bought = buyer
    me = customer(server, email=email)
    at = f"/portal/licenses/{bought['license_id']}"
    r = me.post(at + "/key")
    assert bought["license_key"] in Page(r.text).text
    assert r.headers["Cache-Control"] == "no-store"
    r = me.post(at + "/file")
    assert r.text == bought["license_key"] + "\n"
    assert re.fullmatch(r'attachment; filename="p-\w+-license\.txt"',
                        r.headers["Content-Disposition"])
    assert r.headers["Content-Type"].startswith("text/plain")
    assert len(events(server, bought["license_id"],
                      "license.key_shown")) == 2
    assert me.call("POST", at + "/file", {}).status_code == 403
    assert me.get(at).text.count("Key shown") == 2


def test_plans_up_and_down(server, mails, buyer):
    """The quote is seen first, the invoice next, and after the payment the
    plan; a downgrade waits, and is called off."""
    email, bought = buyer
    me, at = customer(server, email=email), \
        f"/portal/licenses/{bought['license_id']}"
    assert f"{at}/upgrade/{HIGH}" in me.get(at).links
    page = me.get(f"{at}/upgrade/{HIGH}")
    assert re.search(r"To pay now [\d,]+ sats", page.text), page.text
    to = went(me.post(f"{at}/upgrade/{HIGH}"))
    invoice = me.get(to)
    assert invoice.said[0].startswith("Here is what is to be paid")
    pay = [x for x in invoice.links
           if "/checkout/" in x or "/sandbox/" in x]
    assert len(pay) == 1
    assert mails.public("GET", pay[0]).status_code in (200, 303)
    waiting = me.get(at)
    assert "When it is paid" in waiting.text and pay[0] in waiting.links
    mails.pay(server.row("SELECT id AS invoice_id, checkout_url"
                         " FROM invoices WHERE id = %s",
                         to.partition("?")[0].rpartition("/")[2]))
    assert f"{at}/upgrade/{TOP}" in me.get(at).links
    assert f"{at}/upgrade/{HIGH}" not in me.get(at).links
    assert went(me.post(f"{at}/downgrade/{LOW}")) == at + "?said=planned"
    assert at + "/stay" in me.get(at).links
    assert went(me.post(at + "/stay")) == at + "?said=stays"
    assert at + "/stay" not in me.get(at).links


def test_renewal_is_paid_and_subscription_cancelled(server, mails, buyer):
    email, bought = buyer
    server.clock.move(days=30, seconds=1)
    me, at = customer(server, email=email), \
        f"/portal/licenses/{bought['license_id']}"
    link = wait_for(
        lambda: [x for x in me.get(at).links
                 if "/checkout/" in x or "/sandbox/" in x], 60, "the bill")[0]
    bill = server.row(
        "SELECT id AS invoice_id, checkout_url FROM invoices"
        " WHERE license_id = %s AND kind = 'renewal' AND status = 'pending'",
        bought["license_id"])
    assert link.endswith(str(bill["invoice_id"])) or \
        link == bill["checkout_url"]
    mails.pay(bill)
    assert link not in me.get(at).links
    assert "Renewed" in me.get(at).text
    receipts = [x for x in me.get("/portal/invoices").links
                if x.startswith("/portal/invoices/")]
    assert len(receipts) == 2
    assert "3,000 sats" in me.get(receipts[0]).text
    assert went(me.post(at + "/cancel", reason="enough")) == \
        at + "?said=cancelled"
    assert subscription(server, bought["license_id"])["status"] == "cancelled"
    assert at + "/cancel" not in me.get(at).links
    assert "Cancelled" in me.get(at).text
