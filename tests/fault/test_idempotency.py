"""A statement that is held until its answer is stored: what becomes of it when
the connection, the client or the time is gone meanwhile."""
import contextlib
import socket
import struct
import threading

import pytest

from lib.client import Api, new_slug, refused
from lib.idempotency import is_replay, keyed, new_key, same
from lib.process import wait_for
from lib.waiting import held, metric


class Keyed(threading.Thread):
    """One request under a key, from a client of its own."""

    def __init__(self, server, key, method, path, body=None):
        super().__init__()
        self.server, self.args = server, (method, path, body)
        self.key, self.response = key, None
        self.start()

    def run(self):
        api = Api(self.server.url, self.server.admin_key)
        self.response = api.admin(*self.args, **keyed(self.key))

    def again(self):
        self.run()
        return self.response

    def answer(self, seconds=30):
        self.join(seconds)
        assert self.response is not None
        return self.response


def product(server, key, slug):
    return Keyed(server, key, "POST", "/products",
                 {"slug": slug, "name": "Demo", "price_sats": 50000})


def products(server, slug):
    return server.value("SELECT count(*) FROM products WHERE slug = %s", slug)


def waits(server, statement):
    """Pids of backends that wait for a lock in this statement."""
    return [r["pid"] for r in server.rows(
        "SELECT pid FROM pg_stat_activity WHERE datname ="
        " current_database() AND wait_event_type = 'Lock'"
        " AND starts_with(query, %s)", statement)]


def until(server, statement, n=1):
    wait_for(lambda: len(waits(server, statement)) >= n, 60,
             f"{n} wait in {statement}", pause=0.02)
    return waits(server, statement)


# How the statements begin that make a product and keep an answer.
EFFECT, STORE = "WITH rule AS", "SELECT idempotency_store_1"


@contextlib.contextmanager
def before_the_store(server, start):
    """start() runs a request; in here it has had its effect, and waits with
    its transaction open, for the row of its key."""
    with server.cluster.connect(server.database) as c, c.transaction():
        with held(server, "products"):
            asked = start()
            until(server, EFFECT)
            c.execute("SELECT FROM idempotency_keys FOR UPDATE")
        until(server, STORE)
        yield asked


@pytest.fixture(scope="module")
def server(make_instance):
    return make_instance(LICET_WORKERS=1, LICET_REQUEST_TIMEOUT_MS=20000,
                         name="held")


@pytest.fixture(autouse=True)
def fresh(server):
    server.db.execute("DELETE FROM idempotency_keys")
    yield
    server.check_workers()


def test_connection_cut_while_held(server):
    """Nothing of it stays, and the key is good for another try at once."""
    key, slug = new_key(), new_slug()
    with before_the_store(server, lambda: product(server, key, slug)) as ask:
        pid, = waits(server, STORE)
        server.db.execute("SELECT pg_terminate_backend(%s)", [pid])
        refused(ask.answer(), 503, "service_unavailable")
    assert products(server, slug) == 0
    wait_for(lambda: ask.again().status_code == 200, 60, "the next try",
             pause=0.05)
    assert not is_replay(ask.response) and products(server, slug) == 1


def test_connection_cut_before_it_ran(server):
    key, slug = new_key(), new_slug()
    with held(server, "products"):
        ask = product(server, key, slug)
        pid, = until(server, EFFECT)
        server.db.execute("SELECT pg_terminate_backend(%s)", [pid])
        refused(ask.answer(), 503, "service_unavailable")
    wait_for(lambda: ask.again().status_code == 200, 60, "the next try",
             pause=0.05)
    assert not is_replay(ask.response) and products(server, slug) == 1


