"""Requests that bear an Idempotency-Key."""
import collections
import random
import threading
import time
import uuid

import requests

from lib.client import Api, new_slug

REPLAYED = "Idempotent-Replayed"


def new_key():
    return str(uuid.uuid4())


def keyed(key):
    return {"headers": {"Idempotency-Key": key}}


def is_replay(response):
    return response.headers.get(REPLAYED) == "true"


def same(first, again):
    """The second answer is the first one, and says so."""
    assert not is_replay(first), first.text
    assert is_replay(again), again.text
    assert (again.status_code, again.content,
            again.headers["content-type"]) == (
        first.status_code, first.content, first.headers["content-type"])
    return first


def body(**fields):
    """Of a product's making."""
    return {"slug": new_slug(), "name": "Demo", "price_sats": 50000, **fields}


def free(api):
    """A product whose default tier costs nothing."""
    p = api.product()
    api.policy(p, slug="default", price_sats_override=0)
    return p


def twice(send, key=None):
    """Sends a request twice under a key; the first answer."""
    key = key or new_key()
    return same(send(**keyed(key)), send(**keyed(key)))


class Repeaters:
    """Clients, each asking under a key until it is answered 200, then under
    the next: requests_by_kind has for each kind a function from the key to
    path, body, and whether the vendor asks."""

    def __init__(self, instance, requests_by_kind, clients=6):
        self.instance, self.kinds = instance, requests_by_kind
        self.stop = threading.Event()
        self.answers = {}           # key: (kind, answer)
        self.statuses = collections.Counter()
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(n,))
                        for n in range(clients)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *args):
        self.stop.set()
        for t in self.threads:
            t.join(120)

    def send(self, path, body, is_admin, key):
        replica = random.choice(self.instance.replicas)
        token = self.instance.admin_key if is_admin else None
        api = Api(replica.url, self.instance.admin_key)
        with api.session:
            return api.call("POST", path, body, timeout=10, token=token,
                            **keyed(key))

    def ask(self, kind, key, patience=60):
        """The answer, from whichever replica lives."""
        path, body, is_admin = self.kinds[kind](key)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                r = self.send(path, body, is_admin, key)
            except requests.RequestException:
                self.statuses["lost"] += 1
                time.sleep(0.02)        # nobody listens there
                continue
            self.statuses[r.status_code] += 1
            if r.status_code == 200:
                return r
            assert r.status_code in (409, 502, 503), (r.status_code, r.text)
            if r.status_code == 409:
                assert r.json()["error"] == "idempotency_running", r.text
            time.sleep(0.1)
        raise AssertionError(f"{kind}: no answer; {self.statuses}")

    def run(self, seed):
        kinds = sorted(self.kinds)
        while not self.stop.is_set():
            key = new_key()
            kind = kinds[seed % len(kinds)]
            seed += 1
            try:
                self.answers[key] = (kind, self.ask(kind, key))
            except Exception as e:
                self.errors.append(e)
                return
