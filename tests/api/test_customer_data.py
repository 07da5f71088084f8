"""What a customer may have, and have deleted, of what is held about them."""
import json

import pytest

from lib.check import events
from lib.client import expect, refused
from lib.customer import customer, new_email
from lib.process import wait_for

DATA = "/v1/portal/data"


def everything(server):
    """All rows of all tables, as text."""
    tables = server.rows(
        "SELECT c.oid::regclass::text AS name FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname = 'public'")
    return {t["name"]: "\n".join(
        r["row"] for r in server.rows(f"SELECT t::text AS row FROM"
                                      f" {t['name']} t"))
        for t in tables}


def holders(server, *words):
    """Tables in which one of the words still stands."""
    return sorted(name for name, text in everything(server).items()
                  if any(w.lower() in text.lower() for w in words))


@pytest.fixture(scope="module")
def shopper(make_instance):
    """Somebody with a bit of everything, on an instance of their own."""
    from lib.client import Api
    server = make_instance(movable=True, name="shopper")
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    api.email = new_email()
    api.do("POST", "/webhook-endpoints", {
        "url": "https://hooks.invalid/a", "event_types": ["*"]})
    mixed = api.email.replace("customer", "Customer")
    product = api.product(name="Sound Desk", price_sats=700)
    bought = api.buy(product, buyer_email=mixed, buyer_note="call me Ada")
    paid = api.pay(bought)
    api.key, api.license_id = paid["license_key"], paid["license_id"]
    api.invoice = bought["invoice_id"]
    where = {"ip": "203.0.113.77", "headers": {"User-Agent": "AdasApp/1"}}
    api.validate(api.key, **where)
    expect(api.public("POST", "/v1/machines/activate", {
        "key": api.key, "fingerprint": "f" * 32, "hostname": "adas-laptop"},
        **where), 200)
    api.given = api.issue(product, buyer_email=api.email,
                          nostr_npub="npub1" + "q" * 58)
    expect(api.public("POST", "/v1/recover", {
        "invoice_id": api.invoice, "email": api.email}, **where), 200)
    for address in (mixed, "other@example.org"):    # as a renewal tells
        server.db.execute(
            "INSERT INTO outbox (event_type, data) VALUES"
            " ('subscription.renewal_pending',"
            " jsonb_build_object('buyer_email', %s::text))", (address,))
    wait_for(lambda: server.value(
        "SELECT NOT EXISTS (SELECT FROM outbox WHERE NOT fanned_out)"), 60,
        "all news are told")
    assert {"outbox", "webhook_deliveries"} <= set(holders(server,
                                                           api.email))
    return api


def test_the_file_has_all_of_it(shopper):
    server = shopper.server
    who = customer(server, shopper.email)
    r = who.ask("GET", DATA)
    got = expect(r, 200)
    assert r.headers["Content-Disposition"] == \
        'attachment; filename="personal-data.json"'
    assert got["email"] == shopper.email
    assert {x["id"] for x in got["licenses"]} == \
        {shopper.license_id, shopper.given["license_id"]}
    invoice, = got["invoices"]
    assert (invoice["id"], invoice["buyer_note"], invoice["amount_sats"]) == \
        (shopper.invoice, "call me Ada", 700)
    machine, = got["machines"]
    assert machine["hostname"] == "adas-laptop"
    assert got["validations"][0]["client_ip"] == "203.0.113.77"
    assert len(got["sessions"]) == 1
    assert "license.recovered" in {e["action"] for e in got["audit"]}
    assert shopper.key not in json.dumps(got)
    held = expect(who.ask("GET", DATA + "/summary"), 200)
    assert (held["licenses"], held["invoices"], held["machines"]) == (2, 1, 1)
    # Somebody else has nothing of it.
    other = expect(customer(server, new_email()).ask("GET", DATA), 200)
    assert all(v == [] for k, v in other.items()
               if k not in ("email", "exported_at", "audit", "sessions"))
    assert shopper.email not in json.dumps(other)


