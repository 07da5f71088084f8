"""BTCPay: creating invoices (4.1) and reconciling (4.5)."""
import json
import threading

import pytest

from lib.client import Api, refused
from lib.process import wait_for
from lib.sales import becomes, created, hurry, issued, order, status

# Creating

def test_create_sends_what_btcpay_expects(shop, btcpay, btcpay_server):
    p = shop.product(price_sats=50000)
    bought = shop.buy(p)
    sent, = created(btcpay)
    assert sent["path"] == f"/api/v1/stores/{btcpay.store_id}/invoices"
    assert sent["headers"]["Authorization"] == f"token {btcpay.api_key}"
    assert sent["headers"]["Content-Type"].startswith("application/json")
    body = sent["json"]
    assert (body["amount"], body["currency"]) == ("0.00050000", "BTC")
    assert body["metadata"]["orderId"] == bought["invoice_id"]
    assert body["metadata"]["productId"] == p["id"]
    assert body["checkout"]["redirectAutomatically"] is True
    assert body["checkout"]["redirectURL"] == \
        f"{btcpay_server.url}/thank-you?invoice_id={bought['invoice_id']}"


def test_create_answers_with_the_providers_id_and_link(shop, btcpay):
    bought = shop.buy(shop.product())
    invoice = btcpay.invoices[bought["btcpay_invoice_id"]]
    assert bought["checkout_url"] == invoice.link
    assert status(shop, bought) == "pending"


def test_create_passes_the_redirect_on(shop, btcpay):
    shop.buy(shop.product(), redirect_url="https://shop.example/ok?a=b&c")
    assert created(btcpay)[0]["json"]["checkout"]["redirectURL"] == \
        "https://shop.example/ok?a=b&c"


@pytest.mark.parametrize("sats,text", [
    (1, "0.00000001"), (50000, "0.00050000"), (100000000, "1.00000000"),
    (2100000000000000, "21000000.00000000"), (123456789, "1.23456789")])
def test_create_amounts_are_exact(shop, btcpay, sats, text):
    shop.buy(shop.product(price_sats=sats))
    assert created(btcpay)[0]["json"]["amount"] == text


@pytest.mark.parametrize("kind", [
    "garbage", "html", "empty", "null", "types", "huge", "500", "401",
    "truncated"])
def test_create_502_when_the_provider_is_wrong(shop, btcpay, kind):
    btcpay.wrong(kind)
    body = refused(order(shop), 502, "upstream_error")
    assert btcpay.api_key not in json.dumps(body)
    btcpay.wrong(None)
    shop.buy(shop.product())


def test_create_502_when_the_provider_is_away(shop, btcpay):
    with btcpay.away():
        refused(order(shop), 502, "upstream_error")
    shop.buy(shop.product())


def test_silent_provider_ends_and_holds_nobody_else_up(shop, btcpay):
    made = shop.issue()
    btcpay.silent()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(order(shop)))
               for _ in range(4)]
    for t in threads:
        t.start()
    wait_for(lambda: len(created(btcpay)) == 4, 60, "all four are waiting")
    for _ in range(30):
        assert shop.validate(made["license_key"])["ok"] is True
    assert answers == []    # they wait for eight seconds
    for t in threads:
        t.join(60)
    assert [a.status_code for a in answers] == [502] * 4
    for a in answers:
        refused(a, 502, "upstream_error")


def test_slow_provider_is_waited_for(shop, btcpay):
    btcpay.slow(1.5)
    shop.buy(shop.product())


def test_lost_reply_is_recovered_by_order_id(shop, btcpay, btcpay_server):
    btcpay.lose_create()
    r = order(shop)
    sent = created(btcpay)[0]
    order_id = sent["json"]["metadata"]["orderId"]
    if r.status_code == 200:    # found again within the request
        assert r.json()["invoice_id"] == order_id
    else:
        refused(r, 502, "upstream_error")
    for theirs in btcpay.orders[order_id]:
        btcpay.settle(theirs.id, notify=False)
    hurry(btcpay_server, order_id)
    paid = becomes(shop, {"invoice_id": order_id}, "settled")
    assert shop.validate(paid["license_key"])["ok"] is True


def test_creation_is_never_sent_twice(shop, btcpay):
    """Over a kept connection libcurl would send again by itself what got no
    reply; harmless for a question, not for what creates or pays."""
    product = shop.product()
    for _ in range(8):      # every worker has a connection to keep
        shop.buy(product)
    for _ in range(4):
        btcpay.reset()
        btcpay.lose_create()
        order(shop)
        ids = [c["json"]["metadata"]["orderId"] for c in created(btcpay)]
        assert len(ids) == 1, ids


def test_order_is_recorded_before_the_provider_hears_of_it(
        shop, btcpay, btcpay_server):
    btcpay.slow(1)
    t = threading.Thread(target=lambda: order(shop))
    t.start()
    wait_for(lambda: created(btcpay), 60, "the provider is asked")
    order_id = created(btcpay)[0]["json"]["metadata"]["orderId"]
    assert btcpay_server.value("SELECT status FROM invoices WHERE id = %s",
                               order_id) == "pending"
    t.join()


# Reconciler

@pytest.mark.parametrize("what,expected", [
    ("settle", "settled"), ("expire", "expired"),
    ("invalidate", "invalid"), ("mark_settled", "settled")])
def test_reconciler_catches_a_lost_webhook(shop, btcpay, btcpay_server,
                                           what, expected):
    bought = shop.buy(shop.product())
    getattr(btcpay, what)(bought["btcpay_invoice_id"], notify=False)
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, expected)


def test_reconciler_first_looks_within_15_s(own_instance, btcpay):
    server = own_instance(movable=True, **btcpay.settings())
    api = Api(server.url, server.admin_key, server.db)
    bought = api.buy(api.product())
    btcpay.settle(bought["btcpay_invoice_id"], notify=False)
    server.clock.move(seconds=15)
    becomes(api, bought, "settled")


def test_reconciler_and_webhooks_together_issue_once(
        shop, btcpay, btcpay_server):
    many = [shop.buy(shop.product()) for _ in range(12)]
    made = []
    for b in many:
        btcpay.settle(b["btcpay_invoice_id"], notify=False)
        made += btcpay.prepare(b["btcpay_invoice_id"], "InvoiceSettled", 3)
    btcpay.deliver_all(made, threads=6)
    for b in many:
        becomes(shop, b, "settled")
        assert issued(btcpay_server, b) == 1


def test_deleted_product_and_late_webhook(shop, btcpay, btcpay_server):
    p = shop.product()
    bought = shop.buy(p)
    shop.do("DELETE", f"/products/{p['id']}?force=true")
    sent, = btcpay.settle(bought["btcpay_invoice_id"])
    assert sent.status == 200
    assert issued(btcpay_server, bought) == 0


def test_secrets_are_not_in_the_log(shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product())
    btcpay.settle(bought["btcpay_invoice_id"])
    key = shop.poll(bought)["license_key"]
    shop.validate(key)
    btcpay.wrong("401")
    order(shop)
    for replica in btcpay_server.replicas:
        log = replica.log()
        for secret in (btcpay.api_key, btcpay.webhook_secret, key,
                       btcpay_server.admin_key):
            assert secret not in log
