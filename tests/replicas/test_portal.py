"""Customers who press twice, on two replicas at once."""
import concurrent.futures
import threading

import pytest

from lib.activation import request
from lib.check import events
from lib.client import Api
from lib.customer import Customer, new_email, open_session

TIMES = 8


@pytest.fixture(scope="module")
def pair(make_instance):
    """Its mail server is never there: letters wait."""
    return make_instance(replicas=2, name="portal", LICET_SMTP_TLS="off",
                         LICET_SMTP_URL="smtp://127.0.0.1:9",
                         LICET_MAIL_FROM="keys@shop.test")


@pytest.fixture
def owner(pair):
    """Somebody's two browsers, each at a replica; the license."""
    email = new_email()
    apis = [Api(r.url, pair.admin_key, pair.db) for r in pair.replicas]
    made = apis[0].issue(buyer_email=email, max_machines=2)
    token = open_session(pair, email=email)
    yield apis[0], [Customer(a, token) for a in apis], made
    pair.check_workers()


def together(sessions, path, body):
    """The statuses of all, half of them asked at each replica."""
    gate = threading.Barrier(TIMES)

    def one(n):
        gate.wait(60)
        mine = Customer(Api(sessions[n % 2].api.url, ""),
                        sessions[n % 2].cookie)
        return mine.ask("POST", path, body(n)).status_code
    with concurrent.futures.ThreadPoolExecutor(TIMES) as pool:
        return sorted(pool.map(one, range(TIMES)))


def test_reissued_once(pair, owner):
    api, sessions, made = owner
    at = f"/v1/portal/licenses/{made['license_id']}/reissue"
    assert together(sessions, at, lambda n: {}) == [200] + [409] * (TIMES - 1)
    assert len(events(pair, made["license_id"], "license.revoke")) == 1
    assert pair.value("SELECT count(*) FROM licenses"
                      " WHERE metadata->>'reissued_from' = %s",
                      made["license_id"]) == 1


def test_released_once(pair, owner):
    api, sessions, made = owner
    machine = api.activate(made["license_key"], "old")["machine_id"]
    at = f"/v1/portal/machines/{machine}/release"
    assert together(sessions, at, lambda n: {}) == [200] + [404] * (TIMES - 1)
    assert len(events(pair, machine, "machine.deactivate")) == 1


@pytest.mark.parametrize("name,seats", [(lambda n: "one", 1),
                                        (lambda n: f"device {n}", 2)])
def test_offline_seats_are_never_oversold(pair, owner, name, seats):
    """The same device is one seat, others have what there is."""
    api, sessions, made = owner
    at = f"/v1/portal/licenses/{made['license_id']}/activate-offline"
    got = together(sessions, at, lambda n: {"request": request(name(n))})
    good = TIMES if seats == 1 else seats
    assert got == [200] * good + [409] * (TIMES - good)
    assert pair.value("SELECT count(*) FROM machines WHERE license_id = %s"
                      " AND deactivated_at IS NULL",
                      made["license_id"]) == seats
