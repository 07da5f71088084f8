/*
 * The key ring's file, as drawn in crypto/keyring.h.  Nothing in it is believed
 * before the tag is checked, except the costs, which have a ceiling.
 */
#include "crypto/keyring_private.h"
#include "crypto/secret_file.h"

#include <sodium.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAGIC		"LICETKR1"
#define MAGIC_LEN	8
#define SALT_LEN	crypto_pwhash_SALTBYTES
#define NONCE_LEN	crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN		crypto_aead_xchacha20poly1305_ietf_ABYTES
#define FILE_KEY_LEN	crypto_aead_xchacha20poly1305_ietf_KEYBYTES

#define OPS_AT		MAGIC_LEN
#define MEMORY_AT	(OPS_AT + 4)
#define SALT_AT		(MEMORY_AT + 8)
#define NONCE_AT	(SALT_AT + SALT_LEN)
#define HEADER_LEN	(NONCE_AT + NONCE_LEN)

#define RING_VERSION	1
#define RING_HEAD_LEN	(1 + KEYRING_SEALING_LEN + 1)
#define ENTRY_LEN	(2 + 1 + 8 + KEYRING_SEED_LEN)
#define RING_LEN(n)	(RING_HEAD_LEN + (n) * ENTRY_LEN)
#define FILE_LEN(n)	(HEADER_LEN + RING_LEN(n) + TAG_LEN)

/* A damaged header must not make us fill the machine's memory. */
#define OPS_MAX		16
#define MEMORY_MAX	crypto_pwhash_MEMLIMIT_MODERATE

_Static_assert(HEADER_LEN == 60, "as documented");
_Static_assert(RING_LEN(1) == 34 + 43, "as documented");

const struct keyring_cost	keyring_cost_default = {
	.ops = crypto_pwhash_OPSLIMIT_INTERACTIVE,
	.memory = crypto_pwhash_MEMLIMIT_INTERACTIVE,
};

static size_t		 ring_seal(const struct keyring *ring,
			    const char *passphrase, size_t len,
			    uint8_t file[FILE_LEN(KEYRING_MAX)]);
static struct keyring	*ring_unseal(const uint8_t *file, size_t size,
			    const char *passphrase, size_t len,
			    const char **why);
static void		 cost_read(const uint8_t *file,
			    struct keyring_cost *cost);
static bool		 cost_is_sane(const struct keyring_cost *cost);
static bool		 file_key(const uint8_t salt[SALT_LEN],
			    const struct keyring_cost *cost,
			    const char *passphrase, size_t len,
			    uint8_t key[FILE_KEY_LEN]);
static void		 ring_write(const struct keyring *ring, uint8_t *p);
static bool		 ring_read(struct keyring *ring, const uint8_t *p,
			    size_t len);
static bool		 entry_read(struct keyring *ring, const uint8_t *p);

struct keyring *
keyring_open(const char *path, const char *passphrase, size_t len,
    char *error, size_t errsize)
{
	uint8_t		 file[FILE_LEN(KEYRING_MAX) + 1];
	struct keyring	*ring;
	const char	*why;
	ssize_t		 size;

	/* The byte too many tells a file that is too long. */
	size = secret_file_read(path, file, sizeof(file));
	if (size < 0) {
		(void)snprintf(error, errsize, "cannot read key ring %s: %s",
		    path, strerror(errno));
		return (NULL);
	}
	ring = ring_unseal(file, (size_t)size, passphrase, len, &why);
	if (ring == NULL)
		(void)snprintf(error, errsize, "cannot open key ring %s: %s",
		    path, why);

	return (ring);
}

