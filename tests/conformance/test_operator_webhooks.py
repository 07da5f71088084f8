"""keysat.md 3.4 (webhook rows), 5 and D24, D27, D30: a test for each sentence,
and for each event of 5 the keys of its data."""
import re

import pytest

from lib.check import is_time, is_uuid
from lib.client import refused
from lib.process import wait_for
from lib.renewals import Shop
from lib.webhooks import Hooks, stalled_by_none
from lib.zaprite import Shop as ZapriteShop, connect

ENDPOINT = {"id", "url", "event_types", "active", "description", "created_at",
            "updated_at"}
DELIVERY = {"id", "endpoint_id", "event_type", "payload_json",
            "attempt_count", "next_attempt_at", "last_status_code",
            "last_error", "delivered_at", "created_at"}
NO_LICENSE_KEY = re.compile(r"LIC1-|KS1-|ks_|whsec_")


# 3.4

def test_create(hooks):
    """3.4 "{url,event_types=["*"],description?,secret?} -> {id,url,secret,
    event_types,active,description,created_at,updated_at}" """
    made = hooks.do("POST", "/webhook-endpoints",
                    {"url": "https://example.org/hook"})
    assert set(made) >= ENDPOINT | {"secret"}
    assert is_uuid(made["id"]) and made["active"] is True
    assert made["url"] == "https://example.org/hook"
    assert made["event_types"] == ["*"] and made["description"] is None
    assert is_time(made["created_at"]) and is_time(made["updated_at"])
    made = hooks.do("POST", "/webhook-endpoints", {
        "url": "http://example.org", "event_types": ["license.issued"],
        "description": "mine", "secret": "a secret of mine"})
    assert made["event_types"] == ["license.issued"]
    assert made["description"] == "mine"
    assert made["secret"] == "a secret of mine"


def test_generated_secret(hooks):
    """3.4 "generated secret = 32 random bytes hex, shown at creation" """
    secrets = {hooks.endpoint()["secret"] for _ in range(3)}
    assert len(secrets) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", s) for s in secrets)


def test_list(hooks):
    """3.4 "GET -> {endpoints:[...]} without secrets" """
    e = hooks.endpoint()
    text = hooks.admin("GET", "/webhook-endpoints").text
    assert e["secret"] not in text
    listed = hooks.do("GET", "/webhook-endpoints")["endpoints"]
    assert set(listed[0]) >= ENDPOINT and "secret" not in listed[0]


def test_include_secret(hooks):
    """3.4 "?include_secret=true: D27" """
    e = hooks.endpoint()
    listed = hooks.do("GET", "/webhook-endpoints?include_secret=true")
    assert listed["endpoints"][0]["secret"] == e["secret"]


def test_active(hooks):
    """3.4 "PATCH /:id/active {active} -> {ok:true}" """
    e = hooks.endpoint()
    path = f"/webhook-endpoints/{e['id']}/active"
    assert hooks.do("PATCH", path, {"active": False}) == {"ok": True}
    product = hooks.product()
    assert hooks.do("PATCH", path, {"active": True}) == {"ok": True}
    hooks.product()
    (call,) = hooks.comes(e)
    assert call.body["data"]["id"] != product["id"]


def test_delete(hooks):
    """3.4 "DELETE /:id -> {ok:true}"; D24: with deliveries too."""
    e = hooks.endpoint()
    hooks.settles(hooks.test(e))
    assert hooks.do("DELETE", f"/webhook-endpoints/{e['id']}") == {"ok": True}
    refused(hooks.admin("DELETE", f"/webhook-endpoints/{e['id']}"), 404,
            "not_found")


def test_mutations_are_audited(hooks):
    """3 "All mutations write an audit row" """
    e = hooks.endpoint()
    d = hooks.test(e)
    hooks.settles(d)
    hooks.do("POST", f"/webhook-deliveries/{d['id']}/retry")
    hooks.do("POST", f"/webhook-endpoints/{e['id']}/replay", {"from": "1"})
    hooks.do("PATCH", f"/webhook-endpoints/{e['id']}/active",
             {"active": False})
    hooks.off(e)
    rows = hooks.server.rows(
        "SELECT action, actor_kind, actor_hash FROM events WHERE target_id"
        " IN (%s, %s) ORDER BY occurred_at", e["id"], d["id"])
    assert [r["action"] for r in rows] == [
        "webhook_endpoint.create", "webhook_endpoint.test",
        "webhook_delivery.retry", "webhook_endpoint.replay",
        "webhook_endpoint.set_active", "webhook_endpoint.delete"]
    assert {r["actor_kind"] for r in rows} == {"admin_api_key"}
    assert all(r["actor_hash"] for r in rows)


