"""A contest for seats: batches and single activations from 48 connections at
once, with seats given back in between."""
import collections
import json
import random
import threading

import pytest

from session import Refused
from shop import active, ask, digest, license, product, validate

CLIENTS = 48
ROUNDS = 25
DEVICES = 8


class Client(threading.Thread):
    """Asks for seats in a random order; remembers every answer."""

    def __init__(self, session, licenses, seed, gate, give_back):
        super().__init__()
        self.session, self.licenses = session, licenses
        self.random, self.gate = random.Random(seed), gate
        self.give_back = give_back
        self.won = collections.defaultdict(set)
        self.answers = collections.Counter()
        self.trouble = None

    def run(self):
        try:
            self.gate.wait()
            for _ in range(ROUNDS):
                what = self.random.choice(self.moves())
                what()
        except Exception as e:    # shown by the test
            self.trouble = e

    def moves(self):
        moves = [self.batch, self.batch, self.single]
        return moves + [self.leave] if self.give_back else moves

    def device(self):
        return f"device-{self.random.randrange(DEVICES)}"

    def batch(self):
        asks = [(self.random.choice(self.licenses), self.device())
                for _ in range(self.random.choice((1, 5, 40)))]
        rows = validate(self.session, *(ask(l, d) for l, d in asks))
        for (lid, device), row in zip(asks, rows):
            self.answers[row["reason"] or "ok"] += 1
            if row["reason"] is None:
                self.won[lid].add((device, row["machine_id"]))

    def single(self):
        lid, device = self.random.choice(self.licenses), self.device()
        row, = self.session.locked(
            "machine_activate_lock", "machine_activate", license_id=lid,
            fingerprint_hash=digest(device).hex(), request_ip="192.0.2.5")
        body = json.loads(row["body"])
        cap = body["max_machines"]
        assert cap == 0 or body["active_count"] <= cap, body
        if body["ok"]:
            self.won[lid].add((device, body["machine_id"]))

    def leave(self):
        self.session.call("machine_deactivate_own",
                          license_id=self.random.choice(self.licenses),
                          fingerprint_hash=digest(self.device()).hex())


class Watch(threading.Thread):
    """Counts, all the while, licenses with more machines than their cap."""

    QUESTION = (
        "SELECT count(*) FROM (SELECT l.id FROM machines m JOIN licenses l "
        "ON l.id = m.license_id WHERE m.deactivated_at IS NULL "
        "AND l.max_machines > 0 AND l.product_id = '{}' GROUP BY l.id "
        "HAVING count(*) > l.max_machines) over_cap")

    def __init__(self, session, product_id):
        super().__init__()
        self.session, self.done = session, threading.Event()
        self.question = self.QUESTION.format(product_id)
        self.looks, self.over = 0, 0

    def run(self):
        while not self.done.is_set():
            self.over += int(self.session.sql(self.question)[0][0])
            self.looks += 1


@pytest.mark.parametrize("give_back", [False, True])
def test_contest(db, connect, give_back):
    pid, _ = product(db)
    caps = {license(db, pid, max_machines=str(cap)): cap
            for cap in (1, 3, 0) for _ in range(12)}
    gate = threading.Barrier(CLIENTS)
    clients = [Client(connect(), list(caps), seed, gate, give_back)
               for seed in range(CLIENTS)]
    for c in clients:
        c.session.sql("SET deadlock_timeout = '50ms'")
    watch = Watch(connect(), pid)
    watch.start()
    try:
        for c in clients:
            c.start()
        for c in clients:
            c.join(120)
    finally:
        watch.done.set()
        watch.join()
    assert [c.trouble for c in clients if c.trouble] == []
    assert watch.looks > 0 and watch.over == 0
    for lid, cap in caps.items():
        winners = set().union(*(c.won[lid] for c in clients))
        if not give_back:
            full = min(cap or DEVICES, DEVICES)
            assert len(winners) <= full
            assert active(db, lid) == len({m for _, m in winners})
            if cap:
                assert len(winners) == full, "seats stayed empty"
        elif cap:
            assert active(db, lid) <= cap
    told = sum((c.answers for c in clients), collections.Counter())
    assert dict(told) == {result: int(n) for result, n in db.sql(
        "SELECT result, count(*) FROM validation_log "
        f"WHERE product_id = '{pid}' GROUP BY result")}
    assert db.sql("SELECT event_type, count(*) FROM outbox "
                  f"WHERE product_id = '{pid}' GROUP BY event_type "
                  "ORDER BY event_type") == db.sql(
        "SELECT kind, count(*) FROM (SELECT unnest(ARRAY['machine.activated', "
        "CASE WHEN deactivated_at IS NOT NULL THEN 'machine.deactivated' "
        "END]) AS kind FROM machines JOIN licenses l ON l.id = license_id "
        f"WHERE l.product_id = '{pid}') k WHERE kind IS NOT NULL "
        "GROUP BY kind ORDER BY kind")


@pytest.mark.parametrize("cap,reason", [(1, "fingerprint_mismatch"),
                                        (2, "too_many_machines")])
def test_a_batch_waits_for_the_holder_and_then_counts(db, connect, cap, reason):
    """The last seat goes to a transaction that is still open."""
    pid, _ = product(db)
    lid = license(db, pid, max_machines=str(cap))
    for n in range(cap - 1):
        validate(db, ask(lid, f"old-{n}"))
    holder, late = connect(), connect()
    holder.sql("BEGIN")
    assert validate(holder, ask(lid, "first"))[0]["reason"] is None
    answers = []
    t = threading.Thread(target=lambda: answers.extend(
        validate(late, ask(lid, "second"), ask(lid, "first"))))
    t.start()
    pid_late = late.pg.backend_pid
    while db.sql("SELECT wait_event_type FROM pg_stat_activity "
                 f"WHERE pid = {pid_late}") != [("Lock",)]:
        assert t.is_alive()
    holder.sql("COMMIT")
    t.join(60)
    assert [a["reason"] for a in answers] == [reason, None]
    assert active(db, lid) == cap


@pytest.mark.parametrize("change,reason", [
    ("UPDATE licenses SET status = 'revoked' WHERE id = '{}'", "revoked"),
    ("DELETE FROM licenses WHERE id = '{}'", "not_found")])
def test_a_license_that_changes_while_it_is_waited_for(db, connect, change,
                                                       reason):
    pid, _ = product(db)
    lid = license(db, pid)
    holder, late = connect(), connect()
    holder.sql("BEGIN")
    holder.sql(change.format(lid))
    answers = []
    t = threading.Thread(target=lambda: answers.extend(
        validate(late, ask(lid, "one"))))
    t.start()
    while db.sql("SELECT wait_event_type FROM pg_stat_activity "
                 f"WHERE pid = {late.pg.backend_pid}") != [("Lock",)]:
        assert t.is_alive()
    holder.sql("COMMIT")
    t.join(60)
    assert [a["reason"] for a in answers] == [reason]
    assert active(db, lid) == 0


def test_crossed_batches_do_not_deadlock(db, connect):
    pid, _ = product(db)
    ids = [license(db, pid, max_machines="0") for _ in range(100)]
    gate, trouble = threading.Barrier(8), []

    def run(session, order, name):
        try:
            for n in range(10):
                gate.wait()
                validate(session, *(ask(l, f"{name}-{n}") for l in order))
        except (Refused, threading.BrokenBarrierError) as e:
            trouble.append(e)
            gate.abort()

    threads = [threading.Thread(target=run, args=(
        connect(), ids if n % 2 else ids[::-1], n)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert trouble == []
    assert {active(db, l) for l in ids} == {80}
