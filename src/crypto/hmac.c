/* HMAC-SHA256 with secrets of any length, and the header that carries it. */
#include "crypto/hmac.h"

#include <sodium.h>

#include <string.h>

#define HEADER_PREFIX		"sha256="
#define HEADER_PREFIX_LEN	(sizeof(HEADER_PREFIX) - 1)
#define MAC_LEN			32

void
hmac_sha256(const void *secret, size_t secret_len, const void *body,
    size_t len, uint8_t out[32])
{
	crypto_auth_hmacsha256_state	state;

	crypto_auth_hmacsha256_init(&state, secret, secret_len);
	crypto_auth_hmacsha256_update(&state, body, len);
	crypto_auth_hmacsha256_final(&state, out);
	explicit_bzero(&state, sizeof(state));
}

void
hmac_sha256_hex(const void *secret, size_t secret_len, const void *body,
    size_t len, char out[65])
{
	uint8_t	mac[MAC_LEN];

	hmac_sha256(secret, secret_len, body, len, mac);
	sodium_bin2hex(out, HMAC_SHA256_HEX_SIZE, mac, sizeof(mac));
}

bool
hmac_sha256_header_ok(const char *header, const void *secret,
    size_t secret_len, const void *body, size_t len)
{
	uint8_t	want[MAC_LEN], got[MAC_LEN];
	size_t	got_len;
	bool	ok;

	if (header == NULL || secret_len == 0 ||
	    strncmp(header, HEADER_PREFIX, HEADER_PREFIX_LEN) != 0)
		return (false);
	header += HEADER_PREFIX_LEN;
	if (strlen(header) != 2 * MAC_LEN || sodium_hex2bin(got, sizeof(got),
	    header, 2 * MAC_LEN, NULL, &got_len, NULL) != 0 ||
	    got_len != MAC_LEN)
		return (false);

	hmac_sha256(secret, secret_len, body, len, want);
	ok = sodium_memcmp(got, want, MAC_LEN) == 0;
	explicit_bzero(want, sizeof(want));	/* else a forger's answer */

	return (ok);
}
