/*
 * The key ring: the Ed25519 keys that sign licenses, exactly one of them
 * active, and the sealing key from which all other secret keys are derived.
 * It lives in a file that every replica loads; the database never sees it.
 *
 * The file (integers big endian):
 *
 *	offset	size
 *	0	8	"LICETKR1"
 *	8	4	Argon2id operations limit
 *	12	8	Argon2id memory limit, bytes
 *	20	16	Argon2id salt
 *	36	24	XChaCha20-Poly1305 nonce
 *	60	n	ciphertext of the ring, below
 *	60+n	16	tag; bytes 0 to 59 are the associated data
 *
 * The ring inside:
 *
 *	0	1	version, 1
 *	1	32	sealing key
 *	33	1	number of signing keys, 1 to 32
 *	34	43 each	id (2), state (1), created at (8), seed (32)
 *
 * Salt and nonce are new at every save.  Ids rise, are never used twice.
 */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYRING_MAX		32	/* signing keys in a ring */

struct keyring;
struct license_key;

enum keyring_state {
	KEYRING_ACTIVE = 1,	/* signs and verifies; exactly one */
	KEYRING_KNOWN = 2,	/* verifies only: retired, or not yet active */
};

struct keyring_entry {
	unsigned int		id;		/* 1 to 65535 */
	enum keyring_state	state;
	int64_t			created_at;	/* seconds since 1970 */
	uint8_t			public_key[32];
};

/* What it costs to guess a passphrase once. */
struct keyring_cost {
	uint32_t	ops;
	uint64_t	memory;		/* bytes */
};

/* libsodium's "interactive": 2 passes over 64 MiB, some 60 ms. */
extern const struct keyring_cost	keyring_cost_default;

/*
 * Reads and decrypts a ring.  NULL if the file is absent, cut, altered or made
 * with another passphrase (the last two can't be told apart), with a sentence
 * in `error'.  The secrets lie in locked, read-only memory between guard pages
 * that core dumps leave out; workers inherit it by fork.
 */
struct keyring	*keyring_open(const char *path, const char *passphrase,
		    size_t len, char *error, size_t errsize);

/*
 * Makes a ring with one active key and writes it, mode 0600.  NULL with a
 * sentence in `error' if there is a file at `path', which stays, or anything
 * fails.  `cost' NULL: the default; more than 16 passes or 256 MiB is
 * a bug.
 */
struct keyring	*keyring_create(const char *path, const char *passphrase,
		    size_t len, const struct keyring_cost *cost, char *error,
		    size_t errsize);

/*
 * Replaces the file: whoever reads it meanwhile, and whatever dies, there is
 * the whole old or the whole new ring, mode 0600, same owner if root saves.
 * The cost is that of the file opened or created.  Hold keyring_lock() from
 * before keyring_open() until after, or another editor's key may be lost.
 */
bool		 keyring_save(const struct keyring *ring, const char *path,
		    const char *passphrase, size_t len, char *error,
		    size_t errsize);

/*
 * Waits until nobody else edits rings in that folder; returns a descriptor
 * whose close() lets the next one in, or -1 with a sentence in `error'.
 */
int		 keyring_lock(const char *path, char *error, size_t errsize);

/* Wipes and frees; NULL is fine. */
void		 keyring_free(struct keyring *ring);

/*
 * Changes in memory, to be followed by keyring_save().  The first two return
 * the new key's id; 0 if the ring is full, or has that seed already.  A new
 * key is KNOWN, so that every replica can learn it before it signs.
 */
unsigned int	 keyring_add(struct keyring *ring);
unsigned int	 keyring_import_seed(struct keyring *ring,
		    const uint8_t seed[32]);
/* The id of the key with that seed; 0: the ring has it not. */
unsigned int	 keyring_find_seed(const struct keyring *ring,
		    const uint8_t seed[32]);
bool		 keyring_activate(struct keyring *ring, unsigned int id);

/* The active key's id; its public key if `public_key' is not NULL. */
unsigned int	 keyring_active(const struct keyring *ring,
		    uint8_t public_key[32]);

/* Keys by position, 0 to count - 1, in order of their ids. */
size_t		 keyring_count(const struct keyring *ring);
void		 keyring_entry(const struct keyring *ring, size_t i,
		    struct keyring_entry *out);
/* 32 bytes, borrowed from the ring; `id' may be NULL. */
const uint8_t	*keyring_public(const struct keyring *ring, size_t i,
		    unsigned int *id);

/* Signs with any key of the ring; false if it has no such id. */
bool		 keyring_sign(const struct keyring *ring, unsigned int id,
		    const void *msg, size_t len, uint8_t sig[64]);

/*
 * Did a key of this ring sign the license key?  Tries the active one, then the
 * others, newest first: some 60 us each.  crypto/verified.h remembers.
 */
bool		 keyring_verify(const struct keyring *ring,
		    const struct license_key *key);

/*
 * The secret key for one purpose: BLAKE2b-256 of the purpose's text, keyed with
 * the sealing key.  The same in all replicas.  The caller wipes it.
 */
void		 keyring_derive(const struct keyring *ring, const char *purpose,
		    uint8_t out[32]);

#endif
