/* domain/selflicense: what a key for this server itself says, or why not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "domain/selflicense.h"

#include "crypto/license_key.h"
#include "crypto/pem.h"

#include "ring.h"

#include <sodium.h>

static const uint8_t	seed[32] = { 7 };
static uint8_t		root[32];
static struct keyring	*ring;

static const struct license_key_fields	usual = {
	.product_id = { 0xaa, 1 },
	.license_id = { 0xbb, 2 },
	.issued_at = 1700000000,
};

/* The caller frees. */
static char *
make(uint64_t expires_at, const char *const *slugs, size_t n)
{
	struct license_key_fields	 f = usual;
	size_t				 size;
	char				*key;

	f.expires_at = expires_at;
	f.entitlements = slugs;
	f.entitlement_count = n;
	size = license_key_size(&f);
	key = malloc(size);
	assert_true(license_key_encode(&f, ring, key, size) > 0);
	return (key);
}

static void
is_refused(const char *key, const char *fault)
{
	json_t	*v = selflicense_judge(key);

	assert_string_equal(json_text(v, "fault"), fault);
	assert_int_equal(json_object_size(v), 1);
	json_decref(v);
}

static json_int_t
expiry(uint64_t expires_at)
{
	char		*key = make(expires_at, NULL, 0);
	json_t		*v = selflicense_judge(key), *e;
	json_int_t	 got;

	assert_true(json_is_null(json_object_get(v, "fault")));
	e = json_object_get(v, "expires_at");
	got = json_is_null(e) ? -1 : json_integer_value(e);
	json_decref(v);
	free(key);
	return (got);
}

static void
what_a_good_key_says(void **state)
{
	const char	*slugs[] = { "patron", "", "\xc3\xa9" };
	char		*key = make(0, slugs, 3);
	json_t		*v, *list;

	selflicense_trust(root);
	v = selflicense_judge(key);
	assert_string_equal(json_text(v, "product_id"),
	    "aa010000-0000-0000-0000-000000000000");
	assert_string_equal(json_text(v, "license_id"),
	    "bb020000-0000-0000-0000-000000000000");
	list = json_object_get(v, "entitlements");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_array_get(list, 0)),
	    "patron");
	assert_string_equal(json_string_value(json_array_get(list, 2)),
	    "\xc3\xa9");
	json_decref(v);
	free(key);
}

static void
times_a_database_can_hold(void **state)
{
	selflicense_trust(root);
	assert_true(expiry(0) == -1);
	assert_true(expiry(1) == 1);
	assert_true(expiry(1800000000) == 1800000000);
	assert_true(expiry(UINT64_MAX) == 253402300799);
}

static void
what_is_no_key(void **state)
{
	selflicense_trust(root);
	is_refused("", "bad_format");
	is_refused("LIC1-", "bad_format");
	is_refused("LIC1-AAAA-BBBB", "bad_format");
}

static void
who_did_not_sign_it(void **state)
{
	uint8_t	 other[32];
	char	*key = make(0, NULL, 0);
	char	 first = key[5];

	memcpy(other, root, sizeof(other));
	other[0] ^= 1;
	selflicense_trust(other);
	is_refused(key, "bad_signature");
	selflicense_trust(NULL);
	is_refused(key, "bad_signature");
	assert_null(selflicense_root());
	selflicense_trust(root);
	assert_int_equal(strlen(selflicense_root()), 64);
	/* Another version byte: no form that is known. */
	key[5] = first == 'A' ? 'B' : 'A';
	key[6] = 'Q';
	is_refused(key, "bad_format");
	free(key);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(what_a_good_key_says),
		cmocka_unit_test(times_a_database_can_hold),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(who_did_not_sign_it),
	};
	int	failed;

	if (sodium_init() < 0)
		return (1);
	pem_seed_public(seed, root);
	ring = ring_make(seed);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	keyring_free(ring);
	return (failed);
}
