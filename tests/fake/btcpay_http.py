"""The Greenfield API of the fake BTCPay Server: who may call what, and what
each call answers."""
import re

from fake.btcpay_invoice import invalid
from fake.btcpay_refund import refund
from fake.btcpay_store import Hook, missing, unauthenticated
from fake.wire import Answer, Refusal


def problem(status, code, message):
    return Refusal(status, {"code": code, "message": message})


# (method, path below the store, permission, function)
ROUTES = []


def route(method, pattern, permission):
    """The path's {names} are the function's further arguments."""
    path = re.compile("/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
                      if pattern else "")

    def register(function):
        ROUTES.append((method, path, permission, function))
        return function
    return register


class Api:
    """Mixed into the fake."""

    def key_of(self, request):
        found = re.match(r"(?:token|bearer)\s+(\S+)",
                         request.headers.get("Authorization") or "",
                         re.IGNORECASE)
        if found is None:
            raise unauthenticated("Authentication is required for accessing "
                                  "this endpoint")
        key = self.keys.get(found.group(1))
        if key is None:
            raise unauthenticated(
                "ApiKey authentication failed: Unknown API Key")
        return key

    def answer(self, request):
        path = request.path.rstrip("/")
        if path == "/api-keys/authorize" and request.method == "GET":
            return Answer(200, self.consent_page(request), "text/html")
        pull = re.fullmatch(r"/api/v1/pull-payments/(\w+)", path)
        if pull and request.method == "GET":    # whoever knows its id
            return self.pull_payment(pull.group(1)).json(self.url)
        key = self.key_of(request)
        if path == "/api/v1/api-keys/current":
            return self.current_key(request, key)
        if path == "/api/v1/stores" and request.method == "GET":
            return [self.stores[i].json() for i in key.stores(self.stores)]
        found = re.match(r"/api/v1/stores/([^/]+)(/.*)?$", path)
        if found is None:
            raise problem(404, "not-found", "No such call")
        return self.store_call(request, key, found.group(1),
                               found.group(2) or "")

    def store_call(self, request, key, store_id, path):
        for method, pattern, permission, function in ROUTES:
            match = pattern.fullmatch(path)
            if match is None or method != request.method:
                continue
            store = self.stores.get(store_id)
            if store is None and self.unknown_store == 404:
                raise problem(404, "store-not-found",
                              "The store was not found")
            if store is None or not key.allows(permission, store_id):
                raise missing(permission)
            self.check_invoice(store, match, permission)
            if request.is_malformed:
                raise problem(400, "generic-error", "Malformed JSON")
            request.key = key
            with self.lock:
                return function(self, store, request, **match.groupdict())
        raise problem(404, "not-found", "No such call")

    def check_invoice(self, store, match, permission):
        """Another store's invoice is none of this key's business."""
        invoice = self.invoices.get(match.groupdict().get("invoice_id"))
        if invoice is not None and invoice.store is not store:
            raise missing(permission)

    def current_key(self, request, key):
        if request.method == "DELETE":
            with self.lock:
                del self.keys[key.text]
            return Answer(200)
        return key.json()

    def invoice_of(self, invoice_id):
        invoice = self.invoices.get(invoice_id)
        if invoice is None:
            raise problem(404, "invoice-not-found",
                          "The invoice was not found")
        self.look(invoice)
        return invoice


@route("GET", "", "canviewstoresettings")
def store_get(fake, store, request):
    return store.json()


# Invoices

@route("POST", "invoices", "cancreateinvoice")
def invoice_create(fake, store, request):
    if not isinstance(request.json, dict):
        raise invalid(("", "Body expected"))
    return fake.make_invoice(store, request.json).json()


@route("GET", "invoices", "canviewinvoices")
def invoice_list(fake, store, request):
    query = request.query
    found = [i for o in query["orderId"] for i in fake.orders.get(o, [])] \
        if "orderId" in query else list(fake.invoices.values())
    found = [i for i in found if i.store is store]
    for invoice in found:
        fake.look(invoice)
    if "status" in query:
        found = [i for i in found if i.status in query["status"]]
    if request.first("includeArchived", "").lower() != "true":
        found = [i for i in found if not i.archived]
    found = found[::-1]     # newest first
    skip = int(request.first("skip", "0"))
    take = int(request.first("take", str(len(found))))
    return [i.json() for i in found[skip:skip + take]]


@route("GET", "invoices/{invoice_id}", "canviewinvoices")
def invoice_get(fake, store, request, invoice_id):
    return fake.invoice_of(invoice_id).json()


@route("DELETE", "invoices/{invoice_id}", "canmodifyinvoices")
def invoice_archive(fake, store, request, invoice_id):
    fake.invoice_of(invoice_id).archived = True
    return Answer(200)


