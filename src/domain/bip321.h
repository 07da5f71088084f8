/*
 * Where a payment goes, as one URI (BIP 321): an address, the amount, a
 * Lightning invoice.  In capitals, which the BIP allows for scheme, keys,
 * bech32 addresses and invoices, and which make a QR code smaller; a base58
 * address keeps its letters.  Refuses what is no address.
 */
#ifndef DOMAIN_BIP321_H
#define DOMAIN_BIP321_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIP321_SIZE	8192

enum bip321_address {
	BIP321_NO_ADDRESS,
	BIP321_BASE58,	/* by its letters and its length */
	BIP321_SEGWIT	/* its checksum is right */
};

/* NULL is none. */
enum bip321_address	 bip321_address_kind(const char *address);

/*
 * "BITCOIN:BC1Q...?AMOUNT=0.00022211&LIGHTNING=LNBC..."; what is NULL is left
 * out, as is an amount of 0 or less.  False: there is neither address nor
 * invoice, the address is none, or it is longer than `out'.
 */
bool			 bip321_write(char *out, size_t size,
			    const char *address, int64_t sats,
			    const char *bolt11);
/* "LIGHTNING:LNBC...", which wallets knew before the BIP. */
bool			 bip321_lightning(char *out, size_t size,
			    const char *bolt11);

#endif
