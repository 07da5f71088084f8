"""What the layer over libpq promises: a bad row fails alone, a rolled back
statement is repeated, notifications wake, and are not the only way."""
import threading
import time

from lib.client import Api, refused
from lib.process import wait_for
from lib.waiting import asks, held, in_flight, metric


def api_of(instance):
    return Api(instance.url, instance.admin_key, instance.db)


def test_bad_row_of_a_batch_fails_alone(own_instance):
    """A trigger refuses one line of the log, so the batch that it travels in
    fails; the others in it get their answers all the same."""
    instance = own_instance(LICET_WORKERS=1)
    api = api_of(instance)
    good, bad = (api.issue()["license_key"] for _ in range(2))
    license_id = api.validate(bad)["license_id"]
    instance.db.execute(f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.license_id = '{license_id}' THEN
                RAISE EXCEPTION 'refused' USING ERRCODE = '22000';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON validation_log
        FOR EACH ROW EXECUTE FUNCTION refuse()""")
    before = metric(instance, "licet_batches_replayed_total")
    with held(instance):
        first = asks(api, good)
        in_flight(instance)
        askers = [asks(api, bad if i == 7 else good) for i in range(20)]
        wait_for(lambda: metric(instance, "licet_connections") >= 22, 60,
                 "all of them are waiting")
    for a in [first, *askers]:
        a.join(60)
    statuses = [a.response.status_code for a in askers]
    assert statuses.count(200) == 19
    refused(askers[7].response, 400, "bad_request")
    assert first.response.json()["ok"] is True
    assert metric(instance, "licet_batches_replayed_total") == before + 1


def test_deadlocks_victim_is_repeated(own_instance):
    """Two writers that lock the same rows in opposite order: PostgreSQL ends
    one of them, and the client never hears of it."""
    instance = own_instance(LICET_WORKERS=1)
    api = api_of(instance)
    p = api.product()
    license_id = api.issue(p)["license_id"]
    with instance.cluster.connect(instance.database) as c:
        with c.transaction():
            c.execute("SET LOCAL deadlock_timeout = '60s'")
            # The revocation holds the license, then wants the outbox; we
            # hold the outbox, then want the license.
            c.execute("LOCK TABLE outbox IN SHARE MODE")
            answers = []
            t = threading.Thread(target=lambda: answers.append(api_of(
                instance).admin("POST", f"/v1/admin/licenses/{license_id}"
                                "/revoke", {})))
            t.start()
            in_flight(instance)
            c.execute("SELECT 1 FROM licenses WHERE id = %s FOR UPDATE",
                      (license_id,))
    t.join(60)
    assert answers[0].status_code == 200, answers[0].text
    assert instance.value("SELECT count(*) FROM outbox WHERE event_type = "
                          "'license.revoked'") == 1


def test_plans_that_a_migration_made_stale_are_made_anew(own_instance):
    """What a statement answers with changes its type under the running
    server: PostgreSQL refuses the plans it has, no client hears of it."""
    instance = own_instance(LICET_WORKERS=1)
    api = api_of(instance)
    p = api.product()
    key = api.issue(p)["license_key"]
    for _ in range(8):      # every connection has prepared what it needs
        assert api.validate(key)["ok"] is True
        api.buy(p)
    instance.db.execute(
        "ALTER TABLE products ALTER COLUMN slug TYPE varchar(63),"
        " ALTER COLUMN name TYPE varchar(300)")
    assert api.validate(key)["ok"] is True
    for _ in range(8):
        api.buy(p)
        assert api.validate(key)["ok"] is True


def due(instance, btcpay, invoice_id):
    btcpay.requests.clear()
    instance.db.execute("UPDATE invoices SET next_check_at = now() WHERE id = %s",
                        [invoice_id])


def looked_at(btcpay, theirs, seconds):
    """Until the provider is asked about its invoice, or not."""
    def asked():
        return any(theirs.id in r["path"] for r in list(btcpay.requests)
                   if r["method"] == "GET")
    began = time.monotonic()
    wait_for(asked, seconds, "the reconciler asks about the invoice")
    return time.monotonic() - began


def listeners(instance):
    return [r["pid"] for r in instance.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname = "
        "current_database() AND query LIKE 'LISTEN%%'")]


def test_notification_wakes_the_reconciler(own_instance, btcpay):
    """And after the listening connection broke, what was missed is looked
    for without anybody asking."""
    instance = own_instance(LICET_WORKERS=1, LICET_RECONCILE_SECONDS=3600,
                            **btcpay.settings())
    api = api_of(instance)
    bought = api.buy(api.product())
    theirs, = btcpay.orders[bought["invoice_id"]]
    due(instance, btcpay, bought["invoice_id"])
    instance.db.execute("NOTIFY licet_jobs, 'reconcile'")
    looked_at(btcpay, theirs, 10)

    old = listeners(instance)
    assert len(old) == 1
    due(instance, btcpay, bought["invoice_id"])
    instance.db.execute("SELECT pg_terminate_backend(%s)", [old[0]])
    looked_at(btcpay, theirs, 10)
    wait_for(lambda: listeners(instance) not in ([], old), 60,
             "it listens again")
