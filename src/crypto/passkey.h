/*
 * Passkeys (WebAuthn level 3), as far as bytes go: what a browser sends when
 * one is made and when one signs.  libfido2 reads the authenticators' CBOR and
 * checks signatures; here is what it can't know: whose site, which ceremony.
 *
 * Refused: another origin or site, another type, frames of other sites,
 * algorithms but ES256 and EdDSA (Ed25519), nobody at the key, and nobody
 * proven to be there where that is wanted.  Attestation is not asked for: what
 * kind of key it is doesn't matter.
 */
#ifndef CRYPTO_PASSKEY_H
#define CRYPTO_PASSKEY_H

#include "crypto/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PASSKEY_ES256		(-7)	/* COSE */
#define PASSKEY_EDDSA		(-8)
#define PASSKEY_KEY_MAX		64	/* x and y; Ed25519: 32 */
#define PASSKEY_ID_MIN		16
#define PASSKEY_ID_MAX		1023
#define PASSKEY_SITE_MAX	256

/* Of this server's public URL. */
struct passkey_site {
	char	id[PASSKEY_SITE_MAX];		/* "licenses.example" */
	char	origin[PASSKEY_SITE_MAX + 16];	/* "https://licenses.example" */
};

/*
 * False: browsers make no passkeys there, since its host is an address, or it
 * is neither https nor localhost.
 */
bool		 passkey_site(const char *url, struct passkey_site *);

enum passkey_type {
	PASSKEY_CREATE,		/* "webauthn.create" */
	PASSKEY_GET
};

/*
 * clientDataJSON, which the browser wrote: is it of this ceremony and site?
 * NULL and the challenge with a NUL, as token_new() made it; else why not, a
 * sentence for people.
 */
const char	*passkey_client_check(const void *json, size_t len,
		    enum passkey_type, const struct passkey_site *,
		    char challenge[TOKEN_SIZE]);

struct passkey_key {
	int	 algorithm;
	uint8_t	 bytes[PASSKEY_KEY_MAX];
	size_t	 len;
};

struct passkey_made {
	struct passkey_key	 key;
	uint8_t			 id[PASSKEY_ID_MAX];
	size_t			 id_len;
	uint32_t		 sign_count;
	bool			 verified;	/* it asked who is there */
};

/* Authenticator data of a new one.  NULL: it is; else why not. */
const char	*passkey_made_read(const void *data, size_t len,
		    const struct passkey_site *, struct passkey_made *);

/* What one signed. */
struct passkey_signed {
	const void	*client;	/* clientDataJSON */
	size_t		 client_len;
	const void	*data;		/* authenticatorData */
	size_t		 data_len;
	const void	*signature;
	size_t		 signature_len;
};

/*
 * Did this key sign it, for this site, with somebody there?  `verified': who
 * proved who they are.  NULL and its count; else why not.
 */
const char	*passkey_signed_check(const struct passkey_signed *,
		    const struct passkey_key *, const struct passkey_site *,
		    bool verified, uint32_t *sign_count);

#endif
