"""Token buckets that many workers settle into."""
import threading
import uuid

import pytest

from session import Refused


def settle(db, *spent, since=None):
    """spent: (kind, key, n, cap, refill); the answer by (kind, key)."""
    columns = list(zip(*spent)) or [()] * 5
    rows = db.call("limit_settle", since=since, **dict(zip(
        ("kinds", "keys", "spent", "caps", "refills"), map(list, columns))))
    assert rows, "the clock always comes"
    return {(r["bucket_kind"], r["bucket_key"]):
            (float(r["tokens_remaining"]), float(r["seconds_ago"]))
            for r in rows if r["bucket_kind"]}, rows[0]["clock"]


def key():
    return uuid.uuid4().hex


def aged(db, k, seconds):
    db.sql("UPDATE rate_buckets SET last_refill_at = last_refill_at - "
           f"interval '{seconds} s' WHERE bucket_key = '{k}'")


@pytest.fixture(autouse=True)
def empty(db):
    db.sql("DELETE FROM rate_buckets")


@pytest.mark.parametrize("first,wait,second,left", [
    (1, 0, 0, 59), (60, 0, 0, 0), (200, 0, 1, -7.5), (50, 20, 5, 25),
    (10, 3600, 1, 59), (59, 10, 100, -7.5), (10, -5, 1, 49)])
def test_arithmetic(db, first, wait, second, left):
    k = key()
    settle(db, ("validate_ip", k, first, 60, 1))
    aged(db, k, wait)
    got, _ = settle(db, ("validate_ip", k, second, 60, 1))
    assert got[("validate_ip", k)][0] == pytest.approx(left, abs=0.9)
    assert got[("validate_ip", k)][1] == 0


def test_kinds_do_not_mix_and_repeats_add_up(db):
    k = key()
    got, _ = settle(db, ("validate_ip", k, 10, 60, 1),
                    ("recover_ip", k, 3, 10, 0), ("validate_ip", k, 5, 60, 1))
    assert got == {("validate_ip", k): (45, 0), ("recover_ip", k): (7, 0)}


def test_others_hear_of_the_nearly_empty(db, connect):
    low, high = key(), key()
    _, clock = settle(db)
    settle(connect(), ("validate_ip", low, 50, 60, 0),
           ("validate_ip", high, 40, 60, 0))
    got, clock = settle(db, since=clock)
    assert list(got) == [("validate_ip", low)]
    assert got[("validate_ip", low)][0] == 10
    aged(db, low, 30)
    assert settle(db, since=clock)[0] == {}
    got, _ = settle(db)    # a worker that has just started
    tokens, ago = got[("validate_ip", low)]
    assert tokens == 10 and ago == pytest.approx(30, abs=5)


def test_what_commits_late_is_still_heard(db, connect):
    """The other's transaction began before our clock and ends after it."""
    k, other = key(), connect()
    other.sql("BEGIN")
    settle(other, ("validate_ip", k, 60, 60, 0))
    _, clock = settle(db)
    other.sql("COMMIT")
    assert ("validate_ip", k) in settle(db, since=clock)[0]


def test_settlers_neither_lose_nor_deadlock(connect):
    keys, trouble = [key() for _ in range(40)], []
    gate = threading.Barrier(6)

    def run(session, order):
        try:
            gate.wait()
            for _ in range(20):
                settle(session, *(("web", k, 1, 1000, 0) for k in order))
                session.call("limit_prune")
        except Refused as e:
            trouble.append(e)

    threads = [threading.Thread(target=run, args=(
        connect(), keys if n % 2 else keys[::-1])) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert trouble == []
    got, _ = settle(connect(), *(("web", k, 0, 1000, 0) for k in keys))
    assert {tokens for tokens, _ in got.values()} == {1000 - 6 * 20}


def test_prune_takes_the_full_and_only_them(db, connect):
    full, low, held = key(), key(), key()
    for k in (full, low, held):
        settle(db, ("validate_ip", k, 30, 60, 1))
    aged(db, full, 31)
    aged(db, held, 31)
    holder = connect()
    holder.sql("BEGIN")
    holder.sql("SELECT 1 FROM rate_buckets WHERE bucket_key = "
               f"'{held}' FOR UPDATE")
    db.sql("SET statement_timeout = '5s'")
    db.call("limit_prune")
    holder.sql("ROLLBACK")
    assert sorted(db.sql("SELECT bucket_key FROM rate_buckets")) == sorted(
        [(low,), (held,)])
