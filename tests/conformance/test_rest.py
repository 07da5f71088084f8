"""keysat.md 2.6, 3.2 (summaries), 3.4 and 6, row by row."""
import hashlib

from lib import keys
from lib.check import NOWHERE, events, is_time
from lib.client import expect, refused
from lib.process import wait_for


# 2.6 Recovery

def bought(api, **fields):
    one = api.buy(api.product(), buyer_email="Bob@Example.com", **fields)
    return {**one, **api.pay(one)}


def recover(api, **body):
    return api.public("POST", "/v1/recover", body)


def test_recover_answer(api):
    """2.6: the six fields, address trimmed and in any case."""
    one = bought(api)
    got = expect(recover(api, invoice_id=one["invoice_id"],
                         email=" bob@example.com "), 200)
    assert list(got) == ["license_key", "license_id", "product_id",
                         "issued_at", "expires_at", "entitlements"]
    assert got["license_key"] == one["license_key"]
    assert is_time(got["issued_at"])


def test_recover_blank_is_400(api):
    """2.6: blank -> 400."""
    refused(recover(api, invoice_id="", email="a@example.com"), 400,
            "bad_request")
    refused(recover(api, invoice_id=NOWHERE, email=" "), 400, "bad_request")


def test_recover_needs_settled_matching_and_active(api):
    """2.6: else one generic 404 that reveals nothing."""
    one = bought(api)
    waiting = api.buy(api.product(), buyer_email="bob@example.com")
    api.revoke(bought(api)["license_id"])
    told = [recover(api, invoice_id=i, email=e).json() for i, e in (
        (one["invoice_id"], "eve@example.com"),
        (waiting["invoice_id"], "bob@example.com"),
        (NOWHERE, "bob@example.com"))]
    assert told[0] == told[1] == told[2]
    assert told[0]["error"] == "not_found"


def test_recover_is_audited(api, server):
    """2.6: `license.recovered', actor = SHA-256 of the email."""
    one = bought(api)
    recover(api, invoice_id=one["invoice_id"], email="BOB@example.com")
    (row,) = events(server, one["license_id"], "license.recovered")
    assert row["actor_hash"] == hashlib.sha256(b"bob@example.com").hexdigest()


def test_recover_form(api):
    """2.6: GET /recover serves an HTML form for it."""
    r = api.public("GET", "/recover")
    assert r.status_code == 200 and "<form" in r.text


# 3.2 Figures

def test_licenses_summary(api):
    """3.2 row `licenses/summary': whole numbers that add up."""
    before = api.do("GET", "/licenses/summary")
    assert list(before) == ["total", "active", "suspended", "revoked",
                            "last_24h", "last_7d"]
    assert before["total"] == sum(before[s] for s in (
        "active", "suspended", "revoked"))
    api.issue()
    assert api.do("GET", "/licenses/summary")["total"] == before["total"] + 1


def test_licenses_counts(api):
    """3.2 row `licenses/counts': {by_product:{id:n},by_policy:{id:n}}."""
    p = api.product()
    y = api.policy(p)
    api.issue(p)
    api.issue(p, policy_slug=y["slug"])
    got = api.do("GET", "/licenses/counts")
    assert set(got) == {"by_product", "by_policy"}
    assert got["by_product"][p["id"]] == 2
    assert got["by_policy"][y["id"]] == 1


def test_revenue_summary(api):
    """3.2 row `revenue/summary': settled invoices."""
    before = api.do("GET", "/revenue/summary")
    assert list(before) == ["total_sats", "last_24h_sats", "last_7d_sats",
                            "last_30d_sats", "settled_paid_invoice_count"]
    api.pay(api.buy(api.product(price_sats=123)))
    after = api.do("GET", "/revenue/summary")
    assert [after[n] - before[n] for n in after] == [123, 123, 123, 123, 1]


# 3.4 Audit

def test_audit(api):
    """3.4 row `audit': newest first, by action, limit 1 to 1000."""
    p = api.product()
    got = expect(api.admin("GET", "/audit?limit=1&action=product.create"), 200)
    (entry,) = got["entries"]
    assert list(entry) == ["id", "actor_kind", "actor_hash", "action",
                           "target_kind", "target_id", "request_ip",
                           "user_agent", "details", "occurred_at"]
    assert entry["target_id"] == p["id"]
    assert entry["actor_kind"] == "admin_api_key"
    refused(api.admin("GET", "/audit?limit=1001"), 400, "bad_request")


