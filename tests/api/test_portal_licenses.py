"""What customers see and do in the portal by its API; and that what is another
customer's is not there for them."""
import hashlib

import pytest

from lib.activation import read, request
from lib.check import NOWHERE, ahead, events, outbox
from lib.client import Api, expect, refused
from lib.customer import Customer, customer, new_email
from lib.tiers import HIGH, LOW, Shop, subscription

LICENSE = ("id product_slug product_name policy_slug policy_name status state"
           " is_trial issued_at expires_at works_until entitlements"
           " max_machines active_machines revoked_at suspended_at"
           " reissued_as").split()


class Owner:
    """A customer with a license that recurs, on two machines."""

    def __init__(self, server, email=None, slug=LOW):
        self.api = Api(server.url, server.admin_key, server.db)
        self.email = email or new_email()
        self.shop = Shop(self.api)
        self.sale = self.shop.buy(slug, buyer_email=self.email.upper())
        self.key, self.id = self.sale["license_key"], self.sale["license_id"]
        self.machine = self.api.activate(
            self.key, "first", hostname="desk", platform="linux")["machine_id"]
        self.session = customer(server, email=self.email)

    def ask(self, method, path, json=None, status=200, session=None):
        return expect((session or self.session).ask(
            method, "/v1/portal" + path, json), status)

    def by_key(self, server):
        return customer(server, license_id=self.id)


@pytest.fixture(scope="module")
def ann(server):
    return Owner(server)


@pytest.fixture
def bea(server):
    return Owner(server)


def paths(owner):
    """All there is, as (method, path, body)."""
    at = f"/v1/portal/licenses/{owner.id}"
    invoice = owner.shop.api.do("GET", f"/invoices?license_id={owner.id}")
    yield from [
        ("GET", at, None),
        ("GET", at + "/quote?target_policy_slug=high", None),
        ("POST", at + "/key", {}), ("POST", at + "/reissue", {}),
        ("POST", at + "/activate-offline", {"request": request("x")}),
        ("POST", at + "/cancel", {}), ("POST", at + "/bill", {}),
        ("POST", at + "/upgrade", {"target_policy_slug": HIGH}),
        ("POST", at + "/downgrade", {"target_policy_slug": LOW}),
        ("POST", at + "/downgrade/cancel", {}),
        ("GET", f"/v1/portal/machines/{owner.machine}", None),
        ("POST", f"/v1/portal/machines/{owner.machine}/release", {}),
        ("GET", f"/v1/portal/invoices/{invoice['invoices'][0]['id']}", None)]


def state(server, owner):
    """All of the license that anything could change."""
    return [server.rows(f"SELECT * FROM {table} WHERE {column} = %s"
                        " ORDER BY id", owner.id)
            for table, column in (
                ("licenses", "id"), ("machines", "license_id"),
                ("subscriptions", "license_id"), ("invoices", "license_id"),
                ("tier_changes", "license_id"))] + [
        len(events(server, owner.id)), len(events(server, owner.machine))]


# Whose it is

def test_what_is_anothers_is_not_there(server, ann, bea):
    """404 for each endpoint, by address and by key, and nothing is done."""
    for stranger in (ann.session, ann.by_key(server)):
        before = state(server, bea)
        for method, path, body in paths(bea):
            refused(stranger.ask(method, path, body), 404, "not_found")
        assert state(server, bea) == before
        assert bea.id not in stranger.ask("GET", "/v1/portal/licenses").text
        assert bea.sale["license_id"] not in \
            stranger.ask("GET", "/v1/portal/invoices").text


def test_a_key_opens_its_own_license_alone(server, ann):
    """Not those of the same address, nor its other invoices."""
    other = ann.shop.buy(LOW, buyer_email=ann.email)
    visitor = ann.by_key(server)
    seen = ann.ask("GET", "/licenses", session=visitor)["licenses"]
    assert [l["id"] for l in seen] == [ann.id]
    for path in (f"/licenses/{other['license_id']}",):
        refused(visitor.ask("GET", "/v1/portal" + path), 404, "not_found")
    refused(visitor.ask(
        "POST", f"/v1/portal/licenses/{other['license_id']}/key", {}),
        404, "not_found")
    everything = ann.ask("GET", "/licenses")["licenses"]
    assert {ann.id, other["license_id"]} <= {l["id"] for l in everything}


