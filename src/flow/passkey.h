/*
 * Passkeys for the web login (crypto/passkey.h has the bytes): what one is
 * asked to sign, who is let in by it, and who is taken for the one who signed
 * in.  What is to be signed is a row that goes when it is used, whatever then
 * comes of it; so of two replicas that get the same one lets in.
 */
#ifndef FLOW_PASSKEY_H
#define FLOW_PASSKEY_H

#include "crypto/passkey.h"
#include "flow/flow.h"

/* Where a browser gets what is to be signed, without a password: POST. */
#define PASSKEY_ASK_PATH	"/admin/login/passkey/begin"
/* The same to confirm a session. */
#define PASSKEY_ASK_AGAIN_PATH	"/v1/admin/confirm/passkey/begin"

/*
 * This server's site.  False after flow_fail(): LICET_PUBLIC_URL is none that
 * browsers make passkeys for.
 */
bool		 passkey_here(struct flow *, struct passkey_site *);

/* ---- what is to be signed ---- */

/* A new challenge and, in the arena, the hash that the database keeps. */
const char	*passkey_challenge(struct flow *, char challenge[TOKEN_SIZE]);

/*
 * A JSON text for navigator.credentials.get(), {"publicKey":{...}}; `named' is
 * the list of passkeys that may answer, or NULL for any that knows this site.
 * NULL after flow_fail().
 */
const char	*passkey_options(struct flow *, const char *challenge,
		    const char *named, bool verified);

/* ---- what was signed: f->state begins with this ---- */

enum passkey_result {
	PASSKEY_WRONG,		/* `why'; the audit trail says so */
	PASSKEY_IN		/* with a cookie, or the session is confirmed */
};

struct passkey_try {
	bool			 confirms;	/* f->session, by a step before */
	enum passkey_result	 result;
	const char		*why;		/* a sentence for people */
	struct passkey_signed	 given;
	const char		*credential_id;	/* hexadecimal */
	char			 challenge[TOKEN_SIZE];
	char			 token[TOKEN_SIZE];
};

/*
 * A member of credential.response, or of the credential itself, decoded into
 * the arena; NULL: there is none, or it is no base64url.
 */
const void	*passkey_bytes(struct flow *, const json_t *, const char *name,
		    size_t *len);

/* The form's field `credential' as f->body's member, if it is JSON. */
void		 passkey_read_form(struct flow *);

/* They read f->body's member `credential', as its toJSON() gives it. */
enum flow_next	 passkey_take(struct flow *);
enum flow_next	 passkey_judge(struct flow *);
enum flow_next	 passkey_end(struct flow *);
/* clang-format off */
#define PASSKEY_STEPS							\
	FLOW_STEP(passkey_take),	/* sql  passkey_use */		\
	FLOW_STEP(passkey_judge),	/* sql  passkey_begin, ... */	\
	FLOW_STEP(passkey_end)
/* clang-format on */

#endif
