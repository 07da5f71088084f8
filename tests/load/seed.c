/*
 * seed DIR LICENSES KEYS: makes up the installation that is measured.  Reads
 * the key ring and passphrase as the server does (LICET_KEY_RING,
 * LICET_KEY_PASSPHRASE_FILE) and writes to DIR
 *
 *	products.copy licenses.copy machines.copy known.copy	for COPY
 *	requests.txt	"key product fingerprint address", one a line, of
 *			KEYS licenses spread evenly over all
 *
 * Of ten licenses eight have their one machine, one is without limit and has
 * one, one has none yet.  Of a hundred lines of requests.txt one each is
 * revoked, expired, asked for by another product, on another machine, and
 * forged; half of the unbound ones name no machine.  Prints the ring's active
 * key as "id<TAB>\\xHEX".
 */
#include "base/text.h"
#include "base/uuid.h"
#include "crypto/keyring.h"
#include "crypto/license_key.h"
#include "crypto/passphrase.h"
#include "crypto/start.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCTS	20
#define ADDRESSES	50000
#define ISSUED		1750000000	/* 2025-06-15 15:06:40 UTC */
#define NEVER		4070908800	/* 2099-01-01, of every other one */

enum flaw {
	FLAW_REVOKED, FLAW_EXPIRED, FLAW_PRODUCT, FLAW_MACHINE, FLAW_FORGED,
	FLAW_NONE
};

struct license {
	struct license_key_fields	key;
	enum flaw			flaw;
	unsigned int			product;
	bool				unlimited, unbound;
	char				id[37];
	char				fingerprint[33];
	char				address[24];
};

static uint8_t	product_ids[PRODUCTS][16];
static FILE	*products, *licenses, *machines, *known, *requests;

static void __attribute__((noreturn))
give_up(const char *what)
{
	(void)fprintf(stderr, "seed: %s\n", what);
	exit(1);
}

static FILE *
file_open(const char *dir, const char *name)
{
	char	 path[4096];
	FILE	*f;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path) || (f = fopen(path, "w")) == NULL)
		give_up(name);
	return (f);
}

static struct keyring *
ring_open(void)
{
	const char		*path = getenv("LICET_KEY_RING");
	struct passphrase	 p;
	struct keyring		*ring;
	char			 why[4096], hex[65];
	uint8_t			 public_key[32];
	unsigned int		 id;

	if (path == NULL || !passphrase_read(&p, why, sizeof(why)))
		give_up("LICET_KEY_RING and LICET_KEY_PASSPHRASE_FILE, please");
	ring = keyring_open(path, p.text, p.len, why, sizeof(why));
	passphrase_wipe(&p);
	if (ring == NULL)
		give_up(why);
	id = keyring_active(ring, public_key);
	text_hex(public_key, sizeof(public_key), hex);
	printf("%u\t\\\\x%s\n", id, hex);
	return (ring);
}

static void
make_products(void)
{
	char		id[37];
	unsigned int	i;

	for (i = 0; i < PRODUCTS; i++) {
		uuid_random(product_ids[i]);
		uuid_format(product_ids[i], id);
		(void)fprintf(products, "%s\tproduct-%u\tProduct %u\t1000\t"
		    "1000\n", id, i, i);
	}
}

/* The `k'-th that has a key, or one without. */
static void
make_license(struct license *l, unsigned long k, bool has_key)
{
	static const char *const	slugs[] = { "pro", "export" };
	uint8_t				random[16];
	unsigned long			address = k % ADDRESSES;

	*l = (struct license){ .flaw = FLAW_NONE };
	if (has_key && k % 100 < FLAW_NONE)
		l->flaw = (enum flaw)(k % 100);
	uuid_random(l->key.license_id);
	uuid_format(l->key.license_id, l->id);
	uuid_random(random);
	text_hex(random, sizeof(random), l->fingerprint);
	l->product = random[0] % PRODUCTS;
	l->unlimited = random[1] % 10 == 0;
	l->unbound = random[1] % 10 == 1;
	memcpy(l->key.product_id, product_ids[l->product], 16);
	l->key.issued_at = ISSUED;
	l->key.expires_at = l->flaw == FLAW_EXPIRED ? ISSUED + 86400 :
	    random[2] % 2 == 0 ? NEVER : 0;
	l->key.entitlements = slugs;
	l->key.entitlement_count = random[3] % 3;
	(void)snprintf(l->address, sizeof(l->address), "198.%lu.%lu.%lu",
	    18 + address / 40000, address / 200 % 200, 1 + address % 200);
}

