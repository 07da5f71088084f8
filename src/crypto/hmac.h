/* HMAC-SHA256 over request bodies, as webhooks carry it: "sha256=<hex>". */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_SHA256_HEX_SIZE	65	/* with NUL */

/* The key is the secret's bytes as they are: a hex secret is not decoded. */
void	hmac_sha256(const void *secret, size_t secret_len, const void *body,
	    size_t len, uint8_t out[32]);
/* The same in lower-case hexadecimal with a NUL. */
void	hmac_sha256_hex(const void *secret, size_t secret_len,
	    const void *body, size_t len, char out[65]);

/*
 * Does a header's value, "sha256=" and exactly 64 hex digits of either case,
 * sign this body?  Constant time once the form is right.  NULL (no header) and
 * an empty secret (anyone could sign with that) are false.
 */
bool	hmac_sha256_header_ok(const char *header, const void *secret,
	    size_t secret_len, const void *body, size_t len);

#endif
