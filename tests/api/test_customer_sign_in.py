"""Customers at the portal's door: letters with a code and a link, license
keys, and that nobody learns there who is a customer."""
import hashlib
import re

import pytest

from lib.check import NOWHERE, is_time, is_uuid
from lib.client import expect, new_address, refused
from lib.customer import Customer, customer, new_email
from lib.process import wait_for

DOOR = "/v1/portal/sign-in"


@pytest.fixture
def buyer(mails):
    """An address with a license, once its receipt is sent."""
    to = mails.address().replace("buyer", "Buyer.Of")
    made = mails.issue(mails.product(name="Sound Desk"), buyer_email=to)
    mails.told(to)
    return to, made


def asked(api, email, **options):
    return expect(api.public("POST", DOOR, {"email": email}, **options), 200)


def letter(mails, to, n):
    """Code and link's token of the n-th mail to them."""
    mail = mails.smtp.comes(to, n, seconds=60)
    code = re.search(r"\b(\d{4} \d{4})\b", mail.text).group(1)
    token = re.search(r"/portal/enter\?token=(\S+)", mail.text).group(1)
    assert code in mail.html and token in mail.html
    return mail, code, token


# By mail

def test_in_by_the_code(mails, buyer):
    to, made = buyer
    said = asked(mails, to.upper())
    assert set(said) == {"ok", "challenge", "expires_in"} and said["ok"]
    assert is_uuid(said["challenge"]) and said["expires_in"] == 900
    mail, code, token = letter(mails, to, 2)
    assert mail.subject.startswith("Your code to sign in")
    assert "License " not in mail.text
    who = Customer(mails)
    r = who.ask("POST", DOOR + "/code", {"challenge": said["challenge"],
                                         "code": code})
    assert expect(r, 200) == {"ok": True, "email": to.lower(),
                              "license_id": None}
    assert re.fullmatch(
        r"licet_portal=[\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax; "
        r"Max-Age=86400", r.headers["Set-Cookie"])
    me = expect(who.ask("GET", "/v1/portal/me"), 200)
    assert me["email"] == to.lower() and me["license_id"] is None
    assert is_time(me["signed_in_at"]) and me["sessions"] == 1
    # Once: neither code nor link again.
    refused(mails.public("POST", DOOR + "/code",
                         {"challenge": said["challenge"], "code": code}),
            401, "unauthorized")
    refused(mails.public("POST", DOOR + "/link", {"token": token}), 401,
            "unauthorized")
    row = mails.server.row("SELECT * FROM customer_codes WHERE id = %s",
                           said["challenge"])
    assert row["used_at"] is not None and row["sealed"] is None
    event, = mails.server.rows(
        "SELECT * FROM events WHERE actor_kind = 'customer' AND action ="
        " 'customer.sign_in' AND actor_hash = %s",
        hashlib.sha256(to.lower().encode()).hexdigest())
    assert to.lower() not in str(event).lower()


def test_in_by_the_link_over_https(mails, buyer):
    to, _ = buyer
    asked(mails, to)
    _, code, token = letter(mails, to, 2)
    who = Customer(mails)
    r = who.ask("POST", DOOR + "/link", {"token": token},
                headers={"Origin": mails.url.replace("http:", "https:")})
    assert expect(r, 200)["email"] == to.lower()
    assert r.headers["Set-Cookie"].startswith("__Host-licet_portal=")
    expect(who.ask("GET", "/v1/portal/me"), 200)


def test_nothing_of_a_letter_is_in_the_database(mails, buyer):
    to, _ = buyer
    said = asked(mails, to)
    _, code, token = letter(mails, to, 2)
    rows = str(mails.server.rows("SELECT * FROM customer_codes")) + \
        str(mails.rows(to))
    plain = code.replace(" ", "")
    for secret in (plain, code, token):
        assert secret not in rows
    row = mails.server.row("SELECT * FROM customer_codes WHERE id = %s",
                           said["challenge"])
    for guess in (plain, f"{said['challenge']} {plain}"):
        assert bytes(row["code_hash"]) != \
            hashlib.sha256(guess.encode()).digest()
    assert row["sealed"] is not None


