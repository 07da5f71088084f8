"""Instances that may be broken: their own, on a cluster with fsync on."""
import pytest

from lib.client import Api
from lib.instance import Instance, make_template
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
    made = []

    def make(**options):
        made.append(Instance(durable, vault, **options))
        return made[-1]
    yield make
    for instance in reversed(made):
        instance.stop()


@pytest.fixture
def client():
    """client(instance or replica, instance): an Api on it."""
    return lambda where, instance=None: Api(
        where.url, (instance or where).admin_key)
