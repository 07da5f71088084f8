/* Base64 (RFC 4648, + and /) with padding. */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include <stddef.h>

/* Characters that n bytes take, and a NUL. */
#define BASE64_SIZE(n)	(((n) + 2) / 3 * 4 + 1)

/* Writes BASE64_SIZE(len) bytes, a NUL among them. */
void	base64_encode(char *out, const void *bytes, size_t len);

#endif
