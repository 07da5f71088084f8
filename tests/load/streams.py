#!/usr/bin/python3
"""streams.py [STREAMS [SETTLED]]: STREAMS (5,000) open checkout pages on one
server of two workers, and SETTLED (500) of their invoices paid.

Prints what an open stream takes of the workers' memory (their proportional set
size, before and after), what all of them together take of the processors while
nothing happens, and how long it is from the transaction that settles (its
begin, by PostgreSQL) until the page has the event: paid one after the other,
then four at a time.  Fails if a stream takes more than 4 KB, if news takes
longer than a second, or if any page doesn't hear of its own.

LICET_CONNECTIONS is small, so that what Kore takes for connections counts as
what it is taken for.
"""
import json
import multiprocessing
import os
import pathlib
import resource
import selectors
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib.client import Api                          # noqa: E402
from lib.instance import Vault, instances, make_template    # noqa: E402
from lib.postgres import Cluster                    # noqa: E402

WAVE = 100          # connections that open at once
TO_AN_ADDRESS = 20
WARM = 2000         # requests before the first look at the memory
QUIET = 20          # s
CALM = 100          # paid one after the other
OTHERS = """
INSERT INTO invoices (id, product_id, provider_id, provider_invoice_id,
    amount_sats, base_price_sats)
SELECT gen_random_uuid(), i.product_id, i.provider_id, 'open-' || n, 5, 5
FROM generate_series(1, %s) AS n, invoices i
WHERE i.id = %s
RETURNING id::text
"""


def proportional_kb(pids):
    def of(pid):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return sum(int(line.split()[1]) for line in f
                       if line.startswith("Pss:"))
    return sum(of(p) for p in pids)


def cpu_seconds(pids):
    def of(pid):
        with open(f"/proc/{pid}/stat") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return sum(of(p) for p in pids)


class Page:
    def __init__(self, server, invoice_id, n):
        self.id, self.rest, self.states, self.ended = invoice_id, b"", 0, False
        self.socket = socket.create_connection((server.host, server.port))
        self.socket.sendall(
            f"GET /checkout/{invoice_id}/events HTTP/1.1\r\nHost: x\r\n"
            f"X-Forwarded-For: 10.9.{n // 250}.{n % 250}\r\n\r\n".encode())
        self.socket.setblocking(False)


class Pages:
    """All of them, read by one thread; `settled' is when each heard of it."""

    def __init__(self, server):
        self.server, self.all, self.settled = server, [], {}
        self.ready = selectors.EpollSelector()

    def open(self, ids):
        for start in range(0, len(ids), WAVE):
            for invoice_id in ids[start:start + WAVE]:
                page = Page(self.server, invoice_id,
                            len(self.all) // TO_AN_ADDRESS)
                self.all.append(page)
                self.ready.register(page.socket, selectors.EVENT_READ, page)
            self.read_until(lambda: all(p.states for p in
                                        self.all[-WAVE:]), 60)

    def read_until(self, done, seconds):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, "pages wait in vain"
            for key, _ in self.ready.select(0.01):
                self.read(key.data)

    def read(self, page):
        try:
            data = page.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        now = time.time()
        if data == b"":
            assert page.ended, f"{page.id} is cut off"
            self.ready.unregister(page.socket)
            page.socket.close()
            return
        *blocks, page.rest = (page.rest + data).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n")
                          if b": " in line)
            if fields.get(b"event") == b"state":
                state = json.loads(fields[b"data"])
                assert state["invoice_id"] == page.id
                page.states += 1
                if state["status"] == "settled":
                    self.settled[page.id] = now
            page.ended = page.ended or fields.get(b"event") == b"end"


def pay(url, admin_key, purchases, at_once):
    """In a process of its own, which takes no time of who reads."""
    def some(n):
        api = Api(url, admin_key)
        for purchase in purchases[n::at_once]:
            api.pay(purchase)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(some, range(at_once)))


def paid(server, pages, purchases, at_once):
    """Seconds from settling to hearing, of each."""
    payer = multiprocessing.Process(target=pay, args=(
        server.url, server.admin_key, purchases, at_once))
    payer.start()
    ids = [p["invoice_id"] for p in purchases]
    pages.read_until(lambda: all(i in pages.settled for i in ids), 300)
    payer.join()
    assert payer.exitcode == 0
    began = {str(r["id"]): r["at"] for r in server.rows(
        "SELECT id, extract(epoch FROM settled_at)::float8 AS at"
        " FROM invoices WHERE id = ANY(%s::uuid[])", ids)}
    return [pages.settled[i] - began[i] for i in ids]


def say(what, delays):
    ms = sorted(d * 1000 for d in delays)
    print(f"streams {what}: {len(ms)} settled, event after"
          f" median={statistics.median(ms):.1f}ms"
          f" p99={ms[len(ms) * 99 // 100]:.1f}ms max={ms[-1]:.1f}ms",
          flush=True)
    return ms[-1]


def measure(server, count, settled):
    api = Api(server.url, server.admin_key, server.db)
    product = api.product()
    bought = [api.buy(product) for _ in range(settled + CALM)]
    for n in range(WARM):
        api.poll(bought[n % len(bought)])
    rest = [r["id"] for r in server.rows(
        OTHERS, max(0, count - len(bought)), bought[0]["invoice_id"])]
    workers = sorted(server.replicas[0].workers)
    pages, before = Pages(server), proportional_kb(workers)
    began = time.monotonic()
    pages.open([b["invoice_id"] for b in bought] + rest)
    took = time.monotonic() - began
    each = (proportional_kb(workers) - before) * 1024 / len(pages.all)
    print(f"streams open: {len(pages.all)} in {took:.1f}s, {each:.0f} bytes of"
          f" the workers' memory each ({before} KB before)", flush=True)
    cpu, began = cpu_seconds(workers), time.monotonic()
    pages.read_until(lambda: time.monotonic() - began >= QUIET, 2 * QUIET)
    share = (cpu_seconds(workers) - cpu) / (time.monotonic() - began)
    print(f"streams idle: {share * 100:.1f}% of a processor for all",
          flush=True)
    slowest = max(
        say("one by one", paid(server, pages, bought[:CALM], 1)),
        say("four at once", paid(server, pages, bought[CALM:], 4)))
    return each < 4096 and slowest < 1000


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    settled = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cluster, vault = Cluster().start(), Vault()
    try:
        vault.create_ring()
        make_template(cluster, vault)
        with instances(cluster, vault) as make:
            good = measure(make(name="streams", LICET_CONNECTIONS=256,
                                LICET_STREAMS_MAX=count), count, settled)
    finally:
        vault.remove()
        cluster.remove()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
