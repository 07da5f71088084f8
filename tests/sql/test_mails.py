"""Mails, statement by statement: what news becomes one, who claims it, what
counts under a lease that is over, fan-out by several at once."""
import concurrent.futures
import json
import uuid

import pytest

from shop import ago, license, product


@pytest.fixture(autouse=True)
def alone(db):
    """No mail and no news but the test's own."""
    db.sql("DELETE FROM mails")
    db.sql("UPDATE licenses SET buyer_email = NULL")
    db.sql("UPDATE outbox SET fanned_out = true WHERE NOT fanned_out")
    db.sql("UPDATE jobs SET next_run = now() WHERE name = 'trial_mails'")


def news(db, event, **data):
    db.sql("INSERT INTO outbox (event_type, data) VALUES "
           f"('{event}', '{json.dumps(data)}')")


def buyer(db, email="'b@example.org'", **columns):
    pid, _ = product(db)
    return license(db, pid, buyer_email=email, **columns)


def fan_out(db, mail="true"):
    row, = db.call("outbox_fan_out", mail=mail)
    return int(row["mails"])


def rows(db):
    return [json.loads(r[0]) for r in db.sql(
        "SELECT to_jsonb(m) FROM mails m ORDER BY created_at, id")]


def queued(db, n=1, when="now()", **columns):
    """Mails of as many licenses; their ids."""
    made = []
    for _ in range(n):
        (mid,), = db.sql(
            "INSERT INTO mails (kind, about, license_id, to_address,"
            f" next_attempt_at) VALUES ('receipt', '{uuid.uuid4()}',"
            f" '{buyer(db, **columns)}', 'b@example.org', {when})"
            " RETURNING id")
        made.append(mid)
    return made


def end(db, claim, status, lease=None, wait=5, error=None):
    return db.call("mail_end", id=claim["id"], lease=lease or claim["lease"],
                   status=status, wait_seconds=wait, error=error)


# What news becomes a mail

def test_receipt_once(db):
    lid = buyer(db)
    news(db, "license.issued", license_id=lid)
    news(db, "license.issued", license_id=lid)
    assert fan_out(db) == 1
    row, = rows(db)
    assert (row["kind"], row["about"], row["license_id"], row["status"]) == (
        "receipt", lid, lid, "queued")
    db.sql("UPDATE outbox SET fanned_out = false"
           f" WHERE data->>'license_id' = '{lid}'")
    assert fan_out(db) == 0


def test_nobody_to_tell(db):
    for email in ("NULL", "''", "'  '"):
        news(db, "license.issued", license_id=buyer(db, email))
    news(db, "license.issued", license_id=str(uuid.uuid4()))
    news(db, "license.revoked", license_id=buyer(db))
    assert fan_out(db) == 0


def test_off_is_not_told_later(db):
    news(db, "license.issued", license_id=buyer(db))
    assert fan_out(db, "false") == 0
    assert fan_out(db, "true") == 0 and rows(db) == []


