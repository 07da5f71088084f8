/*
 * A Keysat server's signing key, into the key ring.  Refuses anything but
 * Ed25519 in PKCS#8.
 */
#include "cli/import.h"

#include "base/conf.h"
#include "cli/source.h"
#include "crypto/keyring.h"
#include "crypto/passphrase.h"
#include "crypto/pem.h"
#include "crypto/start.h"

#include <bsd/string.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define ERROR_SIZE	5120	/* a path and a sentence */

static bool
seed_read(struct source *s, uint8_t seed[32], struct buf *error)
{
	static const char *const	columns[] = { "private_key_pem" };
	struct source_cursor		*c;
	const char			*text = NULL;
	size_t				 len = 0;
	bool				 ok;

	if (!source_has(s, "server_keys")) {
		buf_puts(error, "this is no database of Keysat's: it has no "
		    "signing key");
		return (false);
	}
	if ((c = source_read(s, "server_keys", columns, 1, NULL,
	    columns[0], error)) == NULL)
		return (false);
	if (source_next(c, error) == 1)
		text = source_text(c, 0, &len);
	ok = text != NULL && pem_private_read(text, len, seed);
	if (!ok && error->len == 0)
		buf_puts(error, "its signing key is not an Ed25519 private "
		    "key in PKCS#8 PEM");
	source_done(c);
	return (ok);
}

static struct keyring *
ring_edit(const struct passphrase *p, const uint8_t seed[32], bool is_dry,
    char why[ERROR_SIZE])
{
	struct keyring	*ring;
	unsigned int	 id;

	if ((ring = keyring_open(conf.key_ring, p->text, p->len, why,
	    ERROR_SIZE)) == NULL)
		return (NULL);
	if ((id = keyring_find_seed(ring, seed)) == 0)
		id = keyring_import_seed(ring, seed);
	else if (id == keyring_active(ring, NULL))
		return (ring);
	if (id != 0 && keyring_activate(ring, id) && (is_dry ||
	    keyring_save(ring, conf.key_ring, p->text, p->len, why,
	    ERROR_SIZE)))
		return (ring);
	if (id == 0)
		(void)strlcpy(why, "the key ring is full", ERROR_SIZE);
	keyring_free(ring);
	return (NULL);
}

struct keyring *
import_key(struct source *s, bool is_dry, struct buf *error)
{
	struct passphrase	 passphrase;
	struct keyring		*ring = NULL;
	uint8_t			 seed[32];
	char			 why[ERROR_SIZE] = "";
	int			 lock = -1;

	if (!crypto_start()) {
		buf_puts(error, "the cryptographic library does not start");
		return (NULL);
	}
	if (!seed_read(s, seed, error))
		return (NULL);
	if (passphrase_read(&passphrase, why, sizeof(why)) && (is_dry ||
	    (lock = keyring_lock(conf.key_ring, why, sizeof(why))) != -1))
		ring = ring_edit(&passphrase, seed, is_dry, why);
	passphrase_wipe(&passphrase);
	explicit_bzero(seed, sizeof(seed));
	if (lock != -1)
		(void)close(lock);
	if (ring == NULL)
		buf_puts(error, why);
	return (ring);
}
