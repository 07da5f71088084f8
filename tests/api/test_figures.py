"""The figures of the dashboard's front page, and what needs a look."""
import pytest

from lib.client import Api, refused
from lib.process import wait_for
from lib.roles import make_key

DAY = 86400


@pytest.fixture
def shop(own_instance):
    server = own_instance(movable=True, name="figures")
    yield server
    server.check_workers()


@pytest.fixture
def api(shop):
    return Api(shop.url, shop.admin_key, shop.db)


def figures(api, days=None):
    return api.do("GET", "/figures" + (f"?days={days}" if days else ""))


def attention(api):
    return {a["kind"]: a for a in api.do("GET", "/attention")["attention"]}


def sums(part, *names):
    return [sum(row[n] for row in part["series"]) for n in names]


def test_nothing_yet(api):
    got = figures(api)
    assert got["days"] == 30 and len(got["revenue"]["series"]) == 30
    assert got["revenue"]["sats"] == got["licenses"]["total"] == 0
    assert got["revenue"]["by_currency"] == []
    assert got["used"]["validations"]["by_result"] == []
    assert got["used"]["machines"]["active"] == 0


@pytest.mark.parametrize("days, rows", [(7, 7), (30, 30), (90, 90),
                                        (365, 73)])
def test_a_series_covers_its_days(api, days, rows):
    api.pay(api.buy(api.product(price_sats=700)))
    got = figures(api, days)
    for part in (got["revenue"], got["licenses"], got["used"]["validations"],
                 got["used"]["machines"]):
        assert len(part["series"]) == rows
        since = [row["since"] for row in part["series"]]
        assert since == sorted(since) and since[0].endswith("T00:00:00Z")
    assert got["revenue"]["sats"] == got["revenue"]["series"][-1]["sats"] \
        == 700


@pytest.mark.parametrize("days", ["0", "31", "-7", "x", "7;", "1e1"])
def test_other_spans_are_refused(api, days):
    refused(api.admin("GET", f"/figures?days={days}"), 400, "bad_request")


def test_who_may(api):
    for path in ("/figures", "/attention", "/first-steps"):
        refused(api.public("GET", "/v1/admin" + path), 401, "unauthorized")
        key = make_key(api)["token"]
        r = api.call("GET", "/v1/admin" + path, token=key)
        assert r.status_code == 200, r.text


def test_money_of_this_span_and_the_one_before(api, shop):
    sats = api.product(price_sats=1000)
    api.pay(api.buy(sats))
    shop.clock.move(days=7)
    api.pay(api.buy(sats))
    api.pay(api.buy(sats))
    api.buy(sats)                           # is not paid
    got = figures(api, 7)["revenue"]
    assert (got["sats"], got["sats_before"]) == (2000, 1000)
    assert (got["payments"], got["payments_before"]) == (2, 1)
    assert sums(got, "sats", "sats_before") == [2000, 1000]
    got = figures(api, 30)["revenue"]
    assert (got["sats"], got["sats_before"]) == (3000, 0)
    shop.clock.move(days=7)
    got = figures(api, 7)["revenue"]
    assert (got["sats"], got["sats_before"]) == (0, 2000)


def test_money_listed_in_a_currency(api, shop):
    """What a code left is what was paid, not what was listed."""
    api.do("PUT", "/rates/EUR/pin", {"units_per_btc": "50000"})
    euros = api.product(price_currency="EUR", price_value=4900)
    api.do("POST", "/discount-codes", {"code": "TENTH", "kind": "percent",
                                       "amount": 1000})
    api.pay(api.buy(euros))
    api.pay(api.buy(euros, code="TENTH"))
    got = figures(api, 7)["revenue"]
    assert got["by_currency"] == [
        {"currency": "EUR", "value": 4900 + 4410, "value_before": 0}]
    assert got["sats"] == 98000 + 88200
    shop.clock.move(days=7)
    assert figures(api, 7)["revenue"]["by_currency"] == [
        {"currency": "EUR", "value": 0, "value_before": 9310}]


def test_licenses_by_state(api, shop):
    product = api.product()
    short = api.policy(product, duration_seconds=DAY)
    made = [api.issue(product) for _ in range(3)]
    api.issue(product, policy_slug=short["slug"])
    api.revoke(made[0]["license_id"])
    shop.clock.move(days=8)
    api.issue(product)
    got = figures(api, 7)["licenses"]
    assert (got["total"], got["active"], got["expired"], got["halted"]) == (
        5, 3, 1, 1)
    assert (got["new"], got["new_before"]) == (1, 4)
    assert sums(got, "new", "new_before") == [1, 4]


