"""Event streams of open checkouts: what is told, when, and to whom."""
import os
import time

import pytest

from lib.check import NOWHERE
from lib.client import Api, new_address, refused
from lib.events import Stream
from lib.process import wait_for
from lib.waiting import metric


@pytest.fixture
def watch():
    made = []

    def open_stream(instance, bought, **options):
        options.setdefault("ip", new_address())
        made.append(Stream(instance, bought["invoice_id"], **options))
        return made[-1]
    yield open_stream
    for s in made:
        s.socket.close()


def arrived(instance, bought, sats):
    """So much of it was seen by now; what a reconciler would note."""
    instance.db.execute("UPDATE invoices SET paid_sats = %s WHERE id = %s",
                        [sats, bought["invoice_id"]])


def same_invoice(told, polled):
    """All that the poll tells, but for the key."""
    for name in ("invoice_id", "status", "product_id", "amount_sats",
                 "license_id"):
        assert told[name] == polled[name], name
    assert told["key_ready"] is (polled["license_key"] is not None)


def test_state_at_once_then_what_changes_then_the_end(api, server, watch):
    bought = api.buy(api.product(price_sats=777))
    s = watch(server, bought)
    head = s.head()
    assert head.status == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    assert "no-store" in head.headers["cache-control"]
    assert head.headers["x-accel-buffering"] == "no"
    assert head.headers["access-control-allow-origin"] == "*"
    first = s.block()
    assert 1000 <= int(first["retry"]) < 5000
    assert first["event"] == "state" and len(first["id"]) == 16
    paid = api.pay(bought)
    told = s.until("settled")
    same_invoice(told, paid)
    assert paid["license_key"] not in str(told)
    assert s.end() == "final"


def test_first_state_is_what_the_poll_says(api, server, watch):
    bought = api.buy(api.product())
    told = watch(server, bought).begun().state()
    assert told["status"] == "pending"
    same_invoice(told, api.poll(bought))


def test_settled_already(api, server, watch):
    bought = api.buy(api.product())
    api.pay(bought)
    s = watch(server, bought).begun()
    assert s.state()["status"] == "settled"
    assert s.end() == "final"


def test_what_expired_may_still_be_paid(api, server, watch):
    bought = api.buy(api.product())
    s = watch(server, bought).begun()
    api.expire(bought)
    s.until("expired")
    server.db.execute("UPDATE invoices SET status = 'settled',"
                      " settled_at = licet_now() WHERE id = %s",
                      [bought["invoice_id"]])
    s.until("settled")


def test_same_state_is_not_told_twice(api, server, watch):
    """What no buyer sees is no news, and news that says nothing new isn't."""
    bought = api.buy(api.product())
    s = watch(server, bought).begun()
    assert s.state()["paid_sats"] == 0
    server.db.execute("UPDATE invoices SET next_check_at = licet_now() +"
                      " interval '1 hour', updated_at = licet_now()"
                      " WHERE id = %s", [bought["invoice_id"]])
    server.db.execute("SELECT pg_notify('licet_invoice', %s)",
                      [bought["invoice_id"]])
    arrived(server, bought, 5)
    assert s.state()["paid_sats"] == 5


def test_whichever_invoice_of_an_order_is_paid_all_hear(api, server, watch):
    product = api.product()
    first, second = api.buy(product), api.buy(product)
    old = watch(server, first).begun()
    assert old.state()["status"] == "pending"
    server.db.execute("UPDATE invoices SET follows_id = %s, order_id = %s"
                      " WHERE id = %s", [first["invoice_id"],
                                         first["invoice_id"],
                                         second["invoice_id"]])
    new = watch(server, second).begun()
    assert new.state()["state"] != "paid"
    api.pay(first)
    assert old.until("settled")["state"] == "paid"
    while new.state()["state"] != "paid":
        pass


@pytest.mark.parametrize("name", [NOWHERE, "rubbish"])
def test_unknown_is_404(api, name):
    refused(api.public("GET", f"/checkout/{name}/events"), 404, "not_found")


def test_head_is_over_at_once(api):
    bought = api.buy(api.product())
    r = api.public("HEAD", f"/checkout/{bought['invoice_id']}/events")
    assert r.status_code == 200 and r.content == b""
    assert r.headers["content-type"].startswith("text/event-stream")


def test_old_http(api, server, watch):
    bought = api.buy(api.product())
    s = watch(server.replicas[0], bought, version="HTTP/1.0").begun()
    assert s.state()["status"] == "pending"
    api.pay(bought)
    s.until("settled")
    assert s.end() == "final"


def test_half_closed_client_has_the_state_and_no_more(api, server, watch):
    bought = api.buy(api.product())
    s = watch(server.replicas[0], bought, half_closed=True).begun()
    assert s.state()["status"] == "pending"
    s.ended()


