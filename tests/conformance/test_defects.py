"""keysat.md 8, D18 to D24 and D26: seats and what a vendor deletes, each
defect of the reference by name.  D28 on: test_defects_operations.py; D22's
pages and files also test_rest.py, D23's codes test_code_admin.py, D24's
providers test_profiles.py, D26's tips test_tips.py."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import keys
from lib.check import NOWHERE, ahead, events, outbox
from lib.client import Api, new_slug, refused
from lib.connect import begin
from lib.instance import KNOWN_SEED
from lib.process import wait_for
from lib.tiers import HIGH, LOW, Shop


def seats(server, made):
    return server.value("SELECT count(*) FROM machines WHERE license_id = %s"
                        " AND deactivated_at IS NULL", made["license_id"])


def bound(made, fingerprint):
    own = keys.parse(made["license_key"])
    return keys.Key(own.product_id, own.license_id, own.issued_at,
                    flags=keys.BOUND, fingerprint_hash=bytes.fromhex(
                        keys.hash_hex(fingerprint))).signed(KNOWN_SEED)


# Seats

@pytest.mark.parametrize("cap", [1, 3])
def test_D18_cap_holds_under_concurrency(api, server, cap):
    """D18: cap check and insert raced; validate, activate and release run
    against each other, all from other machines, and never is one seat more
    taken than there are."""
    made = api.issue(max_machines=cap)
    key = made["license_key"]

    def ask(n):
        if n % 2:
            won = api.activate(key, f"m{n}")["ok"]
        else:
            won = api.validate(key, fingerprint=f"m{n}")["ok"]
        return won, seats_now(server, made)
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(ask, range(48)))
    assert sum(won for won, _ in got) == cap
    assert max(taken for _, taken in got) <= cap
    assert seats(server, made) == cap


def seats_now(server, made):
    """From a connection of its own: threads share none."""
    with server.cluster.connect(server.database) as db:
        return db.execute(
            "SELECT count(*) AS n FROM machines WHERE license_id = %s AND"
            " deactivated_at IS NULL", [made["license_id"]]).fetchone()["n"]


def test_D18_a_freed_seat_is_given_once(api, server):
    """D18: many wait for the one seat that becomes free."""
    made = api.issue(max_machines=1)
    key = made["license_key"]
    api.activate(key, "first")

    def ask(n):
        if n == 0:
            return api.deactivate(key, "first")["ok"] and None
        return api.activate(key, f"m{n}")["ok"]
    with ThreadPoolExecutor(12) as pool:
        won = [x for x in pool.map(ask, range(24)) if x]
    assert len(won) <= 1
    assert api.activate(key, "last")["ok"] is (not won)
    assert seats(server, made) == 1


def test_D18_activation_of_a_single_seat_sets_the_fingerprint(api, server):
    """D18: two machines fitted, one by activation and one by validate."""
    made = api.issue()
    assert api.activate(made["license_key"], "A")["ok"] is True
    assert api.validate(made["license_key"], fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert api.license(made["license_id"])["license"]["fingerprint"] == \
        keys.hash_hex("A")
    assert seats(server, made) == 1


def test_D18_admin_deactivation_lets_the_customer_in_again(api):
    """D18: the customer was locked out."""
    made = api.issue()
    mid = api.validate(made["license_key"], fingerprint="A")["machine_id"]
    api.do("POST", f"/machines/{mid}/deactivate")
    assert api.validate(made["license_key"], fingerprint="B")["ok"] is True


@pytest.mark.parametrize("grace,reason", [(0, "expired"), (3600, None)])
def test_D18_activation_heeds_expiry(api, server, grace, reason):
    """D18: activation ignored expiry; in its grace a license still runs."""
    made = api.issue(max_machines=2)
    server.db.execute(
        "UPDATE licenses SET expires_at = date_trunc('second', licet_now())"
        " - interval '1 minute', grace_seconds = %s WHERE id = %s",
        [grace, made["license_id"]])
    got = api.activate(made["license_key"], "A")
    assert (got["ok"], got["reason"]) == (reason is None, reason)
    assert seats(server, made) == (0 if reason else 1)


@pytest.mark.parametrize("cap", [1, 2, 0])
def test_D19_a_mismatch_takes_no_seat(api, server, cap):
    """D19: a payload-bound mismatch was detected after the seat was taken;
    by activation neither."""
    made = api.issue(max_machines=cap)
    key = bound(made, "A")
    assert api.validate(key, fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert api.activate(key, "B")["ok"] is False
    assert seats(server, made) == 0
    assert api.validate(key, fingerprint="A")["ok"] is True


@pytest.fixture
def timed(own_instance):
    """Its clock moves; a sweep comes with each move of five minutes."""
    server = own_instance(movable=True)
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    return api


def silent(api, hours, **policy):
    """A license of a policy with such a timeout, and its product."""
    p = api.product()
    y = api.policy(p, slug="t", heartbeat_timeout_seconds=hours * 3600,
                   **policy)
    return api.issue(p, policy_slug="t"), y


def sweep(api):
    runs = api.server.value("SELECT runs FROM jobs WHERE name = 'sweep'")
    api.server.clock.move(seconds=301)
    wait_for(lambda: api.server.value(
        "SELECT runs FROM jobs WHERE name = 'sweep'") > runs, 60, "it sweeps")


def test_D20_stale_machines_give_their_seats_back(timed):
    """D20: an optional heartbeat timeout per policy: who is silent for longer
    loses the seat, who has shown up meanwhile doesn't; it is told."""
    made, _ = silent(timed, 48, max_machines=2)
    key = made["license_key"]
    stale = timed.activate(key, "stale")["machine_id"]
    alive = timed.activate(key, "alive")["machine_id"]
    timed.server.clock.move(hours=47)
    timed.heartbeat(key, "alive")
    sweep(timed)
    assert seats(timed.server, made) == 2
    timed.server.clock.move(hours=1)
    wait_for(lambda: seats(timed.server, made) == 1, 60, "a seat comes back")
    assert timed.activate(key, "new")["ok"] is True
    assert timed.heartbeat(key, "alive") == {"ok": True, "machine_id": alive}
    assert timed.heartbeat(key, "stale")["reason"] == "not_activated"
    (news,) = outbox(timed.server, "machine_id", stale,
                     "machine.deactivated")
    assert news["data"] == {
        "license_id": made["license_id"], "machine_id": stale,
        "fingerprint_hash": keys.hash_hex("stale"),
        "reason": "heartbeat_timeout"}
    (entry,) = events(timed.server, stale, "machine.deactivate")
    assert entry["actor_kind"] == "system"