struct keyring *
keyring_create(const char *path, const char *passphrase, size_t len,
    const struct keyring_cost *cost, char *error, size_t errsize)
{
	uint8_t		 file[FILE_LEN(KEYRING_MAX)];
	uint8_t		 seed[KEYRING_SEED_LEN];
	struct keyring	*ring;
	size_t		 size;

	if (cost == NULL)
		cost = &keyring_cost_default;
	if (!cost_is_sane(cost))
		abort();
	if ((ring = keyring_alloc()) == NULL) {
		(void)snprintf(error, errsize, "no memory for a key ring");
		return (NULL);
	}
	ring->cost = *cost;
	randombytes_buf(ring->sealing_key, sizeof(ring->sealing_key));
	randombytes_buf(seed, sizeof(seed));
	keyring_append(ring, 1, KEYRING_ACTIVE, time(NULL), seed);
	explicit_bzero(seed, sizeof(seed));
	sodium_mprotect_readonly(ring);

	if ((size = ring_seal(ring, passphrase, len, file)) == 0) {
		(void)snprintf(error, errsize,
		    "no memory to stretch the passphrase");
	} else if (!secret_file_create(path, file, size)) {
		(void)snprintf(error, errsize, "cannot create key ring %s: %s",
		    path, strerror(errno));
	} else
		return (ring);
	keyring_free(ring);

	return (NULL);
}

bool
keyring_save(const struct keyring *ring, const char *path,
    const char *passphrase, size_t len, char *error, size_t errsize)
{
	uint8_t	file[FILE_LEN(KEYRING_MAX)];
	size_t	size;

	if ((size = ring_seal(ring, passphrase, len, file)) == 0) {
		(void)snprintf(error, errsize,
		    "no memory to stretch the passphrase");
		return (false);
	}
	if (!secret_file_replace(path, file, size)) {
		(void)snprintf(error, errsize, "cannot save key ring %s: %s",
		    path, strerror(errno));
		return (false);
	}

	return (true);
}

int
keyring_lock(const char *path, char *error, size_t errsize)
{
	int	fd;

	if ((fd = secret_file_lock(path)) == -1)
		(void)snprintf(error, errsize,
		    "cannot lock the folder of key ring %s: %s", path,
		    strerror(errno));

	return (fd);
}

/* Returns the file's size, or 0 without the memory that the cost demands. */
static size_t
ring_seal(const struct keyring *ring, const char *passphrase, size_t len,
    uint8_t file[FILE_LEN(KEYRING_MAX)])
{
	uint8_t		key[FILE_KEY_LEN], plain[RING_LEN(KEYRING_MAX)];
	uint32_t	ops = htobe32(ring->cost.ops);
	uint64_t	memory = htobe64(ring->cost.memory);

	memcpy(file, MAGIC, MAGIC_LEN);
	memcpy(file + OPS_AT, &ops, sizeof(ops));
	memcpy(file + MEMORY_AT, &memory, sizeof(memory));
	randombytes_buf(file + SALT_AT, SALT_LEN);
	randombytes_buf(file + NONCE_AT, NONCE_LEN);
	if (!file_key(file + SALT_AT, &ring->cost, passphrase, len, key))
		return (0);

	ring_write(ring, plain);
	crypto_aead_xchacha20poly1305_ietf_encrypt(file + HEADER_LEN, NULL,
	    plain, RING_LEN(ring->count), file, HEADER_LEN, NULL,
	    file + NONCE_AT, key);
	explicit_bzero(plain, sizeof(plain));
	explicit_bzero(key, sizeof(key));

	return (FILE_LEN(ring->count));
}

static struct keyring *
ring_unseal(const uint8_t *file, size_t size, const char *passphrase,
    size_t len, const char **why)
{
	uint8_t			 key[FILE_KEY_LEN];
	uint8_t			 plain[RING_LEN(KEYRING_MAX)];
	struct keyring_cost	 cost;
	struct keyring		*ring = NULL;
	size_t			 plain_len;

	*why = "this is not a key ring, or it is damaged";
	if (size < FILE_LEN(1) || size > FILE_LEN(KEYRING_MAX) ||
	    memcmp(file, MAGIC, MAGIC_LEN) != 0)
		return (NULL);
	cost_read(file, &cost);
	if (!cost_is_sane(&cost))
		return (NULL);
	plain_len = size - HEADER_LEN - TAG_LEN;

	*why = "no memory to stretch the passphrase";
	if (!file_key(file + SALT_AT, &cost, passphrase, len, key))
		return (NULL);

	*why = "wrong passphrase, or the file is damaged";
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
	    file + HEADER_LEN, size - HEADER_LEN, file, HEADER_LEN,
	    file + NONCE_AT, key) != 0)
		goto out;

	*why = "no memory for it";
	if ((ring = keyring_alloc()) == NULL)
		goto out;
	ring->cost = cost;
	if (!ring_read(ring, plain, plain_len)) {
		*why = "it was made by another version of this program";
		keyring_free(ring);
		ring = NULL;
		goto out;
	}
	sodium_mprotect_readonly(ring);
