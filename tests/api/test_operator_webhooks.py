"""Operators' webhooks: endpoints that go, addresses, secrets, replays, lists.
Their tries are in test_deliveries.py."""
import pytest

from lib.check import NOWHERE, events, is_time, is_uuid
from lib.client import expect, refused
from lib.process import wait_for


# Off, gone, deleted

def test_410_ends_the_endpoint(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=410)
    row = hooks.settles(hooks.test(e))
    assert row["last_status_code"] == 410
    assert hooks.circuit(e)["active"] is False
    (told,) = events(hooks.server, e["id"], "webhook_endpoint.set_active")
    assert told["actor_kind"] == "system"
    assert told["details"]["reason"] == "410 Gone"
    hooks.product()
    assert len(hooks.deliveries(e)) == 1


@pytest.mark.parametrize("how", ["off", "deleted"])
def test_what_waits_dies_with_the_endpoint(hooks, how):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=500)
    d = hooks.test(e)
    hooks.tried(d, 1)
    if how == "off":
        hooks.do("PATCH", f"/webhook-endpoints/{e['id']}/active",
                 {"active": False})
    else:
        hooks.off(e)
    row = hooks.settles(d)
    assert row["attempt_count"] == 1 and row["delivered_at"] is None
    r = hooks.admin("POST", f"/webhook-deliveries/{d['id']}/retry")
    refused(r, 409, "conflict")


def test_deleted_endpoint_keeps_deliveries_and_no_secret(hooks):
    """D24."""
    e = hooks.endpoint()
    hooks.settles(hooks.test(e))
    hooks.off(e)
    assert hooks.circuit(e)["sealed_secret"] is None
    assert len(hooks.deliveries(e)) == 1
    listed = hooks.do("GET", "/webhook-endpoints")["endpoints"]
    assert e["id"] not in [x["id"] for x in listed]
    refused(hooks.admin("DELETE", f"/webhook-endpoints/{e['id']}"), 404,
            "not_found")
    refused(hooks.admin("PATCH", f"/webhook-endpoints/{e['id']}/active",
                        {"active": True}), 404, "not_found")


def test_switching_on_closes_the_circuit(hooks):
    e = hooks.endpoint()
    hooks.db.execute("UPDATE webhook_endpoints SET consecutive_failures = 9,"
                     " open_until = licet_now() + interval '1 hour'"
                     " WHERE id = %s", [e["id"]])
    hooks.do("PATCH", f"/webhook-endpoints/{e['id']}/active", {"active": True})
    assert hooks.settles(hooks.test(e))["delivered_at"] is not None


# Addresses

@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3",
                                  "169.254.169.254", "[::1]", "[fd00::1]"])
def test_private_addresses_are_refused_unless_allowed(server, api, host):
    """D30."""
    made = api.do("POST", "/webhook-endpoints", {"url": f"http://{host}:9/"})
    d = api.do("POST", f"/webhook-endpoints/{made['id']}/test")

    def tried():
        row = server.row("SELECT * FROM webhook_deliveries WHERE id = %s",
                         d["id"])
        return row["attempt_count"] == 1 and row
    row = wait_for(tried, 60, "it is tried")
    api.do("DELETE", f"/webhook-endpoints/{made['id']}")
    assert row["last_error"] == "the address is not public"


@pytest.mark.parametrize("url", ["http://user:pass@example.org/",
                                 "https://user@example.org", "ftp://x.org/",
                                 "example.org", "", "http://", "http://a b/"])
def test_bad_urls(api, url):
    refused(api.admin("POST", "/webhook-endpoints", {"url": url}), 400,
            "bad_request")


@pytest.mark.parametrize("fields", [
    {"event_types": []}, {"event_types": ["License.Issued"]},
    {"event_types": "license.issued"}, {"event_types": [""]},
    {"secret": "short"}, {"secret": ""}, {"secret": "new\nline...."},
    {"product_id": "x"}])
def test_bad_fields(api, fields):
    refused(api.admin("POST", "/webhook-endpoints", {
        "url": "https://example.org/", **fields}), 400, "bad_request")


