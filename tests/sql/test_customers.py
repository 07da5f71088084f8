"""Statements about customers: what is theirs, and how what was deleted leaves
the logs, a batch at a time."""
import hashlib
import uuid

import pytest

PRODUCT = """INSERT INTO products (slug, name, price_sats, price_value)
    VALUES ('{slug}', 'Thing', 1, 1) RETURNING id"""
LICENSE = """INSERT INTO licenses (product_id, signing_key_id, issued_at,
    buyer_email) VALUES ('{product}', 1, date_trunc('second', licet_now()),
    {email}) RETURNING id"""


@pytest.fixture
def product(db):
    (made,), = db.sql(PRODUCT.format(slug="c-" + uuid.uuid4().hex[:12]))
    return made


def sell(db, product, email):
    (made,), = db.sql(LICENSE.format(
        product=product, email="NULL" if email is None else f"'{email}'"))
    return made


def held(db, email):
    row, = db.call("customer_held", customer_email=email)
    return row


def test_what_is_whose(db, product):
    email = f"{uuid.uuid4().hex}@example.org"
    sell(db, product, email.upper())
    sell(db, product, None)             # nobody's
    assert '"licenses" : 1' in held(db, email)["body"]
    assert held(db, email)["fault"] is None
    nobody = held(db, None)
    assert nobody["fault"] == "forbidden"
    assert '"licenses" : 0' in nobody["body"]


def test_the_log_is_wiped_in_batches(db, product):
    """Of two licenses, one with more than a batch; not those of others, nor
    what came after."""
    mine = [sell(db, product, None) for _ in range(2)]
    other = sell(db, product, None)
    ids = ", ".join(f"'{x}'" for x in (*mine, other))
    for license_id, n in zip((*mine, other), (5003, 2, 3)):
        db.sql(f"INSERT INTO validation_log (license_id, result, client_ip,"
               f" user_agent, occurred_at) SELECT '{license_id}', 'ok',"
               f" '192.0.2.1', 'x', licet_now() - interval '1 second'"
               f" FROM generate_series(1, {n})")
    db.sql(f"INSERT INTO validation_log (license_id, result, client_ip,"
           f" occurred_at) VALUES ('{mine[0]}', 'ok', '192.0.2.2',"
           f" licet_now() + interval '1 hour')")
    db.sql(f"INSERT INTO erasures (email_hash, targets, licenses, traces)"
           f" VALUES ('x', '{{}}', '{{{','.join(mine)}}}', false)")
    turns = 0
    while db.call("erasure_log"):
        turns += 1
        assert turns < 20
    left = db.sql(f"SELECT client_ip, count(*) FROM validation_log"
                  f" WHERE license_id IN ({ids}) AND client_ip IS NOT NULL"
                  f" GROUP BY 1 ORDER BY 1")
    assert left == [("192.0.2.1", "3"), ("192.0.2.2", "1")]
    assert db.sql("SELECT count(*) FROM erasures") == [("0",)]


def test_news_are_wiped_window_by_window(db):
    email = f"{uuid.uuid4().hex}@example.org"
    digest = hashlib.sha256(email.encode()).hexdigest()
    db.sql(f"INSERT INTO outbox (event_type, data) SELECT"
           f" 'subscription.renewal_pending', jsonb_build_object("
           f"'buyer_email', CASE WHEN n % 2 = 0 THEN '{email}' ELSE 'b@c' END)"
           f" FROM generate_series(1, 6) AS n")
    # Rows of long ago lie many windows below.
    db.sql("UPDATE erasures SET news = NULL")
    (top,), = db.sql("SELECT max(id) FROM outbox")
    db.sql(f"INSERT INTO outbox (id, event_type, data)"
           f" OVERRIDING SYSTEM VALUE VALUES ({top} + 120000, 'x',"
           f" jsonb_build_object('buyer_email', '{email.upper()}'))")
    db.sql(f"INSERT INTO erasures (email_hash, targets, licenses, traces,"
           f" news) VALUES ('{digest}', '{{}}', '{{}}', false,"
           f" {top} + 120000)")
    turns = 0
    while db.call("erasure_news"):
        turns += 1
        assert turns < 20
    assert turns >= 3
    assert db.sql(f"SELECT count(*) FROM outbox WHERE"
                  f" lower(data->>'buyer_email') = '{email}'") == [("0",)]
    (kept,), = db.sql("SELECT count(*) FROM outbox WHERE"
                      " data->>'buyer_email' = 'b@c'")
    assert int(kept) >= 3
    db.sql(f"DELETE FROM outbox WHERE id = {top} + 120000")
    db.sql(f"DELETE FROM erasures WHERE email_hash = '{digest}'")
