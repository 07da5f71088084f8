"""BTCPay's webhooks: signature, which one, what they do (4.2, 4.3)."""
import json

import pytest

from lib.check import NOWHERE, events, outbox
from lib.client import new_slug, refused
from lib.sales import becomes, hurry, issued, status

ANSWERED = {"InvoiceSettled": "settled", "InvoicePaymentSettled": "settled",
            "InvoiceExpired": "expired", "InvoiceInvalid": "invalid"}


# Signature

def post(shop, body, signature, path="/v1/btcpay/webhook"):
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["BTCPay-Sig"] = signature
    return shop.public("POST", path, data=body, headers=headers)


BAD_SIGNATURES = {
    "missing": lambda good: None,
    "empty hex": lambda good: "sha256=",
    "no scheme": lambda good: good[7:],
    "other scheme": lambda good: "sha1=" + good[7:],
    "truncated": lambda good: good[:-1],
    "longer": lambda good: good + "0",
    "zeros": lambda good: "sha256=" + "0" * 64,
    "last digit": lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"),
    "not hex": lambda good: "sha256=" + "g" * 64,
    "space": lambda good: good.replace("=", "= "),
    "huge": lambda good: "sha256=" + "a" * 2000}


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_webhook_401_and_nothing_changes(shop, btcpay, name):
    bought = shop.buy(shop.product())
    btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    _, body = btcpay.body(bought["btcpay_invoice_id"], "InvoiceSettled")
    good = btcpay.sign(body)
    btcpay.reset()
    refused(post(shop, body, BAD_SIGNATURES[name](good)), 401,
            "unauthorized")
    assert not [r for r in btcpay.requests
                if r["path"].endswith(bought["btcpay_invoice_id"])]
    assert status(shop, bought) == "pending"
    assert post(shop, body, good).status_code == 200


def test_webhook_401_secret_of_another(shop, btcpay):
    bought = shop.buy(shop.product())
    _, body = btcpay.body(bought["btcpay_invoice_id"], "InvoiceSettled")
    refused(post(shop, body, btcpay.sign(body, "other-secret")), 401,
            "unauthorized")
    refused(post(shop, body, btcpay.sign(body, btcpay.api_key)), 401,
            "unauthorized")


def test_webhook_signature_covers_the_raw_bytes(shop, btcpay):
    bought = shop.buy(shop.product())
    _, body = btcpay.body(bought["btcpay_invoice_id"], "InvoiceSettled")
    compact = json.dumps(json.loads(body)).encode()
    refused(post(shop, compact, btcpay.sign(body)), 401, "unauthorized")
    assert post(shop, compact, btcpay.sign(compact)).status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"{}", b'{"type":5,"invoiceId":{}}',
    b'{"type":"InvoiceSettled"}', b'{"invoiceId":"x"}', b"\xff\xfe",
    b'{"type":"InvoiceSettled","invoiceId":"../../stores"}',
    b'{"type":"InvoiceSettled","invoiceId":"a b?c#d%00"}',
    b'{"type":"InvoiceSettled","invoiceId":""}',
    b'{"type":"' + b"x" * 70000 + b'","invoiceId":"x"}'],
    ids=lambda b: repr(b[:30]))
def test_webhook_signed_nonsense_is_no_fault(shop, btcpay, body):
    r = post(shop, body, btcpay.sign(body))
    assert r.status_code in (200, 400), r.text
    assert not [q for q in btcpay.requests if ".." in q["path"]]


# Which one

def test_webhook_by_provider_id(shop, btcpay, btcpay_server):
    provider = btcpay_server.value(
        "SELECT id FROM payment_providers WHERE kind = 'btcpay'")
    bought = shop.buy(shop.product())
    path = f"{btcpay_server.url}/v1/btcpay/webhook/{provider}"
    sent, = btcpay.settle(bought["btcpay_invoice_id"], targets=[path])
    assert sent.status == 200
    assert status(shop, bought) == "settled"


def test_webhook_unknown_provider_404(shop, btcpay):
    body = b'{"type":"InvoiceSettled","invoiceId":"x"}'
    refused(post(shop, body, btcpay.sign(body),
                 f"/v1/btcpay/webhook/{NOWHERE}"), 404, "not_found")


def test_webhook_unknown_invoice_200(shop, btcpay):
    sent, = btcpay.deliver("NoSuchInvoiceAnywhere1", "InvoiceSettled")
    assert sent.status == 200


def test_webhook_foreign_invoice_200_and_no_license(
        shop, btcpay, btcpay_server):
    """The shop's other programs use the same store."""
    theirs = btcpay.create({"amount": "0.5", "currency": "BTC",
                            "metadata": {"orderId": new_slug("other")}})
    before = btcpay_server.value("SELECT count(*) FROM licenses")
    sent, = btcpay.settle(theirs["id"])
    assert sent.status == 200
    assert btcpay_server.value("SELECT count(*) FROM licenses") == before


# What it does

def test_settled_issues_at_once(shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product(), buyer_email="b@example.com")
    sent, = btcpay.settle(bought["btcpay_invoice_id"])
    assert sent.status == 200
    paid = shop.poll(bought)
    assert paid["status"] == "settled"
    assert shop.validate(paid["license_key"])["ok"] is True
    row, = outbox(btcpay_server, "invoice_id", bought["invoice_id"],
                  "invoice.settled")
    assert row["data"]["provider_kind"] == "btcpay"


@pytest.mark.parametrize("kind", sorted(ANSWERED))
def test_event_types_that_mean_something(shop, btcpay, kind):
    bought = shop.buy(shop.product())
    iid = bought["btcpay_invoice_id"]
    state = {"settled": "Settled", "expired": "Expired",
             "invalid": "Invalid"}[ANSWERED[kind]]
    btcpay.change(iid, state, "None")
    sent, = btcpay.deliver(iid, kind)
    assert sent.status == 200
    assert status(shop, bought) == ANSWERED[kind]