def test_deliveries(hooks):
    """3.4 "status=pending|delivered|failed|all", with the row's keys; "failed =
    undelivered, nothing scheduled, attempts>0" """
    e = hooks.endpoint()
    ok = hooks.test(e)
    hooks.settles(ok)
    hooks.vendor.set(e["path"], status=500)
    pending = hooks.test(e)
    hooks.tried(pending, 1)
    dead = hooks.test(e)
    hooks.tried(dead, 1)
    hooks.db.execute("UPDATE webhook_deliveries SET next_attempt_at = NULL"
                     " WHERE id = %s", [dead["id"]])
    never = hooks.test(e)
    hooks.tried(never, 1)
    hooks.db.execute("UPDATE webhook_deliveries SET next_attempt_at = NULL,"
                     " attempt_count = 0 WHERE id = %s", [never["id"]])

    def ids(**query):
        return [d["id"] for d in hooks.deliveries(e, **query)]
    every = [x["id"] for x in (never, dead, pending, ok)]
    assert ids() == ids(status="all") == every
    assert ids(status="pending") == [pending["id"]]
    assert ids(status="delivered") == [ok["id"]]
    assert ids(status="failed") == [dead["id"]]
    assert ids(limit=1) == every[:1]
    whole = hooks.do("GET", "/webhook-deliveries?status=failed")
    assert dead["id"] in [d["id"] for d in whole["deliveries"]]
    row = hooks.deliveries(e)[-1]
    assert set(row) >= DELIVERY
    assert isinstance(row["payload_json"], str)
    assert row["last_status_code"] == 200 and row["last_error"] is None
    assert is_time(row["delivered_at"]) and is_time(row["created_at"])
    for bad in ("limit=501", "limit=0", "status=dead", "endpoint_id=x"):
        refused(hooks.admin("GET", f"/webhook-deliveries?{bad}"), 400,
                "bad_request")


def test_retry(hooks):
    """3.4 "resets attempts and schedules now -> the row" """
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], statuses=[500, 500])
    d = hooks.test(e)
    hooks.tried(d, 1)
    before = hooks.clock.now()
    row = hooks.do("POST", f"/webhook-deliveries/{d['id']}/retry")
    assert set(row) >= DELIVERY and row["id"] == d["id"]
    assert row["attempt_count"] == 0
    assert row["next_attempt_at"] is not None
    hooks.comes(e, n=2)
    assert hooks.row(d)["due_since"] >= before


# 5

def test_one_row_per_matching_endpoint(hooks):
    """5 "One delivery row per active endpoint whose event_types has the event
    or *" """
    every = hooks.endpoint()
    one = hooks.endpoint(event_types=["license.revoked", "product.created"])
    other = hooks.endpoint(event_types=["license.revoked"])
    hooks.product()
    for e in (every, one):
        hooks.comes(e, "product.created")
        assert [d["event_type"] for d in hooks.deliveries(e)] == \
            ["product.created"]
    assert hooks.deliveries(other) == []


def test_product_scoped_endpoint(hooks):
    """5 "endpoint may carry product_id?, matching only that product's
    events" """
    mine, foreign = hooks.product(), hooks.product()
    e = hooks.endpoint(product_id=mine["id"])
    every = hooks.endpoint()
    hooks.issue(foreign)
    hooks.comes(every, "license.issued", 1)
    lic = hooks.issue(mine)
    hooks.comes(every, "license.issued", 2)
    (call,) = hooks.comes(e)
    assert call.body["data"]["license_id"] == lic["license_id"]


