"""Deliveries to the vendor's servers by several replicas: one that hangs and
one that refuses hold up nobody, and who dies loses nothing."""
import collections

import pytest

from fake.receiver import Vendor, refusing
from lib.process import wait_for
from lib.webhooks import Hooks, stalled_by_none, together, verify_keysat

EVENTS = 50
ENDPOINTS = 20


@pytest.fixture
def vendor():
    v = Vendor().start()
    yield v
    v.stop()


def make_endpoints(hooks, bad):
    """Twenty; with `bad' the first hangs and the second refuses."""
    made = []
    for n in range(ENDPOINTS):
        url = refusing() if bad and n == 1 else None
        made.append(hooks.endpoint(f"/e{n}", url, event_types=["load.news"]))
    if bad:
        hooks.vendor.set("/e0", hang=120)
    return made


def tell(hooks, n=EVENTS):
    """That many events at once, as one transaction's."""
    return [r["id"] for r in hooks.server.rows(
        "INSERT INTO outbox (event_type, data) SELECT 'load.news',"
        " jsonb_build_object('n', g) FROM generate_series(1, %s) g"
        " RETURNING id", n)]


def healthy(hooks, made):
    return {e["path"]: len({c.id for c in hooks.vendor.got(e["path"])})
            for e in made[2:]}


@pytest.mark.slow
def test_bad_endpoints_hold_up_nobody(own_instance, vendor):
    """D30: a thousand deliveries to twenty endpoints, one hanging, one
    refusing."""
    hooks = Hooks(own_instance(replicas=2, name="deliver", movable=True,
                               LICET_WEBHOOK_PRIVATE="on"), vendor)
    made = make_endpoints(hooks, bad=True)
    tell(hooks)
    wait_for(lambda: set(healthy(hooks, made).values()) == {EVENTS}, 60,
             "the healthy eighteen have all")
    stalled_by_none([c for e in made[2:] for c in vendor.got(e["path"])])
    wait_for(lambda: hooks.server.value(
        "SELECT count(*) FROM webhook_deliveries WHERE delivered_at IS NOT"
        " NULL") == (ENDPOINTS - 2) * EVENTS, 60, "that is noted")
    for e in made[2:]:
        calls = hooks.vendor.got(e["path"])
        assert len(calls) == len({c.id for c in calls}) == EVENTS
        assert {c.body["data"]["n"] for c in calls} == \
            set(range(1, EVENTS + 1))
        verify_keysat(calls[0], e["secret"])
    # Four at once from each of four workers.
    assert together(vendor.got("/e0")) <= 16
    wait_for(lambda: hooks.circuit(made[0])["consecutive_failures"] >= 5 and
             hooks.circuit(made[1])["consecutive_failures"] >= 5, 60,
             "both circuits are open")
    tries = hooks.server.value(
        "SELECT sum(attempt_count) AS n FROM webhook_deliveries WHERE"
        " endpoint_id = %s", made[1]["id"])
    assert tries < EVENTS       # most wait without losing one


@pytest.mark.slow
def test_one_probe_of_all_replicas(own_instance, vendor):
    """An open circuit lets one try through, whoever makes it."""
    hooks = Hooks(own_instance(replicas=3, name="probe", movable=True,
                               LICET_WEBHOOK_PRIVATE="on"), vendor)
    e = hooks.endpoint(event_types=["load.news"])
    hooks.vendor.set(e["path"], status=503)
    tell(hooks, 200)
    hooks.hold(e)
    before = len(hooks.vendor.got(e["path"]))
    assert before <= 4 * 6 + 5
    hooks.vendor.set(e["path"], hang=8)
    hooks.vendor.most.clear()
    hooks.until(hooks.circuit(e)["open_until"])
    wait_for(lambda: hooks.vendor.flying[e["path"]], 60,
             "a probe is made")
    # Every worker looks again and again meanwhile.
    wait_for(lambda: not hooks.vendor.flying[e["path"]], 60,
             "it ends")
    assert hooks.vendor.most[e["path"]] == 1
    assert len(hooks.vendor.got(e["path"])) == before + 1


@pytest.mark.slow
@pytest.mark.restarts
def test_killed_replica_loses_nothing(own_instance, vendor):
    """Three replicas, one killed with deliveries under way: each arrives, at
    least once, and what was taken and not answered comes again with the same
    id."""
    instance = own_instance(replicas=3, name="kill", movable=True,
                            LICET_WEBHOOK_PRIVATE="on")
    hooks = Hooks(instance, vendor)
    made = make_endpoints(hooks, bad=False)
    for e in made:
        hooks.vendor.set(e["path"], delay=0.05)
    hooks.vendor.set(made[0]["path"], hang=120)
    tell(hooks)
    wait_for(lambda: len(vendor.got()) > EVENTS * ENDPOINTS // 5, 60,
             "a fifth has come")
    instance.replicas[0].kill()
    assert len(vendor.got()) < EVENTS * ENDPOINTS
    unanswered = {c.id for c in vendor.got(made[0]["path"])}
    assert unanswered
    hooks.vendor.set(made[0]["path"])
    hooks.vendor.let_go()
    tell(hooks)         # the others make deliveries too
    rows = EVENTS * ENDPOINTS * 2

    def nothing_due():
        """All but what the dead one held."""
        return hooks.server.value(
            "SELECT count(*) AS n FROM webhook_deliveries") == rows and \
            not hooks.server.value(
                "SELECT EXISTS (SELECT FROM webhook_deliveries WHERE"
                " next_attempt_at <= licet_now()) AS yes")
    wait_for(nothing_due, 60, "the others go on")
    # Its leases run out, but not those of the living, who would send at the
    # same time what they think is theirs for half a minute.
    for replica in instance.replicas[1:]:
        assert replica.stop() == 0
    instance.clock.move(seconds=31)
    for replica in instance.replicas:
        replica.start()
    wait_for(lambda: hooks.server.value(
        "SELECT count(*) AS n FROM webhook_deliveries WHERE delivered_at IS"
        " NOT NULL") == rows, 60, "all is delivered")
    known = {str(r["id"]): r["payload"] for r in instance.rows(
        "SELECT id, payload FROM webhook_deliveries")}
    came = collections.Counter(c.id for c in vendor.got())
    assert set(came) == set(known)
    assert all(came[taken] > 1 for taken in unanswered)
    for c in vendor.got():
        assert c.raw.decode() == known[c.id]
    # Twice only that, and what was under way at the dead one: two workers'
    # seats.
    assert sum(n - 1 for n in came.values()) <= 2 * 64 + len(unanswered)


@pytest.mark.slow
@pytest.mark.restarts
def test_drain_ends_what_is_under_way(own_instance, vendor):
    """SIGTERM: messages under way are answered and noted, none is begun."""
    instance = own_instance(name="drain", movable=True,
                            LICET_WEBHOOK_PRIVATE="on")
    hooks = Hooks(instance, vendor)
    e = hooks.endpoint(event_types=["load.news"])
    hooks.vendor.set(e["path"], delay=1)
    tell(hooks, 100)
    hooks.comes(e)
    assert instance.replicas[0].stop() == 0
    sent = {c.id for c in vendor.got(e["path"])}
    noted = {str(r["id"]) for r in instance.rows(
        "SELECT id FROM webhook_deliveries WHERE delivered_at IS NOT NULL")}
    assert sent == noted and 0 < len(sent) < 100
