#include "cli/verify.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cli/startup.h"
#include "crypto/keyring.h"
#include "crypto/license_key.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX	(LICENSE_KEY_TEXT_MAX + 1024)	/* white space around */
#define ERROR_MAX	8192

static bool	key_read(const char *, struct buf *);
static int	key_judge(const struct license_key *);
static void	key_show(const struct license_key *);
static void	show_time(const char *, uint64_t);
static void	show_entitlements(const struct license_key *);
static void	show_text(const char *, size_t);

int
cli_verify(const char *file)
{
	struct license_key	 key;
	struct buf		 text;
	uint8_t			*bytes = NULL;
	size_t			 size;
	int			 status = 1;

	buf_init(&text, TEXT_MAX);
	if (key_read(file, &text)) {
		size = LICENSE_KEY_BUFFER(text.len) + 1;
		if ((bytes = malloc(size)) == NULL)
			(void)fprintf(stderr, "licetctl: no memory\n");
		else if (!license_key_parse(&key, text.data, text.len, bytes,
		    size))
			(void)fprintf(stderr, "licetctl: this is no license "
			    "key: LIC1-...-... was expected\n");
		else
			status = key_judge(&key);
	}
	free(bytes);
	buf_free(&text);
	return (status);
}

static bool
key_read(const char *file, struct buf *text)
{
	char	 part[4096];
	size_t	 n;
	FILE	*fp = stdin;
	bool	 ok;

	if (!strcmp(file, "-")) {
		file = "standard input";
	} else if ((fp = fopen(file, "re")) == NULL) {
		(void)fprintf(stderr, "licetctl: cannot open %s: %s\n", file,
		    strerror(errno));
		return (false);
	}
	buf_puts(text, "");
	while ((n = fread(part, 1, sizeof(part), fp)) > 0 && !text->failed)
		buf_put(text, part, n);
	ok = !ferror(fp);
	if (!ok)
		(void)fprintf(stderr, "licetctl: cannot read %s: %s\n", file,
		    strerror(errno));
	if (fp != stdin)
		(void)fclose(fp);
	if (ok && text->failed)
		(void)fprintf(stderr, "licetctl: %s is too long for a license "
		    "key\n", file);
	return (ok && !text->failed);
}

static int
key_judge(const struct license_key *key)
{
	struct keyring	*ring;
	struct buf	 error;
	bool		 ours;

	buf_init(&error, ERROR_MAX);
	if ((ring = startup_ring(&error)) == NULL) {
		(void)fprintf(stderr, "licetctl: %s\n",
		    error.len > 0 ? error.data : "no memory");
		buf_free(&error);
		return (1);
	}
	buf_free(&error);
	key_show(key);
	ours = keyring_verify(ring, key);
	keyring_free(ring);
	(void)printf("signature     %s\n", ours ? "good: a key of this ring" :
	    "BAD: not by a key of this ring");
	if (!ours)
		(void)fprintf(stderr, "licetctl: the key was forged or "
		    "altered, or another ring signed it\n");
	return (ours ? 0 : 1);
}

static void
key_show(const struct license_key *key)
{
	char	text[65];

	(void)printf("version       %u\n", key->version);
	uuid_format(key->product_id, text);
	(void)printf("product       %s\n", text);
	uuid_format(key->license_id, text);
	(void)printf("license       %s\n", text);
	show_time("issued", key->issued_at);
	if (key->expires_at == 0)
		(void)printf("expires       never\n");
	else
		show_time("expires", key->expires_at);
	(void)printf("trial         %s\n",
	    key->flags & LICENSE_KEY_TRIAL ? "yes" : "no");
	if (key->flags & LICENSE_KEY_BOUND) {
		text_hex(key->fingerprint_hash, 32, text);
		(void)printf("bound to      %s\n", text);
	}
	show_entitlements(key);
}

/* A key may claim any 64 bits; years of four digits are dates. */
static void
show_time(const char *what, uint64_t seconds)
{
	char	text[CLOCK_TEXT_SIZE];

	if (seconds < 253402300800) {
		clock_format((int64_t)seconds, text);
		(void)printf("%-13s %s\n", what, text);
	} else {
		(void)printf("%-13s %llu seconds after 1970\n", what,
		    (unsigned long long)seconds);
	}
}

static void
show_entitlements(const struct license_key *key)
{
	const char	*slug;
	size_t		 offset = 0, len;

	while (license_key_entitlement(key, &offset, &slug, &len)) {
		(void)printf("entitlement   ");
		show_text(slug, len);
		(void)putchar('\n');
	}
}

/* Whoever made the key doesn't get to drive the terminal. */
static void
show_text(const char *text, size_t len)
{
	size_t	i;

	for (i = 0; i < len; i++)
		(void)putchar((unsigned char)text[i] < 32 || text[i] == 127 ?
		    '?' : text[i]);
}
