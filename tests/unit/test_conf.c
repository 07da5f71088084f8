/* base/conf: what environments are taken, and what is said of the others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADMIN	"LICET_ADMIN_KEY=0123456789abcdef0123456789abcdef"
#define NEEDED	"LICET_PUBLIC_URL=https://x.test", \
	       "LICET_DATABASE_URL=postgresql://", "LICET_KEY_RING=/r", ADMIN
#define BTCPAY	"LICET_BTCPAY_URL=https://pay.test", \
	       "LICET_BTCPAY_STORE_ID=s", "LICET_BTCPAY_API_KEY=k", \
	       "LICET_BTCPAY_WEBHOOK_SECRET=w"

#define ENV(...)	(const char *const []){ __VA_ARGS__, NULL }

static struct buf	errors;

static bool
load(const char *const *environment)
{
	bool	ok;

	buf_free(&errors);
	buf_init(&errors, 65536);
	buf_puts(&errors, "");
	ok = conf_load((char *const *)(uintptr_t)environment, &errors);
	assert_int_equal(ok, errors.len == 0);

	return (ok);
}

static int
tear_down(void **state)
{
	buf_free(&errors);

	return (0);
}

static void
defaults(void **state)
{
	assert_true(load(ENV(NEEDED)));
	assert_string_equal(conf.env, "development");
	assert_string_equal(conf.listen, "127.0.0.1:8080");
	assert_int_equal(conf.workers, 2);
	assert_string_equal(conf.payments, "auto");
	assert_string_equal(conf.btcpay_api_key, "");
	assert_false(conf_is_production());
}

static void
values(void **state)
{
	assert_true(load(ENV(NEEDED, "LICET_WORKERS=64",
	    "LICET_ENV=production", "LICET_OPERATOR_NAME=a=b", "PATH=/bin",
	    "licet_workers=3", "LICET_LISTEN=", "LICET_PIDFILE=/p")));
	assert_int_equal(conf.workers, 64);
	assert_true(conf_is_production());
	assert_string_equal(conf.operator_name, "a=b");
	assert_string_equal(conf.listen, "127.0.0.1:8080");
	assert_string_equal(conf.pidfile, "/p");
	/* Nothing is left of the last time. */
	assert_true(load(ENV(NEEDED)));
	assert_int_equal(conf.workers, 2);
	assert_string_equal(conf.pidfile, "");
}

static void
urls_end_without_a_slash(void **state)
{
	assert_true(load(ENV("LICET_PUBLIC_URL=https://x.test/a/",
	    "LICET_DATABASE_URL=d", "LICET_KEY_RING=/r", ADMIN)));
	assert_string_equal(conf.public_url, "https://x.test/a");
	free((void *)(uintptr_t)conf.public_url);
}