def test_unknown_product(api):
    refused(api.admin("POST", "/webhook-endpoints", {
        "url": "https://example.org/", "product_id": NOWHERE}), 404,
        "not_found")


# Secrets

def test_secret_is_nowhere_in_the_database(hooks):
    e = hooks.endpoint(secret="tell-nobody-of-this-one")
    hooks.settles(hooks.test(e))
    for table in ("webhook_endpoints", "webhook_deliveries", "events"):
        assert not hooks.server.value(
            f"SELECT count(*) FROM {table} t WHERE t::text LIKE"
            " '%%tell-nobody%%'"), table
    assert not any("tell-nobody" in r.log() for r in hooks.server.replicas)


def test_license_keys_are_in_no_payload(hooks):
    e = hooks.endpoint()
    made = hooks.issue()
    hooks.activate(made["license_key"], "f")
    hooks.comes(e, "machine.activated")
    assert not hooks.server.value("SELECT count(*) FROM webhook_deliveries"
                                  " WHERE payload LIKE '%%LIC1-%%'")


# Again

def test_retry_of_a_dead_one(hooks):
    e = hooks.endpoint()
    d = hooks.test(e)
    hooks.settles(d)
    hooks.db.execute("UPDATE webhook_deliveries SET delivered_at = NULL,"
                     " attempt_count = 10 WHERE id = %s", [d["id"]])
    again = hooks.do("POST", f"/webhook-deliveries/{d['id']}/retry")
    assert again["id"] == d["id"] and again["attempt_count"] == 0
    assert is_time(again["next_attempt_at"])
    row = hooks.settles(d)
    assert row["delivered_at"] is not None and row["attempt_count"] == 1
    assert len(hooks.vendor.got(e["path"])) == 2


def happened_at(hooks, delivery):
    """When the event of a delivery happened."""
    return hooks.server.value("SELECT rfc3339(created_at) FROM outbox"
                              " WHERE id = %s", delivery["outbox_id"])


def test_replay(hooks):
    """New deliveries with ids of their own, of what the endpoint wants, from
    an outbox id or a time."""
    e = hooks.endpoint(event_types=["product.created"])
    began = hooks.clock.now()
    products = [hooks.product() for _ in range(3)]
    hooks.issue(products[0])
    first = hooks.comes(e, n=3)
    wait_for(lambda: len(hooks.deliveries(e, status="delivered")) == 3, 60,
             "all are noted")
    rows = sorted(hooks.deliveries(e), key=lambda d: d["outbox_id"])
    path = f"/webhook-endpoints/{e['id']}/replay"
    made = hooks.do("POST", path, {"from": str(rows[1]["outbox_id"])})
    assert made.pop("began_at") == happened_at(hooks, rows[1])
    assert made == {"ok": True, "replay": 1, "deliveries": 2,
                    "next_from": None}
    hooks.comes(e, n=5)
    made = hooks.do("POST", path, {"from": str(rows[0]["outbox_id"]),
                                   "to": str(rows[0]["outbox_id"])})
    assert made["deliveries"] == 1 and made["replay"] == 2
    hooks.comes(e, n=6)
    made = hooks.do("POST", path, {"from": began.isoformat()})
    assert made["deliveries"] == 3
    calls = hooks.comes(e, n=9)
    assert len({c.id for c in calls}) == 9
    assert {c.raw for c in calls} == {c.raw for c in first}
    made = hooks.do("POST", path, {"from": "2999-01-01T00:00:00Z"})
    assert made["deliveries"] == 0 and made["began_at"] is None
    for bad in ("x", "2020-99-99T00:00:00Z", "9" * 30, ""):
        refused(hooks.admin("POST", path, {"from": bad}), 400, "bad_request")
    hooks.do("PATCH", f"/webhook-endpoints/{e['id']}/active",
             {"active": False})
    refused(hooks.admin("POST", path, {"from": "1"}), 409, "conflict")


