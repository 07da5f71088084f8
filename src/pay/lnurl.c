#include "pay/lnurl.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/sha256.h"

#include <string.h>
#include <strings.h>

#define USER_MAX	64
#define DOMAIN_MAX	253	/* RFC 1035 */
#define REASON_MAX	200	/* bytes of a host's own words */
/* Where a double still holds every integer. */
#define DOUBLE_MAX	9007199254740992.0

static const char	letters[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* ---- the address ---- */

/* Labels between dots, none empty; an IP address is one of these, too. */
static bool
is_domain(const char *s, size_t len)
{
	size_t	i;

	if (len == 0 || len > DOMAIN_MAX || s[0] == '.' || s[len - 1] == '.')
		return (false);
	for (i = 0; i + 1 < len; i++) {
		if (s[i] == '.' && s[i + 1] == '.')
			return (false);
	}
	return (true);
}

static bool
is_port(const char *s)
{
	long long	port;

	return (text_integer(s, 1, 65535, &port));
}

bool
lnurl_is_address(const char *s, bool insecure)
{
	size_t		 user = strspn(s, letters), domain;
	const char	*rest;

	/* A user of dots would be a step of the URL's path. */
	if (strlen(s) > LNURL_ADDRESS_MAX || user == 0 || user > USER_MAX ||
	    s[user] != '@' || strspn(s, ".") == user)
		return (false);
	domain = strspn(s + user + 1, letters);
	if (!is_domain(s + user + 1, domain))
		return (false);
	rest = s + user + 1 + domain;
	return (*rest == '\0' ||
	    (insecure && *rest == ':' && is_port(rest + 1)));
}

const char *
lnurl_address_url(struct arena *a, const char *address, bool insecure)
{
	const char	*at = strchr(address, '@');

	if (!lnurl_is_address(address, insecure))
		return (NULL);
	return (arena_printf(a, "%s://%s/.well-known/lnurlp/%.*s",
	    insecure ? "http" : "https", at + 1, (int)(at - address),
	    address));
}

/* ---- answers ---- */

/*
 * The host's reason, for a log and a table: no controls, not too long, and not
 * cut within a character.
 */
static const char *
quote_reason(struct arena *a, const char *reason)
{
	size_t	 n = strlen(reason), i;
	char	*s;

	if (n > REASON_MAX) {
		for (n = REASON_MAX; (reason[n] & 0xc0) == 0x80; n--)
			;
	}
	s = arena_strndup(a, reason, n);
	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < ' ' || s[i] == 127)
			s[i] = ' ';
	}
	return (arena_printf(a, "the host says: %s", s));
}

/* The answer's object; NULL: `*why' says why, maybe by the host's words. */
static json_t *
read_object(struct arena *a, const char *body, size_t len, const char **why)
{
	const char	*status, *reason;
	json_t		*j;
	char		 text[96];

	if ((j = json_read(body, len, text, sizeof(text))) == NULL) {
		*why = arena_printf(a, "the host's answer is no JSON: %s",
		    text);
		return (NULL);
	}
	status = json_text(j, "status");
	reason = json_text(j, "reason");
	if (!json_is_object(j))
		*why = "the host's answer is no object";
	else if (status != NULL && !strcasecmp(status, "ERROR"))
		*why = quote_reason(a, reason == NULL ? "an error" : reason);
	else
		return (j);
	json_decref(j);
	return (NULL);
}

/* Millisatoshis; some write 100000000000 as 1e11. */
static bool
read_msat(const json_t *value, int64_t *msat)
{
	double	number;

	if (json_is_integer(value)) {
		*msat = json_integer_value(value);
	} else if (json_is_real(value)) {
		number = json_real_value(value);
		if (!(number >= 0 && number <= DOUBLE_MAX))
			return (false);
		*msat = (int64_t)number;
		if ((double)*msat < number)
			return (false);
	} else {
		return (false);
	}
	return (*msat >= 0);
}

