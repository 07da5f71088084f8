"""The clock: it costs nothing while it is real, and everything follows it
once it is moved."""
import json

import pytest

from session import Refused
from statements import STATEMENTS

MOVED = "SET search_path = licet_moved, public"
# Written by PostgreSQL's clock on purpose: when a migration was applied.
WALL = {("schema_migrations", "applied_at")}


@pytest.fixture
def moved(sql_url, connect):
    """A session that follows the moved clock; it stands right afterwards."""
    session = connect()
    session.sql(MOVED)
    yield session
    session.sql("ROLLBACK")
    move(session, -shift(session))


def shift(session):
    (text,), = session.sql("SELECT extract(epoch FROM moved_by) "
                           "FROM licet_moved.clock")
    return float(text)


def move(session, seconds):
    session.sql(f"SELECT licet_moved.move_1({seconds})")


def one(session, text):
    (value,), = session.sql(text)
    return value


def explained(db, text):
    return "\n".join(row[0] for row in db.sql("EXPLAIN (VERBOSE) " + text))


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_the_real_clock_is_inlined(db, name):
    """No call is left in a plan: it reads now(), and so may its indexes."""
    db.prepare(name)
    nargs = len(STATEMENTS[name][1])
    args = f"({', '.join(['NULL'] * nargs)})" if nargs else ""
    plan = explained(db, f"EXECUTE {name}{args}")
    assert "licet_now" not in plan and "licet_clock" not in plan


def test_defaults_are_inlined(db):
    """validation_log and machines are written by every validation."""
    for text in ("INSERT INTO validation_log (result) VALUES ('ok')",
                 "INSERT INTO machines (license_id, fingerprint_hash) "
                 "VALUES (gen_random_uuid(), '')",
                 "INSERT INTO events (actor_kind, action) VALUES ('', '')"):
        plan = explained(db, text)
        assert "now()" in plan and "licet_" not in plan


def test_no_default_is_bound_to_one_clock(db):
    """now() and licet_now() in a default would not follow the search path."""
    rows = db.sql(
        "SELECT a.attrelid::regclass, a.attname,"
        " pg_get_expr(d.adbin, d.adrelid)"
        " FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid"
        " AND a.attnum = d.adnum JOIN pg_class c ON c.oid = d.adrelid"
        " WHERE c.relnamespace = 'public'::regnamespace")
    assert len(rows) > 20
    for table, column, text in rows:
        if (table, column) not in WALL:
            assert "licet_now()" not in text and " now()" not in " " + text \
                and text != "clock_timestamp()", f"{table}.{column}: {text}"


def test_due_invoices_are_found_by_their_index_on_either_clock(db, moved):
    for session in (db, moved):
        session.sql("SET enable_seqscan = off")
        session.prepare("invoice_claim_due")
        plan = json.loads(one(session, "EXPLAIN (FORMAT json) EXECUTE "
                              "invoice_claim_due(1, 60)"))
        text = json.dumps(plan)
        assert '"Index Name": "invoices_due"' in text
        assert '"Index Cond": "(next_check_at <= ' in text


def test_only_the_search_path_chooses_the_clock(db, moved):
    move(moved, 86400)
    gap = float(one(moved, "SELECT extract(epoch FROM licet_now() - now())"))
    assert gap == 86400
    assert one(db, "SELECT licet_now() = now()") == "t"


def test_a_session_that_changes_its_path_changes_its_clock(db, moved):
    """Also in statements that it prepared, and in defaults."""
    move(moved, 86400)
    db.sql("PREPARE what AS SELECT licet_now() = now()")
    db.sql("PREPARE log AS INSERT INTO validation_log (result) VALUES ('ok')"
           " RETURNING occurred_at = now()")
    for path, real in (("public", "t"), ("licet_moved, public", "f"),
                       ("public", "t")):
        db.sql(f"SET search_path = {path}")
        assert one(db, "EXECUTE what") == real
        assert one(db, "EXECUTE log") == real


@pytest.mark.parametrize("seconds", [40 * 86400, -400 * 86400, 0.25])
def test_every_default_follows(db, moved, seconds):
    move(moved, seconds)
    columns = moved.sql(
        "SELECT c.oid::regclass, a.attname"
        " FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid"
        " AND a.attnum = d.adnum JOIN pg_class c ON c.oid = d.adrelid"
        " WHERE pg_get_expr(d.adbin, d.adrelid) ~ '^licet_'"
        " AND NOT c.relispartition")
    assert len(columns) >= 17
    for table, column in columns:
        text = one(moved, "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef"
                   f" WHERE adrelid = '{table}'::regclass AND adnum = ("
                   f"SELECT attnum FROM pg_attribute WHERE attrelid = "
                   f"'{table}'::regclass AND attname = '{column}')")
        gap = float(one(moved, f"SELECT extract(epoch FROM {text} - now())"))
        assert seconds <= gap < seconds + 5, f"{table}.{column}"


