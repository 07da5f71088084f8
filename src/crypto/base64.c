/* Base64 by libsodium, which takes the same time for all bytes. */
#include "crypto/base64.h"

#include <sodium.h>

void
base64_encode(char *out, const void *bytes, size_t len)
{
	sodium_bin2base64(out, BASE64_SIZE(len), bytes, len,
	    sodium_base64_VARIANT_ORIGINAL);
}
