"""Event streams between replicas: what one did, the pages on the other hear."""
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.client import Api, new_address
from lib.events import Stream
from lib.process import wait_for

BUYERS = 500


def listeners(instance):
    return [r["pid"] for r in instance.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname ="
        " current_database() AND query LIKE 'LISTEN%%'")]


@pytest.fixture
def pages():
    """pages(replica, purchase): a stream whose first state was read."""
    made = []

    def open_page(replica, bought):
        made.append(Stream(replica, bought["invoice_id"], ip=new_address()))
        assert made[-1].begun().state()["status"] == "pending"
        return made[-1]
    yield open_page
    for s in made:
        s.socket.close()


def test_paid_at_one_replica_told_by_the_other(both, pair, pages):
    a, b = both
    bought = a.buy(a.product())
    here, there = (pages(r, bought) for r in pair.replicas)
    b.pay(bought)
    for s in (here, there):
        assert s.until("settled")["key_ready"] is True
        assert s.end() == "final"


@pytest.fixture
def deaf(pair):
    """deaf(): nobody listens, nor can who tries, until the test lets them."""
    with pair.cluster.connect("postgres") as c:
        def allow(word):
            c.execute(f"ALTER DATABASE {pair.database} ALLOW_CONNECTIONS {word}")

        def cut():
            allow("false")
            old = listeners(pair)
            assert len(old) == 4        # of two workers at each replica
            for pid in old:
                c.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
            assert listeners(pair) == []
            return lambda: allow("true")
        yield cut
        allow("true")


def test_told_although_it_happened_while_nobody_listened(both, pair, pages,
                                                         deaf):
    """The news went nowhere; who listens again asks about all that is open."""
    a, _ = both
    bought = a.buy(a.product())
    streams = [pages(r, bought) for r in pair.replicas]
    hear = deaf()
    pair.db.execute("UPDATE invoices SET paid_sats = 7 WHERE id = %s",
                    [bought["invoice_id"]])
    hear()
    for s in streams:
        assert s.state()["paid_sats"] == 7
    a.pay(bought)
    for s in streams:
        s.until("settled")


def test_five_hundred_buyers_hear_each_of_their_own(both, pair, pages):
    product = both[0].product()

    def clients():
        return [Api(r.url, pair.admin_key) for r in pair.replicas]

    def share(work, items):
        """work(clients, item) for all, four at a time."""
        def run(n):
            mine = clients()
            return [work(mine, i) for i in items[n::4]]
        with ThreadPoolExecutor(4) as pool:
            return [x for part in pool.map(run, range(4)) for x in part]

    bought = share(lambda mine, n: mine[n % 2].buy(product),
                   list(range(BUYERS)))
    streams = {b["invoice_id"]: pages(pair.replicas[n % 2], b)
               for n, b in enumerate(bought)}
    # Whoever pays does so at the replica where it has no stream.
    paid = share(lambda mine, i: mine[1 - i % 2].pay(bought[i]),
                 list(range(BUYERS)))
    for p in paid:
        s = streams[p["invoice_id"]]
        told = s.until("settled")
        assert (told["invoice_id"], told["license_id"]) == \
            (p["invoice_id"], p["license_id"])
        assert s.end() == "final"


@pytest.mark.restarts
def test_a_drain_sends_streams_elsewhere_and_waits_for_no_sleeper(
        own_instance, pages):
    """Well below the time that requests under way would get."""
    instance = own_instance(replicas=2, name="leaving",
                            LICET_DRAIN_MS=120000)
    api = Api(instance.url, instance.admin_key)
    bought = api.buy(api.product())
    first, second = instance.replicas
    streams = [pages(first, bought) for _ in range(100)]
    asleep = Stream(first, bought["invoice_id"], ip=new_address(), window=1)
    for sats in range(1, 401):
        instance.db.execute("UPDATE invoices SET paid_sats = %s WHERE id = %s",
                            [sats, bought["invoice_id"]])
    for s in streams:
        while s.state()["paid_sats"] != 400:
            pass
    began = time.monotonic()
    first.signal(signal.SIGTERM)
    for s in streams:
        assert s.end() == "again"
    assert first.wait(60) == 0
    assert time.monotonic() - began < 60
    first.check_log()
    first.process = None
    asleep.socket.close()
    # As the browser does, by the load balancer.
    wait_for(lambda: api.call("HEAD", "/health/ready").status_code == 200, 60,
             "HAProxy goes to the other")
    with Stream(instance, bought["invoice_id"], ip=new_address()) as s:
        assert s.begun().state()["paid_sats"] == 400
        api.pay(bought)
        s.until("settled")
