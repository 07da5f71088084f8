"""An invoice of the fake BTCPay Server and how payments move it.

Status and additional status follow the original's watcher: New until it is
paid in full, Processing until that is confirmed, then Settled; unpaid past
its expiry it is Expired, and stays so when the money comes late.
"""
import functools
import secrets
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from fake import bolt11
from fake.wire import Refusal

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SATS = Decimal(100_000_000)
METHODS = ("BTC-LN", "BTC-CHAIN", "BTC-LNURL")
OLD_NAMES = {"BTC-LN": "BTC-LightningNetwork", "BTC-CHAIN": "BTC",
             "BTC-LNURL": "BTC-LNURLPAY"}
DIGITS = {"BTC": 8, "SATS": 0}


def base58(n):
    return "".join(secrets.choice(BASE58) for _ in range(n))


def decimal_text(value):
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def invalid(*faults):
    """422: (path, message)..."""
    return Refusal(422, [{"path": p, "message": m} for p, m in faults])


class Payment:
    def __init__(self, value, method, at, is_confirmed):
        self.value, self.method, self.at = value, method, at
        self.is_confirmed = is_confirmed
        self.is_replaced = False
        self.id = secrets.token_hex(32) + ("" if method == "BTC-LN" else "-0")

    def json(self, destination):
        status = "Invalid" if self.is_replaced else \
            "Settled" if self.is_confirmed else "Processing"
        return {"id": self.id, "receivedDate": int(self.at),
                "value": decimal_text(self.value), "fee": "0.0",
                "status": status, "destination": destination}