/* It is called with a query behind it, so there is to be no fragment. */
static bool
is_callback(const char *url, bool insecure)
{
	const char	*host;

	if (url == NULL || !text_is_url(url) || strchr(url, '#') != NULL ||
	    strchr(url, '\\') != NULL)
		return (false);
	if (strncasecmp(url, "https://", 8) && !insecure)
		return (false);
	/* Nor a name and a password before the host. */
	host = strstr(url, "://") + 3;
	return (memchr(host, '@', strcspn(host, "/?")) == NULL);
}

static const char *
read_pay(struct arena *a, const json_t *j, bool insecure,
    struct lnurl_pay *out)
{
	const char	*tag = json_text(j, "tag");
	const char	*callback = json_text(j, "callback");
	const char	*metadata = json_text(j, "metadata");

	if (tag == NULL || strcmp(tag, "payRequest"))
		return ("the host's answer is no payRequest");
	if (!is_callback(callback, insecure))
		return ("the payRequest has no callback that can be called");
	if (metadata == NULL || *metadata == '\0')
		return ("the payRequest has no metadata");
	if (!read_msat(json_object_get(j, "minSendable"), &out->min_msat) ||
	    !read_msat(json_object_get(j, "maxSendable"), &out->max_msat) ||
	    out->max_msat < out->min_msat || out->max_msat == 0)
		return ("the payRequest has no amounts that make sense");
	out->callback = arena_strdup(a, callback);
	out->metadata = arena_strdup(a, metadata);
	return (NULL);
}

bool
lnurl_pay_read(struct arena *a, const char *body, size_t len, bool insecure,
    struct lnurl_pay *out, const char **why)
{
	json_t	*j;

	*out = (struct lnurl_pay){ .callback = NULL };
	*why = NULL;
	if ((j = read_object(a, body, len, why)) == NULL)
		return (false);
	*why = read_pay(a, j, insecure, out);
	json_decref(j);
	return (*why == NULL);
}

bool
lnurl_pay_takes(struct arena *a, const struct lnurl_pay *pay, int64_t msat,
    const char **why)
{
	*why = NULL;
	if (msat > 0 && msat >= pay->min_msat && msat <= pay->max_msat)
		return (true);
	*why = arena_printf(a, "the host takes %lld to %lld millisatoshis, "
	    "not %lld", (long long)pay->min_msat, (long long)pay->max_msat,
	    (long long)msat);
	return (false);
}

const char *
lnurl_callback_url(struct arena *a, const struct lnurl_pay *pay, int64_t msat)
{
	const char	*query = strchr(pay->callback, '?');
	const char	*between = "&";

	if (query == NULL)
		between = "?";
	else if (query[1] == '\0' || query[strlen(query) - 1] == '&')
		between = "";
	return (arena_printf(a, "%s%samount=%lld", pay->callback, between,
	    (long long)msat));
}

const char *
lnurl_invoice_read(struct arena *a, const char *body, size_t len,
    const char **why)
{
	const char	*pr;
	char		*copy = NULL;
	json_t		*j;

	*why = NULL;
	if ((j = read_object(a, body, len, why)) == NULL)
		return (NULL);
	pr = json_text(j, "pr");
	if (pr == NULL || *pr == '\0' || strlen(pr) > BOLT11_TEXT_MAX)
		*why = "the host's answer has no invoice";
	else
		copy = arena_strdup(a, pr);
	json_decref(j);
	return (copy);
}

/* ---- the invoice ---- */

bool
lnurl_check(const char *pr, int64_t msat, const char *metadata,
    struct bolt11 *invoice, const char **why)
{
	uint8_t	hash[SHA256_LEN];

	*why = NULL;
	sha256(metadata, strlen(metadata), hash);
	if (!bolt11_read(pr, strlen(pr), invoice))
		*why = "the host's invoice can't be read";
	else if (msat <= 0 || invoice->amount_msat != msat)
		*why = "the host's invoice is over another amount";
	else if (!invoice->has_description_hash ||
	    memcmp(invoice->description_hash, hash, sizeof(hash)))
		*why = "the host's invoice is for something else than its "
		    "metadata says";
	return (*why == NULL);
}
