"""licetctl import keysat: what comes over and what is mended."""
import pytest

from lib import keysat
from lib.keys import verifies
from lib.keysat import at, cycle, full, new_id, sold_key, subscribe
from lib.renewals import Shop
from lib.target import Target


# What comes over


def test_everything_comes_over_and_sold_keys_stay_good(target, shop,
                                                       tmp_path):
    made = full(shop)
    t = target(LICET_PAYMENTS="none")
    report = t.report(shop.write(tmp_path / "k.db"))
    for name, rows in shop.rows.items():
        if name in report["tables"]:
            assert report["tables"][name]["read"] == len(rows), name
    for name in ("products", "policies", "invoices", "licenses",
                 "discount_codes", "discount_redemptions", "tier_changes",
                 "tip_attempts", "validation_log", "merchant_profiles",
                 "payment_providers", "webhook_endpoints"):
        assert t.counts()[name] == len(shop.rows[name]), name
        assert report["tables"][name]["written"] == len(shop.rows[name])
    assert t.counts()["machines"] == 4      # and the one of `bound'
    policy = t.server.row("SELECT * FROM policies WHERE slug = 'pro'")
    assert policy["price_sats_override"] is None
    assert policy["entitlements"] == ["a", "b"]
    invoice = t.server.row("SELECT * FROM invoices WHERE id = %s",
                           made["many"]["invoice_id"])
    assert (invoice["base_price_sats"], invoice["amount_sats"],
            str(invoice["provider_id"])) == (5000, 4000,
                                             made["provider"]["id"])

    api = t.start()
    many, two = sold_key(made["many"]), made["machines"][1]
    said = api.validate(many, fingerprint="two")
    assert said["ok"] and said["machine_id"] == two["id"]
    assert said["entitlements"] == ["a", "b"]
    assert api.validate(many, fingerprint="three")["reason"] == \
        "too_many_machines"
    bound = sold_key(made["bound"], "laptop")
    assert api.validate(bound, fingerprint="laptop")["ok"]
    assert api.validate(bound, fingerprint="other")["reason"] == \
        "fingerprint_mismatch"
    assert api.validate(sold_key(made["dead"]))["reason"] == "revoked"
    assert verifies(many, api.get("/")["public_key_pem"])
    hooks = api.do("GET", "/webhook-endpoints?include_secret=true")
    assert [(e["url"], e["secret"], e["event_types"])
            for e in hooks["endpoints"]] == \
        [("https://hooks.example/a", "sign with this", ["license.issued"])]
    # The key that we show now is the key that was sold.
    poll = api.get("/v1/purchase/" + made["many"]["invoice_id"])
    assert poll["license_key"] == many


def test_secrets_and_fingerprints_are_nowhere_in_clear(target, shop,
                                                       tmp_path):
    """D27, D35."""
    full(shop)
    t = target(LICET_PAYMENTS="none",
               LICET_BTCPAY_PUBLIC_URL="https://buyers.example")
    t.take(shop.write(tmp_path / "k.db"))
    row = t.server.row("SELECT * FROM payment_providers WHERE kind = 'btcpay'")
    assert len(bytes(row["sealed_api_key"])) == 41 + len("btcpay-key")
    assert row["public_url"] == "https://buyers.example"
    assert b"btcpay-key" not in bytes(row["sealed_api_key"])
    assert t.server.value("SELECT count(*) FROM events"
                          " WHERE actor_hash = 'token'") == 0
    assert t.server.value("SELECT length(fingerprint_hash)"
                          " FROM validation_log LIMIT 1") == 32
    assert t.server.value("SELECT user_agent FROM validation_log LIMIT 1") \
        == "a\tb\\c\nd"


@pytest.mark.parametrize("version", [1, 2])
def test_the_oldest_database(target, tmp_path, version):
    """PKCS#8 of either form; no policies, machines or providers."""
    shop = keysat.Shop(version)
    p = shop.product()
    lic = shop.license(p, shop.invoice(p), fingerprint="pc",
                       issued_at="2023-01-02 03:04:05")
    free = shop.license(p, issued_at="2023-01-02T03:04:05Z")
    shop.add("validation_log", id=1, license_id=lic["id"], result="ok",
             occurred_at="2023-05-05 10:00:00")
    t = target(LICET_PAYMENTS="none")
    t.take(shop.write(tmp_path / "k.db", keysat.OLDEST))
    api = t.start()
    lic["issued_at"] = "2023-01-02T03:04:05"
    assert api.validate(sold_key(lic, "pc"), fingerprint="pc")["ok"]
    assert api.validate(sold_key(lic, "pc"), fingerprint="x")["reason"] == \
        "fingerprint_mismatch"
    assert api.validate(sold_key(free), fingerprint="any")["ok"]


