#include "base/conf.h"

#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX	8192

enum conf_kind {
	KIND_TEXT,
	KIND_CHOICE,
	KIND_SECRET,
	KIND_NUMBER
};

struct setting {
	const char	*name;
	enum conf_kind	 kind;
	size_t		 offset;	/* in struct conf */
	const char	*value;		/* default */
	const char	*choices;
	long long	 number, min, max;
	const char	*unit;
	const char	*help;
};

struct conf	conf;

static const struct setting	settings[] = {
#define TEXT(f, n, v, h)						\
	{ .name = n, .kind = KIND_TEXT, .offset = offsetof(struct conf, f), \
	    .value = v, .help = h },
#define CHOICE(f, n, v, c, h)						\
	{ .name = n, .kind = KIND_CHOICE, .offset = offsetof(struct conf, f), \
	    .value = v, .choices = c, .help = h },
#define SECRET(f, n, h)							\
	{ .name = n, .kind = KIND_SECRET, .offset = offsetof(struct conf, f), \
	    .value = "", .help = h },
#define NUMBER(f, n, v, lo, hi, u, h)					\
	{ .name = n, .kind = KIND_NUMBER, .offset = offsetof(struct conf, f), \
	    .number = v, .min = lo, .max = hi, .unit = u, .help = h },
#include "base/conf.def"
#undef TEXT
#undef CHOICE
#undef SECRET
#undef NUMBER
};

#define NSETTINGS	(sizeof(settings) / sizeof(settings[0]))

/*
 * Names by which Keysat knows settings, those that count before others first.
 * Other names of its environment are nothing to us.
 */
static const struct {
	const char	*theirs, *ours;
}	keysat[] = {
	{ "KEYSAT_BIND", "LICET_LISTEN" },
	{ "LICENSING_BIND", "LICET_LISTEN" },
	{ "KEYSAT_ADMIN_API_KEY", "LICET_ADMIN_KEY" },
	{ "LICENSING_ADMIN_API_KEY", "LICET_ADMIN_KEY" },
	{ "KEYSAT_PUBLIC_URL", "LICET_PUBLIC_URL" },
	{ "LICENSING_PUBLIC_URL", "LICET_PUBLIC_URL" },
	{ "KEYSAT_OPERATOR_NAME", "LICET_OPERATOR_NAME" },
	{ "LICENSING_OPERATOR_NAME", "LICET_OPERATOR_NAME" },
	{ "KEYSAT_LICENSE", "LICET_LICENSE" },
	{ "LICENSING_LICENSE", "LICET_LICENSE" },
	{ "KEYSAT_LICENSE", "LICET_LICENSE" },
	{ "LICENSING_LICENSE", "LICET_LICENSE" },
	{ "BTCPAY_URL", "LICET_BTCPAY_URL" },
	{ "BTCPAY_BROWSER_URL", "LICET_BTCPAY_BROWSER_URL" },
	{ "BTCPAY_PUBLIC_URL", "LICET_BTCPAY_PUBLIC_URL" },
	{ "BTCPAY_API_KEY", "LICET_BTCPAY_API_KEY" },
	{ "BTCPAY_STORE_ID", "LICET_BTCPAY_STORE_ID" },
	{ "BTCPAY_WEBHOOK_SECRET", "LICET_BTCPAY_WEBHOOK_SECRET" },
};

#define NKEYSAT		(sizeof(keysat) / sizeof(keysat[0]))

/* What the environment had so far: a secret comes in one of two ways. */
static bool	given[NSETTINGS];

static const char **
text_at(const struct setting *s)
{
	return ((const char **)(void *)((char *)&conf + s->offset));
}

static bool
is_choice(const char *choices, const char *value)
{
	size_t	n = strlen(value), len;

	for (; ; choices += len + 1) {
		len = strcspn(choices, "|");
		if (len == n && !strncmp(choices, value, n))
			return (true);
		if (choices[len] == '\0')
			return (false);
	}
}

