"""A BTCPay Server, Greenfield API v1, as far as a merchant's program sees it.

Faithful where a client can go wrong: creation answers 200, decimals are
strings that lose their trailing zeros, times are numbers, errors come in two
shapes, webhook bodies are indented JSON and every redelivery has a new id.

It has a clock of its own (`now', to be set or moved), by which invoices
expire.  pay(), confirm(), replace() and mark() do what happens really, with
every webhook that belongs to it; settle(), expire() and the like put an
invoice into a state, with the one webhook that matters.  What goes wrong on
the wire: fake/faults.py.
"""
import collections
import hashlib
import hmac
import json
import time
from decimal import Decimal

from fake.btcpay_consent import Consent
from fake.btcpay_http import Api, problem
from fake.btcpay_invoice import SATS, Invoice, Payment, base58
from fake.btcpay_lightning import Lightning
from fake.btcpay_store import Key, Store
from fake.hooks import Delivery, Postman
from fake.wire import Double


# After which pauses a delivery without a good answer is tried again.
RETRY_SECONDS = (10, 60) + 6 * (600,)


class Builtin:
    """The webhook of the configured secret, to `webhook_urls'."""

    def __init__(self, fake, url):
        self.fake, self.url, self.redelivers = fake, url, True

    @property
    def id(self):
        return self.fake.webhook_id

    @property
    def secret(self):
        return self.fake.webhook_secret