@pytest.mark.parametrize("form, want", [
    ("2024-02-29T12:00:00Z", "12:00:00"),
    ("2024-02-29 12:00:00", "12:00:00"),
    ("2024-02-29 12:00:00 UTC", "12:00:00"),
    ("2024-02-29t12:00:00.5z", "12:00:00.5"),
    ("2024-02-29T12:00:00.123456789+00:00", "12:00:00.123456"),
    ("2024-02-29T14:30:00.25+02:30", "12:00:00.25"),
    ("2024-02-29 14:00:00+02", "12:00:00"),
    ("2024-02-29 10:00:00-0200", "12:00:00"),
    ("2024-02-29", "00:00:00"),
    (1709208000, "12:00:00"),
    ("1709208000000", "12:00:00"),
    (1709208000.0, "12:00:00"),
    ("2023-02-29T12:00:00Z", None),
    ("2024-02-29T25:00:00Z", None),
    ("2024-02-29X12:00:00Z", None),
    ("29.2.2024 12:00:00 Uhr", None),
    ("2024-02-29T12:00:00+0", None),
    ("yesterday", None),
    (b"\x00\x01", None),
    ("", None)])
def test_forms_of_times(times, form, want):
    """What isn't a time is none; archived_at says so."""
    got = times[repr(form)]
    assert got == (want and "2024-02-29 " + want)


@pytest.fixture(scope="module")
def times(cluster, template, tmp_path_factory):
    """All forms in one database: the time that each became."""
    tmp = tmp_path_factory.mktemp("times")
    t = Target(cluster, tmp, LICET_PAYMENTS="none")
    shop = keysat.Shop()
    p = shop.product()
    marks = test_forms_of_times.pytestmark[0].args[1]
    for i, (form, _) in enumerate(marks):
        shop.policy(p, f"p{i}", archived_at=form)
    t.take(shop.write(tmp / "k.db"))
    rows = t.server.rows("SELECT slug, (archived_at AT TIME ZONE 'UTC')::text"
                         " AS at FROM policies")
    t.server.stop()
    t.vault.remove()
    return {repr(marks[int(r["slug"][1:])][0]): r["at"] for r in rows}


def test_who_had_a_trial_has_had_it(target, shop, tmp_path):
    """D16: one to an address, also when it was there that it was had."""
    p = shop.product()
    for email in ("A@example.org", "a@example.org", "b@example.org", None):
        shop.license(p, shop.invoice(p, amount_sats=0, buyer_email=email),
                     is_trial=1)
    shop.license(p, shop.invoice(p, buyer_email="c@example.org"), is_trial=1)
    t = target(LICET_PAYMENTS="none")
    t.take(shop.write(tmp_path / "k.db"))
    rows = t.server.rows("SELECT lower(buyer_email) AS email FROM invoices"
                         " WHERE is_trial ORDER BY 1")
    assert [r["email"] for r in rows] == ["a@example.org", "b@example.org"]


def test_codes_keep_their_caps_and_scopes(target, shop, tmp_path):
    made = full(shop)
    add = shop.add
    for code, row in {
            "over": dict(max_uses=1, used_count=3, amount=5),
            "gone": dict(applies_to_product_id=new_id(), amount=5),
            "PCT": dict(kind="percent", amount=20000),
            "FREE": dict(kind="free_license", amount=7),
            "TIER": dict(applies_to_policy_id=made["pro"]["id"], amount=1),
            "ZERO": dict(amount=0)}.items():
        add("discount_codes", **{"id": new_id(), "code": code, "active": 1,
                                 "kind": "fixed_sats", **row})
    t = target(LICET_PAYMENTS="none")
    report = t.report(shop.write(tmp_path / "k.db"))
    codes = {r["code"]: r for r in t.server.rows(
        "SELECT * FROM discount_codes")}
    assert set(codes) == {"SAVE", "OVER", "GONE", "PCT", "FREE", "TIER"}
    assert (codes["OVER"]["max_uses"], codes["OVER"]["used_count"]) == (3, 3)
    assert not codes["GONE"]["active"]      # it would be good for everything
    assert codes["PCT"]["amount"] == 10000
    assert codes["FREE"]["amount"] == 0
    assert str(codes["TIER"]["applies_to_product_id"]) == \
        made["product"]["id"]
    assert codes["SAVE"]["applies_to_policy_ids"] is not None
    assert report["tables"]["discount_codes"] == {"read": 7, "written": 6}


# Subscriptions


def test_a_subscription_goes_on_renewing(target, shop, tmp_path, btcpay):
    made = full(shop, btcpay.api_key, btcpay.url, btcpay.store_id,
                btcpay.webhook_secret)
    sub, lic = subscribe(shop, made, days=5, paid=2)
    t = target(LICET_PAYMENTS="none", movable=True)
    t.take(shop.write(tmp_path / "k.db"))
    t.start()
    live = Shop(t.server, btcpay)
    row = live.sub(license_id=lic["id"])
    assert str(row["id"]) == sub["id"] and row["paid_cycle"] == 2
    due = row["next_renewal_at"]
    row = live.renew(row)
    assert (row["status"], row["paid_cycle"]) == ("active", 3)
    assert (row["next_renewal_at"] - due).days == 30
    assert live.validate(sold_key(lic))["ok"]


