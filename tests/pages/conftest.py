"""What tests of pages share: a shop with something of everything, the pages
that can be reached in it, a browser, and axe."""
import os

import pytest

from lib.browser import Browser
from lib.client import Api
from lib.crawl import areas as all_areas
from lib.crawl import crawl
from lib.customer import customer
from lib.desk import open_desk
from lib.npm import install
from lib.stocked import SETTINGS, Stock

REPLICAS = int(os.environ.get("LICET_REPLICAS", "1"))


@pytest.fixture(scope="module")
def server(make_instance, request):
    """An instance of the module's own."""
    made = make_instance(name=request.module.__name__.removeprefix("test_"))
    yield made
    made.check_workers()


@pytest.fixture(scope="module")
def desk(server):
    """Somebody who is signed in there."""
    return open_desk(server)


@pytest.fixture(scope="module")
def api(desk):
    return desk.api


@pytest.fixture(scope="session")
def stocked(make_shared_instance, vendor_shared):
    """An instance that sells a little of everything; tests only look at it."""
    server = make_shared_instance(replicas=REPLICAS, name="stocked",
                                  **SETTINGS)
    server.stock = Stock(Api(server.url, server.admin_key, server.db),
                         vendor_shared).fill().settled(server)
    server.desk = open_desk(server)
    return server


@pytest.fixture(scope="session")
def areas(stocked):
    """The parts of its site, by name, each crawled by who may see it."""
    found = all_areas()
    found["dashboard"].visitor = stocked.desk
    found["portal"].visitor = customer(stocked, email="bob@example.com")
    for area in found.values():
        area.pages, area.broken = crawl(area.visitor, area.start, area.under)
    stocked.check_workers()
    return found


@pytest.fixture(scope="session", params=sorted(all_areas()))
def area(request, areas):
    """One of them."""
    return areas[request.param]


@pytest.fixture(scope="session")
def pages(area):
    """All pages of it."""
    return area.pages


@pytest.fixture(scope="session")
def chromium():
    """browse(server, ...): a browser of the test's own, at its front door."""
    opened = []

    def browse(url, **options):
        opened.append(Browser(url, **options))
        return opened[-1]
    yield browse
    for browser in opened:
        browser.quit()


@pytest.fixture
def browse(chromium):
    """The same, closed with the test."""
    opened = []

    def one(url, **options):
        opened.append(chromium(url, **options))
        return opened[-1]
    yield one
    for browser in opened:
        browser.quit()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """axe-core's text."""
    folder = install(tmp_path_factory.mktemp("npm"))
    return (folder / "node_modules/axe-core/axe.min.js").read_text()
