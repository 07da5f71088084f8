/*
 * Lightning invoices and addresses that pay nothing, for the sandbox: made for
 * regtest, right to the last bit, so that wallets and parsers take them for
 * what they are.
 */
#ifndef PAY_TESTCOIN_H
#define PAY_TESTCOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TESTCOIN_SIZE	512

/* "bcrt1q...", of its own for each seed. */
void	testcoin_address(char out[TESTCOIN_SIZE], const char *seed);
/*
 * "lnbcrt..." over that many satoshis, at least one, made at `at' (seconds since
 * 1970) for `seconds'.  The same arguments make the same invoice.
 */
void	testcoin_bolt11(char out[TESTCOIN_SIZE], const char *seed, int64_t sats,
	    int64_t at, int64_t seconds);

#endif
