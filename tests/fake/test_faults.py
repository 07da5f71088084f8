"""The switchboard: what each fault looks like from outside, and that chaos
comes again from the same seed."""
import http.client
import random
import time

import pytest
import requests

from fake.btcpay import FakeBtcpay
from fake.faults import HOOK_FAULTS, REQUEST_FAULTS
from fake.receiver import receiving

ORDER = {"amount": "0.0005", "metadata": {"orderId": "o-1"}}


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


def create(fake, order="o-1", timeout=5):
    return requests.post(
        f"{fake.url}/api/v1/stores/{fake.store_id}/invoices", timeout=timeout,
        json={**ORDER, "metadata": {"orderId": order}},
        headers={"Authorization": f"token {fake.api_key}"})


def outcome(fake, **how):
    """What the client sees: a status and whether it is JSON, or an error."""
    try:
        r = create(fake, **how)
    except requests.Timeout:
        return "timeout"
    except requests.RequestException:
        return "no reply"
    try:
        return r.status_code, type(r.json()).__name__
    except ValueError:
        return r.status_code, "no JSON"


FACES = {
    "hangup": "no reply", "pause": "no reply",
    "garbage": (200, "no JSON"), "html": (200, "no JSON"),
    "empty": (200, "no JSON"), "null": (200, "NoneType"),
    "types": (200, "dict"), "huge": (200, "dict"), "500": (500, "dict"),
    "429": (429, "dict"), "404": (404, "dict"), "slow": (200, "dict")}


def test_truncated_is_a_reply_without_its_end(fake):
    """Whether the client notices by itself is its own affair."""
    fake.spoil("truncated", times=2)
    assert outcome(fake) in ("no reply", (200, "no JSON"))
    with pytest.raises(http.client.IncompleteRead):
        c = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=5)
        c.request("GET", "/")
        c.getresponse().read()
    assert fake.billed("o-1") == 0


@pytest.mark.parametrize("kind", sorted(FACES))
def test_fault_and_nothing_happened(fake, kind):
    fake.spoil(kind)
    assert outcome(fake) == FACES[kind]
    assert fake.billed("o-1") == (kind == "slow")
    assert outcome(fake) == (200, "dict")      # the next one is well


@pytest.mark.parametrize("kind", sorted(set(FACES) - {"slow", "pause"}))
def test_fault_and_it_happened_all_the_same(fake, kind):
    fake.spoil("done:" + kind)
    assert outcome(fake) == FACES[kind]
    assert fake.billed("o-1") == 1


def test_every_kind_of_chaos_has_a_face(fake):
    for kind in set(REQUEST_FAULTS):
        fake.spoil(kind)
        outcome(fake)
    assert outcome(fake) == (200, "dict")


def test_silent_is_waited_for_and_ends_with_it(fake):
    fake.silent()
    assert outcome(fake, timeout=0.2) == "timeout"
    fake.silent(False)
    assert outcome(fake) == (200, "dict")
    assert fake.billed("o-1") == 1


def test_slow_takes_its_time(fake):
    fake.slow(0.2)
    began = time.monotonic()
    assert outcome(fake) == (200, "dict")
    assert time.monotonic() - began >= 0.2


def test_spoil_knows_which_and_how_often(fake):
    rule = fake.spoil("500", times=None, method="POST", path="/invoices$")
    assert requests.get(fake.url + "/api/v1/stores", timeout=5, headers={
        "Authorization": f"token {fake.api_key}"}).status_code == 200
    for _ in range(3):
        assert outcome(fake) == (500, "dict")
    fake.mend(rule)
    fake.spoil("503", times=2)
    assert [outcome(fake)[0] for _ in range(3)] == [503, 503, 200]


