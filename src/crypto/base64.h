/* Base64 (RFC 4648): with + and / and padding, or for URLs without. */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters that n bytes take, and a NUL. */
#define BASE64_SIZE(n)	(((n) + 2) / 3 * 4 + 1)

/* Writes BASE64_SIZE(len) bytes, a NUL among them. */
void	base64_encode(char *out, const void *bytes, size_t len);

/* The same with - and _, unpadded: at most BASE64_SIZE(len) bytes. */
void	base64_url_encode(char *out, const void *bytes, size_t len);

/*
 * Undoes that, strictly: no padding, no blanks, no bits left over.  False: it
 * is none, or of more than `max' bytes.
 */
bool	base64_url_decode(const char *text, void *out, size_t max,
	    size_t *len);

#endif
