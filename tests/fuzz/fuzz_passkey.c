/*
 * Any bytes as what a browser says of a passkey (J), as a new passkey's data
 * (N) and as what one signed (S): what is taken is of this site, within
 * bounds, and signed; what is refused is refused with a sentence.
 */
#include "crypto/passkey.h"

#include "crypto/sha256.h"

#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct passkey_site	site;

static void
read_client(const uint8_t *data, size_t size)
{
	char		 challenge[TOKEN_SIZE];
	const char	*why;

	why = passkey_client_check(data, size, PASSKEY_GET, &site, challenge);
	REQUIRE(strlen(challenge) == (why == NULL ? TOKEN_LEN : 0));
	REQUIRE(why == NULL || *why != '\0');
}

/* The site's hash is put in front: no fuzzer finds that. */
static uint8_t *
of_site(const uint8_t *data, size_t size)
{
	uint8_t	*whole = malloc(SHA256_LEN + size + 1);

	sha256(site.id, strlen(site.id), whole);
	memcpy(whole + SHA256_LEN, data, size);
	return (whole);
}

static void
read_made(const uint8_t *data, size_t size)
{
	struct passkey_made	 m;
	uint8_t			*whole = of_site(data, size);
	const char		*why;

	why = passkey_made_read(whole, SHA256_LEN + size, &site, &m);
	if (why == NULL) {
		REQUIRE(m.id_len >= PASSKEY_ID_MIN);
		REQUIRE(m.id_len <= PASSKEY_ID_MAX);
		REQUIRE(m.key.algorithm == PASSKEY_ES256 ? m.key.len == 64 :
		    m.key.algorithm == PASSKEY_EDDSA && m.key.len == 32);
		REQUIRE(data[0] & 1);
		REQUIRE(m.verified == ((data[0] & 4) != 0));
	} else {
		REQUIRE(*why != '\0');
	}
	free(whole);
}

/* Nobody's key signed it. */
static void
read_signed(const uint8_t *data, size_t size)
{
	struct passkey_key	 k = { .algorithm = PASSKEY_EDDSA, .len = 32,
				    .bytes = { 1, 2, 3 } };
	uint8_t			*whole = of_site(data, size);
	struct passkey_signed	 p = { "{}", 2, whole, SHA256_LEN + size,
				    data, size < 80 ? size : 80 };
	uint32_t		 count;

	REQUIRE(passkey_signed_check(&p, &k, &site, true, &count) != NULL);
	REQUIRE(count == 0);
	free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return (0);
	REQUIRE(passkey_site("https://licet.example", &site));
	if (*data == 'J')
		read_client(data + 1, size - 1);
	else if (*data == 'N')
		read_made(data + 1, size - 1);
	else
		read_signed(data + 1, size - 1);

	return (0);
}
