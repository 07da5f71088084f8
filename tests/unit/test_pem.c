/* crypto/pem: the two private forms in, the public form out and in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/pem.h"

#include "vectors.h"

#include <stdlib.h>

#define BEGIN	"-----BEGIN PRIVATE KEY-----"
#define END	"-----END PRIVATE KEY-----"

static json_t	*signing;
static uint8_t	 want_seed[32];

static bool
reads(const char *text, size_t len, uint8_t seed[32])
{
	char	*exact = malloc(len + (len == 0));
	bool	 ok;

	memcpy(exact, text, len);
	ok = pem_private_read(exact, len, seed);
	free(exact);

	return (ok);
}

static bool
reads_seed(const char *text)
{
	uint8_t	seed[32], zero[32] = { 0 };

	if (reads(text, strlen(text), seed)) {
		assert_memory_equal(seed, want_seed, 32);
		return (true);
	}
	assert_memory_equal(seed, zero, 32);

	return (false);
}

/* PEM around these bytes, in lines of 64. */
static void
wrap(char *text, size_t size, const uint8_t *der, size_t len)
{
	char	base64[1024];
	size_t	at;

	sodium_bin2base64(base64, sizeof(base64), der, len,
	    sodium_base64_VARIANT_ORIGINAL);
	at = (size_t)snprintf(text, size, BEGIN "\n");
	for (len = 0; len < strlen(base64); len += 64)
		at += (size_t)snprintf(text + at, size - at, "%.64s\n",
		    base64 + len);
	(void)snprintf(text + at, size - at, END "\n");
}

static size_t
unwrap(const char *name, uint8_t der[128])
{
	const char	*text = vectors_text(signing, name);
	size_t		 len = 0;

	assert_int_equal(sodium_base642bin(der, 128, text + strlen(BEGIN),
	    strlen(text) - strlen(BEGIN) - strlen(END) - 1, "\n", &len, NULL,
	    sodium_base64_VARIANT_ORIGINAL), 0);

	return (len);
}

static void
public_key_comes_out_as_published(void **state)
{
	uint8_t	pk[32];
	char	pem[PEM_PUBLIC_SIZE];

	assert_int_equal(vectors_hex(vectors_text(signing,
	    "publicKeyRawHex"), pk, sizeof(pk)), sizeof(pk));
	pem_public_write(pk, pem);
	assert_string_equal(pem, vectors_text(signing, "publicKeyPem"));
	assert_int_equal(strlen(pem), PEM_PUBLIC_SIZE - 1);
}

static void
both_private_forms_are_read(void **state)
{
	assert_true(reads_seed(vectors_text(signing, "privateKeyPkcs8V1Pem")));
	assert_true(reads_seed(vectors_text(signing, "privateKeyPkcs8V2Pem")));
}

static void
line_ends_and_margins(void **state)
{
	static const struct {
		const char	*text;
		bool		 ok;
	} rows[] = {
#define BODY	"MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
		{ BEGIN "\n" BODY "\n" END, true },
		{ BEGIN "\r\n" BODY "\r\n" END "\r\n", true },
		{ " \t\n" BEGIN "\n" BODY "\n" END "\n \n", true },
		{ "x" BEGIN "\n" BODY "\n" END "\n", false },
		{ BEGIN "\n" BODY "\n" END "\nx", false },
		{ BEGIN BODY END, false },
		{ BEGIN "\n" BODY END, false },
		{ BEGIN BODY "\n" END, false },
		{ BEGIN "\n" BODY "=\n" END, false },
		{ BEGIN "\n" BODY " \n" END, false },
		{ BEGIN "\n" BODY BODY "\n" END, false },
		{ BEGIN "\n" BODY "\n" BODY BODY BODY "\n" END, false },
		{ BEGIN "\n\n" END, false },
		{ BEGIN "\n" END, false },
		{ BEGIN END, false },
		{ BEGIN, false },
		{ "", false },
		{ "-----BEGIN PUBLIC KEY-----\n" BODY
		    "\n-----END PUBLIC KEY-----\n", false },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(reads_seed(rows[i].text), rows[i].ok);
}

/* Only the seed may differ, and in version 2 its public key must follow. */
static void
every_changed_byte_of_der(void **state)
{
	static const char	*names[] = { "privateKeyPkcs8V1Pem",
	    "privateKeyPkcs8V2Pem" };
	uint8_t			 der[128], seed[32];
	char			 text[512];
	size_t			 i, len, at;
	bool			 free_byte;

	for (i = 0; i < 2; i++) {
		len = unwrap(names[i], der);
		assert_int_equal(len, i == 0 ? 48 : 83);
		for (at = 0; at < len; at++) {
			der[at] ^= 0x01;
			wrap(text, sizeof(text), der, len);
			free_byte = i == 0 && at >= 16;
			assert_int_equal(reads(text, strlen(text), seed),
			    free_byte);
			der[at] ^= 0x01;
		}
		for (at = 0; at < len; at++) {
			wrap(text, sizeof(text), der, at);
			assert_false(reads(text, strlen(text), seed));
		}
		der[len] = 0;
		wrap(text, sizeof(text), der, len + 1);
		assert_false(reads(text, strlen(text), seed));
	}
}

static void
every_cut_text_is_refused(void **state)
{
	const char	*text = vectors_text(signing, "privateKeyPkcs8V2Pem");
	uint8_t		 seed[32];
	size_t		 cut, len = strlen(text) - 1;	/* last newline */

	for (cut = 0; cut < len; cut++)
		assert_false(reads(text, cut, seed));
}

static void
public_key_comes_back(void **state)
{
	char	text[PEM_PUBLIC_SIZE], odd[2 * PEM_PUBLIC_SIZE];
	uint8_t	want[32], got[32];
	size_t	i, n = 0, len;

	pem_seed_public(want_seed, want);
	pem_public_write(want, text);
	len = strlen(text);
	assert_true(pem_public_read(text, len, got));
	assert_memory_equal(got, want, 32);

	/* In one line, with margins, as an environment file may have it. */
	n = (size_t)snprintf(odd, sizeof(odd), "  %s\r\n", text);
	for (i = 2; i < n; i++)
		odd[i] = odd[i] == '\n' ? ' ' : odd[i];
	assert_true(pem_public_read(odd, n, got));
	assert_memory_equal(got, want, 32);

	for (i = 0; i + 1 < len; i++)
		assert_false(pem_public_read(text, i, got));
	for (i = 0; i < len; i++) {
		if (i >= 43 && i < 86)
			continue;	/* the key: any 32 bytes are one */
		(void)snprintf(odd, sizeof(odd), "%s", text);
		if (odd[i] == '\n')
			continue;
		odd[i] = odd[i] == 'A' ? 'B' : 'A';
		assert_false(pem_public_read(odd, len, got));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_key_comes_out_as_published),
		cmocka_unit_test(both_private_forms_are_read),
		cmocka_unit_test(line_ends_and_margins),
		cmocka_unit_test(every_changed_byte_of_der),
		cmocka_unit_test(every_cut_text_is_refused),
		cmocka_unit_test(public_key_comes_back),
	};
	json_t	*vectors;
	int	 failed;

	if (sodium_init() < 0 || (vectors = vectors_load()) == NULL)
		return (1);
	signing = json_object_get(vectors, "signing");
	if (vectors_hex(vectors_text(signing, "seedHex"), want_seed,
	    sizeof(want_seed)) != sizeof(want_seed))
		return (1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(vectors);

	return (failed);
}
