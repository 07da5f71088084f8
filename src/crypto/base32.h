/* Base32 (RFC 4648, A-Z 2-7) without padding, strict. */
#ifndef CRYPTO_BASE32_H
#define CRYPTO_BASE32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that n bytes take, and bytes that n characters hold. */
#define BASE32_TEXT_LEN(n)	(((n) * 8 + 4) / 5)
#define BASE32_BYTES_LEN(n)	((n) * 5 / 8)

/*
 * Writes BASE32_TEXT_LEN(len) upper-case characters, no NUL; returns their
 * number.
 */
size_t	base32_encode(char *out, const uint8_t *bytes, size_t len);

/*
 * Reads upper or lower case into `out', which holds BASE32_BYTES_LEN(len)
 * bytes.  False, with `out' unspecified, for a foreign character (padding and
 * white space are foreign), a length that no byte string encodes to
 * (1, 3, 6 modulo 8) and for unused low bits that are not zero: so every byte
 * string has one text only, up to case.
 */
bool	base32_decode(uint8_t *out, const char *text, size_t len);

#endif