def leave(server, key, slug):
    """Sends the request on a socket that can be closed."""
    body = f'{{"slug":"{slug}","name":"Demo","price_sats":1}}'
    s = socket.create_connection((server.host, server.port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                 struct.pack("ii", 1, 0))       # close() resets
    s.sendall((f"POST /v1/admin/products HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {server.admin_key}\r\n"
               f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return s


def gone(server, before):
    wait_for(lambda: metric(server, "licet_clients_gone_total") > before, 60,
             "the client's leave is noticed")


def send(server, key, slug):
    api = Api(server.url, server.admin_key)
    return api.admin("POST", "/products", data=f'{{"slug":"{slug}",'
                     '"name":"Demo","price_sats":1}', headers={
                         "Idempotency-Key": key,
                         "Content-Type": "application/json"})


def test_client_leaves_before_it_ran(server):
    """It is rolled back; nobody waits for the lease."""
    key, slug = new_key(), new_slug()
    before = metric(server, "licet_clients_gone_total")
    with held(server, "products"):
        s = leave(server, key, slug)
        until(server, EFFECT)
        s.close()
        gone(server, before)
    wait_for(lambda: not waits(server, EFFECT), 60, "it is over")
    assert products(server, slug) == 0
    r = send(server, key, slug)
    assert r.status_code == 200 and not is_replay(r), r.text


def test_client_leaves_while_the_answer_is_stored(server):
    """Too late to be undone; its client finds the answer."""
    key, slug = new_key(), new_slug()
    before = metric(server, "licet_clients_gone_total")
    with before_the_store(server, lambda: leave(server, key, slug)) as s:
        s.close()
        gone(server, before)
    wait_for(lambda: products(server, slug) == 1, 60, "it is committed")
    r = send(server, key, slug)
    assert r.status_code == 200 and is_replay(r), r.text
    assert products(server, slug) == 1


def test_attempt_that_was_taken_over_is_rolled_back(server):
    """It ran longer than its lease: what it did is undone at its store."""
    key, slug = new_key(), new_slug()
    with held(server, "products"):
        late = product(server, key, slug)
        until(server, EFFECT)
        refused(product(server, key, slug).answer(), 409,
                "idempotency_running")
        server.db.execute("UPDATE idempotency_keys SET running_until = now()")
        next_one = product(server, key, slug)
        until(server, EFFECT, 2)
    refused(late.answer(), 409, "idempotency_running")
    assert late.response.headers["Retry-After"]
    assert next_one.answer().status_code == 200
    assert products(server, slug) == 1
    same(next_one.response, product(server, key, slug).answer())
    assert server.value("SELECT count(*) FROM events WHERE action ="
                        " 'product.create' AND target_id = %s",
                        next_one.response.json()["id"]) == 1


def test_deadlocks_victim_is_repeated(server):
    api = Api(server.url, server.admin_key)
    license_id = api.issue(api.product())["license_id"]
    key = new_key()
    with server.cluster.connect(server.database) as c, c.transaction():
        c.execute("SET LOCAL deadlock_timeout = '60s'")
        c.execute("LOCK TABLE outbox IN SHARE MODE")
        ask = Keyed(server, key, "POST", f"/licenses/{license_id}/revoke", {})
        until(server, "WITH")
        c.execute("SELECT 1 FROM licenses WHERE id = %s FOR UPDATE",
                  (license_id,))
    assert ask.answer().status_code == 200, ask.response.text
    same(ask.response, api.admin("POST", f"/licenses/{license_id}/revoke", {},
                                 **keyed(key)))
    assert server.value("SELECT count(*) FROM outbox WHERE event_type ="
                        " 'license.revoked' AND data->>'license_id' = %s",
                        license_id) == 1


def test_stale_plans_are_made_anew(server):
    for turn in range(2):
        for _ in range(8):
            slug = new_slug()
            r = product(server, new_key(), slug).answer()
            assert r.status_code == 200, r.text
        if turn == 0:
            server.db.execute(
                "ALTER TABLE products ALTER COLUMN name TYPE varchar(300)")


def test_more_of_them_than_connections(server):
    """All connections are in transactions of their owners: others wait."""
    slugs = [new_slug() for _ in range(30)]
    with held(server, "products"):
        asks = [product(server, new_key(), s) for s in slugs]
        until(server, EFFECT, 4)
        wait_for(lambda: metric(server, "licet_db_statements_queued") > 0
                 or metric(server, "licet_connections") > 30, 60, "a queue")
    assert {a.answer().status_code for a in asks} == {200}
    assert sum(products(server, s) for s in slugs) == 30


def test_deadline_while_it_waits(own_instance):
    server = own_instance(LICET_WORKERS=1, LICET_REQUEST_TIMEOUT_MS=1500)
    key, slug = new_key(), new_slug()
    with held(server, "products"):
        ask = product(server, key, slug)
        refused(ask.answer(), 503, "service_unavailable")
    wait_for(lambda: ask.again().status_code == 200, 60, "the next try",
             pause=0.1)
    assert products(server, slug) == 1


def test_drain_answers_what_is_held(own_instance):
    server = own_instance(LICET_WORKERS=1, LICET_DRAIN_MS=15000)
    key, slug = new_key(), new_slug()
    with before_the_store(server, lambda: product(server, key, slug)) as ask:
        replica = server.replicas[0]
        replica.signal(15)
        wait_for(lambda: not replica.is_ready(), 60, "it drains")
    assert ask.answer().status_code == 200
    assert replica.wait() == 0
    replica.process = None
    replica.start()
    same(ask.response, Keyed(server, key, *ask.args).answer())
    assert products(server, slug) == 1