def test_reset_ends_everything(fake, told):
    made = create(fake).json()["id"]
    fake.wrong("500")
    fake.slow(5)
    fake.lose_create(9)
    fake.spoil("hangup", times=None)
    fake.spoil_hooks("held", times=None)
    fake.chaos(random.Random(1), p=1)
    fake.now += 86400
    fake.reset()
    assert outcome(fake) == (200, "dict")
    assert abs(fake.now - time.time()) < 5
    assert len(fake.settle(made)) == 1
    assert len(told.seen) == 1


# Deliveries

def settled(fake, told, kind):
    made = create(fake).json()["id"]
    fake.spoil_hooks(kind)
    fake.settle(made)
    return told


def test_dropped_never_comes(fake, told):
    settled(fake, told, "dropped")
    fake.flush(), fake.redeliver_failed(), fake.move(hours=2)
    assert "InvoiceSettled" not in [e["type"] for e in told.events()]


def test_unsent_is_redelivered(fake, told):
    settled(fake, told, "unsent")
    assert told.seen == []
    fake.redeliver_failed()
    event, = told.events()
    assert event["isRedelivery"] is True


def test_repeated_is_the_same_twice(fake, told):
    settled(fake, told, "repeated")
    assert len(told.seen) == 2 and told.seen[0] == told.seen[1]


def test_doubled_is_a_redelivery_besides(fake, told):
    settled(fake, told, "doubled")
    a, b = told.events()
    assert a["deliveryId"] == b["originalDeliveryId"] != b["deliveryId"]


def test_held_comes_after_what_was_later(fake, told):
    a, b = (create(fake).json()["id"] for _ in range(2))
    fake.spoil_hooks("held", event="InvoiceExpired")
    fake.expire(a)
    fake.settle(b)
    assert [e["invoiceId"] for e in told.events()] == [b]
    fake.flush()
    assert [e["invoiceId"] for e in told.events()] == [b, a]


# Chaos

def run(seed, n=60):
    """What n creations and settlements meet with."""
    fake = FakeBtcpay().start()
    try:
        with receiving() as server:
            fake.webhook_urls = [server.url]
            drawn = fake.chaos(random.Random(seed), p=0.5, pause=0.001)
            seen = [outcome(fake, order=f"o-{i}") for i in range(n)]
            for invoice in list(fake.invoices.values()):
                fake.settle(invoice.id)
            return seen, drawn.drawn, len(fake.invoices)
    finally:
        fake.stop()


def test_chaos_comes_again_from_its_seed():
    first = run(11)
    assert run(11) == first
    assert run(12) != first


def test_chaos_draws_everything():
    seen, drawn, made = run(5, 200)
    kinds = {k for what, _, k in drawn if not what.startswith("deliver")}
    assert kinds == set(REQUEST_FAULTS)
    hooks = {k for what, _, k in drawn if what.startswith("deliver")}
    assert hooks == set(HOOK_FAULTS)
    assert 60 < len([s for s in seen if s == (200, "dict")]) < 160
    assert made < 200       # some never happened


def test_calm_delivers_what_was_held(fake, told):
    ids = [create(fake).json()["id"] for _ in range(20)]
    fake.chaos(random.Random(1), p=0, hooks=1, hook_kinds=("held",))
    for iid in ids:
        assert fake.settle(iid) == []
    fake.calm()
    came = [e["invoiceId"] for e in told.events()]
    assert sorted(came) == sorted(ids) and came != ids


def test_more_questions_do_not_move_later_faults():
    """So that a failure of a long run comes again although the reconciler
    asked once more or once less."""
    def faults(extra):
        fake = FakeBtcpay().start()
        try:
            chaos = fake.chaos(random.Random(7), p=0.5, pause=0.001)
            for i in range(20):
                outcome(fake, order=f"o-{i}")
                for _ in range(extra):
                    try:
                        requests.get(fake.url + "/api/v1/stores", timeout=5)
                    except requests.RequestException:
                        continue
            return [d for d in chaos.drawn if d[0].startswith("POST")]
        finally:
            fake.stop()
    assert faults(0) == faults(3)
