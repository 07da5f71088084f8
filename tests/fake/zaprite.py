"""Zaprite's API, v1: orders, contacts, saved payment profiles, charges.

Amounts are integers in the currency's smallest unit (BTC: satoshis).  Errors
are {code, message, issues?}.  Webhooks carry no signature and came in more
than one shape over time, so nothing in them is to be believed; an order is
found by its own id and by the external one.
"""
import collections
import datetime
import json
import re
import secrets
import time

from fake.hooks import Delivery, Postman
from fake.wire import Double, Refusal

OPEN = ("PENDING", "PROCESSING", "UNDERPAID")
PAID = ("PAID", "COMPLETE", "OVERPAID")
STATUSES = OPEN + PAID + ("EXPIRED", "CANCELLED", "INVALID")
CURRENCIES = ("BTC", "USD", "EUR")
# How an event names itself and the order it is about.
SHAPES = {
    "data": lambda e, o: {"id": o["hook"], "event": e, "data": o["body"]},
    "object": lambda e, o: {"id": o["hook"], "type": e,
                            "data": {"object": o["body"]}},
    "eventType": lambda e, o: {"eventType": e, "orderId": o["body"]["id"]},
    "flat": lambda e, o: {"name": e, "id": o["body"]["id"]},
    "empty first": lambda e, o: {"event": "", "eventType": None, "type": e,
                                 "data": {"id": o["body"]["id"]}},
}


def new_id(prefix):
    return f"{prefix}_{secrets.token_hex(10)}"


def bad(message, *issues):
    body = {"code": "BAD_REQUEST", "message": message}
    if issues:
        body["issues"] = [{"message": i} for i in issues]
    return Refusal(400, body)


def missing(what):
    return Refusal(404, {"code": "NOT_FOUND", "message": f"{what} not found"})


class Order:
    def __init__(self, fake, body, url):
        self.fake = fake
        self.id = new_id("od")
        self.body = body
        self.amount, self.currency = body["amount"], body["currency"]
        self.external_id = body.get("externalUniqId")
        self.link = f"{url}/order/{self.id}"
        self.created = self.updated = fake.now
        self.status, self.paid_at = "PENDING", None
        self.paid_amount = 0
        self.contact_id = body.get("contactId")
        self.reported_amount = None

    def change(self, status, paid=None):
        assert status in STATUSES, status
        self.status, self.updated = status, self.fake.now
        if paid is not None:
            self.paid_amount = paid
        if status in PAID and self.paid_at is None:
            self.paid_at = self.fake.now

    def json(self):
        amount = self.amount if self.reported_amount is None \
            else self.reported_amount
        return {"id": self.id, "status": self.status,
                "externalUniqId": self.external_id,
                "totalAmount": amount, "amount": amount,
                "currency": self.currency, "label": self.body.get("label"),
                "checkoutUrl": self.link,
                "redirectUrl": self.body.get("redirectUrl"),
                "metadata": self.body.get("metadata") or {},
                "customerData": self.body.get("customerData"),
                "contactId": self.contact_id,
                "createdAt": self.fake.text(self.created),
                "updatedAt": self.fake.text(self.updated),
                "paidAt": self.fake.text(self.paid_at)}


class Contact:
    def __init__(self, body):
        self.id = new_id("ct")
        self.email, self.name = body["email"], body.get("legalName")
        self.profiles = []

    def json(self):
        return {"id": self.id, "email": self.email, "legalName": self.name,
                "paymentProfiles": [p.json() for p in self.profiles]}


class Profile:
    """A saved card."""

    def __init__(self, order, expires):
        self.id = new_id("pp")
        self.order, self.expires = order, expires
        self.method = "STRIPE_CARD"
        self.charges = "PAID"   # the status of orders that it is charged for

    def json(self):
        return {"id": self.id, "method": self.method,
                "expiresAt": self.expires, "sourceOrder": {
                    "id": self.order.id,
                    "externalUniqId": self.order.external_id}}


