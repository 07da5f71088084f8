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


def quote(offer, with_code=True):
    """What src/domain/price.c makes of an offer: base, charged (both as
    listed) and the two in satoshis."""
    listed, rate = int(offer["listed_value"]), offer["rate_e4"]
    amount = int(offer["code_amount"] or 0)
    off = {None: 0, "percent": listed * amount // 10000,
           "fixed_sats": min(listed, amount), "free_license": listed,
           "set_price": max(0, listed - amount)}[
               offer["code_kind"] if with_code else None]
    if offer["is_trial"] == "t":
        return 0, 0, 0
    sats = (lambda v: v) if offer["price_currency"] == "SAT" else \
        (lambda v: v and max(1, (v * 10**10 * 2 + int(rate)) // (int(rate) * 2)))
    return listed - off, sats(listed), sats(listed - off)


def refused(fault, message):
    return {"fault": fault, "message": message, "path": None,
            "key_license_id": None}


def opened(db, offer, /, with_code=True, **args):
    """The row of purchase_open for an offer, as src/api/offer.c asks for it."""
    trial = offer["is_trial"] == "t"
    charged, base, amount = quote(offer, with_code)
    args.setdefault("invoice_id", str(uuid.uuid4()))
    row = call(db, "purchase_open", **{
        "product_id": offer["product_id"], "policy_id": offer["policy_id"],
        "provider_id": offer["provider_id"], "is_trial": trial,
        "code_id": offer["code_id"] if with_code and not trial else None,
        "listed_currency": offer["price_currency"],
        "listed_value": offer["listed_value"], "charged_value": charged,
        "base_price_sats": base, "discount_sats": base - amount,
        "amount_sats": amount, "rate_e4": offer["rate_e4"],
        "rate_source": offer["rate_source"] if offer["rate_e4"] else None,
        **args})
    return {**offer, **row, "path": row["fault"] is None and (
        "paid" if amount else "free") or None, "amount_sats": str(amount),
        "base_price_sats": str(base),
        "discount_applied_sats": str(base - amount)}


def offer(db, product, /, **args):
    return call(db, "purchase_offer", product=product["slug"], **args)


def purchase(db, product, /, **args):
    """What became of a purchase: a refusal, or the invoice's row."""
    asked = {k: args.pop(k) for k in ("policy_slug", "code", "rail")
             if k in args}
    given = {"provider_id": args.pop("provider_id") if "provider_id" in args
             else provider(db)}
    o = {**offer(db, product, **asked), **given}
    for part in ("product_refusal", "policy_refusal"):
        if o[part]:
            return refused(*o[part].split(" ", 1))
    trial, code = o["is_trial"] == "t", o["code_refusal"]
    if not trial and o["price_currency"] != "SAT" and not o["rate_e4"]:
        return refused("upstream_error", "no exchange rate")
    if not trial and code:
        return refused("bad_request", code.split(" ", 1)[1])
    if quote(o)[2] and not o["provider_id"]:
        return refused("bad_request", "no payment provider")
    row = opened(db, o, **args)
    if row["code_gone"] == "t" and o["code_featured"] == "t":
        row = opened(db, o, with_code=False, **args)
    return row


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
