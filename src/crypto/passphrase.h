/*
 * The key ring's passphrase.  It comes from a file, never from an argument or
 * the environment itself: LICET_KEY_PASSPHRASE_FILE names it, otherwise it is
 * licet-passphrase in systemd's $CREDENTIALS_DIRECTORY.
 */
#ifndef CRYPTO_PASSPHRASE_H
#define CRYPTO_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#define PASSPHRASE_MAX	1024

/* To be wiped with passphrase_wipe() as soon as the ring is open. */
struct passphrase {
	char	text[PASSPHRASE_MAX];	/* no NUL */
	size_t	len;
};

/*
 * Reads the file without its last line end.  False with a sentence in `error'
 * if no file is named, it can't be read, or is empty or longer than
 * PASSPHRASE_MAX; `out' is then wiped.
 */
bool	passphrase_read(struct passphrase *out, char *error, size_t errsize);
void	passphrase_wipe(struct passphrase *passphrase);

#endif
