"""The dashboard's pages of money: invoices, refunds, rates, tips."""
import pytest

from lib.check import NOWHERE, events
from lib.client import Api, expect, new_slug
from lib.desk import Page, open_desk, went
from lib.renewals import Shop
from lib.web import by_session

HOSTILE = "<script>alert(1)</script>\"'&amp;<b>"


@pytest.fixture(scope="module")
def till(make_instance, btcpay_shared, rates_shared):
    server = make_instance(movable=True, name="till",
                           LICET_RECONCILE_SECONDS=1,
                           **btcpay_shared.settings(),
                           **rates_shared.settings())
    return open_desk(server), server


@pytest.fixture
def desk(till):
    yield till[0]
    till[1].check_workers()


@pytest.fixture
def server(till):
    return till[1]


@pytest.fixture
def shop(server, btcpay):
    return Shop(server, btcpay)


@pytest.fixture
def api(server):
    return Api(server.url, server.admin_key, server.db)


def sell(shop, **fields):
    bought = shop.buy(shop.product(name="Photo Studio", price_sats=50_000),
                      **{"buyer_email": "ada@example.com", **fields})
    shop.fake.settle(bought["btcpay_invoice_id"])
    bought.update(shop.paid(bought["invoice_id"]))
    return bought


def page_of(bought):
    return f"/admin/invoices/{bought['invoice_id']}"


# ---- invoices ----

def test_the_list_links_to_what_it_names(desk, shop):
    mail = new_slug("m") + "@example.com"
    sold = sell(shop, buyer_email=mail)
    page = desk.get(f"/admin/invoices?buyer_email={mail}")
    assert page_of(sold) in page.links
    assert "50,000 sats" in page.text and "Settled" in page.text
    assert "/v1/admin/export/invoices.csv" in page.links
    form = page.form("get")["fields"]
    assert form["buyer_email"] == mail and form["status"] == ""


@pytest.mark.parametrize("query, there", [
    ("status=settled", True), ("status=pending", False),
    ("kind=purchase", True), ("kind=renewal", False),
    ("attention=true", False), ("attention=false", True),
    ("status=&kind=&attention=&product_id=", True)])
def test_filters(desk, shop, query, there):
    mail = new_slug("m") + "@example.com"
    sold = sell(shop, buyer_email=mail)
    page = desk.get(f"/admin/invoices?buyer_email={mail}&{query}")
    assert (page_of(sold) in page.links) is there


def test_the_list_goes_on(desk, shop, server):
    mail = new_slug("m") + "@example.com"
    bought = shop.buy(shop.product(name=HOSTILE * 4), buyer_email=mail)
    made = server.rows(
        "INSERT INTO invoices (id, kind, status, product_id, buyer_email,"
        " amount_sats, base_price_sats, discount_applied_sats,"
        " listed_currency, listed_value, created_at)"
        " SELECT gen_random_uuid(), kind, 'expired', product_id,"
        " buyer_email, amount_sats, base_price_sats, 0, listed_currency,"
        " listed_value, created_at - n * interval '1 hour'"
        " FROM invoices, generate_series(1, 54) n WHERE id = %s"
        " RETURNING id", bought["invoice_id"])
    all_ = {page_of(bought)} | {f"/admin/invoices/{m['id']}" for m in made}
    first = desk.get(f"/admin/invoices?status=&buyer_email={mail}")
    seen = [x for x in first.links if x in all_]
    older, = {x for x in first.links if "cursor=" in x}
    assert "buyer_email=" in older and len(seen) == 50
    rest = desk.get("/admin/invoices" + older)
    seen += [x for x in rest.links if x in all_]
    assert len(seen) == 55 and set(seen) == all_
    assert f"?status=&buyer_email={mail.replace('@', '%40')}" in rest.links


def test_a_list_of_nothing_says_what_to_do(desk):
    page = desk.get("/admin/invoices?buyer_email=nobody@example.com")
    assert "No invoice is here" in page.text
    assert "/admin/products" in page.links


def test_all_that_is_known_of_one(desk, shop, rates):
    p = shop.product(name=HOSTILE, price_currency="USD", price_value=4900)
    rates.set("kraken", USD="70000.25")
    t = shop.policy(p, name="Pro")
    bought = shop.buy(p, policy_slug=t["slug"], buyer_email="ada@example.com",
                      buyer_note=HOSTILE + " " + "x" * 200)
    shop.fake.settle(bought["btcpay_invoice_id"])
    paid = shop.paid(bought["invoice_id"])
    r = desk.call("GET", page_of(bought))
    page = Page(r.text)
    assert "<script>alert" not in r.text and "alert(1)" in page.text
    for text in ("49.00 USD", "70,000.25", "kraken", "Settled", "Pro",
                 bought["btcpay_invoice_id"]):
        assert text in page.text, text
    for link in (f"/admin/products/{p['id']}", f"/admin/policies/{t['id']}",
                 f"/admin/licenses/{paid['license_id']}",
                 bought["checkout_url"], page_of(bought) + "/refund"):
        assert link in page.links, link
    assert f"Invoice for {HOSTILE}" in page.headings
    assert "What happened" in page.headings
    assert "Invoice settled" in page.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//example.com/",
                                 "data:text/html,x", "JAVASCRIPT:x"])
