"""What sales leave behind, row by row: invoices, uses of codes, licenses,
subscriptions, tier changes, tips and refunds."""
import uuid

from shop import text


def insert(db, table, **columns):
    """A row of texts; its id."""
    columns.setdefault("id", str(uuid.uuid4()))
    db.sql(f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
           f"({', '.join(text(v) for v in columns.values())})")
    return columns["id"]


def provider(db):
    """One that was connected once: invoices refer to it."""
    return insert(db, "payment_providers", kind="btcpay", label="Test",
                  base_url="https://pay.test", store_id=uuid.uuid4(),
                  disconnected_at="2020-01-01T00:00:00Z")


def invoice(db, product, **columns):
    """An invoice that its provider knows as `px-<our id>'."""
    one = columns.setdefault("id", str(uuid.uuid4()))
    return insert(db, "invoices", **{
        "product_id": product["id"], "provider_id": provider(db),
        "provider_invoice_id": f"px-{one}", "amount_sats": 9,
        "base_price_sats": 10, **columns})


def redemption(db, code_id, invoice_id, status="pending", **columns):
    """A use of a code, counted while it holds one."""
    if status != "cancelled":
        db.sql("UPDATE discount_codes SET used_count = used_count + 1 "
               f"WHERE id = '{code_id}'")
    return insert(db, "discount_redemptions", **{
        "code_id": code_id, "invoice_id": invoice_id, "status": status,
        "discount_applied_sats": 1, "base_price_sats": 10,
        "final_price_sats": 9, **columns})


def license(db, product, **columns):
    return insert(db, "licenses", **{
        "product_id": product["id"], "signing_key_id": 1,
        "issued_at": "2026-01-02T03:04:05Z", **columns})


def subscription(db, product, license_id, **columns):
    return insert(db, "subscriptions", **{
        "license_id": license_id, "product_id": product["id"],
        "period_days": 30, "grace_period_days": 7, "listed_currency": "SAT",
        "listed_value": 10, "started_at": "2026-01-02T03:04:05Z",
        "next_renewal_at": "2099-01-02T03:04:05Z", **columns})


def cycle(db, subscription_id, invoice_id, number=1, **columns):
    return insert(db, "subscription_invoices", **{
        "subscription_id": subscription_id, "invoice_id": invoice_id,
        "cycle_number": number, "cycle_start_at": "2026-01-02T03:04:05Z",
        "cycle_end_at": "2026-02-01T03:04:05Z", **columns})


def tier_change(db, license_id, **columns):
    return insert(db, "tier_changes", **{
        "license_id": license_id, "direction": "upgrade",
        "listed_currency": "SAT", "proration_charge_value": 5,
        "effective_at": "2026-01-02T03:04:05Z", "actor": "buyer", **columns})


def tip(db, license_id, **columns):
    return insert(db, "tip_attempts", **{
        "license_id": license_id, "recipient": "a@tips.test", "paid_sats": 9,
        "pct_bps": 100, **columns})


def refund(db, invoice_id, **columns):
    return insert(db, "refunds", **{
        "invoice_id": invoice_id, "variant": "full", **columns})


def everything(db, product, policy, other, code_id):
    """A license under the policy with a row in every table that can hang on
    it: bought with the code, renewed once, changing to the other policy."""
    bought = invoice(db, product, policy_id=policy["id"], status="settled")
    one = license(db, product, policy_id=policy["id"], invoice_id=bought)
    insert(db, "machines", license_id=one, fingerprint_hash="\\x" + "ab" * 32)
    redemption(db, code_id, bought, "redeemed", license_id=one)
    refund(db, bought)
    tip(db, one, policy_id=policy["id"])
    renewing = subscription(db, product, one, policy_id=policy["id"])
    cycle(db, renewing, bought)
    renewal = invoice(db, product, policy_id=policy["id"], kind="renewal",
                      license_id=one, status="settled")
    cycle(db, renewing, renewal, 2)
    paid = invoice(db, product, policy_id=other["id"], kind="tier_change",
                   license_id=one)
    tier_change(db, one, from_policy_id=policy["id"],
                to_policy_id=other["id"], invoice_id=paid)
    return one


def referring(db):
    """(table, column, referred table, what a delete there does here) of all
    foreign keys: `a' refuses it, `c' goes along, `n' forgets."""
    return db.sql("""
SELECT c.conrelid::regclass, a.attname, c.confrelid::regclass, c.confdeltype
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
AND c.conparentid = 0""")