@pytest.mark.parametrize("seconds", [0, 40 * 86400, -400 * 86400])
def test_events_of_one_statement_keep_their_order(moved, seconds):
    """An audit line written later has the later time."""
    move(moved, seconds)
    rows = moved.sql("INSERT INTO events (actor_kind, action, details)"
                     " SELECT 'system', 'test', to_jsonb(n)"
                     " FROM generate_series(1, 50) n ORDER BY n"
                     " RETURNING occurred_at, details")
    assert [int(n) for _, n in rows] == list(range(1, 51))
    times = [t for t, _ in rows]
    assert times == sorted(times) and times[0] < times[-1]
    assert one(moved, "SELECT tableoid::regclass <> 'events_default'::regclass"
               " FROM events WHERE action = 'test' ORDER BY occurred_at DESC"
               " LIMIT 1") == "t"


def test_a_moved_month_has_its_partitions(moved):
    """In the schema of their tables, though another comes first in the path,
    and whatever the session's time zone."""
    moved.sql("SET TimeZone = 'Europe/Berlin'")
    move(moved, 700 * 86400)
    rows = moved.sql(
        "SELECT c.relname, c.relnamespace::regnamespace,"
        " pg_get_expr(c.relpartbound, c.oid) FROM pg_class c JOIN pg_inherits i"
        " ON i.inhrelid = c.oid WHERE c.relkind = 'r' AND i.inhparent IN"
        " ('events'::regclass, 'validation_log'::regclass) AND c.relname ~ '_2'")
    names = {row[0] for row in rows}
    assert {row[1] for row in rows} == {"public"}
    for ahead in range(4):
        month = one(moved, "SELECT to_char(date_trunc('month', licet_now() AT"
                    f" TIME ZONE 'UTC') + {ahead} * interval '1 month',"
                    " 'YYYYMM')")
        assert {f"events_{month}", f"validation_log_{month}"} <= names
    moved.sql("SET TimeZone = 'UTC'")
    for _, _, bounds in moved.sql(
            "SELECT 1, 2, pg_get_expr(relpartbound, oid) FROM pg_class"
            " WHERE relispartition AND relkind = 'r' AND relname ~ '_2'"):
        assert bounds.count("-01 00:00:00+00'") == 2, bounds


def test_a_move_wakes_everything_that_runs_by_the_clock(db, moved):
    db.sql("LISTEN licet_clock")
    db.sql("LISTEN licet_jobs")
    before = shift(moved)
    move(moved, 1.5)
    db.sql("SELECT 1")
    heard = {}
    while (note := db.pg.notifies()) is not None:
        heard[note.relname.decode()] = note.extra.decode()
    assert heard == {"licet_clock": str(int((before + 1.5) * 1e6)),
                     "licet_jobs": "clock"}


def test_no_bucket_waits_for_an_hour_that_was_left(moved):
    """Moved back, it would stay empty until that hour comes again."""
    for seconds in (86400, -2 * 86400):
        moved.sql("INSERT INTO rate_buckets (bucket_kind, bucket_key,"
                  " tokens_remaining, capacity, refill_per_second)"
                  " VALUES ('test', 'clock', 0, 60, 1)")
        move(moved, seconds)
        assert one(moved, "SELECT count(*) FROM rate_buckets"
                   " WHERE last_refill_at > licet_now()") == "0"


def test_hourly_work_is_due_within_the_hour_after_a_move_back(moved):
    move(moved, 86400)
    moved.sql("UPDATE jobs SET next_run = licet_now() + every")
    move(moved, -2 * 86400)
    assert one(moved, "SELECT bool_and(next_run <= licet_now() + every)"
               " FROM jobs") == "t"


def test_a_clock_that_nobody_follows_is_not_moved(db):
    with pytest.raises(Refused, match="doesn't follow the moved clock"):
        db.sql("SELECT licet_moved.move_1(1)")


@pytest.mark.parametrize("seconds", [4e9, -4e9, "'nan'", "'infinity'"])
def test_a_century_is_the_most(moved, seconds):
    with pytest.raises(Refused):
        move(moved, seconds)
    assert one(moved, "SELECT count(*) FROM licet_moved.clock") == "1"
