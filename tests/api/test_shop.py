"""The shop's pages as a browser without scripts sees them: 2.9, row by row."""
import concurrent.futures
import html
import re
import socket
import urllib.parse
import uuid

import pytest

from fake.rates import SOURCES
from lib.client import Api, new_slug
from lib.codes import code, fiat, trial, uses
from lib.desk import went
from lib.process import wait_for
from lib.sales import created
from lib.shop import HTML, Sheet, Shopper

HOSTILE = "<script>alert(1)</script>\"'&amp;<b onload=x>"


@pytest.fixture
def shopper(api):
    return Shopper(api)


def tiered(api, *prices, **fields):
    """A product with tiers Tier0, Tier1, ... at these prices."""
    product = api.product(**fields)
    tiers = [api.policy(product, name=f"Tier{n}", price_sats_override=p)
             for n, p in enumerate(prices)]
    return product, tiers


def invoices(api, product):
    return api.db.execute("SELECT id::text, status, buyer_email, policy_id::text"
                          " FROM invoices WHERE product_id = %s",
                          [product["id"]]).fetchall()


# The front

def test_front_is_json_unless_html_is_asked_for(api, shopper):
    """2.1: GET / for programs; pages for browsers."""
    plain = api.public("GET", "/", headers={"Accept": "*/*"})
    assert plain.json()["service"] == "keysat"
    page = shopper.call("GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    for r in (plain, page):
        assert r.headers["vary"].lower() == "accept"


def test_front_lists_what_anybody_can_buy_page_by_page(api, shopper):
    """Active products with a public policy, by name, each once."""
    names = [f"zz {new_slug()}" for _ in range(27)]
    sold = [tiered(api, 2000, 1000, name=n)[0] for n in names]
    hidden = [api.product(name="zz without a policy")]
    hidden.append(api.product(name="zz not public"))
    api.do("PATCH", f"/policies/{api.policy(hidden[1])['id']}/public",
           {"public": False})
    off = tiered(api, 5, name="zz off")[0]
    api.do("PATCH", f"/products/{off['id']}/active", {"active": False})
    path, seen, prices = "/", [], []
    while path:
        sheet = shopper.get(path)
        seen += re.findall(r'<h2><a href="/buy/([^"]+)"', sheet.html)
        prices += re.findall(r'<span class="from">', sheet.html)
        path = next((p for p in sheet.links if p.startswith("/?after=")), None)
    mine = [s for s in seen if s in {p["slug"] for p in sold + hidden + [off]}]
    by_name = sorted(sold, key=lambda p: p["name"])
    assert sorted(mine) == sorted(p["slug"] for p in by_name)
    assert len(prices) >= len(sold)
    assert "That was all" in shopper.get("/?after=no-such-thing").text


# A product's page

def test_unknown_and_inactive_products_are_404_pages(api, shopper):
    """2.9: unknown or inactive → 404 page."""
    off = tiered(api, 5)[0]
    api.do("PATCH", f"/products/{off['id']}/active", {"active": False})
    for slug in ("no-such-thing", off["slug"], "a%2Fb", "%3Cb%3E"):
        for method in ("GET", "POST"):
            r = shopper.call(method, f"/buy/{slug}", {} if method == "POST"
                             else None)
            assert r.status_code == 404
            assert r.headers["content-type"].startswith("text/html")
            assert "for sale here" in r.text


def test_initial_tier(api, shopper):
    """2.9: ?policy, else highlighted, else cheapest."""
    product, (dear, cheap) = tiered(api, 9000, 3000)
    assert shopper.product(product).current == "Tier1"
    best = api.policy(product, name="Best", price_sats_override=5000,
                      metadata={"highlight": True})
    private = api.policy(product, name="Private")
    api.do("PATCH", f"/policies/{private['id']}/public", {"public": False})
    assert shopper.product(product).current == "Best"
    for policy, current in ((dear, "Tier0"), (cheap, "Tier1"), (best, "Best"),
                            (private, "Best")):
        sheet = shopper.product(product, policy=policy["slug"])
        assert sheet.current == current
        assert list(sheet.tiers) == ["Tier1", "Best", "Tier0"]
        assert "Private" not in sheet.html
    assert sheet.fields["policy"] == best["slug"]
    assert "Recommended" in sheet.tiers["Best"]


def test_without_public_policies_it_sells_by_what_applies(api, shopper):
    """No tier cards; the price is what the purchase takes."""
    product = api.product(price_sats=2100)
    sheet = shopper.product(product)
    assert sheet.tiers == {} and sheet.price == "2,100 sats"
    made = api.policy(product, slug="default", price_sats_override=1)
    api.do("PATCH", f"/policies/{made['id']}/public", {"public": False})
    assert shopper.product(product).price == "1 sat"
    shopper.buy(product)
    row, = invoices(api, product)
    assert api.poll({"invoice_id": row["id"]})["amount_sats"] == 1


@pytest.mark.parametrize("fields,price,button", [
    ({"price_sats_override": 1234567}, "1,234,567 sats", "Pay with Bitcoin"),
    ({"price_sats_override": 0}, "Free", "Redeem license"),
    *(({"is_recurring": True, "renewal_period_days": days,
        "price_sats_override": 900}, f"900 sats / {suffix}",
       "Pay with Bitcoin")
      for days, suffix in ((7, "wk"), (30, "mo"), (90, "qtr"), (180, "6mo"),
                           (365, "yr"), (45, "45 days"), (1, "1 day"))),
    ({"is_recurring": True, "renewal_period_days": 30, "trial_days": 14,
      "price_sats_override": 900}, "FREE for 14 days",
     "Start 14-day free trial"),
])
def test_prices_and_buttons(api, shopper, fields, price, button):
    """2.9: thousands, recurring suffixes, trial, zero price."""
    product = api.product()
    api.policy(product, **fields)
    sheet = shopper.product(product)
    assert (sheet.price, sheet.button) == (price, button)


def test_prices_in_a_currency(api, shopper):
    """2.9: `49.00' + currency; with what that is in satoshis when a rate is
    known."""
    product = fiat(api, value=123450)
    api.policy(product)
    assert shopper.product(product).price == "1,234.50 USD"
    api.do("PUT", "/rates/USD/pin", {"units_per_btc": "61725"})
    try:
        assert "about 2,000,000 sats" in shopper.product(product).text
    finally:
        api.do("DELETE", "/rates/USD/pin")
    api.db.execute("INSERT INTO exchange_rates (currency, rate_e4, source,"
                   " fetched_at) VALUES ('USD', 617250000, 'test', licet_now())"
                   " ON CONFLICT (currency) DO UPDATE SET fetched_at ="
                   " excluded.fetched_at, rate_e4 = excluded.rate_e4")
    text = shopper.product(product).text
    assert "about 2,000,000 sats, by the rate of 20" in text
    api.db.execute("DELETE FROM exchange_rates")
    assert "about" not in shopper.product(product).text


def test_trial_says_what_follows(api, shopper):
    product = api.product()
    trial(api, product, price_sats_override=4900)
    assert "Then 4,900 sats / mo. Cancel any time." in \
        shopper.product(product).text


def test_entitlements_and_bullets(api, shopper):
    """2.9: by catalogue name, description readable, minus hidden, merged with
    the marketing bullets on their side."""
    product = api.product(entitlements_catalog=[
        {"slug": "a", "name": "Alpha", "description": "What alpha is"},
        {"slug": "b", "name": "Beta", "description": ""},
        {"slug": "c", "name": "Gamma", "description": ""}])
    marks = {"marketing_bullets": ["Bullet one", "Bullet two"],
             "hidden_entitlements": ["c"]}
    below = api.policy(product, entitlements=["a", "b", "c"], metadata=marks,
                       max_machines=3, duration_seconds=30 * 86400)
    assert shopper.product(product).features == [
        "Alpha What alpha is", "Beta", "Bullet one", "Bullet two",
        "3 machines, valid for 30 days"]
    api.do("PATCH", f"/policies/{below['id']}", {
        "metadata": {**marks, "marketing_bullets_position": "above"},
        "max_machines": 0, "duration_seconds": 0})
    assert shopper.product(product).features == [
        "Bullet one", "Bullet two", "Alpha What alpha is", "Beta",
        "Any number of machines, valid without end"]


def test_featured_code(api, shopper):
    """2.9: struck-through price, ribbon, prefilled; cleared on a switch of
    tiers, where a typed one stays."""
    product, (a, b) = tiered(api, 10000, 20000)
    made = code(api, product, policy_slugs=[a["slug"]], featured=True,
                amount=1250, description="Only this week")
    sheet = shopper.product(product, policy=a["slug"])
    assert sheet.price == "Instead of 10,000 sats 8,750 sats"
    assert "12.5% off" in sheet.tiers["Tier0"]
    assert "Only this week" in sheet.text
    assert sheet.fields["code"] == made["code"]
    other = next(p for p in sheet.links if b["slug"] in p)
    assert "code=" not in other
    assert shopper.get(other.partition("#")[0]).fields["code"] == ""
    typed = code(api, product)["code"]
    sheet = shopper.apply(sheet, code=typed)
    assert sheet.price == "Instead of 10,000 sats 9,000 sats"
    other = next(p for p in sheet.links if b["slug"] in p)
    sheet = shopper.get(other.partition("#")[0])
    assert sheet.fields["code"] == typed
    assert sheet.price == "Instead of 20,000 sats 18,000 sats"
    shopper.buy(product, {"policy": a["slug"]})
    assert uses(api, made) == (1, ["pending"])


def test_apply_shows_the_price_and_keeps_what_was_typed(api, shopper):
    """Without scripts: the page again, nothing held, nothing lost."""
    product = fiat(api, value=4900)
    cheap, = [api.policy(product, name="One")]
    made = code(api, product, kind="fixed_sats", amount=900,
                discount_currency="USD")
    api.do("PUT", "/rates/USD/pin", {"units_per_btc": "40000"})
    try:
        sheet = shopper.apply(shopper.product(product), email="a@b.example",
                              code=f" {made['code'].lower()} ")
    finally:
        api.do("DELETE", "/rates/USD/pin")
    assert sheet.price == "Instead of 49.00 USD 40.00 USD"
    assert "about 100,000 sats" in sheet.text
    assert f"{made['code']} takes 9.00 USD off." in sheet.said
    assert sheet.fields["email"] == "a@b.example"
    assert sheet.fields["code"].upper() == made["code"]
    assert uses(api, made) == (0, [])
    assert cheap["slug"] == sheet.fields["policy"]
    assert invoices(api, product) == []


def test_codes_that_will_not_do_are_told_beside_the_field(api, shopper):
    product, _ = tiered(api, 1000)
    spent = code(api, product, max_uses=1)
    shopper.buy(product, code=spent["code"])
    sheet = shopper.product(product)
    for typed, why in (("NOSUCH", "There is no such code."),
                       (spent["code"], "The code has no use left.")):
        for do in ("apply", "buy"):
            r = shopper.send(sheet, do, code=typed, email="x@y.example",
                             token=str(uuid.uuid4()))
            again = Sheet(r.text)
            assert again.wrong == {"code": why}, (typed, do)
            assert again.fields["code"] == typed
            assert again.fields["email"] == "x@y.example"
            assert again.price == "1,000 sats"
    assert len(invoices(api, product)) == 1


def test_a_rate_that_cannot_be_had_keeps_nobody_out(market, rates):
    """The page is there all the same, and says what is lacking."""
    shopper, product = Shopper(market), fiat(market)
    made = code(market, product)["code"]
    for source in SOURCES:
        rates.fail(source)
    sheet = shopper.product(product, code=made)
    assert sheet.price == "49.00 USD" and sheet.alerts
    assert sheet.fields["code"] == made


def test_looking_up_codes_by_links_is_limited_as_previews_are(api):
    """No way around the limit of code previews."""
    product, _ = tiered(api, 1000)
    made = code(api, product)["code"]
    shopper = Shopper(api, ip="203.0.113.77")
    path = f"/buy/{product['slug']}?code={made}"
    wait_for(lambda: "takes" not in shopper.get(path).text, 60,
             "codes are not looked up any more", pause=0)
    assert shopper.get(path).fields["code"] == made


# Buying

def test_paid_purchase_goes_to_the_checkout(api, shopper):
    """2.9: else go to where it is paid."""
    product, (tier,) = tiered(api, 3000)
    invoice, to = shopper.buy(product, email=" Ada@Example.com ")
    assert to == f"/checkout/{invoice}"
    assert api.poll({"invoice_id": invoice})["status"] == "pending"
    row, = invoices(api, product)
    assert (row["buyer_email"], row["policy_id"]) == ("Ada@Example.com",
                                                      tier["id"])


@pytest.mark.parametrize("what", ["free code", "zero price", "trial"])
def test_what_costs_nothing_shows_the_key(api, shopper, what):
    """2.9: inline license_key → key with Copy and the invoice id."""
    product = api.product()
    fields = {}
    if what == "free code":
        api.policy(product)
        fields["code"] = code(api, product, kind="free_license")["code"]
    elif what == "zero price":
        api.policy(product, price_sats_override=0)
    else:
        trial(api, product)
        fields["email"] = f"{new_slug()}@example.com"
    invoice, to = shopper.buy(product, **fields)
    assert to == f"/thank-you?invoice_id={invoice}"
    sheet = shopper.get(to)
    key = api.poll({"invoice_id": invoice})["license_key"]
    assert key in sheet.text and invoice in sheet.text
    assert "data-copy" in sheet.html
    assert api.validate(key)["ok"] is True


def test_code_that_leaves_something_to_pay_falls_through(api, shopper):
    """2.9: /v1/redeem first, /v1/purchase on its `requires payment'."""
    product, _ = tiered(api, 10000)
    made = code(api, product)
    invoice, to = shopper.buy(product, code=made["code"])
    assert to.startswith("/checkout/")
    assert api.poll({"invoice_id": invoice})["amount_sats"] == 9000
    assert uses(api, made) == (1, ["pending"])


def test_refusals_stand_beside_their_field(api, shopper):
    product = api.product()
    trial(api, product)
    email = f"{new_slug()}@example.com"
    shopper.buy(product, email=email)
    for typed, why in ((email, "had the trial"), ("no address", "e-mail")):
        r = shopper.send(shopper.product(product), email=typed)
        assert r.status_code == 400
        sheet = Sheet(r.text)
        assert why in sheet.wrong["email"].lower()
        assert sheet.fields["email"] == typed
        assert sheet.fields["token"]
    assert len(invoices(api, product)) == 1


def test_forms_of_other_sites_are_refused(api, shopper):
    """There is no session to ride on; browsers that say so are refused."""
    product, _ = tiered(api, 1000)
    sheet = shopper.product(product)
    for headers in ({"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"},
                    {"Origin": "https://example.com"}, {"Origin": "null"}):
        form = sheet.form()
        r = shopper.call("POST", f"/buy/{product['slug']}",
                         {**form["fields"], "do": "buy"}, headers)
        assert r.status_code == 403, headers
        assert r.headers["content-type"].startswith("text/html")
    assert invoices(api, product) == []
    assert went(shopper.send(sheet)).startswith("/checkout/")


def test_pages_of_the_limit_are_calm(api):
    product, _ = tiered(api, 1000)
    shopper = Shopper(api, ip="203.0.113.78")

    def refused():
        r = shopper.call("POST", f"/buy/{product['slug']}", {"do": "apply"})
        return [r] if r.status_code == 429 else None
    r, = wait_for(refused, 60, "the limit", pause=0)
    assert int(r.headers["retry-after"]) > 0
    assert "wait a minute" in r.text and "<h1>Please wait" in r.text


# Once

def test_double_click_buys_once(api, shopper):
    """The same form several times at once: one invoice, and all are sent to
    the same place or told to press the button again."""
    product, _ = tiered(api, 1000)
    made = code(api, product, max_uses=5)
    sheet = shopper.product(product)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        came = list(pool.map(lambda _: Shopper(Api(
            api.url, api.admin_key)).send(sheet, code=made["code"]), range(6)))
    places = {r.headers["Location"] for r in came if r.status_code == 303}
    assert len(places) == 1, [r.status_code for r in came]
    assert {r.status_code for r in came} <= {303, 409}
    assert len(invoices(api, product)) == 1
    assert uses(api, made)[0] == 1


def test_reload_tells_the_same_again_and_new_pages_buy_anew(api, shopper):
    product, _ = tiered(api, 0)
    sheet = shopper.product(product)
    first = went(shopper.send(sheet))
    assert went(shopper.send(sheet)) == first
    r = shopper.send(sheet, email="other@example.com")
    assert r.status_code == 409
    again = Sheet(r.text)
    assert "sent this page before" in again.text
    assert again.fields["email"] == "other@example.com"
    assert went(shopper.send(again)) != first
    assert went(shopper.send(shopper.product(product))) != first
    assert len(invoices(api, product)) == 3


def test_what_was_refused_can_be_sent_again(shop, btcpay):
    """A provider that is silent: the input is kept, and the same form's next
    try leaves one invoice to pay."""
    shopper, product = Shopper(shop), shop.product()
    sheet = shopper.product(product)
    with btcpay.away():
        r = shopper.send(sheet, email="ada@example.com")
    assert r.status_code == 502
    again = Sheet(r.text)
    assert again.alerts and again.fields["email"] == "ada@example.com"
    assert again.fields["token"] == sheet.fields["token"]
    assert went(shopper.send(again)).startswith("/checkout/")
    open_ones = [i for i in invoices(shop, product) if i["status"] ==
                 "pending"]
    assert len(open_ones) == 1


def test_a_click_that_is_broken_off_leaves_one_order(shop, btcpay):
    """What a second click of a browser does: the first request is broken off,
    wherever it was, and the second one takes over."""
    shopper, product = Shopper(shop), shop.product()
    sheet = shopper.product(product)
    btcpay.silent()
    url = urllib.parse.urlsplit(shop.url)
    body = urllib.parse.urlencode({**sheet.fields, "do": "buy"})
    with socket.create_connection((url.hostname, url.port), 30) as first:
        first.sendall((f"POST /buy/{product['slug']} HTTP/1.1\r\n"
                       f"Host: {url.netloc}\r\nAccept: text/html\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        wait_for(lambda: created(btcpay), 60, "the provider is asked")
    btcpay.silent(False)

    def sent():
        r = shopper.send(sheet)
        assert r.status_code in (303, 409), r.text
        return r.status_code == 303 and r.headers["Location"]
    to = wait_for(sent, 60, "the order is taken")
    left = [i["id"] for i in invoices(shop, product)
            if i["status"] == "pending"]
    assert [to] == [f"/checkout/{i}" for i in left]
    assert went(shopper.send(sheet)) == to


# Hostile

def test_hostile_text_is_text(api, shopper):
    """2.9: escape all text, `'' too; in every place that is shown."""
    def text(n):
        return f"t{n} {HOSTILE}"
    product = api.product(
        name=text(1), description=text(2), entitlements_catalog=[
            {"slug": "a", "name": text(3), "description": text(4)}])
    api.policy(product, name=text(5), entitlements=["a"], metadata={
        "description": text(6), "marketing_bullets": [text(7)]})
    api.policy(product, name="Second")
    code(api, product, featured=True, description=text(8))
    sheet = shopper.product(product)
    came = {"page": sheet, "apply": shopper.apply(
        sheet, code=HOSTILE, email=HOSTILE, prefilled="x",
        token=HOSTILE, policy=HOSTILE)}
    bought, to = shopper.buy(product, {"code": HOSTILE}, code="")
    came["thanks"] = shopper.get(f"/thank-you?invoice_id={bought}")
    assert to == f"/checkout/{bought}"
    for page in came.values():
        assert "<script>alert" not in page.html and "<b onload" not in page.html
        assert "&amp;lt;" not in page.html
    for n in range(1, 9):
        assert html.unescape(sheet.html).count(text(n)), n
    assert came["apply"].fields["code"] == HOSTILE
    assert came["apply"].fields["email"] == HOSTILE
    assert "'" not in re.findall(r't1 &lt;script.*?x&gt;', sheet.html)[0]


def test_pages_load_nothing_foreign_and_are_not_kept(api, shopper):
    """2.9: a Content-Security-Policy; nothing from third parties."""
    product, _ = tiered(api, 1000)
    for path in ("/", f"/buy/{product['slug']}", "/recover"):
        r = shopper.call("GET", path)
        assert "default-src 'none'" in r.headers["content-security-policy"]
        assert r.headers["cache-control"] == "no-store"
        for found in re.findall(r'(?:src|href)="([^"]*)"', r.text):
            assert found.startswith(("/", "#")), (path, found)


# The button on other sites

def test_button_for_other_sites(api):
    r = api.public("GET", "/assets/js/buy.js")
    assert r.status_code == 200 and len(r.content) <= 2048
    assert r.headers["content-type"].startswith("text/javascript")
    assert r.headers["access-control-allow-origin"] == "*"
    assert r.headers["cache-control"] == "no-cache"
    assert HTML and "innerHTML" not in r.text
