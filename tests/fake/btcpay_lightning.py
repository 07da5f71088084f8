"""The Lightning node behind the fake BTCPay Server.

A payment is paid (200), in flight (202), without a route or failed (400),
or the node is down (503); whoever asks later by the payment's hash learns
what became of it.
"""
from fake import bolt11
from fake.btcpay_invoice import base58, invalid
from fake.wire import Answer, Refusal

MODES = ("paid", "pending", "unknown", "no-route", "error", "down")


class Payment:
    def __init__(self, invoice, text, now, fee_msat):
        self.id = base58(16)
        self.bolt11, self.hash = text, invoice["payment_hash"]
        self.msat, self.fee = invoice["msat"], fee_msat
        self.at = int(now)
        self.status = "Pending"

    @property
    def preimage(self):
        if self.status != "Complete":
            return None
        return bolt11.PREIMAGES.get(self.hash, "00" * 32)

    def json(self):
        done = self.status == "Complete"
        return {"id": self.id, "status": self.status, "BOLT11": self.bolt11,
                "paymentHash": self.hash, "preimage": self.preimage,
                "createdAt": self.at,
                "totalAmount": str(self.msat + self.fee) if done else None,
                "feeAmount": str(self.fee) if done else None}


class Lightning:
    def __init__(self, fake):
        self.fake = fake
        self.payments = {}
        self.reset()

    def reset(self):
        self.mode = "paid"
        self.next_modes = []        # of the next payments, then `mode'
        self.fee_msat = 1000
        self.balance_msat = None    # None: no end of it

    def finish(self, payment_hash, status="Complete"):
        """What was in flight is Complete or Failed from now on."""
        self.payments[payment_hash].status = status

    @property
    def sent_msat(self):
        return sum(p.msat for p in self.payments.values()
                   if p.status == "Complete")

    def refuse_if_down(self):
        if self.mode == "down" or self.next_modes[:1] == ["down"]:
            if self.next_modes:
                self.next_modes.pop(0)
            raise Refusal(503, {
                "code": "lightning-node-unavailable", "message":
                "The lightning node is unavailable (HttpRequestException: "
                "Connection refused)"})

    def pay(self, store, body):
        text = body.get("BOLT11") if isinstance(body, dict) else None
        self.refuse_if_down()
        try:
            invoice = bolt11.decode(text)
        except bolt11.Invalid:
            invoice = None
        if invoice is None or invoice["network"] != store.network:
            raise invalid(("BOLT11", "The BOLT11 invoice was invalid."))
        self.check(invoice, body)
        mode = self.next_modes.pop(0) if self.next_modes else self.mode
        assert mode in MODES, mode
        if mode == "no-route":
            raise Refusal(400, {"code": "could-not-find-route", "message":
                                "Impossible to find a route to the peer"})
        if mode == "error":
            self.generic("FAILURE_REASON_ERROR")
        payment = Payment(invoice, text, self.fake.now, self.fee_msat)
        self.payments[payment.hash] = payment
        if mode == "paid":
            payment.status = "Complete"
            if self.balance_msat is not None:
                self.balance_msat -= payment.msat + payment.fee
            return payment.json()
        if mode == "unknown":   # the node itself does not know it
            del self.payments[payment.hash]
            return Answer(202, {
                "id": None, "status": "Unknown", "BOLT11": None,
                "paymentHash": None, "preimage": None, "createdAt": None,
                "totalAmount": None, "feeAmount": None})
        return Answer(202, payment.json())

    def check(self, invoice, body):
        """What a node refuses before it looks for a route."""
        before = self.payments.get(invoice["payment_hash"])
        if before is not None and before.status == "Complete":
            self.generic("invoice is already paid")
        if before is not None and before.status == "Pending":
            self.generic("payment is in transition")
        if invoice["at"] + invoice["expiry"] <= self.fake.now:
            self.generic("invoice expired")
        if invoice["msat"] is None:
            if not body.get("amount"):
                self.generic("amount must be specified when paying a zero "
                             "amount invoice")
            invoice["msat"] = int(body["amount"])
        if self.balance_msat is not None and \
                invoice["msat"] + self.fee_msat > self.balance_msat:
            self.generic("insufficient_balance")

    @staticmethod
    def generic(message):
        raise Refusal(400, {"code": "generic-error", "message": message})

    def payment(self, payment_hash):
        self.refuse_if_down()
        if payment_hash not in self.payments:
            raise Refusal(404, {
                "code": "payment-not-found", "message": "Impossible to find a"
                " lightning payment with this payment hash"})
        return self.payments[payment_hash].json()

    def list(self, with_pending=False):
        self.refuse_if_down()
        return [p.json() for p in self.payments.values()
                if with_pending or p.status != "Pending"]

    def balance_json(self):
        self.refuse_if_down()
        local = self.balance_msat if self.balance_msat is not None \
            else 10**12
        return {"onchain": None, "offchain": {
            "opening": "0", "local": str(local), "remote": "0",
            "closing": "0"}}