out:
	explicit_bzero(plain, sizeof(plain));
	explicit_bzero(key, sizeof(key));

	return (ring);
}

static void
cost_read(const uint8_t *file, struct keyring_cost *cost)
{
	memcpy(&cost->ops, file + OPS_AT, sizeof(cost->ops));
	memcpy(&cost->memory, file + MEMORY_AT, sizeof(cost->memory));
	cost->ops = be32toh(cost->ops);
	cost->memory = be64toh(cost->memory);
}

static bool
cost_is_sane(const struct keyring_cost *cost)
{
	return (cost->ops >= crypto_pwhash_OPSLIMIT_MIN &&
	    cost->ops <= OPS_MAX &&
	    cost->memory >= crypto_pwhash_MEMLIMIT_MIN &&
	    cost->memory <= MEMORY_MAX);
}

static bool
file_key(const uint8_t salt[SALT_LEN], const struct keyring_cost *cost,
    const char *passphrase, size_t len, uint8_t key[FILE_KEY_LEN])
{
	return (crypto_pwhash(key, FILE_KEY_LEN, passphrase, len, salt,
	    cost->ops, cost->memory, crypto_pwhash_ALG_ARGON2ID13) == 0);
}

/* Writes RING_LEN(ring->count) bytes. */
static void
ring_write(const struct keyring *ring, uint8_t *p)
{
	const struct keyring_key	*key;
	uint64_t			 created_at;
	uint16_t			 id;
	size_t				 i;

	p[0] = RING_VERSION;
	memcpy(p + 1, ring->sealing_key, KEYRING_SEALING_LEN);
	p[RING_HEAD_LEN - 1] = (uint8_t)ring->count;
	p += RING_HEAD_LEN;
	for (i = 0; i < ring->count; i++, p += ENTRY_LEN) {
		key = &ring->keys[i];
		id = htobe16((uint16_t)key->id);
		created_at = htobe64((uint64_t)key->created_at);
		memcpy(p, &id, sizeof(id));
		p[2] = (uint8_t)key->state;
		memcpy(p + 3, &created_at, sizeof(created_at));
		memcpy(p + 11, key->seed, KEYRING_SEED_LEN);
	}
}

/*
 * The bytes are authentic here; the checks are for files that a later version
 * wrote.
 */
static bool
ring_read(struct keyring *ring, const uint8_t *p, size_t len)
{
	size_t	i, count = p[RING_HEAD_LEN - 1], active = 0;

	if (p[0] != RING_VERSION || count < 1 || count > KEYRING_MAX ||
	    len != RING_LEN(count))
		return (false);
	memcpy(ring->sealing_key, p + 1, KEYRING_SEALING_LEN);
	p += RING_HEAD_LEN;
	for (i = 0; i < count; i++, p += ENTRY_LEN) {
		if (!entry_read(ring, p))
			return (false);
		if (ring->keys[i].state == KEYRING_ACTIVE)
			active++;
	}

	return (active == 1);
}

static bool
entry_read(struct keyring *ring, const uint8_t *p)
{
	uint64_t	created_at;
	uint16_t	id;

	memcpy(&id, p, sizeof(id));
	memcpy(&created_at, p + 3, sizeof(created_at));
	id = be16toh(id);
	if (id == 0 ||
	    (ring->count > 0 && id <= ring->keys[ring->count - 1].id) ||
	    (p[2] != KEYRING_ACTIVE && p[2] != KEYRING_KNOWN))
		return (false);
	keyring_append(ring, id, p[2], (int64_t)be64toh(created_at), p + 11);

	return (true);
}