def test_one_mail_when_many_fan_out(db, connect):
    lid = buyer(db)
    for _ in range(30):
        news(db, "license.issued", license_id=lid)
        news(db, "license.issued", license_id=buyer(db))
    sessions = [connect() for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = list(pool.map(fan_out, sessions))
    assert sum(made) == 31 and len(rows(db)) == 31


# Claiming

def test_oldest_first_and_each_by_one(db, connect):
    late, = queued(db, when="now() - interval '1 s'")
    old, = queued(db, when="now() - interval '1 h'")
    queued(db, when="now() + interval '1 s'")
    other = connect()
    db.sql("BEGIN")
    assert [c["id"] for c in db.call("mail_claim", limit=1)] == [old]
    other.sql("SET statement_timeout = '3s'")
    assert [c["id"] for c in other.call("mail_claim", limit=9)] == [late]
    db.sql("COMMIT")
    assert db.call("mail_claim", limit=9) == []


def test_lease_that_is_over(db):
    """That it was taken counts whoever has it; that it failed does not."""
    mid, = queued(db)
    first, = db.call("mail_claim", limit=1)
    db.sql(f"UPDATE mails SET next_attempt_at = now() WHERE id = '{mid}'")
    second, = db.call("mail_claim", limit=1)
    assert first["lease"] != second["lease"]
    assert end(db, first, "dead", error="x") == []
    assert end(db, first, "queued", error="x") == []
    assert len(end(db, first, "sent")) == 1
    assert end(db, second, "queued", error="x") == []
    row, = rows(db)
    assert (row["status"], row["attempts"], row["last_error"]) == (
        "sent", 1, None)


@pytest.mark.parametrize("status, tries", [
    ("sent", 1), ("queued", 1), ("dead", 1), ("skipped", 0)])
def test_ends(db, status, tries):
    queued(db)
    claim, = db.call("mail_claim", limit=1)
    assert len(end(db, claim, status, error="why")) == 1
    row, = rows(db)
    assert (row["status"], row["attempts"], row["last_error"]) == (
        status, tries, "why")
    assert (row["next_attempt_at"] is not None) == (status == "queued")
    assert (row["sent_at"] is not None) == (status == "sent")


# Trials

def trial(db, began, ends, **columns):
    return buyer(db, is_trial="true", issued_at=ago(began),
                 expires_at=ago(-ends), **columns)


def look(db, mail="true", seen="1 hour"):
    """The last look was so long ago."""
    db.sql("UPDATE jobs SET next_run = now() + every - interval"
           f" '{seen}' WHERE name = 'trial_mails'")
    got = db.call("mail_trials", mail=mail)
    return [r["about"] for r in rows(db)] if got else None


DAY = 86400


def test_trials_that_came_near_since_the_last_look(db):
    lid = trial(db, 11 * DAY + 600, 3 * DAY - 600)
    trial(db, 10 * DAY, 3 * DAY + 600)          # not yet
    trial(db, 11 * DAY, 2 * DAY)                # before the last look
    trial(db, 11 * DAY, 3 * DAY - 600, status="'suspended'")
    trial(db, 11 * DAY, 3 * DAY - 600, email="NULL")
    assert look(db) == [lid]
    assert look(db) == [lid]                    # once, however often
    short = trial(db, DAY + 600, DAY - 600)
    assert look(db) == [lid, short]             # at half
    trial(db, DAY / 2 + 300, DAY / 2 - 300)     # of a day: no mail
    assert look(db) == [lid, short]


def test_look_without_a_mail_server_counts(db):
    trial(db, 11 * DAY + 600, 3 * DAY - 600)
    assert look(db, mail="false") == []
    assert db.call("mail_trials", mail="true") == []    # a moment ago
    db.sql("UPDATE jobs SET next_run = now() WHERE name = 'trial_mails'")
    db.call("mail_trials", mail="true")
    assert rows(db) == []


def test_one_looks(db, connect):
    other = connect()
    db.sql("BEGIN")
    assert look(db) == []
    other.sql("SET statement_timeout = '3s'")
    assert other.call("mail_trials", mail="true") == []
    db.sql("COMMIT")


# For the vendor

def test_retry_of_what_is_not_sent(db):
    dead, skipped, sent, waiting = queued(db, 4)
    for mid, status in ((dead, "dead"), (skipped, "skipped")):
        db.sql(f"UPDATE mails SET status = '{status}', next_attempt_at = NULL,"
               f" attempts = 9 WHERE id = '{mid}'")
    db.sql("UPDATE mails SET status = 'sent', next_attempt_at = NULL,"
           f" sent_at = now() WHERE id = '{sent}'")
    for mid in (dead, skipped):
        row, = db.call("mail_retry", id=mid, actor_kind="admin_api_key")
        assert row["fault"] is None
        assert json.loads(row["body"])["attempts"] == 0
    for mid in (sent, waiting):
        row, = db.call("mail_retry", id=mid, actor_kind="admin_api_key")
        assert row["fault"] == "conflict"
    assert db.call("mail_retry", id=str(uuid.uuid4())) == []


def test_pages(db):
    ids = queued(db, 5)
    seen, cursor = [], None
    while True:
        row, = db.call("mail_list", limit=2, cursor=cursor)
        page = json.loads(row["body"])
        seen += [m["id"] for m in page["mails"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted(ids) and len(set(seen)) == 5
    row, = db.call("mail_list", limit=9, status="queued")
    assert len(json.loads(row["body"])["mails"]) == 5
    for status in ("sent", "dead", "skipped"):
        row, = db.call("mail_list", limit=9, status=status)
        assert json.loads(row["body"])["mails"] == []
