/*
 * Ed25519 keys in PEM (RFC 8410): public keys out and in, private keys in.  Of
 * DER it knows the forms in use, byte for byte, and refuses everything else.
 */
#ifndef CRYPTO_PEM_H
#define CRYPTO_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEM_PUBLIC_SIZE		114	/* with NUL */

/* SubjectPublicKeyInfo, label PUBLIC KEY, ends with a newline and NUL. */
void	pem_public_write(const uint8_t public_key[32], char out[114]);

/*
 * The key of a SubjectPublicKeyInfo, label PUBLIC KEY.  White space may stand
 * anywhere but in the labels, so that a setting can hold it in one line.  False
 * for anything else.
 */
bool	pem_public_read(const char *text, size_t len, uint8_t public_key[32]);

/*
 * The seed of a PKCS#8 private key, label PRIVATE KEY: version 1 of 48 bytes or
 * version 2 (RFC 5958) of 83, whose public key must be the seed's.  Lines end
 * with LF or CRLF; only white space may stand around the PEM.  False, with the
 * seed zeroed, for anything else.  The caller wipes seed and text.
 */
bool	pem_private_read(const char *text, size_t len, uint8_t seed[32]);

/* The public key that belongs to a seed. */
void	pem_seed_public(const uint8_t seed[32], uint8_t public_key[32]);

#endif
