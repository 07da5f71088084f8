/*
 * The key ring in memory: signs with any key it has, verifies with all, lets
 * exactly one be active.  Refuses a seed twice, and more keys than fit.
 */
#include "crypto/keyring.h"

#include "crypto/keyring_private.h"
#include "crypto/license_key.h"

#include <sodium.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_MAX	65535

static const struct keyring_key	*key_by_id(const struct keyring *ring,
				    unsigned int id);
static bool			 key_verify(const struct keyring_key *key,
				    const struct license_key *license);

struct keyring *
keyring_alloc(void)
{
	struct keyring	*ring;

	if ((ring = sodium_malloc(sizeof(*ring))) == NULL)
		return (NULL);
	memset(ring, 0, sizeof(*ring));

	return (ring);
}

void
keyring_free(struct keyring *ring)
{
	sodium_free(ring);	/* wipes */
}

void
keyring_append(struct keyring *ring, unsigned int id, enum keyring_state state,
    int64_t created_at, const uint8_t seed[KEYRING_SEED_LEN])
{
	struct keyring_key	*key;

	if (ring->count == KEYRING_MAX)
		abort();
	if (state == KEYRING_ACTIVE)
		ring->active = ring->count;
	key = &ring->keys[ring->count++];
	key->id = id;
	key->state = state;
	key->created_at = created_at;
	memcpy(key->seed, seed, KEYRING_SEED_LEN);
	crypto_sign_seed_keypair(key->public_key, key->secret_key, seed);
}

unsigned int
keyring_add(struct keyring *ring)
{
	uint8_t		seed[KEYRING_SEED_LEN];
	unsigned int	id;

	randombytes_buf(seed, sizeof(seed));
	id = keyring_import_seed(ring, seed);
	explicit_bzero(seed, sizeof(seed));

	return (id);
}

unsigned int
keyring_import_seed(struct keyring *ring, const uint8_t seed[32])
{
	unsigned int	id;

	if (keyring_find_seed(ring, seed) != 0)
		return (0);
	/* Keys are never taken out, so the last id is the highest ever. */
	id = ring->keys[ring->count - 1].id + 1;
	if (ring->count == KEYRING_MAX || id > ID_MAX)
		return (0);

	sodium_mprotect_readwrite(ring);
	keyring_append(ring, id, KEYRING_KNOWN, time(NULL), seed);
	sodium_mprotect_readonly(ring);

	return (id);
}

unsigned int
keyring_find_seed(const struct keyring *ring, const uint8_t seed[32])
{
	size_t	i;

	for (i = 0; i < ring->count; i++) {
		if (sodium_memcmp(ring->keys[i].seed, seed,
		    KEYRING_SEED_LEN) == 0)
			return (ring->keys[i].id);
	}

	return (0);
}

bool
keyring_activate(struct keyring *ring, unsigned int id)
{
	const struct keyring_key	*key;

	if ((key = key_by_id(ring, id)) == NULL)
		return (false);

	sodium_mprotect_readwrite(ring);
	ring->keys[ring->active].state = KEYRING_KNOWN;
	ring->active = (size_t)(key - ring->keys);
	ring->keys[ring->active].state = KEYRING_ACTIVE;
	sodium_mprotect_readonly(ring);

	return (true);
}

unsigned int
keyring_active(const struct keyring *ring, uint8_t public_key[32])
{
	const struct keyring_key	*key = &ring->keys[ring->active];

	if (public_key != NULL)
		memcpy(public_key, key->public_key, sizeof(key->public_key));

	return (key->id);
}

size_t
keyring_count(const struct keyring *ring)
{
	return (ring->count);
}

void
keyring_entry(const struct keyring *ring, size_t i, struct keyring_entry *out)
{
	const struct keyring_key	*key;

	if (i >= ring->count)
		abort();
	key = &ring->keys[i];
	out->id = key->id;
	out->state = key->state;
	out->created_at = key->created_at;
	memcpy(out->public_key, key->public_key, sizeof(out->public_key));
}

const uint8_t *
keyring_public(const struct keyring *ring, size_t i, unsigned int *id)
{
	if (i >= ring->count)
		abort();
	if (id != NULL)
		*id = ring->keys[i].id;

	return (ring->keys[i].public_key);
}

bool
keyring_sign(const struct keyring *ring, unsigned int id, const void *msg,
    size_t len, uint8_t sig[64])
{
	const struct keyring_key	*key;

	if ((key = key_by_id(ring, id)) == NULL)
		return (false);
	crypto_sign_detached(sig, NULL, msg, len, key->secret_key);

	return (true);
}

bool
keyring_verify(const struct keyring *ring, const struct license_key *key)
{
	size_t	i;

	if (key_verify(&ring->keys[ring->active], key))
		return (true);
	for (i = ring->count; i-- > 0;) {
		if (i != ring->active && key_verify(&ring->keys[i], key))
			return (true);
	}

	return (false);
}

void
keyring_derive(const struct keyring *ring, const char *purpose,
    uint8_t out[32])
{
	crypto_generichash(out, 32, (const uint8_t *)purpose, strlen(purpose),
	    ring->sealing_key, sizeof(ring->sealing_key));
}

static const struct keyring_key *
key_by_id(const struct keyring *ring, unsigned int id)
{
	size_t	i;

	for (i = 0; i < ring->count; i++) {
		if (ring->keys[i].id == id)
			return (&ring->keys[i]);
	}

	return (NULL);
}

static bool
key_verify(const struct keyring_key *key, const struct license_key *license)
{
	return (license_key_signed_by(license, key->public_key));
}
