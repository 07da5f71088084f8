/*
 * SipHash-2-4 with a key that is random in each process: for hash tables
 * whose keys strangers choose.  Never the same twice, so never to be stored.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t	hash_table(const void *data, size_t len);

#endif
