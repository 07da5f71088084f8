#include "flow/key.h"

#include "base/log.h"
#include "base/text.h"
#include "base/uuid.h"
#include "crypto/keyring.h"
#include "crypto/verified.h"
#include "flow/bind.h"
#include "flow/respond.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_LOG2	20	/* keys remembered by a worker; 16 MB once full */

static struct verified	*verified;

void
key_open(void)
{
	if ((verified = verified_new(CACHE_LOG2)) == NULL) {
		LOG(LOG_CRIT, "memory.exhausted", LS("for", "verified keys"));
		abort();
	}
}

void
key_close(void)
{
	verified_free(verified);
}

enum key_verdict
key_read(struct flow *f, const char *text, struct license_key *out)
{
	size_t	 len = strlen(text), size = LICENSE_KEY_BUFFER(len) + 1;
	uint8_t	*buf = arena_alloc(&f->arena, size);

	if (!license_key_parse(out, text, len, buf, size))
		return (KEY_BAD_FORMAT);
	if (!verified_check(verified, bind_keyring(), out))
		return (KEY_BAD_SIGNATURE);
	return (KEY_GOOD);
}

bool
key_authorize(struct flow *f, struct license_key *out)
{
	switch (key_read(f, flow_text(f, "key"), out)) {
	case KEY_BAD_FORMAT:
		flow_fail(f, ERR_BAD_REQUEST, "key: is no license key");
		return (false);
	case KEY_BAD_SIGNATURE:
		flow_fail(f, ERR_BAD_REQUEST, "key: its signature is wrong");
		return (false);
	default:
		f->actor_kind = "buyer_license_key";
		return (true);
	}
}

bool
key_authorize_owner(struct flow *f, struct license_key *out)
{
	const char	*text = flow_text(f, "license_key");

	if (text == NULL || key_read(f, text, out) != KEY_GOOD) {
		flow_fail(f, ERR_UNAUTHORIZED, "This license key opens nothing.");
		return (false);
	}
	f->actor_kind = "buyer_license_key";
	return (true);
}

const char *
key_license_id(struct flow *f, const struct license_key *key)
{
	char	text[37];

	uuid_format(key->license_id, text);
	return (arena_strdup(&f->arena, text));
}

bool
key_is_bound_elsewhere(const struct license_key *key, const char *fingerprint)
{
	uint8_t	hash[32];

	if ((key->flags & LICENSE_KEY_BOUND) == 0)
		return (false);
	license_key_fingerprint(fingerprint, strlen(fingerprint), hash);
	return (!license_key_bound_to(key, hash));
}

const char *
key_fingerprint_hex(struct flow *f, const char *fingerprint)
{
	uint8_t	 hash[32];
	char	*hex = arena_alloc(&f->arena, 65);

	license_key_fingerprint(fingerprint, strlen(fingerprint), hash);
	text_hex(hash, sizeof(hash), hex);
	return (hex);
}

static bool
read_facts(struct flow *f, const struct db_rows *rows,
    struct license_key_fields *k)
{
	const char	 *license = db_text(rows, 0, "key_license_id");
	const char	 *product = db_text(rows, 0, "key_product_id");
	const char	 *list = db_text(rows, 0, "key_entitlements"), **slugs;
	json_t		 *all, *one;
	size_t		  i;
	char		  why[96];

	if (license == NULL || product == NULL || list == NULL ||
	    !uuid_parse(license, strlen(license), k->license_id) ||
	    !uuid_parse(product, strlen(product), k->product_id) ||
	    (all = json_read(list, strlen(list), why, sizeof(why))) == NULL)
		return (false);
	k->issued_at = (uint64_t)db_integer(rows, 0, "key_issued_at", 0);
	k->expires_at = (uint64_t)db_integer(rows, 0, "key_expires_at", 0);
	k->trial = db_true(rows, 0, "key_trial");
	k->signing_key = (unsigned int)db_integer(rows, 0,
	    "key_signing_key_id", 0);
	k->entitlement_count = json_array_size(all);
	slugs = arena_alloc(&f->arena,
	    (k->entitlement_count + 1) * sizeof(*slugs));
	json_array_foreach(all, i, one)
		slugs[i] = arena_strdup(&f->arena, json_string_value(one));
	k->entitlements = slugs;
	json_decref(all);
	return (true);
}

const char *
key_render(struct flow *f, const struct db_rows *rows)
{
	return (key_render_activation(f, rows, NULL));
}

const char *
key_render_activation(struct flow *f, const struct db_rows *rows,
    const uint8_t *hash)
{
	struct license_key_fields	 fields = { .fingerprint_hash = hash };
	size_t				 size;
	char				*text;

	if (!read_facts(f, rows, &fields))
		return (NULL);
	if ((size = license_key_size(&fields)) == 0) {
		LOG(LOG_ERR, "key.unmade", LS("license",
		    db_text(rows, 0, "key_license_id")));
		return (NULL);
	}
	text = arena_alloc(&f->arena, size);
	if (license_key_encode(&fields, bind_keyring(), text, size) == 0) {
		LOG(LOG_ERR, "key.unsigned", LS("license",
		    db_text(rows, 0, "key_license_id")),
		    LI("signing_key", fields.signing_key));
		return (NULL);
	}
	return (text);
}

json_t *
key_render_body(struct flow *f, const struct db_rows *rows)
{
	const char	*body = db_text(rows, 0, "body"), *key;
	json_t		*j;
	char		 why[96];

	if (body == NULL ||
	    (j = json_read(body, strlen(body), why, sizeof(why))) == NULL)
		return (NULL);
	if ((key = key_render(f, rows)) != NULL)
		json_object_set_new(j, "license_key", json_string(key));
	return (j);
}
