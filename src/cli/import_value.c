#include "cli/import_value.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "crypto/sha256.h"
#include "pay/sealed.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMTP_PURPOSE	"merchant_profiles.smtp_password"
#define TIME_MAX	64

static enum import_result
put_text(const char *text, size_t len, struct buf *out)
{
	enum import_result	r = IMPORT_FINE;
	const char		*nul = memchr(text, '\0', len);
	size_t			 i;

	if (nul != NULL) {
		len = (size_t)(nul - text);
		r = IMPORT_MENDED;
	}
	if (utf8_valid(text, len)) {
		buf_put(out, text, len);
		return (r);
	}
	for (i = 0; i < len; i++)
		buf_put(out, (unsigned char)text[i] < 0x80 ? text + i : "?", 1);
	return (IMPORT_MENDED);
}

static enum import_result
put_uuid(const char *text, size_t len, struct buf *out)
{
	uint8_t	id[UUID_LEN];
	char	form[UUID_TEXT_LEN + 1];

	if (!uuid_parse(text, len, id))
		return (IMPORT_UNREADABLE);
	uuid_format(id, form);
	buf_puts(out, form);
	return (IMPORT_FINE);
}

static enum import_result
put_integer(const char *text, size_t len, struct buf *out)
{
	long long	n;
	size_t		whole = len;

	/* 12.0, as a column without a type may hold it. */
	if (len > 2 && !memcmp(text + len - 2, ".0", 2))
		whole = len - 2;
	buf_put(out, text, whole);
	if (memchr(text, '\0', len) == NULL && !out->failed &&
	    text_integer(out->data, LLONG_MIN, LLONG_MAX, &n))
		return (IMPORT_FINE);
	buf_reset(out);
	return (IMPORT_UNREADABLE);
}

static enum import_result
put_flag(const char *text, struct buf *out)
{
	if (!strcmp(text, "1") || !strcasecmp(text, "true"))
		buf_puts(out, "true");
	else if (!strcmp(text, "0") || !strcasecmp(text, "false"))
		buf_puts(out, "false");
	else
		return (IMPORT_UNREADABLE);
	return (IMPORT_FINE);
}

/* Seconds, or milliseconds from 1973 on, since 1970; fractions dropped. */
static bool
put_unix(const char *text, struct buf *out)
{
	char		form[CLOCK_TEXT_SIZE], whole[24];
	size_t		len = strspn(text, "0123456789"), end = len;
	long long	n;

	if (text[end] == '.')
		end += 1 + strspn(text + end + 1, "0123456789");
	if (text[end] != '\0' || len >= sizeof(whole))
		return (false);
	(void)snprintf(whole, sizeof(whole), "%.*s", (int)len, text);
	if (!text_integer(whole, 0, 253402300799999, &n))
		return (false);
	if (n >= 100000000000)
		clock_format_us((int64_t)n * 1000, form);
	else
		clock_format(n, form);
	buf_puts(out, form);
	return (true);
}

/*
 * 2026-01-31T12:00:00.123456789+00:00, 2026-01-31 12:00:00 (which is UTC, as
 * with a Z or the letters UTC behind it), 2026-01-31.
 */
static enum import_result
put_time(const char *text, size_t len, struct buf *out)
{
	char		date[TIME_MAX], form[CLOCK_TEXT_SIZE], fraction[8];
	const char	*rest;
	size_t		n = 0;
	int64_t		seconds;

	if (len >= TIME_MAX || memchr(text, '\0', len) != NULL)
		return (IMPORT_UNREADABLE);
	if (put_unix(text, out))
		return (IMPORT_FINE);
	fraction[0] = '\0';
	if (len == 10) {
		(void)snprintf(date, sizeof(date), "%sT00:00:00Z", text);
	} else if (len < 19) {
		return (IMPORT_UNREADABLE);
	} else {
		rest = text + 19;
		if (*rest == '.') {
			n = 1 + strspn(rest + 1, "0123456789");
			(void)snprintf(fraction, sizeof(fraction), "%.*s",
			    n > 7 ? 7 : (int)n, rest);
			rest += n;
		}
		rest += strspn(rest, " ");
		if (*rest == '\0' || !strcasecmp(rest, "UTC"))
			rest = "Z";
		/* +00 and +0000 are +00:00. */
		n = strlen(rest);
		(void)snprintf(date, sizeof(date), "%.10sT%.8s%.3s%s%s", text,
		    text + 11, rest, n == 3 ? ":00" :
		    n == 5 ? ":" : "", n > 3 ? rest + 3 : "");
		if (text[10] != ' ' && text[10] != 'T' && text[10] != 't')
			return (IMPORT_UNREADABLE);
	}
	if (!clock_parse(date, &seconds))
		return (IMPORT_UNREADABLE);
	clock_format(seconds, form);
	buf_printf(out, "%.*s%sZ", (int)strlen(form) - 1, form,
	    strlen(fraction) > 1 ? fraction : "");
	return (IMPORT_FINE);
}

