#include "domain/bip321.h"

#include "base/bech32.h"
#include "domain/money.h"

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#define BASE58_MIN	25
#define BASE58_MAX	36
#define SEGWIT_MAX	90	/* BIP 173 */
#define PROGRAM_MIN	2	/* bytes */
#define PROGRAM_MAX	40

/* BIP 141: a version, and a program of bytes. */
static bool
is_segwit(const char *address, size_t len)
{
	struct bech32_parts	p;
	enum bech32		kind;
	size_t			bits;

	if (len > SEGWIT_MAX ||
	    (kind = bech32_read(address, len, &p)) == BECH32_NONE ||
	    (strcmp(p.hrp, "bc") && strcmp(p.hrp, "tb") &&
	    strcmp(p.hrp, "bcrt")) || p.len < 1 || p.at[0] > 16)
		return (false);
	bits = (p.len - 1) * 5;
	if (bits / 8 < PROGRAM_MIN || bits / 8 > PROGRAM_MAX || bits % 8 > 4 ||
	    (bits % 8 != 0 && p.at[p.len - 1] & ((1U << bits % 8) - 1)))
		return (false);
	if (p.at[0] == 0)
		return (kind == BECH32_FIRST &&
		    (bits / 8 == 20 || bits / 8 == 32));
	return (kind == BECH32_M);
}

enum bip321_address
bip321_address_kind(const char *address)
{
	static const char	base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
				    "abcdefghijkmnopqrstuvwxyz";
	size_t			len;

	if (address == NULL)
		return (BIP321_NO_ADDRESS);
	len = strlen(address);
	if (is_segwit(address, len))
		return (BIP321_SEGWIT);
	/* Versions of P2PKH and P2SH, of the main and the test networks. */
	if (len >= BASE58_MIN && len <= BASE58_MAX &&
	    strchr("123mn", *address) != NULL &&
	    strspn(address, base58) == len)
		return (BIP321_BASE58);
	return (BIP321_NO_ADDRESS);
}

static void
capitals(char *p)
{
	for (; *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
}

/* Without the zeros at its end. */
static void
put_amount(int64_t sats, char out[MONEY_TEXT_SIZE])
{
	size_t	n;

	money_sats_to_btc(sats, out);
	for (n = strlen(out); n > 1 && out[n - 1] == '0'; n--)
		out[n - 1] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
}

bool
bip321_write(char *out, size_t size, const char *address, int64_t sats,
    const char *bolt11)
{
	enum bip321_address	kind = bip321_address_kind(address);
	char			amount[MONEY_TEXT_SIZE] = "";
	int			head, n;

	if ((address != NULL && kind == BIP321_NO_ADDRESS) ||
	    (address == NULL && bolt11 == NULL))
		return (false);
	if (sats > 0)
		put_amount(sats, amount);
	head = snprintf(out, size, "BITCOIN:%s", address == NULL ? "" :
	    address);
	if (head < 0 || (size_t)head >= size)
		return (false);
	if (kind == BIP321_SEGWIT)
		capitals(out);
	n = snprintf(out + head, size - (size_t)head, "%s%s%s%s%s",
	    *amount != '\0' ? "?AMOUNT=" : "", amount,
	    bolt11 == NULL ? "" : *amount != '\0' ? "&" : "?",
	    bolt11 == NULL ? "" : "LIGHTNING=", bolt11 == NULL ? "" : bolt11);
	if (n < 0 || (size_t)n >= size - (size_t)head)
		return (false);
	capitals(out + head);
	return (true);
}

bool
bip321_lightning(char *out, size_t size, const char *bolt11)
{
	int	n = snprintf(out, size, "LIGHTNING:%s", bolt11);

	if (n < 0 || (size_t)n >= size)
		return (false);
	capitals(out);
	return (true);
}
