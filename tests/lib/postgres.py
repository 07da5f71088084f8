"""Throw-away PostgreSQL clusters under /tmp.

A cluster is migrated once, into a template; every database that a test asks
for is a copy of it.  As root the server runs as user postgres.
"""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import psycopg
from psycopg.rows import dict_row

from lib.process import (as_user, children, free_port, kill_now, spawn,
                         wait_for)

USER = "licet"
TEMPLATE = "licet_template"


def bin_dir():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    assert found, "PostgreSQL's server programs are not installed"
    return os.path.dirname(found[-1])


class Cluster:
    """One PostgreSQL server of our own.

    durable=True keeps fsync on: for tests that kill it.
    """

    def __init__(self, durable=False):
        self.durable = durable
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix="licet-pg-", dir="/tmp")
        self.process = None
        self.made = 0
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        subprocess.run(
            as_user("postgres", [f"{bin_dir()}/initdb", "-D",
                                 f"{self.dir}/data", "-A", "trust", "-U", USER,
                                 "-E", "UTF8", "--no-locale", "-N"]),
            check=True, stdout=subprocess.DEVNULL, cwd=self.dir)

    def start(self):
        flags = [] if self.durable else [
            "-c", "fsync=off", "-c", "full_page_writes=off",
            "-c", "synchronous_commit=off"]
        self.log = open(f"{self.dir}/log", "ab")

        def launch():
            self.process = spawn(
                [f"{bin_dir()}/postgres", "-D", f"{self.dir}/data",
                 "-p", str(self.port), "-k", self.dir,
                 "-c", "listen_addresses=127.0.0.1",
                 "-c", "max_connections=400",
                 "-c", "log_min_messages=warning"] + flags,
                death="QUIT", user="postgres", cwd=self.dir,
                stdout=self.log, stderr=self.log)

        def up():
            # After kill -9 it refuses to start until the last backend of the
            # one before has noticed and let go of the shared memory.
            if self.process.poll() is not None:
                launch()
            return self.accepts()
        launch()
        wait_for(up, 60, "PostgreSQL accepts connections", pause=0.05)
        return self

    def accepts(self):
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        except psycopg.OperationalError:
            return False

    def url(self, name):
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def socket_url(self, name):
        return (f"postgresql://{USER}@/{name}"
                f"?host={self.dir}&port={self.port}")

    def connect(self, name):
        return psycopg.connect(self.url(name), autocommit=True,
                               row_factory=dict_row)

    def create(self, name=None, template=TEMPLATE):
        """A fresh database, by default a copy of the migrated template."""
        if name is None:
            self.made += 1
            name = f"t{self.made}"
        # Where nothing is synced, files are copied in a third of the time
        # that it takes to log each of their pages.
        how = "wal_log" if self.durable else "file_copy"
        with self.connect("postgres") as c:
            c.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'
                      f" STRATEGY {how}")
        return name

    def drop(self, name):
        """Before it is written to the disk: a hundred of them take minutes
        to be removed in the end.  Nothing if the server is away."""
        with contextlib.suppress(psycopg.OperationalError):
            with self.connect("postgres") as c:
                c.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast shutdown; SIGQUIT: immediate, as after a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def kill(self):
        """kill -9 of the postmaster and every backend."""
        kill_now({self.process.pid} | children(self.process.pid))
        self.process.wait(60)
        self.process = None

    def restart(self, how=signal.SIGQUIT):
        self.stop(how)
        self.start()

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.dir, ignore_errors=True)
