"""keysat.md 7: the types, the columns that others read, and what must be
unique.  What the contract stores in clear is a hash or sealed here (D35, D27),
and what it calls unused isn't there: both are said below."""
import psycopg
import pytest

from lib.client import Api, new_slug
from lib.tiers import HIGH, LOW, Shop

# The columns of the contract that are here by the same name.
TABLES = {
    "products": "id slug name description price_sats price_currency"
    " price_value active metadata entitlements_catalog merchant_profile_id"
    " created_at updated_at",
    "policies": "id product_id name slug duration_seconds grace_seconds"
    " max_machines is_trial price_sats_override entitlements metadata active"
    " public tip_recipient tip_pct_bps tip_label is_recurring"
    " renewal_period_days grace_period_days trial_days tier_rank archived_at"
    " created_at updated_at",
    "invoices": "id product_id policy_id status buyer_email buyer_note"
    " amount_sats checkout_url listed_currency listed_value"
    " exchange_rate_centibps exchange_rate_source provider_id"
    " created_at updated_at",
    "licenses": "id product_id invoice_id policy_id status issued_at"
    " expires_at grace_seconds max_machines is_trial entitlements revoked_at"
    " revocation_reason suspended_at suspension_reason nostr_npub"
    " buyer_email metadata",
    "machines": "id license_id fingerprint_hash hostname platform"
    " ip_last_seen activated_at last_heartbeat_at deactivated_at"
    " deactivation_reason",
    "validation_log": "license_id product_id machine_id fingerprint_hash"
    " result client_ip user_agent occurred_at",
    "subscriptions": "id license_id policy_id product_id period_days"
    " listed_currency listed_value status started_at next_renewal_at"
    " cancelled_at cancellation_reason consecutive_failures"
    " merchant_profile_id",
    "subscription_invoices": "subscription_id invoice_id cycle_number"
    " cycle_start_at cycle_end_at created_at",
    "tier_changes": "id license_id from_policy_id to_policy_id direction"
    " listed_currency proration_charge_value invoice_id effective_at actor"
    " reason created_at applied_at",
    "discount_codes": "id code kind amount discount_currency max_uses"
    " used_count expires_at applies_to_product_id referrer_label description"
    " active featured created_at updated_at",
    "discount_redemptions": "id code_id invoice_id license_id status"
    " discount_applied_sats base_price_sats final_price_sats created_at"
    " updated_at",
    "webhook_endpoints": "id url event_types active description created_at"
    " updated_at",
    "webhook_deliveries": "id endpoint_id event_type attempt_count"
    " next_attempt_at last_status_code last_error delivered_at created_at",
    "rate_buckets": "bucket_kind bucket_key tokens_remaining capacity"
    " refill_per_second last_refill_at",
    "tip_attempts": "id license_id policy_id recipient amount_sats pct_bps"
    " label status detail payment_hash created_at",
    "scoped_api_keys": "id label token_hash role extra_scopes created_at"
    " last_used_at revoked_at",
    "sessions": "created_at last_seen_at ip user_agent",
    "settings": "key value updated_at",
    "merchant_profiles": "id name legal_name support_url support_email"
    " brand_color post_purchase_redirect_url is_default created_at"
    " updated_at",
    "payment_providers": "id merchant_profile_id kind label base_url"
    " store_id",
    "merchant_profile_rail_preferences": "merchant_profile_id rail"
    " payment_provider_id",
}
TEXT_IDS = {"nostr_npub", "store_id", "webhook_id"}


@pytest.fixture(scope="module")
def columns(make_instance):
    server = make_instance(start=False)
    return {(r["table_name"], r["column_name"]): r["data_type"]
            for r in server.rows(
                "SELECT table_name, column_name, data_type FROM"
                " information_schema.columns WHERE table_schema = 'public'")}


def type_of(name):
    """7: ids uuid, times timestamptz, money bigint, JSON jsonb, flags
    boolean."""
    if name in TEXT_IDS:
        return {"text"}
    if name == "id" or name.endswith("_id"):
        return {"uuid"}
    if name.endswith("_at"):
        return {"timestamp with time zone"}
    if name.endswith(("_sats", "_value", "_override")) or name == "amount":
        return {"bigint"}
    if name in ("metadata", "entitlements_catalog"):
        return {"jsonb"}
    if name in ("active", "public", "featured") or name.startswith("is_"):
        return {"boolean"}
    return None


@pytest.mark.parametrize("table", TABLES)
def test_columns_and_their_types(columns, table):
    """7, the row of each table."""
    for name in TABLES[table].split():
        assert (table, name) in columns, name
        assert type_of(name) is None or \
            columns[table, name] in type_of(name), (name, columns[table, name])


