/* The REST API: one table a resource, one file a table. */
#ifndef API_API_H
#define API_API_H

#include "flow/endpoint.h"

extern const struct endpoint	api_service[];
extern const struct endpoint	api_catalogue[];
extern const struct endpoint	api_products[];
extern const struct endpoint	api_policies[];
extern const struct endpoint	api_profiles[];
extern const struct endpoint	api_providers[];
extern const struct endpoint	api_codes[];
extern const struct endpoint	api_invoices[];
extern const struct endpoint	api_refunds[];
extern const struct endpoint	api_tips[];
extern const struct endpoint	api_licenses[];
extern const struct endpoint	api_search[];
extern const struct endpoint	api_subscriptions[];
extern const struct endpoint	api_portal[];
extern const struct endpoint	api_machines[];
extern const struct endpoint	api_validate[];
extern const struct endpoint	api_live[];
extern const struct endpoint	api_purchase[];
extern const struct endpoint	api_again[];
extern const struct endpoint	api_redeem[];
extern const struct endpoint	api_preview[];
extern const struct endpoint	api_rates[];
extern const struct endpoint	api_tiers[];
extern const struct endpoint	api_selflicense[];
extern const struct endpoint	api_recover[];
extern const struct endpoint	api_summary[];
extern const struct endpoint	api_figures[];
extern const struct endpoint	api_firststeps[];
extern const struct endpoint	api_export[];
extern const struct endpoint	api_system[];
extern const struct endpoint	api_audit[];
extern const struct endpoint	api_webhooks[];
extern const struct endpoint	api_mails[];
extern const struct endpoint	api_settings[];
extern const struct endpoint	api_keys[];
extern const struct endpoint	api_login[];
extern const struct endpoint	api_passkeys[];
extern const struct endpoint	api_customer[];
extern const struct endpoint	api_customer_data[];

/* What GET .../usage of products and policies answers. */
#define USAGE_ANSWER							\
	"`{needs_force,is_large,is_too_much,counted_to,active_licenses|null," \
	"live_subscriptions|null,policies,codes|null,licenses,invoices,"	\
	"machines|null,redemptions|null,subscriptions|null,"		\
	"tier_changes|null,tips|null,refunds|null}`: numbers as the "	\
	"deletion's `cascaded_…`; `needs_force`: it wants `force`; "	\
	"`is_large`: more than 2,000 licenses or invoices, which are counted " \
	"up to counted_to (one more: there are more), and what hangs on "	\
	"them isn't; `is_too_much`: more than a request can delete, which "	\
	"is a thousand for each second of LICET_REQUEST_TIMEOUT_MS."

/* In a worker: the batches of validate and heartbeat, the key cache. */
void	api_open(void);
void	api_close(void);

/* Each resource's own part of it. */
void	validate_open(void);
void	validate_close(void);
void	machines_open(void);
void	machines_close(void);

#endif
