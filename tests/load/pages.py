#!/usr/bin/python3
"""pages.py [LICENSES [ROWS]]: how long the server takes for each page of the
dashboard, with LICENSES (100,000) sold ones, each with an invoice, a
subscription and a machine, and ROWS (1,000,000) of the log.

Pages are found as a browser finds them, by links; each is fetched seven times
over a connection that stays, one after the other.  Prints the median and the
slowest, size, and what was fetched.  Fails if a page's median is above a second
or its size above 100 KB.
"""
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fake.receiver import Vendor                    # noqa: E402
from lib.client import Api                          # noqa: E402
from lib.crawl import crawl                         # noqa: E402
from lib.desk import open_desk                      # noqa: E402
from lib.instance import Vault, instances, make_template    # noqa: E402
from lib.postgres import Cluster                    # noqa: E402
from lib.process import wait_for                    # noqa: E402
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


def measure(desk, page):
    took = []
    for _ in range(TIMES):
        began = time.monotonic()
        r = desk.call("GET", page.path)
        took.append((time.monotonic() - began) * 1000)
        assert r.status_code == 200, page
    return (statistics.median(took), max(took), len(r.content), page.shape)


def report(desk):
    found, broken = crawl(desk)
    assert broken == {}, broken
    rows = [measure(desk, p) for p in
            {p.shape: p for p in reversed(found)}.values()]
    rows += [measure(desk, p) for p in found if p.path.startswith("/admin/?")]
    for median, most, size, what in sorted(rows, reverse=True):
        print(f"pages median={median:.1f}ms max={most:.1f}ms size={size}"
              f" {what}")
    print(f"pages all: {len(rows)}, median of medians"
          f" {statistics.median(r[0] for r in rows):.1f}ms")
    return max(r[0] for r in rows) < 1000 and max(r[2] for r in rows) < 100_000


def main():
    licenses = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    cluster, vault, vendor = Cluster().start(), Vault(), Vendor().start()
    try:
        vault.create_ring()
        make_template(cluster, vault)
        with instances(cluster, vault) as make:
            server = make(name="pages", **SETTINGS)
            stock = Stock(Api(server.url, server.admin_key, server.db),
                          vendor).fill().settled(server)
            began = time.monotonic()
            fill(server, stock, licenses, rows)
            print(f"pages seeded in {time.monotonic() - began:.0f}s",
                  flush=True)
            wait_for(lambda: server.value(
                "SELECT sum(n) >= %s * 0.9 AS done FROM figure_days"
                " WHERE figure = 'validation.ok'", rows), 600, "the log is counted", pause=1)
            good = report(open_desk(server))
    finally:
        vendor.stop()
        vault.remove()
        cluster.remove()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
