"""How an invoice of the fake BTCPay Server lives: payments, confirmations,
expiry by its clock, marks and refunds, and which events tell of it."""
import pytest
import requests

from fake import bolt11
from fake.btcpay import FakeBtcpay
from fake.receiver import receiving

ORDER = {"amount": "0.00050000", "currency": "BTC",
         "metadata": {"orderId": "o-1"}}


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


@pytest.fixture
def told(fake):
    with receiving() as server:
        fake.webhook_urls = [server.url]
        yield server


def call(fake, method, path, body=None):
    return requests.request(
        method, f"{fake.url}/api/v1/stores/{fake.store_id}{path}", json=body,
        headers={"Authorization": f"token {fake.api_key}"}, timeout=5)


def make(fake, **more):
    fake.tick(notify=False)
    made = call(fake, "POST", "/invoices", {**ORDER, **more}).json()
    fake.untold.clear()     # that it was created
    return made["id"]


def state(fake, iid):
    seen = call(fake, "GET", f"/invoices/{iid}").json()
    return seen["status"], seen["additionalStatus"], seen["paidAmount"]


def kinds(told):
    return [e["type"] for e in told.events()]


def test_paid_by_lightning_is_settled_at_once(fake, told):
    iid = make(fake)
    fake.pay(iid)
    assert state(fake, iid) == ("Settled", "None", "0.0005")
    assert kinds(told) == ["InvoiceReceivedPayment", "InvoicePaymentSettled",
                           "InvoiceProcessing", "InvoiceSettled"]
    first, *_, last = told.events()
    assert first["afterExpiration"] is False
    assert first["payment"]["value"] == "0.0005"
    assert (last["manuallyMarked"], last["overPaid"]) == (False, False)


def test_chain_payment_waits_for_confirmation(fake, told):
    iid = make(fake)
    fake.pay(iid, method="BTC-CHAIN")
    assert state(fake, iid) == ("Processing", "None", "0.0005")
    assert kinds(told) == ["InvoiceReceivedPayment", "InvoiceProcessing"]
    fake.confirm(iid)
    assert state(fake, iid)[:2] == ("Settled", "None")
    assert kinds(told)[2:] == ["InvoicePaymentSettled", "InvoiceSettled"]


def test_replaced_payment_makes_it_new_again(fake, told):
    """Processing back to New, and no event says so."""
    iid = make(fake)
    fake.pay(iid, method="BTC-CHAIN")
    before = len(told.seen)
    assert fake.replace(iid) == []
    assert state(fake, iid) == ("New", "None", "0")
    assert len(told.seen) == before
    fake.pay(iid)
    assert state(fake, iid)[0] == "Settled"


def test_partly_paid_then_expired(fake, told):
    iid = make(fake)
    fake.pay_part(iid)
    assert state(fake, iid) == ("New", "PaidPartial", "0.00025")
    fake.move(minutes=16)
    assert state(fake, iid) == ("Expired", "PaidPartial", "0.00025")
    assert kinds(told)[-2:] == ["InvoiceExpired", "InvoiceExpiredPaidPartial"]
    assert told.events()[-2]["partiallyPaid"] is True


def test_rest_paid_in_time_settles(fake, told):
    iid = make(fake)
    fake.pay_part(iid, "0.3")
    fake.pay(iid)
    assert state(fake, iid) == ("Settled", "None", "0.0005")


def test_overpaid(fake, told):
    iid = make(fake)
    fake.overpay(iid)
    assert state(fake, iid) == ("Settled", "PaidOver", "0.00075")
    assert told.events()[-1]["overPaid"] is True


def test_paid_late_stays_expired_and_no_settled_is_told(fake, told):
    iid = make(fake)
    fake.move(minutes=16)
    fake.pay(iid)
    assert state(fake, iid) == ("Expired", "PaidLate", "0.0005")
    assert kinds(told) == [
        "InvoiceExpired", "InvoiceReceivedPayment", "InvoicePaymentSettled",
        "InvoicePaidAfterExpiration"]
    assert told.events()[1]["afterExpiration"] is True