def test_D20_one_seat_is_free_for_the_next(timed):
    """D20: of a license of one seat, too; a validation counts as a sign."""
    made, _ = silent(timed, 1)
    key = made["license_key"]
    timed.validate(key, fingerprint="A")
    timed.server.clock.move(seconds=3000)
    timed.validate(key, fingerprint="A")
    timed.server.clock.move(seconds=3000)
    sweep(timed)
    assert timed.validate(key, fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    timed.server.clock.move(hours=2)
    wait_for(lambda: seats(timed.server, made) == 0, 60, "the seat is free")
    assert timed.validate(key, fingerprint="B")["ok"] is True


def test_D20_without_a_timeout_a_seat_is_for_ever(timed):
    """D20: optional: none unless given; and as the policy says now."""
    made, y = silent(timed, 0, max_machines=2)
    assert y["heartbeat_timeout_seconds"] == 0
    timed.activate(made["license_key"], "A")
    by_hand = timed.issue()
    timed.activate(by_hand["license_key"], "A")
    timed.server.clock.move(days=300)
    sweep(timed)
    assert seats(timed.server, made) == seats(timed.server, by_hand) == 1
    timed.do("PATCH", f"/policies/{y['id']}",
             {"heartbeat_timeout_seconds": 3600})
    timed.server.clock.move(seconds=301)
    wait_for(lambda: seats(timed.server, made) == 0, 60, "the seat is free")
    assert seats(timed.server, by_hand) == 1


@pytest.mark.parametrize("seconds,fine", [
    (0, True), (3600, True), (315360000, True), (1, False), (3599, False),
    (-1, False), (315360001, False)])
def test_D20_a_timeout_is_an_hour_or_more(api, seconds, fine):
    """D20: heartbeats are kept to the minute, and machines sleep."""
    p = api.product()
    y = api.policy(p)
    for r in (api.admin("POST", "/policies", {
                  "product_slug": p["slug"], "name": "n", "slug": new_slug(),
                  "heartbeat_timeout_seconds": seconds}),
              api.admin("PATCH", f"/policies/{y['id']}",
                        {"heartbeat_timeout_seconds": seconds})):
        if fine:
            assert r.json()["heartbeat_timeout_seconds"] == seconds
        else:
            refused(r, 400, "bad_request")


# What is typed wrong

@pytest.mark.parametrize("slug,fine", [
    ("a", True), ("9-a", True), ("a" * 63, True), ("a" * 64, False),
    ("", False), ("-a", False), ("A", False), ("a_b", False), ("a b", False),
    ("ä", False), ("a/b", False), ("a\n", False)])
def test_D21_slugs(api, slug, fine):
    """D21: [a-z0-9][a-z0-9-]{0,62}, of products and policies."""
    p = api.product()
    for path, more in (("/products", {"price_sats": 1}),
                       ("/policies", {"product_slug": p["slug"]})):
        r = api.admin("POST", path, {"slug": slug, "name": "n", **more})
        assert r.status_code in ((200, 409) if fine else (400,)), path


@pytest.mark.parametrize("when", [
    "tomorrow", "2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z", "2030-01-01",
    "2030-01-01T00:00:00", "1893456000", "", "2030-01-01T25:00:00Z"])
def test_D21_dates_are_refused_and_never_never(api, when):
    """D21: an unparsable expires_at was silently "never"."""
    p = api.product()
    refused(api.admin("POST", "/licenses", {
        "product_slug": p["slug"], "expires_at": when}), 400, "bad_request")
    refused(api.admin("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1,
        "expires_at": when}), 400, "bad_request")
    assert api.do("GET", f"/licenses?product_id={p['id']}")["licenses"] == []


