/*
 * License keys to and from text.  Refuses whatever is not exactly the form in
 * the header; whether the signature is good, others decide.
 */
#include "crypto/license_key.h"

#include "crypto/base32.h"
#include "crypto/keyring.h"
#include "crypto/sha256.h"

#include "base/utf8.h"

#include <sodium.h>

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX			"LIC1-"
#define PREFIX_LEN		(sizeof(PREFIX) - 1)
#define SAYS			LICENSE_ACTIVATION_SAYS
#define SAYS_LEN		(sizeof(SAYS) - 1)
#define SIGNATURE_TEXT_LEN	BASE32_TEXT_LEN(LICENSE_KEY_SIGNATURE_LEN)
#define V1_LEN			74
#define V2_LEN			83	/* without entitlements */

static bool	is_space(char c);
static bool	payload_read(struct license_key *key);
static bool	entitlements_read(struct license_key *key);
static size_t	payload_size(const struct license_key_fields *f);
static void	payload_write(uint8_t *p, const struct license_key_fields *f);
static size_t	text_size(const struct license_key_fields *f,
		    size_t payload_len);
static const char *prefix(const struct license_key_fields *f);
static uint64_t	get_be64(const uint8_t *p);
static void	put_be64(uint8_t *p, uint64_t value);

bool
license_key_parse(struct license_key *out, const char *text, size_t len,
    uint8_t *buf, size_t size)
{
	const char	*dash;
	size_t		 payload_text;

	for (; len > 0 && is_space(text[0]); text++)
		len--;
	while (len > 0 && is_space(text[len - 1]))
		len--;

	if (len < PREFIX_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return (false);
	text += PREFIX_LEN;
	len -= PREFIX_LEN;

	/* A third dash ends up in the signature, where it is foreign. */
	if ((dash = memchr(text, '-', len)) == NULL)
		return (false);
	payload_text = (size_t)(dash - text);
	if (len - payload_text - 1 != SIGNATURE_TEXT_LEN)
		return (false);

	out->payload = buf;
	out->payload_len = BASE32_BYTES_LEN(payload_text);
	if (size < LICENSE_KEY_SIGNATURE_LEN ||
	    out->payload_len > size - LICENSE_KEY_SIGNATURE_LEN)
		return (false);
	out->signature = buf + out->payload_len;

	return (base32_decode(buf, text, payload_text) &&
	    base32_decode(buf + out->payload_len, dash + 1,
	    SIGNATURE_TEXT_LEN) && payload_read(out));
}

bool
license_key_entitlement(const struct license_key *key, size_t *offset,
    const char **slug, size_t *len)
{
	const uint8_t	*p = key->entitlements + *offset;

	if (*offset >= key->entitlements_len)
		return (false);
	*len = p[0];
	*slug = (const char *)p + 1;
	*offset += 1 + *len;

	return (true);
}

bool
license_key_bound_to(const struct license_key *key,
    const uint8_t fingerprint_hash[32])
{
	return ((key->flags & LICENSE_KEY_BOUND) != 0 &&
	    sodium_memcmp(key->fingerprint_hash, fingerprint_hash,
	    sizeof(key->fingerprint_hash)) == 0);
}

bool
license_key_signed_by(const struct license_key *key,
    const uint8_t public_key[32])
{
	return (crypto_sign_verify_detached(key->signature, key->payload,
	    key->payload_len, public_key) == 0);
}

void
license_key_fingerprint(const char *raw, size_t len, uint8_t out[32])
{
	sha256(raw, len, out);
}

size_t
license_key_size(const struct license_key_fields *fields)
{
	size_t	payload_len = payload_size(fields);

	return (payload_len == 0 ? 0 : text_size(fields, payload_len));
}

size_t
license_key_encode(const struct license_key_fields *fields,
    const struct keyring *ring, char *out, size_t size)
{
	bool		 is_key = fields->fingerprint_hash == NULL;
	uint8_t		*said, *payload, sig[LICENSE_KEY_SIGNATURE_LEN];
	size_t		 payload_len;
	unsigned int	 id;
	char		*p;

	if ((payload_len = payload_size(fields)) == 0 ||
	    text_size(fields, payload_len) > size ||
	    (said = malloc(SAYS_LEN + payload_len)) == NULL)
		return (0);

	memcpy(said, SAYS, SAYS_LEN);
	payload = said + SAYS_LEN;
	payload_write(payload, fields);
	id = fields->signing_key != 0 ? fields->signing_key :
	    keyring_active(ring, NULL);
	if (!keyring_sign(ring, id, is_key ? payload : said,
	    is_key ? payload_len : SAYS_LEN + payload_len, sig)) {
		free(said);
		return (0);
	}

	p = stpcpy(out, prefix(fields));
	p += base32_encode(p, payload, payload_len);
	*p++ = '-';
	p += base32_encode(p, sig, sizeof(sig));
	*p = '\0';
	free(said);

	return ((size_t)(p - out));
}

static bool
is_space(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* Takes the fields out of the decoded payload. */
static bool
payload_read(struct license_key *key)
{
	const uint8_t	*p = key->payload, *hash;
	bool		 v1;

	if (key->payload_len < V1_LEN)
		return (false);
	v1 = p[0] == 1;
	if (v1 ? key->payload_len != V1_LEN :
	    p[0] != 2 || key->payload_len < V2_LEN)
		return (false);

	key->version = p[0];
	key->flags = p[1];
	memcpy(key->product_id, p + 2, sizeof(key->product_id));
	memcpy(key->license_id, p + 18, sizeof(key->license_id));
	key->issued_at = get_be64(p + 34);
	key->expires_at = v1 ? 0 : get_be64(p + 42);
	hash = v1 ? p + 42 : p + 50;
	memcpy(key->fingerprint_hash, hash, sizeof(key->fingerprint_hash));
	key->entitlement_count = v1 ? 0 : p[82];
	key->entitlements = v1 ? p + V1_LEN : p + V2_LEN;
	key->entitlements_len = v1 ? 0 : key->payload_len - V2_LEN;

	return (entitlements_read(key));
}

/* The list must hold what its count says, and nothing more. */
static bool
entitlements_read(struct license_key *key)
{
	const uint8_t	*p = key->entitlements;
	size_t		 left = key->entitlements_len, len;
	unsigned int	 i;

	for (i = 0; i < key->entitlement_count; i++) {
		if (left == 0)
			return (false);
		len = *p++;
		left--;
		if (len > left || !utf8_valid(p, len))
			return (false);
		p += len;
		left -= len;
	}

	return (left == 0);
}

/* 0 if these fields can't be encoded. */
static size_t
payload_size(const struct license_key_fields *f)
{
	size_t	i, len, size = V2_LEN;

	if (f->entitlement_count > LICENSE_KEY_ENTITLEMENTS_MAX)
		return (0);
	for (i = 0; i < f->entitlement_count; i++) {
		len = strlen(f->entitlements[i]);
		if (len > LICENSE_KEY_SLUG_MAX ||
		    !utf8_valid(f->entitlements[i], len))
			return (0);
		size += 1 + len;
	}

	return (size);
}

static void
payload_write(uint8_t *p, const struct license_key_fields *f)
{
	size_t	i, len;

	p[0] = 2;
	p[1] = f->trial ? LICENSE_KEY_TRIAL : 0;
	memcpy(p + 2, f->product_id, sizeof(f->product_id));
	memcpy(p + 18, f->license_id, sizeof(f->license_id));
	put_be64(p + 34, f->issued_at);
	put_be64(p + 42, f->expires_at);
	if (f->fingerprint_hash == NULL) {
		memset(p + 50, 0, 32);
	} else {
		p[1] |= LICENSE_KEY_BOUND;
		memcpy(p + 50, f->fingerprint_hash, 32);
	}
	p[82] = (uint8_t)f->entitlement_count;
	p += V2_LEN;
	for (i = 0; i < f->entitlement_count; i++) {
		len = strlen(f->entitlements[i]);
		*p++ = (uint8_t)len;
		memcpy(p, f->entitlements[i], len);
		p += len;
	}
}

static const char *
prefix(const struct license_key_fields *f)
{
	return (f->fingerprint_hash == NULL ? PREFIX : "LICA1-");
}

/* With the NUL. */
static size_t
text_size(const struct license_key_fields *f, size_t payload_len)
{
	return (strlen(prefix(f)) + BASE32_TEXT_LEN(payload_len) + 1 +
	    SIGNATURE_TEXT_LEN + 1);
}

static uint64_t
get_be64(const uint8_t *p)
{
	uint64_t	value;

	memcpy(&value, p, sizeof(value));

	return (be64toh(value));
}

static void
put_be64(uint8_t *p, uint64_t value)
{
	value = htobe64(value);
	memcpy(p, &value, sizeof(value));
}
