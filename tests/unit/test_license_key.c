/* crypto/license_key: the published vectors, and what must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/base32.h"
#include "crypto/keyring.h"
#include "crypto/license_key.h"

#include "base/uuid.h"

#include "ring.h"
#include "vectors.h"

#define BUFFER	1024

struct parsed {
	struct license_key	key;
	uint8_t			buf[BUFFER];
};

static json_t		*vectors;
static struct keyring	*ring;	/* its active key is the vectors' */

static bool
parse(struct parsed *p, const char *text)
{
	size_t	 len = strlen(text), size = LICENSE_KEY_BUFFER(len);
	uint8_t	*exact;
	char	*copy;
	bool	 ok;

	/* Exact sizes, so that sanitizers see an overrun. */
	exact = malloc(size + (size == 0));
	copy = malloc(len + (len == 0));
	memcpy(copy, text, len);
	ok = license_key_parse(&p->key, copy, len, exact, size);
	free(exact);
	free(copy);
	assert_int_equal(ok, license_key_parse(&p->key, text, len, p->buf,
	    sizeof(p->buf)));

	return (ok);
}

static void
check_uuid(const uint8_t id[16], const char *want)
{
	char	text[37];

	uuid_format(id, text);
	assert_string_equal(text, want);
}

static void
check_fields(const struct license_key *key, const json_t *want)
{
	const char	*slug;
	uint8_t		 hash[32];
	size_t		 len, offset = 0, i;
	const json_t	*list = json_object_get(want, "entitlements"), *item;

	assert_int_equal(key->version,
	    json_integer_value(json_object_get(want, "version")));
	assert_int_equal(key->flags,
	    json_integer_value(json_object_get(want, "flags")));
	check_uuid(key->product_id, vectors_text(want, "productUuid"));
	check_uuid(key->license_id, vectors_text(want, "licenseUuid"));
	assert_int_equal(key->issued_at,
	    json_integer_value(json_object_get(want, "issuedAt")));
	assert_int_equal(key->expires_at,
	    json_integer_value(json_object_get(want, "expiresAt")));
	assert_int_equal(vectors_hex(vectors_text(want, "fingerprintHashHex"),
	    hash, sizeof(hash)), sizeof(hash));
	assert_memory_equal(key->fingerprint_hash, hash, sizeof(hash));

	assert_int_equal(key->entitlement_count, json_array_size(list));
	json_array_foreach(list, i, item) {
		assert_true(license_key_entitlement(key, &offset, &slug, &len));
		assert_int_equal(len, json_string_length(item));
		assert_memory_equal(slug, json_string_value(item), len);
	}
	assert_false(license_key_entitlement(key, &offset, &slug, &len));
}

static void
published_keys_parse_and_verify(void **state)
{
	struct parsed	 p;
	const char	*name, *raw;
	json_t		*row, *want;
	uint8_t		 hash[32];
	int		 seen = 0;

	json_object_foreach(json_object_get(vectors, "published"), name, row) {
		if (!json_is_object(row))
			continue;
		want = json_object_get(row, "expected");
		assert_true(parse(&p, vectors_text(row, "licenseKey")));
		check_fields(&p.key, want);
		assert_true(keyring_verify(ring, &p.key));

		raw = vectors_text(want, "fingerprintRaw");
		license_key_fingerprint(raw == NULL ? "" : raw,
		    raw == NULL ? 0 : strlen(raw), hash);
		assert_int_equal(license_key_bound_to(&p.key, hash),
		    raw != NULL);
		seen++;
	}
	assert_int_equal(seen, 3);
}

/* Version 2 without a binding is what we issue: the text must be the same. */
static void
check_encode(const struct license_key *key, const char *text)
{
	struct license_key_fields	 f = { 0 };
	static char			 slugs[256][256];
	const char			*list[256], *slug;
	char				 out[BUFFER * 2];
	size_t				 len, offset = 0;

	memcpy(f.product_id, key->product_id, 16);
	memcpy(f.license_id, key->license_id, 16);
	f.issued_at = key->issued_at;
	f.expires_at = key->expires_at;
	f.trial = (key->flags & LICENSE_KEY_TRIAL) != 0;
	f.entitlements = list;
	while (license_key_entitlement(key, &offset, &slug, &len)) {
		memcpy(slugs[f.entitlement_count], slug, len);
		slugs[f.entitlement_count][len] = '\0';
		list[f.entitlement_count] = slugs[f.entitlement_count];
		f.entitlement_count++;
	}

	len = strlen(text);
	assert_int_equal(license_key_size(&f), len + 1);
	assert_int_equal(license_key_encode(&f, ring, out, len), 0);
	assert_int_equal(license_key_encode(&f, ring, out, len + 1), len);
	assert_string_equal(out, text);
}

