#!/usr/bin/python3
"""pages.py [LICENSES [ROWS]]: how long the server takes for each page of the
dashboard and each that buyers see, with LICENSES (100,000) sold ones, each with an invoice, a
subscription and a machine, and ROWS (1,000,000) of the log.

Pages are found as a browser finds them, by links; each is fetched seven times
over a connection that stays, one after the other.  Prints what the processors
had to do for it (in Licet's workers and in PostgreSQL's: the median, which other
work on the machine hardly moves), how long it took, size, and what was fetched.
Fails if that work is above a second or a page's size above 100 KB.
"""
import collections
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fake.receiver import Vendor                    # noqa: E402
from lib.client import Api                          # noqa: E402
from lib.crawl import crawl                         # noqa: E402
from lib.desk import Desk, open_desk                # noqa: E402
from lib.front import paths                         # noqa: E402
from lib.instance import Vault, instances, make_template    # noqa: E402
from lib.postgres import Cluster                    # noqa: E402
from lib.process import children, wait_for          # noqa: E402
from lib.shop import HTML                           # noqa: E402
from lib.stocked import SETTINGS, Stock             # noqa: E402

LIB = pathlib.Path(__file__).resolve().parents[1] / "lib"
TIMES = 7
OTHERS = """
SET statement_timeout = 0;
UPDATE licenses SET created_at = licet_now() - random() * interval '90 days';
UPDATE invoices SET created_at = l.created_at, settled_at = l.created_at
FROM licenses l WHERE l.invoice_id = invoices.id;
INSERT INTO machines (license_id, fingerprint_hash, hostname, platform,
    activated_at, last_heartbeat_at)
SELECT l.id, sha256(l.id::text::bytea), 'host', 'linux', l.created_at,
    licet_now() - random() * interval '1 day'
FROM licenses l;
INSERT INTO events (occurred_at, actor_kind, action, target_kind, target_id)
SELECT l.created_at, 'system', 'license.issue', 'license', l.id::text
FROM licenses l;
DO $$
DECLARE
	month timestamptz;
BEGIN
	FOR month IN SELECT generate_series(date_trunc('month', licet_now() -
	    interval '90 days'), date_trunc('month', licet_now() -
	    interval '1 month'), '1 month') LOOP
		EXECUTE format('CREATE TABLE IF NOT EXISTS validation_log_%s'
		    ' PARTITION OF validation_log FOR VALUES FROM (%L) TO (%L)',
		    to_char(month, 'YYYYMM'), month, month +
		    interval '1 month');
	END LOOP;
END $$;
INSERT INTO validation_log (occurred_at, license_id, product_id, machine_id,
    result, client_ip)
SELECT licet_now() - (:rows - n) * interval '90 days' / :rows, m.license_id,
    l.product_id, m.id, 'ok', '198.51.100.7'
FROM generate_series(1, :rows) AS n
JOIN (SELECT id, license_id, row_number() OVER () AS k FROM machines) m
    ON m.k = 1 + n % (SELECT count(*) FROM machines)
JOIN licenses l ON l.id = m.license_id
ORDER BY n;
UPDATE figure_marks SET upto = date_trunc('day', licet_now() -
    interval '90 days');
VACUUM ANALYZE;
"""


def psql(url, *args, text=None):
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", url, *args],
                   check=True, input=text, text=True,
                   stdout=subprocess.DEVNULL)


def fill(server, stock, licenses, rows):
    url = server.cluster.url(server.database)
    psql(url, "-v", f"n={licenses}", "-v", f"policy={stock.monthly['id']}",
         "-v", "due=20 days", "-f", str(LIB / "subscriptions.sql"))
    psql(url, "-v", f"rows={rows}", text=OTHERS)


Front = collections.namedtuple("Front", "path shape")


def worked(server):
    """Milliseconds that the processors spent in workers and backends."""
    total = 0
    for parent in (server.cluster.process.pid,
                   *(r.process.pid for r in server.replicas)):
        for pid in children(parent):
            try:
                text = pathlib.Path(f"/proc/{pid}/schedstat").read_text()
            except OSError:     # it has just ended
                continue
            total += int(text.split()[0])
    return total / 1e6


def measure(server, desk, page):
    took, spent = [], []
    for _ in range(TIMES):
        before, began = worked(server), time.monotonic()
        r = desk.call("GET", page.path, headers=HTML)
        took.append((time.monotonic() - began) * 1000)
        spent.append(worked(server) - before)
        assert r.status_code == 200, page
    return (statistics.median(spent), statistics.median(took), max(took),
            len(r.content), page.path if "?" in page.path and
            not isinstance(page, Front) else page.shape)


def report(server, desk):
    found, broken = crawl(desk)
    assert broken == {}, broken
    rows = [measure(server, desk, p) for p in
            {p.shape: p for p in reversed(found)}.values()]
    rows += [measure(server, desk, p) for p in found
             if p.path.startswith("/admin/?")]
    rows += [measure(server, Desk(desk.api), Front(path, f"front: {name}"))
             for name, path in paths(server).items()]
    for work, median, most, size, what in sorted(rows, reverse=True):
        print(f"pages work={work:.1f}ms median={median:.1f}ms max={most:.1f}ms"
              f" size={size} {what}")
    print(f"pages all: {len(rows)}, median of work"
          f" {statistics.median(r[0] for r in rows):.1f}ms, load"
          f" {os.getloadavg()[0]:.1f}")
    return max(r[0] for r in rows) < 1000 and max(r[3] for r in rows) < 100_000


def main():
    licenses = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    cluster, vault, vendor = Cluster().start(), Vault(), Vendor().start()
    try:
        vault.create_ring()
        make_template(cluster, vault)
        with instances(cluster, vault) as make:
            server = make(name="pages", **SETTINGS)
            stock = server.stock = Stock(
                Api(server.url, server.admin_key, server.db),
                vendor).fill().settled(server)
            began = time.monotonic()
            fill(server, stock, licenses, rows)
            print(f"pages seeded in {time.monotonic() - began:.0f}s",
                  flush=True)
            wait_for(lambda: server.value(
                "SELECT sum(n) >= %s * 0.9 AS done FROM figure_days"
                " WHERE figure = 'validation.ok'", rows), 600, "the log is counted", pause=1)
            good = report(server, open_desk(server))
    finally:
        vendor.stop()
        vault.remove()
        cluster.remove()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
