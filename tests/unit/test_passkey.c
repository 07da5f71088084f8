/*
 * crypto/passkey: where browsers have passkeys; one that Chromium's virtual
 * authenticator made (ES256), one by libsodium (EdDSA), and each way in which
 * what comes can be wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/passkey.h"

#include "base/text.h"
#include "crypto/sha256.h"

#include <sodium.h>

#include <stdlib.h>
#include <string.h>

#define HERE		"http://localhost:39167"
#define CHALLENGE	"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define SITE		"49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763"
#define ID		"491a0dcaaf0e29c489e7b179da1bb52c949a0956770549d995575b7d72d32136"
#define X		"b33d3c8221504ff3933f74b9d79edd73a62b10acfb74f55cc870f716dfecab30"
#define Y		"2734b08cd035235ce7ee5f3c481fce38472d8ec533614a98995859d955ea7935"
#define NONE		"00000000000000000000000000000000"
#define MADE		SITE "4500000001" NONE "0020" ID
#define ES256		"a5010203262001215820" X "225820" Y
#define SIGNED		SITE "0500000002"
#define SIGNATURE							\
	"3045022100fd5605a5873c095efb30c2ecab0769e22a38eff2aadd773192889276f9f5"	\
	"dc2d02203b23b0425bf3c049d1aefb9cb1032a55ad484fabb88a577f1c5c2d62ee635487"
#define CLIENT(type, challenge, origin, more)				\
	"{\"type\":\"" type "\",\"challenge\":\"" challenge "\","	\
	"\"origin\":\"" origin "\"" more "}"
#define GOOD		CLIENT("webauthn.get", CHALLENGE, HERE, ",\"crossOrigin\":false")

static struct passkey_site	here;

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t	n = 0;

	for (; *hex != '\0'; hex += 2)
		out[n++] = (uint8_t)(text_hex_value(hex[0]) << 4 |
		    text_hex_value(hex[1]));
	return (n);
}

static void
sites(void **state)
{
	static const struct {
		const char	*url, *id, *origin;
	} rows[] = {
		{ "https://licet.example", "licet.example", "https://licet.example" },
		{ "https://Licet.Example/a/b", "licet.example", "https://licet.example" },
		{ "HTTPS://licet.example:443/", "licet.example", "https://licet.example" },
		{ "https://licet.example:4433", "licet.example", "https://licet.example:4433" },
		{ "https://licet.example:44", "licet.example", "https://licet.example:44" },
		{ "https://licet.example:80", "licet.example", "https://licet.example:80" },
		{ "http://localhost", "localhost", "http://localhost" },
		{ "http://localhost:80", "localhost", "http://localhost" },
		{ "http://localhost:8080/x", "localhost", "http://localhost:8080" },
		{ "http://a.localhost:1", "a.localhost", "http://a.localhost:1" },
		{ "https://3com.4x", "3com.4x", "https://3com.4x" },
		{ "http://licet.example", NULL, NULL },
		{ "http://notlocalhost", NULL, NULL },
		{ "https://127.0.0.1", NULL, NULL },
		{ "http://127.0.0.1:8080", NULL, NULL },
		{ "https://[::1]:8080", NULL, NULL },
		{ "https://2130706433", NULL, NULL },
		{ "https://", NULL, NULL },
		{ "https://a@licet.example", NULL, NULL },
		{ "https://licet.example:", NULL, NULL },
		{ "https://licet.example:99x", NULL, NULL },
		{ "https://licet.example:123456", NULL, NULL },
		{ "https://l\xc3\xad" "cet.example", NULL, NULL },
		{ "ftp://licet.example", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct passkey_site	s;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(passkey_site(rows[i].url, &s),
		    rows[i].id != NULL);
		if (rows[i].id == NULL)
			continue;
		assert_string_equal(s.id, rows[i].id);
		assert_string_equal(s.origin, rows[i].origin);
	}
}

static void
clients(void **state)
{
	static const struct {
		const char	*json, *why;
	} rows[] = {
		{ GOOD, NULL },
		{ CLIENT("webauthn.get", CHALLENGE, HERE, ""), NULL },
		{ CLIENT("webauthn.get", CHALLENGE, HERE, ",\"new\":{\"a\":[1]}"), NULL },
		{ CLIENT("webauthn.create", CHALLENGE, HERE, ""), "not what was asked" },
		{ CLIENT("", CHALLENGE, HERE, ""), "not what was asked" },
		{ CLIENT("webauthn.get", CHALLENGE, "http://localhost", ""), "another address" },
		{ CLIENT("webauthn.get", CHALLENGE, "https://localhost:39167", ""),
		    "another address" },
		{ CLIENT("webauthn.get", CHALLENGE, HERE ".evil.example", ""), "another address" },
		{ CLIENT("webauthn.get", CHALLENGE, "", ""), "another address" },
		{ CLIENT("webauthn.get", CHALLENGE, HERE, ",\"crossOrigin\":true"),
		    "another site's page" },
		{ CLIENT("webauthn.get", CHALLENGE, HERE, ",\"topOrigin\":\"" HERE "\""),
		    "another site's page" },
		{ CLIENT("webauthn.get", CHALLENGE "A", HERE, ""), "another request" },
		{ CLIENT("webauthn.get", "", HERE, ""), "another request" },
		{ CLIENT("webauthn.get", CHALLENGE, HERE, ",\"type\":\"webauthn.get\""),
		    "can't be read" },
		{ GOOD "x", "can't be read" },
		{ "{\"type\":\"webauthn.get\"}", "another address" },
		{ "[]", "not what was asked" },
		{ "{", "can't be read" },
		{ "", "can't be read" },
	};
	char		 challenge[TOKEN_SIZE];
	const char	*why;
	size_t		 i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why = passkey_client_check(rows[i].json, strlen(rows[i].json),
		    PASSKEY_GET, &here, challenge);
		if (rows[i].why == NULL) {
			assert_null(why);
			assert_string_equal(challenge, CHALLENGE);
		} else {
			assert_non_null(why);
			assert_non_null(strstr(why, rows[i].why));
			assert_string_equal(challenge, "");
		}
	}
	assert_null(passkey_client_check(rows[3].json, strlen(rows[3].json),
	    PASSKEY_CREATE, &here, challenge));
}

/* ---- a new one ---- */