def test_body_and_headers(hooks):
    """5 "Body {"event_type","timestamp","data"}, fixed at enqueue", and the
    headers"""
    e = hooks.endpoint()
    hooks.product()
    (call,) = hooks.comes(e)
    assert list(call.body) == ["event_type", "timestamp", "data"]
    assert is_time(call.body["timestamp"])
    (row,) = hooks.deliveries(e)
    assert call.raw.decode() == row["payload_json"]
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["X-Keysat-Event"] == "product.created"
    assert call.headers["X-Keysat-Delivery"] == row["id"]
    assert re.fullmatch("sha256=[0-9a-f]{64}",
                        call.headers["X-Keysat-Signature"])


def test_slow_receiver_stalls_no_other(hooks):
    """D30 "one slow webhook receiver stalls all" """
    slow = [hooks.endpoint() for _ in range(3)]
    for e in slow:
        hooks.vendor.set(e["path"], hang=30)
    quick = hooks.endpoint()
    for _ in range(20):
        hooks.product()
    stalled_by_none(hooks.comes(quick, n=20))


# Each event's data: those keys and no others.

def only(hooks, endpoint, event, *keys, n=1):
    call = hooks.comes(endpoint, event, n)[-1]
    assert call.body["event_type"] == event
    assert set(call.body["data"]) == set(keys), call.body["data"]
    assert not NO_LICENSE_KEY.search(call.raw.decode())
    return call.body["data"]


def test_license_and_machine_events(hooks):
    """5 rows license.issued (admin), .revoked, .suspended, .unsuspended,
    machine.*, product.created"""
    e = hooks.endpoint()
    product = hooks.product()
    data = only(hooks, e, "product.created", *product)
    assert data == product
    lic = hooks.issue(product)
    data = only(hooks, e, "license.issued", "license_id", "product_id",
                "is_trial", "expires_at", "entitlements", "source")
    assert data["source"] == "admin_issue" and data["expires_at"] is None
    hooks.activate(lic["license_key"], "f1")
    machine = ("license_id", "machine_id", "fingerprint_hash")
    only(hooks, e, "machine.activated", *machine)
    hooks.deactivate(lic["license_key"], "f1")
    only(hooks, e, "machine.deactivated", *machine, "reason")
    path = f"/licenses/{lic['license_id']}"
    hooks.do("POST", path + "/suspend", {"reason": "why"})
    data = only(hooks, e, "license.suspended", "license_id", "reason")
    assert data == {"license_id": lic["license_id"], "reason": "why"}
    hooks.do("POST", path + "/unsuspend")
    only(hooks, e, "license.unsuspended", "license_id")
    hooks.do("POST", path + "/revoke")
    data = only(hooks, e, "license.revoked", "license_id", "reason")
    assert data["reason"] == "admin revoke"


def test_sale_events(hooks):
    """5 rows license.issued (purchase), code.redeemed, invoice.settled"""
    e = hooks.endpoint()
    product = hooks.product()
    hooks.policy(product)
    hooks.do("POST", "/discount-codes", {
        "code": "HOOKED", "kind": "percent", "amount": 1000})
    bought = hooks.buy(product, code="HOOKED")
    hooks.pay(bought)
    data = only(hooks, e, "license.issued", "license_id", "product_id",
                "is_trial", "expires_at", "entitlements", "source",
                "invoice_id", "policy_id")
    assert data["source"] == "purchase"
    only(hooks, e, "code.redeemed", "redemption_id", "code_id", "code",
         "license_id", "product_id", "invoice_id", "discount_applied_sats",
         "base_price_sats", "final_price_sats")
    data = only(hooks, e, "invoice.settled", "invoice_id", "product_id",
                "amount_sats", "provider_kind")
    assert data["invoice_id"] == bought["invoice_id"]
    assert data["amount_sats"] == 45000


def test_tier_events(hooks):
    """5 row license.tier_changed"""
    e = hooks.endpoint()
    product = hooks.product()
    low = hooks.policy(product, tier_rank=1, price_sats_override=1000)
    high = hooks.policy(product, tier_rank=2, price_sats_override=2000)
    lic = hooks.issue(product, policy_slug=low["slug"])
    hooks.do("POST", f"/licenses/{lic['license_id']}/change-tier",
             {"to_policy_slug": high["slug"], "skip_payment": True})
    data = only(hooks, e, "license.tier_changed", "license_id", "product_id",
                "from_policy_id", "to_policy_id", "to_policy_slug",
                "direction", "actor", "tier_change_id")
    assert data["direction"] == "upgrade" and data["actor"] == "admin"


