"""The page to which buyers come back: states, escaping, nothing foreign; the
key as a file; a payment that only the provider knows of."""
import re
import uuid

from lib.client import Api
from lib.process import wait_for
from lib.sales import becomes
from lib.shop import Shopper
from lib.zaprite import connect


def page(api, invoice_id):
    return api.public("GET", f"/thank-you?invoice_id={invoice_id}")


def file_of(api, invoice_id):
    return api.public("GET", f"/thank-you/key.txt?invoice_id={invoice_id}")


def test_waits_then_shows_the_key(api):
    """2.9: the key with Copy, the invoice's id; polls 2.3 until then."""
    bought = api.buy(api.product())
    r = page(api, bought["invoice_id"])
    assert r.status_code == 200
    assert r.headers["content-type"].startswith("text/html")
    assert "Waiting" in r.text
    assert '<noscript><meta http-equiv="refresh"' in r.text
    assert f'data-poll="/v1/purchase/{bought["invoice_id"]}"' in r.text
    assert f'href="/checkout/{bought["invoice_id"]}"' in r.text
    assert file_of(api, bought["invoice_id"]).status_code == 404
    key = api.pay(bought)["license_key"]
    for _ in range(2):      # a reload, or the address that was kept
        r = page(api, bought["invoice_id"])
        assert f'data-copy>{key}</code>' in r.text
        assert bought["invoice_id"] in r.text and "/portal/" in r.text
        assert "refresh" not in r.text and "data-poll" not in r.text
        assert "default-src 'none'" in r.headers["content-security-policy"]


def test_key_as_a_file(api):
    bought = api.buy(api.product())
    key = api.pay(bought)["license_key"]
    r = file_of(api, bought["invoice_id"])
    assert r.status_code == 200 and r.text == key + "\n"
    assert r.headers["content-type"].startswith("text/plain")
    assert r.headers["content-disposition"] == \
        'attachment; filename="license-key.txt"'
    assert r.headers["cache-control"] == "no-store"


def test_recovered_key_as_a_file(api):
    bought = api.buy(api.product(), buyer_email="ada@example.com")
    key = api.pay(bought)["license_key"]
    r = Shopper(api).call("POST", "/recover", {
        "invoice_id": bought["invoice_id"], "email": "ada@example.com"})
    link = re.search(r'href="(/thank-you/key.txt[^"]*)" download', r.text)[1]
    assert api.public("GET", link).text == key + "\n"


def test_key_is_gone_with_the_license(api):
    bought = api.buy(api.product())
    paid = api.pay(bought)
    api.admin("POST", f"/v1/admin/licenses/{paid['license_id']}/revoke", json={})
    r = page(api, bought["invoice_id"])
    assert paid["license_key"] not in r.text and "not active" in r.text
    assert 'role="alert"' in r.text
    assert file_of(api, bought["invoice_id"]).status_code == 404


def test_expired_says_so(api):
    """2.9: an error for expired."""
    product = api.product()
    bought = api.buy(product)
    api.public("POST", bought["checkout_url"] + "/expire")
    text = page(api, bought["invoice_id"]).text
    assert "did not arrive" in text and 'role="alert"' in text
    assert f"/buy/{product['slug']}" in text and "data-poll" not in text


def test_invalid_says_so(shop, btcpay):
    """2.9: an error for invalid."""
    bought = shop.buy(shop.product())
    btcpay.invalidate(bought["btcpay_invoice_id"])
    becomes(shop, bought, "invalid")
    text = page(shop, bought["invoice_id"]).text
    assert "not valid" in text and 'role="alert"' in text


def test_unknown_404_and_malformed_400(api):
    """2.9: an error for 404."""
    for r in (page(api, uuid.uuid4()), file_of(api, uuid.uuid4())):
        assert r.status_code == 404
        assert r.headers["content-type"].startswith("text/html")
    assert page(api, "<script>").status_code == 400
    assert api.public("GET", "/thank-you").status_code == 400


