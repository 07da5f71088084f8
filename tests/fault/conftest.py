"""Instances that may be broken: their own, on a cluster with fsync on."""
import pytest

from lib.client import Api
from lib.instance import instances, make_template
from lib.postgres import Cluster


@pytest.fixture(scope="module")
def durable(vault):
    """A cluster that the tests of one file may kill."""
    c = Cluster(durable=True).start()
    make_template(c, vault)
    yield c
    c.remove()


@pytest.fixture
def fragile(durable, vault):
    """fragile(...) makes an instance on the cluster `durable'."""
    with instances(durable, vault) as make:
        yield make


@pytest.fixture
def client():
    """client(instance or replica, instance): an Api on it."""
    return lambda where, instance=None: Api(
        where.url, (instance or where).admin_key)
