#!/usr/bin/python3
"""import.py [LICENSES]: how long a Keysat server's database takes to come over.

LICENSES (100,000) sold ones with an invoice and a machine each, and ten rows of
the log for each; PostgreSQL with everything on that makes an answer durable.
Prints the time and rows a second, what a second call with the same file takes,
and how many of a sample of 2,000 keys are good at the running server.  Fails
if a row is missing or doubled, or a key of the sample is not good.
"""
import concurrent.futures
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import keysat                              # noqa: E402
from lib.client import Api                          # noqa: E402
from lib.instance import Vault, make_template       # noqa: E402
from lib.postgres import Cluster                    # noqa: E402
from lib.replica import ctl, environment            # noqa: E402
from lib.target import Target                       # noqa: E402

TABLES = ("invoices", "licenses", "machines", "validation_log")
SAMPLE, CLIENTS = 2000, 8


def write(folder, n):
    shop = keysat.Shop()
    made = keysat.full(shop)
    path = shop.write(folder / "keysat.db")
    return path, keysat.mass(path, made["product"], n, 10 * n)


def take(target, path):
    """One call of `licetctl import keysat'; its seconds, what it said."""
    began = time.monotonic()
    done = subprocess.run([str(ctl()), "import", "keysat", str(path)],
                          env=environment(target.server.settings),
                          capture_output=True, text=True, timeout=3600)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    return took, done.stderr


def came(target, n):
    """Rows by table; exactly those that were sent."""
    counts = target.counts()
    # Beside the mass there is keysat.full(): at least a row of everything.
    few = {"invoices": 2, "licenses": 3, "machines": 4, "validation_log": 3}
    for table in TABLES:
        rows = 10 * n if table == "validation_log" else n
        assert counts[table] == rows + few[table], (table, counts)
    return counts


def log_seconds(target):
    """How long ago the last transaction, which is the log's, began."""
    return float(target.server.value(
        "SELECT extract(epoch FROM clock_timestamp() - updated_at)"
        " FROM settings WHERE key = 'import_keysat_log'"))


def validate(target, sold):
    """How many of the sample are good, and on their own machines."""
    server = target.server
    sample = random.Random(1).sample(range(len(sold)),
                                     min(SAMPLE, len(sold)))
    keys = [(k, keysat.mass_key(sold, k)) for k in sample]

    def ask(share):
        api = Api(server.url, server.admin_key)
        return sum(api.validate(key, fingerprint=keysat.bound_to(k))["ok"]
                   for k, key in share)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        good = sum(pool.map(ask, (keys[c::CLIENTS] for c in range(CLIENTS))))
    assert good == len(sample), f"{good} of {len(sample)} keys are good"
    return good


def measure(target, folder, n):
    path, sold = write(folder, n)
    rows = 13 * n
    print(f"import file: {n} licenses, {n} invoices, {n} machines, {10 * n}"
          f" rows of the log, {path.stat().st_size >> 20} MB", flush=True)
    took, _ = take(target, path)
    log = log_seconds(target)
    counts = came(target, n)
    print(f"import took {took:.1f}s, {rows / took:.0f} rows/s: records"
          f" {took - log:.1f}s, {3 * n / (took - log):.0f} rows/s; log"
          f" {log:.1f}s, {10 * n / log:.0f} rows/s", flush=True)
    took, said = take(target, path)
    assert "in already" in said and target.counts() == counts
    print(f"import again took {took:.1f}s, and changed nothing", flush=True)
    target.start()
    good = validate(target, sold)
    assert target.counts()["machines"] == counts["machines"]
    print(f"import keys: {good} of {good} in the sample are good, on the"
          " machines they were on", flush=True)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    cluster, vault, target = Cluster(durable=True).start(), Vault(), None
    try:
        vault.create_ring()
        make_template(cluster, vault)
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            target = Target(cluster, pathlib.Path(folder),
                            LICET_PAYMENTS="none")
            measure(target, pathlib.Path(folder), n)
    finally:
        if target is not None:
            target.server.stop()
            target.vault.remove()
        vault.remove()
        cluster.remove()


if __name__ == "__main__":
    main()
