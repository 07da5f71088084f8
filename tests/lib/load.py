"""Clients that keep validating, and write down what they were told."""
import http.client
import json
import threading
import time
import uuid

from lib.client import new_address


class Load:
    """`clients` threads for each (host, port); every request carries a
    user agent of its own, by which its line in validation_log is found."""

    def __init__(self, targets, key, clients=8):
        self.targets, self.key = targets, key
        self.stop_now = threading.Event()
        self.lock = threading.Lock()
        self.answered, self.statuses = [], {}
        self.slowest, self.broken = 0.0, 0
        self.threads = [
            threading.Thread(target=self.client, args=(target,))
            for target in targets for _ in range(clients)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stop_now.set()
        for t in self.threads:
            t.join(60)

    def client(self, target):
        c = http.client.HTTPConnection(*target, timeout=60)
        while not self.stop_now.is_set():
            agent = uuid.uuid4().hex
            began = time.monotonic()
            try:
                c.request("POST", "/v1/validate", json.dumps(
                    {"key": self.key, "fingerprint": "load"}), {
                    "User-Agent": agent, "X-Forwarded-For": new_address()})
                r = c.getresponse()
                body = json.loads(r.read())
                status = r.status
            except (OSError, ValueError, http.client.HTTPException):
                c.close()
                status, body = None, {}
                self.stop_now.wait(0.02)
            self.note(agent, status, body, time.monotonic() - began)

    def note(self, agent, status, body, took):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.slowest = max(self.slowest, took)
            if status == 200 and body.get("reason") != "rate_limited":
                self.answered.append(agent)

    def count(self):
        with self.lock:
            return len(self.answered)

    def missing(self, instance):
        """Answered requests without a line in validation_log."""
        logged = {r["user_agent"] for r in instance.rows(
            "SELECT user_agent FROM validation_log")}
        return [a for a in self.answered if a not in logged]