def test_partly_and_late_is_not_paid(fake, told):
    iid = make(fake)
    fake.move(minutes=16)
    fake.pay_part(iid)
    assert state(fake, iid)[:2] == ("Expired", "PaidPartial")
    fake.pay(iid)       # the rest
    assert state(fake, iid)[:2] == ("Expired", "PaidLate")


def test_unconfirmed_past_the_monitoring_is_invalid(fake, told):
    iid = make(fake, checkout={"monitoringMinutes": 60})
    fake.pay(iid, method="BTC-CHAIN")
    fake.move(minutes=74)
    assert state(fake, iid)[0] == "Processing"
    fake.move(minutes=2)
    assert state(fake, iid)[0] == "Invalid"
    assert kinds(told)[-1] == "InvoiceInvalid"


def test_expiration_is_the_invoices_own(fake, told):
    short = make(fake, checkout={"expirationMinutes": 1})
    long = make(fake, checkout={"expirationMinutes": 60 * 24 * 30})
    made = call(fake, "GET", f"/invoices/{long}").json()
    assert made["expirationTime"] - made["createdTime"] == 30 * 86400
    fake.move(minutes=2)
    assert state(fake, short)[0] == "Expired"
    assert state(fake, long)[0] == "New"
    fake.now += 31 * 86400
    assert state(fake, long)[0] == "Expired"    # seen, but nobody was told
    assert kinds(told) == ["InvoiceExpired"]
    fake.tick()
    assert kinds(told) == ["InvoiceExpired"] * 2


@pytest.mark.parametrize("minutes", [0, -5, 0.5, "15", True])
def test_expiration_of_nonsense_is_refused(fake, minutes):
    r = call(fake, "POST", "/invoices",
             {**ORDER, "checkout": {"expirationMinutes": minutes}})
    assert (r.status_code, r.json()[0]["path"]) == \
        (422, "checkout.expirationMinutes")


@pytest.mark.parametrize("before,able", [
    ("New", ["Settled", "Invalid"]), ("Processing", ["Settled", "Invalid"]),
    ("Expired", ["Settled", "Invalid"]), ("Settled", []),
    ("Invalid", ["Settled"])])
def test_marking_by_hand(fake, told, before, able):
    for status in ("Settled", "Invalid"):
        iid = make(fake)
        fake.change(iid, before, "None")
        seen = call(fake, "GET", f"/invoices/{iid}").json()
        assert seen["availableStatusesForManualMarking"] == able
        r = call(fake, "POST", f"/invoices/{iid}/status", {"status": status})
        if status in able:
            assert r.json()["additionalStatus"] == "Marked"
            fake.tick()
            assert told.events()[-1]["manuallyMarked"] is True
        else:
            assert (r.status_code, r.json()[0]["path"]) == (422, "status")


def test_marked_one_can_be_marked_back(fake):
    iid = make(fake)
    for status in ("Settled", "Invalid", "Settled"):
        r = call(fake, "POST", f"/invoices/{iid}/status", {"status": status})
        assert (r.status_code, r.json()["status"]) == (200, status)


def test_archived_is_not_listed(fake):
    iid = make(fake)
    r = call(fake, "DELETE", f"/invoices/{iid}")
    assert (r.status_code, r.content) == (200, b"")
    assert call(fake, "GET", "/invoices?orderId=o-1").json() == []
    assert len(call(fake, "GET",
                    "/invoices?orderId=o-1&includeArchived=true").json()) == 1
    assert call(fake, "GET", f"/invoices/{iid}").json()["archived"] is True


def test_how_often_an_order_was_billed(fake):
    assert fake.billed("o-1") == 0
    make(fake), make(fake), make(fake, metadata={"orderId": "o-2"})
    assert (fake.billed("o-1"), fake.billed("o-2")) == (2, 1)
    assert fake.bills() == {"o-1": 2, "o-2": 1}


