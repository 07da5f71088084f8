"""The ladder of a validation, row by row, and what it leaves behind."""
import json

import pytest

from session import Refused
from shop import (active, ago, ask, digest, heartbeat, license, product,
                  validate)


def reasons(rows):
    return [row["reason"] for row in rows]


def machine(db, license_id, fingerprint="one", age="1 day", **columns):
    values = {"license_id": f"'{license_id}'",
              "fingerprint_hash": f"'\\x{digest(fingerprint).hex()}'",
              "ip_last_seen": "'192.0.2.1'",
              "last_heartbeat_at": f"now() - interval '{age}'"}
    values.update(columns)
    (mid,), = db.sql(f"INSERT INTO machines ({', '.join(values)}) "
                     f"VALUES ({', '.join(values.values())}) RETURNING id")
    return mid


def test_each_reason_and_its_rank(db):
    pid, slug = product(db)
    plain = license(db, pid)
    taken = license(db, pid)
    machine(db, taken, "other")
    full = license(db, pid, max_machines="2")
    machine(db, full, "a")
    machine(db, full, "b")
    revoked = license(db, pid, status="'revoked'", expires_at=ago(10))
    suspended = license(db, pid, status="'suspended'")
    expired = license(db, pid, expires_at=ago(10))
    nobody = "00000000-0000-4000-8000-000000000000"
    rows = validate(
        db,
        ask(None, early="bad_format"),
        ask(nobody, early="bad_signature"),
        ask(nobody),
        ask(revoked, product="no-such", fingerprint="x", bound_ok=False),
        ask(suspended, product="no-such"),
        ask(expired, product="no-such", fingerprint="x", bound_ok=False),
        ask(expired, product=slug, fingerprint="x", bound_ok=False),
        ask(full, fingerprint="c", bound_ok=False),
        ask(taken, fingerprint="mine"),
        ask(full, fingerprint="c"),
        ask(plain, fingerprint="x", bound_ok=False),
        ask(plain, product=slug, bound_ok=False),
        ask(full, fingerprint="b", product=slug),
        ask(None))
    assert reasons(rows) == [
        "bad_format", "bad_signature", "not_found", "revoked", "suspended",
        "product_mismatch", "expired", "fingerprint_mismatch",
        "fingerprint_mismatch", "too_many_machines", "fingerprint_mismatch",
        None, None, "not_found"]
    assert active(db, plain) == 0, "a mismatch or no fingerprint takes no seat"
    assert active(db, taken) == 1 and active(db, full) == 2
    # What the contract adds to refusals.
    assert rows[6]["product_id"] == pid and rows[6]["expires_at"]
    assert rows[9]["product_id"] == pid and rows[9]["max_machines"] == "2"


def test_success_says_what_the_license_says(db):
    pid, slug = product(db)
    lid = license(db, pid, max_machines="3", is_trial="true",
                  entitlements="'{pro,\"a b\"}'", grace_seconds="60",
                  expires_at=ago(-3600))
    bare = license(db, pid)
    full, empty = validate(db, ask(lid, "one", product=slug), ask(bare))
    assert full["reason"] is None
    assert full["product_id"] == pid and full["product_slug"] == slug
    assert full["is_trial"] == "t" and full["max_machines"] == "3"
    assert full["in_grace"] == "f"
    assert json.loads(full["entitlements"]) == ["pro", "a b"]
    assert db.sql(f"SELECT '{full['grace_until']}'::timestamptz - expires_at "
                  f"FROM licenses WHERE id = '{lid}'") == [("00:01:00",)]
    (mid,), = db.sql(f"SELECT id FROM machines WHERE license_id = '{lid}'")
    assert full["machine_id"] == mid
    assert (empty["expires_at"], empty["grace_until"], empty["entitlements"],
            empty["machine_id"]) == (None, None, None, None)


@pytest.mark.parametrize("since,grace,reason,in_grace", [
    (-1000, 0, None, "f"), (10, 0, "expired", None), (10, 3600, None, "t"),
    (3600, 3600, "expired", None), (10, 2 ** 62, None, "t")])
def test_grace(db, since, grace, reason, in_grace):
    pid, _ = product(db)
    lid = license(db, pid, expires_at=ago(since), grace_seconds=str(grace))
    row, = validate(db, ask(lid, "one"))
    assert row["reason"] == reason
    if in_grace is not None:
        assert row["in_grace"] == in_grace
        assert (row["grace_until"] is not None) == (grace > 0)
    assert active(db, lid) == (reason is None)


