"""The checkout page of our own: what it offers to pay with, how it says that
the money comes, and how an order goes on after its invoice expired."""
import threading
import time
from decimal import Decimal

import pytest

from fake import bolt11
from lib.check import NOWHERE
from lib.checkout import (acts, heading, look, parts, path_of, reaches, scan,
                          state, uri)
from lib.client import Api, expect, refused
from lib.desk import Page
from lib.process import wait_for
from lib.sales import becomes, hurry, issued

SATS = 53_552
BTC = "0.00053552"


def again(api, bought, **form):
    return api.public("POST", path_of(bought, "/again"), data=form)


def again_by_api(api, bought, **body):
    return expect(api.public(
        "POST", f"/v1/purchase/{bought['invoice_id']}/again", body), 200)


def expired(api, **fields):
    bought = api.buy(api.product(price_sats=SATS), **fields)
    api.expire(bought)
    return bought


def asked(btcpay, bought):
    """How often the ways to pay were asked for."""
    return sum(r["path"].endswith(bought["btcpay_invoice_id"] +
                                  "/payment-methods")
               for r in btcpay.requests)


def with_lightning(api, bought):
    """The page, once it has a Lightning invoice for the rest."""
    def found():
        page = look(api, bought)
        return page if "lightning" in parts(uri(page))[1] else None
    return wait_for(found, 60, "the rest by Lightning, too", pause=0.2)


# What is offered

def test_page_offers_both_ways(api, tmp_path):
    bought = api.buy(api.product(name="Écran <b>&\"'", price_sats=SATS))
    page = look(api, bought)
    assert "53,552 sats" in page.text and "Écran <b>&\"'" in page.text
    assert "<b>&" not in page.html
    assert heading(page) == "Waiting for your payment"
    address, query = parts(uri(page))
    assert query["amount"] == BTC
    invoice = bolt11.decode(query["lightning"].lower())
    assert invoice["msat"] == SATS * 1000
    assert address.startswith("BCRT1Q") and address.lower() in page.text
    assert "until" in page.text and '<meta http-equiv="refresh"' in page.html
    assert len(page.html) < 40_000


@pytest.mark.parametrize("by", ["both", "lightning", "onchain"])
def test_qr_is_the_uri(api, tmp_path, by):
    page = look(api, api.buy(api.product(price_sats=SATS)), by)
    seen = scan(page.html, tmp_path)
    shown = uri(page)
    assert seen == seen.upper()
    assert seen.partition(":")[2] == shown.partition(":")[2]
    assert seen.partition(":")[0].lower() == shown.partition(":")[0]
    address, query = parts(seen)
    assert ("lightning" in query) == (by == "both")
    assert by != "lightning" or bolt11.decode(address.lower())


def test_every_tab_is_a_link(api):
    bought = api.buy(api.product())
    page = look(api, bought)
    for by in ("both", "lightning", "onchain"):
        assert f"/checkout/{bought['invoice_id']}?by={by}" in page.links
    assert look(api, bought, "rubbish").html == page.html or \
        uri(look(api, bought, "rubbish")) == uri(page)


def test_listed_price_with_the_rate_its_source_and_time(api):
    api.do("PUT", "/rates/EUR/pin", {"units_per_btc": "91500.50"})
    p = api.product(price_currency="EUR", price_value=4900)
    try:
        text = look(api, api.buy(p)).text
    finally:
        api.admin("DELETE", "/rates/EUR/pin")
    assert "49.00 EUR, at 91,500.50 EUR for a bitcoin" in text
    assert "the vendor’s own rate" in text and "UTC" in text


def test_unknown_checkout_404(api):
    assert api.public("GET", f"/checkout/{NOWHERE}").status_code == 404
    refused(api.public("GET", f"/checkout/{NOWHERE}/state"), 404, "not_found")
    assert api.public("POST", f"/checkout/{NOWHERE}/again").status_code == 404
    for wrong in ("/checkout/rubbish", "/checkout/rubbish/state",
                  "/checkout/%7B%7D/state"):
        assert api.public("GET", wrong).status_code in (400, 404)


def test_paid_goes_on_to_the_key(api):
    bought = api.buy(api.product(), redirect_url="https://a.example/ok?b=c")
    look(api, bought)
    api.pay(bought)
    r = api.public("GET", path_of(bought))
    assert (r.status_code, r.headers["Location"]) == \
        (303, "https://a.example/ok?b=c")
    seen = state(api, bought)
    assert (seen["state"], seen["key_ready"], seen["next_url"]) == \
        ("paid", True, "https://a.example/ok?b=c")
    p = api.product()
    free = api.buy(p, policy_slug=api.policy(
        p, price_sats_override=0)["slug"])
    assert "/thank-you?invoice_id=" in \
        api.public("GET", path_of(free)).headers["Location"]