static void
signing_vectors_come_out_the_same(void **state)
{
	uint8_t		 payload[BUFFER], sig[64], want_sig[64];
	struct parsed	 p;
	const char	*name, *text;
	json_t		*row;
	size_t		 len;
	int		 encoded = 0;

	json_object_foreach(json_object_get(json_object_get(vectors,
	    "signing"), "vectors"), name, row) {
		text = vectors_text(row, "licenseKey");
		len = vectors_hex(vectors_text(row, "payloadHex"), payload,
		    sizeof(payload));
		assert_int_equal(vectors_hex(vectors_text(row, "signatureHex"),
		    want_sig, sizeof(want_sig)), 64);
		assert_true(keyring_sign(ring, keyring_active(ring, NULL),
		    payload, len, sig));
		assert_memory_equal(sig, want_sig, sizeof(sig));

		assert_true(parse(&p, text));
		assert_int_equal(p.key.payload_len, len);
		assert_memory_equal(p.key.payload, payload, len);
		assert_memory_equal(p.key.signature, sig, sizeof(sig));
		check_fields(&p.key, json_object_get(row, "fields"));
		if (p.key.version == 2 && !(p.key.flags & LICENSE_KEY_BOUND)) {
			check_encode(&p.key, text);
			encoded++;
		}
	}
	assert_int_equal(encoded, 4);
}

static void
variants_are_accepted(void **state)
{
	struct parsed	 p;
	json_t		*row, *keys;
	size_t		 i;

	keys = json_object_get(json_object_get(vectors, "accept"), "keys");
	assert_int_equal(json_array_size(keys), 2);
	json_array_foreach(keys, i, row) {
		assert_true(parse(&p, vectors_text(row, "key")));
		assert_true(keyring_verify(ring, &p.key));
	}
}

static void
bad_keys_are_refused(void **state)
{
	struct parsed	 p;
	json_t		*row, *keys;
	const char	*reason;
	size_t		 i;
	bool		 form;

	keys = json_object_get(json_object_get(vectors, "reject"), "keys");
	assert_true(json_array_size(keys) >= 19);
	json_array_foreach(keys, i, row) {
		reason = vectors_text(row, "validateReason");
		form = strcmp(reason, "bad_signature") == 0;
		if (!form)
			assert_string_equal(reason, "bad_format");
		print_message("%s: %s\n", vectors_text(row, "name"), reason);
		assert_int_equal(parse(&p, vectors_text(row, "key")), form);
		if (form)
			assert_false(keyring_verify(ring, &p.key));
	}
}

static const char *
sample_key(void)
{
	return (vectors_text(json_object_get(json_object_get(json_object_get(
	    vectors, "signing"), "vectors"), "v2_paid_two_entitlements"),
	    "licenseKey"));
}

/* Any other digit anywhere: refused by form or by signature, never good. */
static void
every_changed_character_is_noticed(void **state)
{
	struct parsed	p;
	char		text[512];
	size_t		i, len;

	len = (size_t)snprintf(text, sizeof(text), "%s", sample_key());
	for (i = 0; i < len; i++) {
		(void)snprintf(text, sizeof(text), "%s", sample_key());
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (parse(&p, text))
			assert_false(keyring_verify(ring, &p.key));
	}
	for (i = 0; i < len; i++) {
		(void)snprintf(text, sizeof(text), "%s", sample_key());
		text[i] = '\0';
		assert_false(parse(&p, text));
	}
}

static void
buffer_too_small_is_refused(void **state)
{
	const char		*text = sample_key();
	struct license_key	 key;
	uint8_t			*buf;
	size_t			 size, len = strlen(text);
	size_t			 want = 83 + 5 + 13 + 64;

	for (size = 0; size <= want; size++) {
		buf = malloc(size + (size == 0));
		assert_int_equal(license_key_parse(&key, text, len, buf, size),
		    size == want);
		free(buf);
	}
	assert_true(LICENSE_KEY_BUFFER(len) >= want);
}

static void
random_fields_come_back(void **state)
{
	struct license_key_fields	 f = { 0 };
	struct license_key		 key;
	static char			 slugs[255][256];
	const char			*list[255], *slug;
	static char			 text[LICENSE_KEY_TEXT_MAX + 1];
	static uint8_t			 buf[LICENSE_KEY_BUFFER(sizeof(text))];
	size_t				 i, n, len, offset;
	int				 round;

	for (round = 0; round < 200; round++) {
		randombytes_buf(&f, sizeof(f.product_id) +
		    sizeof(f.license_id) + 16);
		f.trial = randombytes_uniform(2) == 1;
		f.entitlements = list;
		f.entitlement_count = round == 0 ? 255 :
		    randombytes_uniform(256) / (1 + (uint32_t)round % 60);
		for (i = 0; i < f.entitlement_count; i++) {
			n = round == 0 ? 255 : randombytes_uniform(256);
			memset(slugs[i], 'a' + (int)(i % 26), n);
			slugs[i][n] = '\0';
			list[i] = slugs[i];
		}
		len = license_key_encode(&f, ring, text, sizeof(text));
		assert_int_equal(len + 1, license_key_size(&f));
		if (round == 0)
			assert_int_equal(len, LICENSE_KEY_TEXT_MAX);
		assert_true(license_key_parse(&key, text, len, buf,
		    LICENSE_KEY_BUFFER(len)));
		assert_true(keyring_verify(ring, &key));
		assert_memory_equal(key.product_id, f.product_id, 16);
		assert_memory_equal(key.license_id, f.license_id, 16);
		assert_true(key.issued_at == f.issued_at);
		assert_true(key.expires_at == f.expires_at);
		assert_int_equal(key.flags, f.trial ? LICENSE_KEY_TRIAL : 0);
		assert_int_equal(key.entitlement_count, f.entitlement_count);
		for (i = 0, offset = 0; license_key_entitlement(&key, &offset,
		    &slug, &n); i++) {
			assert_int_equal(n, strlen(list[i]));
			assert_memory_equal(slug, list[i], n);
		}
		assert_int_equal(i, f.entitlement_count);
	}
}

