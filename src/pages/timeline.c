/*
 * The audit trail of one thing in words.  An action that has no words here is
 * shown by its own name, so nothing is left out.
 */
#include "pages/timeline.h"

#include "pages/page.h"
#include "pages/value.h"

#include <string.h>

#define ENTRIES_MAX	30	/* the rest is on the audit trail's page */

static const char	actions[] =
    "license.issue=Issued for a purchase|"
    "license.issue_manual=Issued by hand|"
    "license.reissue=Issued in place of another|"
    "license.revoke=Revoked|license.suspend=Suspended|"
    "license.unsuspend=Suspension lifted|license.extend=End moved|"
    "license.key_shown=Key shown|license.recovered=Key sent to its buyer again|"
    "license.change_tier=Moved to another policy|"
    "license.tier_change=Change of policy begun|"
    "license.tier_change.cancel=Change of policy cancelled|"
    "subscription.create=Subscription begun|"
    "subscription.bill=Next cycle billed|"
    "subscription.bill_failed=Billing failed|"
    "subscription.renew=Renewed|subscription.resume=Billing resumed|"
    "subscription.cancel=Subscription cancelled|"
    "subscription.lapse=Subscription lapsed|"
    "subscription.renewal_skipped=Renewal skipped|"
    "subscription.upgrade.applied=Upgrade paid and made|"
    "subscription.card_saved=Card saved|"
    "invoice.settle=Invoice settled|invoice.expire=Invoice expired|"
    "invoice.invalid=Invoice invalid|invoice.refund=Refunded|"
    "invoice.refund_failed=Refund failed|"
    "invoice.refund_asked=Refund asked for|invoice.looked_at=Looked at|"
    "invoice.amount_mismatch=Another amount than asked arrived|"
    "invoice.partial=Paid in part|invoice.late=Paid late|"
    "invoice.over=Paid too much|invoice.marked=Marked by hand|"
    "invoice.surplus=Paid twice|invoice.void_change=Paid too late|"
    "invoice.double=Order paid twice|"
    "invoice.unwatched=Invoice no longer watched|"
    "machine.deactivate=Machine released|"
    "machine.activate_offline=Activated without a network|"
    "code.release=Use of a code given back|tip.pay=Tip paid";

static const char	actors[] =
    "admin_api_key=with the admin key|scoped_api_key=with an API key|"
    "web_ui=in the dashboard|system=by Licet|renewal_worker=by Licet|"
    "buyer_license_key=by the holder of the key|"
    "buyer_self_service=by the buyer|customer=in the portal";

static const char	things[] = "invoice=Invoice|subscription=Subscription";

static const struct column	when = { "When", "occurred_at", CELL_TIME };
static const struct column	until = { "Until", "details.to", CELL_TIME };

static const char *
words(struct arena *a, const char *list, const char *name)
{
	const char	*found;

	if (name == NULL)
		return ("");
	found = value_choice(a, list, name);
	return (found != NULL ? found : name);
}

/* What else than the page's own thing it was about: its page. */
static json_t *
thing(struct arena *a, const json_t *e, bool is_mixed)
{
	const json_t	*details = json_object_get(e, "details");
	const char	*kind = json_text(e, "target_kind"), *other;
	const char	*label;

	if ((other = json_text(details, "reissued_as")) != NULL)
		return (json_pack("{s:s,s:o}", "label", "the new license",
		    "href", json_sprintf("/admin/licenses/%s", other)));
	if ((other = json_text(details, "reissued_from")) != NULL)
		return (json_pack("{s:s,s:o}", "label", "the license before",
		    "href", json_sprintf("/admin/licenses/%s", other)));
	label = kind == NULL || !is_mixed ? NULL : value_choice(a, things,
	    kind);
	other = json_text(e, "target_id");
	if (label == NULL || other == NULL)
		return (NULL);
	return (json_pack("{s:s,s:o}", "label", label, "href",
	    json_sprintf("/admin/%ss/%s", kind, other)));
}

static json_t *
entry(struct arena *a, const json_t *e, bool is_mixed)
{
	const json_t	*details = json_object_get(e, "details");
	const char	*action = json_text(e, "action"), *why;
	bool		 is_end;

	why = json_text(details, "reason");
	is_end = action != NULL && !strcmp(action, "license.extend");
	return (json_pack("{s:s,s:s?,s:s,s:o,s:o?,s:o?}",
	    "what", words(a, actions, action),
	    "why", why == NULL || *why == '\0' ? NULL : why,
	    "who", words(a, actors, json_text(e, "actor_kind")),
	    "when", value_cell(a, &when, e, NULL),
	    "until", is_end ? value_cell(a, &until, e, NULL) : NULL,
	    "thing", thing(a, e, is_mixed)));
}

static json_t *
older(const json_t *gathered)
{
	const char	*id = json_text2(gathered, "at", "id");

	return (json_pack("{s:o}", "href", json_sprintf(
	    "/admin/audit?target_id=%s", id == NULL ? "" : id)));
}

void
timeline_make(json_t *block, const json_t *gathered)
{
	const json_t	*all = value_find(NULL, gathered, "license.history");
	json_t		*entries = json_array();
	bool		 is_mixed = all != NULL;
	struct arena	 a;
	size_t		 i;

	if (all == NULL)
		all = value_find(NULL, gathered, "audit.entries");
	arena_init(&a);
	for (i = 0; i < json_array_size(all) && i < ENTRIES_MAX; i++)
		json_array_append_new(entries, entry(&a,
		    json_array_get(all, i), is_mixed));
	arena_reset(&a);
	json_object_set_new(block, "timeline", json_pack("{s:o,s:o?}",
	    "entries", entries, "older", json_array_size(all) <= ENTRIES_MAX ?
	    NULL : older(gathered)));
}
