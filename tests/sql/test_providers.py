"""Which provider sells, whose secret signs, what a start connects."""
import uuid

import pytest

from endpoint import buy, call, count, events, product



def connect_one(db, profile, kind, minute, **columns):
    row = {"kind": kind, "label": kind, "store_id": uuid.uuid4().hex,
           "merchant_profile_id": profile, **columns}
    return db.sql(
        f"INSERT INTO payment_providers ({', '.join(row)}, connected_at) "
        f"VALUES ({', '.join(repr(v) for v in row.values())}, "
        f"licet_now() - interval '{minute} min') RETURNING id")[0][0]


@pytest.fixture
def profile(db):
    return db.sql("INSERT INTO merchant_profiles (name) VALUES ('P') "
                  "RETURNING id")[0][0]


@pytest.fixture
def sold(db, profile):
    p = product(db)
    db.sql(f"UPDATE products SET merchant_profile_id = '{profile}' "
           f"WHERE id = '{p['id']}'")
    return p


def prefer(db, profile, rail, provider):
    db.sql("INSERT INTO merchant_profile_rail_preferences VALUES "
           f"('{profile}', '{rail}', '{provider}')")


def chosen(db, product, rail=None):
    row = call(db, "provider_of_sale", product=product["slug"], rail=rail)
    return row and row["provider_id"]


def test_who_sells_what(db, profile, sold):
    """4.9: explicit preference, else the earliest connected that serves the
    rail; no rail: the first rail of the earliest connected.  2.2: unknown
    rail text is absent."""
    assert chosen(db, sold) is None
    zaprite = connect_one(db, profile, "zaprite", 5)
    assert [chosen(db, sold, r) for r in (
        None, "card", "lightning", "onchain", "pigeon", "")] == [zaprite] * 6
    btcpay = connect_one(db, profile, "btcpay", 9)
    assert [chosen(db, sold, r) for r in (
        None, "card", "lightning", "onchain", "pigeon")] == \
        [btcpay, zaprite, btcpay, btcpay, btcpay]
    prefer(db, profile, "lightning", zaprite)
    assert [chosen(db, sold, r) for r in (
        None, "card", "lightning", "onchain")] == \
        [zaprite, zaprite, zaprite, btcpay]
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() "
           f"WHERE id = '{zaprite}'")
    assert [chosen(db, sold, r) for r in (
        None, "card", "lightning", "onchain")] == \
        [btcpay, None, btcpay, btcpay]


def test_a_preference_for_what_does_not_serve_it_is_passed_over(
        db, profile, sold):
    btcpay = connect_one(db, profile, "btcpay", 1)
    prefer(db, profile, "card", btcpay)
    assert chosen(db, sold, "card") is None
    elsewhere = db.sql("INSERT INTO merchant_profiles (name) VALUES ('Q') "
                       "RETURNING id")[0][0]
    prefer(db, profile, "lightning",
           connect_one(db, elsewhere, "btcpay", 2))
    assert chosen(db, sold, "lightning") == btcpay


def test_the_default_profile_sells_what_names_none(db, profile):
    p = product(db)
    connect_one(db, profile, "btcpay", 1)
    default = db.sql("SELECT id FROM payment_providers v WHERE "
                     "merchant_profile_id = merchant_profile_default_1() AND "
                     "disconnected_at IS NULL ORDER BY connected_at, id")
    assert chosen(db, p) == (default[0][0] if default else None)
    assert chosen(db, {"slug": "none"}) is None


def test_whose_secret_signs(db, profile):
    """4.2: by id; without one the default profile's; unknown, disconnected
    and of another kind are nobody."""
    mine = connect_one(db, profile, "btcpay", 1)
    gone = connect_one(db, profile, "btcpay", 1,
                       disconnected_at="2026-01-01T00:00:00Z")
    zaprite = connect_one(db, profile, "zaprite", 1)
    get = lambda i=None: (call(db, "provider_hook_get", kind="btcpay",
                               provider_id=i) or {}).get("provider_id")
    assert [get(i) for i in (mine, gone, zaprite, str(uuid.uuid4()))] == \
        [mine, None, None, None]
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() "
           "WHERE kind = 'btcpay' AND "
           "merchant_profile_id = merchant_profile_default_1()")
    assert get() is None
    call(db, "provider_ensure", kind="btcpay", label="x", store_id="hook")
    assert get() not in (None, mine)


@pytest.fixture
def empty(db):
    """Nothing is connected to the default profile."""
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() WHERE "
           "merchant_profile_id = merchant_profile_default_1()")