class FakeZaprite(Postman, Double):
    wrong_types = b'{"id":5,"checkoutUrl":[],"status":{},"items":7}'

    def __init__(self):
        super().__init__()
        self.shift = 0.0
        self.api_key = secrets.token_hex(16)
        self.webhook_urls = []
        self.orders, self.contacts = {}, {}
        self.charges = []       # (order id, profile id, status)
        self.reset()

    def reset(self):
        super().reset()
        self.clear_deliveries()
        self.shift = 0.0
        with self.lock:
            self.is_unique = False      # refuses an external id used before
            self.decline = None         # status of charges, for all cards
            self.shape = "data"

    def settings(self):
        """Zaprite has no settings: an operator connects it by the API, with
        `api_key' and `url' as base_url."""
        return {}

    @property
    def now(self):
        return time.time() + self.shift

    @now.setter
    def now(self, seconds):
        self.shift = seconds - time.time()

    @staticmethod
    def text(seconds):
        if seconds is None:
            return None
        when = datetime.datetime.fromtimestamp(seconds,
                                               datetime.timezone.utc)
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + \
            f"{when.microsecond // 1000:03d}Z"

    # What buyers do

    def change(self, order_id, status, paid=None):
        with self.lock:
            order = self.orders[order_id]
            order.change(status, order.amount if paid is None and
                         status in PAID else paid)
            if status in PAID and \
                    order.body.get("allowSavePaymentProfile"):
                self.save_card(order)
        return order

    def pay(self, order_id, status="PAID", notify=True, **how):
        """PAID, COMPLETE or OVERPAID; the card is saved when the order
        allows it."""
        self.change(order_id, status)
        return self.tell(notify, order_id, f"order.{status.lower()}", **how)

    def process(self, order_id, notify=True, **how):
        self.change(order_id, "PROCESSING")
        return self.tell(notify, order_id, "order.change", **how)

    def underpay(self, order_id, paid=1, notify=True, **how):
        self.change(order_id, "UNDERPAID", paid)
        return self.tell(notify, order_id, "order.underpaid", **how)

    def expire(self, order_id, notify=True, **how):
        self.change(order_id, "EXPIRED")
        return self.tell(notify, order_id, "order.expired", **how)

    def cancel(self, order_id, notify=True, **how):
        self.change(order_id, "CANCELLED")
        return self.tell(notify, order_id, "order.cancelled", **how)

    def save_card(self, order, expires="2030-12-31T23:59:59.000Z"):
        contact = self.contacts.get(order.contact_id)
        if contact is None or any(p.order is order
                                  for p in contact.profiles):
            return None
        profile = Profile(order, expires)
        contact.profiles.append(profile)
        return profile

    def order_of(self, external_id):
        """The only order that has this external id."""
        order, = [o for o in self.orders.values()
                  if o.external_id == external_id]
        return order

    def billed(self, external_id):
        return self.bills()[external_id]

    def bills(self):
        """external id -> how many orders."""
        with self.lock:
            return collections.Counter(o.external_id
                                       for o in self.orders.values())

    # Webhooks

    def tell(self, notify, order_id, event, **how):
        return self.deliver(order_id, event, **how) if notify else []

    def make_delivery(self, url, order_id, event, shape, changed):
        order = self.orders.get(order_id)
        body = order.json() if order else {"id": order_id, "status": "PAID"}
        body.update(changed or {})
        text = json.dumps(SHAPES[shape](
            event, {"hook": new_id("evt"), "body": body})).encode()
        return Delivery(url, text, event, remake=lambda: self.make_delivery(
            url, order_id, event, shape, changed))

    def prepare(self, order_id, event, n=1, targets=None, shape=None,
                changed=None):
        """n deliveries to the next of the targets in turn; `changed'
        replaces fields of the order in the event: a lie, or an old story."""
        urls = targets or self.webhook_urls
        assert urls, "no webhook target is set"
        return [self.make_delivery(urls[i % len(urls)], order_id, event,
                                   shape or self.shape, changed)
                for i in range(n)]

    def deliver(self, order_id, event, concurrently=False, **how):
        return self.send(self.prepare(order_id, event, **how), concurrently)

    # The API

    def is_create(self, method, path):
        return method == "POST" and path in ("/v1/orders", "/v1/order")

    def answer(self, request):
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise Refusal(401, {"code": "UNAUTHORIZED",
                                "message": "Authorization not provided"})
        if request.is_malformed:
            raise bad("Failed to parse JSON body")
        # The singular is what it was called at first, and still answers.
        path = re.sub(r"^/v1/order(?=/|$)", "/v1/orders",
                      request.path.rstrip("/"))
        calls = (("GET", r"/v1/orders", self.list_orders),
                 ("POST", r"/v1/orders", self.create_order),
                 ("POST", r"/v1/orders/charge", self.charge),
                 ("GET", r"/v1/orders/([^/]+)", self.read_order),
                 ("POST", r"/v1/contacts", self.create_contact),
                 ("GET", r"/v1/contacts/([^/]+)", self.read_contact))
        for method, pattern, call in calls:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                with self.lock:
                    return call(request, *found.groups())
        raise missing("Route")

    @staticmethod
    def fields(request, **types):
        body = request.json
        if not isinstance(body, dict):
            raise bad("Invalid input data", "Expected object")
        for name, kind in types.items():
            if not isinstance(body.get(name), kind) or \
                    isinstance(body.get(name), bool):
                raise bad("Invalid input data", f"{name}: Expected "
                          f"{'number' if kind is int else 'string'}")
        return body

    def create_order(self, request):
        body = self.fields(request, amount=int, currency=str)
        if body["amount"] <= 0:
            raise bad("Invalid input data", "amount: must be positive")
        if body["currency"] not in CURRENCIES:
            raise bad("Invalid input data", "currency: not supported")
        if body.get("contactId") not in (None, *self.contacts):
            raise missing("Contact")
        external = body.get("externalUniqId")
        if self.is_unique and external and self.bills()[external]:
            raise Refusal(409, {"code": "CONFLICT", "message":
                                "externalUniqId is used already"})
        order = Order(self, body, self.url)
        self.orders[order.id] = order
        return order.json()

    def list_orders(self, request):
        limit = min(100, int(request.first("limit", "25")))
        page = int(request.first("page", "1"))
        found = list(self.orders.values())[::-1]
        word = request.first("search")
        if word:
            found = [o for o in found if word in (o.id, o.external_id)]
        pages = max(1, -(-len(found) // limit))
        return {"items": [o.json() for o in
                          found[(page - 1) * limit:page * limit]],
                "meta": {"page": page, "limit": limit, "pagesCount": pages,
                         "totalCount": len(found)}}

    def find(self, order_id):
        if order_id in self.orders:
            return self.orders[order_id]
        named = [o for o in self.orders.values()
                 if o.external_id == order_id]
        if not named:
            raise missing("Order")
        return named[-1]

    def read_order(self, request, order_id):
        return self.find(order_id).json()

    def create_contact(self, request):
        contact = Contact(self.fields(request, email=str))
        if "@" not in contact.email:
            raise bad("Invalid input data", "email: Invalid email")
        self.contacts[contact.id] = contact
        return contact.json()

    def read_contact(self, request, contact_id):
        if contact_id not in self.contacts:
            raise missing("Contact")
        return self.contacts[contact_id].json()

    def charge(self, request):
        """A saved card pays an order: at once, or not."""
        body = self.fields(request, orderId=str, paymentProfileId=str)
        order = self.find(body["orderId"])
        profile = next((p for c in self.contacts.values()
                        for p in c.profiles
                        if p.id == body["paymentProfileId"]), None)
        if profile is None:
            raise missing("Payment profile")
        if order.status in PAID:
            raise bad("Order is already paid")
        status = self.decline or profile.charges
        self.charges.append((order.id, profile.id, status))
        order.change(status, order.amount if status in PAID else None)
        return order.json()
