"""Keys of writes: who may run, who is answered again, who comes too late."""
import json
import secrets
import threading
import uuid

import pytest

from session import Refused


def a_key():
    return secrets.token_hex(32)


def begin(db, key, request="aa" * 32, lease_ms=60000):
    """The row, with the attempt that asked and the id that it was given."""
    attempt, resource = str(uuid.uuid4()), str(uuid.uuid4())
    row, = db.call("idempotency_begin", id=key, request=request,
                   attempt=attempt, resource=resource, lease_ms=lease_ms)
    row["left_over"] = json.loads(row["left_over"] or "null")
    return row | {"attempt": attempt, "resource": resource}


def store(db, key, attempt, answer="00ff", status=200):
    db.call("idempotency_store", id=key, attempt=attempt, status=status,
            answer_type="application/json", answer=answer)


def over(db, key):
    db.sql("UPDATE idempotency_keys SET running_until = licet_now()"
           f" WHERE id = '\\x{key}'")


def aged(db, key, seconds):
    db.sql(f"UPDATE idempotency_keys SET created_at = created_at - {seconds} *"
           f" interval '1 second' WHERE id = '\\x{key}'")


def test_first_is_mine_and_others_wait(db):
    key = a_key()
    first = begin(db, key)
    assert (first["verdict"], first["left_over"]) == ("mine", [])
    assert begin(db, key)["verdict"] == "running"
    store(db, key, first["attempt"])
    again = begin(db, key)
    assert (again["verdict"], again["status"], again["answer"],
            again["answer_type"]) == ("replay", "200", "00ff",
                                      "application/json")
    assert begin(db, a_key())["verdict"] == "mine"


@pytest.mark.parametrize("state", ["running", "answered", "over"])
def test_another_request_is_told_so(db, state):
    key = a_key()
    first = begin(db, key)
    if state == "answered":
        store(db, key, first["attempt"])
    if state == "over":
        over(db, key)
    assert begin(db, key, request="bb" * 32)["verdict"] == "mismatch"


def test_who_takes_over_hears_what_was_left(db):
    key = a_key()
    first = begin(db, key)
    over(db, key)
    second = begin(db, key)
    assert (second["verdict"], second["left_over"]) == (
        "mine", [first["resource"]])
    over(db, key)
    third = begin(db, key)
    assert third["left_over"] == [first["resource"], second["resource"]]
    for late in (first, second):
        with pytest.raises(Refused) as e:
            store(db, key, late["attempt"])
        assert e.value.sqlstate == "LC40R"
    db.call("idempotency_forget", id=key, attempt=second["attempt"])
    over(db, key)
    assert len(begin(db, key)["left_over"]) == 3
    over(db, key)
    fifth = begin(db, key)
    db.call("idempotency_forget", id=key, attempt=fifth["attempt"])
    over(db, key)
    last = begin(db, key)
    assert last["left_over"] == [fifth["resource"]]
    store(db, key, last["attempt"])
    assert begin(db, key)["verdict"] == "replay"


def test_an_answer_is_stored_once(db):
    key = a_key()
    first = begin(db, key)
    store(db, key, first["attempt"])
    with pytest.raises(Refused):
        store(db, key, first["attempt"], answer="11")
    assert begin(db, key)["answer"] == "00ff"


def test_release_is_the_attempts_own_and_no_answers_end(db):
    key = a_key()
    first = begin(db, key)
    db.call("idempotency_release", id=key, attempt=str(uuid.uuid4()))
    assert begin(db, key)["verdict"] == "running"
    db.call("idempotency_release", id=key, attempt=first["attempt"])
    second = begin(db, key)
    assert second["verdict"] == "mine"
    store(db, key, second["attempt"])
    db.call("idempotency_release", id=key, attempt=second["attempt"])
    assert begin(db, key)["verdict"] == "replay"


def test_a_day(db):
    """86,400 seconds; not while somebody runs it."""
    key = a_key()
    first = begin(db, key, lease_ms=1)
    store(db, key, first["attempt"])
    aged(db, key, 86300)
    assert begin(db, key)["verdict"] == "replay"
    aged(db, key, 101)
    fresh = begin(db, key, request="bb" * 32)
    assert (fresh["verdict"], fresh["left_over"]) == ("mine", [])
    aged(db, key, 86401)
    assert begin(db, key, request="bb" * 32)["verdict"] == "running"


def test_prune(db):
    old, running, young = a_key(), a_key(), a_key()
    for key in (old, running, young):
        begin(db, key)
    over(db, old)
    over(db, young)
    aged(db, old, 86401)
    aged(db, running, 86401)
    aged(db, young, 86300)
    assert int(db.call("idempotency_prune")[0]["gone"]) >= 1
    left = {r[0] for r in db.sql(
        "SELECT encode(id, 'hex') FROM idempotency_keys")}
    assert old not in left and {running, young} <= left


@pytest.mark.parametrize("state", ["none", "over", "aged"])
def test_one_of_many_at_once(connect, db, state):
    key = a_key()
    if state != "none":
        begin(db, key)
        over(db, key)
    if state == "aged":
        aged(db, key, 90000)
    sessions = [connect() for _ in range(12)]
    barrier = threading.Barrier(len(sessions))
    verdicts = []

    def race(session):
        barrier.wait(60)
        for _ in range(3):
            verdicts.append(begin(session, key)["verdict"])
    threads = [threading.Thread(target=race, args=(s,)) for s in sessions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert sorted(verdicts) == ["mine"] + ["running"] * 35


def test_late_store_and_takeover_race(connect, db):
    """Either the store is first and is replayed, or it is refused."""
    for _ in range(40):
        key = a_key()
        first = begin(db, key)
        over(db, key)
        a, b = connect(), connect()
        barrier = threading.Barrier(2)
        told = {}

        def late():
            barrier.wait(60)
            try:
                store(a, key, first["attempt"])
                told["late"] = "stored"
            except Refused as e:
                told["late"] = e.sqlstate

        t = threading.Thread(target=late)
        t.start()
        barrier.wait(60)
        told["next"] = begin(b, key)["verdict"]
        t.join(60)
        assert told in ({"late": "stored", "next": "replay"},
                        {"late": "stored", "next": "running"},
                        {"late": "LC40R", "next": "mine"}), told
        a.close(), b.close()


def test_plans_use_the_indexes(db):
    db.sql("INSERT INTO idempotency_keys (id, request, attempt, running_until,"
           " resources) SELECT sha256(n::text::bytea), '', gen_random_uuid(),"
           " licet_now(), '{}' FROM generate_series(1, 20000) n")
    db.sql("ANALYZE idempotency_keys")
    try:
        for name in ("idempotency_begin", "idempotency_release",
                     "idempotency_prune"):
            plan = "\n".join(r[0] for r in db.sql(explain(db, name)))
            assert "Seq Scan on idempotency_keys" not in plan, plan
    finally:
        db.sql("TRUNCATE idempotency_keys")


def explain(db, name):
    db.prepare(name)
    n = int(db.sql("SELECT cardinality(parameter_types) FROM"
                   f" pg_prepared_statements WHERE name = '{name}'")[0][0])
    return f"EXPLAIN EXECUTE {name}" + (f"({','.join(['NULL'] * n)})"
                                        if n else "")