static void
read_value(const struct setting *s, const char *value, struct buf *errors)
{
	long long	*number;

	if (s->kind == KIND_NUMBER) {
		number = (long long *)(void *)((char *)&conf + s->offset);
		if (!text_integer(value, s->min, s->max, number))
			buf_printf(errors, "%s: `%s' is not a number from "
			    "%lld to %lld (%s)\n", s->name, value, s->min,
			    s->max, s->unit);
		return;
	}
	if (s->kind == KIND_CHOICE && !is_choice(s->choices, value)) {
		buf_printf(errors, "%s: `%s' is none of %s\n", s->name, value,
		    s->choices);
		return;
	}
	*text_at(s) = value;
}

/* The file's first line; it stays in memory for good. */
static void
read_file(const struct setting *s, const char *path, struct buf *errors)
{
	char	*value;
	size_t	 n;
	FILE	*fp;

	if ((fp = fopen(path, "re")) == NULL) {
		buf_printf(errors, "%s_FILE: cannot open %s\n", s->name, path);
		return;
	}
	if ((value = calloc(1, SECRET_MAX)) == NULL) {
		fclose(fp);
		buf_printf(errors, "%s_FILE: no memory\n", s->name);
		return;
	}
	n = fread(value, 1, SECRET_MAX - 1, fp);
	fclose(fp);
	value[n] = '\0';
	value[strcspn(value, "\r\n")] = '\0';
	*text_at(s) = value;
}

static bool
is_wanted(const char *name, const char *const *names)
{
	if (names == NULL)
		return (true);
	for (; *names != NULL; names++) {
		if (!strcmp(*names, name))
			return (true);
	}
	return (false);
}

static void
read_one(const char *entry, const char *const *names, struct buf *errors)
{
	const struct setting	*s;
	const char		*eq = strchr(entry, '=');
	size_t			 n = (size_t)(eq - entry), len;
	bool			 file;

	for (s = settings; s < settings + NSETTINGS; s++) {
		len = strlen(s->name);
		if (strncmp(entry, s->name, len))
			continue;
		file = s->kind == KIND_SECRET && n == len + 5 &&
		    !strncmp(entry + len, "_FILE", 5);
		if (n != len && !file)
			continue;
		/* Empty: as if not there. */
		if (eq[1] == '\0' || !is_wanted(s->name, names))
			return;
		if (given[s - settings]) {
			buf_printf(errors, "%s: given twice\n", s->name);
			return;
		}
		given[s - settings] = true;
		if (file)
			read_file(s, eq + 1, errors);
		else
			read_value(s, eq + 1, errors);
		return;
	}
	buf_printf(errors, "%.*s: there is no such setting\n", (int)n, entry);
}

/* The value of a variable of the environment that isn't empty, or NULL. */
static const char *
find_value(char *const *environment, const char *name)
{
	size_t	len = strlen(name);

	for (; *environment != NULL; environment++) {
		if (!strncmp(*environment, name, len) &&
		    (*environment)[len] == '=' &&
		    (*environment)[len + 1] != '\0')
			return (*environment + len + 1);
	}
	return (NULL);
}

/* What is set by one of Keysat's names and not by ours. */
static void
read_keysat(char *const *environment, const char *const *names,
    struct buf *errors)
{
	const char	*value;
	size_t		 i, n;

	for (n = 0; n < NKEYSAT; n++) {
		value = find_value(environment, keysat[n].theirs);
		for (i = 0; value != NULL && i < NSETTINGS; i++) {
			if (given[i] ||
			    strcmp(settings[i].name, keysat[n].ours) ||
			    !is_wanted(settings[i].name, names))
				continue;
			given[i] = true;
			read_value(&settings[i], value, errors);
		}
	}
}

static void
require(const char *value, const char *name, struct buf *errors)
{
	if (*value == '\0')
		buf_printf(errors, "%s: required\n", name);
}

