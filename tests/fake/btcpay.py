"""A BTCPay Server, Greenfield API v1, as far as a merchant's program sees it.

Faithful where a client can go wrong: creation answers 200, decimals are
strings that lose their trailing zeros, times are numbers, errors come in two
shapes, webhook bodies are indented JSON and every redelivery has a new id.

Switches make it slow, silent, wrong, forgetful of its reply, or absent.
"""
import contextlib
import hashlib
import hmac
import json
import random
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation

import requests

from fake.btcpay_http import Handler, Refusal, Server, problem

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SATS = Decimal(100_000_000)
RETRIED = {None, 408, 429}


def base58(n):
    return "".join(secrets.choice(BASE58) for _ in range(n))


def decimal_text(value):
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Invoice:
    def __init__(self, store_id, url, body):
        self.id = base58(22)
        self.store_id = store_id
        self.link = f"{url}/i/{self.id}"
        self.amount = self.parse_amount(body.get("amount"))
        self.currency = str(body.get("currency") or "BTC").upper()
        self.metadata = body.get("metadata") or {}
        self.checkout = body.get("checkout") or {}
        minutes = self.checkout.get("expirationMinutes") or 15
        self.created = int(time.time())
        self.expires = self.created + minutes * 60
        self.status, self.additional = "New", "None"
        self.paid = Decimal(0)
        self.archived = False
        self.reported_amount = None

    @staticmethod
    def parse_amount(text):
        try:
            value = Decimal(str(text))
        except InvalidOperation:
            value = None
        if value is None or not value.is_finite() or value < 0:
            raise Refusal(422, [{"path": "amount",
                                 "message": "The amount is invalid."}])
        return value

    @property
    def order_id(self):
        return self.metadata.get("orderId")

    def json(self):
        amount = self.amount if self.reported_amount is None \
            else self.reported_amount
        marking = {"New": ["Settled", "Invalid"],
                   "Processing": ["Settled", "Invalid"],
                   "Expired": ["Settled"],
                   "Settled": ["Invalid"], "Invalid": ["Settled"]}
        return {
            "id": self.id, "storeId": self.store_id,
            "amount": decimal_text(amount),
            "paidAmount": decimal_text(self.paid),
            "currency": self.currency, "type": "Standard",
            "checkoutLink": self.link, "createdTime": self.created,
            "expirationTime": self.expires,
            "monitoringExpiration": self.expires + 3600,
            "status": self.status, "additionalStatus": self.additional,
            "availableStatusesForManualMarking": marking[self.status],
            "archived": self.archived, "metadata": self.metadata,
            "checkout": {**self.checkout, "paymentMethods": ["BTC-LN"]},
            "receipt": {"enabled": None, "showQR": None,
                        "showPayments": None},
        }


class Delivery:
    """One webhook delivery and what came of it (status None: no answer)."""

    def __init__(self, target, body, original):
        self.target, self.body, self.original = target, body, original
        self.status, self.text = None, ""

    @property
    def is_retried(self):
        return self.status in RETRIED or self.status >= 500


