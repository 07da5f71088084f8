/* SHA-256 by libsodium. */
#include "crypto/sha256.h"

#include <sodium.h>

void
sha256(const void *data, size_t len, uint8_t out[32])
{
	crypto_hash_sha256(out, data, len);
}

void
sha256_hex(const void *data, size_t len, char out[65])
{
	uint8_t	hash[SHA256_LEN];

	sha256(data, len, hash);
	sodium_bin2hex(out, SHA256_HEX_SIZE, hash, sizeof(hash));
}
