"""Subscriptions for the statements' tests: sold, aged, billed, paid."""
import uuid

from endpoint import buy, call, policy, product, settle

DAY = 86400


def subscribe(db, /, product_=None, buying=None, **terms):
    """A subscription (its row) whose first cycle was paid now."""
    p = product_ or product(db)
    terms.setdefault("is_recurring", True)
    terms.setdefault("renewal_period_days", 30)
    y = policy(db, p, **terms)
    iid = buy(db, p, policy_slug=y["slug"], buyer_email="a@b.example",
              **(buying or {}))
    if row(db, "invoices", f"id = '{iid}'")["status"] == "pending":
        assert settle(db, iid)["outcome"] == "settled"
    lid, = db.sql(f"SELECT id FROM licenses WHERE invoice_id = '{iid}'")[0]
    return sub(db, license_id=lid) | {"product": p, "policy": y, "first": iid}


def row(db, table, where):
    names = [n for n, in db.sql(
        "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT "
        f"attisdropped AND attrelid = '{table}'::regclass ORDER BY attnum")]
    found = db.sql(f"SELECT {', '.join(names)} FROM {table} WHERE {where}")
    assert len(found) == 1, found
    return dict(zip(names, found[0]))


def sub(db, s=None, license_id=None):
    key = f"license_id = '{license_id}'" if license_id else f"id = '{s['id']}'"
    return row(db, "subscriptions", key)


def lic(db, s):
    return row(db, "licenses", f"id = '{s['license_id']}'")


def age(db, s, seconds):
    """As if it had been bought so much earlier."""
    back = f"- interval '{seconds} s'"
    db.sql(f"UPDATE subscriptions SET started_at = started_at {back}, "
           f"next_renewal_at = next_renewal_at {back}, next_attempt_at = "
           f"next_attempt_at {back}, last_renewal_attempt_at = "
           f"last_renewal_attempt_at {back} WHERE id = '{s['id']}'")
    db.sql(f"UPDATE subscription_invoices SET cycle_start_at = cycle_start_at "
           f"{back}, cycle_end_at = cycle_end_at {back} "
           f"WHERE subscription_id = '{s['id']}'")
    db.sql(f"UPDATE licenses SET issued_at = issued_at {back}, expires_at = "
           f"expires_at {back} WHERE id = '{s['license_id']}'")
    return {**s, **sub(db, s)}


def due(db, s, late=1):
    """Ages it until its cycle ended `late' seconds ago."""
    (left,), = db.sql("SELECT extract(epoch FROM next_renewal_at - now())::int"
                      f" FROM subscriptions WHERE id = '{s['id']}'")
    return age(db, s, int(left) + late)


def facts(db, s):
    return call(db, "renewal_facts", id=s["id"])


def open_bill(db, s, /, amount=None, **args):
    """Our invoice for its next cycle, as the worker writes it, or None."""
    f = facts(db, s)
    if f is None:
        return None
    return open_as(db, s, f, amount, **args)


def open_as(db, s, f, amount=None, **args):
    given = {"subscription_id": s["id"], "license_id": s["license_id"],
             "cycle_number": f["cycle_number"],
             "listed_currency": f["listed_currency"],
             "listed_value": f["listed_value"],
             "superseded_id": f["invoice_id"],
             "invoice_id": str(uuid.uuid4()),
             "provider_id": f["provider_id"],
             "amount_sats": f["listed_value"] if amount is None else amount,
             **args}
    opened = call(db, "renewal_open", lock="license_lock", **given)
    return opened and opened["invoice_id"]


def attach(db, iid):
    return call(db, "invoice_attach", id=iid, checkout_url="https://pay/" + iid,
                provider_invoice_id="px-" + iid)


def bill(db, s, /, **args):
    """The same, with the buyer."""
    iid = open_bill(db, s, **args)
    attach(db, iid)
    return iid


def fail(db, s, retry=300, **args):
    f = facts(db, s)
    given = {"subscription_id": s["id"], "license_id": s["license_id"],
             "cycle_number": f["cycle_number"], "retry_seconds": retry,
             "failures": f["consecutive_failures"], "reason": "test", **args}
    return call(db, "renewal_failed", lock="license_lock", **given)


def lapse(db, limit=1000):
    return [r["id"] for r in db.call("subscription_lapse", limit=limit)]


def seconds(db, expression, s):
    return int(db.sql(f"SELECT extract(epoch FROM {expression})::bigint "
                      "FROM subscriptions b JOIN licenses l ON l.id = "
                      f"b.license_id WHERE b.id = '{s['id']}'")[0][0])
