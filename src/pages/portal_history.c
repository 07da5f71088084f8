/*
 * The lists of a license's page that no table can say: its devices, and its
 * history in plain words.
 */
#include "pages/portal_history.h"

#include "pages/page.h"
#include "pages/value.h"

#include <string.h>

static const char	actions[] =
    "license.issue=Bought|license.issue_manual=Issued by the vendor|"
    "license.reissue=Issued in place of a key that leaked|"
    "license.revoke=Revoked|license.suspend=Suspended|"
    "license.unsuspend=Suspension lifted|license.extend=End moved|"
    "license.key_shown=Key shown|license.recovered=Key asked for again|"
    "license.change_tier=Plan changed|"
    "subscription.upgrade.applied=Upgraded|"
    "subscription.downgrade.applied=Plan changed as planned|"
    "subscription.downgrade.scheduled=Change of plan planned|"
    "subscription.create=Subscription begun|"
    "subscription.bill=Renewal billed|subscription.renew=Renewed|"
    "subscription.cancel=Subscription cancelled|"
    "subscription.lapse=Subscription lapsed|"
    "machine.deactivate=Device released|"
    "machine.activate_offline=Device activated without a network";

static const char	who[] =
    "customer=by you|vendor=by the vendor|system=automatically";

static const struct column	when = { "When", "at", CELL_TIME };
static const struct column	until = { "Until", "until", CELL_TIME };
static const struct column	seen = { "Seen", "last_seen_at", CELL_TIME };

static const char *
words(struct arena *a, const char *list, const char *name)
{
	const char	*found;

	found = name == NULL ? NULL : value_choice(a, list, name);
	return (found == NULL ? "" : found);
}

void
portal_history_make(json_t *block, const json_t *gathered)
{
	const json_t	*all = value_find(NULL, gathered, "license.history"), *e;
	json_t		*entries = json_array();
	const char	*action;
	struct arena	 a;
	size_t		 i;

	arena_init(&a);
	json_array_foreach(all, i, e) {
		action = json_text(e, "action");
		json_array_append_new(entries, json_pack(
		    "{s:s,s:n,s:s,s:o,s:o?,s:n}",
		    "what", words(&a, actions, action), "why",
		    "who", words(&a, who, json_text(e, "by")),
		    "when", value_cell(&a, &when, e, NULL),
		    "until", action != NULL && !strcmp(action,
		    "license.extend") ? value_cell(&a, &until, e, NULL) : NULL,
		    "thing"));
	}
	arena_reset(&a);
	json_object_set_new(block, "timeline", json_pack("{s:o,s:n}",
	    "entries", entries, "older"));
}

void
portal_devices_make(json_t *block, const json_t *gathered)
{
	const json_t	*all = value_find(NULL, gathered, "license.machines"), *m;
	json_t		*devices = json_array();
	const char	*name, *platform, *id;
	struct arena	 a;
	size_t		 i;

	arena_init(&a);
	json_array_foreach(all, i, m) {
		name = json_text(m, "name");
		platform = json_text(m, "platform");
		id = json_text(m, "id");
		json_array_append_new(devices, json_pack("{s:s,s:s?,s:o,s:o}",
		    "name", name == NULL || *name == '\0' ? "Unnamed device" :
		    name, "platform", platform,
		    "seen", value_cell(&a, &seen, m, NULL), "href",
		    json_sprintf("/portal/devices/%s/release",
		    id == NULL ? "" : id)));
	}
	arena_reset(&a);
	json_object_set_new(block, "devices", json_pack("{s:o,s:b}",
	    "all", devices, "none", json_array_size(all) == 0));
}