static const char *
made(const char *hex, struct passkey_made *m)
{
	uint8_t	data[1024];
	size_t	len = unhex(hex, data);
	uint8_t	*exact = malloc(len + 1);
	const char *why;

	memcpy(exact, data, len);
	why = passkey_made_read(exact, len, &here, m);
	free(exact);
	return (why);
}

static const struct {
	const char	*hex, *why;
}	new_ones[] = {
	{ MADE ES256, NULL },
	{ SITE "c500000001" NONE "0020" ID ES256 "a16b6372656450726f7465637402",
	    NULL },
	/* Another site; nobody there; an id too short. */
	{ "50960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763"
	    "4500000001" NONE "0020" ID ES256, "another site" },
	{ SITE "4400000001" NONE "0020" ID ES256, "Nobody" },
	{ SITE "4500000001" NONE "0004" "01020304" ES256, "no known length" },
	/* P-384; RSA; two points that are none. */
	{ MADE "a501020338222002215820" X "225820" Y, "neither" },
	{ MADE "a30103033901002043010001", "neither" },
	{ MADE "a0", "neither" },
	{ MADE "a5010203262001215820" X "225820" X, "none of its algorithm" },
	/* No credential; a key that isn't there or doesn't end; more than it. */
	{ SITE "0500000001", "can't be read" },
	{ SITE "0500000001" NONE "0020" ID ES256, "can't be read" },
	{ SITE "4500000001", "can't be read" },
	{ SITE "4500000001" NONE "ffff" ID ES256, "can't be read" },
	{ MADE, "can't be read" },
	{ MADE ES256 "00", "can't be read" },
	{ MADE ES256 "a0", "can't be read" },
	{ SITE "c500000001" NONE "0020" ID ES256, "can't be read" },
	{ MADE "ff", "can't be read" },
	{ MADE "bf5f5f5f5f5f5f5fff", "can't be read" },
	/* Lengths that promise gigabytes. */
	{ MADE "9a68686868686868", "can't be read" },
	{ MADE "bb7fffffffffffffff01", "can't be read" },
	{ MADE "5affffffff00", "can't be read" },
};

static void
news(void **state)
{
	struct passkey_made	 m;
	char			 whole[2 * 1024];
	uint8_t			 id[32], key[64];
	const char		*why;
	size_t			 i;

	for (i = 0; i < sizeof(new_ones) / sizeof(new_ones[0]); i++) {
		why = made(new_ones[i].hex, &m);
		if (new_ones[i].why == NULL)
			assert_null(why);
		else if (why == NULL || strstr(why, new_ones[i].why) == NULL)
			fail_msg("row %zu: %s", i, why);
	}
	assert_null(made(new_ones[0].hex, &m));
	assert_int_equal(m.id_len, unhex(ID, id));
	assert_memory_equal(m.id, id, sizeof(id));
	assert_int_equal(m.key.algorithm, PASSKEY_ES256);
	assert_int_equal(m.key.len, unhex(X Y, key));
	assert_memory_equal(m.key.bytes, key, sizeof(key));
	assert_int_equal(m.sign_count, 1);
	assert_true(m.verified);
	assert_null(made(SITE "4100000000" NONE "0020" ID ES256, &m));
	assert_false(m.verified);
	for (i = 0; i < strlen(new_ones[0].hex); i += 2) {
		memcpy(whole, new_ones[0].hex, i);
		whole[i] = '\0';
		assert_non_null(made(whole, &m));
	}
}

