/* Bearer tokens: random, shown once, stored as hashes, compared blindly. */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_LEN		43	/* 256 bits in base64url, unpadded */
#define TOKEN_SIZE		44	/* with NUL */
#define TOKEN_HASH_HEX_SIZE	65	/* with NUL */

/* A new random token and a NUL.  The caller wipes it. */
void	token_new(char out[44]);

/*
 * The same of `bytes' (32 at most) random bytes in base32: for what people or
 * other systems see.  BASE32_TEXT_LEN(bytes) characters and a NUL.
 */
void	token_new_base32(char *out, size_t bytes);

/* The same in lower-case hexadecimal: 2 * bytes characters and a NUL. */
void	token_new_hex(char *out, size_t bytes);

/* SHA-256 of the token's text in lower-case hexadecimal and a NUL. */
void	token_hash_hex(const char *token, size_t len, char out[65]);

/*
 * Are two secrets the same?  Compares their hashes, so the time tells nothing
 * about where they differ or how long the expected one is.
 */
bool	secret_equal(const char *a, size_t a_len, const char *b,
	    size_t b_len);

#endif
