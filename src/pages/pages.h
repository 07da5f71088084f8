/* HTML for people. */
#ifndef PAGES_PAGES_H
#define PAGES_PAGES_H

#include "flow/endpoint.h"

extern const struct endpoint	pages_sandbox[];
extern const struct endpoint	pages_shop[];
extern const struct endpoint	pages_buy[];
extern const struct endpoint	pages_thanks[];
extern const struct endpoint	pages_checkout[];
extern const struct endpoint	pages_recover[];
extern const struct endpoint	pages_assets[];
extern const struct endpoint	pages_signin[];
extern const struct endpoint	pages_welcome[];
extern const struct endpoint	pages_overview[];
extern const struct endpoint	pages_products[];
extern const struct endpoint	pages_policies[];
extern const struct endpoint	pages_codes[];
extern const struct endpoint	pages_licenses[];
extern const struct endpoint	pages_license_forms[];
extern const struct endpoint	pages_machines[];
extern const struct endpoint	pages_subscriptions[];
extern const struct endpoint	pages_webhooks[];
extern const struct endpoint	pages_mails[];
extern const struct endpoint	pages_keys[];
extern const struct endpoint	pages_audit[];
extern const struct endpoint	pages_settings[];
extern const struct endpoint	pages_passkeys[];
extern const struct endpoint	pages_system[];
extern const struct endpoint	pages_invoices[];
extern const struct endpoint	pages_profiles[];
extern const struct endpoint	pages_providers[];
extern const struct endpoint	pages_rates[];
extern const struct endpoint	pages_tips[];
extern const struct endpoint	pages_customer_door[];
extern const struct endpoint	pages_customer_data[];
extern const struct endpoint	pages_portal_licenses[];
extern const struct endpoint	pages_portal_plans[];
extern const struct endpoint	pages_portal_invoices[];

#endif