@pytest.mark.parametrize("address", ["x", "@example.com", "a@", "a b@c.d",
                                     "a@b@c", "a@example.com\nBcc: x@y.z"])
def test_D21_addresses(api, address):
    """D21: no e-mail validation."""
    p = api.product()
    refused(api.admin("POST", "/licenses", {
        "product_slug": p["slug"], "buyer_email": address}), 400,
        "bad_request")
    refused(api.public("POST", "/v1/purchase", {
        "product": p["slug"], "buyer_email": address}), 400, "bad_request")


@pytest.mark.parametrize("url", ["x", "ftp://a.example", "javascript:1",
                                 "http://", "//a.example", "https:/a"])
def test_D21_urls(api, url):
    """D21: no URL validation."""
    refused(api.public("POST", "/v1/purchase", {
        "product": api.product()["slug"], "redirect_url": url}), 400,
        "bad_request")
    refused(api.admin("POST", "/webhook-endpoints", {"url": url}), 400,
            "bad_request")


# What is listed

@pytest.mark.parametrize("path,name", [
    ("/products", "products"), ("/licenses", "licenses"),
    ("/machines", "machines"), ("/invoices", "invoices"),
    ("/subscriptions", "subscriptions"), ("/discount-codes", "codes"),
    ("/webhook-endpoints", "endpoints"), ("/audit", "entries"),
    ("/webhook-deliveries", "deliveries"), ("/tier-changes",
                                            "tier_changes")])
def test_D22_lists_have_cursors(api, path, name):
    """D22: no pagination: each list has a cursor, and a bad one is 400."""
    for _ in range(2):
        api.pay(api.buy(api.product()))
    got = api.do("GET", f"{path}?limit=1")
    assert len(got[name]) <= 1 and "next_cursor" in got
    if got["next_cursor"] is not None:
        after = api.do("GET", f"{path}?limit=1&cursor={got['next_cursor']}")
        assert after[name][:1] != got[name]
    if got[name]:               # else nothing is compared with it
        refused(api.admin("GET", f"{path}?cursor=nonsense"), 400,
                "bad_request")


def test_D22_inactive_products_are_listed(api):
    """D22: `GET /v1/admin/products'."""
    p = api.product()
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    assert p["id"] in [x["id"] for x in api.do("GET", "/products")[
        "products"]]


