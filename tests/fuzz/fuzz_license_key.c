/*
 * Any bytes as a license key: no overrun, and one key has one text, up to case
 * and surrounding white space.
 */
#include "crypto/base32.h"
#include "crypto/license_key.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes the text that this key is bound to have; returns its length. */
static size_t
encode_again(char *out, const struct license_key *key)
{
	char	*p = out;

	memcpy(p, "LIC1-", 5);
	p += 5;
	p += base32_encode(p, key->payload, key->payload_len);
	*p++ = '-';
	p += base32_encode(p, key->signature, LICENSE_KEY_SIGNATURE_LEN);

	return ((size_t)(p - out));
}

static void
check_text(const struct license_key *key, const char *text, size_t len)
{
	char	*again = malloc(len + 1);
	size_t	 i, n;

	while (len > 0 && isspace((unsigned char)text[0])) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (6 + BASE32_TEXT_LEN(key->payload_len) +
	    BASE32_TEXT_LEN(LICENSE_KEY_SIGNATURE_LEN) != len)
		abort();
	n = encode_again(again, key);
	for (i = 0; i < len; i++) {
		if (again[i] != toupper((unsigned char)text[i]))
			abort();
	}
	if (n != len || len > LICENSE_KEY_TEXT_MAX)
		abort();
	free(again);
}

static void
check_fields(const struct license_key *key)
{
	const char	*slug;
	size_t		 offset = 0, len, total = 0;
	unsigned int	 count = 0;

	if (key->signature != key->payload + key->payload_len)
		abort();
	while (license_key_entitlement(key, &offset, &slug, &len)) {
		if (!utf8_valid(slug, len))
			abort();
		total += 1 + len;
		count++;
	}
	if (count != key->entitlement_count || total != key->entitlements_len)
		abort();
	if (key->version == 1 ? key->payload_len != 74 || count != 0 :
	    key->version != 2 || key->payload_len != 83 + total)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct license_key	 key;
	const char		*text = (const char *)data;
	size_t			 room = LICENSE_KEY_BUFFER(size);
	uint8_t			*buf = malloc(room + (room == 0));

	if (license_key_parse(&key, text, size, buf, room)) {
		check_text(&key, text, size);
		check_fields(&key);
		if (license_key_parse(&key, text, size, buf,
		    key.payload_len + LICENSE_KEY_SIGNATURE_LEN - 1))
			abort();
	}
	free(buf);

	return (0);
}
