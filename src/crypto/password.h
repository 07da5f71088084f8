/*
 * Passwords of people: Argon2id, as PHC strings.  It is slow on purpose, some
 * 0.1 s and 64 MiB, so it never runs in a worker's loop: flow/aside.h.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN		12
#define PASSWORD_MAX		1024
#define PASSWORD_HASH_SIZE	128	/* with NUL */

/* All in one piece, so that it can be worked on elsewhere.  Wiped by whoever
 * made it. */
struct password_work {
	char	text[PASSWORD_MAX + 1];
	char	hash[PASSWORD_HASH_SIZE];
	bool	ok;
};

/* False: the password or the hash is too long to be one. */
bool	password_work_set(struct password_work *, const char *text,
	    const char *hash);

/* Makes `hash' of `text'; ok: there was memory for it. */
void	password_hash(void *work);

/*
 * Is `hash' that of `text'?  Not ok, too: no Argon2id hash, or one that asks
 * for more than a GiB or more than 64 passes.
 */
void	password_verify(void *work);

#endif
