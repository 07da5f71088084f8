"""Discount codes, as vendors make them and buyers use them."""
import secrets

from lib.check import outbox

OFF = {"percent": 1000, "fixed_sats": 500, "set_price": 500,
       "free_license": 0}


def code(api, product=None, **fields):
    """A new code; a tenth off unless the fields say otherwise."""
    fields.setdefault("kind", "percent")
    fields.setdefault("amount", OFF[fields["kind"]])
    fields.setdefault("code", "C" + secrets.token_hex(5).upper())
    if product is not None:
        fields["product_slug"] = product["slug"]
    return api.do("POST", "/discount-codes", fields)


def uses(api, made):
    """The code's count, and what its redemptions look like, oldest first."""
    got = api.db.execute(
        "SELECT used_count FROM discount_codes WHERE id = %s",
        [made["id"]]).fetchone()["used_count"]
    rows = api.db.execute(
        "SELECT status FROM discount_redemptions WHERE code_id = %s"
        " ORDER BY created_at", [made["id"]]).fetchall()
    return got, [r["status"] for r in rows]


def redeemed(server, invoice):
    """The data of code.redeemed for an invoice, if it went out."""
    return [r["data"] for r in outbox(server, "invoice_id",
                                      invoice["invoice_id"],
                                      "code.redeemed")]


def order(api, product, **fields):
    return api.public("POST", "/v1/purchase",
                      {"product": product["slug"], **fields})


def redeem(api, product, **fields):
    return api.public("POST", "/v1/redeem",
                      {"product": product["slug"], **fields})


def preview(api, product, **query):
    query["product"] = product["slug"] if isinstance(product, dict) \
        else product
    return api.public("GET", "/v1/discount-codes/preview", params=query)


def trial(api, product, **fields):
    fields = {"is_recurring": True, "renewal_period_days": 30,
              "trial_days": 14, **fields}
    return api.policy(product, **fields)


def fiat(api, currency="USD", value=4900, **fields):
    return api.product(price_currency=currency, price_value=value, **fields)
