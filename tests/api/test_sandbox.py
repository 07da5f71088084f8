"""The sandbox: a payment page of our own for development and tests."""
import html
from urllib.parse import urljoin

import pytest

from lib.check import NOWHERE
from lib.client import refused


def test_checkout_page_shows_what_is_sold(api):
    p = api.product(name="Écran <b>&\"'", price_sats=12345)
    bought = api.buy(p)
    r = api.public("GET", bought["checkout_url"])
    assert r.status_code == 200
    assert r.headers["Content-Type"].startswith("text/html")
    assert "Content-Security-Policy" in r.headers
    assert "12,345" in r.text or "12345" in r.text
    assert "<b>&\"" not in r.text


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("redirect", [
    "https://shop.example/done?a=1&b=2", None])
def test_browser_pays_and_finds_its_way_back(api, server, redirect):
    bought = api.buy(api.product(), redirect_url=redirect)
    r = api.public("POST", bought["checkout_url"] + "/pay", headers=BROWSER)
    assert r.status_code == 303
    page = api.public("GET", urljoin(bought["checkout_url"],
                                     r.headers["Location"]))
    assert page.status_code == 200
    back = redirect or \
        f"{server.url}/thank-you?invoice_id={bought['invoice_id']}"
    assert back in html.unescape(page.text)
    assert api.poll(bought)["status"] == "settled"


def test_program_pays_and_gets_json(api):
    bought = api.buy(api.product())
    r = api.public("POST", bought["checkout_url"] + "/pay")
    assert r.status_code == 200
    assert (r.json()["ok"], r.json()["status"]) == (True, "settled")


@pytest.mark.parametrize("word", ["pay", "expire"])
def test_looking_changes_nothing(api, word):
    bought = api.buy(api.product())
    api.public("GET", bought["checkout_url"])
    refused(api.public("GET", f"{bought['checkout_url']}/{word}"), 405,
            "method_not_allowed")
    assert api.poll(bought)["status"] == "pending"


def test_expire_is_final_for_the_sandbox_buyer(api):
    bought = api.buy(api.product())
    assert api.expire(bought)["status"] == "expired"
    assert api.expire(bought)["status"] == "expired"


def test_settled_is_not_expired_later(api):
    bought = api.buy(api.product())
    key = api.pay(bought)["license_key"]
    api.public("POST", bought["checkout_url"] + "/expire")
    seen = api.poll(bought)
    assert (seen["status"], seen["license_key"]) == ("settled", key)


def test_unknown_sandbox_invoice_404(api, server):
    bought = api.buy(api.product())
    base = bought["checkout_url"].rsplit("/", 1)[0]
    for path in (f"/{NOWHERE}", "/rubbish"):
        assert api.public("GET", base + path).status_code == 404
        assert api.public("POST", base + path + "/pay").status_code == 404


def test_btcpay_webhook_is_503_without_btcpay(api):
    refused(api.public("POST", "/v1/btcpay/webhook", {
        "type": "InvoiceSettled", "invoiceId": "x"}), 503,
        "btcpay_not_configured")
