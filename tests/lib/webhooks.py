"""Operators' webhooks: endpoints at a Vendor, and what they are sent.

verify_standard() is an implementation of Standard Webhooks' verification of its
own, after the specification: it shares nothing with the server's.
"""
import base64
import hashlib
import hmac
import itertools
import time

from lib.client import Api
from lib.process import wait_for

NUMBERS = itertools.count(1)


class Hooks(Api):
    """Client of an instance with LICET_WEBHOOK_PRIVATE=on, and its vendor."""

    def __init__(self, server, vendor):
        super().__init__(server.url, server.admin_key, server.db)
        self.server, self.vendor, self.clock = server, vendor, server.clock

    def endpoint(self, path=None, url=None, **fields):
        """A new endpoint; `path' is its own unless given."""
        path = path or f"/{next(NUMBERS)}"
        made = self.do("POST", "/webhook-endpoints", {
            "url": url or self.vendor.url + path, **fields})
        made["path"] = path
        return made

    def off(self, endpoint):
        self.do("DELETE", f"/webhook-endpoints/{endpoint['id']}")

    def test(self, endpoint):
        return self.do("POST", f"/webhook-endpoints/{endpoint['id']}/test")

    def deliveries(self, endpoint, **query):
        query = "".join(f"&{k}={v}" for k, v in query.items())
        return self.do("GET", "/webhook-deliveries?endpoint_id="
                       f"{endpoint['id']}{query}")["deliveries"]

    def row(self, delivery):
        return self.server.row("SELECT * FROM webhook_deliveries"
                               " WHERE id = %s", delivery["id"])

    def circuit(self, endpoint):
        return self.server.row("SELECT * FROM webhook_endpoints WHERE id = %s",
                               endpoint["id"])

    def comes(self, endpoint, event=None, n=1, seconds=60):
        """Until the nth message is there; all that are."""
        def there():
            calls = self.vendor.got(endpoint["path"], event)
            return len(calls) >= n and calls
        return wait_for(there, seconds, f"{event or 'message'} {n} comes")

    def tried(self, delivery, n, seconds=60):
        """Until its nth try is noted; its row."""
        wait_for(lambda: self.row(delivery)["attempt_count"] >= n, seconds,
                 f"try {n} is noted")
        return self.row(delivery)

    def settles(self, delivery, seconds=60):
        """Until nothing more is scheduled; its row."""
        wait_for(lambda: self.row(delivery)["next_attempt_at"] is None,
                 seconds, "the delivery is settled")
        return self.row(delivery)

    def hold(self, endpoint, hours=1):
        """Once its open circuit has nothing under way, holds it open for so
        long, lest a probe be made in between.

        Claimed, with the call made or to come, is what is due later than
        after a failed try.  The lock waits for claims and notes that are
        being written, and there are none meanwhile."""
        def held():
            with self.db.transaction():
                self.db.execute(
                    "LOCK TABLE webhook_deliveries IN SHARE MODE")
                return self.db.execute(
                    "UPDATE webhook_endpoints AS e"
                    " SET open_until = licet_now() + %s * interval '1 hour'"
                    " WHERE e.id = %s AND e.consecutive_failures >= 5"
                    " AND NOT EXISTS (SELECT FROM webhook_deliveries d"
                    " WHERE d.endpoint_id = e.id"
                    " AND d.next_attempt_at > licet_now() + interval"
                    " '1 second' * CASE d.attempt_count WHEN 0 THEN 0"
                    " WHEN 1 THEN 5 ELSE 10 END AND d.attempt_count < 3)",
                    [hours, endpoint["id"]]).rowcount == 1
        wait_for(held, 60, "the circuit is open, and nothing is under way")

    def until(self, when):
        """Moves the clock there, and a moment more."""
        gap = (when - self.clock.now()).total_seconds()
        if gap > 0:
            self.clock.move(seconds=gap + 0.01)


def stalled_by_none(calls):
    """Among these was no pause as long as the 10 s for which a hanging endpoint
    is waited for, however slow the machine is."""
    at = sorted(c.at for c in calls)
    assert max(b - a for a, b in zip(at, at[1:])) < 8


def together(calls):
    """How many an endpoint that hangs was sent before the first was given up,
    after 10 s."""
    return sum(c.at < calls[0].at + 9 for c in calls)


def verify_keysat(call, secret):
    """X-Keysat-Signature over the raw body; the key is the secret's text."""
    mac = hmac.new(secret.encode(), call.raw, hashlib.sha256).hexdigest()
    assert call.headers["X-Keysat-Signature"] == f"sha256={mac}"


def verify_standard(call, secret, tolerance=300):
    """What a consumer does who was given `whsec_...'."""
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    stamp = call.headers["webhook-timestamp"]
    assert stamp == str(int(stamp))
    assert abs(time.time() - int(stamp)) <= tolerance
    content = f"{call.headers['webhook-id']}.{stamp}.".encode() + call.raw
    want = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    given = [s.split(",", 1) for s in
             call.headers["webhook-signature"].split(" ")]
    assert any(v == "v1" and hmac.compare_digest(s.encode(), want)
               for v, s in given)