def test_nobody_sees_anything_without_a_session(server, ann):
    """401, with no cookie, a wrong one, an admin's key or session."""
    before = state(server, ann)
    for method, path, body in [("GET", "/v1/portal/licenses", None),
                               ("GET", "/v1/portal/invoices", None),
                               *paths(ann)]:
        for nobody in (Customer(ann.api), Customer(ann.api, "A" * 43)):
            refused(nobody.ask(method, path, body), 401, "unauthorized")
        refused(ann.api.admin(method, path, body), 401, "unauthorized")
    assert state(server, ann) == before


def test_other_sites_do_nothing(server, ann):
    """The cookie comes with what another site sends; it isn't heeded."""
    before = state(server, ann)
    for method, path, body in paths(ann):
        if method != "GET":
            refused(ann.session.ask(method, path, body, headers={
                "Sec-Fetch-Site": "cross-site"}), 403, "forbidden")
    assert state(server, ann) == before


# What is seen

def test_a_list_of_licenses(server, ann):
    seen = next(l for l in ann.ask("GET", "/licenses")["licenses"]
                if l["id"] == ann.id)
    assert list(seen) == LICENSE
    assert (seen["status"], seen["state"]) == ("active", "active")
    assert (seen["policy_slug"], seen["active_machines"]) == (LOW, 1)


def test_a_list_goes_on_page_by_page(server, api):
    email = new_email()
    product = api.product()
    made = [api.issue(product, buyer_email=email)["license_id"]
            for _ in range(3)]
    session, path, seen = customer(server, email=email), "", []
    for _ in range(3):
        page = expect(session.ask(
            "GET", "/v1/portal/licenses?limit=1" + path), 200)
        seen += [l["id"] for l in page["licenses"]]
        path = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1] and page["next_cursor"] is None


def test_nobody_has_nothing(server):
    session = customer(server, email=new_email())
    assert expect(session.ask("GET", "/v1/portal/licenses"), 200) == \
        {"licenses": [], "next_cursor": None}
    assert expect(session.ask("GET", "/v1/portal/invoices"), 200) == \
        {"invoices": [], "next_cursor": None}


def test_a_license_with_all_that_hangs_on_it(server, bea):
    seen = bea.ask("GET", f"/licenses/{bea.id}")
    assert seen["subscription"]["status"] == "active"
    assert seen["subscription"]["bill"] is None
    assert [m["id"] for m in seen["machines"]] == [bea.machine]
    assert seen["machines"][0]["name"] == "desk"
    assert [i["status"] for i in seen["invoices"]] == ["settled"]
    assert [p["slug"] for p in seen["plans"]] == [HIGH, "top", "ever"]
    assert [(h["action"], h["by"]) for h in seen["history"]][-1] == \
        ("license.issue", "system")
    assert bea.key not in str(seen) and "fingerprint" not in str(seen)


def test_reasons_of_the_vendor_are_the_vendors(server, bea):
    bea.api.do("POST", f"/licenses/{bea.id}/suspend", {"reason": "Eve?"})
    seen = bea.ask("GET", f"/licenses/{bea.id}")
    assert seen["license"]["state"] == "suspended" and "Eve" not in str(seen)
    assert ("license.suspend", "vendor") in [
        (h["action"], h["by"]) for h in seen["history"]]


def test_receipt(server, bea):
    [invoice] = bea.ask("GET", "/invoices")["invoices"]
    got = bea.ask("GET", f"/invoices/{invoice['id']}")
    assert got["amount_sats"] == 3000 and got["status"] == "settled"
    assert got["pay_url"] is None and got["license_id"] == bea.id
    assert got["vendor"]


def test_what_was_ordered_and_not_paid_is_there_too(server, bea):
    sale = bea.api.buy(bea.shop.product, policy_slug=LOW,
                       buyer_email=bea.email)
    got = bea.ask("GET", f"/invoices/{sale['invoice_id']}")
    assert got["pay_url"].endswith(sale["invoice_id"]) or \
        got["pay_url"] == sale["checkout_url"]
    refused(bea.by_key(server).ask(
        "GET", f"/v1/portal/invoices/{sale['invoice_id']}"), 404, "not_found")


def test_key_is_shown_and_written_down(server, bea):
    got = bea.ask("POST", f"/licenses/{bea.id}/key", {})
    assert bea.api.validate(got["license_key"])["ok"]
    [row] = events(server, bea.id, "license.key_shown")
    assert row["actor_kind"] == "customer"
    assert row["actor_hash"] == hashlib.sha256(bea.email.encode()).hexdigest()
    bea.api.revoke(bea.id)
    refused(bea.session.ask("POST", f"/v1/portal/licenses/{bea.id}/key", {}),
            409, "conflict")


# Devices

