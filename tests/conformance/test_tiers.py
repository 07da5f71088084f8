"""keysat.md 2.8 (upgrade-quote, upgrade, quote and apply rules) and 3.2
(change-tier): a test for each sentence."""
import datetime
import json
import pathlib

import pytest

from lib.check import NOWHERE, events, is_time, is_uuid, outbox, read_time
from lib.client import Api, expect, refused
from lib.tiers import EVER, HIGH, LOW, TOP, Shop, invoice, subscription

PRORATION = json.loads(
    (pathlib.Path(__file__).parents[1] / "vectors" / "keysat-vectors.json")
    .read_text())["proration"]


@pytest.fixture
def tiers(api):
    return Shop(api)


def due_in(server, license_id, days, **more):
    """The subscription is due in so many whole days and an hour."""
    sets = ["next_renewal_at = date_trunc('second', licet_now()) + interval"
            " '1 hour' + make_interval(days => %s)"]
    sets += [f"{k} = {v}" for k, v in more.items()]
    server.db.execute(f"UPDATE subscriptions SET {', '.join(sets)}"
                      " WHERE license_id = %s", [days, license_id])


# POST /v1/upgrade-quote

def test_shape_of_a_quote(tiers):
    """2.8: the ten fields of a quote."""
    had = tiers.buy(LOW)
    assert tiers.quote(had["license_key"], HIGH) == {
        "from_policy_id": tiers.id[LOW], "from_policy_slug": LOW,
        "to_policy_id": tiers.id[HIGH], "to_policy_slug": HIGH,
        "direction": "upgrade", "listed_currency": "SAT",
        "proration_charge_value": 5800, "effective_at": "immediate",
        "next_renewal_charge": 9000, "next_renewal_period_days": 30}


@pytest.mark.parametrize("path", ["upgrade-quote", "upgrade"])
def test_unknown_target(tiers, path):
    """2.8: unknown target 404."""
    had = tiers.buy(LOW)
    refused(tiers.ask(path, had["license_key"], "nothing"), 404, "not_found")


@pytest.mark.parametrize("path", ["upgrade-quote", "upgrade"])
def test_license_without_a_policy(tiers, path):
    """Quote rules: 400 if the licence has no policy."""
    refused(tiers.ask(path, tiers.issue()["license_key"], LOW), 400,
            "bad_request")


@pytest.mark.parametrize("path", ["upgrade-quote", "upgrade"])
def test_same_policy(tiers, path):
    """Quote rules: 400 if same policy."""
    had = tiers.buy(LOW)
    refused(tiers.ask(path, had["license_key"], LOW), 400, "bad_request")


def test_other_product(tiers):
    """Quote rules: other product.  Slugs are a product's own, so another's
    policy is an unknown one."""
    had = tiers.buy(LOW)
    other = Shop(tiers.api)
    other.add("elsewhere", tier_rank=9)
    refused(tiers.ask("upgrade-quote", had["license_key"], "elsewhere"), 404,
            "not_found")


@pytest.mark.parametrize("how", ["inactive", "archived"])
@pytest.mark.parametrize("path", ["upgrade-quote", "upgrade"])
def test_inactive_target(tiers, path, how):
    """Quote rules: 400 if inactive target; D14 for archived ones."""
    had = tiers.buy(LOW)
    tiers.api.do("PATCH", f"/policies/{tiers.id[HIGH]}/"
                 + ("active" if how == "inactive" else "archived"),
                 {"active": False} if how == "inactive" else
                 {"archived": True})
    refused(tiers.ask(path, had["license_key"], HIGH), 400, "bad_request")


def test_price_is_the_override_else_the_products(tiers):
    """L(p) = policy override ?? product price."""
    tiers.add("plain", tier_rank=0)      # the product's 1000
    had = tiers.buy("plain")
    assert tiers.quote(had["license_key"], LOW)[
        "proration_charge_value"] == (3000 - 1000) * 29 // 30


@pytest.mark.parametrize("from_rank, to_rank", [(None, 5), (5, None),
                                                (None, None)])
