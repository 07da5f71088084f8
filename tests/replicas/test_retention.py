"""How long logs are kept (D35, 6): by whole months, and for ever unless said;
and what was sent to webhook endpoints, thirty days unless said."""
import pytest

from fake.receiver import Vendor
from lib.client import Api
from lib.process import wait_for
from lib.webhooks import Hooks

LOGS = {"validation_log": "LICET_LOG_RETENTION_DAYS",
        "events": "LICET_AUDIT_RETENTION_DAYS"}


def fill(server, log):
    """A row a day for 200 days back, in their months' partitions."""
    server.db.execute(f"""
DO $$ DECLARE m timestamp; BEGIN FOR i IN 1..7 LOOP
    m := date_trunc('month', licet_now() AT TIME ZONE 'UTC')
        - i * interval '1 month';
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.{log}
        FOR VALUES FROM (%L) TO (%L)', '{log}_' || to_char(m, 'YYYYMM'),
        m AT TIME ZONE 'UTC', (m + interval '1 month') AT TIME ZONE 'UTC');
END LOOP; END $$""")
    columns = {"validation_log": "(occurred_at, result) SELECT {}, 'ok'",
               "events": "(occurred_at, actor_kind, action)"
                         " SELECT {}, 'system', 'x'"}[log]
    server.db.execute(f"INSERT INTO {log} " + columns.format(
        "licet_now() - d * interval '1 day'") + " FROM generate_series"
        "(0, 200) d")


