"""Event streams of open checkouts: what is told, when, and to whom."""
import pytest

from lib.check import NOWHERE
from lib.client import new_address, refused
from lib.events import Stream


@pytest.fixture
def watch(server):
    made = []

    def open_stream(bought, **options):
        options.setdefault("ip", new_address())
        made.append(Stream(server, bought["invoice_id"], **options))
        return made[-1]
    yield open_stream
    for s in made:
        s.socket.close()


def test_state_at_once_then_what_changes_then_the_end(api, watch):
    bought = api.buy(api.product(price_sats=777))
    s = watch(bought)
    head = s.head()
    assert head.status == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    assert "no-store" in head.headers["cache-control"]
    assert head.headers["x-accel-buffering"] == "no"
    assert head.headers["access-control-allow-origin"] == "*"
    first = s.block()
    assert 1000 <= int(first["retry"]) < 5000
    assert first["event"] == "state" and len(first["id"]) == 16
    now = s.rest == b"" and api.poll(bought)
    paid = api.pay(bought)
    assert now["status"] == "pending"
    told = s.until("settled")
    assert s.end() == "final"
    assert {k: told[k] for k in paid if k != "license_key"} == \
        {k: v for k, v in paid.items() if k != "license_key"}
    assert told["key_ready"] is True
    assert paid["license_key"] not in str(told)


def test_settled_already(api, watch):
    bought = api.buy(api.product())
    api.pay(bought)
    s = watch(bought).begun()
    assert s.state()["status"] == "settled"
    assert s.end() == "final"