@pytest.mark.parametrize("kind", [
    "InvoiceCreated", "InvoiceReceivedPayment", "InvoiceProcessing",
    "InvoiceRefund", "PayoutCreated", "SomethingNew"])
def test_other_event_types_are_200_and_change_nothing(shop, btcpay, kind):
    bought = shop.buy(shop.product())
    sent, = btcpay.deliver(bought["btcpay_invoice_id"], kind)
    assert sent.status == 200
    assert status(shop, bought) == "pending"


@pytest.mark.parametrize("kind", sorted(ANSWERED))
def test_D9_body_is_never_believed(shop, btcpay, btcpay_server, kind):
    """Signed or not, the event is a hint; the provider says New."""
    bought = shop.buy(shop.product())
    for sent in btcpay.deliver(bought["btcpay_invoice_id"], kind, n=3):
        assert sent.status == 200
    assert status(shop, bought) == "pending"
    assert issued(btcpay_server, bought) == 0


def test_processing_is_still_pending(shop, btcpay):
    bought = shop.buy(shop.product())
    btcpay.process(bought["btcpay_invoice_id"])
    btcpay.deliver(bought["btcpay_invoice_id"], "InvoiceSettled")
    assert status(shop, bought) == "pending"


@pytest.mark.parametrize("kind", ["garbage", "500", "401", "types"])
def test_unreadable_provider_200_and_the_reconciler_catches_up(
        shop, btcpay, btcpay_server, kind):
    bought = shop.buy(shop.product())
    btcpay.wrong(kind)
    sent, = btcpay.settle(bought["btcpay_invoice_id"])
    assert sent.status == 200
    assert status(shop, bought) == "pending"
    btcpay.wrong(None)
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled", 30)


def test_unreachable_provider_200_and_the_reconciler_catches_up(
        shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product())
    with btcpay.away():
        sent, = btcpay.settle(bought["btcpay_invoice_id"])
        assert sent.status == 200
        assert status(shop, bought) == "pending"
    hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled", 30)


def test_repeats_are_200_and_issue_once(shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product())
    sent = btcpay.settle(bought["btcpay_invoice_id"], n=20,
                         concurrently=True)
    assert [d.status for d in sent] == [200] * 20
    assert issued(btcpay_server, bought) == 1
    assert len(outbox(btcpay_server, "invoice_id", bought["invoice_id"],
                      "license.issued")) == 1
    assert len(outbox(btcpay_server, "invoice_id", bought["invoice_id"],
                      "invoice.settled")) == 1


def test_D9_settled_is_final(shop, btcpay):
    bought = shop.buy(shop.product())
    iid = bought["btcpay_invoice_id"]
    btcpay.settle(iid)
    key = shop.poll(bought)["license_key"]
    for later in (btcpay.expire, btcpay.invalidate):
        sent, = later(iid)
        assert sent.status == 200
    seen = shop.poll(bought)
    assert (seen["status"], seen["license_key"]) == ("settled", key)
    assert shop.validate(key)["ok"] is True


@pytest.mark.parametrize("first", ["expire", "invalidate"])
def test_expired_or_invalid_may_still_be_settled(shop, btcpay, first):
    bought = shop.buy(shop.product())
    iid = bought["btcpay_invoice_id"]
    getattr(btcpay, first)(iid)
    assert status(shop, bought) == \
        {"expire": "expired", "invalidate": "invalid"}[first]
    btcpay.mark_settled(iid)
    paid = shop.poll(bought)
    assert paid["status"] == "settled"
    assert shop.validate(paid["license_key"])["ok"] is True


def test_late_payment_after_expiry_is_honoured(
        shop, btcpay, btcpay_server):
    """Stays Expired at BTCPay, additionalStatus PaidLate, and no
    InvoiceSettled is ever sent: the event may tell, the slow look must."""
    bought = shop.buy(shop.product())
    iid = bought["btcpay_invoice_id"]
    btcpay.expire(iid)
    assert status(shop, bought) == "expired"
    btcpay.pay_late(iid)
    if status(shop, bought) == "expired":
        hurry(btcpay_server, bought["invoice_id"])
    becomes(shop, bought, "settled", 30)


def test_late_payment_seen_before_the_expiry(shop, btcpay):
    bought = shop.buy(shop.product())
    btcpay.pay_late(bought["btcpay_invoice_id"], notify=False)
    btcpay.deliver(bought["btcpay_invoice_id"], "InvoiceExpired")
    assert becomes(shop, bought, "settled")["license_key"]


def test_partly_paid_and_expired_is_not_paid(shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product())
    btcpay.expire(bought["btcpay_invoice_id"], partial=True)
    assert status(shop, bought) == "expired"
    assert issued(btcpay_server, bought) == 0


def test_amount_mismatch_is_audited_and_goes_on(
        shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product(price_sats=50000))
    btcpay.report_amount(bought["btcpay_invoice_id"], 49999)
    btcpay.settle(bought["btcpay_invoice_id"], n=3)
    assert status(shop, bought) == "settled"
    rows = events(btcpay_server, bought["invoice_id"],
                  "invoice.amount_mismatch")
    assert len(rows) >= 1
    details = json.dumps(rows[0]["details"])
    assert "50000" in details and "49999" in details


def test_amount_without_trailing_zeros_is_no_mismatch(
        shop, btcpay, btcpay_server):
    bought = shop.buy(shop.product(price_sats=100000000))
    btcpay.settle(bought["btcpay_invoice_id"])
    assert status(shop, bought) == "settled"
    assert not events(btcpay_server, bought["invoice_id"],
                      "invoice.amount_mismatch")