def test_a_part_of_the_payment(shop, btcpay):
    """How much came, how much is missing; and that the time is over."""
    bought = shop.buy(shop.product(price_sats=10000))
    btcpay.pay_part(bought["btcpay_invoice_id"])
    wait_for(lambda: "A part of your payment" in
             page(shop, bought["invoice_id"]).text, 60, "the part is told")
    text = page(shop, bought["invoice_id"]).text
    assert "5,000 sats of 10,000 sats have arrived; 5,000 sats are missing" \
        in text
    assert "Pay the rest" in text
    btcpay.expire(bought["btcpay_invoice_id"], partial=True)
    becomes(shop, bought, "expired")
    text = page(shop, bought["invoice_id"]).text
    assert "Only a part" in text and "Pay the rest" not in text


def test_late_payment_gives_the_key(shop, btcpay):
    bought = shop.buy(shop.product())
    btcpay.expire(bought["btcpay_invoice_id"])
    becomes(shop, bought, "expired")
    btcpay.pay_late(bought["btcpay_invoice_id"])
    paid = becomes(shop, bought, "settled")
    assert paid["license_key"] in page(shop, bought["invoice_id"]).text


def test_words_for_cards(own_instance, zaprite):
    """2.9: wording by provider kind (card wording for Zaprite)."""
    server = own_instance(LICET_PAYMENTS="none")
    connect(server, zaprite)
    api = Api(server.url, server.admin_key, server.db)
    shopper, product = Shopper(api), api.product()
    invoice, to = shopper.buy(product)
    assert "card or bank payment" in page(api, invoice).text
    # From a form no redirect leads to another site, as its policy says: a page
    # does, by itself and by a link.
    sheet = shopper.get(to)
    theirs = api.do("GET", f"/invoices/{invoice}")["checkout_url"]
    assert theirs in sheet.links and theirs.startswith(zaprite.url)
    assert f'http-equiv="refresh" content="0;url={theirs}"' in sheet.html


def test_opening_the_page_finds_a_payment_whose_webhook_was_lost(
        own_instance, btcpay):
    """The reconciler would look in an hour; at most every ten seconds the page
    makes it look at once."""
    server = own_instance(LICET_RECONCILE_SECONDS=3600, **btcpay.settings())
    api = Api(server.url, server.admin_key, server.db)
    bought = api.buy(api.product())
    server.db.execute("UPDATE invoices SET next_check_at = licet_now()"
                      " + interval '50 minutes' WHERE id = %s",
                      [bought["invoice_id"]])
    btcpay.settle(bought["btcpay_invoice_id"], notify=False)
    wait_for(lambda: "Here is your license key" in
             page(api, bought["invoice_id"]).text, 60, "the key is there")
    looked_at = [r for r in btcpay.requests if r["method"] == "GET" and
                 r["path"].endswith(bought["btcpay_invoice_id"])]
    assert len(looked_at) == 1


def test_looks_are_bounded(own_instance, btcpay):
    """Somebody who reloads all the time makes one look in ten seconds."""
    server = own_instance(LICET_RECONCILE_SECONDS=3600, movable=True,
                          **btcpay.settings())
    api = Api(server.url, server.admin_key, server.db)
    bought = api.buy(api.product())

    def looks():
        return len([r for r in btcpay.requests if r["method"] == "GET" and
                    r["path"].endswith(bought["btcpay_invoice_id"])])

    def due():
        return server.value("SELECT next_check_at FROM invoices WHERE id = %s",
                            bought["invoice_id"])
    page(api, bought["invoice_id"])
    wait_for(lambda: looks() == 1, 60, "it was looked at")
    then = due()
    for _ in range(20):
        page(api, bought["invoice_id"])
    assert due() == then and looks() == 1
    server.clock.move(seconds=11)
    page(api, bought["invoice_id"])
    wait_for(lambda: looks() == 2, 60, "it was looked at again")