def test_validations_are_counted_once(api, shop):
    """Fresh ones at once; counted ones still, and not twice."""
    made = api.issue()
    for key in (made["license_key"], made["license_key"], "LIC1-NO"):
        api.validate(key)
    api.activate(made["license_key"], "f1")

    def used(days=7):
        return figures(api, days)["used"]

    def results(days=7):
        return {r["result"]: (r["n"], r["n_before"])
                for r in used(days)["validations"]["by_result"]}

    assert results() == {"ok": (2, 0), "bad_format": (1, 0)}
    shop.clock.move(days=1)
    wait_for(lambda: shop.value("SELECT coalesce(sum(n), 0) FROM figure_days")
             == 4, 60, "the days are counted")
    api.validate(made["license_key"])
    assert results() == {"ok": (3, 0), "bad_format": (1, 0)}
    got = used()
    assert sums(got["validations"], "ok", "refused") == [3, 1]
    assert [r["ok"] for r in got["validations"]["series"]][-2:] == [2, 1]
    assert (got["machines"]["active"], got["machines"]["new"]) == (1, 1)
    shop.clock.move(days=7)
    wait_for(lambda: shop.value("SELECT coalesce(sum(n), 0) FROM figure_days")
             == 5, 60, "the rest is counted")
    assert results() == {"ok": (0, 3), "bad_format": (0, 1)}
    assert results(30) == {"ok": (3, 0), "bad_format": (1, 0)}
    got = used()["machines"]
    assert (got["active"], got["new"], got["new_before"]) == (1, 0, 1)


def test_what_needs_a_look(api, shop):
    assert attention(api) == {}
    product = api.product(price_sats=10)
    soon = api.policy(product, duration_seconds=3 * DAY)
    later = api.policy(product, duration_seconds=30 * DAY)
    api.issue(product, policy_slug=soon["slug"])
    api.issue(product, policy_slug=later["slug"])
    odd = api.buy(product)
    shop.db.execute("UPDATE invoices SET attention = 'partial' WHERE id = %s",
                    (odd["invoice_id"],))
    stuck = api.buy(product)
    shop.db.execute("UPDATE invoices SET paid_sats = 5 WHERE id = %s",
                    (stuck["invoice_id"],))
    got = attention(api)
    assert {k: a["count"] for k, a in got.items()} == {
        "invoice_odd": 1, "license_expiring": 1}
    assert got["license_expiring"]["since"] > got["invoice_odd"]["since"]
    shop.db.execute("UPDATE invoices SET created_at = created_at"
                    " - interval '2 hours' WHERE id = %s",
                    (stuck["invoice_id"],))
    assert attention(api)["payment_stuck"]["count"] == 1
    api.do("PATCH", f"/invoices/{odd['invoice_id']}", {"attention": None})
    assert "invoice_odd" not in attention(api)


def test_first_steps(api, shop):
    def steps():
        return api.do("GET", "/first-steps")

    got = steps()
    assert got.pop("is_open") is True and got.pop("sandbox") is True
    assert not any(got.values())
    api.do("POST", "/settings/operator-name", {"name": "Ada & Sons"})
    product = api.product(price_sats=10)
    api.policy(product)
    api.pay(api.buy(product))
    got = steps()
    assert got["is_open"] and not got["provider"]
    assert got["operator_name"] and got["product"] and got["policy"] \
        and got["sold"]
    shop.clock.move(days=31)
    assert steps()["is_open"] is False


@pytest.mark.parametrize("fault", ["401", "away"])
def test_a_provider_that_does_not_answer(own_instance, btcpay, fault):
    """Known from the calls that are made anyway; over with the next answer."""
    server = own_instance(LICET_RECONCILE_SECONDS=1, **btcpay.settings())
    api = Api(server.url, server.admin_key, server.db)
    product = api.product(price_sats=10)
    api.buy(product)

    def silence():
        return attention(api).get("provider_silent")

    def ask():
        api.public("POST", "/v1/purchase", {"product": product["slug"]})

    assert silence() is None
    if fault == "away":
        with btcpay.away():
            ask()
            noted = wait_for(silence, 60, "the silence is noted")
    else:
        btcpay.spoil(fault, times=None)
        ask()
        noted = wait_for(silence, 60, "the silence is noted")
    assert noted["count"] == 1 and noted["since"]
    btcpay.calm()
    # The reconciler's next look; of itself it has 15 seconds' time.
    server.db.execute("UPDATE invoices SET next_check_at = licet_now()")
    wait_for(lambda: silence() is None, 60, "it answers again")
    server.check_workers()