def test_D22_audit_has_pages(api):
    """D22: cursors."""
    api.product()
    api.product()
    page = api.do("GET", "/audit?limit=1")
    after = api.do("GET", f"/audit?limit=1&cursor={page['next_cursor']}")
    assert after["entries"][0]["id"] != page["entries"][0]["id"]


# 3.4 Settings

def test_operator_name(api):
    """3.4 row `settings/operator-name': get, set, a blank one clears."""
    path = "/settings/operator-name"
    assert list(api.do("GET", path)) == ["stored", "effective",
                                         "fallback_env"]
    assert api.do("POST", path, {"name": "Acme"}) == {
        "ok": True, "operator_name": "Acme"}
    assert api.do("GET", path)["effective"] == "Acme"
    assert api.get("/")["operator"] == "Acme"
    assert api.do("POST", path, {"name": " "}) == {
        "ok": True, "operator_name": None}


# 3.4 The database, and the issuer's key

def test_db_info(api):
    """3.4 row `db-info': path = the database's name."""
    got = api.do("GET", "/db-info")
    assert list(got) == ["db_path", "db_size_bytes", "last_write_at",
                         "counts"]
    assert list(got["counts"]) == [
        "products", "policies", "licenses_total", "licenses_active",
        "invoices_total", "invoices_settled", "machines_active",
        "discount_codes", "audit_log"]
    assert all(isinstance(n, int) for n in got["counts"].values())


def test_import_issuer_key(api):
    """3.4 row `import-issuer-key': 400 unparsable, 409 once any licence
    exists.  (What is answered before that: tests/api/test_system.py.)"""
    api.issue()
    refused(api.admin("POST", "/import-issuer-key", data=b"x"), 400,
            "bad_request")
    refused(api.admin("POST", "/import-issuer-key",
                      data=keys.private_pem(bytes(32))), 409, "conflict")


# D22 Export

def test_D22_csv_export(api):
    """D22: CSV export, of licenses, invoices and machines."""
    made = api.issue(max_machines=2)
    machine = api.activate(made["license_key"], "A")["machine_id"]
    bought = api.buy(api.product())
    for what, one in (("licenses", made["license_id"]),
                      ("machines", machine),
                      ("invoices", bought["invoice_id"])):
        r = api.admin("GET", f"/export/{what}.csv")
        assert r.status_code == 200
        assert r.headers["content-type"].startswith("text/csv")
        assert f"\n{one}," in r.text


# 6 Housekeeping

def test_hourly_pruning(own_instance):
    """6: prune rate buckets, and authorise states older than 30 min."""
    server = own_instance(movable=True)
    server.db.execute(
        "INSERT INTO btcpay_authorize_states (state_hash,"
        " merchant_profile_id, created_at) SELECT sha256(n::text::bytea),"
        " merchant_profile_default_1(), licet_now() - n * interval '1 minute'"
        " FROM generate_series(0, 200, 20) n")

    def prune():
        server.db.execute("UPDATE jobs SET next_run = licet_now()"
                          " WHERE name = 'housekeeping'")
        server.db.execute("SELECT pg_notify('licet_jobs', 'housekeeping')")

    def left():
        return server.value("SELECT count(*) FROM btcpay_authorize_states")
    prune()
    wait_for(lambda: left() == 2, 60, "the stale states are gone")
    server.clock.move(seconds=1900)
    server.db.execute(
        "INSERT INTO rate_buckets (bucket_kind, bucket_key, tokens_remaining,"
        " capacity, refill_per_second, last_refill_at) VALUES"
        " ('x', 'full', 1, 10, 1, licet_now() - interval '1 hour'),"
        " ('x', 'empty', 1, 10, 0.001, licet_now())")
    prune()
    wait_for(lambda: left() == 0 and server.value(
        "SELECT array_agg(bucket_key) FROM rate_buckets WHERE"
        " bucket_kind = 'x'") == ["empty"], 60, "both are pruned")