static enum import_result
put_json(const char *text, size_t len, struct buf *out)
{
	json_t	*value;
	char	 why[256], *dumped;

	if ((value = json_read(text, len, why, sizeof(why))) == NULL)
		return (IMPORT_UNREADABLE);
	dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
	if (dumped == NULL)
		return (IMPORT_UNREADABLE);
	buf_puts(out, dumped);
	free(dumped);
	return (IMPORT_FINE);
}

static bool
is_hash(const char *text, size_t len)
{
	return (len == 64 && strspn(text, "0123456789abcdefABCDEF") == 64);
}

static void
put_hash_of(const char *text, size_t len, struct buf *out)
{
	char	hex[SHA256_HEX_SIZE];

	sha256_hex(text, len, hex);
	buf_puts(out, hex);
}

/* The same row has the same id each time. */
static enum import_result
put_audit_id(const char *text, size_t len, struct buf *out)
{
	uint8_t	hash[SHA256_LEN];
	char	form[UUID_TEXT_LEN + 1];

	if (put_uuid(text, len, out) == IMPORT_FINE)
		return (IMPORT_FINE);
	sha256(text, len, hash);
	uuid_format(hash, form);
	buf_puts(out, form);
	return (IMPORT_FINE);
}

static enum import_result
put_sealed(const char *purpose, const char *text, size_t len, const char *id,
    const struct keyring *ring, struct buf *out)
{
	struct arena	arena;

	if (id == NULL || memchr(text, '\0', len) != NULL)
		return (IMPORT_UNREADABLE);
	arena_init(&arena);
	buf_puts(out, pay_seal(&arena, ring, purpose, id, text));
	arena_reset(&arena);
	return (IMPORT_FINE);
}

static enum import_result
put_secret(enum import_kind kind, const char *text, size_t len,
    const char *id, const struct keyring *ring, struct buf *out)
{
	switch (kind) {
	case IMPORT_API_KEY:
		return (put_sealed(PAY_SEALED_API_KEY, text, len, id, ring,
		    out));
	case IMPORT_WEBHOOK_SECRET:
		return (put_sealed(PAY_SEALED_WEBHOOK_SECRET, text, len, id,
		    ring, out));
	case IMPORT_ENDPOINT_SECRET:
		return (put_sealed(PAY_SEALED_ENDPOINT_SECRET, text, len, id,
		    ring, out));
	case IMPORT_SMTP_PASSWORD:
		return (put_sealed(SMTP_PURPOSE, text, len, id, ring, out));
	default:
		return (IMPORT_UNREADABLE);
	}
}

enum import_result
import_value(enum import_kind kind, const char *text, size_t len,
    const char *id, const struct keyring *ring, struct buf *out)
{
	if (text == NULL || (len == 0 && kind != IMPORT_TEXT))
		return (IMPORT_NOTHING);
	switch (kind) {
	case IMPORT_TEXT:
		return (put_text(text, len, out));
	case IMPORT_UUID:
		return (put_uuid(text, len, out));
	case IMPORT_INTEGER:
		return (put_integer(text, len, out));
	case IMPORT_FLAG:
		return (put_flag(text, out));
	case IMPORT_TIME:
		return (put_time(text, len, out));
	case IMPORT_JSON:
		return (put_json(text, len, out));
	case IMPORT_HASH:
		if (!is_hash(text, len))
			return (IMPORT_UNREADABLE);
		buf_put(out, text, len);
		return (IMPORT_FINE);
	case IMPORT_ACTOR:
		if (is_hash(text, len))
			buf_put(out, text, len);
		else
			put_hash_of(text, len, out);
		return (IMPORT_FINE);
	case IMPORT_FINGERPRINT:
		put_hash_of(text, len, out);
		return (IMPORT_FINE);
	case IMPORT_AUDIT_ID:
		return (put_audit_id(text, len, out));
	default:
		return (put_secret(kind, text, len, id, ring, out));
	}
}