class FakeBtcpay(Api, Consent, Postman, Double):
    wrong_types = b'{"id":5,"checkoutLink":[],"status":{}}'

    def __init__(self, network="mainnet"):
        super().__init__()
        self.shift = 0.0
        self.stores, self.keys = {}, {}
        self.store = self.add_store(network=network)
        self.store_id = self.store.id
        self.api_key = self.add_key("unrestricted")
        self.webhook_secret = base58(26)
        self.webhook_id = base58(22)
        self.webhook_urls = []
        self.had_hooks = False
        self.invoices, self.orders = {}, {}
        self.pull_payments = {}
        # The original says 403; our doctor was written against a 404.
        self.unknown_store = 404
        self.untold = []
        self.rate = Decimal(100_000)    # of fiat for a bitcoin, at checkout
        self.lightning = Lightning(self)
        self.reset()

    def reset(self):
        """All switches off, the clock right; invoices stay."""
        super().reset()
        self.clear_deliveries()
        self.shift = 0.0
        with self.lock:
            self.untold = []
            self.lightning.reset()
        self.is_old = False     # speaks as 1.x does

    def settings(self):
        return {
            "LICET_PAYMENTS": "btcpay",
            "LICET_BTCPAY_URL": self.url,
            "LICET_BTCPAY_API_KEY": self.api_key,
            "LICET_BTCPAY_STORE_ID": self.store_id,
            "LICET_BTCPAY_WEBHOOK_SECRET": self.webhook_secret,
        }

    # Stores and keys

    def add_store(self, name="Test store", network="mainnet"):
        store = Store(name, network)
        self.stores[store.id] = store
        return store

    def add_key(self, *permissions, label="test"):
        """An API key; a permission is a policy, or policy:store id."""
        key = Key(permissions, label)
        self.keys[key.text] = key
        return key.text

    def revoke(self, text):
        self.keys.pop(text, None)

    # The clock

    @property
    def now(self):
        return time.time() + self.shift

    @now.setter
    def now(self, seconds):
        self.shift = seconds - time.time()

    def move(self, days=0, hours=0, minutes=0, seconds=0, notify=True):
        """Time passes; what expires meanwhile is told."""
        self.shift += ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return self.tick(notify)

    def tick(self, notify=True):
        """Looks at every invoice and tells what was not told yet."""
        with self.lock:
            for invoice in sorted(self.invoices.values(),
                                  key=lambda i: i.expires):
                self.look(invoice)
        return self.tell_all(notify) + self.redeliver_due()

    def look(self, invoice):
        with self.lock:
            for kind, extra in invoice.look(self.now):
                self.note(invoice, kind, extra)

    def note(self, invoice, kind, extra):
        self.untold.append((invoice.id, kind, extra))

    def tell_all(self, notify=True, **how):
        with self.lock:
            events, self.untold = self.untold, []
        if not notify or not (self.webhook_urls or self.had_hooks):
            return []
        return [d for invoice_id, kind, extra in events
                for d in self.deliver(invoice_id, kind, extra=extra, **how)]

    # What buyers do

    def pay(self, invoice_id, amount=None, method="BTC-LN", confirmed=None,
            notify=True, **how):
        """A payment in bitcoin (default: what is due), told with all its
        events.  Lightning is confirmed at once, a chain payment later."""
        if confirmed is None:
            confirmed = method != "BTC-CHAIN"
        with self.lock:
            invoice = self.invoices[invoice_id]
            invoice.is_forced = False
            self.look(invoice)
            due = max(Decimal(0), invoice.needed - invoice.got()) or \
                invoice.needed
            payment = Payment(due if amount is None else Decimal(amount),
                              method, self.now, confirmed)
            invoice.payments.append(payment)
            self.note_payment(invoice, payment, "InvoiceReceivedPayment")
            if confirmed:
                self.note_payment(invoice, payment, "InvoicePaymentSettled")
            self.look(invoice)
        return self.tell_all(notify, **how)

    def pay_part(self, invoice_id, part=Decimal("0.5"), **how):
        """This part of the invoice's amount."""
        invoice = self.invoices[invoice_id]
        return self.pay(invoice_id, invoice.in_btc(
            invoice.amount * Decimal(part)), **how)

    def overpay(self, invoice_id, part=Decimal("1.5"), **how):
        return self.pay_part(invoice_id, part, **how)

    def note_payment(self, invoice, payment, kind):
        destination = invoice.address if payment.method == "BTC-CHAIN" \
            else invoice.bolt11
        self.note(invoice, kind, {
            "afterExpiration": invoice.status in ("Expired", "Invalid"),
            "paymentMethodId": payment.method,
            "payment": payment.json(destination)})

    def confirm(self, invoice_id, notify=True, **how):
        """Its payments get their confirmations."""
        with self.lock:
            invoice = self.invoices[invoice_id]
            for p in invoice.payments:
                if not p.is_confirmed and not p.is_replaced:
                    p.is_confirmed = True
                    self.note_payment(invoice, p, "InvoicePaymentSettled")
            self.look(invoice)
        return self.tell_all(notify, **how)

    def replace(self, invoice_id, notify=True, **how):
        """Its unconfirmed payments are replaced by ones to other places."""
        with self.lock:
            invoice = self.invoices[invoice_id]
            for p in invoice.payments:
                p.is_replaced = p.is_replaced or not p.is_confirmed
            self.look(invoice)
        return self.tell_all(notify, **how)

    def mark(self, invoice, status):
        invoice.status, invoice.additional = status, "Marked"
        invoice.is_forced = True
        self.note(invoice, f"Invoice{status}", {"manuallyMarked": True})

    def pull_payment(self, pull_id):
        if pull_id not in self.pull_payments:
            raise problem(404, "pullpayment-not-found",
                          "The pull payment was not found")
        return self.pull_payments[pull_id]

    # States, put

    def report_amount(self, invoice_id, sats):
        """From now on this invoice claims another amount."""
        self.invoices[invoice_id].reported_amount = Decimal(sats) / SATS

    def change(self, invoice_id, status, additional, paid=None):
        with self.lock:
            invoice = self.invoices[invoice_id]
            invoice.put(status, additional,
                        invoice.amount if paid is None else paid, self.now)
        return invoice

    def settle(self, invoice_id, notify=True, **how):
        self.change(invoice_id, "Settled", "None")
        return self.tell(notify, invoice_id, "InvoiceSettled", **how)

    def process(self, invoice_id, notify=True, **how):
        """Paid in full, not yet confirmed."""
        self.change(invoice_id, "Processing", "None")
        return self.tell(notify, invoice_id, "InvoiceProcessing", **how)

    def expire(self, invoice_id, notify=True, partial=False, **how):
        invoice = self.invoices[invoice_id]
        paid = invoice.amount / 2 if partial else Decimal(0)
        self.change(invoice_id, "Expired",
                    "PaidPartial" if partial else "None", paid)
        return self.tell(notify, invoice_id, "InvoiceExpired",
                         extra={"partiallyPaid": partial}, **how)

    def invalidate(self, invoice_id, notify=True, **how):
        self.change(invoice_id, "Invalid", "Marked", Decimal(0))
        return self.tell(notify, invoice_id, "InvoiceInvalid",
                         extra={"manuallyMarked": True}, **how)

    def pay_late(self, invoice_id, notify=True, **how):
        """Full amount after expiry: stays Expired, no InvoiceSettled."""
        self.change(invoice_id, "Expired", "PaidLate")
        return self.tell(notify, invoice_id, "InvoicePaidAfterExpiration",
                         **how)

    def mark_settled(self, invoice_id, notify=True, **how):
        self.change(invoice_id, "Settled", "Marked")
        return self.tell(notify, invoice_id, "InvoiceSettled",
                         extra={"manuallyMarked": True}, **how)

    def tell(self, notify, invoice_id, kind, **how):
        return self.deliver(invoice_id, kind, **how) if notify else []

    # Invoices

    def is_create(self, method, path):
        return method == "POST" and path.endswith("/invoices")

    def make_invoice(self, store, body):
        invoice = Invoice(store, self.url, body, self.now, self.rate)
        with self.lock:
            self.invoices[invoice.id] = invoice
            self.orders.setdefault(invoice.order_id, []).append(invoice)
            self.note(invoice, "InvoiceCreated", {})
        return invoice

    def create(self, body):
        """An invoice that another program makes in the same store."""
        return self.make_invoice(self.store, body).json()

    def billed(self, order_id):
        """How many invoices were made for this order."""
        return len(self.orders.get(order_id, []))

    def bills(self):
        """order id -> how many invoices."""
        with self.lock:
            return collections.Counter(
                {o: len(made) for o, made in self.orders.items()})

    # Webhooks

    def body(self, invoice_id, kind, original=None, extra=None, hook_id=None,
             at=None):
        """(delivery id, bytes) of one event's delivery."""
        invoice = self.invoices.get(invoice_id)
        delivery = base58(22)
        own = {"InvoiceSettled": {"manuallyMarked": False, "overPaid": False},
               "InvoiceInvalid": {"manuallyMarked": False},
               "InvoiceProcessing": {"overPaid": False},
               "InvoiceExpired": {"partiallyPaid": False}}.get(kind, {})
        event = {
            **own, **(extra or {}), "deliveryId": delivery,
            "webhookId": hook_id or self.webhook_id,
            "originalDeliveryId": original or delivery,
            "isRedelivery": original is not None, "type": kind,
            "timestamp": int(self.now if at is None else at),
            "storeId": invoice.store_id if invoice else self.store_id,
            "invoiceId": invoice_id,
            "metadata": invoice.metadata if invoice else {},
        }
        return delivery, json.dumps(event, indent=2).encode()

    def sign(self, body, secret=None):
        key = (secret or self.webhook_secret).encode()
        return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()

    def make_delivery(self, hook, invoice_id, kind, extra, original=None,
                      at=None):
        at = self.now if at is None else at
        delivery_id, body = self.body(invoice_id, kind, original, extra,
                                      hook.id, at)
        original = original or delivery_id
        return Delivery(
            hook.url, body, kind, {"BTCPay-Sig": self.sign(body, hook.secret)},
            original, lambda: self.make_delivery(hook, invoice_id, kind,
                                                 extra, original, at),
            RETRY_SECONDS if hook.redelivers else ())

    def prepare(self, invoice_id, kind, n=1, targets=None, extra=None):
        """n deliveries of one event, the later ones redeliveries: to the
        next of the targets in turn (default: webhook_urls), and n to each
        registered webhook that wants it."""
        urls = self.webhook_urls if targets is None else targets
        assert urls or self.had_hooks, "no webhook target is set"
        invoice = self.invoices.get(invoice_id)
        store = invoice.store if invoice else self.store
        hooks = [] if targets is not None else \
            [h for h in store.hooks.values() if h.wants(kind)]
        made, original = [], None
        for i in range(n if urls else 0):
            made.append(self.make_delivery(
                Builtin(self, urls[i % len(urls)]), invoice_id, kind, extra,
                original, None))
            original = original or made[-1].original
        for hook in hooks:
            first = self.make_delivery(hook, invoice_id, kind, extra)
            made.append(first)
            made += [first.remake() for _ in range(n - 1)]
        return made

    def deliver(self, invoice_id, kind, n=1, targets=None,
                concurrently=False, extra=None):
        return self.send(self.prepare(invoice_id, kind, n, targets, extra),
                         concurrently)