static void
check_btcpay(struct buf *errors)
{
	if (*conf.btcpay_url == '\0')
		return;
	if (!text_is_url(conf.btcpay_url))
		buf_puts(errors, "LICET_BTCPAY_URL: not an http or https URL\n");
	if (!text_is_url(conf.btcpay_browser_url))
		buf_puts(errors, "LICET_BTCPAY_BROWSER_URL: not an http or "
		    "https URL\n");
	if (*conf.btcpay_public_url != '\0' &&
	    !text_is_url(conf.btcpay_public_url))
		buf_puts(errors, "LICET_BTCPAY_PUBLIC_URL: not an http or https "
		    "URL\n");
	/* The URL alone is enough where the operator connects by consent. */
	if (*conf.btcpay_store_id == '\0' && *conf.btcpay_api_key == '\0' &&
	    *conf.btcpay_webhook_secret == '\0' &&
	    !conf_is(conf.payments, "btcpay"))
		return;
	require(conf.btcpay_store_id, "LICET_BTCPAY_STORE_ID", errors);
	require(conf.btcpay_api_key, "LICET_BTCPAY_API_KEY", errors);
	require(conf.btcpay_webhook_secret, "LICET_BTCPAY_WEBHOOK_SECRET",
	    errors);
}

static void
check_rates(const char *url, const char *name, struct buf *errors)
{
	if (!conf_is(url, "off") && !text_is_url(url))
		buf_printf(errors, "%s: neither an http or https URL nor "
		    "`off'\n", name);
}

bool
conf_check(struct buf *errors)
{
	bool	production = conf_is_production();

	require(conf.public_url, "LICET_PUBLIC_URL", errors);
	require(conf.database_url, "LICET_DATABASE_URL", errors);
	require(conf.key_ring, "LICET_KEY_RING", errors);
	if (*conf.public_url != '\0' && !text_is_url(conf.public_url))
		buf_puts(errors, "LICET_PUBLIC_URL: not an http or https URL\n");
	if (strlen(conf.admin_key) < 32)
		buf_puts(errors, "LICET_ADMIN_KEY: 32 characters or more are "
		    "required\n");
	if (production && conf_is(conf.payments, "sandbox"))
		buf_puts(errors, "LICET_PAYMENTS: sandbox is refused when "
		    "LICET_ENV=production\n");
	if (production && conf_is(conf.seccomp, "off"))
		buf_puts(errors, "LICET_SECCOMP: off is refused when "
		    "LICET_ENV=production\n");
	if (production && conf_is(conf.clock, "movable"))
		buf_puts(errors, "LICET_CLOCK: movable is refused when "
		    "LICET_ENV=production\n");
	if (production && conf_is(conf.outbound_insecure, "on"))
		buf_puts(errors, "LICET_OUTBOUND_INSECURE: on is refused when "
		    "LICET_ENV=production\n");
	if (conf_is(conf.payments, "btcpay"))
		require(conf.btcpay_url, "LICET_BTCPAY_URL", errors);
	check_btcpay(errors);
	if (*conf.upgrade_url != '\0' && !text_is_url(conf.upgrade_url))
		buf_puts(errors, "LICET_UPGRADE_URL: not an http or https "
		    "URL\n");
	check_rates(conf.rates_kraken_url, "LICET_RATES_KRAKEN_URL", errors);
	check_rates(conf.rates_coinbase_url, "LICET_RATES_COINBASE_URL",
	    errors);
	check_rates(conf.rates_coingecko_url, "LICET_RATES_COINGECKO_URL",
	    errors);
	return (errors->len == 0 && !errors->failed);
}

/* Links are made by appending, so a URL ends without a slash. */
static void
trim_slash(const char **url)
{
	size_t	 n = strlen(*url);
	char	*copy;

	if (n > 0 && (*url)[n - 1] == '/' &&
	    (copy = strndup(*url, n - 1)) != NULL)
		*url = copy;
}

bool
conf_read(char *const *environment, const char *const *names,
    struct buf *errors)
{
	char *const	*start = environment;
	size_t		 i;

