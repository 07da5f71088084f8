/*
 * The bounds of CBOR, in the strict form of authenticators (CTAP2 canonical):
 * libraries allocate what a length promises, so lengths are looked at first.
 */
#ifndef CRYPTO_CBOR_H
#define CRYPTO_CBOR_H

#include <stddef.h>
#include <stdint.h>

#define CBOR_DEPTH	4	/* of arrays and maps within each other */

/*
 * How many bytes the item takes that begins here.  0: none does that ends
 * within `len', has definite lengths, is at most `depth' deep, and holds but
 * numbers, bytes, texts, arrays, maps, true, false and null.
 */
size_t	cbor_item_len(const uint8_t *, size_t len, unsigned int depth);

#endif