def test_only_addresses_of_the_web_are_links(desk, shop, server, url):
    bought = shop.buy(shop.product())
    server.db.execute("UPDATE invoices SET checkout_url = %s WHERE id = %s",
                      [url, bought["invoice_id"]])
    page = desk.get(page_of(bought))
    assert url in page.text and url not in page.links


def test_one_of_nothing(desk):
    for path in ("", "/refund", "/looked-at"):
        assert "Nothing is here" in desk.get(
            f"/admin/invoices/{NOWHERE}{path}", 404).headings
    desk.get("/admin/invoices/x", 404)


def test_cycles_and_changes(desk, shop):
    s = shop.subscribe()
    page = desk.get(f"/admin/invoices/{s['first']}")
    assert "The cycle it pays" in page.headings
    assert f"/admin/subscriptions/{s['id']}" in page.links


def test_a_code_on_an_invoice(desk, shop):
    p = shop.product(price_sats=1000)
    code = shop.do("POST", "/discount-codes", {
        "code": new_slug("c").upper(), "kind": "percent", "amount": 1000})
    bought = shop.buy(p, code=code["code"])
    page = desk.get(page_of(bought))
    assert "Discount code" in page.headings and code["code"] in page.text


@pytest.mark.parametrize("word, says", [
    ("partial", "nothing was given"), ("over", "paid too much"),
    ("surplus", "Pay it back|pay it back"), ("void_change", "no longer"),
    ("amount_mismatch", "another amount")])
def test_what_is_odd_is_said_and_cleared(desk, shop, server, word, says):
    sold = sell(shop)
    server.db.execute("UPDATE invoices SET attention = %s WHERE id = %s",
                      [word, sold["invoice_id"]])
    page = desk.get(page_of(sold))
    assert "Somebody should look at this" in page.headings
    assert any(s in page.text for s in says.split("|"))
    assert page_of(sold) in desk.get("/admin/invoices?attention=true").links
    done = desk.post(page_of(sold) + "/looked-at")
    assert went(done) == page_of(sold) + "?said=looked"
    page = desk.get(went(done))
    assert page.said == ["The mark is cleared."]
    assert "Somebody should look at this" not in page.headings
    got = shop.do("GET", f"/invoices/{sold['invoice_id']}")
    assert got["attention"] is None
    told, = events(server, sold["invoice_id"], "invoice.looked_at")
    assert told["details"] == {"attention": word}


# ---- refunds ----

def test_a_refund(desk, shop, server):
    sold = sell(shop)
    page = desk.get(page_of(sold) + "/refund")
    assert "50,000 sats" in page.text and "revoked" in page.text
    r = desk.post(page_of(sold) + "/refund", reason=HOSTILE)
    assert r.status_code == 200, r.text
    page = Page(r.text)
    pull, = [p for p in shop.fake.pull_payments.values()
             if p.invoice.id == sold["btcpay_invoice_id"]]
    assert f"{shop.fake.url}/pull-payments/{pull.id}" in page.links
    assert "The refund is made" in page.headings and "Revoked" in page.text
    row = server.row("SELECT * FROM refunds WHERE invoice_id = %s",
                     sold["invoice_id"])
    assert (row["status"], row["reason"], row["variant"]) == \
        ("made", HOSTILE, "RateThen")
    assert shop.lic(sold)["status"] == "revoked"
    told, = events(server, sold["invoice_id"], "invoice.refund_asked")
    assert told["actor_kind"] == "web_ui"
    r = desk.call("GET", page_of(sold))
    assert "Refunds" in Page(r.text).headings
    assert "Refund asked for" in Page(r.text).text
    assert "<script>alert" not in r.text and pull.id not in r.text
    again = desk.post(page_of(sold) + "/refund", reason="")
    assert f"{shop.fake.url}/pull-payments/{pull.id}" in Page(again.text).links
    assert len(server.rows("SELECT FROM refunds WHERE invoice_id = %s",
                           sold["invoice_id"])) == 1


def test_what_was_paid_too_much_is_chosen(desk, shop, server):
    sold = sell(shop)
    server.db.execute("UPDATE invoices SET attention = 'over' WHERE id = %s",
                      [sold["invoice_id"]])
    link = next(x for x in desk.get(page_of(sold)).links if "variant=" in x)
    form = desk.get(link).form()["fields"]
    assert form["variant"] == "OverpaidAmount"


def test_a_refund_that_cannot_be_says_why(desk, shop):
    bought = shop.buy(shop.product())
    assert page_of(bought) + "/refund" not in desk.get(page_of(bought)).links
    r = desk.post(page_of(bought) + "/refund", reason="keep this")
    assert r.status_code == 400
    page = Page(r.text)
    assert page.alerts == ["Only an invoice that is settled can be refunded."]
    assert page.form()["fields"]["reason"] == "keep this"