class Invoice:
    def __init__(self, store, url, body, now, rate):
        self.id = base58(22)
        self.store, self.store_id = store, store.id
        self.link = f"{url}/i/{self.id}"
        self.amount = self.parse_amount(body.get("amount"))
        self.currency = str(body.get("currency") or "BTC").upper()
        self.metadata = body.get("metadata") or {}
        self.checkout = body.get("checkout") or {}
        self.created = int(now)
        self.expires = self.created + self.seconds("expirationMinutes", 15)
        self.monitored = self.expires + self.seconds("monitoringMinutes",
                                                     1440)
        # Units of the currency for one bitcoin.
        self.rate = {"BTC": Decimal(1), "SATS": SATS}.get(
            self.currency, Decimal(rate))
        self.status, self.additional = "New", "None"
        self.payments = []
        self.is_forced = False      # put into its state: nothing moves it
        self.archived = False
        self.reported_amount = None
        self.rest = None
        self.check()

    @staticmethod
    def parse_amount(text):
        try:
            value = Decimal(str(text))
        except InvalidOperation:
            value = None
        if value is None or not value.is_finite() or value < 0:
            raise invalid(("amount", "The amount is invalid."))
        return value

    def seconds(self, name, default):
        minutes = self.checkout.get(name)
        if minutes is None:
            return default * 60
        if isinstance(minutes, bool) or not isinstance(minutes, int) or \
                abs(minutes) > 10**9:
            raise invalid((f"checkout.{name}",
                           "Invalid timespan, expected integer"))
        return minutes * 60

    def check(self):
        if self.expires - self.created < 30:
            raise invalid(("checkout.expirationMinutes",
                           "Expiration time must be at least 30 seconds"))
        for i, m in enumerate(self.checkout.get("paymentMethods") or []):
            if m not in METHODS:
                raise invalid((f"checkout.paymentMethods[{i}]",
                               "Invalid PaymentMethodId"))

    @property
    def order_id(self):
        return self.metadata.get("orderId")

    @functools.cached_property
    def bolt11(self):       # made when looked at: signing takes its time
        sats = int((self.amount / self.rate * SATS).to_integral_value())
        return bolt11.encode(
            msat=sats * 1000 or None, description=f"Invoice {self.id}",
            at=self.created, expiry=self.expires - self.created,
            network=self.store.network)

    @property
    def bolt11_of_rest(self):
        """Once a part is paid, an invoice for the rest."""
        if not self.got() or not self.is_under():
            return self.bolt11
        sats = int((self.needed - self.got()) * SATS)
        if self.rest is None or self.rest[0] != sats:
            self.rest = sats, bolt11.encode(
                msat=sats * 1000, description=f"Rest of {self.id}",
                at=self.created, expiry=self.expires - self.created,
                network=self.store.network)
        return self.rest[1]

    @functools.cached_property
    def address(self):
        return self.store.address()

    # Money: paid, due, amount in the invoice's currency, the rest in bitcoin

    def got(self, confirmed_only=False):
        return sum((p.value for p in self.payments if not p.is_replaced and
                    (p.is_confirmed or not confirmed_only)), Decimal(0))

    @property
    def needed(self):
        return self.in_btc(self.amount)

    @property
    def paid(self):
        digits = Decimal(1).scaleb(-DIGITS.get(self.currency, 2))
        return (self.got() * self.rate).quantize(digits, ROUND_HALF_EVEN)

    def in_btc(self, value):
        return (value / self.rate).quantize(Decimal("1e-8"), ROUND_HALF_EVEN)

    def is_under(self):
        return self.got() < self.needed

    def is_over(self):
        return self.got() > self.needed

    def put(self, status, additional, paid, now):
        """Into this state, with this much (of its currency) paid."""
        self.status, self.additional = status, additional
        self.is_forced = True
        self.payments = [] if not paid else [Payment(
            self.in_btc(paid), self.methods()[0], now,
            status != "Processing")]

    # Time and payments move it

    def look(self, now):
        """One round of the watcher; the events it makes, in order:
        (type, extra fields)."""
        if self.is_forced:
            return []
        events = []
        if self.status == "New" and now >= self.expires:
            self.status = "Expired"
            partly = self.additional == "PaidPartial"
            events.append(("InvoiceExpired", {"partiallyPaid": partly}))
            if partly:
                events.append(("InvoiceExpiredPaidPartial", {}))
        events += self.look_at_payments()
        if self.status == "Processing":
            events += self.look_at_confirmations(now)
        return events

    def look_at_payments(self):
        events = []
        has_payment = any(not p.is_replaced for p in self.payments)
        if self.status in ("New", "Expired"):
            if not self.is_under() and self.status == "New":
                self.status = "Processing"
                self.additional = "PaidOver" if self.is_over() else "None"
                events.append(("InvoiceProcessing",
                               {"overPaid": self.is_over()}))
            elif not self.is_under() and self.additional != "PaidLate":
                self.additional = "PaidLate"
                events.append(("InvoicePaidAfterExpiration", {}))
            elif self.is_under() and has_payment:
                self.additional = "PaidPartial"
        if self.status == "Processing":
            if self.is_under():     # a payment was replaced
                self.status = "New"
                self.additional = "PaidPartial" if has_payment else "None"
            else:
                self.additional = "PaidOver" if self.is_over() else "None"
        return events

    def look_at_confirmations(self, now):
        if self.got(confirmed_only=True) >= self.needed:
            self.status = "Settled"
            return [("InvoiceSettled", {"manuallyMarked": False,
                                        "overPaid": self.is_over()})]
        if now > self.monitored:
            self.status = "Invalid"
            return [("InvoiceInvalid", {"manuallyMarked": False})]
        return []

    def can_mark(self, status):
        if status == "Settled":
            return self.status != "Settled"
        return self.status in ("New", "Processing", "Expired") or \
            (self.status != "Invalid" and self.additional == "Marked")

    def can_refund(self):
        return self.status in ("Settled", "Invalid") or (
            self.status == "Expired" and
            self.additional in ("PaidLate", "PaidOver", "PaidPartial"))

    # What it looks like

    def json(self):
        amount = self.amount if self.reported_amount is None \
            else self.reported_amount
        return {
            "id": self.id, "storeId": self.store_id,
            "amount": decimal_text(amount),
            "paidAmount": decimal_text(self.paid),
            "currency": self.currency, "type": "Standard",
            "checkoutLink": self.link, "createdTime": self.created,
            "expirationTime": self.expires,
            "monitoringExpiration": self.monitored,
            "status": self.status, "additionalStatus": self.additional,
            "availableStatusesForManualMarking": [
                s for s in ("Settled", "Invalid") if self.can_mark(s)],
            "archived": self.archived, "metadata": self.metadata,
            "checkout": {
                "speedPolicy": "MediumSpeed", "redirectURL": None,
                "redirectAutomatically": None, "defaultLanguage": None,
                **self.checkout, "paymentMethods": list(self.methods()),
                "expirationMinutes": (self.expires - self.created) // 60,
                "monitoringMinutes": (self.monitored - self.expires) // 60},
            "receipt": {"enabled": None, "showQR": None,
                        "showPayments": None},
        }

    def methods(self):
        return self.checkout.get("paymentMethods") or \
            [m for m in self.store.methods if self.store.methods[m]]

    def methods_json(self, is_old=False):
        """What can be paid with; is_old: as BTCPay Server 1.x says it."""
        out = []
        for m in self.methods():
            destination = self.address if m == "BTC-CHAIN" else \
                self.bolt11_of_rest
            paid = sum((p.value for p in self.payments if p.method == m and
                        not p.is_replaced), Decimal(0))
            link = f"bitcoin:{destination}" if m == "BTC-CHAIN" else \
                f"lightning:{destination}"
            named = {"paymentMethodId": m, "currency": "BTC",
                     "paymentMethodFee": "0.0", "additionalData": {}}
            if is_old:
                named = {"paymentMethod": OLD_NAMES[m], "cryptoCode": "BTC",
                         "networkFee": "0.0", "additionalData": {}}
            out.append({
                **named, "activated": True,
                "destination": destination, "paymentLink": link,
                "rate": decimal_text(self.rate),
                "paymentMethodPaid": decimal_text(paid),
                "totalPaid": decimal_text(self.got()),
                "due": decimal_text(self.needed - self.got()),
                "amount": decimal_text(self.needed),
                "payments": [p.json(destination) for p in self.payments
                             if p.method == m]})
        return out
