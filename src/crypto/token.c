/* Tokens of 256 random bits, and comparing secrets. */
#include "crypto/token.h"

#include "crypto/base32.h"
#include "crypto/sha256.h"

#include <sodium.h>

#include <string.h>

void
token_new(char out[44])
{
	uint8_t	bytes[32];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(out, TOKEN_SIZE, bytes, sizeof(bytes),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	explicit_bzero(bytes, sizeof(bytes));
}

void
token_new_base32(char *out, size_t bytes)
{
	uint8_t	random[32];

	if (bytes > sizeof(random))
		bytes = sizeof(random);
	randombytes_buf(random, bytes);
	out[base32_encode(out, random, bytes)] = '\0';
	explicit_bzero(random, sizeof(random));
}

void
token_new_hex(char *out, size_t bytes)
{
	uint8_t	random[32];

	if (bytes > sizeof(random))
		bytes = sizeof(random);
	randombytes_buf(random, bytes);
	sodium_bin2hex(out, 2 * bytes + 1, random, bytes);
	explicit_bzero(random, sizeof(random));
}

void
token_hash_hex(const char *token, size_t len, char out[65])
{
	sha256_hex(token, len, out);
}

bool
secret_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	uint8_t	hash_a[SHA256_LEN], hash_b[SHA256_LEN];
	bool	equal;

	sha256(a, a_len, hash_a);
	sha256(b, b_len, hash_b);
	equal = sodium_memcmp(hash_a, hash_b, sizeof(hash_a)) == 0;
	explicit_bzero(hash_a, sizeof(hash_a));
	explicit_bzero(hash_b, sizeof(hash_b));

	return (equal);
}
