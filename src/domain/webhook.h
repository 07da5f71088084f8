/*
 * How messages to the vendor's servers are signed: as Keysat 5 has it, and as
 * Standard Webhooks 1.0 has it (github.com/standard-webhooks/standard-webhooks,
 * spec/standard-webhooks.md), so that its libraries verify them.  The key of
 * both is the secret's text as bytes; those libraries want the key in base64
 * behind `whsec_'.
 */
#ifndef DOMAIN_WEBHOOK_H
#define DOMAIN_WEBHOOK_H

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

/* All are in the arena, which the caller wipes where it holds the secret. */

/* "sha256=" and the HMAC-SHA256 of the body in hexadecimal. */
char	*webhook_signature(struct arena *, const char *secret,
	    const char *body);
/* "v1," and the HMAC-SHA256 of "<id>.<seconds>.<body>" in base64. */
char	*webhook_standard_signature(struct arena *, const char *secret,
	    const char *id, int64_t seconds, const char *body);
/* The secret as a library of Standard Webhooks takes it. */
char	*webhook_standard_secret(struct arena *, const char *secret);

#endif