	for (i = 0; i < NSETTINGS; i++) {
		given[i] = false;
		if (settings[i].kind == KIND_NUMBER)
			*(long long *)(void *)((char *)&conf +
			    settings[i].offset) = settings[i].number;
		else
			*text_at(&settings[i]) = settings[i].value;
	}
	for (; *environment != NULL; environment++) {
		if (!strncmp(*environment, "LICET_", 6) &&
		    strchr(*environment, '=') != NULL)
			read_one(*environment, names, errors);
	}
	read_keysat(start, names, errors);
	trim_slash(&conf.public_url);
	trim_slash(&conf.btcpay_url);
	trim_slash(&conf.btcpay_browser_url);
	trim_slash(&conf.btcpay_public_url);
	if (*conf.btcpay_public_url == '\0')
		conf.btcpay_public_url = conf.btcpay_browser_url;
	if (*conf.btcpay_browser_url == '\0')
		conf.btcpay_browser_url = conf.btcpay_url;
	return (errors->len == 0 && !errors->failed);
}

bool
conf_load(char *const *environment, struct buf *errors)
{
	conf_read(environment, NULL, errors);
	return (conf_check(errors));
}

bool
conf_is(const char *value, const char *choice)
{
	return (!strcmp(value, choice));
}

bool
conf_is_production(void)
{
	return (conf_is(conf.env, "production"));
}

/* "a|b|c" as `a`, `b`, `c`: a bar would end the table's cell. */
static void
put_choices(struct buf *b, const char *choices)
{
	size_t	len;

	for (;; choices += len + 1) {
		len = strcspn(choices, "|");
		buf_printf(b, "`%.*s`", (int)len, choices);
		if (choices[len] == '\0')
			return;
		buf_puts(b, ", ");
	}
}

/* A default as code, or nothing. */
static void
put_default(struct buf *b, const char *value)
{
	if (*value != '\0')
		buf_printf(b, "`%s` ", value);
}

void
conf_document(struct buf *b)
{
	const struct setting	*s;

	buf_puts(b, "| setting | default | allowed | meaning |\n"
	    "| --- | --- | --- | --- |\n");
	for (s = settings; s < settings + NSETTINGS; s++) {
		buf_printf(b, "| `%s` | ", s->name);
		if (s->kind == KIND_NUMBER) {
			buf_printf(b, "`%lld` | %lld to %lld (%s)", s->number,
			    s->min, s->max, s->unit);
		} else {
			put_default(b, s->value);
			buf_puts(b, "| ");
			if (s->kind == KIND_CHOICE)
				put_choices(b, s->choices);
			else if (s->kind == KIND_SECRET)
				buf_printf(b, "secret; or `%s_FILE`", s->name);
			else
				buf_puts(b, "text");
		}
		buf_printf(b, " | %s |\n", s->help);
	}
}

/* A comment, wrapped. */
static void
put_comment(struct buf *b, const char *text)
{
	size_t	column = 0, len;

	for (; *text != '\0'; text += len + strspn(text + len, " ")) {
		len = strcspn(text, " ");
		if (column == 0 || column + 1 + len > 78) {
			buf_puts(b, column == 0 ? "#" : "\n#");
			column = 1;
		}
		buf_printf(b, " %.*s", (int)len, text);
		column += 1 + len;
	}
	buf_puts(b, "\n");
}

void
conf_example(struct buf *b)
{
	const struct setting	*s;

	for (s = settings; s < settings + NSETTINGS; s++) {
		buf_puts(b, "\n");
		put_comment(b, s->help);
		if (s->kind == KIND_NUMBER)
			buf_printf(b, "# %lld to %lld, %s.\n#%s=%lld\n", s->min,
			    s->max, s->unit, s->name, s->number);
		else if (s->kind == KIND_CHOICE)
			buf_printf(b, "# One of %s.\n#%s=%s\n", s->choices,
			    s->name, s->value);
		else if (s->kind == KIND_SECRET)
			buf_printf(b, "# Or a file whose first line it is.\n"
			    "#%s=\n#%s_FILE=\n", s->name, s->name);
		else
			buf_printf(b, "#%s=%s\n", s->name, s->value);
	}
}