# How the money comes

def test_seen_then_confirmed_block_by_block(api, server):
    bought = api.buy(api.product(price_sats=SATS))
    look(api, bought)
    acts(api, bought, "seen")
    reaches(api, bought, "seen")
    page = look(api, bought)
    assert heading(page) == "Your payment is on its way"
    assert "<svg" not in page.html and "53,552 sats have been seen" in page.text
    for n in (1, 2):
        acts(api, bought, "confirm")
        wait_for(lambda: state(api, bought)["confirmations"] == n, 60,
                 f"{n} confirmations", pause=0.1)
        page = look(api, bought)
        assert heading(page) == f"Confirming: {n} of 3"
        assert f'max="3" value="{n}"' in page.html
    acts(api, bought, "confirm")
    assert becomes(api, bought, "settled")["license_key"]
    assert state(api, bought)["state"] == "paid"


def test_short_asks_for_the_rest(api, tmp_path):
    bought = api.buy(api.product(price_sats=SATS))
    look(api, bought)
    acts(api, bought, "short")
    reaches(api, bought, "short")
    page = with_lightning(api, bought)
    assert heading(page) == "26,776 sats are missing"
    address, query = parts(scan(page.html, tmp_path))
    assert query["amount"] == "0.00026776"
    assert bolt11.decode(query["lightning"].lower())["msat"] == 26_776_000
    acts(api, bought, "rest")
    reaches(api, bought, "seen")
    acts(api, bought, "confirm", "confirm", "confirm")
    becomes(api, bought, "settled")


def test_short_and_over_says_what_becomes_of_it(api, server):
    bought = api.buy(api.product(price_sats=SATS))
    look(api, bought)
    acts(api, bought, "short", "expire")
    reaches(api, bought, "short_expired")
    page = look(api, bought)
    assert heading(page) == "The time is over, and 26,776 sats are missing"
    assert "The vendor has been told" in page.text and page.forms == []
    assert api.do("GET", f"/invoices/{bought['invoice_id']}")["attention"] == \
        "partial"
    refused(api.public("POST", f"/v1/purchase/{bought['invoice_id']}/again",
                       {}), 409, "conflict")
    assert again(api, bought).status_code == 409


def test_late_counts_once_confirmed(api, server):
    bought = expired(api)
    look(api, bought)
    acts(api, bought, "late")
    reaches(api, bought, "late")
    page = look(api, bought)
    assert heading(page) == "Paid late, being confirmed" and page.forms == []
    acts(api, bought, "confirm", "confirm", "confirm")
    paid = becomes(api, bought, "settled")
    invoice = api.do("GET", f"/invoices/{bought['invoice_id']}")
    assert paid["license_key"] and issued(server, bought) == 1
    assert (invoice["payment_exception"], invoice["attention"]) == \
        ("late", None)


# An order goes on

def test_a_new_invoice_for_the_same_order(api):
    p = api.product(price_sats=SATS)
    y = api.policy(p, price_sats_override=40_000)
    bought = api.buy(p, policy_slug=y["slug"], buyer_email="ada@example.com",
                     buyer_note="as ever")
    look(api, bought)
    api.expire(bought)
    page = look(api, bought)
    assert heading(page) == "The time to pay is over"
    assert page.forms[0]["action"] == path_of(bought, "/again")
    went = again(api, bought)
    assert went.status_code == 303
    new = {"invoice_id": went.headers["Location"].rsplit("/")[-1]}
    old, fresh = (api.do("GET", f"/invoices/{x['invoice_id']}")
                  for x in (bought, new))
    for member in ("product_id", "policy_id", "buyer_email", "buyer_note",
                   "amount_sats", "listed_value"):
        assert old[member] == fresh[member], member
    assert fresh["redirect_url"] == old["redirect_url"].replace(
        bought["invoice_id"], new["invoice_id"])
    # The old address leads to the new one, and pressed again it is the same.
    r = api.public("GET", path_of(bought))
    assert (r.status_code, r.headers["Location"]) == (303, path_of(new))
    assert state(api, bought)["next_url"] == path_of(new)
    assert again(api, bought).headers["Location"] == path_of(new)
    assert again_by_api(api, bought)["invoice_id"] == new["invoice_id"]
    assert heading(look(api, new)) == "Waiting for your payment"


