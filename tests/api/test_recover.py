"""A lost key, again: for its buyer only, and nothing else is told (2.6)."""
import hashlib
import re

import pytest

from lib.check import NOWHERE, events, is_time
from lib.client import Api, expect, new_address, refused
from lib.tiers import EVER, HIGH, LOW, Shop

MAIL = "Ann@Example.com"


def recover(api, invoice_id, email, **options):
    return api.public("POST", "/v1/recover",
                      {"invoice_id": invoice_id, "email": email}, **options)


def form(api, invoice_id, email, **options):
    return api.public("POST", "/recover", data={
        "invoice_id": invoice_id, "email": email}, **options)


@pytest.fixture
def paid(api):
    bought = api.buy(api.product(), buyer_email=MAIL)
    return {**bought, **api.pay(bought)}


def test_the_same_key_again(api, paid):
    got = expect(recover(api, paid["invoice_id"], MAIL), 200)
    assert set(got) == {"license_key", "license_id", "product_id",
                        "issued_at", "expires_at", "entitlements"}
    assert got["license_key"] == paid["license_key"]
    assert got["license_id"] == paid["license_id"]
    assert got["product_id"] == paid["product_id"]
    assert is_time(got["issued_at"]) and got["expires_at"] is None
    assert got["entitlements"] == []


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@EXAMPLE.COM",
                                   "  Ann@Example.com\t"])
def test_case_and_spaces_of_the_address_do_not_matter(api, paid, email):
    expect(recover(api, f" {paid['invoice_id'].upper()} ", email), 200)


def test_whatever_is_wrong_the_answer_is_one(api, paid):
    """Unknown, malformed, not his, unpaid, revoked: byte for byte the same,
    but for the request's own id."""
    pending = api.buy(api.product(), buyer_email=MAIL)
    bare = api.buy(api.product())
    api.pay(bare)
    gone = api.buy(api.product(), buyer_email=MAIL)
    api.revoke(api.pay(gone)["license_id"])
    held = api.buy(api.product(), buyer_email=MAIL)
    api.do("POST", f"/licenses/{api.pay(held)['license_id']}/suspend", {})
    seen = {(r.status_code, r.text) for r in (
        recover(api, NOWHERE, MAIL),
        recover(api, "no uuid", MAIL),
        recover(api, paid["invoice_id"], "eve@example.com"),
        recover(api, paid["invoice_id"], "no address"),
        recover(api, paid["invoice_id"], "%"),
        recover(api, pending["invoice_id"], MAIL),
        recover(api, bare["invoice_id"], MAIL),
        recover(api, bare["invoice_id"], "null"),
        recover(api, gone["invoice_id"], MAIL),
        recover(api, held["invoice_id"], MAIL))}
    assert len(seen) == 1
    refused(recover(api, NOWHERE, MAIL), 404, "not_found")


@pytest.mark.parametrize("invoice_id,email", [
    ("", MAIL), (NOWHERE, ""), (" \t", MAIL), (NOWHERE, "   "), ("", "")])
def test_blank_is_400(api, invoice_id, email):
    refused(recover(api, invoice_id, email), 400, "bad_request")
    assert form(api, invoice_id, email).status_code == 400


def test_success_alone_is_in_the_audit_trail(api, server, paid):
    recover(api, paid["invoice_id"], "eve@example.com")
    assert events(server, paid["license_id"], "license.recovered") == []
    ip = new_address()
    recover(api, paid["invoice_id"], " ANN@example.com ", ip=ip,
            headers={"User-Agent": "finder/1"})
    (row,) = events(server, paid["license_id"], "license.recovered")
    assert row["actor_kind"] == "buyer_self_service"
    assert row["actor_hash"] == hashlib.sha256(b"ann@example.com").hexdigest()
    assert row["target_kind"] == "license"
    assert (row["request_ip"], row["user_agent"]) == (ip, "finder/1")
    assert "example.com" not in str(row["details"])


def test_ten_then_429_before_anything_else(api, server):
    ip = new_address()
    for n in range(40):
        r = recover(api, "", "", ip=ip)
        if r.status_code == 429:
            break
        assert r.status_code == 400
    refused(r, 429, "rate_limited")
    assert n >= 10 and int(r.headers["Retry-After"]) >= 5
    assert form(api, NOWHERE, MAIL, ip=ip).status_code in (404, 429)
    assert recover(api, NOWHERE, MAIL).status_code == 404


