"""keysat.md 6 and 4.5: the background workers, each at its pace.  (Renewals:
test_subscriptions.py; buckets and states: test_rest.py; old logs:
tests/replicas/test_retention.py; the self-license: test_tier.py.)"""
import re

import pytest

from lib.client import Api, new_slug
from lib.process import wait_for
from lib.replica import run_ctl


def gap(server, invoice_id, since):
    return server.value(
        f"SELECT extract(epoch FROM next_check_at - {since})::float FROM"
        " invoices WHERE id = %s", invoice_id)


def test_reconcile_first_after_15_s_then_every_60(own_instance, btcpay):
    """6 reconcile, 4.5: every 60 s, first after 15 s."""
    server = own_instance(movable=True, **btcpay.settings())
    api = Api(server.url, server.admin_key)
    bought = api.buy(api.product())
    assert gap(server, bought["invoice_id"], "created_at") == \
        pytest.approx(15, abs=1)
    server.clock.move(seconds=16)
    wait_for(lambda: gap(server, bought["invoice_id"], "created_at") > 20, 60,
             "it is looked at")
    assert gap(server, bought["invoice_id"], "licet_now()") == \
        pytest.approx(60, abs=10)


@pytest.mark.parametrize("name,seconds", [
    ("LICET_RECONCILE_SECONDS", 60), ("LICET_RENEWAL_SECONDS", 60)])
def test_paces_that_can_be_set_are_the_contracts(name, seconds):
    """6: reconcile 60 s, renewals and lapse sweep 60 s."""
    page = run_ctl({}, "docs", "configuration").stdout
    assert re.search(rf"^\| `{name}` \| `{seconds}` \|", page, re.M)


def test_deliveries_within_5_s(hooks):
    """6 webhook delivery: every 5 s, first after 5 s: news are there in no
    more."""
    e = hooks.endpoint()
    hooks.product()
    hooks.comes(e, seconds=5)


@pytest.mark.parametrize("name,every", [
    ("housekeeping", 3600), ("sweep", 300), ("self_license", 3600)])
def test_jobs_that_one_worker_does(server, name, every):
    """6: redemption reaper 5 min; self-tier refresh hourly; ours, 1 h."""
    assert server.value("SELECT extract(epoch FROM every)::int FROM jobs"
                        " WHERE name = %s", name) == every


def held(server, invoice_id):
    return server.row(
        "SELECT d.status, c.used_count FROM discount_redemptions d"
        " JOIN discount_codes c ON c.id = d.code_id WHERE d.invoice_id = %s",
        invoice_id)


def test_redemption_reaper(own_instance):
    """6 redemption reaper, D10: within 5 minutes a use is given back whose
    invoice has ended; one that is still pending after 30 minutes isn't, as
    its payment may be confirming."""
    server = own_instance(movable=True)
    api = Api(server.url, server.admin_key)
    p = api.product()
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1000,
        "product_slug": p["slug"]})
    waiting, ended = (api.buy(p, code=code["code"]) for _ in range(2))
    server.db.execute("UPDATE invoices SET status = 'expired' WHERE id = %s",
                      [ended["invoice_id"]])    # and nobody gave it back
    assert held(server, ended["invoice_id"]) == {"status": "pending",
                                                 "used_count": 2}
    server.clock.move(seconds=305)
    wait_for(lambda: held(server, ended["invoice_id"])["status"] ==
             "cancelled", 60, "the use is given back")
    assert held(server, waiting["invoice_id"]) == {"status": "pending",
                                                   "used_count": 1}
    server.clock.move(seconds=31 * 60)
    runs = server.value("SELECT runs FROM jobs WHERE name = 'sweep'")
    server.db.execute("UPDATE jobs SET next_run = licet_now() WHERE name ="
                      " 'sweep'")
    server.db.execute("SELECT pg_notify('licet_jobs', 'housekeeping')")
    wait_for(lambda: server.value("SELECT runs FROM jobs WHERE name ="
                                  " 'sweep'") > runs, 60, "it swept again")
    assert held(server, waiting["invoice_id"]) == {"status": "pending",
                                                   "used_count": 1}
