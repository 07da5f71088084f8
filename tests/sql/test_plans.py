"""What the statements of the money area read when 100,000 subscriptions were
sold, and again when all of them have just been billed and PostgreSQL's
statistics don't know it yet: a row, a page or a batch, never a table.

Counted are the blocks that a statement touches when it is executed with the
generic plan that workers have; what it changed is rolled back.
"""
import functools
import json
import os
import pathlib
import subprocess

import pytest

from session import Session
from statements import STATEMENTS

HERE = pathlib.Path(__file__).resolve().parent
MANY = int(os.environ.get("LICET_TEST_ROWS", "100000"))
BLOCKS = 800        # the smallest of the tables has more than 1,000

# The rows fit each other: a million looks at foreign keys would take as long as
# all else.
UNCHECKED = "SET session_replication_role = replica;"
OTHERS = """
INSERT INTO policies (product_id, name, slug)
SELECT id, 'Other', 'other' FROM products;
INSERT INTO discount_codes (code, kind, amount)
SELECT 'CODE-' || n, 'percent', 100 FROM generate_series(1, :n) AS n;
INSERT INTO discount_redemptions (code_id, invoice_id, license_id, status,
    discount_applied_sats, base_price_sats, final_price_sats)
SELECT (SELECT c.id FROM discount_codes c LIMIT 1), l.invoice_id, l.id,
    'redeemed', 1, 50001, 50000
FROM licenses l;
INSERT INTO tip_attempts (license_id, recipient, paid_sats, pct_bps,
    next_check_at)
SELECT l.id, 'a@tips.test', 50000, 100, licet_now() FROM licenses l;
INSERT INTO refunds (id, invoice_id, status, variant, next_check_at)
SELECT gen_random_uuid(), l.invoice_id, 'asked', 'full', licet_now()
FROM licenses l;
INSERT INTO tier_changes (license_id, from_policy_id, to_policy_id, direction,
    listed_currency, proration_charge_value, effective_at, actor)
SELECT l.id, l.policy_id, (SELECT y.id FROM policies y WHERE y.slug = 'other'),
    'downgrade', 'SAT', 0, l.expires_at, 'buyer'
FROM licenses l
WHERE l.id::text LIKE '%7';
INSERT INTO machines (license_id, fingerprint_hash)
SELECT l.id, sha256(convert_to(l.id::text, 'UTF8')) FROM licenses l;
INSERT INTO card_contacts (invoice_id, contact_id, next_check_at)
SELECT l.invoice_id, 'contact', licet_now() FROM licenses l;
"""
# What renewal_open and invoice_attach leave, at once.
BILLED = """
CREATE TEMP TABLE bill AS
SELECT gen_random_uuid() AS id, b.id AS subscription_id, b.license_id,
    b.product_id, b.policy_id, b.payment_provider_id, b.next_renewal_at
FROM subscriptions b;
INSERT INTO invoices (id, kind, license_id, provider_id, provider_invoice_id,
    product_id, policy_id, amount_sats, base_price_sats, checkout_url,
    next_check_at)
SELECT id, 'renewal', license_id, payment_provider_id, 'new-' || id,
    product_id, policy_id, 50000, 50000, 'https://pay.test/', licet_now()
FROM bill;
INSERT INTO subscription_invoices (subscription_id, invoice_id, cycle_number,
    cycle_start_at, cycle_end_at, charge_next_at)
SELECT subscription_id, id, 2, next_renewal_at,
    next_renewal_at + interval '30 days', licet_now()
FROM bill;
UPDATE subscriptions SET status = 'past_due';
"""
QUIET = ("subscriptions", "subscription_invoices", "invoices", "licenses",
         "tier_changes", "tip_attempts", "refunds", "discount_codes",
         "discount_redemptions", "card_contacts")


