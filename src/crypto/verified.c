/*
 * Tags of verified keys: keyed 128 bit hashes of payload and signature.  The
 * hash key is random, so nobody can look for a key that collides with another.
 * Two slots make a set, the younger first; both lie in one cache line.
 */
#include "crypto/verified.h"

#include "crypto/keyring.h"
#include "crypto/license_key.h"

#include <sodium.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE	64

struct tag {
	uint64_t	half[2];
};

struct set {
	struct tag	younger, older;		/* all zero: free */
};

struct verified {
	uint64_t	 mask;			/* sets - 1 */
	struct set	*sets;			/* aligned, in memory */
	void		*memory;
	uint8_t		 hash_key[crypto_shorthash_siphashx24_KEYBYTES];
};

static struct tag	tag_of(const struct verified *v,
			    const struct license_key *key);
static bool		tag_equal(const struct tag *a, const struct tag *b);

struct verified *
verified_new(unsigned int log2)
{
	struct verified	*v;
	uintptr_t	 start;
	size_t		 sets;

	if (log2 < 1 || log2 > 28)
		abort();
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (NULL);

	/* calloc's pages are zero without being touched: that keeps it small. */
	sets = (size_t)1 << (log2 - 1);
	v->memory = calloc(1, sets * sizeof(struct set) + CACHE_LINE);
	if (v->memory == NULL) {
		free(v);
		return (NULL);
	}
	start = (uintptr_t)v->memory;
	v->sets = (struct set *)((start + CACHE_LINE - 1) &
	    ~(uintptr_t)(CACHE_LINE - 1));
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
	struct set	*set = &verified->sets[tag.half[0] & verified->mask];

	if (tag_equal(&set->younger, &tag) || tag_equal(&set->older, &tag))
		return (true);
	if (!keyring_verify(ring, key))
		return (false);
	set->older = set->younger;
	set->younger = tag;

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
