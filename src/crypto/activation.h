/*
 * What a machine without a network shows, for somebody to carry to one that has
 * it: "LICQ1-" and the base32 of 36 bytes, the SHA-256 of its fingerprint and a
 * check, which is the first four bytes of the SHA-256 of
 * ACTIVATION_REQUEST_SAYS and that hash.  It may be typed: blanks, dashes behind
 * the prefix, upper or lower case don't matter, and the check finds what was
 * mistyped.  The answer is an activation: crypto/license_key.h.
 */
#ifndef CRYPTO_ACTIVATION_H
#define CRYPTO_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>

#define ACTIVATION_REQUEST_SAYS	"licet request 1\n"

/* The fingerprint's hash; false: this is no request, or mistyped. */
bool	activation_request_read(const char *text, uint8_t hash[32]);

#endif