def test_five_tries(mails, buyer):
    to, _ = buyer
    said = asked(mails, to)
    _, code, _ = letter(mails, to, 2)
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10 ** 8:08d}"
    for guess in (wrong, "1", "letters!", wrong, wrong, wrong, wrong):
        refused(mails.public("POST", DOOR + "/code", {
            "challenge": said["challenge"], "code": guess}), 401,
            "unauthorized")
    refused(mails.public("POST", DOOR + "/code", {
        "challenge": said["challenge"], "code": code}), 401, "unauthorized")


def test_fifteen_minutes(mails, buyer):
    """A code that waited for the mail server is not sent when it is over."""
    to, _ = buyer
    asked(mails, to)
    _, code, token = letter(mails, to, 2)
    mails.told(to, 2)
    mails.smtp.way(to, rcpt="451 later")
    asked(mails, to)
    wait_for(
        lambda: any(m["status"] == "queued" and m["attempts"] > 0
                    for m in mails.rows(to)), 60, "a try that failed")
    mails.clock.move(seconds=901)
    refused(mails.public("POST", DOOR + "/link", {"token": token}), 401,
            "unauthorized")
    mails.smtp.well(to)
    wait_for(lambda: [m["last_error"] for m in mails.rows(to)
                      if m["status"] == "skipped"] == ["the code is over"],
             60, "the letter is not sent any more")
    assert len(mails.smtp.got(to)) == 2


def test_nobody_learns_who_is_a_customer(mails, buyer):
    """The same answer, the same row, for the same work; no letter."""
    to, _ = buyer
    stranger = new_email()
    first, second = asked(mails, stranger), asked(mails, to)
    assert {k: v for k, v in first.items() if k != "challenge"} == \
        {k: v for k, v in second.items() if k != "challenge"}
    mails.smtp.comes(to, 2, seconds=60)
    wait_for(lambda: mails.server.row(
        "SELECT letter_due FROM customer_codes WHERE id = %s",
        first["challenge"])["letter_due"] is False, 60, "it was looked at")
    assert mails.rows(stranger) == [] and mails.smtp.got(stranger) == []
    row = mails.server.row("SELECT * FROM customer_codes WHERE id = %s",
                           first["challenge"])
    assert row["sealed"] is None
    for challenge in (first["challenge"], NOWHERE):
        body = refused(mails.public("POST", DOOR + "/code", {
            "challenge": challenge, "code": "0000 0000"}), 401,
            "unauthorized")
        assert "not the code" in body["message"]


def test_invoices_that_nobody_paid_make_no_customers(mails):
    to = mails.address()
    mails.buy(mails.product(), buyer_email=to)
    said = asked(mails, to)
    wait_for(lambda: mails.server.row(
        "SELECT letter_due FROM customer_codes WHERE id = %s",
        said["challenge"])["letter_due"] is False, 60, "it was looked at")
    assert mails.rows(to) == []


def test_three_letters_an_hour(mails):
    """To an address, whoever asks, and whether it is a customer's or not."""
    to = new_email()
    for _ in range(3):
        asked(mails, to)
    r = mails.public("POST", DOOR, {"email": to.upper()})
    refused(r, 429, "rate_limited")
    assert 3000 < int(r.headers["Retry-After"]) <= 3600
    mails.clock.move(seconds=3601)
    asked(mails, to)


def test_an_address_of_a_client_has_its_limit(mails):
    ip = new_address()
    for n in range(60):
        r = mails.public("POST", DOOR + "/link", {"token": "x"}, ip=ip)
        if r.status_code == 429:
            break
        refused(r, 401, "unauthorized")
    assert n >= 10
    wait_for(lambda: mails.public("POST", DOOR, {"email": new_email()}, ip=ip)
             .status_code == 429, 60, "letters are refused, too")


