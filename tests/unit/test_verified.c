/* crypto/verified: remembers good keys, and only those. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/license_key.h"
#include "crypto/verified.h"

#include "ring.h"

#include <sodium.h>

struct sample {
	struct license_key	key;
	uint8_t			buf[256];
};

static struct keyring	*ring, *stranger;

static void
issue(struct sample *s, const struct keyring *by, uint64_t issued_at)
{
	struct license_key_fields	f = { .issued_at = issued_at };
	char				text[256];
	size_t				len;

	len = license_key_encode(&f, by, text, sizeof(text));
	assert_true(license_key_parse(&s->key, text, len, s->buf,
	    sizeof(s->buf)));
}

/*
 * The stranger's ring does not know our keys: what it accepts is remembered.
 * That is no way to use the memory, but shows what is in it.
 */
static void
good_keys_are_remembered(void **state)
{
	struct verified	*v = verified_new(4);
	struct sample	 s;

	issue(&s, ring, 1);
	assert_false(verified_check(v, stranger, &s.key));
	assert_true(verified_check(v, ring, &s.key));
	assert_true(verified_check(v, stranger, &s.key));
	assert_true(verified_check(v, ring, &s.key));
	verified_free(v);
}

static void
bad_keys_are_not_remembered(void **state)
{
	struct verified	*v = verified_new(4);
	struct sample	 s;
	int		 i;

	issue(&s, stranger, 1);
	for (i = 0; i < 3; i++)
		assert_false(verified_check(v, ring, &s.key));
	verified_free(v);
}

static void
every_bit_counts(void **state)
{
	struct verified	*v = verified_new(4);
	struct sample	 s;
	size_t		 bit, bits;

	issue(&s, ring, 1);
	assert_true(verified_check(v, ring, &s.key));
	bits = (s.key.payload_len + LICENSE_KEY_SIGNATURE_LEN) * 8;
	for (bit = 0; bit < bits; bit++) {
		s.buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(verified_check(v, ring, &s.key));
		s.buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(verified_check(v, ring, &s.key));
	verified_free(v);
}

/* More keys than fit: some are forgotten, none is judged wrongly. */
static void
forgetting_does_no_harm(void **state)
{
	struct verified	*v = verified_new(2);
	struct sample	 good, bad;
	uint64_t	 i;

	for (i = 0; i < 50; i++) {
		issue(&good, ring, i % 5);
		issue(&bad, stranger, i % 5);
		assert_true(verified_check(v, ring, &good.key));
		assert_false(verified_check(v, ring, &bad.key));
	}
	verified_free(v);
}

/* One set of four: all stay, and a fifth takes the place of one. */
static void
a_set_holds_four(void **state)
{
	struct verified	*v = verified_new(2);
	struct sample	 s[5];
	int		 i, known = 0;

	for (i = 0; i < 5; i++)
		issue(&s[i], ring, (uint64_t)i);
	for (i = 0; i < 4; i++)
		assert_true(verified_check(v, ring, &s[i].key));
	for (i = 0; i < 4; i++)
		assert_true(verified_check(v, stranger, &s[i].key));
	assert_true(verified_check(v, ring, &s[4].key));
	assert_true(verified_check(v, stranger, &s[4].key));
	for (i = 0; i < 4; i++)
		known += verified_check(v, stranger, &s[i].key);
	assert_int_equal(known, 3);
	verified_free(v);
	verified_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_keys_are_remembered),
		cmocka_unit_test(bad_keys_are_not_remembered),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(forgetting_does_no_harm),
		cmocka_unit_test(a_set_holds_four),
	};
	int	failed;

	if (sodium_init() < 0)
		return (1);
	ring = ring_make(NULL);
	stranger = ring_make(NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	keyring_free(ring);
	keyring_free(stranger);

	return (failed);
}