def test_buyer_needs_both_ranks(tiers, from_rank, to_rank):
    """Buyer mode: both tier_rank non-null, else 400."""
    for slug, rank in (("x", from_rank), ("y", to_rank)):
        more = {} if rank is None else {"tier_rank": rank}
        tiers.add(slug, price_sats_override=7000, **more)
    had = tiers.buy("x")
    refused(tiers.ask("upgrade-quote", had["license_key"], "y"), 400,
            "bad_request")


def test_buyer_equal_ranks(tiers):
    """Buyer mode: equal ranks 400."""
    tiers.add("twin", tier_rank=1, price_sats_override=99000)
    had = tiers.buy(LOW)
    refused(tiers.ask("upgrade-quote", had["license_key"], "twin"), 400,
            "bad_request")


def test_buyer_higher_rank_is_an_upgrade(tiers):
    """Buyer mode: higher = upgrade, whatever it costs."""
    tiers.add("cheap", tier_rank=9, price_sats_override=1)
    had = tiers.buy(LOW)
    q = tiers.quote(had["license_key"], "cheap")
    assert (q["direction"], q["proration_charge_value"]) == ("upgrade", 0)
    refused(tiers.ask("upgrade", had["license_key"], "cheap"), 400,
            "bad_request")


@pytest.mark.parametrize("from_rank, to_rank, to_price, direction", [
    (1, 2, 10, "upgrade"), (2, 1, 99000, "downgrade"),
    (1, 1, 7000, "upgrade"), (1, 1, 7001, "upgrade"),
    (1, 1, 6999, "downgrade"), (None, 2, 6999, "downgrade"),
    (None, None, 7000, "upgrade"), (3, None, 7001, "upgrade")])
def test_admin_direction(tiers, from_rank, to_rank, to_price, direction):
    """Admin mode: by rank when both set and different, else upgrade iff
    L(to) >= L(from)."""
    for slug, rank, price in (("x", from_rank, 7000),
                              ("y", to_rank, to_price)):
        more = {} if rank is None else {"tier_rank": rank}
        tiers.add(slug, price_sats_override=price, **more)
    had = tiers.buy("x")
    expect(tiers.change(had["license_id"], "y", skip_payment=True), 200)
    assert tiers.changes(had["license_id"])[0]["direction"] == direction


def test_buyer_downgrade_to_perpetual(tiers):
    """Target perpetual: buyer downgrade -> 400."""
    tiers.add("once", tier_rank=0, is_recurring=False,
              price_sats_override=50000)
    had = tiers.buy(LOW)
    for path in ("upgrade-quote", "upgrade", "downgrade"):
        refused(tiers.ask(path, had["license_key"], "once"), 400,
                "bad_request")


def test_perpetual_target(tiers):
    """Target perpetual: charge = max(0, L(to) - L(from)), immediate, next_*
    null."""
    had = tiers.buy(LOW)
    q = tiers.quote(had["license_key"], EVER)
    assert (q["proration_charge_value"], q["effective_at"],
            q["next_renewal_charge"], q["next_renewal_period_days"]) == (
        87000, "immediate", None, None)


@pytest.mark.parametrize("v", PRORATION, ids=lambda v: "-".join(
    str(x) for x in v.values()))
def test_proration(server, tiers, v):
    """Target recurring, upgrade, with a subscription: charge = max(0, (L(to)
    - L(from)) * R div P), R whole days clamped to [0, P]."""
    for slug, rank, price in (("x", 5, v["fromListed"]),
                              ("y", 6, v["toListed"])):
        tiers.add(slug, tier_rank=rank, price_sats_override=price,
                  renewal_period_days=v["periodDays"])
    had = tiers.buy("x")
    due_in(server, had["license_id"], v["daysRemaining"])
    q = tiers.quote(had["license_key"], "y")
    assert q["proration_charge_value"] == v["charge"]
    if v["charge"] > 0:
        assert tiers.upgrade(had["license_key"], "y")["amount_sats"] == \
            v["charge"]
    else:
        refused(tiers.ask("upgrade", had["license_key"], "y"), 400,
                "bad_request")


