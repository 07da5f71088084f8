/* Argon2id by libsodium, at its cost for interactive use. */
#include "crypto/password.h"

#include <sodium.h>

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#define KIB_MAX		(1u << 20)
#define PASSES_MAX	64

bool
password_work_set(struct password_work *w, const char *text, const char *hash)
{
	memset(w, 0, sizeof(*w));
	return (strlcpy(w->text, text, sizeof(w->text)) < sizeof(w->text) &&
	    strlcpy(w->hash, hash, sizeof(w->hash)) < sizeof(w->hash));
}

void
password_hash(void *work)
{
	struct password_work	*w = work;
	char			 out[crypto_pwhash_STRBYTES];

	_Static_assert(sizeof(out) <= sizeof(w->hash), "hashes have room");
	w->ok = crypto_pwhash_str_alg(out, w->text, strlen(w->text),
	    crypto_pwhash_OPSLIMIT_INTERACTIVE,
	    crypto_pwhash_MEMLIMIT_INTERACTIVE,
	    crypto_pwhash_ALG_ARGON2ID13) == 0;
	if (w->ok)
		memcpy(w->hash, out, sizeof(out));
}

/* A hash may come from elsewhere: its cost is not anybody's to choose. */
static bool
is_bearable(const char *hash)
{
	unsigned int	kib, passes;

	return (sscanf(hash, "$argon2id$v=19$m=%9u,t=%9u,", &kib,
	    &passes) == 2 && kib <= KIB_MAX && passes <= PASSES_MAX);
}

void
password_verify(void *work)
{
	struct password_work	*w = work;

	w->ok = is_bearable(w->hash) && crypto_pwhash_str_verify(w->hash,
	    w->text, strlen(w->text)) == 0;
}
