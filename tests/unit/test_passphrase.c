/* crypto/passphrase: which file, and what of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/passphrase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char	folder[] = "/tmp/licet-pass.XXXXXX";
static char	named[64], credential[64];
static char	error[512];

static void
put(const char *path, const char *data, size_t len)
{
	FILE	*f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
content(void **state)
{
	static const struct {
		const char	*file;
		size_t		 len;
		const char	*want;		/* NULL: refused */
		size_t		 want_len;
	} rows[] = {
		{ "secret\n", 7, "secret", 6 },
		{ "secret", 6, "secret", 6 },
		{ "secret\r\n", 8, "secret", 6 },
		{ "secret\n\n", 8, "secret\n", 7 },
		{ " two words ", 11, " two words ", 11 },
		{ "nul\0inside\n", 11, "nul\0inside", 10 },
		{ "", 0, NULL, 0 },
		{ "\n", 1, NULL, 0 },
	};
	struct passphrase	p;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(named, rows[i].file, rows[i].len);
		assert_int_equal(passphrase_read(&p, error, sizeof(error)),
		    rows[i].want != NULL);
		assert_int_equal(p.len, rows[i].want_len);
		if (rows[i].want != NULL)
			assert_memory_equal(p.text, rows[i].want, p.len);
		else
			assert_non_null(strstr(error, "empty"));
	}
}

static void
longest(void **state)
{
	struct passphrase	p;
	char			data[PASSPHRASE_MAX + 10];

	memset(data, 'p', sizeof(data));
	data[PASSPHRASE_MAX] = '\n';
	put(named, data, PASSPHRASE_MAX + 1);
	assert_true(passphrase_read(&p, error, sizeof(error)));
	assert_int_equal(p.len, PASSPHRASE_MAX);
	data[PASSPHRASE_MAX] = 'p';
	put(named, data, PASSPHRASE_MAX + 1);
	assert_false(passphrase_read(&p, error, sizeof(error)));
	assert_non_null(strstr(error, "longer"));
	put(named, data, sizeof(data));
	assert_false(passphrase_read(&p, error, sizeof(error)));
}

static void
places(void **state)
{
	struct passphrase	p;

	put(named, "named", 5);
	put(credential, "credential", 10);
	assert_true(passphrase_read(&p, error, sizeof(error)));
	assert_memory_equal(p.text, "named", 5);

	assert_int_equal(unsetenv("LICET_KEY_PASSPHRASE_FILE"), 0);
	assert_true(passphrase_read(&p, error, sizeof(error)));
	assert_memory_equal(p.text, "credential", 10);
	passphrase_wipe(&p);
	assert_int_equal(p.len, 0);
	assert_int_equal(p.text[0], 0);

	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_false(passphrase_read(&p, error, sizeof(error)));
	assert_non_null(strstr(error, "LICET_KEY_PASSPHRASE_FILE"));

	assert_int_equal(setenv("LICET_KEY_PASSPHRASE_FILE", "/nowhere/at/all",
	    1), 0);
	assert_false(passphrase_read(&p, error, sizeof(error)));
	assert_non_null(strstr(error, "/nowhere/at/all"));
	assert_int_equal(setenv("LICET_KEY_PASSPHRASE_FILE", folder, 1), 0);
	assert_false(passphrase_read(&p, error, sizeof(error)));
}

static int
setup(void **state)
{
	return (setenv("LICET_KEY_PASSPHRASE_FILE", named, 1) == 0 &&
	    setenv("CREDENTIALS_DIRECTORY", folder, 1) == 0 ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(content, setup),
		cmocka_unit_test_setup(longest, setup),
		cmocka_unit_test_setup(places, setup),
	};
	int	failed;

	if (mkdtemp(folder) == NULL)
		return (1);
	(void)snprintf(named, sizeof(named), "%s/named", folder);
	(void)snprintf(credential, sizeof(credential), "%s/licet-passphrase",
	    folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(named);
	(void)unlink(credential);
	(void)rmdir(folder);

	return (failed);
}