def test_period_of_proration_is_the_subscriptions(server, tiers):
    """P = subscription period_days, not the policy's of today."""
    had = tiers.buy(LOW)
    tiers.api.do("PATCH", f"/policies/{tiers.id[LOW]}",
                 {"renewal_period_days": 60})
    due_in(server, had["license_id"], 15)
    assert tiers.quote(had["license_key"], HIGH)[
        "proration_charge_value"] == 3000


def test_past_due_has_no_days_left(server, tiers):
    """R is clamped to 0: the renewal comes first."""
    had = tiers.buy(LOW)
    due_in(server, had["license_id"], -2, status="'past_due'")
    assert tiers.quote(had["license_key"], HIGH)[
        "proration_charge_value"] == 0
    assert "renewal" in refused(
        tiers.ask("upgrade", had["license_key"], HIGH), 400,
        "bad_request")["message"]


def test_upgrade_without_a_subscription(tiers):
    """Without one, charge = L(to); immediate."""
    q = tiers.quote(tiers.issue(LOW)["license_key"], HIGH)
    assert (q["proration_charge_value"], q["effective_at"]) == (
        9000, "immediate")


def test_recurring_downgrade(server, tiers):
    """Target recurring, downgrade: charge 0, effective at next_renewal_at;
    next_renewal_charge = L(to)."""
    had = tiers.buy(HIGH)
    q = tiers.quote(had["license_key"], LOW)
    assert (q["direction"], q["proration_charge_value"],
            q["next_renewal_charge"]) == ("downgrade", 0, 3000)
    assert read_time(q["effective_at"]) == subscription(
        server, had["license_id"])["next_renewal_at"]


def test_fiat_charge(own_instance):
    """Invoice sats = max(1, converted charge); L in the product's currency;
    the invoice has listed value, source and rate."""
    server = own_instance()
    server.db.execute("INSERT INTO settings (key, value) VALUES"
                      " ('manual_rate_pin_USD', '64000')")
    tiers = Shop(Api(server.url, server.admin_key, server.db),
                 price_currency="USD", price_value=1000)
    had = tiers.buy(LOW)
    q = tiers.quote(had["license_key"], HIGH)
    assert (q["listed_currency"], q["proration_charge_value"]) == ("USD", 5800)
    bought = tiers.upgrade(had["license_key"], HIGH)
    assert bought["listed_currency"] == "USD"
    assert bought["proration_charge_value"] == 5800
    assert bought["amount_sats"] == 90625     # 58 / 64000 BTC
    i = invoice(server, bought)
    assert (i["listed_value"], i["exchange_rate_centibps"],
            i["exchange_rate_source"]) == (5800, 640000000, "manual_pin")
    server.db.execute("UPDATE settings SET value = '900000000000'"
                      " WHERE key = 'manual_rate_pin_USD'")
    assert tiers.upgrade(had["license_key"], HIGH)["amount_sats"] == 1


def test_no_rate_no_upgrade(own_instance):
    """0: a rate source that fails is 502."""
    off = {f"LICET_RATES_{s}_URL": "" for s in
           ("KRAKEN", "COINBASE", "COINGECKO")}
    server = own_instance(**off)
    tiers = Shop(Api(server.url, server.admin_key, server.db),
                 price_currency="EUR", price_value=1000)
    made = tiers.issue(LOW)
    refused(tiers.ask("upgrade", made["license_key"], HIGH), 502,
            "upstream_error")
    assert tiers.changes(made["license_id"]) == []


# POST /v1/upgrade

def test_upgrade_refuses_a_downgrade(tiers):
    """2.8: downgrade -> 403."""
    had = tiers.buy(HIGH)
    refused(tiers.ask("upgrade", had["license_key"], LOW), 403, "forbidden")


