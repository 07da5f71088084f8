"""Offers, codes and what is written of them: rules that SQL decides, and the
races for the last of something."""
import json
import threading
import uuid

import pytest

from lib.process import wait_for
from endpoint import body, buy, call, count, events, offer, opened, outbox, \
    policy, product, provider, purchase, quote, settle

CROWD = 50


def code(db, product=None, **args):
    args.setdefault("kind", "percent")
    args.setdefault("amount", 1000)
    args.setdefault("code", "C" + uuid.uuid4().hex[:10].upper())
    if product is not None:
        args["product_slug"] = product["slug"]
    return body(db, "code_create", **args)


def uses(db, made):
    rows = db.sql("SELECT status, count(*) FROM discount_redemptions WHERE "
                  f"code_id = '{made['id']}' GROUP BY status")
    (used,), = db.sql("SELECT used_count FROM discount_codes WHERE "
                      f"id = '{made['id']}'")
    return int(used), {s: int(n) for s, n in rows}


def at_once(sessions, work):
    """Each session works at the same moment; what they said, or raised."""
    gate = threading.Barrier(len(sessions))
    said = [None] * len(sessions)

    def one(n):
        gate.wait()
        try:
            said[n] = work(sessions[n], n)
        except Exception as e:
            said[n] = e

    threads = [threading.Thread(target=one, args=(n,))
               for n in range(len(sessions))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for answer in said:
        if isinstance(answer, Exception):
            raise answer
    return said


@pytest.fixture
def crowd(connect):
    return [connect() for _ in range(CROWD)]


# Races

@pytest.mark.parametrize("left", [1, 7])
@pytest.mark.parametrize("kind", ["percent", "free_license"])
def test_last_uses_of_a_code(db, crowd, left, kind):
    """2.2 step 5: never above the cap, and nobody is refused while one is
    left; the refused have no invoice."""
    p = product(db)
    pid = provider(db)
    c = code(db, p, kind=kind, max_uses=left)
    looks = [{**offer(s, p, code=c["code"]), "provider_id": pid}
             for s in crowd]
    rows = at_once(crowd, lambda s, n: opened(s, looks[n]))
    won = [r for r in rows if r["fault"] is None]
    lost = [r for r in rows if r["fault"] is not None]
    assert len(won) == left
    assert {(r["fault"], r["code_gone"]) for r in lost} == \
        {("bad_request", "t")}
    status = "redeemed" if kind == "free_license" else "pending"
    assert uses(db, c) == (left, {status: left})
    assert count(db, "invoices", f"product_id = '{p['id']}'") == left
    assert count(db, "licenses", f"product_id = '{p['id']}'") == \
        (left if kind == "free_license" else 0)


def test_last_use_of_a_featured_code(db, crowd):
    """2.2 step 5: who finds it gone buys at the full price."""
    p = product(db, price_sats=1000)
    y = policy(db, p)
    pid = provider(db)
    c = code(db, p, max_uses=3, featured=True)
    rows = at_once(crowd, lambda s, n: purchase(
        s, p, policy_slug=y["slug"], provider_id=pid))
    assert all(r["fault"] is None for r in rows)
    assert sorted(r["amount_sats"] for r in rows) == \
        ["1000"] * (CROWD - 3) + ["900"] * 3
    assert uses(db, c) == (3, {"pending": 3})


def test_uses_come_back_and_are_taken_again(db, connect):
    """4.3, D10: buyers, expiries and late payments all at once: the count is
    that of the rows that hold a use, and the cap holds."""
    p = product(db, price_sats=1000)
    provider(db)
    c = code(db, p, max_uses=10)
    first = [buy(db, p, code=c["code"]) for _ in range(10)]
    crowd = [connect() for _ in range(12)]

    def work(session, n):
        if n < 4:
            for iid in first[n::4]:
                settle(session, iid, "expired")
        elif n < 8:
            for iid in first[n - 4::4]:
                settle(session, iid, "settled" if n % 2 else "expired")
        else:
            for _ in range(5):
                purchase(session, p, code=c["code"])

    at_once(crowd, work)
    used, rows = uses(db, c)
    assert used == rows.get("pending", 0) + rows.get("redeemed", 0) <= 10
    assert count(db, "licenses", f"product_id = '{p['id']}'") == \
        count(db, "invoices",
              f"product_id = '{p['id']}' AND status = 'settled'")


def test_a_use_that_is_just_being_given_back_is_taken(db, connect):
    """D10: a late payment waits for whoever is giving back the last use."""
    p = product(db, price_sats=1000)
    c = code(db, p, max_uses=1)
    late = buy(db, p, code=c["code"])
    settle(db, late, "expired")
    other = buy(db, p, code=c["code"])
    giving, paying = connect(), connect()
    (pid,), = paying.sql("SELECT pg_backend_pid()")
    giving.sql("BEGIN")
    giving.call("invoice_settle", provider_id=provider(db), status="expired",
                provider_invoice_id=f"px-{other}", order_id=other)
    thread = threading.Thread(target=settle, args=(paying, late))
    thread.start()
    wait_for(lambda: db.sql("SELECT 1 FROM pg_stat_activity WHERE "
                            f"wait_event_type = 'Lock' AND pid = {pid}"),
             60, "a wait for the code")
    giving.sql("COMMIT")
    thread.join()
    assert uses(db, c) == (1, {"redeemed": 1, "cancelled": 1})


@pytest.mark.parametrize("who", ["email", "machine", "both"])
def test_a_trial_twice_at_once(db, crowd, who):
    """D16: one to an address and one to a machine."""
    p = product(db)
    policy(db, p, is_recurring=True, renewal_period_days=30, trial_days=7)
    rows = at_once(crowd, lambda s, n: purchase(
        s, p, provider_id=None,
        buyer_email=None if who == "machine" else
        "a@b.c" if n % 2 or who == "both" else "A@B.C ",
        fingerprint_hash=None if who == "email" else "ab" * 32))
    assert sum(r["fault"] is None for r in rows) == 1
    assert {r["fault"] for r in rows} == {None, "bad_request"}
    for table in ("invoices", "licenses"):
        assert count(db, table, f"product_id = '{p['id']}'") == 1
    assert count(db, "subscriptions", f"product_id = '{p['id']}'") == 1


def test_trials_of_others_are_not_in_the_way(db, crowd):
    p = product(db)
    policy(db, p, is_recurring=True, renewal_period_days=30, trial_days=7)
    rows = at_once(crowd, lambda s, n: purchase(
        s, p, provider_id=None, buyer_email=f"{n}@b.c",
        fingerprint_hash=f"{n:064x}"))
    assert all(r["fault"] is None for r in rows)


def test_switching_a_code_off_while_it_is_used(db, crowd):
    """Whoever is through before has it, nobody after."""
    p = product(db)
    c = code(db, p)
    looks = [{**offer(s, p, code=c["code"]), "provider_id": provider(s)}
             for s in crowd]
    rows = at_once(crowd, lambda s, n: opened(s, looks[n]) if n else call(
        s, "code_set_active", id=c["id"], active=False))
    won = sum(r["fault"] is None for r in rows[1:])
    assert uses(db, c) == (won, {"pending": won} if won else {})
    assert purchase(db, p, code=c["code"])["fault"] == "bad_request"


# What changes between the offer and the invoice

def test_what_was_quoted_is_what_is_sold(db):
    """A price that changes meanwhile is for the next buyer."""
    p = product(db, price_sats=1000)
    look = {**offer(db, p), "provider_id": provider(db)}
    body(db, "product_update", id=p["id"], price_sats=5000)
    assert opened(db, look)["amount_sats"] == "1000"


@pytest.mark.parametrize("change", ["product", "policy", "archived",
                                    "provider"])
def test_what_went_off_sale_meanwhile_is_a_conflict(db, change):
    p = product(db)
    y = policy(db, p)
    c = code(db, p)
    look = {**offer(db, p, policy_slug=y["slug"], code=c["code"]),
            "provider_id": provider(db)}
    if change == "product":
        body(db, "product_set_active", id=p["id"], active=False)
    elif change == "policy":
        body(db, "policy_set_active", id=y["id"], active=False)
    elif change == "archived":
        body(db, "policy_set_archived", id=y["id"], archived=True)
    else:
        look["provider_id"] = str(uuid.uuid4())
    row = opened(db, look)
    assert row["fault"] == "conflict" and row["code_gone"] == "f"
    assert uses(db, c) == (0, {})
    assert count(db, "invoices", f"product_id = '{p['id']}'") == 0


def test_a_deleted_product_is_not_found(db):
    p = product(db)
    look = {**offer(db, p), "provider_id": provider(db)}
    body(db, "product_delete", id=p["id"], lock="product_delete_lock")
    assert opened(db, look)["fault"] == "not_found"


# The offer

def test_an_offer_writes_and_holds_nothing(db, connect):
    p = product(db)
    y = policy(db, p)
    code(db, p, featured=True)
    holder = connect()
    holder.sql("BEGIN")
    for table, thing in (("products", p), ("policies", y)):
        holder.sql(f"SELECT id FROM {table} WHERE id = '{thing['id']}'"
                   " FOR UPDATE")
    db.sql("SET lock_timeout = '2s'")
    db.sql("SET default_transaction_read_only = on")
    assert offer(db, p, policy_slug=y["slug"])["code_featured"] == "t"
    holder.sql("ROLLBACK")


def test_the_rate_is_known_for_a_minute(db):
    """4.7."""
    p = product(db, price_currency="EUR", price_value=100)
    db.sql("DELETE FROM exchange_rates")
    known = lambda: offer(db, p)["rate_e4"]
    assert known() is None
    db.call("rate_keep", currency="EUR", rate_e4="500000000", source="kraken")
    assert known() == "500000000"
    for seconds, expected in ((59, "500000000"), (61, None), (-59, "500000000"),
                              (-61, None)):
        db.sql("UPDATE exchange_rates SET fetched_at = now() - "
               f"interval '{seconds} s'")
        assert known() == expected
    db.sql("INSERT INTO settings (key, value) VALUES "
           "('manual_rate_pin_EUR', '5')")
    assert offer(db, p)["rate_pin"] == "5"
    db.sql("DELETE FROM settings WHERE key LIKE 'manual_rate_pin_%'")
    db.sql("DELETE FROM exchange_rates")


def test_two_that_fetch_at_once(db, connect):
    sessions = [connect() for _ in range(8)]
    at_once(sessions, lambda s, n: [s.call(
        "rate_keep", currency="USD", rate_e4=str(n + 1), source=f"s{n}")
        for _ in range(20)])
    (rate, source), = db.sql("SELECT rate_e4, source FROM exchange_rates "
                             "WHERE currency = 'USD'")
    assert source == f"s{int(rate) - 1}"
    db.sql("DELETE FROM exchange_rates")


def test_a_code_for_a_tier_is_for_no_product_without_tiers(db):
    """D15: what is sold under no policy is within no tier."""
    p = product(db)
    y = policy(db, p)
    one, many = code(db, p, policy_slug=y["slug"]), \
        code(db, p, policy_slugs=[y["slug"]])
    body(db, "policy_set_active", id=y["id"], active=False)
    for c in (one, many):
        refusal = offer(db, p, code=c["code"])["code_refusal"]
        assert refusal.startswith("wrong_tier ")


def test_a_use_of_nothing_is_a_use(db):
    """2.2 step 5 comes before 6: a code on a free tier is used up."""
    p = product(db, price_sats=1000)
    policy(db, p, price_sats_override=0, slug="default")
    c = code(db, p, max_uses=1)
    row = purchase(db, p, code=c["code"])
    assert (row["path"], row["redemption_id"] is not None) == ("free", True)
    assert purchase(db, p, code=c["code"])["fault"] == "bad_request"
    assert uses(db, c) == (1, {"redeemed": 1})


def test_free_with_a_code_tells_all_at_once(db):
    p = product(db, price_sats=1000)
    y = policy(db, p, is_recurring=True, renewal_period_days=30)
    c = code(db, p, amount=10000)
    row = purchase(db, p, code=c["code"])
    assert [t for t, _ in outbox(db, p["id"])[1:]] == \
        ["invoice.settled", "license.issued", "code.redeemed"]
    assert [e[:2] for e in events(db, c["id"], "code.redeem")] == \
        [("code.redeem", "system")]
    (listed, profile), = db.sql(
        "SELECT listed_value, merchant_profile_id IS NOT NULL FROM "
        f"subscriptions WHERE policy_id = '{y['id']}'")
    assert (listed, profile) == ("1000", "t")
    assert json.loads(row["key_entitlements"]) == []
    assert quote(row) == (0, 1000, 0)


def test_silence_against_the_provider_s_word(db, connect):
    """2.2 step 8, D10: whichever is first, a paid invoice has its license
    and the count is that of the uses that are held."""
    p = product(db, price_sats=1000)
    pair = [connect(), connect()]
    for n in range(30):
        c = code(db, p, max_uses=1)
        iid = purchase(db, p, code=c["code"])["invoice_id"]
        at_once(pair, lambda s, who: call(s, "purchase_unsure", id=iid)
                if who else settle(s, iid, "settled" if n % 3 else "expired"))
        used, rows = uses(db, c)
        assert used == rows.get("redeemed", 0) <= 1
        assert sum(rows.values()) == 1 and "pending" not in rows
        assert count(db, "licenses", f"invoice_id = '{iid}'") == (n % 3 > 0)
        assert len(events(db, c["id"], "code.release")) <= 1


def test_silence_releases_once_and_only_what_is_unattached(db):
    p = product(db)
    c = code(db, p)
    iid = purchase(db, p, code=c["code"])["invoice_id"]
    assert call(db, "purchase_unsure", id=iid)["released"] == "1"
    assert call(db, "purchase_unsure", id=iid)["released"] == "0"
    iid = buy(db, p, code=c["code"])
    assert call(db, "purchase_unsure", id=iid)["released"] == "0"
    assert uses(db, c) == (1, {"cancelled": 1, "pending": 1})