def test_payment_methods_of_an_invoice(fake):
    iid = make(fake)
    chain, ln = call(fake, "GET", f"/invoices/{iid}/payment-methods").json()
    assert (chain["paymentMethodId"], ln["paymentMethodId"]) == \
        ("BTC-CHAIN", "BTC-LN")
    assert bolt11.decode(ln["destination"])["msat"] == 50_000_000
    assert (ln["due"], ln["totalPaid"]) == ("0.0005", "0")
    fake.pay_part(iid, notify=False)
    _, ln = call(fake, "GET", f"/invoices/{iid}/payment-methods").json()
    assert (ln["due"], len(ln["payments"])) == ("0.00025", 1)


def test_fiat_invoice_is_paid_in_bitcoin(fake):
    iid = make(fake, amount="49.99", currency="USD")
    fake.pay(iid, notify=False)
    assert state(fake, iid) == ("Settled", "None", "49.99")


# Refunds

def refund(fake, iid, **body):
    return call(fake, "POST", f"/invoices/{iid}/refund", body)


def test_refund_is_a_pull_payment_and_nothing_is_sent(fake, told):
    iid = make(fake)
    assert refund(fake, iid, refundVariant="RateThen").json()["code"] == \
        "non-refundable"
    fake.pay(iid)
    pull = refund(fake, iid, refundVariant="RateThen",
                  payoutMethods=["BTC-LN"]).json()
    assert (pull["amount"], pull["currency"], pull["autoApproveClaims"]) == \
        ("0.0005", "BTC", True)
    assert pull["viewLink"].endswith("/pull-payments/" + pull["id"])
    fake.tick()
    last = told.events()[-1]
    assert (last["type"], last["pullPaymentId"]) == \
        ("InvoiceRefund", pull["id"])
    assert call(fake, "GET", "/pull-payments").json() == [pull]
    open_to_all = requests.get(
        f"{fake.url}/api/v1/pull-payments/{pull['id']}", timeout=5)
    assert open_to_all.json() == pull
    assert call(fake, "DELETE",
                f"/pull-payments/{pull['id']}").status_code == 200
    assert call(fake, "GET", "/pull-payments").json() == []


@pytest.mark.parametrize("body,amount,currency", [
    ({"refundVariant": "OverpaidAmount"}, "0.00025", "BTC"),
    ({"refundVariant": "Custom", "customAmount": "1.5",
      "customCurrency": "USD"}, "1.5", "USD"),
    ({"refundVariant": "RateThen", "subtractPercentage": 10}, "0.000675",
     "BTC")])
def test_refund_amounts(fake, body, amount, currency):
    iid = make(fake)
    fake.overpay(iid, notify=False)
    pull = refund(fake, iid, **body).json()
    assert (pull["amount"], pull["currency"]) == (amount, currency)


@pytest.mark.parametrize("body,path", [
    ({}, "RefundVariant"), ({"refundVariant": "All"}, "RefundVariant"),
    ({"refundVariant": "OverpaidAmount"}, "RefundVariant"),
    ({"refundVariant": "RateThen", "customAmount": "1"}, "CustomAmount"),
    ({"refundVariant": "Custom", "customAmount": "0",
      "customCurrency": "BTC"}, "CustomAmount"),
    ({"refundVariant": "RateThen", "payoutMethods": ["DOGE"]},
     "PayoutMethods"),
    ({"refundVariant": "RateThen", "subtractPercentage": 101},
     "SubtractPercentage")])
def test_refund_refuses(fake, body, path):
    iid = make(fake)
    fake.pay(iid, notify=False)
    r = refund(fake, iid, **body)
    assert (r.status_code, r.json()[0]["path"]) == (422, path)


def test_partly_paid_and_expired_is_refundable(fake):
    iid = make(fake)
    fake.pay_part(iid, notify=False)
    fake.move(minutes=16, notify=False)
    assert refund(fake, iid,
                  refundVariant="RateThen").json()["amount"] == "0.00025"
