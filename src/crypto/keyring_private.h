/* The inside of a key ring, for keyring.c and keyring_file.c only. */
#ifndef CRYPTO_KEYRING_PRIVATE_H
#define CRYPTO_KEYRING_PRIVATE_H

#include "crypto/keyring.h"

#define KEYRING_SEED_LEN	32
#define KEYRING_SEALING_LEN	32

struct keyring_key {
	uint8_t			seed[KEYRING_SEED_LEN];
	uint8_t			secret_key[64];	/* libsodium's form */
	uint8_t			public_key[32];
	unsigned int		id;
	enum keyring_state	state;
	int64_t			created_at;
};

/* Allocated by sodium_malloc(), read-only except while it is changed. */
struct keyring {
	uint8_t			sealing_key[KEYRING_SEALING_LEN];
	struct keyring_cost	cost;
	size_t			count;
	size_t			active;		/* position */
	struct keyring_key	keys[KEYRING_MAX];	/* by rising id */
};

/*
 * An empty, writable ring; NULL without memory.  Fill it, then protect it with
 * sodium_mprotect_readonly().
 */
struct keyring	*keyring_alloc(void);

/* Appends a key to a writable ring that has room for it. */
void		 keyring_append(struct keyring *ring, unsigned int id,
		    enum keyring_state state, int64_t created_at,
		    const uint8_t seed[KEYRING_SEED_LEN]);

#endif
