"""Deliveries of webhooks, statement by statement: who gets what to send, what
counts under a lease that is over, fan-out by several at once."""
import concurrent.futures
import json
import uuid

import pytest


@pytest.fixture(autouse=True)
def alone(db):
    """No endpoint but the test's own, no news but its own."""
    db.sql("UPDATE webhook_endpoints SET active = false")
    db.sql("UPDATE webhook_deliveries SET next_attempt_at = NULL")
    db.sql("UPDATE outbox SET fanned_out = true WHERE NOT fanned_out")


def endpoint(db, events="{*}", **columns):
    values = {"id": f"'{uuid.uuid4()}'", "url": "'http://e'",
              "sealed_secret": "'x'", "event_types": f"'{events}'",
              "active_since": "now() - interval '1 day'", **columns}
    (eid,), = db.sql(f"INSERT INTO webhook_endpoints ({', '.join(values)})"
                     f" VALUES ({', '.join(values.values())}) RETURNING id")
    return eid


def due(db, eid, n=1, ago=60):
    """Deliveries, the first due `ago' seconds ago, then one a second."""
    rows = db.sql(
        "INSERT INTO webhook_deliveries (endpoint_id, event_type, payload,"
        f" next_attempt_at) SELECT '{eid}', 'e', '{{}}', now() -"
        f" ({ago} - g) * interval '1 s' FROM generate_series(1, {n}) g"
        " RETURNING id")
    return [r[0] for r in rows]


def claim(db, limit=64, busy=()):
    return db.call("delivery_claim", limit=limit, busy=list(busy))


def end(db, c, status, **args):
    return db.call("delivery_end", id=c["id"], lease=c["lease"], url=c["url"],
                   status=status, wait_seconds=5, probe_seconds=5, **args)


def row(db, did):
    (text,), = db.sql("SELECT to_jsonb(d) FROM webhook_deliveries d"
                      f" WHERE d.id = '{did}'")
    return json.loads(text)


# Claiming

def test_oldest_four_of_each_endpoint_less_those_under_way(db):
    a, b = endpoint(db), endpoint(db)
    ids, _ = due(db, a, 6), due(db, b, 1)
    got = claim(db, busy=[a, a, b])
    assert sorted(c["id"] for c in got if c["endpoint_id"] == a) == \
        sorted(ids[:2])
    assert [c["endpoint_id"] for c in got].count(b) == 1
    assert claim(db, busy=[a] * 4 + [b]) == []


def test_endpoints_take_turns(db):
    """An old backlog does not come before another's first."""
    a, b = endpoint(db), endpoint(db)
    due(db, a, 8, ago=9000)
    due(db, b, 2, ago=5)
    got = claim(db, limit=3)
    assert sorted([c["endpoint_id"] for c in got]) == sorted([a, a, b])


def test_claims_at_the_same_time_share_nothing_and_wait_for_nobody(connect):
    one, two = connect(), connect()
    eid = endpoint(one)
    due(one, eid, 8)
    one.sql("BEGIN")
    first = claim(one)
    two.sql("SET statement_timeout = '3s'")
    second = claim(two)
    one.sql("COMMIT")
    assert len(first) == len(second) == 4
    assert not {c["id"] for c in first} & {c["id"] for c in second}


def test_an_open_circuit_lets_one_through(connect):
    """One delivery, one claimer, also while the first has not committed."""
    one, two = connect(), connect()
    eid = endpoint(one, consecutive_failures="5",
                   open_until="now() - interval '1 s'")
    due(one, eid, 8)
    one.sql("BEGIN")
    assert len(claim(one)) == 1
    two.sql("SET statement_timeout = '3s'")
    assert claim(two) == []
    one.sql("COMMIT")
    assert claim(two) == []


def test_before_its_time_an_open_circuit_lets_none_through(db):
    eid = endpoint(db, consecutive_failures="7",
                   open_until="now() + interval '1 s'")
    due(db, eid, 3)
    assert claim(db) == []


def test_a_probe_that_finds_nothing_due_uses_up_nothing(db):
    eid = endpoint(db, consecutive_failures="5",
                   open_until="now() - interval '1 s'")
    assert claim(db) == []
    due(db, eid)
    assert len(claim(db)) == 1


# Ends

def expire(db, did):
    db.sql("UPDATE webhook_deliveries SET next_attempt_at = now() - interval"
           f" '1 s' WHERE id = '{did}'")


@pytest.mark.parametrize("status", ["again", "gone"])
def test_a_failure_of_the_old_url_is_not_the_new_ones(db, status):
    eid = endpoint(db)
    due(db, eid)
    c, = [c for c in claim(db) if c["endpoint_id"] == eid]
    db.sql(f"UPDATE webhook_endpoints SET url = 'http://new' WHERE id = '{eid}'")
    assert end(db, c, status) is not None
    (failures, active), = db.sql(
        "SELECT consecutive_failures, active FROM webhook_endpoints"
        f" WHERE id = '{eid}'")
    assert (failures, active) == ("0", "t")


def test_a_late_failure_does_not_count(db):
    did, = due(db, endpoint(db))
    old, = claim(db)
    expire(db, did)
    new, = claim(db)
    assert end(db, old, "again", error="late") == []
    assert row(db, did)["attempt_count"] == 0
    assert len(end(db, new, "again", error="in time")) == 1
    assert row(db, did)["last_error"] == "in time"


def test_a_late_arrival_counts_and_once(db):
    did, = due(db, endpoint(db))
    old, = claim(db)
    expire(db, did)
    new, = claim(db)
    assert len(end(db, old, "delivered", status_code=200)) == 1
    assert end(db, new, "again", error="too late") == []
    assert end(db, new, "delivered") == []
    now = row(db, did)
    assert now["delivered_at"] and now["next_attempt_at"] is None
    assert now["attempt_count"] == 1


