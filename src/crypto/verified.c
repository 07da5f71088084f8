/*
 * Tags of verified keys: keyed 128 bit hashes of payload and signature.  The
 * hash key is random, so nobody can look for a key that collides with another.
 * Four make a set, which is one cache line.  When a set is full a new tag takes
 * the slot that its hash names: unlike the eldest's, that choice does not make
 * five keys that come in turns drive each other out for ever.
 */
#include "crypto/verified.h"

#include "crypto/keyring.h"
#include "crypto/license_key.h"

#include <sodium.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SET_LOG2	2
#define SET_SLOTS	(1 << SET_LOG2)

struct tag {
	uint64_t	half[2];
};

struct set {
	struct tag	slots[SET_SLOTS];	/* all zero: free */
};

struct verified {
	uint64_t	 mask;			/* sets - 1 */
	struct set	*sets;			/* aligned, in memory */
	void		*memory;
	uint8_t		 hash_key[crypto_shorthash_siphashx24_KEYBYTES];
};

_Static_assert(sizeof(struct set) == 64, "a cache line");

static const struct tag	free_slot;

static struct tag	tag_of(const struct verified *v,
			    const struct license_key *key);
static bool		tag_equal(const struct tag *a, const struct tag *b);

struct verified *
verified_new(unsigned int log2)
{
	struct verified	*v;
	uintptr_t	 start;
	size_t		 sets;

	if (log2 < SET_LOG2 || log2 > 28)
		abort();
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);

	/* calloc's pages are zero without being touched: that keeps it small. */
	sets = (size_t)1 << (log2 - SET_LOG2);
	v->memory = calloc(1, (sets + 1) * sizeof(struct set));
	if (v->memory == NULL) {
		free(v);
		return (NULL);
	}
	start = (uintptr_t)v->memory;
	v->sets = (struct set *)((start + sizeof(struct set) - 1) &
	    ~(uintptr_t)(sizeof(struct set) - 1));
	v->mask = sets - 1;
	randombytes_buf(v->hash_key, sizeof(v->hash_key));

	return (v);
}

void
verified_free(struct verified *verified)
{
	if (verified != NULL)
		free(verified->memory);
	free(verified);
}

bool
verified_check(struct verified *verified, const struct keyring *ring,
    const struct license_key *key)
{
	struct tag	 tag = tag_of(verified, key);
	struct tag	*slots, *victim;
	int		 i;

	slots = verified->sets[tag.half[0] & verified->mask].slots;
	victim = &slots[tag.half[1] % SET_SLOTS];
	for (i = 0; i < SET_SLOTS; i++) {
		if (tag_equal(&slots[i], &tag))
			return (true);
		if (tag_equal(&slots[i], &free_slot))
			victim = &slots[i];
	}
	if (!keyring_verify(ring, key))
		return (false);
	*victim = tag;

	return (true);
}

/* One hash over both: the parser puts the signature right behind the payload. */
static struct tag
tag_of(const struct verified *v, const struct license_key *key)
{
	uint8_t		hash[crypto_shorthash_siphashx24_BYTES];
	struct tag	tag;

	_Static_assert(sizeof(tag) == sizeof(hash), "a tag is a hash");
	crypto_shorthash_siphashx24(hash, key->payload,
	    key->payload_len + LICENSE_KEY_SIGNATURE_LEN, v->hash_key);
	memcpy(&tag, hash, sizeof(tag));

	return (tag);
}

static bool
tag_equal(const struct tag *a, const struct tag *b)
{
	return (a->half[0] == b->half[0] && a->half[1] == b->half[1]);
}
