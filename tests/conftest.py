"""Fixtures of all suites.

LICET_BIN chooses the binary (default build/licet), LICET_REPLICAS=2 puts two
replicas behind HAProxy under the same tests.
"""
import os

import pytest

from fake.btcpay import FakeBtcpay
from fake.lnurl import Lnurl
from fake.rates import Rates
from fake.receiver import Vendor
from fake.smtp import Smtp
from fake.zaprite import FakeZaprite
from lib.client import Api
from lib.instance import Vault, instances, make_template
from lib.mails import Mails
from lib.postgres import Cluster
from lib.replica import binary
from lib.webhooks import Hooks


os.environ["NO_PROXY"] = "*"  # everything here is local


@pytest.fixture(scope="session")
def cluster():
    c = Cluster().start()
    yield c
    c.remove()


@pytest.fixture(scope="session")
def vault():
    if not binary().exists():
        pytest.exit(f"{binary()} is not built: run make", returncode=2)
    v = Vault().create_ring()
    yield v
    v.remove()


@pytest.fixture(scope="session")
def template(cluster, vault):
    make_template(cluster, vault)


@pytest.fixture(scope="session")
def make_shared_instance(cluster, vault, template):
    """make_shared_instance(replicas=1, **settings), for the whole session."""
    with instances(cluster, vault) as make:
        yield make


@pytest.fixture(scope="module")
def make_instance(cluster, vault, template):
    """The same, stopped, and checked, at the end of the module."""
    with instances(cluster, vault) as make:
        yield make


@pytest.fixture
def own_instance(cluster, vault, template):
    """own_instance(...): stopped, and checked, at the end of the test."""
    with instances(cluster, vault) as make:
        yield make


@pytest.fixture
def clock(own_instance):
    """The clock of an instance of the test's own, `clock.server'."""
    return own_instance(movable=True).clock


@pytest.fixture(scope="session")
def server(make_shared_instance):
    """The instance that the API suite shares; sandbox payments."""
    return make_shared_instance(replicas=int(os.environ.get("LICET_REPLICAS", "1")))


@pytest.fixture
def api(server):
    yield Api(server.url, server.admin_key, server.db)
    server.check_workers()


@pytest.fixture(scope="session")
def btcpay_shared():
    fake = FakeBtcpay().start()
    yield fake
    fake.stop()


@pytest.fixture
def btcpay(btcpay_shared):
    """The fake payment server, with every switch off."""
    btcpay_shared.reset()
    yield btcpay_shared
    btcpay_shared.reset()
    for store in btcpay_shared.stores.values():
        store.hooks.clear()     # those of an instance that has gone


@pytest.fixture(scope="session")
def btcpay_server(make_shared_instance, btcpay_shared):
    """An instance that sells through the fake; it reconciles every second."""
    return make_shared_instance(
        replicas=int(os.environ.get("LICET_REPLICAS", "1")), name="btcpay",
        LICET_RECONCILE_SECONDS=1, **btcpay_shared.settings())


@pytest.fixture
def shop(btcpay_server, btcpay):
    """Client of btcpay_server, with the fake ready and knowing the server."""
    btcpay.webhook_urls = [btcpay_server.url + "/v1/btcpay/webhook"]
    yield Api(btcpay_server.url, btcpay_server.admin_key, btcpay_server.db)
    btcpay.reset()
    btcpay_server.check_workers()


# The other services' doubles: a server for the session, well at the begin
# and at the end of each test.

@pytest.fixture(scope="session")
def zaprite_shared():
    fake = FakeZaprite().start()
    yield fake
    fake.stop()


@pytest.fixture
def zaprite(zaprite_shared):
    zaprite_shared.reset()
    yield zaprite_shared
    zaprite_shared.reset()


@pytest.fixture(scope="session")
def rates_shared():
    fake = Rates().start()
    yield fake
    fake.stop()


@pytest.fixture
def rates(rates_shared):
    rates_shared.reset()
    yield rates_shared
    rates_shared.reset()


@pytest.fixture(scope="session")
def rates_server(make_shared_instance, rates_shared):
    """An instance that asks the doubles of the rate sources."""
    return make_shared_instance(
        replicas=int(os.environ.get("LICET_REPLICAS", "1")), name="rates",
        **rates_shared.settings())


@pytest.fixture
def market(rates_server, rates):
    """Client of rates_server, which knows no rate yet."""
    rates_server.db.execute("DELETE FROM exchange_rates")
    rates_server.db.execute("DELETE FROM settings WHERE key LIKE"
                            " 'manual_rate_pin_%'")
    yield Api(rates_server.url, rates_server.admin_key, rates_server.db)
    rates_server.check_workers()


@pytest.fixture(scope="session")
def lnurl_shared():
    fake = Lnurl().start()
    yield fake
    fake.stop()


@pytest.fixture
def lnurl(lnurl_shared):
    lnurl_shared.reset()
    yield lnurl_shared
    lnurl_shared.reset()


# An instance on which stores are connected by consent: lib/connect.py.

@pytest.fixture(scope="session")
def bare(make_shared_instance, btcpay_shared):
    """An instance that knows where a BTCPay server is, and no more."""
    return make_shared_instance(name="bare", LICET_PAYMENTS="none",
                         LICET_BTCPAY_URL=btcpay_shared.url,
                         LICET_RECONCILE_SECONDS=1)


@pytest.fixture
def vendor(bare, btcpay):
    yield Api(bare.url, bare.admin_key, bare.db)
    bare.check_workers()


# A mail server, and an instance that writes to buyers through it.

@pytest.fixture(scope="session")
def smtp_shared():
    fake = Smtp().start()
    yield fake
    fake.stop()


@pytest.fixture
def smtp(smtp_shared):
    smtp_shared.reset()
    yield smtp_shared
    smtp_shared.reset()


@pytest.fixture(scope="session")
def mail_server(make_shared_instance, smtp_shared):
    """An instance with a movable clock; sandbox payments."""
    return make_shared_instance(movable=True, name="mail",
                                **smtp_shared.settings())


@pytest.fixture
def mails(mail_server, smtp):
    yield Mails(mail_server, smtp)
    mail_server.check_workers()


# The vendor's own servers, which operators' webhooks reach.

@pytest.fixture(scope="session")
def vendor_shared():
    receiver = Vendor().start()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="session")
def hooks_server(make_shared_instance):
    """An instance with a movable clock that sends to private addresses."""
    return make_shared_instance(movable=True, name="hooks",
                         LICET_WEBHOOK_PRIVATE="on")


@pytest.fixture
def hooks(hooks_server, vendor_shared):
    """Client of hooks_server; no endpoint of it outlives its test."""
    yield Hooks(hooks_server, vendor_shared)
    hooks_server.db.execute("UPDATE webhook_endpoints SET active = false,"
                            " deleted_at = licet_now(), sealed_secret = NULL"
                            " WHERE deleted_at IS NULL")
    vendor_shared.let_go()
    hooks_server.check_workers()
