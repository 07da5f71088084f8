/* crypto/seal: opens where it was sealed, nowhere else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/seal.h"

#include "ring.h"

#include <sodium.h>

static struct keyring		*ring;
static const struct seal_place	 place = { "webhooks.secret", "row-1", 5 };

static void
every_length_comes_back(void **state)
{
	uint8_t	plain[100], *box, back[100];
	size_t	len, out_len;

	for (len = 0; len <= sizeof(plain); len++) {
		randombytes_buf(plain, len);
		box = malloc(len + SEAL_OVERHEAD);
		assert_int_equal(seal(ring, &place, plain, len, box),
		    len + SEAL_OVERHEAD);
		out_len = 999;
		assert_true(unseal(ring, &place, box, len + SEAL_OVERHEAD,
		    back, &out_len));
		assert_int_equal(out_len, len);
		assert_memory_equal(back, plain, len);
		free(box);
	}
}

static void
the_same_secret_seals_differently(void **state)
{
	uint8_t	a[6 + SEAL_OVERHEAD], b[6 + SEAL_OVERHEAD];

	(void)seal(ring, &place, "secret", 6, a);
	(void)seal(ring, &place, "secret", 6, b);
	assert_memory_not_equal(a + 1, b + 1, 24);
	assert_memory_not_equal(a + 25, b + 25, 6 + 16);
}

static void
altered_or_cut_is_refused(void **state)
{
	uint8_t	box[6 + SEAL_OVERHEAD], back[64];
	size_t	bit, len, out_len;

	(void)seal(ring, &place, "secret", 6, box);
	for (bit = 0; bit < sizeof(box) * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(unseal(ring, &place, box, sizeof(box), back,
		    &out_len));
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (len = 0; len < sizeof(box); len++)
		assert_false(unseal(ring, &place, box, len, back, &out_len));
	assert_true(unseal(ring, &place, box, sizeof(box), back, &out_len));
}

static void
moved_is_refused(void **state)
{
	static const struct seal_place	others[] = {
		{ "webhooks.secret", "row-2", 5 },
		{ "webhooks.secret", "row-1", 4 },
		{ "webhooks.secret", NULL, 0 },
		{ "providers.secret", "row-1", 5 },
	};
	struct keyring	*stranger = ring_make(NULL);
	uint8_t		 box[6 + SEAL_OVERHEAD], back[64];
	size_t		 i, out_len;

	(void)seal(ring, &place, "secret", 6, box);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(unseal(ring, &others[i], box, sizeof(box), back,
		    &out_len));
	assert_false(unseal(stranger, &place, box, sizeof(box), back,
	    &out_len));
	keyring_free(stranger);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(the_same_secret_seals_differently),
		cmocka_unit_test(altered_or_cut_is_refused),
		cmocka_unit_test(moved_is_refused),
	};
	int	failed;

	if (sodium_init() < 0)
		return (1);
	ring = ring_make(NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	keyring_free(ring);

	return (failed);
}