def test_without_a_mail_server_there_are_keys(api):
    body = refused(api.public("POST", DOOR, {"email": new_email()}), 409,
                   "no_mail")
    assert "key" in body["message"]


# By key

def test_in_by_a_key(api, server):
    made = api.issue(buyer_email=new_email())
    other = api.issue(buyer_email=new_email())
    who = Customer(api)
    assert expect(who.ask("POST", DOOR + "/key",
                          {"license_key": made["license_key"]}), 200) == \
        {"ok": True, "email": None, "license_id": made["license_id"]}
    me = expect(who.ask("GET", "/v1/portal/me"), 200)
    assert (me["email"], me["license_id"]) == (None, made["license_id"])
    assert me["license_id"] != other["license_id"]
    event, = server.rows("SELECT * FROM events WHERE action ="
                         " 'customer.sign_in' AND actor_hash = %s",
                         hashlib.sha256(made["license_id"].encode())
                         .hexdigest())
    assert made["license_key"] not in str(event)


def test_keys_that_open_nothing(api):
    made = api.issue()
    key = made["license_key"]
    revoked = api.issue()
    api.revoke(revoked["license_id"])
    for bad in ("x", key[:-1] + ("A" if key[-1] != "A" else "B"),
                revoked["license_key"]):
        r = api.public("POST", DOOR + "/key", {"license_key": bad})
        refused(r, 401, "unauthorized")
        assert "Set-Cookie" not in r.headers


def test_a_revoked_license_ends_its_sessions(api, server):
    made = api.issue()
    who = customer(server, license_id=made["license_id"])
    expect(who.ask("GET", "/v1/portal/me"), 200)
    api.revoke(made["license_id"])
    refused(who.ask("GET", "/v1/portal/me"), 401, "unauthorized")


# Sessions

def test_out(api, server):
    email = new_email()
    who, again = customer(server, email), customer(server, email)
    assert expect(who.ask("GET", "/v1/portal/me"), 200)["sessions"] == 2
    token = who.cookie
    assert expect(who.ask("POST", "/v1/portal/sign-out"), 200) == {"ok": True}
    assert who.cookie is None
    who.cookie = token
    refused(who.ask("GET", "/v1/portal/me"), 401, "unauthorized")
    expect(again.ask("GET", "/v1/portal/me"), 200)


def test_all_others_end(api, server):
    email = new_email()
    who, other, stranger = (customer(server, email), customer(server, email),
                            customer(server, new_email()))
    assert expect(who.ask("POST", "/v1/portal/sessions/end-others"), 200) == \
        {"ok": True, "ended": 1}
    refused(other.ask("GET", "/v1/portal/me"), 401, "unauthorized")
    for one in (who, stranger):
        expect(one.ask("GET", "/v1/portal/me"), 200)


def test_how_long_a_session_lives(clock):
    """24 hours after its last use, 30 days after it began; then its row
    goes, and the codes' rows with it."""
    server = clock.server
    email = new_email()
    used, idle = customer(server, email), customer(server, email)
    server.db.execute(
        "INSERT INTO customer_codes (id, email, code_hash, token_hash,"
        " expires_at) VALUES (gen_random_uuid(), %s, sha256('a'),"
        " sha256('b'), licet_now() + interval '900 seconds')", (email,))
    for _ in range(32):
        clock.move(seconds=80000)
        r = used.ask("GET", "/v1/portal/me")
        expect(r, 200)
        assert "Max-Age=86400" in r.headers["Set-Cookie"]
    refused(idle.ask("GET", "/v1/portal/me"), 401, "unauthorized")
    clock.move(seconds=40000)   # and housekeeping is due
    refused(used.ask("GET", "/v1/portal/me"), 401, "unauthorized")
    wait_for(lambda: server.value(
        "SELECT NOT EXISTS (SELECT FROM customer_sessions)"
        " AND NOT EXISTS (SELECT FROM customer_codes)"), 60, "both went")


