#include "crypto/hash.h"

#include <sodium.h>

#include <stdbool.h>

uint64_t
hash_table(const void *data, size_t len)
{
	static uint8_t	key[crypto_shorthash_KEYBYTES];
	static bool	ready;
	union {
		uint8_t		bytes[crypto_shorthash_BYTES];
		uint64_t	number;
	} out;

	if (!ready) {
		randombytes_buf(key, sizeof(key));
		ready = true;
	}
	crypto_shorthash(out.bytes, data, len, key);
	return (out.number);
}
