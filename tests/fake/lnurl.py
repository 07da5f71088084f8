"""The host of Lightning addresses (LUD-16, LUD-06, LUD-21).

Its invoices are real to the last bit, and their preimages are known to the
node of the fake BTCPay Server, so a payment of one can be proved.  It can
cheat: `cheat' is how the invoices differ from what was asked for.
"""
import hashlib
import json
import re
import time

from fake import bolt11
from fake.wire import Answer, Double

CHEATS = {
    "more": lambda m: {"msat": m["msat"] + 1000},
    "less": lambda m: {"msat": m["msat"] - 1000},
    "amountless": lambda m: {"msat": None},
    "other hash": lambda m: {
        "description_hash": hashlib.sha256(b"other").digest()},
    "description": lambda m: {"description_hash": None,
                              "description": m["metadata"]},
    "expired": lambda m: {"at": m["at"] - 7200},
    "testnet": lambda m: {"network": "testnet"},
}


class Made:
    """An invoice that was handed out."""

    def __init__(self, name, pr, asked_msat, comment):
        self.name, self.pr, self.msat = name, pr, asked_msat
        self.comment = comment
        self.hash = bolt11.decode(pr)["payment_hash"]


class Lnurl(Double):
    wrong_types = (b'{"tag":7,"callback":[],"minSendable":"1","maxSendable":'
                   b'{},"metadata":[["text/plain","x"]],"pr":5}')

    def __init__(self, network="mainnet"):
        super().__init__()
        self.network = network
        self.made = []
        self.nodes = []     # BTCPay doubles whose payments verify knows of
        self.reset()

    def reset(self):
        super().reset()
        with self.lock:
            self.names = None           # None: every name exists
            self.min_msat, self.max_msat = 1000, 500_000_000_000
            self.comment_allowed = 0
            self.extra_metadata = []
            self.overrides = {}         # fields of the payRequest
            self.cheat = None
            self.error = None           # reason of the callback's ERROR
            self.broken_pr = None       # handed out as it stands
            self.callback_query = True
            self.shift = 0.0            # of its clock, in seconds

    def settings(self):
        return {"LICET_OUTBOUND_INSECURE": "on"}

    @property
    def domain(self):
        return f"127.0.0.1:{self.port}"

    def address(self, name="dev"):
        return f"{name}@{self.domain}"

    @property
    def now(self):
        return time.time() + self.shift

    def paid(self, fake_btcpay):
        """Those of its invoices that this BTCPay Server's node paid."""
        payments = fake_btcpay.lightning.payments
        return [m for m in self.made if m.hash in payments and
                payments[m.hash].status == "Complete"]

    # What it answers

    def answer(self, request):
        for pattern, call in ((r"/\.well-known/lnurlp/(.+)", self.describe),
                              (r"/lnurl/cb/(.+)", self.callback),
                              (r"/lnurl/verify/(\w+)", self.verify)):
            found = re.fullmatch(pattern, request.path)
            if found and request.method == "GET":
                return call(request, found.group(1))
        return Answer(404, b"not found", "text/plain")

    @staticmethod
    def refuse(reason):
        return {"status": "ERROR", "reason": reason}

    def knows(self, name):
        return self.names is None or name in self.names

    def metadata(self, name):
        entries = [["text/plain", f"Payment to {self.address(name)}"],
                   ["text/identifier", self.address(name)]]
        return json.dumps(entries + self.extra_metadata,
                          separators=(",", ":"), ensure_ascii=False)

    def describe(self, request, name):
        if not self.knows(name):
            return Answer(404, self.refuse(f"{name} is unknown here"))
        query = f"?user={name}" if self.callback_query else ""
        out = {"tag": "payRequest",
               "callback": f"{self.url}/lnurl/cb/{name}{query}",
               "minSendable": self.min_msat, "maxSendable": self.max_msat,
               "metadata": self.metadata(name)}
        if self.comment_allowed:
            out["commentAllowed"] = self.comment_allowed
        out.update(self.overrides)
        return {k: v for k, v in out.items() if v is not None}

    def callback(self, request, name):
        amount = request.first("amount", "")
        comment = request.first("comment", "")
        if self.error is not None:
            return self.refuse(self.error)
        if not self.knows(name) or not re.fullmatch(r"[0-9]{1,18}", amount):
            return self.refuse("Invalid amount")
        msat = int(amount)
        if not self.min_msat <= msat <= self.max_msat:
            return self.refuse(f"Amount {msat} is out of bounds")
        if len(comment) > self.comment_allowed:
            return self.refuse("Comment is too long")
        if self.broken_pr is not None:
            return {"pr": self.broken_pr, "routes": []}
        pr = self.invoice(name, msat)
        made = Made(name, pr, msat, comment)
        with self.lock:
            self.made.append(made)
        return {"pr": pr, "routes": [],
                "verify": f"{self.url}/lnurl/verify/{made.hash}"}

    def invoice(self, name, msat):
        metadata = self.overrides.get("metadata") or self.metadata(name)
        how = {"msat": msat, "network": self.network, "at": int(self.now),
               "description_hash": hashlib.sha256(
                   metadata.encode()).digest()}
        if self.cheat is not None:
            how.update(CHEATS[self.cheat]({**how, "metadata": metadata}))
        return bolt11.encode(**how)

    def verify(self, request, payment_hash):
        for made in self.made:
            if made.hash == payment_hash:
                done = any(made in self.paid(node) for node in self.nodes)
                return {"status": "OK", "settled": done, "pr": made.pr,
                        "preimage": bolt11.PREIMAGES[made.hash]
                        if done else None}
        return self.refuse("Not found")

    def is_create(self, method, path):
        return path.startswith("/lnurl/cb/")
