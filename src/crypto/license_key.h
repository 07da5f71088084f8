/*
 * License keys: "LIC1-" P "-" S, where P is the base32 of the payload and S
 * the base32 of the Ed25519 signature over exactly the payload's bytes.
 *
 *	offset	v2	v1	(integers big endian)
 *	0	1	1	version, 2 or 1
 *	1	1	1	flags
 *	2	16	16	product, UUID
 *	18	16	16	license, UUID
 *	34	8	8	issued at, seconds since 1970
 *	42	8	-	expires at, 0 = never
 *	50	32	32	SHA-256 of the fingerprint (v1: offset 42)
 *	82	1	-	number of entitlements
 *	83	...	-	each: length (1 byte), slug in UTF-8
 *
 * We issue version 2, never bound to a fingerprint; version 1 stays accepted.
 *
 * An activation is for a machine without a network: "LICA1-" P "-" S, where P
 * is as in a key of version 2 that is bound to the machine's fingerprint, and S
 * signs LICENSE_ACTIVATION_SAYS and P.  So neither passes for the other: a key's
 * P begins with its version.
 */
#ifndef CRYPTO_LICENSE_KEY_H
#define CRYPTO_LICENSE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LICENSE_KEY_BOUND		0x01	/* flag: fingerprint-bound */
#define LICENSE_KEY_TRIAL		0x02	/* flag: trial */

#define LICENSE_ACTIVATION_SAYS		"licet activation 1\n"

#define LICENSE_KEY_SIGNATURE_LEN	64
#define LICENSE_KEY_ENTITLEMENTS_MAX	255
#define LICENSE_KEY_SLUG_MAX		255

/* Bytes that a buffer for license_key_parse() needs for a text of n. */
#define LICENSE_KEY_BUFFER(n)		((n) * 5 / 8)
/* No valid key, trimmed, is longer. */
#define LICENSE_KEY_TEXT_MAX		104690

struct keyring;

/* A parsed key.  The pointers lead into the caller's buffer. */
struct license_key {
	uint8_t		 version;
	uint8_t		 flags;
	uint8_t		 product_id[16];
	uint8_t		 license_id[16];
	uint64_t	 issued_at;		/* seconds since 1970 */
	uint64_t	 expires_at;		/* the same; 0 = never */
	uint8_t		 fingerprint_hash[32];
	unsigned int	 entitlement_count;
	const uint8_t	*entitlements;		/* as encoded, checked */
	size_t		 entitlements_len;
	const uint8_t	*payload;		/* the signed bytes */
	size_t		 payload_len;
	const uint8_t	*signature;		/* 64, right behind payload */
};

/* What a new key says. */
struct license_key_fields {
	uint8_t			 product_id[16];
	uint8_t			 license_id[16];
	uint64_t		 issued_at;
	uint64_t		 expires_at;	/* 0 = never */
	bool			 trial;
	const char *const	*entitlements;	/* slugs, order is kept */
	size_t			 entitlement_count;
	unsigned int		 signing_key;	/* ring id; 0 = the active one */
	/* Of a machine, 32 bytes: an activation for it; NULL: a key. */
	const uint8_t		*fingerprint_hash;
};

/*
 * Reads a key; `text' needs no NUL and may be framed by ASCII white space.
 * Decodes into `buf': LICENSE_KEY_BUFFER(len) bytes suffice for any text of
 * that length, 1 KB for usual keys.  True if the form is right: the signature
 * is NOT checked here, see crypto/verified.h and keyring_verify().  False
 * (the contract's bad_format) for anything else, also when `size' is too
 * small; `out' and `buf' are then unspecified.
 */
bool	license_key_parse(struct license_key *out, const char *text,
	    size_t len, uint8_t *buf, size_t size);

/*
 * Walks the entitlements: start with *offset = 0; false at the end.  The slug
 * is borrowed from the buffer and not NUL-terminated; it may be empty.
 */
bool	license_key_entitlement(const struct license_key *key,
	    size_t *offset, const char **slug, size_t *len);

/* Is the key bound, and to the fingerprint with this hash?  Constant time. */
bool	license_key_bound_to(const struct license_key *key,
	    const uint8_t fingerprint_hash[32]);

/* Is the signature that of this Ed25519 key, which need not be in a ring? */
bool	license_key_signed_by(const struct license_key *key,
	    const uint8_t public_key[32]);

/* The hash under which a raw fingerprint is known: SHA-256 of its bytes. */
void	license_key_fingerprint(const char *raw, size_t len,
	    uint8_t out[32]);

/*
 * The bytes that the key of these fields takes with its NUL; 0 if there can be
 * none: more than 255 entitlements, a slug longer than 255 bytes or not UTF-8.
 * (The caller's answer to that is 400.)
 */
size_t	license_key_size(const struct license_key_fields *fields);

/*
 * Signs with the ring's key that the fields name and writes the text, key or
 * activation, with its NUL into `out'.  Returns the text's length; 0 if
 * license_key_size() is 0 or more than `size', if the ring has no such key, or
 * if there is no memory.
 * The same fields and ring key always give the same text.
 */
size_t	license_key_encode(const struct license_key_fields *fields,
	    const struct keyring *ring, char *out, size_t size);

#endif
