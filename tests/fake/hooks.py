"""How the payment services' doubles send webhooks: one by one or at once,
repeated, reordered, held back, and again when no good answer came."""
import http.client
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

RETRIED = {None, 408, 429}


class Delivery:
    """One webhook delivery and what came of it (status None: no answer)."""

    def __init__(self, target, body, event="", headers=None, original=None,
                 remake=None, pauses=()):
        self.target, self.body, self.event = target, body, event
        self.headers, self.original = headers or {}, original
        self.remake = remake        # () -> the Delivery of a redelivery
        self.pauses = pauses        # seconds before each redelivery to come
        self.due_at = None          # of the next one
        self.status, self.text = None, ""

    def again(self):
        """The Delivery of the next try."""
        made = self.remake() if self.remake is not None else self
        made.pauses = self.pauses[1:]
        return made

    @property
    def is_retried(self):
        return self.status in RETRIED or self.status >= 500


class Lines:
    """Connections that stay open, one to each target: the thousands of
    deliveries of a load test are cheap."""

    def __init__(self):
        self.open = {}

    def post(self, url, body, headers):
        """(status, text); OSError or HTTPException when no answer came."""
        parts = urlsplit(url)
        line = self.open.get(parts.netloc)
        if line is None:
            line = self.open[parts.netloc] = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=30)
        try:
            line.request("POST", parts.path, body, headers)
            answer = line.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            self.open.pop(parts.netloc).close()
            raise


class Postman:
    """Mixed into a double with `lock' and `chaotic'."""

    def clear_deliveries(self):
        with self.lock:
            self.deliveries = []
            self.held = []

    def post(self, delivery, lines=None):
        headers = {"Content-Type": "application/json", **delivery.headers}
        try:
            if lines is None:
                r = requests.post(delivery.target, data=delivery.body,
                                  timeout=30, headers=headers)
                delivery.status, delivery.text = r.status_code, r.text
            else:
                delivery.status, delivery.text = lines.post(
                    delivery.target, delivery.body, headers)
        except (OSError, requests.RequestException,
                http.client.HTTPException) as e:
            delivery.status, delivery.text = None, str(e)
        self.note_delivery(delivery)
        return delivery

    def note_delivery(self, delivery):
        with self.lock:
            self.deliveries.append(delivery)
            if delivery.is_retried and delivery.pauses:
                delivery.due_at = self.now + delivery.pauses[0]

    def fates(self, deliveries):
        """What faults leave of them, in the order in which it is sent."""
        if self.chaotic is None and not self.hook_rules:
            return list(deliveries)
        out = []
        for d in deliveries:
            with self.lock:
                kind, rng = self.hook_fault(d.event)
                if kind == "unsent":
                    self.note_delivery(d)
                elif kind == "held":
                    self.held.append(d)
                elif kind != "dropped":
                    out.append(d)
                if kind == "repeated":
                    out.append(Delivery(d.target, d.body, d.event, d.headers,
                                        d.original, d.remake, d.pauses))
                if kind == "doubled" and d.remake is not None:
                    out.append(d.remake())
                # What was held back comes behind what came after it.
                while self.held and kind != "held" and rng is not None \
                        and rng.random() < 0.5:
                    out.append(self.held.pop(rng.randrange(len(self.held))))
        return out

    def send(self, deliveries, concurrently=False):
        made = self.fates(deliveries)
        if not concurrently or not made:
            return [self.post(d) for d in made]
        with ThreadPoolExecutor(max_workers=len(made)) as pool:
            return list(pool.map(self.post, made))

    def flush(self):
        """What chaos holds back is sent after all, in some order."""
        with self.lock:
            held, self.held = self.held, []
        random.Random(len(held)).shuffle(held)
        return [self.post(d) for d in held]

    def deliver_all(self, deliveries, threads=16, shuffle=True):
        """Many prepared deliveries, reordered, from several threads."""
        deliveries = list(deliveries)
        if shuffle:
            random.Random(len(deliveries)).shuffle(deliveries)
        local = threading.local()

        def post(delivery):
            if not hasattr(local, "lines"):
                local.lines = Lines()
            return self.post(delivery, local.lines)
        with ThreadPoolExecutor(max_workers=threads) as pool:
            return list(pool.map(post, deliveries))

    def take(self, which):
        """Out of the record, to be tried again."""
        with self.lock:
            taken = [d for d in self.deliveries if which(d)]
            self.deliveries = [d for d in self.deliveries if not which(d)]
        return taken

    def redeliver_failed(self):
        """What automatic redelivery does after its pause: again what got no
        answer, 408, 429 or 5xx; other refusals are dropped."""
        return [self.post(d.again()) for d in self.take(
            lambda d: d.is_retried)]

    def redeliver_due(self):
        """The same as far as the clock allows it."""
        return [self.post(d.again()) for d in self.take(
            lambda d: d.is_retried and d.due_at is not None and
            d.due_at <= self.now)]