def test_released_seat_is_free_at_once(server, bea):
    full = bea.api.activate(bea.key, "second")
    assert (full["ok"], full["reason"]) == (False, "too_many_machines")
    assert bea.ask("POST", f"/machines/{bea.machine}/release", {}) == \
        {"ok": True, "license_id": bea.id}
    assert bea.api.activate(bea.key, "second")["ok"]
    [row] = events(server, bea.machine, "machine.deactivate")
    assert row["actor_kind"] == "customer"
    assert row["details"]["license_id"] == bea.id
    assert len(outbox(server, "machine_id", bea.machine,
                      "machine.deactivated")) == 1
    refused(bea.session.ask(
        "POST", f"/v1/portal/machines/{bea.machine}/release", {}),
        404, "not_found")
    assert bea.ask("GET", f"/licenses/{bea.id}")["history"][0] == {
        "action": "machine.deactivate", "by": "customer", "until": None,
        "at": bea.ask("GET", f"/licenses/{bea.id}")["history"][0]["at"]}


def test_a_key_releases_too(server, bea):
    bea.ask("POST", f"/machines/{bea.machine}/release", {},
            session=bea.by_key(server))
    [row] = events(server, bea.machine, "machine.deactivate")
    assert row["actor_hash"] == hashlib.sha256(bea.id.encode()).hexdigest()


# Without a network

@pytest.fixture(scope="module")
def public_keys(server):
    return [bytes(r["public_key"]) for r in server.rows(
        "SELECT public_key FROM signing_keys")]


def offline(owner, fingerprint, status=200, **fields):
    return owner.ask("POST", f"/licenses/{owner.id}/activate-offline",
                     {"request": request(fingerprint), **fields}, status)


def test_offline_activation_is_signed_for_one_device(server, bea, public_keys):
    bea.ask("POST", f"/machines/{bea.machine}/release", {})
    got = offline(bea, "attic", hostname="The attic")
    said = read(got["activation"], public_keys)
    assert said["fingerprint"] == hashlib.sha256(b"attic").hexdigest()
    assert said["license_id"] == bea.id
    assert said["product_id"] == bea.shop.product["id"]
    ends = server.value("SELECT extract(epoch FROM expires_at + grace_seconds"
                        " * interval '1 second')::bigint FROM licenses"
                        " WHERE id = %s", bea.id)
    assert said["expires_at"] == ends
    assert got["active_count"] == got["max_machines"] == 1
    # It is no key, nor is a key an activation.
    assert bea.api.validate(got["activation"])["reason"] == "bad_format"
    assert bea.api.validate(got["activation"].replace(
        "LICA1", "LIC1"))["reason"] == "bad_signature"
    with pytest.raises(ValueError):
        read(bea.key.replace("LIC1", "LICA1"), public_keys)
    seen = bea.ask("GET", f"/licenses/{bea.id}")
    assert [m["name"] for m in seen["machines"]] == ["The attic"]
    assert events(server, got["machine_id"], "machine.activate_offline")


def test_offline_and_online_are_one_seat(server, bea):
    """Once more, typed by hand, is the same device."""
    first = offline(bea, "first")
    assert first["machine_id"] == bea.machine
    typed = request("first").lower()
    again = bea.ask("POST", f"/licenses/{bea.id}/activate-offline", {
        "request": " " + "-".join(typed[i:i + 6]
                                  for i in range(0, len(typed), 6)) + "\n"})
    assert again["machine_id"] == bea.machine
    assert again["active_count"] == 1
    assert bea.api.validate(bea.key, fingerprint="first")["ok"]


def test_offline_takes_no_seat_too_many(server, bea):
    r = bea.session.ask("POST", f"/v1/portal/licenses/{bea.id}"
                        "/activate-offline", {"request": request("second")})
    refused(r, 409, "conflict")
    assert "release a device" in r.json()["message"]
    bea.api.do("POST", f"/licenses/{bea.id}/suspend", {})
    refused(bea.session.ask("POST", f"/v1/portal/licenses/{bea.id}"
                            "/activate-offline", {"request": request("first")}),
            409, "conflict")


def test_offline_activations_end(own_instance):
    """With LICET_OFFLINE_DAYS, or when silence would cost the seat, whichever
    is first; without an end there is none."""
    server = own_instance(LICET_OFFLINE_DAYS=2)
    api = Api(server.url, server.admin_key, server.db)
    public = [bytes(r["public_key"]) for r in server.rows(
        "SELECT public_key FROM signing_keys")]
    product = api.product()
    for timeout, ends, days in ((0, None, 2), (86400, None, 1),
                                (864000, None, 2), (0, ahead(hours=1), 1 / 24)):
        policy = api.policy(product, heartbeat_timeout_seconds=timeout)
        made = api.issue(product, policy_slug=policy["slug"],
                         **({"expires_at": ends} if ends else {}))
        me = customer(server, license_id=made["license_id"])
        got = expect(me.ask(
            "POST", f"/v1/portal/licenses/{made['license_id']}"
            "/activate-offline", {"request": request("x")}), 200)
        said = read(got["activation"], public)
        assert abs(said["expires_at"] - said["issued_at"] - days * 86400) \
            <= (60 if ends else 0)


