"""An empty installation, and a vendor's Keysat to be taken over."""
import pytest

from lib import keysat
from lib.target import Target


@pytest.fixture
def target(cluster, template, tmp_path):
    made = []

    def make(**settings):
        made.append(Target(cluster, tmp_path, **settings))
        return made[-1]
    yield make
    for t in made:
        t.server.stop()
        t.vault.remove()


@pytest.fixture
def shop():
    return keysat.Shop()
