/* Base64 by libsodium, which takes the same time for all bytes. */
#include "crypto/base64.h"

#include <sodium.h>

#include <string.h>

void
base64_encode(char *out, const void *bytes, size_t len)
{
	sodium_bin2base64(out, BASE64_SIZE(len), bytes, len,
	    sodium_base64_VARIANT_ORIGINAL);
}

void
base64_url_encode(char *out, const void *bytes, size_t len)
{
	sodium_bin2base64(out, BASE64_SIZE(len), bytes, len,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool
base64_url_decode(const char *text, void *out, size_t max, size_t *len)
{
	*len = 0;
	return (sodium_base642bin(out, max, text, strlen(text), NULL, len,
	    NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
}
