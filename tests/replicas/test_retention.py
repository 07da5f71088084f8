"""How long logs are kept (D35, 6): by whole months, and for ever unless said."""
import pytest

from lib.client import Api
from lib.process import wait_for

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
                                  " 'housekeeping'") > runs, 10,
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
    wait_for(lambda: oldest(server, log) < 122, 10, "old months are gone")
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
    server = own_instance(movable=True, LICET_LOG_RETENTION_DAYS=90)
    fill(server, "validation_log")
    api = Api(server.url, server.admin_key, server.db)
    key = api.issue()["license_key"]
    with cluster.connect(server.database) as reader:
        reader.autocommit = False
        reader.execute("SELECT count(*) FROM validation_log")
        housekeep(server)
        assert api.validate(key)["ok"] is True
        assert oldest(server, "validation_log") > 199
        reader.rollback()
    housekeep(server)
    wait_for(lambda: oldest(server, "validation_log") < 122, 15,
             "old months are gone")
