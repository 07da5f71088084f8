"""Requests that wait for PostgreSQL: held by a lock, asked by a thread."""
import contextlib
import re
import threading
import time

import requests

from lib.client import Api
from lib.process import wait_for


@contextlib.contextmanager
def held(instance, table="validation_log"):
    """Nobody else writes to this table meanwhile."""
    with instance.cluster.connect(instance.database) as c, c.transaction():
        c.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def waiting(instance):
    return instance.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND"
        " wait_event_type = 'Lock'", instance.database)


class Asker(threading.Thread):
    """Sends one request and keeps its answer."""

    def __init__(self, api, method, path, body):
        super().__init__()
        self.api, self.args = api, (method, path, body)
        self.response = self.error = None
        self.took = 0.0
        self.start()

    def run(self):
        began = time.monotonic()
        try:
            # A client of its own: sessions are not for several threads.
            api = Api(self.api.url, self.api.admin_key)
            self.response = api.admin(*self.args)
        except requests.RequestException as e:
            self.error = e
        self.took = time.monotonic() - began


def asks(api, key):
    return Asker(api, "POST", "/v1/validate", {"key": key})


def in_flight(instance):
    wait_for(lambda: waiting(instance), 60, "a statement waits for the lock")


def metric(instance, name):
    """A counter without labels, of all workers of the first replica."""
    text = requests.get(instance.replicas[0].url + "/metrics").text
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))