def test_upgrade_creates_invoice_and_row(server, tiers):
    """2.8: creates an invoice for the charge and a tier_changes row."""
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    assert set(bought) == {
        "invoice_id", "provider_invoice_id", "checkout_url", "amount_sats",
        "proration_charge_value", "listed_currency", "tier_change_id",
        "from_policy_slug", "to_policy_slug"}
    assert is_uuid(bought["invoice_id"]) and is_uuid(bought["tier_change_id"])
    (change,) = tiers.changes(had["license_id"])
    assert is_time(change.pop("created_at"))
    assert is_time(change.pop("effective_at"))
    assert change == {
        "id": bought["tier_change_id"], "license_id": had["license_id"],
        "from_policy_id": tiers.id[LOW], "from_policy_slug": LOW,
        "to_policy_id": tiers.id[HIGH], "to_policy_slug": HIGH,
        "direction": "upgrade", "status": "pending",
        "listed_currency": "SAT", "proration_charge_value": 5800,
        "next_listed_value": 9000, "invoice_id": bought["invoice_id"],
        "invoice_status": "pending", "actor": "buyer", "reason": None,
        "applied_at": None, "cancelled_at": None}


def test_nothing_is_applied_before_it_is_paid(server, tiers):
    """2.8: applied when the invoice settles; 4.3: expired and invalid ones
    are not."""
    had = tiers.buy(LOW)
    bought = tiers.upgrade(had["license_key"], HIGH)
    tiers.api.expire(bought)
    assert tiers.policy_of(had["license_id"]) == tiers.id[LOW]
    assert outbox(server, "tier_change_id", bought["tier_change_id"]) == []


# Apply

def test_apply_to_perpetual(server, tiers):
    """Apply: target's policy_id, entitlements, max_machines, grace_seconds,
    is_trial; expires_at null; the subscription is cancelled."""
    tiers.add("full", tier_rank=9, is_recurring=False, max_machines=7,
              price_sats_override=50000, grace_seconds=60, is_trial=True,
              entitlements=["x", "y"])
    had = tiers.buy(LOW)
    tiers.api.pay(tiers.upgrade(had["license_key"], "full"))
    now = tiers.license(had["license_id"])
    assert {k: now[k] for k in (
        "policy_id", "entitlements", "max_machines", "grace_seconds",
        "is_trial", "expires_at")} == {
        "policy_id": tiers.id["full"], "entitlements": ["x", "y"],
        "max_machines": 7, "grace_seconds": 60, "is_trial": True,
        "expires_at": None}
    s = subscription(server, had["license_id"])
    assert s["status"] == "cancelled" and s["cancelled_at"]


def test_apply_to_a_duration(server, tiers):
    """Apply: expires_at = now + duration_seconds."""
    tiers.add("year", tier_rank=9, is_recurring=False,
              price_sats_override=50000, duration_seconds=365 * 86400)
    had = tiers.buy(LOW)
    tiers.api.pay(tiers.upgrade(had["license_key"], "year"))
    now = server.value("SELECT licet_now() AS t")
    ends = read_time(tiers.license(had["license_id"])["expires_at"])
    assert abs(ends - now - datetime.timedelta(days=365)).total_seconds() < 60


def test_apply_keeps_id_and_key(server, tiers):
    """Apply: the licence id and existing key strings stay valid."""
    had = tiers.buy(LOW)
    tiers.api.pay(tiers.upgrade(had["license_key"], EVER))
    seen = tiers.api.validate(had["license_key"])
    assert seen["ok"] and seen["license_id"] == had["license_id"]
    assert seen["entitlements"] == [EVER] and "expires_at" not in seen
    assert server.value("SELECT count(*) FROM licenses WHERE product_id = %s",
                        tiers.product["id"]) == 1


def test_apply_to_recurring_updates_the_subscription(server, tiers):
    """Apply: recurring target -> policy, listed_value, period updated."""
    tiers.add("quarter", tier_rank=7, price_sats_override=20000,
              renewal_period_days=90)
    had = tiers.buy(LOW)
    tiers.api.pay(tiers.upgrade(had["license_key"], "quarter"))
    s = subscription(server, had["license_id"])
    assert (str(s["policy_id"]), s["listed_value"], s["period_days"]) == (
        tiers.id["quarter"], 20000, 90)


