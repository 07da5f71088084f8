/*
 * cli/key: what an operator sees.  Each command runs in a child, as it would
 * by hand, with its output in files.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../../src/cli/key.c"

#include "vectors.h"

#include <sys/wait.h>

static char	folder[] = "/tmp/licet-key.XXXXXX";
static char	out[4096], err[4096];

static const char *
path(const char *name)
{
	static char	paths[4][96];
	static int	next;
	char		*p = paths[next++ % 4];

	(void)snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);

	return (p);
}

static void
put(const char *name, const char *text)
{
	FILE	*f = fopen(path(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
get(const char *name, char *text, size_t size)
{
	FILE	*f = fopen(path(name), "r");

	assert_non_null(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
}

/* Runs `licetctl key verb argument'; returns its exit status. */
static int
run(const char *verb, const char *argument)
{
	char	*argv[4] = { (char *)"key", (char *)verb, (char *)argument };
	int	 status, argc = argument != NULL ? 3 : verb != NULL ? 2 : 1;
	pid_t	 pid;

	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		if (freopen(path("out"), "w", stdout) == NULL ||
		    freopen(path("err"), "w", stderr) == NULL)
			_exit(99);
		status = cli_key(argc, argv);
		(void)fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	get("out", out, sizeof(out));
	get("err", err, sizeof(err));

	return (WEXITSTATUS(status));
}

static void
assert_trouble(const char *text)
{
	assert_string_equal(out, "");
	if (strstr(err, text) == NULL)
		fail_msg("no \"%s\" in: %s", text, err);
	assert_null(strstr(err, "battery staple"));
}

static void
a_life_of_a_ring(void **state)
{
	json_t		*vectors = vectors_load(), *signing;
	const char	*line;

	assert_non_null(vectors);
	signing = json_object_get(vectors, "signing");
	assert_int_equal(run("create", NULL), 0);
	assert_string_equal(err, "");
	assert_int_equal(strncmp(out, "1 active ", 9), 0);
	assert_int_equal(run("create", NULL), 1);
	assert_trouble("exists");

	assert_int_equal(run("add", NULL), 0);
	assert_non_null(strstr(out, "1 active "));
	assert_non_null(strstr(out, "\n2 known "));
	assert_int_equal(run("activate", "2"), 0);
	assert_int_equal(run("list", NULL), 0);
	assert_non_null(strstr(out, "1 known "));
	assert_non_null(strstr(out, "\n2 active "));
	assert_int_equal(run("rotate", NULL), 0);
	assert_non_null(strstr(out, "\n3 active "));

	put("private.pem", vectors_text(signing, "privateKeyPkcs8V2Pem"));
	assert_int_equal(run("import", path("private.pem")), 0);
	assert_non_null(line = strstr(out, "\n4 known "));
	assert_non_null(strstr(line,
	    vectors_text(signing, "publicKeyRawHex")));
	assert_int_equal(run("import", path("private.pem")), 1);
	assert_trouble("already");
	assert_int_equal(run("activate", "4"), 0);
	assert_int_equal(run("public", NULL), 0);
	assert_string_equal(out, vectors_text(signing, "publicKeyPem"));
	json_decref(vectors);
}

/* Editors wait for each other: nobody's key is lost. */
static void
adding_at_once(void **state)
{
	char	*argv[] = { (char *)"key", (char *)"add", NULL };
	pid_t	 pids[4];
	int	 i, status;

	assert_int_equal(run("create", NULL), 0);
	for (i = 0; i < 4; i++) {
		assert_int_not_equal(pids[i] = fork(), -1);
		if (pids[i] == 0) {
			if (freopen("/dev/null", "w", stdout) == NULL)
				_exit(99);
			_exit(cli_key(2, argv));
		}
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(run("list", NULL), 0);
	assert_non_null(strstr(out, "\n5 known "));
}

static void
trouble_is_said(void **state)
{
	static const char *const	ids[] = { "5", "0", "-1", "1x", "",
		" 1", "99999", "4294967297" };
	size_t				i;

	assert_int_equal(run("create", NULL), 0);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(run("activate", ids[i]), 1);
		assert_trouble("no key");
	}
	assert_int_equal(run("import", path("absent.pem")), 1);
	assert_trouble("No such file");
	put("private.pem", "battery staple");
	assert_int_equal(run("import", path("private.pem")), 1);
	assert_trouble("not an Ed25519 private key");

	put("passphrase", "another battery staple");
	assert_int_equal(run("list", NULL), 1);
	assert_trouble("wrong passphrase");
	(void)unlink(path("ring"));
	assert_int_equal(run("list", NULL), 1);
	assert_trouble("No such file");
	put("passphrase", "short");
	assert_int_equal(run("create", NULL), 1);
	assert_trouble("at least");
}

static void
usage_and_settings(void **state)
{
	assert_int_equal(run(NULL, NULL), 2);
	assert_trouble("usage:");
	assert_int_equal(run("destroy", NULL), 2);
	assert_trouble("usage:");
	assert_int_equal(run("activate", NULL), 2);
	assert_trouble("usage:");
	assert_int_equal(run("list", "extra"), 2);
	assert_trouble("usage:");

	assert_int_equal(unsetenv("LICET_KEY_PASSPHRASE_FILE"), 0);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(run("list", NULL), 1);
	assert_trouble("LICET_KEY_PASSPHRASE_FILE");
	assert_int_equal(unsetenv("LICET_KEY_RING"), 0);
	assert_int_equal(run("list", NULL), 1);
	assert_trouble("LICET_KEY_RING");
}

static int
setup(void **state)
{
	put("passphrase", "correct horse battery staple\n");
	(void)unlink(path("ring"));

	return (setenv("LICET_KEY_RING", path("ring"), 1) == 0 &&
	    setenv("LICET_KEY_PASSPHRASE_FILE", path("passphrase"), 1) == 0 ?
	    0 : -1);
}

int
main(void)
{
	static const char *const	names[] = { "ring", "passphrase",
		"private.pem", "out", "err" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_life_of_a_ring, setup),
		cmocka_unit_test_setup(adding_at_once, setup),
		cmocka_unit_test_setup(trouble_is_said, setup),
		cmocka_unit_test_setup(usage_and_settings, setup),
	};
	int	failed;
	size_t	i;

	if (mkdtemp(folder) == NULL)
		return (1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path(names[i]));
	(void)rmdir(folder);

	return (failed);
}
