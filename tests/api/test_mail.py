"""Mail to buyers: who is told what, what stands in it, and that no text of a
stranger becomes more than text."""
import html
import re
import time

import pytest

from lib.client import expect, refused
from lib.check import NOWHERE
from lib.mails import Mails
from lib.process import wait_for

KEY = re.compile(r"LIC1-\S+")


def plain(mail):
    """Its text with all line breaks as blanks."""
    return " ".join(mail.text.split())


def shown(mail):
    """What a reader of the HTML sees, without tags."""
    body = mail.html[mail.html.index("<body"):]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


# Receipts

def test_receipt_of_a_purchase_has_the_key(mails):
    to = mails.address()
    product = mails.product(name="Sound Desk", price_sats=21000)
    bought = mails.buy(product, buyer_email=to)
    assert mails.row(to) is None        # nothing before it is paid
    paid = mails.pay(bought)
    mail = mails.smtp.comes(to)
    assert mail.subject == "Your license for Sound Desk"
    assert (mail.sender, mail.to) == ("keys@shop.test", to)
    assert str(mail.message["From"]) == "Corner Shop <keys@shop.test>"
    for text in (plain(mail), shown(mail)):
        assert paid["license_key"] in text
        assert "21,000 sats" in text and bought["invoice_id"] in text
        assert "Valid" in text and "without end" in text
        assert mails.url + "/recover" in text
    for text in (mail.text, mail.html):
        assert f"{mails.url}/thank-you?invoice_id={bought['invoice_id']}" in text
    assert mails.validate(KEY.search(mail.text).group())["ok"]
    row = mails.becomes(to, "sent")
    assert row["attempts"] == 1 and row["last_error"] is None
    assert paid["license_key"] not in str(row)


def test_receipt_of_what_is_free(mails):
    to = mails.address()
    product = mails.product(name="Gift")
    policy = mails.policy(product, price_sats_override=0)
    free = mails.buy(product, policy_slug=policy["slug"], buyer_email=to)
    mail = mails.smtp.comes(to)
    assert free["license_key"] in mail.text
    assert "Paid: nothing" in mail.text


def test_receipt_of_a_trial(mails):
    to = mails.address()
    product = mails.product(name="Desk", price_sats=500)
    policy = mails.policy(product, is_recurring=True, renewal_period_days=30,
                          trial_days=14)
    tried = mails.buy(product, policy_slug=policy["slug"], buyer_email=to)
    mail = mails.smtp.comes(to)
    assert mail.subject == "Your trial of Desk"
    assert tried["license_key"] in mail.text
    assert "Afterwards: 500 sats for 30 days" in mail.text


def test_trial_without_an_end(mails):
    to = mails.address()
    mails.issue(mails.product(name="Ever"), buyer_email=to, is_trial=True)
    mail = mails.smtp.comes(to)
    assert "your trial of Ever. License key" in plain(mail)
    assert "Valid: without end" in mail.text


def test_receipt_of_a_redeemed_code(mails):
    to = mails.address()
    product = mails.product(price_sats=900)
    code = mails.do("POST", "/discount-codes", {
        "kind": "free_license", "code": f"G{time.monotonic_ns()}"})
    got = expect(mails.public("POST", "/v1/redeem", {
        "product": product["slug"], "code": code["code"],
        "buyer_email": to}), 200)
    assert got["license_key"] in mails.smtp.comes(to).text


def test_receipt_of_a_price_in_a_currency(mails):
    to = mails.address()
    product = mails.product(price_currency="EUR", price_value=123450)
    mails.do("PUT", "/rates/EUR/pin", {"units_per_btc": "50000"})
    mails.pay(mails.buy(product, buyer_email=to))
    assert "Paid: 1,234.50 EUR (2,469,000 sats)" in mails.smtp.comes(to).text


def test_license_by_hand(mails):
    """With an address, a receipt with the key; without one, nobody to tell."""
    to = mails.address()
    made = mails.issue(mails.product(name="By hand"), buyer_email=to)
    mail = mails.smtp.comes(to)
    assert made["license_key"] in mail.text
    assert "Invoice" not in mail.text and "recover" not in mail.text
    quiet = mails.issue(mails.product())
    mails.settled()
    assert mails.server.row("SELECT id FROM mails WHERE license_id = %s",
                            quiet["license_id"]) is None


def test_purchase_without_an_address(mails):
    paid = mails.pay(mails.buy(mails.product(price_sats=5)))
    mails.settled()
    assert mails.server.row("SELECT id FROM mails WHERE license_id = %s",
                            paid["license_id"]) is None


def test_revoked_before_its_turn_is_skipped(mails):
    to = mails.address()
    mails.smtp.way(to, rcpt="451 later")
    made = mails.issue(mails.product(), buyer_email=to)
    row = mails.tried(to, 1)
    mails.revoke(made["license_id"])
    mails.smtp.well(to)
    mails.until(row["next_attempt_at"])
    row = mails.becomes(to, "skipped")
    assert row["last_error"] == "the license was revoked"
    assert mails.smtp.got(to) == []


