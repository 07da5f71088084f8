#include "crypto/passkey.h"

#include "base/json.h"
#include "crypto/cbor.h"
#include "crypto/sha256.h"

#include <bsd/string.h>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CLIENT_MAX	4096	/* bytes of clientDataJSON */
#define DATA_MAX	8192
#define FLAG_PRESENT	0x01	/* of authenticator data */
#define FLAG_VERIFIED	0x04
#define FLAG_MADE	0x40
#define FLAG_MORE	0x80
#define FLAGS_AT	32	/* after the site's hash */
#define COUNT_END	37
#define ID_LEN_AT	(COUNT_END + 16)
#define DIGITS		"0123456789"

static const char	nobody[] = "Nobody touched the passkey.";

/* ---- the site ---- */

/* The last label of a name is no number; of an IPv4 address it is. */
static bool
is_address(const char *host)
{
	const char	*last = strrchr(host, '.');

	last = last == NULL ? host : last + 1;
	return (strspn(last, DIGITS) == strlen(last));
}

static bool
is_localhost(const char *host)
{
	size_t	n = strlen(host);

	return (!strcmp(host, "localhost") ||
	    (n > 10 && !strcmp(host + n - 10, ".localhost")));
}

/* ":8443", or "" for none and the scheme's own; NULL: it is no port. */
static const char *
port_of(const char *p, bool https, char port[8])
{
	size_t	digits;

	port[0] = '\0';
	if (*p != ':')
		return (port);
	digits = strspn(p + 1, DIGITS);
	if (digits == 0 || digits > 5 || (p[1 + digits] != '\0' &&
	    strchr("/?#", p[1 + digits]) == NULL))
		return (NULL);
	memcpy(port, p, digits + 1);
	port[digits + 1] = '\0';
	return (strcmp(port, https ? ":443" : ":80") ? port : "");
}

bool
passkey_site(const char *url, struct passkey_site *s)
{
	bool		 https = !strncasecmp(url, "https://", 8);
	const char	*host = url + (https ? 8 : 7), *port;
	char		 digits[8];
	size_t		 len, i;

	memset(s, 0, sizeof(*s));
	if (!https && strncasecmp(url, "http://", 7))
		return (false);
	len = strcspn(host, ":/?#");
	if (len == 0 || len >= sizeof(s->id))
		return (false);
	for (i = 0; i < len; i++)
		s->id[i] = host[i] >= 'A' && host[i] <= 'Z' ?
		    (char)(host[i] + 'a' - 'A') : host[i];
	if (strspn(s->id, "abcdefghijklmnopqrstuvwxyz.-" DIGITS) != len ||
	    is_address(s->id) || (!https && !is_localhost(s->id)) ||
	    (port = port_of(host + len, https, digits)) == NULL)
		return (false);
	(void)snprintf(s->origin, sizeof(s->origin), "%s://%s%s",
	    https ? "https" : "http", s->id, port);
	return (true);
}

/* ---- what the browser wrote ---- */

static const char *
client_judge(const json_t *j, enum passkey_type type,
    const struct passkey_site *s, char challenge[TOKEN_SIZE])
{
	const char	*said = json_text(j, "type");
	const char	*origin = json_text(j, "origin");
	const char	*asked = json_text(j, "challenge");

	if (said == NULL || strcmp(said, type == PASSKEY_CREATE ?
	    "webauthn.create" : "webauthn.get"))
		return ("This is not what was asked of the passkey.");
	if (origin == NULL || strcmp(origin, s->origin))
		return ("The passkey was used at another address than "
		    "LICET_PUBLIC_URL.");
	if (json_is_true(json_object_get(j, "crossOrigin")) ||
	    json_object_get(j, "topOrigin") != NULL)
		return ("The passkey was used within another site's page.");
	if (asked == NULL || strlen(asked) != TOKEN_LEN)
		return ("The passkey answers another request.");
	memcpy(challenge, asked, TOKEN_SIZE);
	return (NULL);
}