/* Ours before KEYSAT_ before LICENSING_; what else Keysat has is nothing. */
static void
names_of_keysat(void **state)
{
	static const struct {
		const char	*environment[6];
		const char	*url;		/* NULL: refused */
	}	rows[] = {
		{ { "KEYSAT_PUBLIC_URL=https://k" }, "https://k" },
		{ { "LICENSING_PUBLIC_URL=https://l" }, "https://l" },
		{ { "LICENSING_PUBLIC_URL=https://l",
		    "KEYSAT_PUBLIC_URL=https://k" }, "https://k" },
		{ { "KEYSAT_PUBLIC_URL=", "LICENSING_PUBLIC_URL=https://l" },
		    "https://l" },
		{ { "KEYSAT_PUBLIC_URL=https://k", "LICET_PUBLIC_URL=" },
		    "https://k" },
		{ { "KEYSAT_PUBLIC_URL=https://k",
		    "LICET_PUBLIC_URL=https://o" }, "https://o" },
		{ { "KEYSAT_PUBLIC_URL=x" }, NULL },
		{ { "KEYSAT_PUBLIC_URLS=https://k" }, NULL },
		{ { "PUBLIC_URL=https://k" }, NULL },
		{ { "LICET_PUBLIC_URL=https://o", "KEYSAT_DB_PATH=/x",
		    "KEYSAT_PUBLIC_URL=x", "BTCPAY_NOISE=1" }, "https://o" },
	};
	const char	*env[16];
	size_t		 i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		env[0] = "LICET_DATABASE_URL=d";
		env[1] = "LICET_KEY_RING=/r";
		env[2] = ADMIN;
		for (n = 0; rows[i].environment[n] != NULL; n++)
			env[n + 3] = rows[i].environment[n];
		env[n + 3] = NULL;
		if (load(env) != (rows[i].url != NULL))
			fail_msg("row %zu: %s", i, errors.data);
		if (rows[i].url != NULL)
			assert_string_equal(conf.public_url, rows[i].url);
	}
	assert_true(load(ENV("KEYSAT_PUBLIC_URL=https://k", "LICET_KEY_RING=/r",
	    "LICET_DATABASE_URL=d", "KEYSAT_BIND=0.0.0.0:80",
	    "LICENSING_ADMIN_API_KEY=0123456789abcdef0123456789abcdef",
	    "KEYSAT_OPERATOR_NAME=n", "KEYSAT_LICENSE=l",
	    "LICENSING_LICENSE=x", "BTCPAY_URL=https://b",
	    "BTCPAY_STORE_ID=s", "BTCPAY_API_KEY=k",
	    "BTCPAY_WEBHOOK_SECRET=w")));
	assert_string_equal(conf.listen, "0.0.0.0:80");
	assert_string_equal(conf.operator_name, "n");
	assert_string_equal(conf.license, "l");
	assert_string_equal(conf.btcpay_browser_url, "https://b");
	assert_string_equal(conf.btcpay_webhook_secret, "w");
}

static void
refusals(void **state)
{
	static const struct {
		const char	*entry, *clue;
	}	rows[] = {
		{ "LICET_NONSENSE=1", "LICET_NONSENSE: there is no such" },
		{ "LICET_=1", "LICET_: there is no such" },
		{ "LICET_WORKER=1", "LICET_WORKER: there is no such" },
		{ "LICET_WORKERSX=1", "LICET_WORKERSX: there is no such" },
		{ "LICET_WORKERS_FILE=1", "LICET_WORKERS_FILE: there is no" },
		{ "LICET_listen=1", "LICET_listen: there is no such" },
		{ "LICET_DEV_DIR=", "LICET_DEV_DIR: there is no such" },
		{ "LICET_BIN=x", "LICET_BIN: there is no such" },
		{ "LICET_REPLICAS=2", "LICET_REPLICAS: there is no such" },
		{ "LICET_WORKERS=0", "LICET_WORKERS: `0' is not a number" },
		{ "LICET_WORKERS=65", "from 1 to 64 (processes)" },
		{ "LICET_WORKERS=-1", "LICET_WORKERS:" },
		{ "LICET_WORKERS=2x", "LICET_WORKERS:" },
		{ "LICET_WORKERS= 2", "LICET_WORKERS:" },
		{ "LICET_WORKERS=0x2", "LICET_WORKERS:" },
		{ "LICET_WORKERS=99999999999999999999", "LICET_WORKERS:" },
		{ "LICET_ENV=prod", "development|test|production" },
		{ "LICET_ENV=development|test", "LICET_ENV:" },
		{ "LICET_PAYMENTS=btcpay", "LICET_BTCPAY_URL: required" },
		{ "LICET_PUBLIC_URL=https://y.test", "given twice" },
		{ "LICET_ADMIN_KEY_FILE=/nonexistent", "given twice" },
		{ "LICET_BTCPAY_API_KEY_FILE=/nonexistent",
		    "LICET_BTCPAY_API_KEY_FILE: cannot open /nonexistent" },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (load(ENV(NEEDED, rows[i].entry)))
			fail_msg("%s: taken", rows[i].entry);
		if (strstr(errors.data, rows[i].clue) == NULL)
			fail_msg("%s: %s", rows[i].entry, errors.data);
	}
}