static void
write_rows(const struct license *l, unsigned int ring_id, bool has_key)
{
	static const char *const	lists[] = { "{}", "{pro}",
					    "{pro,export}" };
	char				product[37], machine[37], hex[65];
	uint8_t				id[16], hash[32];

	uuid_format(l->key.product_id, product);
	(void)fprintf(licenses, "%s\t%s\t%u\t%s\t2025-06-15 15:06:40+00\t%s"
	    "\t%d\t%s\n", l->id, product, ring_id,
	    l->flaw == FLAW_REVOKED ? "revoked" : "active",
	    l->flaw == FLAW_EXPIRED ? "2025-06-16 15:06:40+00" :
	    l->key.expires_at == 0 ? "\\N" : "2099-01-01 00:00:00+00",
	    l->unlimited ? 0 : 1, lists[l->key.entitlement_count]);
	license_key_fingerprint(l->fingerprint, strlen(l->fingerprint), hash);
	text_hex(hash, sizeof(hash), hex);
	if (!l->unbound) {
		uuid_random(id);
		uuid_format(id, machine);
		(void)fprintf(machines, "%s\t%s\t\\\\x%s\t%s\n", machine,
		    l->id, hex, l->address);
	}
	if (has_key)
		(void)fprintf(known, "%s\t\\\\x%s\t%s\n", l->id, hex,
		    l->address);
}

static void
write_request(const struct license *l, const struct keyring *ring, bool named)
{
	char		text[1024], fingerprint[33] = "-";
	unsigned int	product = l->product;
	size_t		n;

	if ((n = license_key_encode(&l->key, ring, text, sizeof(text))) == 0)
		give_up("a key could not be signed");
	if (l->flaw == FLAW_FORGED)
		text[n - 60] = text[n - 60] == 'A' ? 'B' : 'A';
	if (l->flaw == FLAW_PRODUCT)
		product = (product + 1) % PRODUCTS;
	if (named)
		(void)strlcpy(fingerprint, l->fingerprint,
		    sizeof(fingerprint));
	if (l->flaw == FLAW_MACHINE && named)
		fingerprint[0] = fingerprint[0] == 'f' ? 'e' : 'f';
	(void)fprintf(requests, "%s product-%u %s %s\n", text, product,
	    fingerprint, l->address);
}

static unsigned long
number(const char *s)
{
	long long	n;

	if (!text_integer(s, 1, 100000000, &n))
		give_up("a number, please");
	return ((unsigned long)n);
}

int
main(int argc, char *argv[])
{
	struct keyring	*ring;
	struct license	 l;
	unsigned long	 i, k = 0, count, keys;
	unsigned int	 ring_id;
	bool		 has_key;

	if (argc != 4 || !crypto_start())
		give_up("seed DIR LICENSES KEYS");
	count = number(argv[2]);
	keys = number(argv[3]);
	if (keys > count)
		give_up("more keys than licenses");
	products = file_open(argv[1], "products.copy");
	licenses = file_open(argv[1], "licenses.copy");
	machines = file_open(argv[1], "machines.copy");
	known = file_open(argv[1], "known.copy");
	requests = file_open(argv[1], "requests.txt");
	ring = ring_open();
	ring_id = keyring_active(ring, NULL);
	make_products();
	for (i = 0; i < count; i++) {
		has_key = i % (count / keys) == 0 && k < keys;
		make_license(&l, k, has_key);
		write_rows(&l, ring_id, has_key);
		if (has_key)
			write_request(&l, ring, !l.unbound || k % 2 == 0);
		k += has_key;
	}
	keyring_free(ring);
	return (fclose(products) || fclose(licenses) || fclose(machines) ||
	    fclose(known) || fclose(requests));
}