def test_bucket_is_named_as_in_the_contract(api, server):
    from lib.process import wait_for
    ip = new_address()
    for _ in range(10):
        recover(api, NOWHERE, MAIL, ip=ip)
    row = wait_for(lambda: server.row(
        "SELECT * FROM rate_buckets WHERE bucket_kind = 'recover_ip'"
        " AND bucket_key = %s", ip), 60, "the bucket is in the database")
    assert row["capacity"] == 10
    assert row["refill_per_second"] == pytest.approx(1 / 6)


def test_D8_invoice_of_an_upgrade(api):
    shop = Shop(api)
    bought = api.buy(shop.product, policy_slug=LOW, buyer_email=MAIL)
    first = api.pay(bought)
    up = shop.upgrade(first["license_key"], EVER)
    assert recover(api, up["invoice_id"], MAIL).status_code == 404
    after = api.pay(up)
    for invoice in (up, bought):
        got = expect(recover(api, invoice["invoice_id"], MAIL), 200)
        assert got["license_id"] == first["license_id"]
        assert got["license_key"] == after["license_key"]
        assert got["entitlements"] == [EVER] and got["expires_at"] is None


def test_D8_invoice_of_a_renewal(own_instance):
    from lib.process import wait_for
    server = own_instance(movable=True, LICET_RENEWAL_SECONDS=1)
    api = Api(server.url, server.admin_key, server.db)
    shop = Shop(api)
    bought = api.buy(shop.product, policy_slug=HIGH, buyer_email=MAIL)
    first = api.pay(bought)
    server.clock.move(days=30, seconds=5)
    renewal = wait_for(lambda: server.row(
        "SELECT id, checkout_url FROM invoices WHERE kind = 'renewal'"
        " AND license_id = %s AND checkout_url <> ''", first["license_id"]),
        60, "the renewal is billed")
    renewal["id"] = str(renewal["id"])
    assert recover(api, renewal["id"], MAIL).status_code == 404
    assert api.pay({"checkout_url": renewal["checkout_url"],
                    "invoice_id": renewal["id"]})["status"] == "settled"
    got = expect(recover(api, renewal["id"], MAIL), 200)
    assert got["license_id"] == first["license_id"]
    assert got["license_key"] != first["license_key"]
    assert api.validate(got["license_key"])["ok"] is True


# The form, without scripts

def test_form_posts_to_itself_and_loads_nothing_foreign(api):
    r = api.public("GET", "/recover")
    assert r.status_code == 200
    assert r.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in r.headers["content-security-policy"]
    assert '<form method="post" action="/recover">' in r.text
    assert set(re.findall(r'name="([a-z_]+)"', r.text)) - {"viewport"} == \
        {"invoice_id", "email"}
    assert re.findall(r"<script([^>]*)>", r.text) == re.findall(
        r'<script( src="/assets/js/[a-z]+[.][0-9a-f]{16}[.]js" defer)>',
        r.text)
    assert "//" not in r.text


def test_form_shows_the_key(api, server, paid):
    r = form(api, paid["invoice_id"], "ann@example.com ")
    assert r.status_code == 200 and paid["license_key"] in r.text
    assert r.headers["cache-control"] == "no-store"
    assert len(events(server, paid["license_id"], "license.recovered")) == 1


def test_form_says_no_more_than_that(api, paid):
    pages = {form(api, *pair).text for pair in (
        (paid["invoice_id"], "eve@example.com"), (NOWHERE, MAIL),
        ("<script>alert(1)</script>", '"><b>'))}
    assert len(pages) == 1
    text = pages.pop()
    assert "Nothing was found" in text and "alert(1)" not in text
    assert "<form" in text


@pytest.mark.parametrize("body", [
    b"", b"&&&", b"=", b"invoice_id", b"invoice_id=%00&email=%zz",
    b"invoice_id=\xff&email=\xff", b"x" * 100000, b"\x00\x00",
    b"invoice_id=a&email=b\x00c"])
def test_form_takes_any_bytes(api, body):
    r = api.public("POST", "/recover", data=body)
    assert r.status_code in (400, 404)
    assert r.headers["content-type"].startswith("text/html")