/* ---- one that signs ---- */

struct signing {
	uint8_t			data[256], signature[128];
	struct passkey_signed	p;
	struct passkey_key	key;
};

static void
chromium(struct signing *s)
{
	memset(s, 0, sizeof(*s));
	s->p.client = GOOD;
	s->p.client_len = strlen(GOOD);
	s->p.data = s->data;
	s->p.data_len = unhex(SIGNED, s->data);
	s->p.signature = s->signature;
	s->p.signature_len = unhex(SIGNATURE, s->signature);
	s->key.algorithm = PASSKEY_ES256;
	s->key.len = unhex(X Y, s->key.bytes);
}

static bool
says(const struct signing *s, bool verified, const char *why)
{
	uint32_t	 count = 99;
	const char	*said;

	said = passkey_signed_check(&s->p, &s->key, &here, verified, &count);
	if (why != NULL)
		return (said != NULL && strstr(said, why) != NULL &&
		    count == 0);
	return (said == NULL && count == 2);
}

static void
signatures(void **state)
{
	struct signing	s;
	size_t		i;

	chromium(&s);
	assert_true(says(&s, true, NULL));
	assert_true(says(&s, false, NULL));
	for (i = 0; i < s.p.signature_len; i++) {
		chromium(&s);
		s.signature[i] ^= 1;
		assert_true(says(&s, true, "signature is wrong"));
		chromium(&s);
		s.p.signature_len = i;
		assert_false(says(&s, true, NULL));
	}
	for (i = 0; i < s.p.data_len; i++) {
		chromium(&s);
		s.data[i] ^= 1;
		assert_false(says(&s, true, NULL));
		chromium(&s);
		s.p.data_len = i;
		assert_false(says(&s, true, NULL));
	}
	for (i = 0; i < s.key.len; i++) {
		chromium(&s);
		s.key.bytes[i] ^= 1;
		assert_true(says(&s, true, "signature is wrong"));
	}
	chromium(&s);
	s.p.client_len--;
	assert_true(says(&s, true, "signature is wrong"));
	chromium(&s);
	s.key.algorithm = PASSKEY_EDDSA;
	s.key.len = 32;
	assert_true(says(&s, true, "signature is wrong"));
	chromium(&s);
	s.key.algorithm = -257;
	assert_true(says(&s, true, "signature is wrong"));
}

/* With another flag byte or site, signed all the same. */
static void
sign(struct signing *s, const uint8_t secret[64])
{
	uint8_t	message[512];

	memcpy(message, s->data, s->p.data_len);
	sha256(s->p.client, s->p.client_len, message + s->p.data_len);
	crypto_sign_detached(s->signature, NULL, message,
	    s->p.data_len + SHA256_LEN, secret);
	s->p.signature_len = 64;
}

static void
eddsa(void **state)
{
	static const struct {
		const char	*data;
		bool		 verified;
		const char	*why;
	} rows[] = {
		{ SIGNED, true, NULL },
		{ SITE "0100000002", false, NULL },
		{ SITE "0100000002", true, "only after the password" },
		{ SITE "0400000002", true, "Nobody" },
		{ SITE "0000000002", false, "Nobody" },
		{ "50960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763"
		    "0500000002", true, "another site" },
		{ SITE "8500000002a16375766d80", true, NULL },
		{ SITE "8500000002a1", true, "can't be read" },
		{ SITE "8500000002b8979797979797979a68686868", true, "can't be read" },
		{ SITE "4500000002" NONE "0020" ID ES256, true, "can't be read" },
		{ SITE "050000000200", true, "can't be read" },
		{ SITE "8500000002", true, "can't be read" },
		{ SITE "05000000", true, "can't be read" },
	};
	uint8_t		secret[64];
	struct signing	s;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		chromium(&s);
		crypto_sign_keypair(s.key.bytes, secret);
		s.key.algorithm = PASSKEY_EDDSA;
		s.key.len = 32;
		s.p.data_len = unhex(rows[i].data, s.data);
		sign(&s, secret);
		if (!says(&s, rows[i].verified, rows[i].why))
			fail_msg("row %zu", i);
	}
}

static int
begin(void **state)
{
	return (sodium_init() < 0 || !passkey_site(HERE, &here));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites),
		cmocka_unit_test(clients),
		cmocka_unit_test(news),
		cmocka_unit_test(signatures),
		cmocka_unit_test(eddsa),
	};

	return (cmocka_run_group_tests(tests, begin, NULL));
}