def test_what_is_secret_is_no_column(columns):
    """7 with D35 and D27: the raw fingerprint, the private key, providers'
    keys and live tokens have no column to be in."""
    names = {(t, c) for t, c in columns if (t, c) in {
        ("licenses", "fingerprint"), ("machines", "fingerprint"),
        ("validation_log", "fingerprint"), ("payment_providers", "api_key"),
        ("payment_providers", "webhook_secret"), ("sessions", "token"),
        ("webhook_endpoints", "secret"), ("server_keys", "private_key_pem"),
        ("signing_keys", "private_key_pem"), ("scoped_api_keys", "token"),
        ("btcpay_authorize_states", "state_token")}}
    assert names == set()


UNIQUE = [
    ("products", {"slug"}), ("policies", {"product_id", "slug"}),
    ("licenses", {"invoice_id"}), ("subscriptions", {"license_id"}),
    ("subscription_invoices", {"invoice_id"}),
    ("discount_codes", {"code"}), ("discount_redemptions", {"invoice_id"}),
    ("rate_buckets", {"bucket_kind", "bucket_key"}),
    ("scoped_api_keys", {"token_hash"}), ("settings", {"key"}),
    ("merchant_profile_rail_preferences", {"merchant_profile_id", "rail"}),
    ("invoices", {"provider_id", "provider_invoice_id"})]
UNIQUE_WHILE = [
    ("subscription_invoices", {"subscription_id", "cycle_number"},
     "superseded_at"),
    ("payment_providers", {"merchant_profile_id", "kind"},
     "disconnected_at")]


@pytest.fixture(scope="module")
def uniques(make_instance):
    server = make_instance(start=False)
    return [(r["name"], set(r["columns"]), r["predicate"])
            for r in server.rows("""
SELECT i.indrelid::regclass::text AS name,
    (SELECT array_agg(a.attname::text) FROM pg_attribute a
     WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) AS columns,
    pg_get_expr(i.indpred, i.indrelid) AS predicate
FROM pg_index i WHERE i.indisunique""")]


@pytest.mark.parametrize("table,columns", UNIQUE,
                         ids=lambda v: "-".join(v) if isinstance(v, set)
                         else v)
def test_unique(uniques, table, columns):
    """7: what is unique, always."""
    assert [1 for t, c, where in uniques
            if (t, c, where) == (table, columns, None)], \
        [u for u in uniques if u[0] == table]


@pytest.mark.parametrize("table,columns,word", UNIQUE_WHILE,
                         ids=lambda v: "-".join(v) if isinstance(v, set)
                         else v)
def test_unique_while(uniques, table, columns, word):
    """7: what is unique among those that count."""
    assert [1 for t, c, where in uniques if (t, c) == (table, columns) and
            where is not None and word in where], \
        [u for u in uniques if u[0] == table]


@pytest.mark.parametrize("twice", [
    "INSERT INTO machines (license_id, fingerprint_hash) SELECT license_id,"
    " fingerprint_hash FROM machines",
    "INSERT INTO merchant_profiles (name, is_default) VALUES ('x', true)"])
def test_one_at_a_time(own_instance, twice):
    """7: machines: unique per license while active; one default profile."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    made = api.issue(max_machines=0)
    api.activate(made["license_key"], "A")
    api.deactivate(made["license_key"], "A")
    api.activate(made["license_key"], "A")      # again, when it was released
    with pytest.raises((psycopg.errors.UniqueViolation,
                        psycopg.errors.ExclusionViolation)):
        server.db.execute(twice)


@pytest.mark.parametrize("change", [
    "UPDATE subscriptions SET period_days = 0",
    "UPDATE tier_changes SET proration_charge_value = -1",
    "UPDATE licenses SET status = 'odd'",
    "UPDATE subscriptions SET status = 'odd'",
    "UPDATE invoices SET status = 'odd'",
    "UPDATE discount_codes SET used_count = max_uses + 1"])
def test_checks(own_instance, change):
    """7: period_days > 0, proration_charge_value >= 0; states are those that
    the contract names; a code's cap holds in the database, too."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    tiers = Shop(api)
    had = tiers.buy(LOW)
    tiers.upgrade(had["license_key"], HIGH)
    api.do("POST", "/discount-codes", {"code": new_slug("C"), "max_uses": 1,
                                       "kind": "percent", "amount": 1})
    with pytest.raises(psycopg.errors.CheckViolation):
        server.db.execute(change)