const char *
passkey_client_check(const void *text, size_t len, enum passkey_type type,
    const struct passkey_site *s, char challenge[TOKEN_SIZE])
{
	const char	*why;
	char		 error[96];
	json_t		*j;

	memset(challenge, 0, TOKEN_SIZE);
	if (len > CLIENT_MAX ||
	    (j = json_read(text, len, error, sizeof(error))) == NULL)
		return ("What the browser says of the passkey can't be read.");
	why = client_judge(j, type, s, challenge);
	json_decref(j);
	return (why);
}

/* ---- what the authenticator wrote ---- */

/*
 * Site, flags, count; of a new one the model, its id, its key; then extensions,
 * if the flags say so; and no more.
 */
static bool
data_is_sound(const uint8_t *p, size_t len, bool is_new)
{
	size_t	at = COUNT_END, n;

	if (len < at || len > DATA_MAX ||
	    is_new != ((p[FLAGS_AT] & FLAG_MADE) != 0))
		return (false);
	if (is_new) {
		at = ID_LEN_AT + 2;
		if (len < at)
			return (false);
		at += (size_t)p[ID_LEN_AT] << 8 | p[ID_LEN_AT + 1];
		if (len < at)
			return (false);
		n = cbor_item_len(p + at, len - at, CBOR_DEPTH);
		if (n == 0)
			return (false);
		at += n;
	}
	if (p[FLAGS_AT] & FLAG_MORE) {
		n = cbor_item_len(p + at, len - at, CBOR_DEPTH);
		if (n == 0)
			return (false);
		at += n;
	}
	return (at == len);
}

static bool
is_of_site(const void *data, const struct passkey_site *s)
{
	uint8_t	hash[SHA256_LEN];

	sha256(s->id, strlen(s->id), hash);
	return (!memcmp(data, hash, sizeof(hash)));
}

/* ---- a new one ---- */

/* libfido2 wants to be told the algorithm, and refuses another. */
static fido_cred_t *
made_parse(const void *data, size_t len, int algorithm)
{
	fido_cred_t	*c = fido_cred_new();

	if (c != NULL && (fido_cred_set_type(c, algorithm) != FIDO_OK ||
	    fido_cred_set_authdata_raw(c, data, len) != FIDO_OK))
		fido_cred_free(&c);
	return (c);
}

/* A key that is none would be found out when it signs: too late. */
static bool
key_is_sound(const struct passkey_key *k)
{
	eddsa_pk_t	*ed = NULL;
	es256_pk_t	*es = NULL;
	bool		 ok = false;

	if (k->algorithm == PASSKEY_ES256 && k->len == 64 &&
	    (es = es256_pk_new()) != NULL)
		ok = es256_pk_from_ptr(es, k->bytes, k->len) == FIDO_OK;
	if (k->algorithm == PASSKEY_EDDSA && k->len == 32 &&
	    (ed = eddsa_pk_new()) != NULL)
		ok = eddsa_pk_from_ptr(ed, k->bytes, k->len) == FIDO_OK;
	es256_pk_free(&es);
	eddsa_pk_free(&ed);
	return (ok);
}

static const char *
made_copy(const fido_cred_t *c, int algorithm, struct passkey_made *m)
{
	size_t	key = fido_cred_pubkey_len(c), id = fido_cred_id_len(c);

	if (id < PASSKEY_ID_MIN || id > sizeof(m->id) ||
	    key > sizeof(m->key.bytes))
		return ("This passkey's id or key is of no known length.");
	memcpy(m->id, fido_cred_id_ptr(c), id);
	m->id_len = id;
	m->key.algorithm = algorithm;
	memcpy(m->key.bytes, fido_cred_pubkey_ptr(c), key);
	m->key.len = key;
	m->sign_count = fido_cred_sigcount(c);
	m->verified = fido_cred_flags(c) & FLAG_VERIFIED;
	if (!(fido_cred_flags(c) & FLAG_PRESENT))
		return (nobody);
	return (key_is_sound(&m->key) ? NULL :
	    "This passkey's key is none of its algorithm.");
}

