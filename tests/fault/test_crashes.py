"""Replicas and PostgreSQL die under load; nothing acknowledged is lost and
nobody has to lend a hand."""
import os
import signal

import pytest

from lib.load import Load
from lib.process import children, kill_now, wait_for

DEADLINE_MS = 3000
# What a request may take beyond its deadline: this machine is shared.
SLACK = 3.0

pytestmark = pytest.mark.restarts


def targets(instance):
    return [(r.host, r.port) for r in instance.replicas]


def goes_on(load, more=200, seconds=60):
    """At least so many answers more, from now on."""
    start = load.count()
    wait_for(lambda: load.count() >= start + more, seconds,
             f"{more} more answers")


def sound(load, instance):
    assert load.missing(instance) == []
    assert load.slowest < DEADLINE_MS / 1000 + SLACK, load.slowest
    assert set(load.statuses) <= {200, 503, None}, load.statuses


@pytest.mark.parametrize("how", ["restart immediate", "kill -9", "fast"])
def test_postgresql_restarts_under_load(durable, fragile, client, how):
    instance = fragile(replicas=2, LICET_REQUEST_TIMEOUT_MS=DEADLINE_MS)
    made = client(instance).issue(max_machines=0)
    with Load(targets(instance), made["license_key"]) as load:
        goes_on(load)
        if how == "kill -9":
            durable.kill()
            durable.start()
        else:
            durable.restart(signal.SIGQUIT if "imm" in how
                            else signal.SIGINT)
        goes_on(load)
    instance.reconnect()
    sound(load, instance)


def test_replica_killed_under_load(fragile, client):
    instance = fragile(replicas=2, LICET_REQUEST_TIMEOUT_MS=DEADLINE_MS)
    made = client(instance).issue(max_machines=0)
    first = instance.replicas[0]
    with Load(targets(instance), made["license_key"]) as load:
        goes_on(load)
        first.kill()
        goes_on(load)
        first.restart()
        goes_on(load)
    sound(load, instance)


def test_both_at_once(durable, fragile, client):
    instance = fragile(replicas=2, LICET_REQUEST_TIMEOUT_MS=DEADLINE_MS)
    made = client(instance).issue(max_machines=0)
    with Load(targets(instance), made["license_key"]) as load:
        goes_on(load)
        instance.replicas[0].kill()
        durable.kill()
        durable.start()
        instance.replicas[0].restart()
        goes_on(load)
    instance.reconnect()
    sound(load, instance)


def test_behind_haproxy_no_client_sees_a_dead_replica_for_long(
        fragile, client):
    instance = fragile(replicas=2)
    made = client(instance).issue(max_machines=0)
    with Load([(instance.host, instance.port)], made["license_key"]) as load:
        goes_on(load)
        instance.replicas[1].kill()
        goes_on(load)
        errors = {s: n for s, n in load.statuses.items() if s != 200}
        goes_on(load)
        later = {s: n for s, n in load.statuses.items() if s != 200}
        instance.replicas[1].restart()
    # At most the requests that were on the replica when it died.
    assert sum(later.values()) <= len(load.threads) * 4, (errors, later)
    assert load.missing(instance) == []


def test_rolling_restart_loses_no_request(fragile, client):
    """Readiness goes off first, and HAProxy takes the replica out."""
    instance = fragile(replicas=2, LICET_DRAIN_LEAD_MS=600,
                       LICET_DRAIN_MS=5000)
    made = client(instance).issue(max_machines=0)
    with Load([(instance.host, instance.port)], made["license_key"],
              clients=6) as load:
        goes_on(load)
        for replica in instance.replicas:
            assert replica.stop() == 0
            instance.bring_back(replica)
            goes_on(load, 50)
    assert set(load.statuses) == {200}, load.statuses
    assert load.missing(instance) == []


def test_worker_killed_is_replaced_and_others_unharmed(fragile, client):
    instance = fragile(LICET_WORKERS=3)
    api = client(instance)
    made = api.issue(max_machines=0)
    replica = instance.replicas[0]
    with Load(targets(instance), made["license_key"], clients=12) as load:
        goes_on(load)
        os.kill(sorted(replica.workers)[0], signal.SIGKILL)
        replica.expect_new_workers()
        goes_on(load)
    assert len(children(replica.process.pid)) == 3
    # One failure a connection that the dead worker held, no others.
    assert load.statuses.get(None, 0) <= 12 and \
        set(load.statuses) <= {200, None}, load.statuses
    assert load.missing(instance) == []
    assert api.public("GET", "/health/ready").status_code == 200


def test_worker_killed_again_and_again(fragile, client):
    instance = fragile(LICET_WORKERS=2)
    api = client(instance)
    made = api.issue()
    replica = instance.replicas[0]
    for _ in range(5):
        os.kill(sorted(replica.workers)[0], signal.SIGKILL)
        replica.expect_new_workers()
        wait_for(replica.is_ready, 60, "ready")
        assert api.validate(made["license_key"])["ok"] is True
    assert replica.stop() == 0


def test_parent_killed_takes_its_workers_along(fragile):
    """Else they would hold the port and serve on, unsupervised."""
    instance = fragile()
    replica = instance.replicas[0]
    family = replica.workers
    os.kill(replica.process.pid, signal.SIGKILL)
    replica.process.wait(60)
    try:
        wait_for(lambda: not any(os.path.exists(f"/proc/{p}")
                                 for p in family), 60, "the workers end")
    finally:
        kill_now(family)
        replica.process = None
    replica.start()