static void
one_setting_speaks_of_another(void **state)
{
	static const struct {
		const char	*environment[12];
		const char	*clue;		/* NULL: fine */
	}	rows[] = {
		{ { NEEDED, BTCPAY }, NULL },
		{ { NEEDED, BTCPAY, "LICET_ENV=production" }, NULL },
		{ { NEEDED, BTCPAY, "LICET_BTCPAY_PUBLIC_URL=x" },
		    "LICET_BTCPAY_PUBLIC_URL: not" },
		{ { NEEDED, "LICET_BTCPAY_URL=https://pay.test" }, NULL },
		{ { NEEDED, "LICET_BTCPAY_URL=https://pay.test",
		    "LICET_PAYMENTS=btcpay" },
		    "LICET_BTCPAY_STORE_ID: required" },
		{ { NEEDED, "LICET_BTCPAY_URL=https://pay.test",
		    "LICET_BTCPAY_API_KEY=k" },
		    "LICET_BTCPAY_STORE_ID: required" },
		{ { NEEDED, "LICET_BTCPAY_URL=x" }, "LICET_BTCPAY_URL: not" },
		{ { NEEDED, "LICET_RATES_KRAKEN_URL=off",
		    "LICET_RATES_COINBASE_URL=http://127.0.0.1:1/b/" }, NULL },
		{ { NEEDED, "LICET_RATES_KRAKEN_URL=api.kraken.com" },
		    "LICET_RATES_KRAKEN_URL: neither" },
		{ { NEEDED, "LICET_RATES_COINBASE_URL=none" },
		    "LICET_RATES_COINBASE_URL: neither" },
		{ { NEEDED, "LICET_RATES_COINGECKO_URL=OFF" },
		    "LICET_RATES_COINGECKO_URL: neither" },
		{ { NEEDED, "LICET_PAYMENTS=sandbox" }, NULL },
		{ { NEEDED, "LICET_OUTBOUND_INSECURE=on",
		    "LICET_ENV=production" },
		    "LICET_OUTBOUND_INSECURE: " },
		{ { NEEDED, "LICET_PAYMENTS=sandbox", "LICET_ENV=production" },
		    "LICET_PAYMENTS: sandbox is refused" },
		{ { NEEDED, "LICET_SECCOMP=off", "LICET_ENV=production" },
		    "LICET_SECCOMP: off is refused" },
		{ { NEEDED, "LICET_CLOCK=movable", "LICET_ENV=test" }, NULL },
		{ { NEEDED, "LICET_CLOCK=movable", "LICET_ENV=production" },
		    "LICET_CLOCK: movable is refused" },
		{ { "LICET_PUBLIC_URL=ftp://x", "LICET_DATABASE_URL=d",
		      "LICET_KEY_RING=/r", ADMIN },
		    "LICET_PUBLIC_URL: not" },
		{ { "LICET_PUBLIC_URL=http://x", "LICET_DATABASE_URL=d",
		      "LICET_KEY_RING=/r",
		      "LICET_ADMIN_KEY=0123456789abcdef0123456789abcde" },
		    "LICET_ADMIN_KEY: 32" },
	};
	size_t	i;
	bool	ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok = load(rows[i].environment);
		if (ok != (rows[i].clue == NULL) ||
		    (!ok && strstr(errors.data, rows[i].clue) == NULL))
			fail_msg("row %zu: %s", i, errors.data);
	}
}

static void
all_troubles_at_once(void **state)
{
	assert_false(load(ENV("LICET_WORKERS=x", "LICET_ENV=y", "LICET_Z=1")));
	assert_non_null(strstr(errors.data, "LICET_WORKERS: "));
	assert_non_null(strstr(errors.data, "LICET_ENV: "));
	assert_non_null(strstr(errors.data, "LICET_Z: "));
	assert_non_null(strstr(errors.data, "LICET_PUBLIC_URL: required"));
	assert_non_null(strstr(errors.data, "LICET_DATABASE_URL: required"));
	assert_non_null(strstr(errors.data, "LICET_KEY_RING: required"));
	assert_non_null(strstr(errors.data, "LICET_ADMIN_KEY: "));
}