const char *
passkey_made_read(const void *data, size_t len, const struct passkey_site *s,
    struct passkey_made *m)
{
	const char	*why;
	fido_cred_t	*c;
	int		 algorithm = PASSKEY_ES256;

	memset(m, 0, sizeof(*m));
	if (!data_is_sound(data, len, true))
		return ("The passkey's data can't be read.");
	if (!is_of_site(data, s))
		return ("This passkey is of another site.");
	if ((c = made_parse(data, len, algorithm)) == NULL)
		c = made_parse(data, len, algorithm = PASSKEY_EDDSA);
	if (c == NULL)
		return ("The passkey's algorithm is neither ES256 nor EdDSA.");
	why = made_copy(c, algorithm, m);
	fido_cred_free(&c);
	return (why);
}

/* ---- one that signs ---- */

static bool
assert_fill(fido_assert_t *a, const struct passkey_signed *p,
    const struct passkey_site *s, bool verified)
{
	uint8_t	hash[SHA256_LEN];

	sha256(p->client, p->client_len, hash);
	return (fido_assert_set_count(a, 1) == FIDO_OK &&
	    fido_assert_set_rp(a, s->id) == FIDO_OK &&
	    fido_assert_set_clientdata_hash(a, hash, sizeof(hash)) ==
	    FIDO_OK &&
	    fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
	    fido_assert_set_uv(a, verified ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) ==
	    FIDO_OK &&
	    fido_assert_set_authdata_raw(a, 0, p->data, p->data_len) ==
	    FIDO_OK &&
	    fido_assert_set_sig(a, 0, p->signature, p->signature_len) ==
	    FIDO_OK);
}

static bool
assert_verify(const fido_assert_t *a, const struct passkey_key *k)
{
	eddsa_pk_t	*ed = NULL;
	es256_pk_t	*es = NULL;
	bool		 ok = false;

	if (k->algorithm == PASSKEY_ES256 && (es = es256_pk_new()) != NULL)
		ok = es256_pk_from_ptr(es, k->bytes, k->len) == FIDO_OK &&
		    fido_assert_verify(a, 0, COSE_ES256, es) == FIDO_OK;
	if (k->algorithm == PASSKEY_EDDSA && (ed = eddsa_pk_new()) != NULL)
		ok = eddsa_pk_from_ptr(ed, k->bytes, k->len) == FIDO_OK &&
		    fido_assert_verify(a, 0, COSE_EDDSA, ed) == FIDO_OK;
	es256_pk_free(&es);
	eddsa_pk_free(&ed);
	return (ok);
}

/* libfido2 asks the same once more; here each has its own sentence. */
static const char *
data_judge(const uint8_t *data, const struct passkey_site *s, bool verified)
{
	if (!is_of_site(data, s))
		return ("This passkey is of another site.");
	if (!(data[FLAGS_AT] & FLAG_PRESENT))
		return (nobody);
	if (verified && !(data[FLAGS_AT] & FLAG_VERIFIED))
		return ("The passkey did not ask who you are, by PIN or "
		    "finger; so it is good only after the password.");
	return (NULL);
}

const char *
passkey_signed_check(const struct passkey_signed *p,
    const struct passkey_key *k, const struct passkey_site *s, bool verified,
    uint32_t *sign_count)
{
	const char	*why;
	fido_assert_t	*a;

	*sign_count = 0;
	if (!data_is_sound(p->data, p->data_len, false))
		return ("What the passkey signed can't be read.");
	if ((why = data_judge(p->data, s, verified)) != NULL)
		return (why);
	if ((a = fido_assert_new()) == NULL)
		return ("There is no memory for this now; try again.");
	if (!assert_fill(a, p, s, verified))
		why = "What the passkey signed can't be read.";
	else if (!assert_verify(a, k))
		why = "The passkey's signature is wrong.";
	else
		*sign_count = fido_assert_sigcount(a, 0);
	fido_assert_free(&a);
	return (why);
}
