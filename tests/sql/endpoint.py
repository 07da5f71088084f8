"""Calls a statement as an endpoint does: context arguments filled in, lists
and objects as JSON text, the one row judged by its columns fault and body."""
import json
import uuid

from session import Refused
from statements import STATEMENTS

CONTEXT = {"actor_kind": "admin_api_key", "actor_hash": "f" * 64,
           "request_ip": "192.0.2.9", "user_agent": "pytest",
           "public_url": "https://licet.test", "signing_key_id": 1}


def as_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def run(db, name, args):
    db.prepare(name)
    result = db.run(name, *db.bind(name, args))
    rows = db.rows(result)
    columns = [result.fname(i).decode() for i in range(result.nfields)]
    return [dict(zip(columns, row)) for row in rows]


def locked(db, lock, name, args):
    """The pair that a worker sends as one implicit transaction."""
    db.sql("BEGIN")
    try:
        run(db, lock, {k: v for k, v in args.items()
                       if k in STATEMENTS[lock][1]})
        rows = run(db, name, args)
    except Refused:
        db.sql("ROLLBACK")
        raise
    db.sql("COMMIT")
    return rows


def call(db, name, /, lock=None, **args):
    """The row as a dict, body parsed; None is `not found'."""
    known = STATEMENTS[name][1]
    if "body" in known:
        args.setdefault("body", {k: v for k, v in args.items() if k != "id"})
    args = {k: as_text(v) for k, v in args.items()}
    args.update((k, v) for k, v in CONTEXT.items()
                if k in known and k not in args)
    rows = run(db, name, args) if lock is None else locked(db, lock, name, args)
    assert len(rows) <= 1
    if not rows:
        return None
    row = rows[0]
    if row.get("body"):
        row["body"] = json.loads(row["body"])
    return row


def body(db, name, /, **args):
    """The body of an answer that must be a yes."""
    row = call(db, name, **args)
    assert row is not None, "not found"
    assert row.get("fault") is None, row["message"]
    return row["body"]


def fault(db, name, /, **args):
    """The fault of an answer that must be a no."""
    row = call(db, name, **args)
    if row is None:
        return "not_found"
    assert row["fault"] and row["message"] and not row["body"], row
    return row["fault"]


def slug():
    return "s" + uuid.uuid4().hex[:12]


def product(db, **args):
    args.setdefault("slug", slug())
    args.setdefault("name", "Demo")
    if not {"price_sats", "price_value"} & args.keys():
        args["price_sats"] = 1000
    return body(db, "product_create", **args)


def policy(db, product, /, **args):
    args.setdefault("slug", slug())
    args.setdefault("name", "Tier " + args["slug"])
    return body(db, "policy_create", product_slug=product["slug"], **args)


def events(db, target, action=None):
    rows = db.sql("SELECT action, actor_kind, details FROM events WHERE "
                  f"target_id = '{target}' ORDER BY occurred_at")
    return [(a, k, json.loads(d)) for a, k, d in rows
            if action in (None, a)]


def outbox(db, product, kind=None):
    rows = db.sql("SELECT event_type, data FROM outbox WHERE product_id = "
                  f"'{product}' ORDER BY id")
    return [(t, json.loads(d)) for t, d in rows if kind in (None, t)]


def count(db, table, where):
    return int(db.sql(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


def provider(db, kind="sandbox", store_id="test"):
    """The connected one of that kind, else one that is connected now."""
    call(db, "provider_ensure", kind=kind, label="Test",
         base_url="https://pay.test", store_id=store_id)
    return db.sql("SELECT id FROM payment_providers WHERE disconnected_at IS "
                  f"NULL AND kind = '{kind}'")[0][0]


def purchase(db, product, /, **args):
    """The row of purchase_open, whatever it says."""
    if "provider_id" not in args:
        args["provider_id"] = provider(db)
    args.setdefault("invoice_id", str(uuid.uuid4()))
    return call(db, "purchase_open", product=product["slug"], **args)


def buy(db, product, /, **args):
    """A pending invoice that the provider knows as `px-<our id>'."""
    row = purchase(db, product, **args)
    assert row["fault"] is None, row["message"]
    if row["path"] == "paid":
        call(db, "invoice_attach", id=row["invoice_id"],
             provider_invoice_id="px-" + row["invoice_id"],
             checkout_url="https://pay.test/i/1")
    return row["invoice_id"]


def settle(db, invoice, status="settled", /, **args):
    """What came of the provider's word on an invoice."""
    args.setdefault("provider_id", provider(db))
    args.setdefault("provider_invoice_id", f"px-{invoice}")
    return call(db, "invoice_settle", lock="invoice_settle_lock",
                order_id=invoice, status=status, **args)
