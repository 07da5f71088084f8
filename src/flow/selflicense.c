/*
 * The keys of this server's own license, opened and judged; and the steps that
 * enter what was found.  Nothing here refuses anything: a bad license is one
 * that grants nothing.
 */
#include "flow/selflicense.h"

#include "base/log.h"
#include "domain/selflicense.h"
#include "flow/bind.h"
#include "pay/sealed.h"

#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define PURPOSE	"self_licenses.key"

const char *
selflicense_seal(struct arena *a, const struct keyring *ring,
    const char *source, const char *key)
{
	return (pay_seal(a, ring, PURPOSE, source, key));
}

const char *
selflicense_open(struct arena *a, const struct keyring *ring,
    const char *source, const char *sealed)
{
	return (sealed == NULL ? NULL :
	    pay_unseal(a, ring, PURPOSE, source, sealed));
}

const char *
selflicense_verdicts(struct arena *a, const struct keyring *ring,
    const struct db_rows *rows)
{
	json_t		*list = json_array();
	const char	*source, *sealed, *key, *copy;
	char		*text;
	unsigned int	 i;

	for (i = 0; i < db_rows_count(rows); i++) {
		source = db_text(rows, i, "source");
		sealed = db_text(rows, i, "sealed_key");
		if ((key = selflicense_open(a, ring, source, sealed)) == NULL) {
			LOG(LOG_ERR, "self_license.sealed",
			    LS("source", source), LS("meaning",
			    "this key ring does not open it"));
			continue;
		}
		json_array_append_new(list, json_pack("{s:s,s:s,s:o}",
		    "source", source, "sealed_key", sealed,
		    "verdict", selflicense_judge(key)));
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	if (text == NULL)
		abort();
	copy = arena_strdup(a, text);
	free(text);
	return (copy);
}

void
selflicense_tell(const struct db_rows *rows)
{
	const char	*before, *state;
	unsigned int	 i;

	for (i = 0; i < db_rows_count(rows); i++) {
		before = db_text(rows, i, "before");
		state = db_text(rows, i, "state");
		if (!strcmp(before, state))
			continue;
		LOG(strcmp(state, "licensed") ? LOG_WARNING : LOG_NOTICE,
		    "self_license.change",
		    LS("source", db_text(rows, i, "source")),
		    LS("from", before), LS("to", state));
	}
}

enum flow_next
selflicense_load(struct flow *f)
{
	if (selflicense_root() == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, self_license_keys, .none = NULL));
}

enum flow_next
selflicense_note(struct flow *f)
{
	if (selflicense_root() == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, self_license_note,
	    .verdicts = selflicense_verdicts(&f->arena, bind_keyring(),
	    flow_rows(f)), .trust_root = selflicense_root()));
}

enum flow_next
selflicense_noted(struct flow *f)
{
	if (selflicense_root() != NULL)
		selflicense_tell(flow_rows(f));
	return (FLOW_NEXT);
}
