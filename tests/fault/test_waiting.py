"""Requests that wait for PostgreSQL: deadlines, drain, departures.

A request is held by locking the table that it must write."""
import json
import signal
import socket
import time

import pytest
import requests

from lib.client import Api, refused
from lib.process import wait_for
from lib.waiting import asks, held, in_flight, waiting


@pytest.fixture
def prepared(own_instance):
    def make(**settings):
        instance = own_instance(**settings)
        api = Api(instance.url, instance.admin_key, instance.db)
        return instance, api, api.issue()["license_key"]
    return make


# Deadline

def test_deadline_is_503_with_retry_after(prepared):
    instance, api, key = prepared(LICET_REQUEST_TIMEOUT_MS=1000)
    with held(instance):
        a = asks(api, key)
        a.join(60)
        refused(a.response, 503, "service_unavailable")
        assert int(a.response.headers["Retry-After"]) >= 1
        assert 0.9 < a.took < 4
    wait_for(lambda: api.public("POST", "/v1/validate", {"key": key})
             .status_code == 200, 60, "it works again")


def test_deadline_of_a_single_statement(prepared):
    instance, api, _ = prepared(LICET_REQUEST_TIMEOUT_MS=1000)
    with held(instance, "products"):
        r = api.public("GET", "/v1/products")
        refused(r, 503, "service_unavailable")
        assert int(r.headers["Retry-After"]) >= 1
        assert api.public("GET", "/healthz").status_code == 200
    wait_for(lambda: api.public("GET", "/v1/products").status_code == 200,
             60, "it works again")


def test_deadline_holds_for_many(prepared):
    instance, api, key = prepared(LICET_REQUEST_TIMEOUT_MS=1000)
    with held(instance):
        many = [asks(api, key) for _ in range(40)]
        for a in many:
            a.join(60)
    assert {a.response.status_code for a in many} == {503}
    assert max(a.took for a in many) < 6
    wait_for(lambda: api.public("POST", "/v1/validate", {"key": key})
             .status_code == 200, 60, "it works again")


def test_held_validations_do_not_hold_other_requests(prepared):
    instance, api, key = prepared()
    with held(instance):
        a = asks(api, key)
        in_flight(instance)
        began = time.monotonic()
        for _ in range(20):
            api.get("/v1/products")
            api.get("/v1/pubkey")
        assert time.monotonic() - began < 5
    a.join(60)
    assert a.response.json()["ok"] is True


def test_503_was_not_half_done(prepared):
    """What was refused for its deadline either happened whole or not."""
    instance, api, _ = prepared(LICET_REQUEST_TIMEOUT_MS=500)
    p = api.product()
    with held(instance, "outbox"):
        r = api.admin("POST", "/licenses", {"product_slug": p["slug"]})
        refused(r, 503, "service_unavailable")
    wait_for(lambda: waiting(instance) == 0, 60, "nothing waits")
    api.issue(p)
    rows = instance.row(
        "SELECT (SELECT count(*) FROM licenses WHERE product_id = %s) AS a,"
        " (SELECT count(*) FROM outbox WHERE product_id = %s AND event_type"
        " = 'license.issued') AS b", p["id"], p["id"])
    assert rows["a"] == rows["b"]


# PostgreSQL away

def test_database_away_and_back(fragile, durable, client):
    instance = fragile(LICET_REQUEST_TIMEOUT_MS=1000)
    api = client(instance)
    key = api.issue()["license_key"]
    durable.stop(signal.SIGQUIT)
    try:
        for call in (("POST", "/v1/validate", {"key": key}),
                     ("GET", "/v1/products", None)):
            began = time.monotonic()
            r = api.public(*call)
            refused(r, 503, "service_unavailable")
            assert int(r.headers["Retry-After"]) >= 1
            assert time.monotonic() - began < 4
        assert api.public("GET", "/healthz").status_code == 200
        wait_for(lambda: api.public("GET", "/health/ready")
                 .status_code == 503, 60, "not ready")
    finally:
        durable.start()
    wait_for(lambda: api.public("GET", "/health/ready").status_code == 200,
             60, "ready again")
    wait_for(lambda: api.public("POST", "/v1/validate", {"key": key})
             .status_code == 200, 60, "it works again")
    instance.reconnect()


def test_start_before_the_database(fragile, durable):
    """It keeps trying for a while, and is ready soon after the database."""
    instance = fragile(start=False)
    replica = instance.replicas[0]
    durable.stop(signal.SIGINT)
    try:
        with socket.create_server(("127.0.0.1", durable.port)) as nobody:
            nobody.settimeout(60)
            replica.start(ready=False)
            nobody.accept()[0].close()
            nobody.accept()[0].close()
    finally:
        durable.start()
    replica.wait_ready()
    instance.reconnect()