def ensure(db, store, kind="btcpay"):
    row = call(db, "provider_ensure", kind=kind, label="L", store_id=store,
               base_url="https://ensure.test")
    return row and row["id"]


def test_ensure_connects_once_and_revives(db, empty, profile):
    """D32: connected at boot when the default profile has none of its
    kind."""
    store = uuid.uuid4().hex
    first = ensure(db, store)
    assert first and ensure(db, store) is None
    assert ensure(db, "other") is None
    call(db, "provider_retire", kept=None, kind=None)
    assert ensure(db, store) == first
    # Disconnected from another profile, it may come here; connected, not.
    db.sql("UPDATE payment_providers SET merchant_profile_id = "
           f"'{profile}' WHERE id = '{first}'")
    assert ensure(db, store) is None
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() "
           f"WHERE id = '{first}'")
    assert ensure(db, store) == first
    assert count(db, "payment_providers", f"id = '{first}' AND "
                 "merchant_profile_id = merchant_profile_default_1()") == 1


def test_retire_leaves_what_was_connected_by_hand(db, empty, profile):
    """Disconnecting takes the secrets out of the row."""
    named = ensure(db, uuid.uuid4().hex)
    call(db, "provider_refresh", provider_id=named, api_key="ab" * 50,
         webhook_secret="cd" * 50)
    by_hand = connect_one(db, profile, "btcpay", 1, sealed_api_key="\\x00")
    sandbox = ensure(db, "", "sandbox")
    call(db, "provider_retire", kept=named, kind=None)
    on = lambda: {r[0] for r in db.sql(
        "SELECT id FROM payment_providers WHERE disconnected_at IS NULL")}
    assert {named, by_hand} <= on() and sandbox not in on()
    call(db, "provider_retire", kept=None, kind="sandbox")
    assert named in on()
    call(db, "provider_retire", kept=None, kind="btcpay")
    assert by_hand in on() and named not in on()
    assert count(db, "payment_providers", f"id = '{named}' AND "
                 "sealed_api_key IS NULL AND sealed_webhook_secret IS NULL"
                 ) == 1
    for who, times in ((named, 1), (sandbox, 1), (by_hand, 0)):
        assert len(events(db, who, "payment_provider.disconnect")) == times


def test_production_takes_the_sandbox_off(db, empty):
    sandbox = ensure(db, "", "sandbox")
    call(db, "provider_retire", kept=None, kind="sandbox")
    assert count(db, "payment_providers", f"id = '{sandbox}' AND "
                 "disconnected_at IS NOT NULL") == 1


def test_claim_leaves_invoices_of_the_disconnected_alone(db):
    """Told once; looked at again within a quarter of an hour, should it be
    connected again."""
    p = product(db)
    iid = buy(db, p)
    provider, = db.sql(f"SELECT provider_id FROM invoices WHERE id = '{iid}'"
                       )[0]
    due = lambda: db.sql("UPDATE invoices SET next_check_at = CASE id WHEN "
                         f"'{iid}' THEN licet_now() - interval '1 s' END")
    claim = lambda: [r["id"] for r in db.call(
        "invoice_claim_due", limit=50, retry_seconds=60)]
    db.sql("UPDATE payment_providers SET disconnected_at = licet_now() "
           f"WHERE id = '{provider}'")
    for _ in range(3):
        due()
        assert claim() == []
    assert len(events(db, iid, "invoice.unwatched")) == 1
    assert count(db, "invoices", f"id = '{iid}' AND next_check_at BETWEEN "
                 "licet_now() + interval '14 min' AND "
                 "licet_now() + interval '15 min'") == 1
    db.sql("UPDATE payment_providers SET disconnected_at = NULL "
           f"WHERE id = '{provider}'")
    due()
    assert claim() == [iid]


def test_default_profile_is_named_while_untouched(db):
    name = lambda: db.sql("SELECT name FROM merchant_profiles "
                          "WHERE is_default")[0][0]
    first = lambda n: call(db, "profile_name_first", operator_name=n)
    db.sql("UPDATE merchant_profiles SET name = 'Licet', "
           "updated_at = created_at WHERE is_default")
    first("  ")
    first(None)
    assert name() in ("Licet", "Op")    # the stored name, if there is one
    db.sql("UPDATE merchant_profiles SET name = 'Licet', updated_at = "
           "created_at + interval '1 s' WHERE is_default")
    first("Acme")
    assert name() == "Licet"
    db.sql("UPDATE merchant_profiles SET updated_at = created_at "
           "WHERE is_default")
    db.sql("DELETE FROM settings WHERE key = 'operator_name'")
    first(" Acme ")
    assert name() == "Acme"
    first("Other")
    assert name() == "Acme"