# What a customer's session opens, and what opens it

@pytest.fixture(scope="module")
def operations(server):
    """(method, path) of everything that is a customer's."""
    import requests
    paths = requests.get(server.url + "/v1/openapi.json",
                         timeout=10).json()["paths"]
    return [(method.upper(), re.sub(r"\{[^}]*\}", NOWHERE, path))
            for path, item in paths.items() for method, node in item.items()
            if isinstance(node, dict) and node.get("x-scope") == "customer"]


def test_only_a_customers_session_opens_what_is_a_customers(
        api, server, operations):
    from lib.roles import make_key
    from lib.web import log_in, set_password
    admin = log_in(api, set_password(api))
    scoped = make_key(api, "full-admin")["token"]
    assert ("GET", "/v1/portal/me") in operations
    for method, path in operations:
        body = {} if method != "GET" else None
        for how in ({}, {"token": server.admin_key}, {"token": scoped},
                    {"token": "ks_nonsense"},
                    {"headers": {"Cookie": "keysat_session=" + admin}},
                    {"headers": {"Cookie": "licet_portal=" + admin}},
                    {"headers": {"Cookie": "licet_portal=" + "x" * 43}}):
            refused(api.call(method, path, body, **how), 401, "unauthorized")


def test_a_customers_session_opens_nothing_else(api, server):
    who = customer(server, new_email())
    for name in ("licet_portal", "keysat_session", "__Host-keysat_session"):
        for path in ("/v1/admin/licenses", "/v1/admin/sessions"):
            refused(api.public("GET", path, headers={
                "Cookie": f"{name}={who.cookie}"}), 401, "unauthorized")


def test_another_site_changes_nothing(api, server):
    who = customer(server, new_email())
    made = api.issue()
    for headers in ({"Origin": "https://evil.example"},
                    {"Sec-Fetch-Site": "cross-site"}):
        for path, body in (("/sessions/end-others", {}), ("/sign-out", {}),
                           ("/sign-in/key",
                            {"license_key": made["license_key"]}),
                           ("/sign-in", {"email": new_email()})):
            r = who.ask("POST", "/v1/portal" + path, body, headers=headers)
            refused(r, 403, "forbidden")
    expect(who.ask("GET", "/v1/portal/me"), 200)


# Again

def test_confirmed_by_another_code(mails, buyer):
    to, _ = buyer
    who = customer(mails.server, to, fresh=False)
    before = expect(who.ask("GET", "/v1/portal/me"), 200)["confirmed_at"]
    said = asked(mails, to)
    _, code, _ = letter(mails, to, 2)
    other = customer(mails.server, new_email())
    refused(other.ask("POST", "/v1/portal/confirm", {
        "challenge": said["challenge"], "code": code}), 401, "unauthorized")
    refused(who.ask("POST", "/v1/portal/confirm", {"code": code}), 400,
            "bad_request")
    assert expect(who.ask("POST", "/v1/portal/confirm", {
        "challenge": said["challenge"], "code": code}), 200) == {"ok": True}
    after = expect(who.ask("GET", "/v1/portal/me"), 200)["confirmed_at"]
    assert after > before


def test_confirmed_by_the_key_that_opened_it(api, server):
    made, other = api.issue(), api.issue()
    who = customer(server, license_id=made["license_id"], fresh=False)
    refused(who.ask("POST", "/v1/portal/confirm", {}), 400, "bad_request")
    refused(who.ask("POST", "/v1/portal/confirm",
                    {"license_key": other["license_key"]}), 401,
            "unauthorized")
    expect(who.ask("POST", "/v1/portal/confirm",
                   {"license_key": made["license_key"]}), 200)
    # A key is shown in the portal: it confirms nobody who came by mail.
    by_mail = customer(server, new_email(), fresh=False)
    refused(by_mail.ask("POST", "/v1/portal/confirm",
                        {"license_key": made["license_key"]}), 400,
            "bad_request")