static void
some_settings_only(void **state)
{
	static const char *const	names[] = { "LICET_DATABASE_URL",
	    NULL };
	const char *const		*env = ENV("LICET_DATABASE_URL=d",
	    "LICET_WORKERS=x", "LICET_ADMIN_KEY_FILE=/nonexistent",
	    "LICET_ENV=production");

	buf_reset(&errors);
	assert_true(conf_read((char *const *)(uintptr_t)env, names, &errors));
	assert_string_equal(conf.database_url, "d");
	assert_int_equal(conf.workers, 2);
	assert_string_equal(conf.env, "development");

	env = ENV("LICET_DATABASE_URL=d", "LICET_NONSENSE=1");
	assert_false(conf_read((char *const *)(uintptr_t)env, names, &errors));
	assert_non_null(strstr(errors.data, "LICET_NONSENSE"));
}

/* Of a secret's file the first line counts, whatever ends it. */
static void
secrets_in_files(void **state)
{
	static const struct {
		const char	*text, *value;
	}	rows[] = {
		{ "secret", "secret" },
		{ "secret\n", "secret" },
		{ "secret\r\nmore\n", "secret" },
		{ " a b ", " a b " },
		{ "", "" },
		{ "\nsecret", "" },
	};
	char	path[] = "/tmp/licet-conf.XXXXXX", entry[128];
	size_t	i;
	FILE	*f;
	int	fd;

	assert_int_not_equal(fd = mkstemp(path), -1);
	assert_int_equal(close(fd), 0);
	assert_true(snprintf(entry, sizeof(entry),
	    "LICET_BTCPAY_API_KEY_FILE=%s", path) > 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_non_null(f = fopen(path, "w"));
		assert_true(fputs(rows[i].text, f) >= 0);
		assert_int_equal(fclose(f), 0);
		assert_true(load(ENV(NEEDED, entry)));
		assert_string_equal(conf.btcpay_api_key, rows[i].value);
		free((void *)(uintptr_t)conf.btcpay_api_key);
		conf.btcpay_api_key = "";
	}
	assert_int_equal(unlink(path), 0);
}

static void
errors_have_no_secret(void **state)
{
	assert_false(load(ENV("LICET_ADMIN_KEY=hunter2", "LICET_ENV=x",
	    "LICET_BTCPAY_API_KEY=hunter2", "LICET_DATABASE_URL=hunter2",
	    "LICET_DATABASE_URL=hunter2", "LICET_PAYMENTS=btcpay")));
	assert_null(strstr(errors.data, "hunter2"));
}

static void
documents(void **state)
{
	static const char *const	names[] = { "LICET_ENV",
	    "LICET_WORKERS", "LICET_ADMIN_KEY_FILE", "LICET_PIDFILE" };
	struct buf			table, sample;
	size_t				i;
	char				*line, *next;

	buf_init(&table, 65536);
	buf_init(&sample, 65536);
	conf_document(&table);
	conf_example(&sample);
	assert_false(table.failed || sample.failed);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_non_null(strstr(table.data, names[i]));
		assert_non_null(strstr(sample.data, names[i]));
	}
	for (line = sample.data; (next = strchr(line, '\n')) != NULL;
	    line = next + 1) {
		assert_true(next == line || *line == '#');
		assert_true(next - line < 80);
	}
	buf_free(&table);
	buf_free(&sample);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(urls_end_without_a_slash),
		cmocka_unit_test(names_of_keysat),
		cmocka_unit_test(refusals),
		cmocka_unit_test(one_setting_speaks_of_another),
		cmocka_unit_test(all_troubles_at_once),
		cmocka_unit_test(some_settings_only),
		cmocka_unit_test(secrets_in_files),
		cmocka_unit_test(errors_have_no_secret),
		cmocka_unit_test(documents),
	};

	return (cmocka_run_group_tests(tests, NULL, tear_down));
}
