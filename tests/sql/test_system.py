"""How the installation stands, statement by statement: replicas that come and
go, and what the audit trail reads for each of its filters."""
import json
import uuid

import pytest

AUDITS = [{"by": "scoped_api_key"}, {"by_hash": "b" * 64},
          {"by_hash": "b" * 64, "by": "scoped_api_key"},
          {"action": "rare"}, {"target_id": "one"},
          {"target_id": "one", "by_hash": "b" * 64}, {}]
BLOCKS = 400        # of some ten thousand


@pytest.fixture(autouse=True)
def alone(db):
    db.sql("DELETE FROM replicas")


def seen(db, run, host="a", listen=":1", migration=3):
    db.call("replica_seen", run=run, host=host, listen=listen, version="1.0",
            migration=migration, workers=2)


def silent(db, run, seconds):
    db.sql(f"UPDATE replicas SET seen_at = now() - interval '{seconds} s' "
           f"WHERE run = '{run}'")


def runs(db):
    return {row[0] for row in db.sql("SELECT run FROM replicas")}


def shown(db):
    row, = db.call("system_get")
    return {r["id"]: r for r in json.loads(row["body"])["replicas"]}


def ids(n):
    return [str(uuid.uuid4()) for _ in range(n)]


def stamp(db, run):
    (at,), = db.sql(f"SELECT seen_at FROM replicas WHERE run = '{run}'")
    return at


def test_seen_once_in_a_while(db):
    run, = ids(1)
    seen(db, run)
    first = stamp(db, run)
    seen(db, run)               # another of its workers
    assert stamp(db, run) == first
    silent(db, run, 46)
    seen(db, run)
    assert stamp(db, run) > first
    silent(db, run, -500)       # the clock was moved back
    ahead = stamp(db, run)
    seen(db, run)
    assert stamp(db, run) < ahead


def test_two_of_the_same_name_live_side_by_side(db):
    one, two = ids(2)
    for run in (one, two, one):
        seen(db, run)
    assert runs(db) == {one, two}


def test_whoever_takes_the_place_of_the_silent(db):
    dead, elsewhere, ancient, new = ids(4)
    seen(db, dead)
    seen(db, elsewhere, listen=":2")
    seen(db, ancient, host="b")
    silent(db, dead, 80)
    seen(db, new)
    assert dead in runs(db)
    silent(db, dead, 100)
    silent(db, elsewhere, 100)
    silent(db, ancient, 86401)
    seen(db, new)
    assert runs(db) == {elsewhere, new}


def test_who_is_shown_and_as_what(db):
    db.sql("INSERT INTO schema_migrations (number, name, sha256) VALUES "
           "(4, 'four', '') ON CONFLICT DO NOTHING")
    here, quiet, gone = ids(3)
    seen(db, here, migration=4)
    seen(db, quiet, listen=":2")
    seen(db, gone, listen=":3")
    silent(db, quiet, 200)
    silent(db, gone, 601)
    got = shown(db)
    assert set(got) == {here, quiet}
    assert (got[here]["silent"], got[quiet]["silent"]) == (False, True)
    assert (got[here]["behind"], got[quiet]["behind"]) == (False, True)


@pytest.fixture(scope="module")
def long_trail(sql_url):
    """A trail of 300,000 entries, of which few are anybody's; taken back."""
    from session import Session
    db = Session(sql_url)
    db.sql("BEGIN")
    db.sql("""INSERT INTO events (occurred_at, actor_kind, actor_hash, action,
        target_id)
        SELECT now() - n * interval '1 s',
            CASE WHEN n % 30000 = 7 THEN 'scoped_api_key' ELSE 'system' END,
            CASE WHEN n % 30000 = 7 THEN repeat('b', 64) END,
            CASE WHEN n % 30000 = 9 THEN 'rare' ELSE 'license.issue' END,
            CASE WHEN n % 30000 = 7 THEN 'one' ELSE n::text END
        FROM generate_series(1, 300000) AS n""")
    db.sql("ANALYZE events")
    db.prepare("audit_list")
    yield db
    db.sql("ROLLBACK")
    db.close()


@pytest.mark.parametrize("query", AUDITS, ids=lambda q: " ".join(q) or "all")
def test_no_filter_reads_the_whole_trail(long_trail, query):
    from statements import STATEMENTS
    names = STATEMENTS["audit_list"][1]
    values = ",".join("NULL" if query.get(n) is None else f"'{query[n]}'"
                      for n in names)
    (text,), = long_trail.sql("EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT "
                              f"json) EXECUTE audit_list({values})")
    plan = json.loads(text)[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < BLOCKS
    body = json.loads(long_trail.call("audit_list", **query)[0]["body"])
    assert len(body["entries"]) == (200 if not query else 10)
