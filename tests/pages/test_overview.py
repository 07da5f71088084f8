"""The dashboard's front page: what needs a look, numbers, charts."""
import re

import pytest

from lib.client import refused
from lib.desk import Page, open_desk


@pytest.fixture(scope="module")
def server(make_instance):
    made = make_instance(movable=True, name="overview")
    yield made
    made.check_workers()


@pytest.fixture
def desk(server):
    return open_desk(server)


@pytest.fixture
def fresh(own_instance):
    """Somebody at an instance that nobody else uses."""
    return open_desk(own_instance(movable=True))


def test_a_new_server_says_what_to_do_next(fresh):
    page = fresh.get("/admin/")
    assert page.headings[0] == "Overview" and "First steps" in page.headings
    assert {"/admin/settings", "/admin/profiles", "/admin/products/new",
            "/admin/first-steps/buy"} <= set(page.links)
    assert "All is well: nothing needs a look." in page.text
    assert "Nothing was paid in these days." in page.text


def test_the_address_without_its_slash(desk):
    assert desk.goes("/admin") == "/admin/"


@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_periods(desk, days):
    r = desk.call("GET", f"/admin/?days={days}")
    assert r.status_code == 200 and len(r.content) < 100_000
    current = re.search(r'<a href="([^"]*)" aria-current="true"', r.text)[1]
    assert current == f"/admin/?days={days}"


def test_a_period_that_there_is_not(desk):
    r = desk.call("GET", "/admin/?days=31")
    assert r.status_code == 400 and "days" in Page(r.text).text


def test_numbers_are_those_of_the_api(fresh):
    api = fresh.api
    product = api.product(price_sats=1234567)
    api.pay(api.buy(product))
    key = api.issue(product)["license_key"]
    api.validate(key)
    api.validate("LIC1-NO")
    text = fresh.get("/admin/").text
    got = api.do("GET", "/figures")
    assert got["revenue"]["sats"] == 1234567
    assert "Revenue 1,234,567 sats" in text
    assert "New licenses 2" in text and "Active licenses 2" in text
    assert "Validations 2 1 of them refused" in text
    assert "No license key 1 0" in text


def test_charts_have_their_numbers_beneath(fresh):
    fresh.api.pay(fresh.api.buy(fresh.api.product(price_sats=4321)))
    r = fresh.call("GET", "/admin/?days=7")
    charts = re.findall(r"<svg.*?</svg>", r.text, re.S)
    assert len(charts) == 2                 # nobody validated
    for chart in charts:
        assert 'role="img"' in chart and "aria-label=" in chart
        assert "style=" not in chart and "<script" not in chart
    table = re.search(r"<details>.*?</details>", r.text, re.S)[0]
    assert table.count("<tr>") == 8 and "4,321" in table


def test_the_highest_bar_is_as_high_as_the_chart(fresh):
    api = fresh.api
    product = api.product(price_sats=100)
    api.pay(api.buy(product))
    r = fresh.call("GET", "/admin/?days=7")
    bars = re.findall(r'class="bar now" d="([^"]*)"', r.text)
    assert bars[0] == "M63 160.0h4v-160.0h-4z"


def test_what_needs_a_look_leads_to_its_list(fresh):
    api = fresh.api
    odd = api.buy(api.product())
    api.db.execute("UPDATE invoices SET attention = 'partial' WHERE id = %s",
                   (odd["invoice_id"],))
    page = fresh.get("/admin/")
    assert "1 payment is odd since" in page.text
    assert "/admin/invoices?attention=true" in page.links
    assert "All is well" not in page.text


@pytest.mark.parametrize("path", [
    "/admin/invoices?attention=true", "/admin/invoices?status=pending",
    "/admin/invoices?status=settled", "/admin/profiles", "/admin/system",
    "/admin/webhooks", "/admin/subscriptions?status=past_due",
    "/admin/mail?status=dead", "/admin/tips", "/admin/licenses?status=active",
    "/admin/licenses", "/admin/machines"])
def test_lists_behind_the_numbers(desk, path):
    desk.get(path)


def test_the_first_steps_go_when_they_are_done(fresh):
    api = fresh.api
    assert "First steps" in fresh.get("/admin/").headings
    api.issue()
    fresh.api.db.execute("UPDATE licenses SET created_at = created_at"
                         " - interval '31 days'")
    assert "First steps" not in fresh.get("/admin/").headings


def test_buying_it_oneself(desk):
    api = desk.api
    product = api.product(name="Ada's <b>\"Best\"</b>", price_sats=777)
    form = desk.get("/admin/first-steps/buy").form()
    assert form["fields"]["buyer_email"] == ""
    bad = desk.post("/admin/first-steps/buy", product=product["slug"],
                    buyer_email="no address")
    page = Page(bad.text)
    assert bad.status_code == 400 and "buyer_email" in page.wrong
    assert page.form()["fields"]["buyer_email"] == "no address"
    assert page.form()["fields"]["product"] == product["slug"]
    r = desk.post("/admin/first-steps/buy", product=product["slug"],
                  buyer_email="ada@example.com")
    assert r.status_code == 200
    page = Page(r.text)
    pay = [a for a in page.links if a.startswith("http")]
    assert len(pay) == 1 and "777" in page.text
    assert "<b>" not in r.text and "&lt;b&gt;" not in page.text
    assert api.public("POST", pay[0] + "/pay").status_code in (200, 303)


def test_a_form_without_its_token_does_nothing(desk):
    before = desk.api.do("GET", "/invoices")["invoices"]
    r = desk.call("POST", "/admin/first-steps/buy", {"product": "x"})
    assert r.status_code == 403
    assert desk.api.do("GET", "/invoices")["invoices"] == before


def test_no_key_opens_a_page(desk):
    """Pages are by session alone."""
    r = desk.api.admin("GET", desk.api.url + "/admin/")
    assert r.status_code == 303
    assert r.headers["Location"].startswith("/admin/sign-in")
    refused(desk.api.public("GET", "/v1/admin/figures"), 401, "unauthorized")