# SIGTERM

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain_ends_what_was_begun(prepared, number):
    instance, api, key = prepared(LICET_DRAIN_MS=20000)
    replica = instance.replicas[0]
    with held(instance):
        askers = [asks(api, key) for _ in range(3)]
        in_flight(instance)
        wait_for(lambda: established(replica.port) >= 3, 60, "all are in")
        replica.signal(number)
        wait_for(lambda: refuses(replica), 60, "no new connections")
        assert replica.process.poll() is None
        assert all(a.is_alive() for a in askers)
    for a in askers:
        a.join(60)
    assert [a.error for a in askers] == [None] * 3
    assert [a.response.json()["ok"] for a in askers] == [True] * 3
    assert replica.wait() == 0
    replica.check_log()
    replica.process = None


def established(port):
    """Connections to this port that the server's side has open."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(1 for r in rows if r[3] == "01" and
               int(r[1].split(":")[1], 16) == port)


def refuses(replica):
    """Readiness is off, or nobody listens any more."""
    try:
        return requests.get(replica.url + "/health/ready",
                            timeout=2).status_code != 200
    except requests.RequestException:
        return True


def test_drain_ends_at_its_limit(prepared):
    instance, api, key = prepared(LICET_DRAIN_MS=1000,
                               LICET_REQUEST_TIMEOUT_MS=60000)
    replica = instance.replicas[0]
    with held(instance):
        a = asks(api, key)
        in_flight(instance)
        began = time.monotonic()
        replica.signal(signal.SIGTERM)
        replica.wait(60)
        assert time.monotonic() - began < 8
        a.join(60)
    replica.check_log()
    replica.process = None


def test_drain_with_nothing_to_do_is_quick_despite_idle_clients(prepared):
    instance, api, key = prepared(LICET_DRAIN_MS=20000)
    replica = instance.replicas[0]
    idle = [requests.Session() for _ in range(10)]
    for s in idle:
        s.get(replica.url + "/healthz", timeout=5)
    began = time.monotonic()
    assert replica.stop() == 0
    assert time.monotonic() - began < 5


def test_drain_lead_serves_on_but_is_not_ready(prepared):
    instance, api, key = prepared(LICET_DRAIN_LEAD_MS=5000)
    replica = instance.replicas[0]
    replica.signal(signal.SIGTERM)
    wait_for(lambda: refuses(replica), 60, "readiness is off")
    assert api.validate(key)["ok"] is True
    assert replica.wait(60) == 0
    replica.check_log()
    replica.process = None


# Clients that leave

def leave(replica, key, abrupt):
    s = socket.create_connection((replica.host, replica.port))
    body = json.dumps({"key": key}).encode()
    s.sendall(b"POST /v1/validate HTTP/1.1\r\nHost: x\r\n"
              b"X-Forwarded-For: 10.250.0.%d\r\n"
              b"Content-Length: %d\r\n\r\n" % (id(s) % 250 + 1, len(body))
              + body)
    if abrupt:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return s


@pytest.mark.parametrize("abrupt", [False, True])
def test_client_leaving_mid_query_harms_nobody(prepared, abrupt):
    instance, api, key = prepared()
    replica = instance.replicas[0]
    for _ in range(3):
        with held(instance):
            gone = [leave(replica, key, abrupt) for _ in range(40)]
            in_flight(instance)
            stays = asks(api, key)
            for s in gone:
                s.close()
            wait_for(lambda: established(replica.port) <= 4, 60,
                     "the server saw them leave")
        stays.join(60)
        assert stays.response.json()["ok"] is True
    assert api.validate(key)["ok"] is True


def test_client_leaving_while_the_provider_is_asked(
        own_instance, btcpay):
    instance = own_instance(**btcpay.settings())
    api = Api(instance.url, instance.admin_key, instance.db)
    p = api.product()
    btcpay.slow(1)
    body = json.dumps({"product": p["slug"]}).encode()
    socks = []
    for n in range(8):
        s = socket.create_connection((instance.host, instance.port))
        s.sendall(b"POST /v1/purchase HTTP/1.1\r\nHost: x\r\n"
                  b"X-Forwarded-For: 10.251.0.%d\r\n"
                  b"Content-Length: %d\r\n\r\n" % (n + 1, len(body)) + body)
        socks.append(s)
    wait_for(lambda: len(btcpay.requests) >= 8, 60, "the provider is asked")
    for s in socks:
        s.close()
    btcpay.slow(0)
    assert api.buy(p)["checkout_url"]
    # Nobody knows of them, but the invoices exist and are reconciled.
    wait_for(lambda: len(btcpay.invoices) >= 8, 60, "they were created")