def test_replay_goes_on_in_pages(hooks):
    e = hooks.endpoint(event_types=["bulk.news"])
    hooks.db.execute("ALTER TABLE outbox DISABLE TRIGGER outbox_notify")
    try:
        rows = hooks.server.rows(
            "INSERT INTO outbox (event_type, data, fanned_out)"
            " SELECT 'bulk.news', '{}', true FROM generate_series(1, 10005)"
            " RETURNING id")
    finally:
        hooks.db.execute("ALTER TABLE outbox ENABLE TRIGGER outbox_notify")
    hooks.vendor.set(e["path"], status=500)     # the circuit holds them back
    path = f"/webhook-endpoints/{e['id']}/replay"
    made = hooks.do("POST", path, {"from": str(rows[0]["id"])})
    assert made["deliveries"] == 10000
    assert made["next_from"] == str(rows[10000]["id"])
    made = hooks.do("POST", path, {"from": made["next_from"]})
    assert (made["deliveries"], made["next_from"]) == (5, None)
    hooks.off(e)
    wait_for(lambda: not hooks.server.value(
        "SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = %s AND"
        " next_attempt_at IS NOT NULL", e["id"]), 60, "all are retired")


def test_unknown_ids(api):
    for method, path in (("POST", f"/webhook-deliveries/{NOWHERE}/retry"),
                         ("POST", f"/webhook-endpoints/{NOWHERE}/test"),
                         ("DELETE", f"/webhook-endpoints/{NOWHERE}")):
        refused(api.admin(method, path), 404, "not_found")
    refused(api.admin("POST", f"/webhook-endpoints/{NOWHERE}/replay",
                      {"from": "1"}), 404, "not_found")


def test_pages(hooks):
    e = hooks.endpoint()
    made = [hooks.test(e)["id"] for _ in range(5)]
    for d in made:
        hooks.settles({"id": d})
    seen, cursor = [], ""
    while cursor is not None:
        page = hooks.do("GET", f"/webhook-deliveries?endpoint_id={e['id']}"
                        f"&limit=2&cursor={cursor}")
        seen += [d["id"] for d in page["deliveries"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    others = [hooks.endpoint()["id"] for _ in range(3)]
    seen, cursor = [], ""
    while cursor is not None:
        page = hooks.do("GET", "/webhook-endpoints?limit=1&cursor=" + cursor)
        seen += [x["id"] for x in page["endpoints"]]
        cursor = page["next_cursor"]
    assert seen[:4] == others[::-1] + [e["id"]]
    assert all(is_uuid(x) for x in seen)


def test_metrics(hooks):
    e = hooks.endpoint()
    hooks.settles(hooks.test(e))
    text = expect_text(hooks)
    for name in ("licet_webhook_tries_total{result=\"delivered\"}",
                 "licet_webhook_queue", "licet_webhooks_in_flight",
                 "licet_webhook_delay_seconds_count"):
        assert name in text
    count = [line for line in text.splitlines() if line.startswith(
        "licet_webhook_delay_seconds_count")][0]
    assert float(count.split()[-1]) > 0


def expect_text(hooks):
    r = hooks.public("GET", "/metrics")
    assert r.status_code == 200
    return r.text


def test_news_of_an_earlier_release(hooks):
    """It knows no mark: what it writes is fanned out all the same."""
    e = hooks.endpoint(event_types=["old.news"])
    hooks.db.execute("INSERT INTO outbox (event_type, product_id, data)"
                     " VALUES ('old.news', NULL, '{\"a\": 1}')")
    (call,) = hooks.comes(e)
    assert call.body["data"] == {"a": 1}


def test_include_secret_is_for_those_who_may_write(hooks):
    """D27; every key is the master key yet."""
    e = hooks.endpoint()
    plain = hooks.do("GET", "/webhook-endpoints")["endpoints"][0]
    assert "secret" not in plain and "sealed_secret" not in plain
    shown = expect(hooks.admin(
        "GET", "/webhook-endpoints?include_secret=true"), 200)
    assert shown["endpoints"][0]["secret"] == e["secret"]
    assert shown["endpoints"][0]["standard_secret"] == e["standard_secret"]
    assert "sealed_secret" not in shown["endpoints"][0]