def test_order_of_a_large_batch(db):
    pid, slug = product(db)
    ids = [license(db, pid, max_machines=str(i + 2)) for i in range(256)]
    asks = [ask(lid, f"m{i}" if i % 3 else None,
                product=None if i % 5 else "no-such")
            for i, lid in enumerate(ids)]
    rows = validate(db, *asks)
    assert [row["max_machines"] for row in rows] == [
        str(i + 2) for i in range(256)]
    assert reasons(rows) == [None if i % 5 else "product_mismatch"
                             for i in range(256)]
    logged = db.sql("SELECT license_id, result FROM validation_log "
                    f"WHERE product_id = '{pid}'")
    assert sorted(logged) == sorted(
        (lid, row["reason"] or "ok") for lid, row in zip(ids, rows))


def test_seats_within_one_batch(db):
    pid, _ = product(db)
    single, two, free = (license(db, pid, max_machines=n) for n in "120")
    rows = validate(
        db, ask(two, "a"), ask(single, "s"), ask(two, "b"), ask(two, "a"),
        ask(two, "c"), ask(single, "t"), ask(single, "s"), ask(two, "b"),
        *(ask(free, f"f{i}") for i in range(20)))
    assert reasons(rows) == [
        None, None, None, None, "too_many_machines", "fingerprint_mismatch",
        None, None] + [None] * 20
    assert rows[0]["machine_id"] == rows[3]["machine_id"]
    assert rows[2]["machine_id"] == rows[7]["machine_id"]
    assert (active(db, single), active(db, two), active(db, free)) == (1, 2, 20)
    assert reasons(validate(db, ask(two, "c"), ask(two, "a"))) == [
        "too_many_machines", None]


def test_a_lowered_cap_keeps_those_who_are_in(db):
    pid, _ = product(db)
    lid = license(db, pid, max_machines="2")
    validate(db, ask(lid, "a"), ask(lid, "b"))
    db.sql(f"UPDATE licenses SET max_machines = 1 WHERE id = '{lid}'")
    assert reasons(validate(db, ask(lid, "a"), ask(lid, "b"),
                            ask(lid, "c"))) == [
        None, None, "fingerprint_mismatch"]


def test_log_and_outbox(db):
    pid, _ = product(db)
    lid = license(db, pid, max_machines="2")
    row, = validate(db, ask(lid, "a", hostname="h", platform="p",
                            ip="198.51.100.7", agent="curl/8"))
    validate(db, ask(lid, early="bad_signature"))
    assert db.sql("SELECT product_id, machine_id, encode(fingerprint_hash, "
                  "'hex'), result, client_ip, user_agent FROM validation_log "
                  f"WHERE license_id = '{lid}' ORDER BY occurred_at") == [
        (pid, row["machine_id"], digest("a").hex(), "ok", "198.51.100.7",
         "curl/8"),
        (None, None, None, "bad_signature", "192.0.2.1", "test/1")]
    (kind, where, data), = db.sql(
        "SELECT event_type, product_id, data FROM outbox "
        f"WHERE data->>'license_id' = '{lid}'")
    assert (kind, where) == ("machine.activated", pid)
    assert json.loads(data) == {"license_id": lid,
                                "machine_id": row["machine_id"],
                                "fingerprint_hash": digest("a").hex()}
    assert db.sql("SELECT hostname, platform, ip_last_seen FROM machines "
                  f"WHERE license_id = '{lid}'") == [
        ("h", "p", "198.51.100.7")]


@pytest.mark.parametrize("age,ip,beaten", [
    ("30 s", "192.0.2.1", False), ("30 s", None, False),
    ("30 s", "192.0.2.9", True), ("61 s", "192.0.2.1", True),
    ("61 s", None, True)])
@pytest.mark.parametrize("how", [validate, heartbeat])
def test_heartbeats_are_kept_to_the_minute(db, how, age, ip, beaten):
    pid, _ = product(db)
    lid = license(db, pid)
    mid = machine(db, lid, age=age, hostname="'old'")
    row, twin = how(db, ask(lid, "one", ip=ip, hostname="new"),
                    ask(lid, "one", ip=ip, hostname="new"))
    assert row["reason"] is None and row["machine_id"] == mid
    assert twin["machine_id"] == mid
    assert db.sql("SELECT last_heartbeat_at > now() - interval '10 s', "
                  "ip_last_seen, hostname FROM machines "
                  f"WHERE id = '{mid}'") == [(
        "t" if beaten else "f", ip or "192.0.2.1",
        "new" if beaten and how is validate else "old")]