static void
what_cannot_be_encoded_is_refused(void **state)
{
	struct license_key_fields	 f = { 0 };
	const char			*list[256];
	char				 slug[257], out[4096];
	size_t				 i;

	for (i = 0; i < 256; i++)
		list[i] = "x";
	f.entitlements = list;
	f.entitlement_count = 255;
	assert_int_not_equal(license_key_size(&f), 0);
	f.entitlement_count = 256;
	assert_int_equal(license_key_size(&f), 0);
	assert_int_equal(license_key_encode(&f, ring, out, sizeof(out)), 0);

	f.entitlement_count = 1;
	memset(slug, 's', 256);
	slug[256] = '\0';
	list[0] = slug;
	assert_int_equal(license_key_size(&f), 0);
	assert_int_equal(license_key_encode(&f, ring, out, sizeof(out)), 0);
	slug[255] = '\0';
	assert_int_not_equal(license_key_size(&f), 0);
	list[0] = "\xff";
	assert_int_equal(license_key_size(&f), 0);
}

/* Neither passes for the other, whatever its prefix is changed to. */
static void
activations_are_no_keys(void **state)
{
	struct license_key_fields	 f = { .expires_at = 1800000000 };
	static const char *const	 list[] = { "pro" };
	struct parsed			 p;
	uint8_t				 hash[32], said[512];
	uint8_t				 public_key[32];
	char				 text[1024], key[1024];
	size_t				 len;

	license_key_fingerprint("attic", 5, hash);
	f.entitlements = list;
	f.entitlement_count = 1;
	f.fingerprint_hash = hash;
	len = license_key_encode(&f, ring, text, sizeof(text));
	assert_int_equal(len + 1, license_key_size(&f));
	assert_int_equal(license_key_encode(&f, ring, key, len), 0);
	assert_memory_equal(text, "LICA1-", 6);
	assert_false(parse(&p, text));

	(void)snprintf(key, sizeof(key), "LIC1-%s", text + 6);
	assert_true(parse(&p, key));
	assert_true(license_key_bound_to(&p.key, hash));
	assert_true(p.key.expires_at == f.expires_at);
	assert_false(keyring_verify(ring, &p.key));
	len = sizeof(LICENSE_ACTIVATION_SAYS) - 1;
	memcpy(said, LICENSE_ACTIVATION_SAYS, len);
	memcpy(said + len, p.key.payload, p.key.payload_len);
	(void)keyring_active(ring, public_key);
	assert_int_equal(crypto_sign_verify_detached(p.key.signature, said,
	    len + p.key.payload_len, public_key), 0);
}

static void
fingerprints_hash_as_published(void **state)
{
	json_t		*row;
	const char	*raw;
	uint8_t		 hash[32], want[32];
	size_t		 i;

	json_array_foreach(json_object_get(vectors, "fingerprint"), i, row) {
		raw = vectors_text(row, "raw");
		license_key_fingerprint(raw, strlen(raw), hash);
		assert_int_equal(vectors_hex(vectors_text(row, "sha256Hex"),
		    want, sizeof(want)), sizeof(want));
		assert_memory_equal(hash, want, sizeof(want));
	}
	assert_int_equal(i, 5);
}

static int
setup(void **state)
{
	uint8_t	seed[32];

	if ((vectors = vectors_load()) == NULL || vectors_hex(vectors_text(
	    json_object_get(vectors, "signing"), "seedHex"), seed,
	    sizeof(seed)) != sizeof(seed))
		return (1);
	ring = ring_make(seed);

	return (0);
}

static int
teardown(void **state)
{
	keyring_free(ring);
	json_decref(vectors);

	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_keys_parse_and_verify),
		cmocka_unit_test(signing_vectors_come_out_the_same),
		cmocka_unit_test(variants_are_accepted),
		cmocka_unit_test(bad_keys_are_refused),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(buffer_too_small_is_refused),
		cmocka_unit_test(random_fields_come_back),
		cmocka_unit_test(what_cannot_be_encoded_is_refused),
		cmocka_unit_test(activations_are_no_keys),
		cmocka_unit_test(fingerprints_hash_as_published),
	};

	if (sodium_init() < 0)
		return (1);

	return (cmocka_run_group_tests(tests, setup, teardown));
}