def psql(url, *args, text=None):
    subprocess.run(["psql", "-qX1", "-v", "ON_ERROR_STOP=1", "-d", url, *args],
                   check=True, input=text, text=True,
                   stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def many(sql_url):
    """A session of a database of its own; the ids of one sale."""
    admin = Session(sql_url)
    admin.sql("CREATE DATABASE many")
    admin.close()
    url = sql_url.rsplit("/", 1)[0] + "/many"
    for path in sorted((HERE.parents[1] / "migrations").glob("*.sql")):
        psql(url, "-f", str(path))
    db = Session(url)
    for table in QUIET:     # no statistics but those that we ask for
        db.sql(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    db.sql("""
        INSERT INTO signing_keys (id, public_key, active)
        VALUES (1, decode(repeat('ab', 32), 'hex'), true);
        INSERT INTO payment_providers (kind, label, base_url, store_id,
            merchant_profile_id)
        VALUES ('btcpay', 'Test', 'https://pay.test', 'store',
            merchant_profile_default_1());
        INSERT INTO products (slug, name, price_sats, price_value)
        VALUES ('many', 'Many', 50000, 50000);
        INSERT INTO policies (product_id, name, slug, is_recurring,
            renewal_period_days)
        SELECT id, 'Monthly', 'monthly', true, 30 FROM products""")
    (policy,), = db.sql("SELECT id FROM policies")
    psql(url, "-c", UNCHECKED, "-v", f"n={MANY}", "-v", f"policy={policy}",
         "-v", "due=-1 hour",
         "-f", str(HERE.parent / "lib" / "subscriptions.sql"))
    psql(url, "-v", f"n={MANY}", text=UNCHECKED + OTHERS)
    db.sql("VACUUM ANALYZE")
    yield db
    db.close()


@pytest.fixture(scope="module")
def billed(many):
    many.sql(UNCHECKED)
    for statement in BILLED.strip().split(";\n"):
        if statement:
            many.sql(statement)
    many.sql("RESET session_replication_role")
    # Of what is gone; it tells the planner nothing of what there is.
    many.sql("VACUUM subscriptions")
    return many


@functools.cache
def one(db, is_billed):
    """Arguments by name, of some sale in the midst."""
    names = ("subscription_id", "license_id", "first", "product_id",
             "policy_id", "provider_id", "in_force")
    row, = db.sql(f"""
        SELECT b.id, b.license_id, l.invoice_id, b.product_id, b.policy_id,
            b.payment_provider_id, (SELECT c.invoice_id
                FROM subscription_invoices c
                WHERE c.subscription_id = b.id AND c.cycle_number = 2)
        FROM subscriptions b
        JOIN licenses l ON l.id = b.license_id
        ORDER BY b.id OFFSET {MANY // 2} LIMIT 1""")
    return dict(zip(names, row))


def blocks(db, name, args):
    """The most that is read from one table or index, and which.  What it
    costs to change a row isn't looked at."""
    db.prepare(name)
    values = ", ".join(
        "NULL" if args.get(a) is None else "'" + str(args[a]) + "'"
        for a in STATEMENTS[name][1])
    db.sql("BEGIN")
    try:
        (text,), = db.sql("EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json)"
                          f" EXECUTE {name}" + (f"({values})" if values
                                                else ""))
    finally:
        db.sql("ROLLBACK")
    read = [(0, "", "", "")]

    def walk(node):
        if "Relation Name" in node and node["Node Type"] != "ModifyTable":
            read.append((
                node["Shared Hit Blocks"] + node["Shared Read Blocks"],
                node["Node Type"], node["Relation Name"],
                node.get("Index Name", "")))
        for child in node.get("Plans", ()):
            walk(child)
    walk(json.loads(text)[0]["Plan"])
    return max(read)


PAGE = {"limit": 20}
# What workers claim, and pages; the numbers are arguments.
CLAIMS = [
    ("renewal_claim", {"limit": 8}), ("subscription_lapse", {"limit": 20}),
    ("invoice_claim_due", {"limit": 20, "retry_seconds": 60}),
    ("charge_claim", {"limit": 8}), ("card_claim", {"limit": 8}),
    ("tip_claim", {"limit": 8}), ("refund_claim", {"limit": 8}),
    ("sweep_claim", {})]
LISTS = [
    ("subscription_list", PAGE),
    *[("subscription_list", {**PAGE, "status": s})
      for s in ("active", "past_due", "lapsed")],
    ("sale_list", PAGE),
    *[("sale_list", {**PAGE, "status": s}) for s in ("pending", "expired")],
    ("sale_list", {**PAGE, "kind": "renewal"}),
    ("sale_list", {**PAGE, "attention": "surplus"}),
    ("sale_list", {**PAGE, "buyer_email": "buyer7@example.org"}),
    ("sale_list", {**PAGE, "license_id": "license_id"}),
    ("sale_list", {**PAGE, "product_id": "product_id"}),
    ("tier_change_list", PAGE),
    ("tier_change_list", {**PAGE, "license_id": "license_id"}),
    ("tip_list", PAGE), ("tip_list", {**PAGE, "license_id": "license_id"}),
    ("tip_list", {**PAGE, "recipient": "a@tips.test"}),
    ("code_list", PAGE), ("code_list", {**PAGE, "include_inactive": "true"}),
    ("license_ending", {**PAGE, "days": 7}),
    ("license_list", PAGE), ("license_list", {**PAGE, "status": "revoked"}),
    ("license_list", {**PAGE, "status": "expired"}),
    ("license_list", {**PAGE, "product_id": "product_id"}),
    ("license_list", {**PAGE, "product_id": "product_id",
                      "status": "expired"}),
    ("machine_list", {**PAGE, "order": "activated"}),
    ("machine_list", {**PAGE, "license_id": "license_id"}),
    *[("license_find", {"q": q}) for q in (
        "license_id", "first", "subscription_id", "BUYER7@example.org",
        "nobody", "5" * 64)],
    ("license_find", {"license_id": "license_id"})]
# What is done for one renewal: rows by their ids.
STEPS = [
    ("tier_apply_due", {"license_id": "license_id"}),
    ("renewal_facts", {"id": "subscription_id"}),
    ("renewal_open", {
        "subscription_id": "subscription_id", "license_id": "license_id",
        "cycle_number": 2, "listed_currency": "SAT", "listed_value": 50000,
        "provider_id": "provider_id", "amount_sats": 50000,
        "invoice_id": "00000000-0000-4000-8000-000000000001",
        "public_url": "https://licet.test"}),
    ("renewal_failed", {
        "subscription_id": "subscription_id", "license_id": "license_id",
        "cycle_number": 2, "failures": 0, "reason": "none",
        "retry_seconds": 300}),
    ("renewal_wait", {"subscription_id": "subscription_id",
                      "license_id": "license_id"}),
    ("renewal_skip", {"subscription_id": "subscription_id",
                      "license_id": "license_id"}),
    ("renewal_stop", {"license_id": "license_id", "actor_kind": "system"}),
    ("invoice_attach", {"id": "in_force", "provider_invoice_id": "p-1",
                        "checkout_url": "https://pay.test/i/1"}),
    ("invoice_abandon", {"id": "in_force"}),
    ("invoice_settle", {"provider_id": "provider_id",
                        "order_id": "in_force", "status": "settled",
                        "provider_invoice_id": "new", "signing_key_id": 1,
                        "reported_sats": 50000, "paid_sats": 50000}),
    ("invoice_settle", {"provider_id": "provider_id",
                        "order_id": "in_force", "status": "expired",
                        "provider_invoice_id": "new", "signing_key_id": 1}),
    ("license_get", {"id": "license_id"}),
    ("license_show_key", {"id": "license_id", "actor_kind": "web_ui"}),
    ("license_extend", {"id": "license_id", "actor_kind": "web_ui",
                        "expires_at": "2031-01-01T00:00:00Z",
                        "body": '{"expires_at":"2031-01-01T00:00:00Z"}'}),
    ("license_reissue", {"id": "license_id", "actor_kind": "web_ui",
                         "signing_key_id": 1}),
    ("subscription_get", {"id": "subscription_id"}),
    ("subscription_resume_one", {"id": "subscription_id",
                                 "actor_kind": "web_ui"}),
    ("subscription_cancel", {"id": "subscription_id", "actor_kind": "admin"})]


# The sweep of what lapses reads all subscriptions while the statistics don't know
# that most of them are past due: 20 ms, once a minute.
AFTER_BILLING = [s for s in CLAIMS + LISTS + STEPS if s[0] != "subscription_lapse"]


def case(value):
    name, args = value
    return name + "".join(f"-{k}" for k in args if k not in ("limit",))


def check(db, name, args, is_billed=False):
    ids = one(db, is_billed)
    args = {k: ids.get(v, v) for k, v in args.items()}
    if args.get("provider_invoice_id") == "new":
        args["provider_invoice_id"] = f"new-{ids['in_force']}"
    most, *where = blocks(db, name, args)
    assert most <= BLOCKS, f"{name} reads {most} blocks: {where}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("statement", CLAIMS + LISTS + STEPS, ids=case)
def test_when_all_is_sold(many, statement):
    check(many, *statement)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("statement", AFTER_BILLING, ids=case)
def test_when_all_was_just_billed(billed, statement):
    check(billed, *statement, is_billed=True)
