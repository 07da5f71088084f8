"""Endpoints of several commits, killed between two of them: the request that
comes again under its key ends as if it had come once."""
import signal
import threading

import pytest
import requests

from lib.client import Api, expect
from lib.codes import code
from lib.idempotency import Repeaters, is_replay, keyed, new_key, same
from lib.process import wait_for
from lib.sales import created
from lib.tiers import HIGH, LOW, Shop

# What the provider does with the question that nobody hears the answer of.
LOST = ["silent", "done:silent"]


class Vendor(Api):
    def __init__(self, server, fake):
        super().__init__(server.url, server.admin_key, server.db)
        self.server, self.fake = server, fake

    def killed(self, kind, path, send, question="/invoices$"):
        """send() reaches the provider, which is lost in that way, and the
        replica dies while it waits."""
        self.fake.requests.clear()
        rule = self.fake.spoil(kind, times=None, method="POST", path=question)
        t = threading.Thread(target=self.try_to, args=(send,))
        t.start()
        wait_for(lambda: any(r["method"] == "POST" and path in r["path"]
                             for r in list(self.fake.requests)), 60,
                 "the provider is asked")
        for r in self.server.replicas:
            r.kill()
        t.join(60)
        self.fake.mend(rule)
        for r in self.server.replicas:
            r.restart()

    def try_to(self, send):
        try:
            send(Api(self.url, self.admin_key))
        except requests.RequestException:
            pass

    def answered(self, send):
        """Until it is neither being worked on nor unheard of."""
        got = []

        def asked():
            got.append(send(self))
            return got[-1].status_code not in (409, 502, 503)
        wait_for(asked, 60, "an answer", pause=0.2)
        assert not is_replay(got[-1]), got[-1].text
        expect(got[-1], 200)
        same(got[-1], send(self))
        return got[-1].json()

    def invoices(self, product, status):
        return [str(r["id"]) for r in self.server.rows(
            "SELECT id FROM invoices WHERE product_id = %s AND status = %s",
            product["id"], status)]


@pytest.fixture
def vendor(fragile, btcpay):
    server = fragile(LICET_REQUEST_TIMEOUT_MS=2000, name="killed",
                     LICET_WORKERS=1, **btcpay.settings())
    btcpay.webhook_urls = [server.url + "/v1/btcpay/webhook"]
    return Vendor(server, btcpay)


@pytest.mark.restarts
@pytest.mark.parametrize("kind", LOST)
def test_purchase(vendor, kind):
    """One invoice that can be paid, one use of the code."""
    p = vendor.product()
    off = code(vendor, p, kind="percent", amount=1000, max_uses=1)
    key = new_key()

    def send(api):
        return api.public("POST", "/v1/purchase", {
            "product": p["slug"], "code": off["code"]}, **keyed(key))
    vendor.killed(kind, "/invoices", send)
    left, = vendor.invoices(p, "pending")
    told = vendor.answered(send)
    assert vendor.invoices(p, "pending") == [told["invoice_id"]] != [left]
    assert vendor.invoices(p, "invalid") == [left]
    assert vendor.server.value("SELECT used_count FROM discount_codes"
                               " WHERE id = %s", off["id"]) == 1
    vendor.fake.pay(told["btcpay_invoice_id"])
    wait_for(lambda: vendor.poll(told)["license_key"], 60, "the key")


@pytest.mark.restarts
def test_purchase_that_was_answered_502(vendor):
    """That is no answer to be kept: the next one is another attempt."""
    p = vendor.product()
    off = code(vendor, p, kind="percent", amount=1000, max_uses=1)
    key = new_key()

    def send(api):
        return api.public("POST", "/v1/purchase", {
            "product": p["slug"], "code": off["code"]}, **keyed(key))
    vendor.fake.spoil("500", times=1, method="POST", path="/invoices$")
    assert send(vendor).status_code == 502
    told = expect(send(vendor), 200)
    assert vendor.invoices(p, "pending") == [told["invoice_id"]]
    assert len(vendor.invoices(p, "invalid")) == 1
    assert vendor.server.value("SELECT used_count FROM discount_codes"
                               " WHERE id = %s", off["id"]) == 1


@pytest.mark.restarts
@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("who", ["buyer", "vendor"])
def test_tier_change(vendor, kind, who):
    """One change is open, with one invoice; paid for, it is made."""
    shop = Shop(vendor)
    had = shop.issue(LOW)
    key = new_key()

    def send(api):
        if who == "buyer":
            return api.public("POST", "/v1/upgrade", {
                "license_key": had["license_key"],
                "target_policy_slug": HIGH}, **keyed(key))
        return api.admin(
            "POST", f"/licenses/{had['license_id']}/change-tier",
            {"to_policy_slug": HIGH}, **keyed(key))
    vendor.killed(kind, "/invoices", send)
    left, = vendor.invoices(shop.product, "pending")
    told = vendor.answered(send)
    assert vendor.invoices(shop.product, "pending") == [told["invoice_id"]]
    assert vendor.invoices(shop.product, "invalid") == [left]
    still, = [c for c in shop.changes(had["license_id"])
              if c["status"] == "pending"]
    assert still["id"] == told["tier_change_id"]
    vendor.fake.pay(told["provider_invoice_id"])
    wait_for(lambda: shop.policy_of(had["license_id"]) == shop.id[HIGH], 60,
             "the change is made")


@pytest.mark.restarts
def test_refund(vendor):
    """The money goes back once."""
    bought = vendor.buy(vendor.product())
    vendor.fake.pay(bought["btcpay_invoice_id"])
    wait_for(lambda: vendor.poll(bought)["license_key"], 60, "the key")
    key = new_key()

    def send(api):
        return api.admin("POST", f"/invoices/{bought['invoice_id']}/refund",
                         {}, **keyed(key))
    vendor.killed("done:silent", "/refund", send, question="/refund$")
    told = vendor.answered(send)
    assert told["license_revoked"] is True
    assert len([p for p in vendor.fake.pull_payments.values()
                if told["refund_id"] in p.name + p.description]) == 1
    assert vendor.server.value("SELECT count(*) FROM refunds") == 1


@pytest.mark.restarts
@pytest.mark.parametrize("how", ["kill -9", "immediate"])
def test_postgresql_dies_while_clients_repeat(durable, fragile, how):
    """What it forgets of a key, it forgets of the effect too."""
    server = fragile(replicas=2, LICET_REQUEST_TIMEOUT_MS=1000)
    p = Api(server.url, server.admin_key).product()
    clients = Repeaters(server, {"issue": lambda key: (
        "/v1/admin/licenses", {"product_slug": p["slug"], "note": key},
        True)})
    with clients:
        for _ in range(4):
            before = len(clients.answers)
            wait_for(lambda: len(clients.answers) > before + 10
                     or clients.errors, 60, "answers", pause=0.02)
            if how == "kill -9":
                durable.kill()
                durable.start()
            else:
                durable.restart(signal.SIGQUIT)
    assert not clients.errors, clients.errors
    server.reconnect()
    for key, (kind, answer) in clients.answers.items():
        row, = server.rows("SELECT id FROM licenses WHERE"
                           " metadata->>'note' = %s", key)
        assert str(row["id"]) == answer.json()["license_id"]
        again = clients.ask(kind, key)
        assert is_replay(again) and again.content == answer.content
