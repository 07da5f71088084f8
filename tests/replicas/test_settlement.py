"""A thousand paid invoices, each told five times to two replicas, one of
which is killed in the middle: exactly a thousand licenses."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fake.btcpay import FakeBtcpay
from lib.client import Api
from lib.idempotency import keyed, new_key
from lib.process import wait_for

INVOICES = 1000


@pytest.fixture
def fake():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def buy_one(client, product):
    """As clients do: again with the same key, if the provider took too long."""
    key = new_key()

    def bought():
        r = client.public("POST", "/v1/purchase",
                          {"product": product["slug"]}, **keyed(key))
        assert r.status_code in (200, 502, 503), r.text
        return r.status_code == 200 and r.json()
    return wait_for(bought, 60, "it is bought", pause=0.1)


def buy_all(instance, api, product):
    def buy(n):
        client = Api(instance.replicas[n % 2].url, instance.admin_key)
        return [buy_one(client, product) for _ in range(INVOICES // 8)]
    with ThreadPoolExecutor(8) as pool:
        return [b for batch in pool.map(buy, range(8)) for b in batch]


@pytest.mark.slow
@pytest.mark.restarts
def test_every_invoice_gives_exactly_one_license(own_instance, fake):
    instance = own_instance(replicas=2, name="settle",
                            LICET_RECONCILE_SECONDS=1, **fake.settings())
    api = Api(instance.url, instance.admin_key)
    product = api.product()
    bought = buy_all(instance, api, product)
    assert len({b["invoice_id"] for b in bought}) == INVOICES
    targets = [r.url + "/v1/btcpay/webhook" for r in instance.replicas]
    tries = []
    for b in bought:
        fake.settle(b["btcpay_invoice_id"], notify=False)
        tries += fake.prepare(b["btcpay_invoice_id"], "InvoiceSettled", 5,
                              targets)
    assert len(tries) == 5 * INVOICES
    victim = instance.replicas[0]
    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(fake.deliver_all, tries)
        wait_for(lambda: len(fake.deliveries) > INVOICES or storm.done(), 60,
                 "a fifth is delivered")
        victim.kill()
        wait_for(lambda: len(fake.deliveries) > 2 * INVOICES or storm.done(),
                 60, "two fifths are delivered")
        victim.restart()
        storm.result(120)
    for _ in range(20):
        if not any(d.is_retried for d in fake.deliveries):
            break
        fake.redeliver_failed()
    assert {d.status for d in fake.deliveries} == {200}

    def settled():
        return instance.value("SELECT count(*) FROM invoices"
                              " WHERE status = 'settled'") == INVOICES
    wait_for(settled, 60, "all invoices are settled", pause=0.2)
    row = instance.row(
        "SELECT count(*) AS licenses, count(DISTINCT invoice_id) AS invoices"
        " FROM licenses WHERE product_id = %s", product["id"])
    assert row == {"licenses": INVOICES, "invoices": INVOICES}
    for event in ("license.issued", "invoice.settled"):
        row = instance.row(
            "SELECT count(*) AS rows, count(DISTINCT data->>'invoice_id') AS"
            " invoices FROM outbox WHERE event_type = %s", event)
        assert row == {"rows": INVOICES, "invoices": INVOICES}, event
    keys = {api.poll(b)["license_key"] for b in bought[::50]}
    assert None not in keys
    for key in keys:
        assert api.validate(key)["ok"] is True
