/*
 * One search for whatever the vendor has at hand.  A key is read here and
 * becomes the license's id, so that no statement and no log sees it; one that
 * isn't ours finds nothing but says so.
 */
#include "api/api.h"

#include "flow/key.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include "sql.h"

#include <string.h>
#include <strings.h>

#define KEY_START	"LIC1-"
#define BLANKS		" \t\r\n"
#define TEXT_MAX	4096	/* as of a fingerprint */

/* What was sent, without the white space around it. */
static const char *
search_text(struct flow *f)
{
	const char	*q = flow_text(f, "q");
	size_t		 len;

	q += strspn(q, BLANKS);
	for (len = strlen(q); len > 0 && strchr(BLANKS, q[len - 1]) != NULL;)
		len--;
	return (arena_strndup(&f->arena, q, len));
}

static enum flow_next
search_key(struct flow *f, const char *q)
{
	struct license_key	key;

	switch (key_read(f, q, &key)) {
	case KEY_BAD_FORMAT:
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "q: begins like a license key, but is none; is it whole?"));
	case KEY_BAD_SIGNATURE:
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "q: this key is not one of this server's"));
	default:
		return (FLOW_QUERY(f, license_find,
		    .license_id = key_license_id(f, &key)));
	}
}

static enum flow_next
search_find(struct flow *f)
{
	const char	*q = search_text(f);

	if (!strncasecmp(q, KEY_START, strlen(KEY_START))) {
		if (f->endpoint->method == POST)
			return (search_key(f, q));
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "q: search for a key by POST: addresses are written down"));
	}
	if (*q == '\0' || strlen(q) > TEXT_MAX)
		return (flow_fail(f, ERR_BAD_REQUEST,
		    "q: must have 1 to %d bytes", TEXT_MAX));
	return (FLOW_QUERY(f, license_find, .q = q));
}

static enum flow_next
search_answer(struct flow *f)
{
	return (flow_json_text(f, 200, db_text(flow_rows(f), 0, "body")));
}

/* clang-format off */
#define SEARCH_STEPS							\
	.steps = FLOW_STEPS(						\
		FLOW_STEP(search_find),		/* sql  license_find */	\
		FLOW_STEP(search_answer))
#define SEARCH_ANSWER							\
	.answer = "`{results:[{kind,id,by,status,product_id,product_slug," \
	    "product_name,policy_slug,policy_name,buyer_email,created_at}]," \
	    "more,only:{kind,id}|null}`; kind is `license`, or `invoice` for " \
	    "one without a license; by: what matched; at most 25 of a kind, " \
	    "newest first; only: the one result."

const struct endpoint	api_search[] = {
	{ .method = GET, .path = "/v1/admin/search", .scope = "licenses:read",
	    .query = FIELDS({ "q", FIELD_TEXT, FIELD_REQUIRED, 1, TEXT_MAX,
	        .help = "An address, an id of a license, invoice, machine or "
	        "subscription, a provider's invoice id, an npub, a fingerprint or its "
	        "SHA-256 in hex; not a key." }),
	    SEARCH_STEPS,
	    .summary = "Find licenses by whatever is at hand.", SEARCH_ANSWER },
	{ .method = POST, .path = "/v1/admin/search", .scope = "licenses:read",
	    .repeatable = true,
	    .body = FIELDS({ "q", FIELD_TEXT, FIELD_REQUIRED, 1, 200000,
	        .help = "The same, or a whole license key." }),
	    SEARCH_STEPS,
	    .summary = "The same; also by a key, which belongs in no address.",
	    SEARCH_ANSWER },
	ENDPOINT_END
};
/* clang-format on */