def test_clients_that_leave_leave_nothing(api, server, watch):
    """Of many tabs, some of which go, the others hear on."""
    bought = api.buy(api.product())
    replica = server.replicas[0]
    ip = new_address()
    before = metric(server, "licet_streams")
    tabs = [watch(replica, bought, ip=ip) for _ in range(30)]
    for s in tabs:
        assert s.begun().state()["paid_sats"] == 0
    for s in tabs[:20]:
        s.socket.close()
    for s in tabs[10:20]:
        watch(replica, bought).socket.close()   # before it has an answer
    arrived(server, bought, 9)
    for s in tabs[20:]:
        assert s.state()["paid_sats"] == 9
        s.socket.close()
    wait_for(lambda: metric(server, "licet_streams") <= before, 60,
             "no stream is left")


def test_polls_and_streams_share_a_limit(api, server):
    """LIMIT_POLL, by address."""
    bought = api.buy(api.product())
    ip = new_address()
    path = f"/checkout/{bought['invoice_id']}/events"
    wait_for(lambda: api.public("HEAD", path, ip=ip).status_code == 429, 60,
             "the address is limited", pause=0)


# One worker with short deadlines and few places.

PLACES = 8
UPDATES = 400   # far more than fit into a sleeper's buffers


@pytest.fixture(scope="module")
def narrow(make_instance):
    if os.environ.get("LICET_REPLICAS", "1") != "1":
        pytest.skip("one worker is one worker")
    return make_instance(
        name="narrow", LICET_WORKERS=1, LICET_STREAMS_MAX=PLACES,
        LICET_STREAMS_PER_ADDRESS=3, LICET_CONNECTIONS=16, LICET_KEEPALIVE=1,
        LICET_HEADER_TIMEOUT=1, LICET_REQUEST_TIMEOUT_MS=2000)


@pytest.fixture
def seller(narrow):
    yield Api(narrow.url, narrow.admin_key, narrow.db)
    wait_for(lambda: metric(narrow, "licet_streams") == 0, 60,
             "no stream is left")
    narrow.check_workers()


def test_no_more_streams_than_there_is_room_for(narrow, seller):
    bought = seller.buy(seller.product())
    opened, ip = [], new_address()

    def answer(ip):
        s = Stream(narrow, bought["invoice_id"], ip=ip)
        head = s.head()
        if head.status == 200:
            opened.append(s)
        else:
            s.socket.close()
        return head

    try:
        assert [answer(ip).status for _ in range(4)] == [200, 200, 200, 429]
        while len(opened) < PLACES:
            assert answer(new_address()).status == 200
        full = answer(new_address())
        assert full.status == 503 and int(full.headers["retry-after"]) > 0
        # The others' places are theirs.
        assert seller.poll(bought)["status"] == "pending"
        opened.pop().socket.close()
        wait_for(lambda: answer(new_address()).status == 200, 60,
                 "a place that is left is taken")
    finally:
        for s in opened:
            s.socket.close()


def test_silence_is_filled_and_who_takes_nothing_is_left(narrow, seller,
                                                         watch):
    """Beyond the idle time, the request's time and the header's; a client that
    doesn't read costs one text, and is left when it hasn't taken that by the
    time of the next comment."""
    began = time.monotonic()
    bought, silent = (seller.buy(seller.product()) for _ in range(2))
    quiet = watch(narrow, silent).begun()
    assert quiet.state()["status"] == "pending"
    asleep, awake = watch(narrow, bought, window=1), watch(narrow, bought)
    wait_for(lambda: metric(narrow, "licet_streams") == 3, 60, "all are open")
    dropped = metric(narrow, "licet_streams_dropped_total")
    awake.begun()
    for sats in range(1, UPDATES + 1):
        arrived(narrow, bought, sats)
    while awake.state()["paid_sats"] != UPDATES:
        pass
    assert None in quiet.block()
    assert time.monotonic() - began > 5
    wait_for(lambda: metric(narrow, "licet_streams_dropped_total") > dropped,
             60, "the sleeper is left")
    seen = 0
    asleep.begun()
    with pytest.raises((AssertionError, OSError)):
        while True:
            seen = max(seen, asleep.state()["paid_sats"])
    assert 0 < seen < UPDATES
    arrived(narrow, silent, 3)
    assert quiet.state()["paid_sats"] == 3


def test_a_sleeper_that_wakes_has_the_latest(narrow, seller, watch):
    """States in between are left out, the last never is."""
    bought = seller.buy(seller.product())
    s = watch(narrow, bought, window=1)
    other = watch(narrow, bought).begun()
    for sats in range(1, UPDATES + 1):
        arrived(narrow, bought, sats)
    while other.state()["paid_sats"] != UPDATES:
        pass
    s.begun()
    seen = [s.state()["paid_sats"]]
    while seen[-1] != UPDATES:
        seen.append(s.state()["paid_sats"])
    assert seen == sorted(set(seen)) and len(seen) < UPDATES / 2
