"""The counting of figures: everything once, whoever counts at the same time,
however long nobody did."""
import concurrent.futures

import pytest


@pytest.fixture
def log(db):
    """log(result, hours_ago, n): validations that were answered then."""
    db.sql("TRUNCATE validation_log, figure_days; UPDATE figure_marks"
           " SET upto = NULL")

    def add(result, hours, n=1):
        db.sql("INSERT INTO validation_log (occurred_at, result) SELECT"
               f" licet_now() - interval '{hours} hours', '{result}'"
               f" FROM generate_series(1, {n})")

    yield add
    db.sql("TRUNCATE validation_log, figure_days; UPDATE figure_marks"
           " SET upto = NULL")


def counted(db):
    return dict(db.sql("SELECT figure, sum(n) FROM figure_days"
                       " GROUP BY figure"))


def count_on(session):
    for _ in range(1000):
        if session.call("figures_count")[0]["is_behind"] != "t":
            return
    raise AssertionError("it never gets there")


def test_each_is_counted_once(db, log):
    log("ok", 1, 5)
    log("expired", 2, 3)
    count_on(db)
    count_on(db)
    assert counted(db) == {"validation.ok": "5", "validation.expired": "3"}


def test_what_is_younger_than_half_a_minute_waits(db, log):
    log("ok", 0, 4)
    count_on(db)
    assert counted(db) == {}


def test_many_count_at_once(connect, db, log):
    sessions = [connect() for _ in range(6)]
    log("ok", 3, 1000)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(count_on, s) for s in sessions]:
            done.result(60)
    assert counted(db) == {"validation.ok": "1000"}


def test_days_that_nobody_counted(db, log):
    log("ok", 1)
    count_on(db)
    db.sql("UPDATE figure_marks SET upto = licet_now() - interval"
           " '2000 hours'; TRUNCATE figure_days")
    log("not_found", 1500, 2)
    log("not_found", 900, 2)
    count_on(db)
    assert counted(db) == {"validation.ok": "1", "validation.not_found": "4"}


def test_a_clock_that_went_back_counts_nothing_twice(db, log):
    log("ok", 1, 7)
    count_on(db)
    db.sql("UPDATE figure_marks SET upto = licet_now() + interval '1 hour'")
    count_on(db)
    assert counted(db) == {"validation.ok": "7"}
