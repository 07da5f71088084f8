/*
 * A memory of license keys whose signature was found good: that never changes,
 * so it is checked once per worker and then costs a hash.
 */
#ifndef CRYPTO_VERIFIED_H
#define CRYPTO_VERIFIED_H

#include <stdbool.h>

#define VERIFIED_LOG2_DEFAULT	18	/* 262,144 keys, 4 MB once all used */

struct keyring;
struct license_key;
struct verified;

/*
 * Room for 2^log2 keys (2 to 28), 16 bytes each; pages are touched as they
 * fill.  NULL without memory.  To be used with one ring only, and to be made
 * after the fork, since its hash key is to be each worker's own.
 */
struct verified	*verified_new(unsigned int log2);
void		 verified_free(struct verified *verified);

/* Was the key signed by the ring?  keyring_verify() with a memory. */
bool		 verified_check(struct verified *verified,
		    const struct keyring *ring, const struct license_key *key);

#endif