# The message

def test_message_is_well_formed(mails):
    to = mails.address()
    made = mails.issue(mails.product(name="Größe ☃ Überlänge " * 5 + "!"),
                       buyer_email=to)
    mail = mails.smtp.comes(to)
    assert mail.subject == "Your license for " + "Größe ☃ Überlänge " * 5 \
        + "!"
    assert mail.message.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in mail.message.iter_parts()] == \
        ["text/plain", "text/html"]
    assert mail.message.defects == []
    assert mail.id == f"<{mails.row(to)['id']}@shop.test>"
    assert mail.message["Date"] is not None
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.raw.isascii()
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 78
    assert made["license_key"] in mail.text


NASTY = ['<script>alert("x")</script>', "a & b 'c' \"d\"", "{{key}} {{{key}}}",
         ".", "From here", "=?UTF-8?Q?x?=", "%s%n", "-" * 200]


@pytest.mark.parametrize("name", NASTY)
def test_hostile_product_names_are_text(mails, name):
    to = mails.address()
    made = mails.issue(mails.product(name=name), buyer_email=to)
    mail = mails.smtp.comes(to)
    assert mail.subject == "Your license for " + name
    assert "Your license for " + html.escape(name, quote=False) in \
        mail.html.replace("&quot;", '"').replace("&#39;", "'")
    assert f"license for {name}." in plain(mail)
    assert "<script" not in mail.html
    assert made["license_key"] in mail.text


def test_line_breaks_in_names_end_no_header(mails):
    """Imported rows may hold what the API refuses."""
    to = mails.address()
    product = mails.product()
    mails.db.execute("UPDATE products SET name = %s WHERE id = %s", [
        "X\r\nBcc: all@example.org\r\n\r\nbody", product["id"]])
    mails.issue(product, buyer_email=to)
    mail = mails.smtp.comes(to)
    assert mail.message["Bcc"] is None
    assert mail.subject == "Your license for X  Bcc: all@example.org    body"
    assert mails.smtp.asked.count("all@example.org") == 0


@pytest.mark.parametrize("to", [
    "a@b\r\nRCPT TO:<c@example.org>", "<a@example.org>", "a b@example.org",
    "a@example.org,c@example.org", "a@", '"a b"@example.org',
    "a@[127.0.0.1]", "x" * 65 + "@example.org"])
def test_addresses_that_are_none_are_not_written_to(mails, to):
    """The server never hears of them."""
    asked = len(mails.smtp.asked)
    made = mails.issue(mails.product())
    mails.db.execute("UPDATE licenses SET buyer_email = %s WHERE id = %s", [
        to, made["license_id"]])
    mails.db.execute("INSERT INTO outbox (event_type, data) VALUES"
                     " ('license.issued', jsonb_build_object('license_id',"
                     " %s::text))", [made["license_id"]])
    row = mails.becomes(to, "dead")
    assert row["last_error"] == "this is no address to write to"
    assert c_example(mails) == 0 and len(mails.smtp.asked) >= asked


def c_example(mails):
    return mails.smtp.asked.count("c@example.org")


def test_vendors_profile_is_in_it(mails):
    to = mails.address()
    profile = mails.do("POST", "/merchant-profiles", {
        "name": "Tiny & Co", "legal_name": "Tiny and Co Ltd, Aachen",
        "support_email": "help@tiny.test", "brand_color": "#aa3300",
        "support_url": "https://tiny.test/help?a=1&b=2"})
    product = mails.product(merchant_profile_id=profile["id"])
    mails.issue(product, buyer_email=to)
    mail = mails.smtp.comes(to)
    assert mail.message["Reply-To"] == "help@tiny.test"
    for text in (mail.text, shown(mail)):
        assert "Tiny & Co" in text and "Tiny and Co Ltd, Aachen" in text
        assert "https://tiny.test/help?a=1&b=2" in text
    assert "border-top:4px solid #aa3300" in mail.html


# Trials that end

def trial(mails, days):
    to = mails.address()
    product = mails.product(name=f"Trial of {days}", price_sats=500)
    policy = mails.policy(product, is_recurring=True, renewal_period_days=90,
                          trial_days=days)
    mails.buy(product, policy_slug=policy["slug"], buyer_email=to)
    mails.told(to)
    return to


def test_trial_is_told_three_days_before_its_end(mails):
    to = trial(mails, 14)
    mails.clock.move(days=10, hours=23)
    mails.settled()
    assert mails.row(to, "trial_ending") is None
    mails.clock.move(hours=1, seconds=70)
    mail = mails.told(to, 2)
    assert mail.subject.startswith("Your trial of Trial of 14 ends on ")
    assert "a link to pay 500 sats for 90 days" in plain(mail)
    assert not KEY.search(mail.text)
    mails.clock.move(days=1)
    mails.settled()
    assert len(mails.smtp.got(to)) == 2