def test_a_new_invoice_only_after_the_old_one_expired(api):
    bought = api.buy(api.product())
    look(api, bought)
    assert again(api, bought).status_code == 409
    api.pay(bought)
    assert again(api, bought).status_code == 409
    for path in (f"/v1/purchase/{NOWHERE}/again",):
        refused(api.public("POST", path, {}), 404, "not_found")


def test_a_form_of_another_site_renews_nothing(api):
    bought = expired(api)
    r = api.public("POST", path_of(bought, "/again"),
                   headers={"Sec-Fetch-Site": "cross-site",
                            "Origin": "https://evil.example"})
    assert r.status_code == 403
    assert state(api, bought)["state"] == "expired"


def test_a_new_price_is_said_before(api, server):
    p = api.product(price_sats=SATS)
    bought = api.buy(p)
    api.expire(bought)
    api.do("PATCH", f"/products/{p['id']}", {"price_sats": 60_000})
    page = Page(again(api, bought).text)
    assert heading(page) == "The price has changed"
    assert "It was 53,552 sats, and is now 60,000 sats" in page.text
    assert state(api, bought)["state"] == "expired"
    offer = again_by_api(api, bought)["offer"]
    assert (offer["charged_value"], offer["was_value"]) == (60_000, SATS)
    # Agreed to another price than the one that holds by then: asked anew.
    assert again_by_api(api, bought, charged_value=59_000,
                        currency="SAT")["invoice_id"] is None
    went = again(api, bought, **page.forms[0]["fields"])
    assert went.status_code == 303
    new = went.headers["Location"].rsplit("/")[-1]
    assert api.do("GET", f"/invoices/{new}")["amount_sats"] == 60_000


def test_a_code_holds_or_the_price_without_it_is_said(api):
    p = api.product(price_sats=SATS)
    code = api.do("POST", "/discount-codes", {
        "code": f"HALF{p['slug'][2:]}", "kind": "percent", "amount": 5000,
        "max_uses": 1})
    bought = api.buy(p, code=code["code"])
    assert bought["amount_sats"] == SATS // 2
    api.expire(bought)
    # Its use came back, so it holds for the new invoice.
    new = again_by_api(api, bought)
    assert new["amount_sats"] == SATS // 2
    api.expire(new)
    api.do("PATCH", f"/discount-codes/{code['id']}/active", {"active": False})
    text = Page(again(api, new).text).text
    assert "the code is disabled" in text and "now 53,552 sats" in text


def test_what_is_not_on_offer_any_more_is_refused(api):
    p = api.product()
    bought = api.buy(p)
    api.expire(bought)
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    r = again(api, bought)
    assert r.status_code == 400 and "not for sale" in r.text


def together(calls):
    """All at once; their answers."""
    barrier, out = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait()
        out.append(call())
    threads = [threading.Thread(target=run, args=[c]) for c in calls]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    return out


def test_a_double_click_makes_one_invoice(api, server):
    p = api.product(price_sats=SATS)
    code = api.do("POST", "/discount-codes", {
        "code": f"RACE{p['slug'][2:]}", "kind": "percent", "amount": 1000,
        "max_uses": 5})
    bought = api.buy(p, code=code["code"])
    api.expire(bought)
    calls = [Api(server.url, server.admin_key) for _ in range(8)]
    answers = together([lambda c=c: again(c, bought) for c in calls])
    assert {r.status_code for r in answers} == {303}
    assert len({r.headers["Location"] for r in answers}) == 1
    assert server.value("SELECT count(*) FROM invoices WHERE follows_id = %s",
                        bought["invoice_id"]) == 1
    assert server.value("SELECT used_count FROM discount_codes WHERE id = %s",
                        code["id"]) == 1


def test_both_paid_is_seen_by_the_vendor(api, server):
    bought = expired(api)
    new = again_by_api(api, bought)
    look(api, new)
    acts(api, bought, "late", "confirm", "confirm", "confirm")
    becomes(api, bought, "settled")
    # The new one's page leads to what the old one paid.
    r = api.public("GET", path_of(new))
    assert r.status_code == 303 and bought["invoice_id"] in \
        r.headers["Location"]
    api.pay(new)
    becomes(api, new, "settled")
    marks = {x["invoice_id"]: api.do(
        "GET", f"/invoices/{x['invoice_id']}")["attention"]
        for x in (bought, new)}
    assert marks == {bought["invoice_id"]: None, new["invoice_id"]: "double"}
    assert issued(server, bought) == issued(server, new) == 1
    found = api.do("GET", "/invoices?attention=double")["invoices"]
    assert new["invoice_id"] in {i["id"] for i in found}
    actions = [e["action"] for e in api.do(
        "GET", f"/invoices/{new['invoice_id']}")["events"]]
    assert "invoice.double" in actions