def test_D22_license_by_id_with_history(api):
    """D22: `GET /v1/admin/licenses/:id' with history."""
    made = api.issue(max_machines=2)
    api.activate(made["license_key"], "A")
    api.validate(made["license_key"])
    api.do("POST", f"/licenses/{made['license_id']}/suspend")
    got = api.license(made["license_id"])
    assert got["license"]["id"] == made["license_id"]
    assert len(got["machines"]) == 1 and len(got["validations"]) == 1
    assert "license.suspend" in [e["action"] for e in got["history"]]
    refused(api.admin("GET", f"/licenses/{NOWHERE}"), 404, "not_found")


# What is deleted

def sold_everything(api, server):
    """A product with a subscription, a tier change, a tip, a code's use and a
    machine; all that the reference's force delete tripped over."""
    tiers = Shop(api)
    had = tiers.buy(LOW, buyer_email="d@example.com")
    paid = tiers.upgrade(had["license_key"], HIGH)
    api.pay({**paid, "checkout_url": paid["checkout_url"]})
    tiers.downgrade(had["license_key"], LOW)
    api.activate(had["license_key"], "A")
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1000,
        "product_slug": tiers.product["slug"]})
    api.pay(api.buy(tiers.product, policy_slug=LOW, code=code["code"]))
    tipped = tiers.add("tipped", is_recurring=False,
                       tip_recipient="a@example.com", tip_pct_bps=1000)
    api.pay(api.buy(tiers.product, policy_slug=tipped["slug"]))
    for table in ("subscriptions", "tier_changes", "tip_attempts",
                  "discount_redemptions", "machines"):
        assert server.value(
            f"SELECT count(*) FROM {table} t JOIN licenses l ON"
            " l.id = t.license_id WHERE l.product_id = %s",
            tiers.product["id"]) > 0, table
    return tiers, had


def test_D23_product_with_subscriptions_tier_changes_and_tips(api, server):
    """D23: force deletes missed these and failed with 500."""
    tiers, had = sold_everything(api, server)
    path = f"/products/{tiers.product['id']}"
    refused(api.admin("DELETE", path), 409, "conflict")
    got = api.do("DELETE", path + "?force=true")
    assert got["cascaded_licenses"] == 3 and got["cascaded_policies"] == 5
    assert api.validate(had["license_key"])["reason"] == "not_found"
    for table, column in (("subscriptions", "product_id"),
                          ("licenses", "product_id"),
                          ("invoices", "product_id"),
                          ("policies", "product_id")):
        assert server.value(f"SELECT count(*) FROM {table} WHERE {column} ="
                            " %s", tiers.product["id"]) == 0, table
    refused(api.admin("GET", path), 404, "not_found")


@pytest.mark.parametrize("slug", [LOW, HIGH, "tipped"])
def test_D23_policy_with_subscriptions_tier_changes_and_tips(api, server,
                                                             slug):
    """D23: the same of a policy, one that was left, one that was moved to,
    one that tips; the product and the other tiers stay."""
    tiers, _ = sold_everything(api, server)
    got = api.do("DELETE", f"/policies/{tiers.id[slug]}?force=true")
    assert got["deleted"] == slug
    left = api.do("GET", "/policies?product_slug=" + tiers.product["slug"])
    assert slug not in [y["slug"] for y in left["policies"]]
    assert len(left["policies"]) == 4
    assert tiers.buy("ever")["license_key"]


def test_D24_endpoint_with_deliveries(hooks):
    """D24: deleting a webhook endpoint that has deliveries failed on foreign
    keys; it goes, and what it was sent stays listed."""
    e = hooks.endpoint()
    hooks.product()
    hooks.comes(e)
    assert hooks.do("DELETE", f"/webhook-endpoints/{e['id']}") == {"ok": True}
    assert e["id"] not in [x["id"] for x in hooks.do(
        "GET", "/webhook-endpoints")["endpoints"]]
    assert len(hooks.deliveries(e)) == 1
    refused(hooks.admin("DELETE", f"/webhook-endpoints/{e['id']}"), 404,
            "not_found")


def test_D26_permissions_that_tips_need_are_asked_for(vendor):
    """D26: btcpay.store.canuselightningnode was missing."""
    assert "btcpay.store.canuselightningnode" in begin(vendor)[
        "authorize_url"]


def test_issuing_ahead_is_no_defect(api):
    """What D21's refusals let through."""
    assert api.issue(expires_at=ahead(days=1))["license_id"]