SUBSCRIPTION = ("subscription_id", "license_id", "product_id", "policy_id")
CYCLE = ("cycle_number", "cycle_start_at", "cycle_end_at")
BILL = ("invoice_id", "amount_sats", "listed_currency", "listed_value")


@pytest.fixture
def billed(make_instance, btcpay_shared, btcpay, vendor_shared):
    server = make_instance(movable=True, name="hookbill",
                           LICET_RENEWAL_SECONDS=1, LICET_RECONCILE_SECONDS=1,
                           LICET_WEBHOOK_PRIVATE="on",
                           **btcpay_shared.settings())
    shop = Shop(server, btcpay)
    hooks = Hooks(server, vendor_shared)
    yield shop, hooks, hooks.endpoint()
    server.check_workers()


def test_subscription_events(billed):
    """5 rows subscription.renewal_pending, .renewed, .renewal_skipped,
    .lapsed, .cancelled; license.tier_changed by the renewal worker"""
    shop, hooks, e = billed
    s = shop.subscribe(grace_period_days=1)
    bill = shop.due(s)
    only(hooks, e, "subscription.renewal_pending", *SUBSCRIPTION, *BILL,
         *CYCLE, "checkout_url", "due_at", "buyer_email",
         "is_first_paid_cycle")
    shop.pay_bill(bill)
    only(hooks, e, "subscription.renewed", "subscription_id", "invoice_id",
         "amount_sats")
    low = hooks.policy(s["product"], is_recurring=True, renewal_period_days=30,
                       price_sats_override=10, tier_rank=0,
                       grace_period_days=1)
    hooks.do("PATCH", f"/policies/{s['policy']['id']}", {"tier_rank": 5})
    r = hooks.public("POST", "/v1/downgrade", {
        "license_key": s["key"], "target_policy_slug": low["slug"]})
    assert r.status_code == 200, r.text
    shop.due(s)
    data = only(hooks, e, "license.tier_changed", "license_id", "product_id",
                "from_policy_id", "to_policy_id", "to_policy_slug",
                "direction", "actor", "tier_change_id", "applied_via")
    assert data["applied_via"] == "renewal_worker"
    assert data["actor"] == "system"
    shop.until(shop.sub(s)["next_renewal_at"], 86400 + 5)
    shop.becomes(s, "lapsed")
    only(hooks, e, "subscription.lapsed", *SUBSCRIPTION)
    skipped = shop.subscribe()
    hooks.do("PATCH", f"/policies/{skipped['policy']['id']}/archived",
             {"archived": True})
    shop.until(shop.sub(skipped)["next_renewal_at"])
    only(hooks, e, "subscription.renewal_skipped", *SUBSCRIPTION,
         "policy_slug", "reason")
    hooks.do("POST", f"/subscriptions/{skipped['id']}/cancel",
             {"reason": "enough"})
    data = only(hooks, e, "subscription.cancelled", *SUBSCRIPTION, "actor",
                "reason")
    assert data["actor"] == "admin" and data["reason"] == "enough"


def test_charge_events(make_instance, zaprite, vendor_shared):
    """5 rows subscription.auto_charge_initiated, _failed"""
    server = make_instance(movable=True, name="hookzap",
                           LICET_PAYMENTS="none", LICET_RENEWAL_SECONDS=1,
                           LICET_RECONCILE_SECONDS=3600,
                           LICET_WEBHOOK_PRIVATE="on")
    shop = ZapriteShop(server, zaprite, connect(server, zaprite))
    hooks = Hooks(server, vendor_shared)
    e = hooks.endpoint()
    s = shop.subscribe(grace_period_days=3)
    zaprite.decline = "PENDING"
    shop.fall_due(s)
    wait_for(lambda: shop.announced(s), 60, "the card is declined")
    only(hooks, e, "subscription.auto_charge_initiated", *SUBSCRIPTION, *BILL,
         *CYCLE)
    only(hooks, e, "subscription.auto_charge_failed", "subscription_id",
         "license_id", "invoice_id", "reason")
    server.check_workers()