@pytest.mark.parametrize("spoil", [
    lambda t: t[:-1], lambda t: t + "A", lambda t: t.replace("LICQ1", "LIC1"),
    lambda t: t[:20] + ("A" if t[20] != "A" else "B") + t[21:],
    lambda t: "first", lambda t: t.replace(t[9], "1")])
def test_mistyped_requests_are_found(ann, spoil):
    refused(ann.session.ask(
        "POST", f"/v1/portal/licenses/{ann.id}/activate-offline",
        {"request": spoil(request("first"))}), 400, "bad_request")


# Plans and the subscription

def test_quote_and_upgrade(server, bea):
    at = f"/licenses/{bea.id}"
    quote = bea.ask("GET", at + f"/quote?target_policy_slug={HIGH}")
    assert quote == bea.shop.quote(bea.key, HIGH)
    made = bea.ask("POST", at + "/upgrade", {"target_policy_slug": HIGH})
    seen = bea.ask("GET", at)
    assert seen["change"]["to_policy_slug"] == HIGH
    assert seen["change"]["pay_url"] and not seen["change"]["is_scheduled"]
    bea.api.pay(made)
    assert bea.shop.policy_of(bea.id) == bea.shop.id[HIGH]
    [row] = events(server, bea.id, "subscription.upgrade.requested")
    assert row["actor_kind"] == "customer" and row["actor_hash"]
    assert bea.ask("GET", at)["change"] is None


def test_downgrade_waits_and_can_be_called_off(server):
    cat = Owner(server, slug=HIGH)
    at = f"/licenses/{cat.id}"
    refused(cat.session.ask("POST", f"/v1/portal{at}/upgrade",
                            {"target_policy_slug": LOW}), 403, "forbidden")
    cat.ask("POST", at + "/downgrade", {"target_policy_slug": LOW})
    change = cat.ask("GET", at)["change"]
    assert change["is_scheduled"] and change["can_cancel"]
    cat.ask("POST", at + "/downgrade/cancel", {})
    assert cat.ask("GET", at)["change"] is None
    refused(cat.session.ask("POST", f"/v1/portal{at}/downgrade/cancel", {}),
            404, "not_found")


def test_what_is_not_active_moves_nowhere(server, bea):
    bea.api.do("POST", f"/licenses/{bea.id}/suspend", {})
    for method, path, body in paths(bea):
        if path.endswith(("grade", "/downgrade/cancel", "slug=high")):
            refused(bea.session.ask(method, path, body), 409, "conflict")


def test_cancel(server, bea):
    at = f"/licenses/{bea.id}"
    assert bea.ask("POST", at + "/cancel", {"reason": "enough"})["status"] == \
        "cancelled"
    row = subscription(server, bea.id)
    assert (row["status"], row["cancellation_reason"]) == \
        ("cancelled", "enough")
    [event] = events(server, row["id"], "subscription.cancel")
    assert event["actor_kind"] == "customer"
    assert bea.ask("POST", at + "/cancel", {})["already"] == "cancelled"
    plain = bea.shop.issue(buyer_email=bea.email)
    refused(bea.session.ask(
        "POST", f"/v1/portal/licenses/{plain['license_id']}/cancel", {}),
        409, "conflict")


def test_bill_again(server, bea):
    at = f"/v1/portal/licenses/{bea.id}/bill"
    refused(bea.session.ask("POST", at, {}), 409, "conflict")
    server.db.execute("UPDATE subscriptions SET status = 'past_due',"
                      " consecutive_failures = 5, next_attempt_at = NULL"
                      " WHERE license_id = %s", [bea.id])
    seen = bea.ask("GET", f"/licenses/{bea.id}")
    assert seen["subscription"]["gave_up"] and seen["plans"] == []
    expect(bea.session.ask("POST", at, {}), 200)
    assert subscription(server, bea.id)["consecutive_failures"] == 0


def test_nowhere(ann):
    for path in ("licenses", "machines", "invoices"):
        refused(ann.session.ask("GET", f"/v1/portal/{path}/{NOWHERE}"),
                404, "not_found")
        refused(ann.session.ask("GET", f"/v1/portal/{path}/x"),
                404, "not_found")