def months(server, log):
    return {r["name"] for r in server.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = %s::regclass", log)}


def housekeep(server):
    runs = server.value("SELECT runs FROM jobs WHERE name = 'housekeeping'")
    server.db.execute("UPDATE jobs SET next_run = licet_now()"
                      " WHERE name = 'housekeeping'")
    server.db.execute("SELECT pg_notify('licet_jobs', 'housekeeping')")
    wait_for(lambda: server.value("SELECT runs FROM jobs WHERE name ="
                                  " 'housekeeping'") > runs, 60,
             "housekeeping was claimed")


def oldest(server, log):
    return server.value(f"SELECT extract(epoch FROM licet_now() -"
                        f" min(occurred_at)) / 86400 FROM {log}")


@pytest.mark.parametrize("log", LOGS)
def test_months_behind_go_whole_and_nothing_younger(own_instance, log):
    server = own_instance(replicas=2, movable=True, **{LOGS[log]: 90})
    (other,) = set(LOGS) - {log}
    fill(server, log)
    fill(server, other)
    before = months(server, log)
    housekeep(server)
    wait_for(lambda: oldest(server, log) < 122, 60, "old months are gone")
    assert oldest(server, log) >= 90
    assert server.value(
        f"SELECT count(*) FROM {log} WHERE occurred_at > licet_now()"
        " - interval '90 days'") >= 90
    assert months(server, log) < before
    assert f"{log}_default" in months(server, log)
    assert oldest(server, other) > 199
    left = months(server, log)
    housekeep(server)
    api = Api(server.url, server.admin_key, server.db)
    assert api.validate(api.issue()["license_key"])["ok"] is True
    assert months(server, log) == left


@pytest.mark.parametrize("log", LOGS)
def test_for_ever_unless_said(own_instance, log):
    server = own_instance(movable=True)
    fill(server, log)
    before = months(server, log)
    housekeep(server)
    server.clock.move(days=400)
    housekeep(server)
    assert oldest(server, log) > 599
    assert before <= months(server, log)


def test_a_long_reader_is_not_in_the_way_of_validations(own_instance, cluster):
    """The drop is given up, and done once the reader has gone."""
    server = own_instance(movable=True, start=False,
                          LICET_LOG_RETENTION_DAYS=90)
    fill(server, "validation_log")
    with cluster.connect(server.database) as reader:
        reader.autocommit = False
        reader.execute("SELECT count(*) FROM validation_log")
        server.start()      # only now: the first thing it does is to tidy up
        api = Api(server.url, server.admin_key, server.db)
        key = api.issue()["license_key"]
        housekeep(server)
        assert api.validate(key)["ok"] is True
        assert oldest(server, "validation_log") > 199
        reader.rollback()
    housekeep(server)
    wait_for(lambda: oldest(server, "validation_log") < 122, 60,
             "old months are gone")


# What was sent

@pytest.fixture
def vendor():
    v = Vendor().start()
    yield v
    v.stop()


def send(hooks, n):
    """Deliveries of n news, to one endpoint that takes them and to one that
    fails; both endpoints."""
    good = hooks.endpoint(event_types=["some.news"])
    bad = hooks.endpoint(event_types=["some.news"])
    hooks.vendor.set(bad["path"], status=500)
    hooks.db.execute("INSERT INTO outbox (event_type, data) SELECT"
                     " 'some.news', jsonb_build_object('n', g)"
                     " FROM generate_series(1, %s) g", [n])
    wait_for(lambda: len(delivered(hooks, good)) == n, 60, "all has come")
    return good, bad


def delivered(hooks, e):
    return hooks.server.rows(
        "SELECT id FROM webhook_deliveries WHERE endpoint_id = %s AND"
        " delivered_at IS NOT NULL", e["id"])


def sizes(server):
    return tuple(server.value(f"SELECT count(*) FROM {t}")
                 for t in ("webhook_deliveries", "outbox"))


def test_deliveries_and_news_go_after_thirty_days(own_instance, vendor):
    """In several batches; dead ones too.  A replay reaches back as far."""
    server = own_instance(replicas=2, movable=True, name="prune",
                          LICET_WEBHOOK_PRIVATE="on",
                          LICET_DELIVERY_RETENTION_DAYS="")
    hooks = Hooks(server, vendor)
    good, bad = send(hooks, 3)
    server.db.execute(
        "INSERT INTO webhook_deliveries (endpoint_id, event_type, payload,"
        " delivered_at) SELECT %s, 'e', '{}', licet_now()"
        " FROM generate_series(1, 5000)", [good["id"]])
    before = sizes(server)
    hooks.do("PATCH", f"/webhook-endpoints/{bad['id']}/active",
             {"active": False})
    wait_for(lambda: not server.value(
        "SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at IS NOT"
        " NULL"), 60, "what failed is dead")
    server.clock.move(days=29)
    housekeep(server)
    assert server.value("SELECT count(*) FROM outbox WHERE event_type ="
                        " 'some.news'") == 3
    young = hooks.product()     # of the 29th day
    server.clock.move(days=2)
    housekeep(server)
    wait_for(lambda: sizes(server) == (0, 1), 60, f"{before} are gone")
    assert server.value("SELECT data->>'id' FROM outbox") == young["id"]
    replay = f"/webhook-endpoints/{good['id']}/replay"
    hooks.do("PATCH", f"/webhook-endpoints/{good['id']}",
             {"event_types": ["*"]})
    assert hooks.do("POST", replay, {"from": "1"})["deliveries"] == 1
    made = hooks.do("POST", replay, {"from": "2020-01-01T00:00:00Z"})
    assert made["deliveries"] == 1
    assert made["began_at"] == server.value(
        "SELECT rfc3339(created_at) FROM outbox")


def test_a_month_that_cannot_be_made_leaves_nothing_undeleted(own_instance):
    """Its rows are in the default partition: operations.md says what to do."""
    server = own_instance(movable=True, name="stuck",
                          LICET_DELIVERY_RETENTION_DAYS=30)
    month = server.row("SELECT to_char(t, 'YYYYMM') AS name, t FROM (SELECT"
                       " licet_now() + interval '62 days' AS t) x")
    # At once: the first run, at the start, would make the month again.
    with server.db.transaction():
        server.db.execute(f"DROP TABLE validation_log_{month['name']}")
        server.db.execute("INSERT INTO validation_log (occurred_at, result)"
                          " VALUES (%s, 'ok')", [month["t"]])
    server.db.execute("INSERT INTO outbox (event_type, data, created_at,"
                      " fanned_out) VALUES ('old', '{}', licet_now() -"
                      " interval '31 days', true)")
    housekeep(server)
    wait_for(lambda: not sizes(server)[1], 60, "the old event is gone")
    wait_for(lambda: "job.failed" in server.replicas[0].log(), 60,
             "it is said that the month could not be made")


def test_what_waits_is_kept_whatever_its_age(own_instance, vendor):
    server = own_instance(movable=True, name="waits",
                          LICET_WEBHOOK_PRIVATE="on",
                          LICET_DELIVERY_RETENTION_DAYS=1)
    hooks = Hooks(server, vendor)
    _, bad = send(hooks, 1)

    def tries():
        return server.value("SELECT attempt_count FROM webhook_deliveries"
                            " WHERE endpoint_id = %s", bad["id"])
    wait_for(lambda: tries() >= 1, 60, "it failed")
    # Two days on it is still being tried.
    server.clock.move(days=2)
    housekeep(server)
    wait_for(lambda: sizes(server) == (1, 0), 60, "the other went")
    wait_for(lambda: tries() >= 2, 60, "it failed again")
    vendor.set(bad["path"], status=200)
    hooks.until(hooks.server.value(
        "SELECT next_attempt_at FROM webhook_deliveries"))
    wait_for(lambda: len(delivered(hooks, bad)) == 1, 60, "it comes")


def test_deliveries_stay_for_ever_if_so_said(own_instance, vendor):
    server = own_instance(movable=True, name="ever",
                          LICET_WEBHOOK_PRIVATE="on",
                          LICET_DELIVERY_RETENTION_DAYS=0)
    send(Hooks(server, vendor), 2)
    server.clock.move(days=400)
    housekeep(server)
    assert sizes(server) == (4, 2)