def test_both_paid_at_once_marks_one(api, server):
    bought = expired(api)
    new = again_by_api(api, bought)
    acts(api, bought, "late", "confirm", "confirm")
    calls = [Api(server.url, server.admin_key) for _ in range(2)]
    together([lambda: acts(calls[0], bought, "confirm"),
              lambda: acts(calls[1], new, "pay")])
    for x in (bought, new):
        becomes(api, x, "settled")
    assert server.rows(
        "SELECT attention FROM invoices WHERE id = ANY(%s::uuid[])"
        " ORDER BY 1", [bought["invoice_id"], new["invoice_id"]]) == \
        [{"attention": "double"}, {"attention": None}]


# BTCPay Server

@pytest.mark.parametrize("is_old", [False, True])
def test_btcpays_ways_to_pay(shop, btcpay, tmp_path, is_old):
    btcpay.is_old = is_old
    bought = shop.buy(shop.product(price_sats=SATS))
    invoice = btcpay.invoices[bought["btcpay_invoice_id"]]
    page = look(shop, bought)
    address, query = parts(scan(page.html, tmp_path))
    assert query == {"amount": BTC, "lightning": invoice.bolt11.upper()}
    assert address.lower() == invoice.address.lower()
    assert invoice.link in page.links
    seen = state(shop, bought)
    assert seen["checkout_url"] == invoice.link and seen["expires_at"]


def test_btcpays_payment_comes_step_by_step(shop, btcpay):
    bought = shop.buy(shop.product(price_sats=SATS))
    look(shop, bought)
    where = bought["btcpay_invoice_id"]
    btcpay.pay(where, Decimal("0.00020000"), method="BTC-CHAIN")
    seen = reaches(shop, bought, "short")
    assert (seen["paid_sats"], seen["due_sats"]) == (20_000, 33_552)
    page = with_lightning(shop, bought)
    _, query = parts(uri(page))
    assert query["amount"] == "0.00033552"
    assert bolt11.decode(query["lightning"].lower())["msat"] == 33_552_000
    btcpay.pay(where, method="BTC-CHAIN")
    reaches(shop, bought, "seen")
    btcpay.confirm(where)
    becomes(shop, bought, "settled")


def test_a_payment_without_a_webhook_is_seen(shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product(price_sats=SATS))
    look(shop, bought)
    btcpay.pay(bought["btcpay_invoice_id"], method="BTC-CHAIN", notify=False)
    hurry(btcpay_server, bought["invoice_id"])
    reaches(shop, bought, "seen")


def test_the_provider_is_asked_once_for_many_pages(shop, btcpay):
    bought = shop.buy(shop.product())
    began = time.monotonic()
    for _ in range(12):
        look(shop, bought)
        state(shop, bought)
    # An open page has it looked at again every fifteen seconds.
    assert asked(btcpay, bought) <= 1 + (time.monotonic() - began) / 10


@pytest.mark.parametrize("kind", ["garbage", "html", "empty", "null", "500",
                                  "truncated", "huge", "hangup", "silent"])
def test_a_provider_that_is_wrong_holds_nobody_up(shop, btcpay, kind):
    bought = shop.buy(shop.product())
    invoice = btcpay.invoices[bought["btcpay_invoice_id"]]
    btcpay.spoil(kind, times=None, path="payment-methods")
    page = look(shop, bought)
    assert heading(page) == "Your invoice is on its way"
    assert invoice.link in page.links and "<svg" not in page.html
    assert state(shop, bought)["state"] == "preparing"


def test_where_there_is_nothing_to_pay_with_the_providers_page_is(
        shop, btcpay):
    bought = shop.buy(shop.product())
    invoice = btcpay.invoices[bought["btcpay_invoice_id"]]
    btcpay.spoil("404", times=None, path="payment-methods")
    r = shop.public("GET", path_of(bought))
    assert (r.status_code, r.headers["Location"]) == (303, invoice.link)


def test_a_setting_prefers_the_providers_page(own_instance):
    server = own_instance(name="elsewhere", LICET_CHECKOUT="provider")
    api = Api(server.url, server.admin_key, server.db)
    bought = api.buy(api.product())
    r = api.public("GET", path_of(bought))
    assert (r.status_code, r.headers["Location"]) == \
        (303, bought["checkout_url"])
