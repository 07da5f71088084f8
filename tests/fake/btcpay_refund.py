"""Refunds of the fake BTCPay Server: a pull payment that the buyer claims."""
import secrets
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from fake.btcpay_invoice import base58, decimal_text, invalid
from fake.wire import Refusal

EIGHT = Decimal("1e-8")


class PullPayment:
    def __init__(self, store, invoice, amount, currency, approves, body, now):
        self.id = base58(27)
        self.store, self.invoice = store, invoice
        self.amount, self.currency = amount, currency
        self.approves = approves
        self.name = body.get("name") or f"Refund {invoice.id}"
        self.description = body.get("description") or ""
        self.methods = body.get("payoutMethods") or ["BTC-LN"]
        self.at = int(now)
        self.archived = False
        self.secret = secrets.token_hex(8)

    def json(self, url):
        return {"startsAt": self.at, "expiresAt": None, "id": self.id,
                "name": self.name, "description": self.description,
                "currency": self.currency,
                "amount": decimal_text(self.amount),
                "BOLT11Expiration": 30, "archived": self.archived,
                "viewLink": f"{url}/pull-payments/{self.id}",
                "autoApproveClaims": self.approves}


def decimal_of(value):
    try:
        out = Decimal(str(value))
    except InvalidOperation:
        return None
    return out if out.is_finite() else None


def custom(invoice, body):
    amount = decimal_of(body.get("customAmount"))
    currency = body.get("customCurrency")
    faults = []
    if amount is None or amount <= 0:
        faults.append(("CustomAmount", "Amount must be greater than 0"))
    if currency not in ("BTC", "SATS", "USD", "EUR"):
        faults.append(("CustomCurrency", "Invalid currency"))
    if faults:
        raise invalid(*faults)
    return amount, currency, currency == "BTC"


def amount_of(invoice, body, variant):
    """(amount, currency, approved by itself)."""
    paid = invoice.got()
    if not paid and invoice.status == "Settled" and \
            invoice.additional == "Marked":
        paid = invoice.needed   # taken to be paid in full
    if variant in ("RateThen", "CurrentRate"):
        return paid, "BTC", True
    if variant == "Fiat":
        return paid * invoice.rate, invoice.currency, False
    if variant == "OverpaidAmount":
        if invoice.additional != "PaidOver":
            raise invalid(("RefundVariant", "Invoice is not overpaid"))
        return paid - invoice.needed, "BTC", True
    return custom(invoice, body)


def refund(invoice, body, now, may_approve):
    """The pull payment of POST .../refund."""
    body = body or {}
    if not invoice.can_refund():
        raise Refusal(400, {"code": "non-refundable",
                            "message": "Cannot refund this invoice"})
    variant = body.get("refundVariant")
    faults = []
    if variant not in ("RateThen", "CurrentRate", "OverpaidAmount", "Fiat",
                       "Custom"):
        faults.append(("RefundVariant",
                       "Please select a valid refund option"))
    for m in body.get("payoutMethods") or []:
        if not invoice.store.methods.get(m):
            faults.append(("PayoutMethods", "Invalid or unsupported payout "
                           f"method: {m}"))
    if variant != "Custom":
        faults += [(name[0].upper() + name[1:], f"{name} should only be set "
                    "if the refundVariant is Custom")
                   for name in ("customAmount", "customCurrency")
                   if body.get(name) is not None]
    less = decimal_of(body.get("subtractPercentage", 0))
    if less is None or not 0 <= less <= 100:
        faults.append(("SubtractPercentage", "Percentage must be a numeric "
                       "value between 0 and 100"))
    if faults:
        raise invalid(*faults)
    amount, currency, approves = amount_of(invoice, body, variant)
    amount = (amount * (100 - less) / 100).quantize(
        EIGHT if currency == "BTC" else Decimal("0.01"), ROUND_HALF_EVEN)
    return PullPayment(invoice.store, invoice, amount, currency,
                       approves and may_approve, body, now)
