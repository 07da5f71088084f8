/*
 * Judges the operator's key by the trust root alone.  A key that says something
 * which no database can hold is refused as one of bad form.
 */
#include "domain/selflicense.h"

#include "base/arena.h"
#include "base/text.h"
#include "base/uuid.h"
#include "crypto/license_key.h"

#include <stdlib.h>
#include <string.h>

#define ROOT_LEN	32
#define NEVER		UINT64_C(253402300799)	/* the end of the year 9999 */

static uint8_t	root[ROOT_LEN];
static char	root_hex[2 * ROOT_LEN + 1];

static json_t	*refused(const char *);
static json_t	*granted(const struct license_key *);
static json_t	*uuid_json(const uint8_t *);
static json_t	*entitlements(const struct license_key *);

void
selflicense_trust(const uint8_t public_key[32])
{
	root_hex[0] = '\0';
	if (public_key == NULL)
		return;
	memcpy(root, public_key, sizeof(root));
	text_hex(root, sizeof(root), root_hex);
}

const char *
selflicense_root(void)
{
	return (root_hex[0] == '\0' ? NULL : root_hex);
}

json_t *
selflicense_judge(const char *key)
{
	struct license_key	 parsed;
	struct arena		 arena;
	size_t			 len = strlen(key);
	size_t			 size = LICENSE_KEY_BUFFER(len) + 1;
	json_t			*verdict;

	if (len > LICENSE_KEY_TEXT_MAX)
		return (refused("bad_format"));
	arena_init(&arena);
	arena_wipe_later(&arena);
	if (!license_key_parse(&parsed, key, len, arena_alloc(&arena, size),
	    size))
		verdict = refused("bad_format");
	else if (root_hex[0] == '\0' || !license_key_signed_by(&parsed, root))
		verdict = refused("bad_signature");
	else
		verdict = granted(&parsed);
	arena_reset(&arena);
	if (verdict == NULL)
		abort();
	return (verdict);
}

static json_t *
refused(const char *fault)
{
	return (json_pack("{s:s}", "fault", fault));
}

static json_t *
granted(const struct license_key *key)
{
	json_t	*list = entitlements(key);

	if (list == NULL)
		return (refused("bad_format"));
	return (json_pack("{s:n,s:o,s:o,s:o,s:o}", "fault",
	    "product_id", uuid_json(key->product_id),
	    "license_id", uuid_json(key->license_id),
	    "expires_at", key->expires_at == 0 ? json_null() :
	    json_integer((json_int_t)(key->expires_at > NEVER ? NEVER :
	    key->expires_at)), "entitlements", list));
}

static json_t *
uuid_json(const uint8_t *id)
{
	char	text[UUID_TEXT_LEN + 1];

	uuid_format(id, text);
	return (json_string(text));
}

/* NULL: one has a NUL or is no UTF-8. */
static json_t *
entitlements(const struct license_key *key)
{
	json_t		*list = json_array();
	const char	*slug;
	size_t		 at = 0, len;

	while (license_key_entitlement(key, &at, &slug, &len)) {
		if (memchr(slug, '\0', len) == NULL &&
		    json_array_append_new(list, json_stringn(slug, len)) == 0)
			continue;
		json_decref(list);
		return (NULL);
	}
	return (list);
}