def test_heartbeat_answers_in_order(db):
    pid, _ = product(db)
    known, other = license(db, pid), license(db, pid)
    mid = machine(db, known)
    machine(db, other, "gone", deactivated_at="now()")
    rows = heartbeat(db, ask(other, "gone"), ask(known, "one"),
                     ask(known, "two"), ask(None, "one"))
    assert reasons(rows) == ["not_activated", None, "not_activated",
                             "not_activated"]
    assert [row["machine_id"] for row in rows] == [None, mid, None, None]


def test_a_held_machine_is_not_waited_for(db, connect):
    pid, _ = product(db)
    lid = license(db, pid)
    mid = machine(db, lid)
    holder = connect()
    holder.sql("BEGIN")
    holder.sql(f"SELECT 1 FROM machines WHERE id = '{mid}' FOR UPDATE")
    db.sql("SET statement_timeout = '5s'")
    assert reasons(validate(db, ask(lid, "one"))) == [None]
    assert reasons(heartbeat(db, ask(lid, "one"))) == [None]
    holder.sql("ROLLBACK")
    assert db.sql("SELECT last_heartbeat_at < now() - interval '1 hour' "
                  f"FROM machines WHERE id = '{mid}'") == [("t",)]


def test_refused_licenses_beat_no_hearts(db):
    pid, _ = product(db)
    lid = license(db, pid, status="'suspended'")
    mid = machine(db, lid)
    assert reasons(validate(db, ask(lid, "one"))) == ["suspended"]
    assert db.sql("SELECT last_heartbeat_at < now() - interval '1 hour' "
                  f"FROM machines WHERE id = '{mid}'") == [("t",)]


def test_heartbeats_are_heap_only(db):
    pid, _ = product(db)
    lid = license(db, pid)
    machine(db, lid)
    index = "SELECT pg_relation_size('machines_seat'), " \
        "pg_relation_size('machines_pkey')"
    before = db.sql(index)
    for i in range(500):
        validate(db, ask(lid, "one", ip=f"192.0.2.{i % 250}"))
    assert db.sql(index) == before


def test_a_batch_that_fails_leaves_nothing(db):
    pid, _ = product(db)
    lid = license(db, pid, max_machines="0")
    with pytest.raises(Refused):
        validate(db, ask(lid, "ok"), dict(
            ask(lid, "short", agent="x"), fingerprint=b"short"))
    assert active(db, lid) == 0
    assert db.sql("SELECT count(*) FROM validation_log "
                  f"WHERE license_id = '{lid}'") == [("0",)]


@pytest.mark.parametrize("name", ["validate_batch", "heartbeat_batch"])
def test_a_machine_is_found_among_many_of_its_license(db, name):
    """Not by looking through all machines of the license."""
    db.prepare(name)
    nulls = ", ".join(["NULL"] * len(db.bind(name, {})[0]))
    plan = "\n".join(r for r, in db.sql(f"EXPLAIN EXECUTE {name}({nulls})"))
    condition = plan.split("Index Scan using machines_seat")[1]
    condition = condition.split("Index Cond: ")[1].split("\n")[0]
    for column in ("license_id = ", "fingerprint_hash = ", "deactivated_at IS"):
        assert column in condition, plan


def test_a_middling_table_is_not_read_whole(db):
    """Batches of one come often; the plan is made for a thousand."""
    pid, _ = product(db)
    db.prepare("validate_batch")
    db.sql("BEGIN")
    db.sql("INSERT INTO licenses (product_id, signing_key_id, issued_at) "
           f"SELECT '{pid}', 1, date_trunc('second', now()) "
           "FROM generate_series(1, 10000)")
    db.sql("ANALYZE licenses")
    plan = "\n".join(r for r, in db.sql(
        "EXPLAIN EXECUTE validate_batch(" + ", ".join(["NULL"] * 9) + ")"))
    db.sql("ROLLBACK")
    assert "Index Scan using licenses_pkey" in plan
    assert "Seq Scan on licenses" not in plan