class FakeBtcpay:
    def __init__(self):
        self.api_key = secrets.token_hex(20)
        self.store_id = base58(44)
        self.webhook_secret = base58(26)
        self.webhook_id = base58(22)
        self.lock = threading.RLock()
        self.webhook_urls = []
        self.server = None
        self.port = 0
        self.invoices, self.orders = {}, {}
        self.reset()

    # Life

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.fake = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()
        return self

    def stop(self):
        self.released.set()
        if self.server is not None:
            server, self.server = self.server, None
            server.end()

    def reset(self):
        """All switches off; invoices stay."""
        with self.lock:
            if getattr(self, "released", None) is not None:
                self.released.set()
            self.released = threading.Event()
            self.delay = 0.0
            self.is_silent = False
            self.wrong_reply = None
            self.lost_creates = 0
            self.requests = []
            self.deliveries = []
        if self.server is None and self.port:
            self.start()

    def settings(self):
        """The server's settings for this fake."""
        return {
            "LICET_PAYMENTS": "btcpay",
            "LICET_BTCPAY_URL": self.url,
            "LICET_BTCPAY_API_KEY": self.api_key,
            "LICET_BTCPAY_STORE_ID": self.store_id,
            "LICET_BTCPAY_WEBHOOK_SECRET": self.webhook_secret,
        }

    # Switches

    def slow(self, seconds):
        self.delay = seconds

    def silent(self, on=True):
        """Accept and never answer; turning it off hangs up on the waiting."""
        self.is_silent = on
        if not on:
            self.released.set()
            self.released = threading.Event()

    def wrong(self, kind="garbage"):
        """garbage, html, empty, truncated, 500, 401, huge or None."""
        self.wrong_reply = kind

    def lose_create(self, times=1):
        """The next creations happen, but their reply never arrives."""
        self.lost_creates = times

    @contextlib.contextmanager
    def away(self):
        """Nobody listens on the port meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def report_amount(self, invoice_id, sats):
        """From now on this invoice claims another amount."""
        self.invoices[invoice_id].reported_amount = Decimal(sats) / SATS

    # What buyers and the clock do

    def change(self, invoice_id, status, additional, paid=None):
        with self.lock:
            invoice = self.invoices[invoice_id]
            invoice.status, invoice.additional = status, additional
            invoice.paid = invoice.amount if paid is None else paid
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
        return self.tell(notify, invoice_id, "InvoiceExpired", **how)

    def invalidate(self, invoice_id, notify=True, **how):
        self.change(invoice_id, "Invalid", "Marked", Decimal(0))
        return self.tell(notify, invoice_id, "InvoiceInvalid", **how)

    def pay_late(self, invoice_id, notify=True, **how):
        """Full amount after expiry: stays Expired, no InvoiceSettled."""
        self.change(invoice_id, "Expired", "PaidLate")
        return self.tell(notify, invoice_id, "InvoicePaidAfterExpiration",
                         **how)

    def mark_settled(self, invoice_id, notify=True, **how):
        self.change(invoice_id, "Settled", "Marked")
        return self.tell(notify, invoice_id, "InvoiceSettled", **how)

    def tell(self, notify, invoice_id, kind, **how):
        return self.deliver(invoice_id, kind, **how) if notify else []

    # Webhooks

    def body(self, invoice_id, kind, original=None):
        invoice = self.invoices.get(invoice_id)
        delivery = base58(22)
        event = {
            "manuallyMarked": False, "overPaid": False,
            "deliveryId": delivery, "webhookId": self.webhook_id,
            "originalDeliveryId": original or delivery,
            "isRedelivery": original is not None, "type": kind,
            "timestamp": int(time.time()), "storeId": self.store_id,
            "invoiceId": invoice_id,
            "metadata": invoice.metadata if invoice else {},
        }
        return delivery, json.dumps(event, indent=2).encode()

    def sign(self, body, secret=None):
        key = (secret or self.webhook_secret).encode()
        return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()

    def post(self, delivery, session=None):
        try:
            r = (session or requests).post(
                delivery.target, data=delivery.body, timeout=30,
                headers={"Content-Type": "application/json",
                         "BTCPay-Sig": self.sign(delivery.body)})
            delivery.status, delivery.text = r.status_code, r.text
        except requests.RequestException as e:
            delivery.text = str(e)
        with self.lock:
            self.deliveries.append(delivery)
        return delivery

    def prepare(self, invoice_id, kind, n=1, targets=None):
        """n deliveries of one event, the later ones redeliveries, each to
        the next of the targets in turn."""
        targets = targets or self.webhook_urls
        assert targets, "no webhook target is set"
        made, original = [], None
        for i in range(n):
            delivery, body = self.body(invoice_id, kind, original)
            original = original or delivery
            made.append(Delivery(targets[i % len(targets)], body, original))
        return made

    def deliver(self, invoice_id, kind, n=1, targets=None,
                concurrently=False):
        made = self.prepare(invoice_id, kind, n, targets)
        if not concurrently:
            return [self.post(d) for d in made]
        with ThreadPoolExecutor(max_workers=len(made)) as pool:
            return list(pool.map(self.post, made))

    def deliver_all(self, deliveries, threads=16, shuffle=True):
        """Many prepared deliveries, reordered, from several threads."""
        deliveries = list(deliveries)
        if shuffle:
            random.Random(len(deliveries)).shuffle(deliveries)
        local = threading.local()

        def post(delivery):
            if not hasattr(local, "session"):
                local.session = requests.Session()
                local.session.trust_env = False
            return self.post(delivery, local.session)
        with ThreadPoolExecutor(max_workers=threads) as pool:
            return list(pool.map(post, deliveries))

    def redeliver_failed(self):
        """What automatic redelivery does after its pause: again what got no
        answer, 408, 429 or 5xx; other refusals are dropped."""
        with self.lock:
            failed = [d for d in self.deliveries if d.is_retried]
            self.deliveries = [d for d in self.deliveries
                               if not d.is_retried]
        again = []
        for d in failed:
            old = json.loads(d.body)
            _, body = self.body(old["invoiceId"], old["type"], d.original)
            again.append(self.post(Delivery(d.target, body, d.original)))
        return again

    # The API

    def answer(self, method, path, query, body):
        """(status, JSON) of one call; raises Refusal."""
        store = f"/api/v1/stores/{self.store_id}"
        if path == "/api/v1/stores" and method == "GET":
            return [{"id": self.store_id, "name": "Test store"}]
        if path == "/api/v1/api-keys/current":
            return {"apiKey": self.api_key, "label": "test", "permissions":
                    [f"btcpay.store.cancreateinvoice:{self.store_id}"]}
        if not path.startswith(store + "/"):
            raise problem(404, "store-not-found", "The store was not found")
        parts = path[len(store) + 1:].split("/")
        if parts == ["invoices"]:
            if method == "POST":
                return self.create(body)
            if method == "GET":
                return self.list(query)
        if parts[0] == "invoices" and len(parts) in (2, 3):
            return self.invoice_call(method, parts[1], parts[2:], body)
        if parts == ["payment-methods"] and method == "GET":
            return [{"paymentMethodId": "BTC-LN", "enabled": True}]
        raise problem(404, "not-found", "No such call")

    def create(self, body):
        if not isinstance(body, dict):
            raise Refusal(422, [{"path": "", "message": "Body expected"}])
        invoice = Invoice(self.store_id, self.url, body)
        with self.lock:
            self.invoices[invoice.id] = invoice
            self.orders.setdefault(invoice.order_id, []).append(invoice)
        return invoice.json()

    def list(self, query):
        orders, states = query.get("orderId"), query.get("status")
        with self.lock:
            if orders:
                found = [i for o in orders for i in self.orders.get(o, [])]
            else:
                found = list(self.invoices.values())
        if states:
            found = [i for i in found if i.status in states]
        found = [i for i in found if not i.archived]
        found.sort(key=lambda i: i.created, reverse=True)
        skip = int(query.get("skip", ["0"])[0])
        take = int(query.get("take", ["50"])[0])
        return [i.json() for i in found[skip:skip + take]]

    def invoice_call(self, method, invoice_id, rest, body):
        invoice = self.invoices.get(invoice_id)
        if invoice is None:
            raise problem(404, "invoice-not-found",
                          "The invoice was not found")
        if rest == [] and method == "GET":
            return invoice.json()
        if rest == [] and method == "DELETE":
            invoice.archived = True
            return invoice.json()
        if rest == ["payment-methods"] and method == "GET":
            return [{"paymentMethodId": "BTC-LN", "destination": "lnbc1fake",
                     "due": decimal_text(invoice.amount - invoice.paid),
                     "totalPaid": decimal_text(invoice.paid),
                     "payments": []}]
        if rest == ["status"] and method == "POST":
            if body.get("status") not in ("Settled", "Invalid"):
                raise Refusal(422, [{"path": "status", "message": "Invalid"}])
            self.change(invoice_id, body["status"], "Marked")
            return invoice.json()
        raise problem(404, "not-found", "No such call")
