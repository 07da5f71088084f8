"""A clock that tests can move: one for all replicas, and never in production.

What the statements say of it is in tests/sql/test_clock.py.
"""
import datetime
import subprocess

import pytest

from lib import keys
from lib.check import events, outbox, read_time
from lib.client import Api, new_address
from lib.instance import base_settings
from lib.process import spawn, wait_for
from lib.replica import Replica, binary, environment, run_ctl

DAY = 86400


def near(a, b, seconds=60):
    return abs((a - b).total_seconds()) <= seconds


@pytest.fixture(scope="module")
def movable(make_instance):
    return make_instance(replicas=2, name="movable", movable=True)


@pytest.fixture
def clock(movable):
    yield movable.clock
    movable.clock.reset()
    movable.check_workers()


@pytest.fixture
def both(movable):
    """A client of each replica."""
    return [Api(r.url, movable.admin_key, movable.db)
            for r in movable.replicas]


# What goes by it


@pytest.mark.parametrize("grace", [0, 3 * DAY])
def test_a_license_expires_when_its_time_comes(both, clock, grace):
    """In the batch of validations, with its grace, and comes back with the
    clock; on either replica at once."""
    made = both[0].issue(
        expires_at=(clock.now() + datetime.timedelta(days=30)).isoformat(),
        grace_seconds=grace)
    seen = []
    for days in (29, 1 + grace // DAY):
        for api in both:
            seen.append(api.validate(made["license_key"]).get("reason"))
        clock.move(days=days, seconds=60)
    for api in both:
        seen.append(api.validate(made["license_key"]).get("reason"))
    assert seen == [None, None, None, None, "expired", "expired"]
    clock.move(days=-31 - grace // DAY)
    assert both[1].validate(made["license_key"])["ok"] is True


def test_activation_goes_by_the_same_clock(both, clock):
    made = both[0].issue(
        expires_at=(clock.now() + datetime.timedelta(days=1)).isoformat())
    clock.move(days=2)
    assert both[1].activate(made["license_key"], "m")["reason"] == "expired"


@pytest.mark.parametrize("days", [400, -400])
def test_what_is_issued_bears_the_moved_time(both, clock, days):
    """issued_at, in the row and in the signed key, by hand and by purchase,
    and a duration counted from it."""
    now = clock.move(days=days)
    a, b = both
    product = a.product()
    policy = a.policy(product, duration_seconds=10 * DAY)
    made = a.issue(product, policy_slug=policy["slug"])
    assert near(read_time(made["issued_at"]), now)
    assert read_time(made["expires_at"]) - read_time(made["issued_at"]) == \
        datetime.timedelta(days=10)
    key = keys.parse(made["license_key"])
    assert key.issued_at == read_time(made["issued_at"]).timestamp()
    bought = b.pay(b.buy(product))
    assert near(read_time(b.license(bought["license_id"])["license"]
                          ["issued_at"]), now)


def test_audit_and_news_bear_the_moved_time(both, clock, movable):
    """Those of a statement in their order, and in the month's partition."""
    now = clock.move(days=75)
    a, b = both
    made = a.issue()
    b.revoke(made["license_id"])
    rows = events(movable, made["license_id"])
    assert [r["action"] for r in rows] == ["license.issue_manual",
                                           "license.revoke"]
    assert all(near(r["occurred_at"], now) for r in rows)
    told = outbox(movable, "license_id", made["license_id"])
    assert len(told) == 2 and all(near(r["created_at"], now) for r in told)
    assert movable.rows(
        "SELECT DISTINCT tableoid::regclass::text AS t FROM events"
        " WHERE target_id = %s", made["license_id"]) == [
            {"t": f"events_{now:%Y%m}"}]


def test_machines_and_the_log_bear_the_moved_time(both, clock, movable):
    """A seat is given by a function of the migrations; its rows' times are
    defaults."""
    a, b = both
    made = a.issue(max_machines=2)
    key, lic = made["license_key"], made["license_id"]
    assert a.validate(key, fingerprint="one")["ok"] is True
    now = clock.move(days=40)
    assert b.validate(key, fingerprint="one")["ok"] is True
    assert a.validate(key, fingerprint="two")["ok"] is True
    first, second = movable.rows(
        "SELECT activated_at, last_heartbeat_at FROM machines"
        " WHERE license_id = %s ORDER BY activated_at", lic)
    assert near(first["activated_at"], now - datetime.timedelta(days=40), 30)
    assert near(first["last_heartbeat_at"], now)
    assert near(second["activated_at"], now)
    log = movable.rows("SELECT occurred_at, tableoid::regclass::text AS t"
                       " FROM validation_log WHERE license_id = %s"
                       " ORDER BY occurred_at", lic)
    assert len(log) == 3
    assert all(near(r["occurred_at"], now) for r in log[1:])
    assert {r["t"] for r in log[1:]} == {f"validation_log_{now:%Y%m}"}


@pytest.mark.parametrize("days", [3, -3])
def test_rate_limits_go_on_in_a_moved_hour(both, clock, days):
    """They bite, they are shared, and they let go again."""
    clock.move(days=days)
    ip = new_address()
    limited = {"ok": False, "reason": "rate_limited"}
    wait_for(lambda: both[0].validate("x", ip=ip) == limited, 60,
             "the address is limited", pause=0)
    wait_for(lambda: both[1].validate("x", ip=ip) == limited, 60,
             "the other replica knows", pause=0)
    clock.move(days=-2 * days)
    wait_for(lambda: both[0].validate("x", ip=ip) != limited, 60,
             "the bucket refills")


def test_a_due_look_at_a_payment_comes_with_the_clock(both, clock, movable):
    """The move itself wakes the reconcilers: their timers would take until
    the true minute is over."""
    api = both[0]
    bought = api.buy(api.product())
    movable.db.execute("UPDATE sandbox_invoices SET status = 'settled'"
                       " WHERE order_id = %s", [bought["invoice_id"]])
    movable.db.execute("UPDATE invoices SET next_check_at = licet_now() +"
                       " interval '6 hours' WHERE id = %s",
                       [bought["invoice_id"]])
    clock.move(hours=5)
    assert api.poll(bought)["status"] == "pending"
    clock.move(hours=1)
    wait_for(lambda: api.poll(bought)["status"] == "settled", 60,
             "the invoice is settled", pause=0.05)


def test_hourly_work_runs_in_the_moved_hour(clock, movable):
    def runs():
        return movable.value("SELECT runs FROM jobs"
                             " WHERE name = 'housekeeping'")
    wait_for(lambda: runs() > 0, 60, "the first run")
    for hours in (2, 2, -9):
        before = runs()
        clock.move(hours=hours)
        if hours > 0:
            wait_for(lambda: runs() == before + 1, 60, "one more run")
    assert movable.value("SELECT next_run <= licet_now() + every AS due"
                         " FROM jobs WHERE name = 'housekeeping'")


def test_a_worker_that_starts_or_reconnects_asks_how_far(clock, movable):
    clock.move(days=9)
    replica = movable.replicas[0]
    assert replica.stop() == 0
    clock.move(days=1)
    replica.start()
    clock.wait()
    before = replica.log().count("clock.moved")
    movable.db.execute("SELECT pg_terminate_backend(pid)"
                       " FROM pg_stat_activity WHERE query ~ 'LISTEN' AND"
                       " query ~ 'licet_clock' AND pid <> pg_backend_pid()")
    wait_for(lambda: replica.log().count("clock.moved") >=
             before + int(replica.settings["LICET_WORKERS"]), 60,
             "its workers ask again")
    clock.wait()


# What does not


def test_a_real_replica_does_not_see_the_moved_clock(clock, movable):
    """Same database; its statements can't name the other clock."""
    clock.move(days=100)
    settings = {**movable.settings, "LICET_CLOCK": "real"}
    del settings["LICET_PIDFILE"]
    real = Replica(settings, "real").start()
    try:
        api = Api(real.url, movable.admin_key)
        truth = datetime.datetime.now(datetime.timezone.utc)
        made = api.issue()
        assert near(read_time(made["issued_at"]), truth, 30)
        row, = events(movable, made["license_id"])
        assert near(row["occurred_at"], truth, 30)
        assert "clock.moved" not in real.log()
    finally:
        real.stop()


def test_a_migration_makes_nothing_beside_the_moved_clock(cluster, vault):
    url = cluster.url(cluster.create(template="template0"))
    run_ctl({**base_settings(vault, url), "LICET_CLOCK": "movable",
             "LICET_ENV": "test"}, "migrate")
    with cluster.connect(url.rpartition("/")[2]) as db:
        row = db.execute(
            "SELECT count(*) FILTER (WHERE relnamespace = 'public'::regnamespace)"
            " AS public, count(*) FILTER (WHERE relnamespace ="
            " 'licet_moved'::regnamespace) AS moved FROM pg_class"
            " WHERE relkind IN ('r', 'p')").fetchone()
    assert row["moved"] == 1 and row["public"] > 10


def test_production_refuses_to_start(cluster, vault, template):
    settings = {**base_settings(vault, cluster.url(cluster.create())),
                "LICET_PUBLIC_URL": "http://127.0.0.1:1",
                "LICET_PAYMENTS": "none", "LICET_ENV": "production",
                "LICET_CLOCK": "movable"}
    p = spawn([str(binary())], env=environment(settings), text=True,
              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = p.communicate(timeout=20)
    assert p.returncode == 1
    assert "LICET_CLOCK: movable is refused when LICET_ENV=production" in out


# licetctl clock


def ctl(movable, *words, status=0, **settings):
    done = run_ctl({**movable.settings, **settings}, *words, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_the_command_line_moves_it(clock, movable):
    said = ctl(movable, "clock", "move", "864000").stdout
    assert said.endswith(" moved by 864000.000000 s\n")
    assert near(read_time(said.split(",")[0]), clock.now())
    clock.wait()
    assert ctl(movable, "clock", "move", "-864000").stdout.endswith(
        " moved by 0.000000 s\n")
    said = ctl(movable, "clock", "set", "2031-02-28T23:59:59+01:00").stdout
    assert said.startswith("2031-02-28T22:59:")
    assert near(clock.wait(), read_time("2031-02-28T22:59:59Z"))
    assert ctl(movable, "clock", "show").stdout.startswith("2031-02-28T2")
    assert movable.value("SELECT to_regclass('public.events_203105')"
                         " IS NOT NULL AS made")


@pytest.mark.parametrize("words", [
    [], ["now"], ["move"], ["move", "1d"], ["move", "1.5"],
    ["move", "3155760001"], ["set"], ["set", "tomorrow"], ["show", "1"],
    ["set", "2031-02-30T00:00:00Z"], ["move", "1", "2"]])
def test_a_wrong_call_is_2(movable, words):
    assert "usage: licetctl" in ctl(movable, "clock", *words, status=2).stderr
    assert movable.clock.shift() == datetime.timedelta()


@pytest.mark.parametrize("words", [["show"], ["move", "60"],
                                   ["set", "2031-01-01T00:00:00Z"]])
@pytest.mark.parametrize("settings,clue", [
    ({"LICET_ENV": "production"}, "LICET_ENV"),
    ({"LICET_CLOCK": "real"}, "LICET_CLOCK"),
    ({"LICET_CLOCK": None}, "LICET_CLOCK"),
    ({"LICET_DATABASE_URL": None}, "LICET_DATABASE_URL")])
def test_the_command_line_refuses_what_is_not_for_tests(movable, words,
                                                        settings, clue):
    done = ctl(movable, "clock", *words, status=1, **settings)
    assert done.stdout == "" and clue in done.stderr
    assert movable.clock.shift() == datetime.timedelta()