def test_due_dates_go_back_to_what_was_paid(target, shop, tmp_path):
    """D4: there every unpaid bill pushed the date.  D5: a price of 0."""
    made = full(shop)
    sub, lic = subscribe(shop, made, days=50, paid=1, status="past_due",
                         listed_value=0)
    shop.rows["subscription_invoices"][0].update(
        cycle_start_at=at(-40), cycle_end_at=at(-10))
    for n, start in ((2, -10), (3, 20)):
        cycle(shop, sub, n, shop.invoice(made["product"], status="pending"),
              start)
    t = target(LICET_PAYMENTS="none")
    report = t.report(shop.write(tmp_path / "k.db"))
    row = t.server.row("SELECT * FROM subscriptions")
    assert abs((row["next_renewal_at"] - keysat.NOW).days) in (9, 10)
    assert (row["paid_cycle"], row["listed_value"]) == (1, 5000)
    assert t.server.value(
        "SELECT count(*) FROM subscription_invoices"
        " WHERE superseded_at IS NULL AND applied_at IS NULL") == 1
    assert t.server.value("SELECT count(*) FROM invoices"
                          " WHERE kind = 'renewal'") == 2
    assert len(report["mended"]["subscriptions"]) == 2


def test_a_renewal_that_brought_a_license_stays_its_purchase(
        target, shop, tmp_path):
    """D1."""
    made = full(shop)
    sub, _ = subscribe(shop, made, paid=2)
    renewal = shop.rows["subscription_invoices"][1]["invoice_id"]
    second = shop.license(made["product"], {"id": renewal})
    t = target(LICET_PAYMENTS="none")
    t.take(shop.write(tmp_path / "k.db"))
    assert t.server.value("SELECT kind FROM invoices WHERE id = %s",
                          renewal) == "purchase"
    assert t.server.value("SELECT id::text FROM licenses"
                          " WHERE invoice_id = %s", renewal) == second["id"]


# Odd ones


def test_an_odd_database_is_mended_and_says_so(target, shop, tmp_path):
    p = shop.product("My App!", created_at="no date", metadata="{broken")
    other = shop.product("my-app", price_sats=-5)
    lost = {"id": new_id()}
    shop.policy(p, "Größe", is_recurring=1, renewal_period_days=0,
                tip_pct_bps=50, entitlements='{"no":"list"}')
    shop.policy(lost, "orphan")
    twice = shop.invoice(p, buyer_email=None, status="weird")
    lic = shop.license(p, twice, fingerprint="a", max_machines=None,
                       entitlements=None, expires_at="never")
    shop.license(other, twice, status="odd", metadata="[1]")
    shop.license(lost)
    shop.machine(lic, "a")
    shop.machine(lic, "a", last_heartbeat_at=at(-5))
    shop.add("discount_codes", id=new_id(), code="été 5", kind="fixed_sats",
             amount=5, max_uses=1, used_count=3)
    shop.add("discount_codes", id=new_id(), code="BAD", kind="nonsense",
             amount=5)
    shop.add("validation_log", occurred_at="?", result="ok")
    shop.add("validation_log", occurred_at=1700000000, result=None,
             user_agent=b"\xff\x00z")
    t = target(LICET_PAYMENTS="none")
    report = t.report(shop.write(
        tmp_path / "k.db",
        {n: c + (["fresh"] if n == "products" else [])
         for n, c in keysat.FULL.items()},
        ["CREATE TABLE gift_cards (id)",
         "CREATE TABLE vacant (id)",
         "INSERT INTO gift_cards VALUES (1)",
         "INSERT INTO products (id, slug, fresh) VALUES "
         f"('{new_id()}', 'third', 1)",
         "INSERT INTO scoped_api_keys (id) VALUES (1)",
         "CREATE VIEW seen AS SELECT * FROM gift_cards"]))
    slugs = {r["slug"] for r in t.server.rows("SELECT slug FROM products")}
    assert {"my-app", "my-app-" + p["id"][:8], "third"} == slugs
    assert 'slug "My App!" is now my-app-' + p["id"][:8] in \
        report["mended"]["products"]
    tables = report["tables"]
    assert tables["policies"] == {"read": 2, "written": 1}
    assert tables["licenses"] == {"read": 3, "written": 2}
    assert tables["machines"] == {"read": 2, "written": 1}
    assert tables["discount_codes"] == {"read": 2, "written": 1}
    assert tables["validation_log"] == {"read": 2, "written": 1}
    left = {x["what"] for x in report["left"]}
    assert left == {"table gift_cards", "column products.fresh"}
    assert tables["scoped_api_keys"] == {"read": 1, "written": 0}
    assert t.start().validate(sold_key(dict(lic, expires_at=None,
                                            entitlements="[]")),
                              fingerprint="a")["ok"]