def test_a_refund_wants_the_password_of_late(desk, shop, server):
    sold = sell(shop)
    server.db.execute("UPDATE sessions SET reauthenticated_at ="
                      " reauthenticated_at - interval '1 hour'")
    there = desk.goes(page_of(sold) + "/refund")
    assert there.startswith("/admin/confirm?next=")
    r = desk.call("POST", page_of(sold) + "/refund", {"csrf": desk.csrf})
    assert went(r).startswith("/admin/confirm?")
    assert server.rows("SELECT FROM refunds WHERE invoice_id = %s",
                       sold["invoice_id"]) == []
    assert went(desk.post(there, password=desk.password)) == \
        page_of(sold) + "/refund"


@pytest.mark.parametrize("form", ["refund", "looked-at"])
def test_without_the_token_nothing_happens(desk, shop, server, form):
    sold = sell(shop)
    server.db.execute("UPDATE invoices SET attention = 'over' WHERE id = %s",
                      [sold["invoice_id"]])
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        r = desk.call("POST", f"{page_of(sold)}/{form}",
                      {"attention": "", **csrf})
        assert r.status_code == 403
    assert server.rows("SELECT FROM refunds WHERE invoice_id = %s",
                       sold["invoice_id"]) == []
    assert shop.do("GET", f"/invoices/{sold['invoice_id']}")[
        "attention"] == "over"


def test_the_export_is_there_for_whoever_is_signed_in(desk, shop, api):
    sold = sell(shop)
    r = by_session(api, desk.cookie, "GET", "/v1/admin/export/invoices.csv")
    assert r.status_code == 200 and sold["invoice_id"] in r.text
    assert "attachment" in r.headers["Content-Disposition"]


# ---- rates ----

@pytest.fixture
def market(server, rates):
    server.db.execute("DELETE FROM exchange_rates")
    server.db.execute("DELETE FROM settings WHERE key LIKE"
                      " 'manual_rate_pin_%'")
    return rates


def test_rates_fetched_pinned_and_let_go(desk, api, market):
    page = desk.get("/admin/rates")
    assert {"US dollars", "Euros"} <= set(page.headings)
    assert "/admin/rates/USD/unpin" not in page.links
    market.set("kraken", USD="65000.50")
    done = desk.post("/admin/rates/USD/refresh")
    assert went(done) == "/admin/rates?said=fetched"
    page = desk.get(went(done))
    assert page.said == ["Fetched."]
    assert "65,000.5" in page.text and "kraken" in page.text
    assert went(desk.post("/admin/rates/USD/pin", units_per_btc="70000.25")) \
        == "/admin/rates?said=pinned"
    assert api.do("GET", "/rates/USD")["units_per_btc"] == 70000.25
    page = desk.get("/admin/rates")
    assert "70,000.25" in page.text and "65,000.5" in page.text
    assert desk.get("/admin/rates/USD/pin").form()["fields"][
        "units_per_btc"] == "70000.25"
    assert went(desk.post("/admin/rates/USD/unpin")) == \
        "/admin/rates?said=unpinned"
    assert api.do("GET", "/rates/USD")["pinned"] is False


@pytest.mark.parametrize("typed", ["", "fifty", "0", "-5", "5 USD", HOSTILE])
def test_a_pin_that_is_no_number(desk, api, market, typed):
    r = desk.post("/admin/rates/EUR/pin", units_per_btc=typed)
    assert r.status_code == 400
    page = Page(r.text)
    assert page.wrong["units_per_btc"] and "<script>alert" not in r.text
    assert page.form()["fields"]["units_per_btc"] == typed
    assert api.do("GET", "/rates/EUR")["pinned"] is False


def test_sources_that_are_silent(desk, market):
    for source in ("kraken", "coinbase", "coingecko"):
        market.fail(source)
    r = desk.post("/admin/rates/USD/refresh")
    assert r.status_code == 502 and Page(r.text).alerts


def test_only_these_currencies(desk, server):
    desk.get("/admin/rates/GBP/pin", 404)
    for form in ("refresh", "pin", "unpin"):
        r = desk.call("POST", f"/admin/rates/USD/{form}",
                      {"units_per_btc": "5", "currency": "USD"})
        assert r.status_code == 403
    assert server.value("SELECT count(*) FROM settings"
                        " WHERE key = 'manual_rate_pin_USD'") == 0


# ---- tips ----

def test_tips(desk, shop, server):
    assert "No tip is here" in desk.get("/admin/tips").text
    sold = sell(shop)
    server.db.execute(
        "INSERT INTO tip_attempts (license_id, recipient, paid_sats, pct_bps,"
        " amount_sats, status, label) VALUES (%s, 'bob@example.com', 50000,"
        " 250, 1250, 'sent', %s)", [sold["license_id"], HOSTILE])
    page = desk.get("/admin/tips?recipient=bob@example.com")
    assert f"/admin/licenses/{sold['license_id']}" in page.links
    for text in ("1,250 sats", "2.50 %", "Its license", "Sent", "alert(1)"):
        assert text in page.text
    assert "bob@" not in desk.get("/admin/tips?recipient=a@b.c").text
