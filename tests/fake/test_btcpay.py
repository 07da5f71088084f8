"""The fake against what is published about the real one: a fake that is
kinder than its original proves nothing."""
import hashlib
import hmac
import json

import pytest
import requests

from fake.btcpay import FakeBtcpay
from fake.receiver import receiving

ORDER = {"amount": "0.00050000", "currency": "BTC",
         "metadata": {"orderId": "o-1", "itemDesc": "Demo"}}


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def call(fake, method, path, body=None, token=None):
    return requests.request(
        method, f"{fake.url}/api/v1/stores/{fake.store_id}{path}", json=body,
        headers={"Authorization": f"token {token or fake.api_key}"},
        timeout=5)


def test_published_signature_vector(fake):
    body = b'{\n  "deliveryId": "D1",\n  "type": "InvoiceSettled"\n}'
    assert len(body) == 52
    assert fake.sign(body, "whsec-test") == \
        "sha256=7155c8020865e47409150a8ec1725cc63c0e24b4e200f678e69129a20" \
        "f00581c"


def test_create_answers_200_and_loses_trailing_zeros(fake):
    r = call(fake, "POST", "/invoices", ORDER)
    assert r.status_code == 200
    made = r.json()
    assert (made["amount"], made["paidAmount"]) == ("0.0005", "0")
    assert (made["status"], made["additionalStatus"]) == ("New", "None")
    assert type(made["createdTime"]) is int
    assert made["metadata"] == ORDER["metadata"]
    assert call(fake, "GET", f"/invoices/{made['id']}").json() == made


def test_list_by_order_id(fake):
    made = call(fake, "POST", "/invoices", ORDER).json()
    call(fake, "POST", "/invoices", {**ORDER, "metadata": {}})
    seen = call(fake, "GET", "/invoices?orderId=o-1&take=5").json()
    assert [i["id"] for i in seen] == [made["id"]]
    assert call(fake, "GET", "/invoices?orderId=o-2").json() == []


def test_errors_have_their_two_shapes(fake):
    r = call(fake, "GET", "/invoices/none")
    assert (r.status_code, r.json()["code"]) == (404, "invoice-not-found")
    r = call(fake, "POST", "/invoices", {"amount": "lots"})
    assert (r.status_code, r.json()[0]["path"]) == (422, "amount")
    assert call(fake, "GET", "/invoices", token="no").status_code == 401


def test_lost_create_exists_all_the_same(fake):
    fake.lose_create()
    with pytest.raises(requests.ConnectionError):
        call(fake, "POST", "/invoices", ORDER)
    assert len(call(fake, "GET", "/invoices?orderId=o-1").json()) == 1


def test_away_means_nobody_listens(fake):
    kept = requests.Session()
    kept.get(fake.url)
    with fake.away():
        for get in (requests.get, kept.get):
            with pytest.raises(requests.ConnectionError):
                get(fake.url, timeout=5)
    assert call(fake, "GET", "/invoices").status_code == 200


@pytest.fixture
def receiver():
    with receiving() as server:
        yield server


def test_deliveries_are_indented_signed_and_marked_as_repeated(
        fake, receiver):
    made = call(fake, "POST", "/invoices", ORDER).json()
    receiver.statuses = [200] * 3
    fake.settle(made["id"], n=3, targets=[receiver.url])
    bodies = []
    for raw, signature in receiver.seen:
        digest = hmac.new(fake.webhook_secret.encode(), raw, hashlib.sha256)
        assert signature == "sha256=" + digest.hexdigest()
        assert raw.startswith(b"{\n  ")
        bodies.append(json.loads(raw))
    first = bodies[0]["deliveryId"]
    assert [b["isRedelivery"] for b in bodies] == [False, True, True]
    assert {b["originalDeliveryId"] for b in bodies} == {first}
    assert len({b["deliveryId"] for b in bodies}) == 3
    assert {b["invoiceId"] for b in bodies} == {made["id"]}


def test_only_5xx_408_429_and_silence_are_redelivered(fake, receiver):
    made = call(fake, "POST", "/invoices", ORDER).json()
    receiver.statuses = [200, 400, 404, 408, 429, 500, 503] + [200] * 4
    fake.deliver(made["id"], "InvoiceSettled", n=7, targets=[receiver.url])
    assert len(fake.redeliver_failed()) == 4
    assert fake.redeliver_failed() == []


def test_late_payment_stays_expired(fake):
    made = call(fake, "POST", "/invoices", ORDER).json()
    fake.pay_late(made["id"], notify=False)
    seen = call(fake, "GET", f"/invoices/{made['id']}").json()
    assert (seen["status"], seen["additionalStatus"]) == \
        ("Expired", "PaidLate")
    assert seen["paidAmount"] == seen["amount"]
