"""Two replicas on one database, each reached directly."""
import pytest

from lib.client import Api


@pytest.fixture(scope="module")
def pair(make_instance):
    return make_instance(replicas=2, name="pair")


@pytest.fixture
def both(pair):
    """A client of each replica."""
    yield [Api(r.url, pair.admin_key, pair.db) for r in pair.replicas]
    pair.check_workers()