@route("POST", "invoices/{invoice_id}/unarchive", "canmodifyinvoices")
def invoice_unarchive(fake, store, request, invoice_id):
    invoice = fake.invoice_of(invoice_id)
    if not invoice.archived:
        raise problem(400, "already-unarchived",
                      "Invoice is already unarchived")
    invoice.archived = False
    return invoice.json()


@route("POST", "invoices/{invoice_id}/status", "canmodifyinvoices")
def invoice_mark(fake, store, request, invoice_id):
    invoice = fake.invoice_of(invoice_id)
    status = (request.json or {}).get("status")
    if status not in ("Settled", "Invalid") or not invoice.can_mark(status):
        raise invalid(("status", "Status can only be marked to invalid or "
                       "settled within certain conditions."))
    fake.mark(invoice, status)
    return invoice.json()


@route("GET", "invoices/{invoice_id}/payment-methods", "canviewinvoices")
def invoice_methods(fake, store, request, invoice_id):
    return fake.invoice_of(invoice_id).methods_json(fake.is_old)


@route("POST", "invoices/{invoice_id}/refund",
       "cancreatenonapprovedpullpayments")
def invoice_refund(fake, store, request, invoice_id):
    invoice = fake.invoice_of(invoice_id)
    pull = refund(invoice, request.json, fake.now,
                  request.key.allows("cancreatepullpayments", store.id))
    fake.pull_payments[pull.id] = pull
    fake.note(invoice, "InvoiceRefund", {"pullPaymentId": pull.id})
    return pull.json(fake.url)


@route("GET", "pull-payments", "canviewpullpayments")
def pull_list(fake, store, request):
    everything = request.first("includeArchived", "").lower() == "true"
    return [p.json(fake.url) for p in fake.pull_payments.values()
            if p.store is store and (everything or not p.archived)]


@route("DELETE", "pull-payments/{pull_id}", "canarchivepullpayments")
def pull_archive(fake, store, request, pull_id):
    pull = fake.pull_payment(pull_id)
    if pull.store is not store:
        raise problem(404, "pullpayment-not-found",
                      "The pull payment was not found")
    pull.archived = True
    return Answer(200)


# Webhooks

def hook_of(store, hook_id):
    if hook_id not in store.hooks:
        raise problem(404, "webhook-not-found", "The webhook was not found")
    return store.hooks[hook_id]


@route("GET", "webhooks", "webhooks.canmodifywebhooks")
def hook_list(fake, store, request):
    return [h.json() for h in store.hooks.values()]


@route("POST", "webhooks", "webhooks.canmodifywebhooks")
def hook_create(fake, store, request):
    hook = Hook(request.json)
    store.hooks[hook.id] = hook
    fake.had_hooks = True
    return hook.json(with_secret=True)


@route("GET", "webhooks/{hook_id}", "webhooks.canmodifywebhooks")
def hook_get(fake, store, request, hook_id):
    return hook_of(store, hook_id).json()


@route("PUT", "webhooks/{hook_id}", "webhooks.canmodifywebhooks")
def hook_update(fake, store, request, hook_id):
    hook_of(store, hook_id).update(request.json)
    return hook_of(store, hook_id).json()


@route("DELETE", "webhooks/{hook_id}", "webhooks.canmodifywebhooks")
def hook_delete(fake, store, request, hook_id):
    hook_of(store, hook_id)
    del store.hooks[hook_id]
    return Answer(200)


# Payment methods, wallet, lightning

@route("GET", "payment-methods", "canviewstoresettings")
def method_list(fake, store, request):
    only = request.first("onlyEnabled", "").lower() == "true"
    return [{"paymentMethodId": m, "enabled": on, "config": None}
            for m, on in store.methods.items() if on or not only]


@route("GET", "payment-methods/{method}/wallet/address", "canviewwallet")
def wallet_address(fake, store, request, method):
    if method not in ("BTC-CHAIN", "BTC") or not store.has_wallet:
        raise problem(404, "paymentmethod-not-found",
                      "The payment method is not found")
    fresh = request.first("forceGenerate", "").lower() == "true"
    address = store.receive_address(fresh)
    return {"address": address, "keyPath": "0/1",
            "paymentLink": f"bitcoin:{address}"}


@route("POST", "lightning/BTC/invoices/pay", "canuselightningnode")
def lightning_pay(fake, store, request):
    return fake.lightning.pay(store, request.json)


@route("GET", "lightning/BTC/payments/{payment_hash}", "canuselightningnode")
def lightning_payment(fake, store, request, payment_hash):
    return fake.lightning.payment(payment_hash)


@route("GET", "lightning/BTC/payments", "canuselightningnode")
def lightning_payments(fake, store, request):
    return fake.lightning.list(
        request.first("includePending", "").lower() == "true")


@route("GET", "lightning/BTC/balance", "canuselightningnode")
def lightning_balance(fake, store, request):
    return fake.lightning.balance_json()