def test_healthy_endpoints_are_not_written_to(db):
    eid = endpoint(db)
    due(db, eid)
    before = db.sql("SELECT xmin FROM webhook_endpoints WHERE id ="
                    f" '{eid}'")
    end(db, claim(db)[0], "delivered")
    assert db.sql("SELECT xmin FROM webhook_endpoints WHERE id ="
                  f" '{eid}'") == before


# Fan-out

def news(db, kind, n=1):
    db.sql("INSERT INTO outbox (event_type, data) SELECT"
           f" '{kind}', '{{}}' FROM generate_series(1, {n})")


def count(db, kind):
    return int(db.sql("SELECT count(*) FROM webhook_deliveries WHERE"
                      f" event_type = '{kind}'")[0][0])


def test_fan_out_by_many_makes_each_once(connect):
    db = connect()
    endpoint(db)
    endpoint(db, "{race.news}")
    news(db, "race.news", 2000)
    sessions = [connect() for _ in range(4)]

    def run(s):
        while int(s.call("outbox_fan_out")[0]["fresh"]) > 0:
            pass
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(run, sessions))
    # Rows that one held were another's to skip: once more, alone.
    run(db)
    assert count(db, "race.news") == 4000


def test_what_was_before_the_endpoint_is_not_for_it(db):
    news(db, "old.story")
    endpoint(db, active_since="now() + interval '1 s'")
    assert db.call("outbox_fan_out")[0] == {"fresh": "1", "made": "0",
                                            "mails": "0"}


def test_news_wake_workers_only_if_somebody_wants_any(connect):
    db, ear = connect(), connect()
    ear.sql("LISTEN licet_jobs")

    def heard():
        ear.sql("SELECT 1")
        told = []
        while (n := ear.pg.notifies()) is not None:
            told.append(n.extra)
        return told
    news(db, "quiet.news", 3)
    assert heard() == []
    endpoint(db)
    db.sql("INSERT INTO outbox (event_type, data) SELECT 'x', '{}'"
           " WHERE false")
    assert heard() == []
    news(db, "loud.news", 3)
    assert heard() == [b"webhooks"]


# Retiring

def test_retires_what_nobody_will_send(db):
    off = endpoint(db)
    good, broken = endpoint(db), endpoint(
        db, consecutive_failures="6", open_until="now() + interval '1 h'")
    dead = due(db, off, 3)
    kept = due(db, good, 1) + due(db, broken, 1)
    old = due(db, good, 1) + due(db, broken, 1)
    db.sql("UPDATE webhook_deliveries SET due_since = now() - interval"
           f" '73 hours' WHERE id IN ('{old[0]}', '{old[1]}')")
    db.sql(f"UPDATE webhook_endpoints SET active = false WHERE id = '{off}'")
    assert db.call("delivery_retire")[0]["retired"] == "4"
    for did in dead + old[1:]:
        assert row(db, did)["next_attempt_at"] is None
    for did in kept + old[:1]:
        assert row(db, did)["next_attempt_at"] is not None


# Deleting what is old

def old_delivery(db, eid, days=31, **columns):
    (did,) = due(db, eid)
    past = f"now() - {days} * interval '24 hours'"
    values = {"created_at": past, "due_since": past, "next_attempt_at":
              "NULL", **columns}
    db.sql("UPDATE webhook_deliveries SET " + ", ".join(
        f"{k} = {v}" for k, v in values.items()) + f" WHERE id = '{did}'")
    return did


def left(db, *ids):
    rows = db.sql("SELECT id FROM webhook_deliveries")
    return [i for i in ids if (i,) in [tuple(r) for r in rows]]


def test_old_deliveries_go_and_nothing_that_waits(db):
    eid = endpoint(db)
    gone = [old_delivery(db, eid, delivered_at="now()"),
            old_delivery(db, eid, attempt_count="30")]
    kept = [old_delivery(db, eid, days=29, delivered_at="now()"),
            old_delivery(db, eid, days=400, next_attempt_at="now()"),
            old_delivery(db, eid, due_since="now() - interval '1 hour'")]
    (said,) = db.call("delivery_prune", days=30)
    assert int(said["deleted"]) >= 2
    assert left(db, *gone, *kept) == kept
    assert db.call("delivery_prune", days=30)[0]["deleted"] == "0"


def test_old_news_go_when_they_are_deliveries(db):
    made = db.sql(
        "INSERT INTO outbox (event_type, data, created_at, fanned_out)"
        " SELECT 'old', '{}', now() - d * interval '24 hours', f"
        " FROM (VALUES (31, true), (31, false), (29, true)) AS v (d, f)"
        " RETURNING id, fanned_out")
    # Those before are of today, and would be looked at first.
    db.sql("DELETE FROM outbox WHERE id < " + min(r[0] for r in made))
    assert db.call("outbox_prune", days=30)[0]["deleted"] == "1"
    rows = db.sql("SELECT fanned_out FROM outbox WHERE event_type = 'old'"
                  " ORDER BY id")
    assert [r[0] for r in rows] == ["f", "t"]
    assert db.call("outbox_prune", days=30)[0]["deleted"] == "0"


def test_deleting_comes_in_batches(db):
    eid = endpoint(db)
    db.sql("INSERT INTO webhook_deliveries (endpoint_id, event_type, payload,"
           f" created_at, due_since) SELECT '{eid}', 'e', '{{}}', now() -"
           " interval '999 hours', now() - interval '999 hours'"
           " FROM generate_series(1, 4500)")
    said = [int(db.call("delivery_prune", days=30)[0]["deleted"])
            for _ in range(4)]
    assert said[:2] == [2000, 2000] and 500 <= said[2] < 2000 and not said[3]
