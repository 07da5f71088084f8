/*
 * Ed25519 PEM.  The DER around a key never varies, so reading it is comparing
 * it: lengths, object identifier and version must be these bytes.
 */
#include "crypto/pem.h"

#include <sodium.h>

#include <string.h>

#define SEED_LEN	32
#define PUBLIC_LEN	32
#define DER_MAX		128	/* more than either form's 48 and 83 */

#define PUBLIC_BEGIN	"-----BEGIN PUBLIC KEY-----"
#define PUBLIC_END	"-----END PUBLIC KEY-----"
#define PRIVATE_BEGIN	"-----BEGIN PRIVATE KEY-----"
#define PRIVATE_END	"-----END PRIVATE KEY-----"

/* SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING (no unused bits) } */
static const uint8_t	public_der[] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
	0x03, 0x21, 0x00,
};

/* SEQUENCE { 0, SEQUENCE { 1.3.101.112 }, OCTET STRING { OCTET STRING } } */
static const uint8_t	private_v1_der[] = {
	0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
	0x04, 0x22, 0x04, 0x20,
};

/* The same with version 1 and, behind the seed, [1] the public key. */
static const uint8_t	private_v2_der[] = {
	0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
	0x04, 0x22, 0x04, 0x20,
};
static const uint8_t	private_v2_public_der[] = { 0x81, 0x21, 0x00 };

#define V1_LEN	(sizeof(private_v1_der) + SEED_LEN)
#define V2_LEN	(sizeof(private_v2_der) + SEED_LEN + \
		    sizeof(private_v2_public_der) + PUBLIC_LEN)

static bool	private_der_read(const uint8_t *der, size_t len,
		    uint8_t seed[32]);
static bool	public_matches(const uint8_t seed[32],
		    const uint8_t public_key[32]);
static size_t	trim(const char **text, size_t len);

void
pem_public_write(const uint8_t public_key[32], char out[114])
{
	uint8_t	der[sizeof(public_der) + PUBLIC_LEN];
	size_t	at = sizeof(PUBLIC_BEGIN "\n") - 1;

	memcpy(der, public_der, sizeof(public_der));
	memcpy(der + sizeof(public_der), public_key, PUBLIC_LEN);

	memcpy(out, PUBLIC_BEGIN "\n", at);
	sodium_bin2base64(out + at, PEM_PUBLIC_SIZE - at, der, sizeof(der),
	    sodium_base64_VARIANT_ORIGINAL);
	at += strlen(out + at);
	memcpy(out + at, "\n" PUBLIC_END "\n", sizeof("\n" PUBLIC_END "\n"));
}

bool
pem_public_read(const char *text, size_t len, uint8_t public_key[32])
{
	const size_t	begin = sizeof(PUBLIC_BEGIN) - 1;
	const size_t	end = sizeof(PUBLIC_END) - 1;
	uint8_t		der[DER_MAX];
	size_t		der_len;

	len = trim(&text, len);
	if (len < begin + end || memcmp(text, PUBLIC_BEGIN, begin) != 0 ||
	    memcmp(text + len - end, PUBLIC_END, end) != 0)
		return (false);
	if (sodium_base642bin(der, sizeof(der), text + begin, len - begin - end,
	    " \t\r\n", &der_len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    der_len != sizeof(public_der) + PUBLIC_LEN ||
	    memcmp(der, public_der, sizeof(public_der)) != 0)
		return (false);
	memcpy(public_key, der + sizeof(public_der), PUBLIC_LEN);

	return (true);
}

bool
pem_private_read(const char *text, size_t len, uint8_t seed[32])
{
	const size_t	begin = sizeof(PRIVATE_BEGIN) - 1;
	const size_t	end = sizeof(PRIVATE_END) - 1;
	uint8_t		der[DER_MAX];
	size_t		der_len;
	bool		ok;

	memset(seed, 0, SEED_LEN);
	len = trim(&text, len);
	if (len < begin + end || memcmp(text, PRIVATE_BEGIN, begin) != 0 ||
	    memcmp(text + len - end, PRIVATE_END, end) != 0)
		return (false);
	text += begin;
	len -= begin + end;

	/* Both labels have their line to themselves. */
	if (len < 2 || (text[0] != '\n' && text[0] != '\r') ||
	    text[len - 1] != '\n')
		return (false);

	ok = sodium_base642bin(der, sizeof(der), text, len, "\r\n", &der_len,
	    NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    private_der_read(der, der_len, seed);
	explicit_bzero(der, sizeof(der));
	if (!ok)
		explicit_bzero(seed, SEED_LEN);

	return (ok);
}

static bool
private_der_read(const uint8_t *der, size_t len, uint8_t seed[32])
{
	const uint8_t	*rest;

	if (len == V1_LEN &&
	    memcmp(der, private_v1_der, sizeof(private_v1_der)) == 0) {
		memcpy(seed, der + sizeof(private_v1_der), SEED_LEN);
		return (true);
	}
	if (len != V2_LEN ||
	    memcmp(der, private_v2_der, sizeof(private_v2_der)) != 0)
		return (false);

	rest = der + sizeof(private_v2_der) + SEED_LEN;
	if (memcmp(rest, private_v2_public_der,
	    sizeof(private_v2_public_der)) != 0)
		return (false);
	memcpy(seed, der + sizeof(private_v2_der), SEED_LEN);

	return (public_matches(seed, rest + sizeof(private_v2_public_der)));
}

/* A file whose halves don't belong together is damaged: better say so now. */
static bool
public_matches(const uint8_t seed[32], const uint8_t public_key[32])
{
	uint8_t	pk[crypto_sign_PUBLICKEYBYTES];

	pem_seed_public(seed, pk);

	return (memcmp(pk, public_key, sizeof(pk)) == 0);
}

void
pem_seed_public(const uint8_t seed[32], uint8_t public_key[32])
{
	uint8_t	sk[crypto_sign_SECRETKEYBYTES];

	crypto_sign_seed_keypair(public_key, sk, seed);
	explicit_bzero(sk, sizeof(sk));
}

static size_t
trim(const char **text, size_t len)
{
	static const char	spaces[] = " \t\r\n";

	while (len > 0 && memchr(spaces, (*text)[0], sizeof(spaces) - 1)) {
		(*text)++;
		len--;
	}
	while (len > 0 && memchr(spaces, (*text)[len - 1], sizeof(spaces) - 1))
		len--;

	return (len);
}