# POST /v1/admin/licenses/:id/change-tier

def test_change_tier_skips_payment(server, tiers):
    """3.2: skip -> apply now."""
    had = tiers.buy(HIGH)
    made = expect(tiers.change(had["license_id"], LOW, skip_payment=True,
                               reason="goodwill"), 200)
    assert made == {
        "ok": True, "applied": True, "license_id": had["license_id"],
        "tier_change_id": made["tier_change_id"], "skip_payment": True,
        "from_policy_slug": HIGH, "to_policy_slug": LOW}
    assert tiers.policy_of(had["license_id"]) == tiers.id[LOW]
    (told,) = outbox(server, "tier_change_id", made["tier_change_id"])
    assert told["data"] == {
        "license_id": had["license_id"], "product_id": tiers.product["id"],
        "from_policy_id": tiers.id[HIGH], "to_policy_id": tiers.id[LOW],
        "to_policy_slug": LOW, "direction": "downgrade", "actor": "admin",
        "tier_change_id": made["tier_change_id"]}
    (line,) = events(server, had["license_id"], "license.change_tier")
    assert line["actor_kind"] == "admin_api_key"
    assert line["details"]["reason"] == "goodwill"
    (change,) = tiers.changes(had["license_id"])
    assert (change["status"], change["proration_charge_value"],
            change["invoice_id"], change["actor"]) == (
        "applied", 0, None, "admin")


def test_change_tier_with_an_invoice(server, tiers):
    """3.2: or invoice: adds applied:false, invoice_id, ..."""
    had = tiers.buy(LOW)
    made = expect(tiers.change(had["license_id"], HIGH), 200)
    assert made == {
        "ok": True, "applied": False, "license_id": had["license_id"],
        "tier_change_id": made["tier_change_id"], "skip_payment": False,
        "from_policy_slug": LOW, "to_policy_slug": HIGH,
        "invoice_id": made["invoice_id"],
        "provider_invoice_id": made["provider_invoice_id"],
        "checkout_url": made["checkout_url"], "amount_sats": 5800,
        "proration_charge_value": 5800, "listed_currency": "SAT"}
    tiers.api.pay(made)
    assert tiers.policy_of(had["license_id"]) == tiers.id[HIGH]
    (told,) = outbox(server, "tier_change_id", made["tier_change_id"])
    assert told["data"]["actor"] == "admin"
    assert told["data"]["invoice_id"] == made["invoice_id"]


def test_change_tier_without_a_charge(tiers):
    """3.2: charge <= 0 -> 400."""
    had = tiers.buy(HIGH)
    refused(tiers.change(had["license_id"], LOW), 400, "bad_request")


@pytest.mark.parametrize("fields", [{}, {"skip_payment": True}])
def test_change_tier_follows_the_quote_rules(tiers, fields):
    """3.2: admin quote: no policy, same policy, inactive target; unknown."""
    had = tiers.buy(LOW)
    bare = tiers.issue()
    refused(tiers.change(bare["license_id"], LOW, **fields), 400,
            "bad_request")
    refused(tiers.change(had["license_id"], LOW, **fields), 400,
            "bad_request")
    tiers.api.do("PATCH", f"/policies/{tiers.id[TOP]}/active",
                 {"active": False})
    refused(tiers.change(had["license_id"], TOP, **fields), 400,
            "bad_request")
    refused(tiers.change(had["license_id"], "nothing", **fields), 404,
            "not_found")
    refused(tiers.change(NOWHERE, LOW, **fields), 404, "not_found")


def test_change_tier_is_the_masters(tiers):
    """3.2: scope M."""
    had = tiers.buy(LOW)
    path = f"/v1/admin/licenses/{had['license_id']}/change-tier"
    refused(tiers.api.public("POST", path, {"to_policy_slug": HIGH}), 401,
            "unauthorized")
    refused(tiers.api.call("POST", path, {"to_policy_slug": HIGH},
                           token="nonsense"), 403, "forbidden")