def test_short_trial_is_told_at_half(mails):
    to = trial(mails, 4)
    mails.clock.move(days=1, hours=23)
    mails.settled()
    assert mails.row(to, "trial_ending") is None
    mails.clock.move(hours=1, seconds=70)
    assert "Trial of 4 ends on" in mails.smtp.comes(to, 2).subject


def test_very_short_trial_is_not(mails):
    to = trial(mails, 1)
    mails.clock.move(hours=13)
    runs = looks(mails)
    wait_for(lambda: mails.clock.move(seconds=61) and looks(mails) > runs, 60,
             "trials were looked for")
    assert mails.row(to, "trial_ending") is None


def looks(mails):
    return mails.server.value("SELECT runs FROM jobs WHERE name ="
                              " 'trial_mails'")


# For the vendor

def test_list_of_mails(mails):
    to = mails.address()
    made = mails.issue(mails.product(), buyer_email=to)
    mails.becomes(to, "sent")
    mails.issue(mails.product(), buyer_email=mails.address())
    page = mails.do("GET", "/mails?limit=1")
    assert len(page["mails"]) == 1 and page["next_cursor"]
    rest = mails.do("GET", f"/mails?limit=500&cursor={page['next_cursor']}")
    mine, = [m for m in page["mails"] + rest["mails"] if m["to"] == to]
    assert set(mine) == {"id", "kind", "license_id", "invoice_id", "to",
                         "status", "attempts", "next_attempt_at",
                         "last_error", "sent_at", "created_at"}
    assert (mine["kind"], mine["status"], mine["license_id"]) == (
        "receipt", "sent", made["license_id"])
    assert all(m["status"] == "sent" for m in
               mails.do("GET", "/mails?status=sent")["mails"])
    refused(mails.admin("GET", "/mails?cursor=x"), 400, "bad_request")
    refused(mails.public("GET", "/v1/admin/mails"), 401, "unauthorized")


def test_dead_mail_is_sent_after_all(mails):
    to = mails.address()
    mails.smtp.way(to, rcpt="550 5.1.1 nobody here")
    mails.issue(mails.product(), buyer_email=to)
    row = mails.becomes(to, "dead")
    assert row["last_error"] == "RCPT: 550 5.1.1 nobody here"
    assert to in [m["to"] for m in mails.do("GET",
                                            "/mails?status=dead")["mails"]]
    mails.smtp.well(to)
    again = mails.do("POST", f"/mails/{row['id']}/retry")
    assert (again["status"], again["attempts"]) == ("queued", 0)
    mails.becomes(to, "sent")
    assert mails.smtp.comes(to).id == f"<{row['id']}@shop.test>"
    refused(mails.admin("POST", f"/mails/{row['id']}/retry"), 409, "conflict")
    refused(mails.admin("POST", f"/mails/{NOWHERE}/retry"), 404, "not_found")
    audit = mails.server.row("SELECT details FROM events WHERE action ="
                             " 'mail.retry' AND target_id = %s",
                             str(row["id"]))
    assert audit["details"]["kind"] == "receipt"


def test_mail_goes_with_its_license(mails):
    to = mails.address()
    product = mails.product()
    mails.issue(product, buyer_email=to)
    mails.becomes(to, "sent")
    mails.do("DELETE", f"/products/{product['id']}?force=true")
    assert mails.rows(to) == []


# Without a mail server

def test_off_without_a_mail_server(own_instance, smtp):
    """Nothing is queued; what happened then is not told later."""
    server = own_instance(movable=True, name="mute")
    api = Mails(server, smtp)
    to = api.address()
    product = api.product(price_sats=500)
    policy = api.policy(product, is_recurring=True, renewal_period_days=90,
                        trial_days=14)
    api.buy(product, policy_slug=policy["slug"], buyer_email=to)
    api.clock.move(days=11, seconds=70)
    runs = looks(api)
    wait_for(lambda: api.clock.move(seconds=61) and looks(api) > runs, 60,
             "trials were looked for")
    api.settled()
    replica, = server.replicas
    assert replica.stop() == 0
    replica.settings.update(smtp.settings())
    replica.start()
    api.clock.wait()
    other = api.address()
    api.issue(product, buyer_email=other)
    smtp.comes(other)
    api.clock.move(seconds=70)
    api.becomes(other, "sent")
    assert api.rows(to) == [] and smtp.got(to) == []


# The server

def test_mail_server(mails, api):
    """Whether there is one, for people who wait for a mail."""
    got = mails.do("GET", "/mail-server")
    assert got["on"] is True and got["url"].startswith("smtp://")
    assert got["from"] == "Corner Shop <keys@shop.test>"
    assert api.do("GET", "/mail-server") == {"on": False, "url": None,
                                             "from": None}


def test_one_mail(mails):
    to = mails.address()
    mails.issue(mails.product(), buyer_email=to)
    mails.becomes(to, "sent")
    one = next(m for m in mails.do("GET", "/mails")["mails"]
               if m["to"] == to)
    assert mails.do("GET", f"/mails/{one['id']}") == one
    refused(mails.admin("GET", f"/mails/{NOWHERE}"), 404, "not_found")
