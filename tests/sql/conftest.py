"""A database for the statements alone: a throw-away cluster with the
migrations applied by psql, no server of ours."""
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from lib.postgres import Cluster    # noqa: E402
from session import Session         # noqa: E402


@pytest.fixture(scope="session")
def sql_url():
    cluster = Cluster().start()
    try:
        url = cluster.url("postgres")
        for path in sorted((HERE.parents[1] / "migrations").glob("*.sql")):
            subprocess.run(["psql", "-qX1", "-v", "ON_ERROR_STOP=1", "-d", url,
                            "-f", str(path)], check=True,
                           stdout=subprocess.DEVNULL)
        with cluster.connect("postgres") as c:
            c.execute("INSERT INTO signing_keys (id, public_key, active) "
                      "VALUES (1, decode(repeat('ab', 32), 'hex'), true)")
        yield url
    finally:
        cluster.remove()


@pytest.fixture
def connect(sql_url):
    """Opens sessions; they are closed with the test."""
    opened = []

    def one(**options):
        opened.append(Session(sql_url, **options))
        return opened[-1]

    yield one
    for session in opened:
        session.close()


@pytest.fixture
def db(connect):
    return connect()
