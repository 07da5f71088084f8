/* SHA-256, as bytes and as lower-case hexadecimal. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN		32
#define SHA256_HEX_SIZE		65	/* with NUL */

void	sha256(const void *data, size_t len, uint8_t out[32]);
void	sha256_hex(const void *data, size_t len, char out[65]);

#endif
