"""An installation: one database, one key ring, one or more replicas.

Vault holds what an operator makes once (key ring, passphrase, admin key);
Instance is a database copied from the migrated template, with replicas on
it, behind HAProxy when there is more than one.
"""
import contextlib
import os
import pathlib
import secrets
import shutil
import tempfile

from lib import keys
from lib.clock import Clock
from lib.haproxy import Haproxy
from lib.postgres import TEMPLATE
from lib.process import wait_for
from lib.replica import Replica, run_ctl

# A signing key that the ring verifies and the tests hold, to make keys that
# the server itself never issues: version 1, bound to a fingerprint.
KNOWN_SEED = bytes(range(32))


class Vault:
    """Files of the operator: ring, passphrase, admin key."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="licet-vault-",
                                                 dir="/tmp"))
        self.admin_key = "adm_" + secrets.token_urlsafe(32)
        self.ring = self.dir / "ring"
        self.write("admin.key", self.admin_key + "\n")
        self.write("passphrase", secrets.token_urlsafe(24) + "\n")

    def write(self, name, text):
        path = self.dir / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                  "w") as f:
            f.write(text)
        return path

    def settings(self):
        return {
            "LICET_ADMIN_KEY_FILE": self.dir / "admin.key",
            "LICET_KEY_RING": self.ring,
            "LICET_KEY_PASSPHRASE_FILE": self.dir / "passphrase",
        }

    def create_ring(self, import_seed=KNOWN_SEED):
        run_ctl(self.settings(), "key", "create")
        if import_seed is not None:
            pem = self.write("import.pem", keys.private_pem(import_seed))
            run_ctl(self.settings(), "key", "import", str(pem))
        return self

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def base_settings(vault, database_url):
    return {
        **vault.settings(),
        "LICET_DATABASE_URL": database_url,
        "LICET_WORKERS": 2,
        "LICET_ENV": "test",
        "LICET_PAYMENTS": "sandbox",
        "LICET_TRUSTED_PROXIES": "127.0.0.0/8",
        "LICET_DELIVERY_RETENTION_DAYS": 0,     # clocks are moved by years
        **{f"LICET_RATES_{source}_URL": ""    # nobody asks the world
           for source in ("KRAKEN", "COINBASE", "COINGECKO")},
    }


def make_template(cluster, vault):
    """The migrated database that every instance copies."""
    cluster.create(TEMPLATE, template="template0")
    run_ctl(base_settings(vault, cluster.url(TEMPLATE)), "migrate")


@contextlib.contextmanager
def instances(cluster, vault):
    """A maker of instances that in the end stops all of them, says what any of
    them left behind, and drops their databases."""
    made = []

    def make(**options):
        made.append(Instance(cluster, vault, **options))
        return made[-1]
    yield make
    trouble = []
    for instance in reversed(made):
        try:
            instance.stop()
        except AssertionError as e:
            trouble.append(str(e))
        cluster.drop(instance.database)
    assert not trouble, "\n".join(trouble)


class Instance:
    """movable=True: instance.clock moves its clock (lib/clock.py)."""

    def __init__(self, cluster, vault, replicas=1, name="licet", start=True,
                 movable=False, **settings):
        self.cluster = cluster
        self.vault = vault
        self.admin_key = vault.admin_key
        self.database = cluster.create()
        self.db = None
        self.clock = Clock(self) if movable else None
        self.reconnect()
        common = base_settings(vault, cluster.url(self.database))
        common["LICET_CLOCK"] = "movable" if movable else "real"
        common.update(settings)
        self.haproxy = None
        self.replicas = [Replica(common, f"{name}{i}")
                         for i in range(replicas)]
        if replicas > 1:
            self.haproxy = Haproxy(self.replicas)
        front = self.front = self.haproxy or self.replicas[0]
        self.url, self.host, self.port = front.url, front.host, front.port
        for r in self.replicas:
            if "LICET_PUBLIC_URL" not in settings:
                r.settings["LICET_PUBLIC_URL"] = self.url
        if start:
            self.start()

    def start(self):
        for r in self.replicas:
            r.start(ready=False)
        for r in self.replicas:
            r.wait_ready()
        if self.haproxy is not None:
            self.haproxy.start()
        if self.clock is not None:
            self.clock.wait()
        return self

    def bring_back(self, replica):
        """Starts it again; returns once requests are sent to it."""
        replica.start()
        if self.haproxy is not None:
            wait_for(lambda: self.haproxy.sends_to(replica), 60,
                     f"HAProxy sends to {replica.name} again")

    @property
    def settings(self):
        return self.replicas[0].settings

    def reconnect(self):
        """Also after PostgreSQL was restarted by the test."""
        if self.db is not None:
            self.db.close()
        self.db = self.cluster.connect(self.database)
        if self.clock is not None:
            self.db.execute("SET search_path = licet_moved, public")

    def row(self, query, *args):
        return self.db.execute(query, args).fetchone()

    def rows(self, query, *args):
        return self.db.execute(query, args).fetchall()

    def value(self, query, *args):
        row = self.row(query, *args)
        return None if row is None else next(iter(row.values()))

    def check_workers(self):
        for r in self.replicas:
            r.check_workers()

    def stop(self):
        """Ends everything; complains about what the replicas left behind."""
        self.db.close()
        if self.haproxy is not None:
            self.haproxy.stop()
        trouble = []
        for r in self.replicas:
            try:
                code = r.stop()
                if code != 0:
                    trouble.append(f"{r.name} ended with {code}")
            except AssertionError as e:
                trouble.append(str(e))
                r.kill()
        assert not trouble, "\n".join(trouble)
