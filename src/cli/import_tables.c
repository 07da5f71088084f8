/* The tables of Keysat's that are read, in the order that references need. */
#include "cli/import_table.h"

#include "sql.h"

#include <stddef.h>

#define T(n)	{ n, IMPORT_TEXT }
#define U(n)	{ n, IMPORT_UUID }
#define I(n)	{ n, IMPORT_INTEGER }
#define B(n)	{ n, IMPORT_FLAG }
#define W(n)	{ n, IMPORT_TIME }
#define J(n)	{ n, IMPORT_JSON }

const struct import_table	import_records[] = {
	{ .name = "settings", .takes = &sql_import_settings, .columns = {
	    T("key"), T("value"), W("updated_at") } },
	{ .name = "scoped_api_keys", .takes = &sql_import_keys, .columns = {
	    U("id"), T("label"), { "token_hash", IMPORT_HASH }, T("role"),
	    J("extra_scopes"), W("created_at"), W("last_used_at"),
	    T("revoked_at") } },
	{ .name = "merchant_profiles", .takes = &sql_import_profiles,
	    .columns = { U("id"), T("name"), T("legal_name"), T("support_url"),
	    T("support_email"), T("brand_color"),
	    T("post_purchase_redirect_url"), T("smtp_host"), I("smtp_port"),
	    T("smtp_username"), { "smtp_password", IMPORT_SMTP_PASSWORD },
	    T("smtp_from"), W("created_at"), W("updated_at") } },
	{ .name = "merchant_profiles", .takes = &sql_import_default,
	    .again = true, .columns = { U("id"), B("is_default") } },
	{ .name = "payment_providers", .takes = &sql_import_providers,
	    .columns = { U("id"), U("merchant_profile_id"), T("kind"),
	    T("label"), { "api_key", IMPORT_API_KEY }, T("base_url"),
	    T("webhook_id"), { "webhook_secret", IMPORT_WEBHOOK_SECRET },
	    T("store_id"), W("created_at"), W("updated_at") } },
	{ .name = "merchant_profile_rail_preferences",
	    .takes = &sql_import_rails, .columns = {
	    U("merchant_profile_id"), T("rail"), U("payment_provider_id") } },
	{ .name = "webhook_endpoints", .takes = &sql_import_endpoints,
	    .columns = { U("id"), T("url"),
	    { "secret", IMPORT_ENDPOINT_SECRET }, J("event_types"),
	    U("product_id"), T("description"), B("active"), W("created_at"),
	    W("updated_at") } },
	{ .name = "products", .sorted_by = "id", .takes = &sql_import_products,
	    .columns = { U("id"), T("slug"), T("name"), T("description"),
	    I("price_sats"), T("price_currency"), I("price_value"),
	    B("active"), J("metadata"), J("entitlements_catalog"),
	    U("merchant_profile_id"), W("created_at"), W("updated_at") } },
	{ .name = "policies", .sorted_by = "id", .takes = &sql_import_policies,
	    .columns = { U("id"), U("product_id"), T("name"), T("slug"),
	    I("duration_seconds"), I("grace_seconds"), I("max_machines"),
	    B("is_trial"), I("price_sats_override"), J("entitlements"),
	    J("metadata"), B("active"), B("public"), T("tip_recipient"),
	    I("tip_pct_bps"), T("tip_label"), B("is_recurring"),
	    I("renewal_period_days"), I("grace_period_days"), I("trial_days"),
	    I("tier_rank"), W("archived_at"), W("created_at"),
	    W("updated_at") } },
	{ .name = "discount_codes", .sorted_by = "id",
	    .takes = &sql_import_codes, .columns = { U("id"), T("code"),
	    T("kind"), I("amount"), T("discount_currency"), I("max_uses"),
	    I("used_count"), W("expires_at"), U("applies_to_product_id"),
	    U("applies_to_policy_id"), J("applies_to_policy_ids"),
	    T("referrer_label"), T("description"), B("active"), B("featured"),
	    W("created_at"), W("updated_at") } },
	{ .name = "invoices", .takes = &sql_import_invoices, .columns = {
	    U("id"), T("btcpay_invoice_id"), U("product_id"), U("policy_id"),
	    T("status"), T("buyer_email"), T("buyer_note"), I("amount_sats"),
	    T("checkout_url"), T("listed_currency"), I("listed_value"),
	    I("exchange_rate_centibps"), T("exchange_rate_source"),
	    U("payment_provider_id"), W("created_at"), W("updated_at") } },
	{ .name = "licenses", .takes = &sql_import_licenses, .columns = {
	    U("id"), U("product_id"), U("invoice_id"), U("policy_id"),
	    T("status"), W("issued_at"), W("expires_at"), I("grace_seconds"),
	    I("max_machines"), B("is_trial"), J("entitlements"),
	    W("revoked_at"), T("revocation_reason"), W("suspended_at"),
	    T("suspension_reason"), T("nostr_npub"), T("buyer_email"),
	    J("metadata") } },
	{ .name = "machines", .sorted_by = "license_id",
	    .takes = &sql_import_machines, .columns = { U("id"),
	    U("license_id"), { "fingerprint", IMPORT_FINGERPRINT },
	    { "fingerprint_hash", IMPORT_HASH }, T("hostname"), T("platform"),
	    T("ip_last_seen"), W("activated_at"), W("last_heartbeat_at"),
	    W("deactivated_at"), T("deactivation_reason") } },
	{ .name = "licenses", .takes = &sql_import_bound, .again = true,
	    .columns = { U("id"), { "fingerprint", IMPORT_FINGERPRINT } } },
	{ .name = "subscriptions", .takes = &sql_import_subscriptions,
	    .columns = { U("id"), U("license_id"), U("policy_id"),
	    U("product_id"), I("period_days"), T("listed_currency"),
	    I("listed_value"), T("status"), W("started_at"),
	    W("next_renewal_at"), W("cancelled_at"), T("cancellation_reason"),
	    W("last_renewal_attempt_at"), I("consecutive_failures"),
	    T("zaprite_contact_id"), T("zaprite_payment_profile_id"),
	    T("zaprite_payment_profile_method"),
	    W("zaprite_payment_profile_expires_at"), U("merchant_profile_id"),
	    U("payment_provider_id"), W("created_at"), W("updated_at") } },
	{ .name = "subscription_invoices", .sorted_by = "subscription_id",
	    .takes = &sql_import_cycles, .columns = { U("id"),
	    U("subscription_id"), U("invoice_id"), I("cycle_number"),
	    W("cycle_start_at"), W("cycle_end_at"), W("created_at") } },
	{ .name = "tier_changes", .sorted_by = "license_id",
	    .takes = &sql_import_changes, .columns = { U("id"),
	    U("license_id"), U("from_policy_id"), U("to_policy_id"),
	    T("direction"), T("listed_currency"), I("proration_charge_value"),
	    U("invoice_id"), W("effective_at"), T("actor"), T("reason"),
	    W("created_at") } },
	{ .name = "discount_redemptions", .takes = &sql_import_redemptions,
	    .columns = { U("id"), U("code_id"), U("invoice_id"),
	    U("license_id"), T("status"), I("discount_applied_sats"),
	    I("base_price_sats"), I("final_price_sats"), W("created_at"),
	    W("updated_at") } },
	{ .name = "tip_attempts", .sorted_by = "license_id",
	    .takes = &sql_import_tips, .columns = { U("id"), U("license_id"),
	    U("policy_id"), T("recipient"), I("amount_sats"), I("pct_bps"),
	    T("label"), T("status"), T("detail"), T("payment_hash"),
	    W("created_at") } },
	{ .name = NULL }
};

const struct import_table	import_events = {
	.name = "audit_log",
	.copied_to = "events (id, occurred_at, actor_kind, actor_hash, action, "
	    "target_kind, target_id, request_ip, user_agent, details)",
	.copied = 10,
	.columns = { { "id", IMPORT_AUDIT_ID }, W("occurred_at"),
	    T("actor_kind"), { "actor_hash", IMPORT_ACTOR }, T("action"),
	    T("target_kind"), T("target_id"), T("request_ip"), T("user_agent"),
	    J("details") }
};

const struct import_table	import_log = {
	.name = "validation_log",
	.copied_to = "validation_log (occurred_at, license_id, product_id, "
	    "machine_id, fingerprint_hash, result, reason_detail, client_ip, "
	    "user_agent)",
	.copied = 9,
	.columns = { W("occurred_at"), U("license_id"), U("product_id"),
	    U("machine_id"), { "fingerprint", IMPORT_FINGERPRINT },
	    T("result"), T("reason_detail"), T("client_ip"), T("user_agent"),
	    U("id") }
};