def test_deleted_everywhere_and_still_good(shopper):
    server = shopper.server
    before = {n: len(t.splitlines()) for n, t in everything(server).items()}
    who = customer(server, shopper.email)
    by_key = customer(server, license_id=shopper.license_id)
    said = expect(who.ask("POST", DATA + "/erase",
                          {"email": shopper.email.upper()}), 200)
    assert said == {"ok": True, "licenses": 2, "invoices": 1}
    for one in (who, by_key):
        refused(one.ask("GET", "/v1/portal/me"), 401, "unauthorized")
    server.clock.move(seconds=61)       # every job looks
    wait_for(lambda: server.value("SELECT NOT EXISTS (SELECT FROM erasures)"),
             60, "the logs are through")
    assert holders(server, shopper.email, "adas-laptop", "call me",
                   "npub1q", "203.0.113.77", "AdasApp") == []
    assert {"outbox", "webhook_deliveries"} <= set(holders(
        server, "other@example.org"))
    # Nothing but that is gone, and what was bought is.
    after = {n: len(t.splitlines()) for n, t in everything(server).items()}
    for table in ("licenses", "invoices", "machines", "outbox"):
        assert after[table] == before[table]
    assert shopper.validate(shopper.key, fingerprint="f" * 32)["ok"]
    row = server.row("SELECT * FROM invoices WHERE id = %s", shopper.invoice)
    assert (row["amount_sats"], row["status"]) == (700, "settled")
    event, = server.rows("SELECT * FROM events WHERE action ="
                         " 'customer.erase'")
    assert event["details"] == {"licenses": 2, "invoices": 1}
    assert event["request_ip"] is None and event["actor_kind"] == "customer"
    # The trail still refuses all else.
    for change in ("DELETE FROM events", "UPDATE events SET action = 'x'",
                   "UPDATE events SET request_ip = NULL, user_agent = NULL,"
                   " details = '{}'",
                   "UPDATE events SET request_ip = '1' WHERE actor_kind ="
                   " 'customer'"):
        with pytest.raises(Exception, match="append-only"):
            server.db.execute(change)
    assert events(server, shopper.license_id, "license.recovered")


def test_what_refuses_to_delete(api, server):
    email = new_email()
    made = api.issue(buyer_email=email)
    stale = customer(server, email, fresh=False)
    refused(stale.ask("GET", DATA), 403, "confirm_required")
    refused(stale.ask("POST", DATA + "/erase", {"email": email}), 403,
            "confirm_required")
    door = stale.ask("GET", DATA, headers={"Accept": "text/html"})
    assert door.status_code == 303 and door.headers["Location"] == \
        "/portal/confirm?next=%2Fv1%2Fportal%2Fdata"
    by_key = customer(server, license_id=made["license_id"])
    for r in (by_key.ask("GET", DATA), by_key.ask("GET", DATA + "/summary"),
              by_key.ask("POST", DATA + "/erase", {"email": email})):
        refused(r, 403, "forbidden")
    who = customer(server, email)
    for wrong in (new_email(), "x"):
        refused(who.ask("POST", DATA + "/erase", {"email": wrong}), 400,
                "bad_request")
    assert server.value("SELECT buyer_email FROM licenses WHERE id = %s",
                        made["license_id"]) == email


def test_not_while_a_subscription_is_billed(api, server):
    email = new_email()
    product = api.product(price_sats=1000)
    policy = api.policy(product, is_recurring=True, renewal_period_days=30,
                        duration_seconds=30 * 86400)
    paid = api.pay(api.buy(product, policy_slug=policy["slug"],
                           buyer_email=email))
    who = customer(server, email)
    assert expect(who.ask("GET", DATA + "/summary"),
                  200)["subscriptions_live"] == 1
    body = refused(who.ask("POST", DATA + "/erase", {"email": email}), 409,
                   "conflict")
    assert "cancel" in body["message"]
    subscription = server.value("SELECT id FROM subscriptions WHERE"
                                " license_id = %s", paid["license_id"])
    api.do("POST", f"/subscriptions/{subscription}/cancel", {})
    expect(who.ask("POST", DATA + "/erase", {"email": email}), 200)
