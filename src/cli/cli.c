#include "cli/cli.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/version.h"
#include "cli/clock.h"
#include "cli/docs.h"
#include "cli/doctor.h"
#include "cli/import.h"
#include "cli/key.h"
#include "cli/startup.h"
#include "cli/verify.h"
#include "db/migrate.h"
#include "db/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ERRORS_MAX	65536
#define PATIENCE	10	/* s, for a database that starts beside us */

struct command {
	const char	*name;
	const char	*arguments;
	const char	*help;
	int		 least, most;	/* words after the name */
	int		(*run)(int argc, char **argv, const struct resource *);
};

static int	run_clock(int, char **, const struct resource *);
static int	run_doctor(int, char **, const struct resource *);
static int	run_docs(int, char **, const struct resource *);
static int	run_import(int, char **, const struct resource *);
static int	run_help(int, char **, const struct resource *);
static int	run_key(int, char **, const struct resource *);
static int	run_migrate(int, char **, const struct resource *);
static int	run_settings(int, char **, const struct resource *);
static int	run_verify(int, char **, const struct resource *);
static int	run_version(int, char **, const struct resource *);
static int	usage(FILE *);
static bool	read_settings(const char *const *);
static bool	require(const char *, const char *);
static int	complain(const char *, const struct buf *);

static const struct command	commands[] = {
	{ "migrate", "", "bring the database's schema up to this release",
	    0, 0, run_migrate },
	{ "key", "VERB", "make and edit the key ring (`licetctl key' lists "
	    "the verbs)", 0, 9, run_key },
	{ "doctor", "", "check settings, key ring, database and payment "
	    "provider", 0, 0, run_doctor },
	{ "verify", "FILE|-", "show what a license key says and who signed it",
	    1, 1, run_verify },
	{ "import", "keysat FILE", "take over a Keysat server's database "
	    "(`licetctl import' says how)", 0, 5, run_import },
	{ "clock", "VERB", "move the clock by which the server keeps its "
	    "rules (tests only)", 0, 2, run_clock },
	{ "settings", "check", "say what is wrong with the settings",
	    1, 1, run_settings },
	{ "docs", "PAGE", "print api, configuration, env, errors or metrics",
	    1, 1, run_docs },
	{ "version", "", "print the release", 0, 0, run_version },
	{ "help", "", "print this", 0, 0, run_help },
};

#define COMMAND_COUNT	(sizeof(commands) / sizeof(commands[0]))

int
cli_main(int argc, char **argv, const struct resource *resources)
{
	const struct command	*c;
	const char		*name;
	size_t			 i;

	if (argc < 2)
		return (usage(stderr));
	name = argv[1];
	if (!strcmp(name, "-h") || !strcmp(name, "--help"))
		name = "help";
	else if (!strcmp(name, "-v") || !strcmp(name, "--version"))
		name = "version";
	for (i = 0; i < COMMAND_COUNT; i++) {
		c = &commands[i];
		if (strcmp(name, c->name))
			continue;
		if (argc - 2 < c->least || argc - 2 > c->most) {
			(void)fprintf(stderr, "usage: licetctl %s%s%s\n",
			    c->name, *c->arguments == '\0' ? "" : " ",
			    c->arguments);
			return (2);
		}
		return (c->run(argc - 1, argv + 1, resources));
	}
	(void)fprintf(stderr, "licetctl: there is no command `%s'\n", name);
	return (usage(stderr));
}

/* 2, the status of a wrong call. */
static int
usage(FILE *to)
{
	char	words[32];
	size_t	i;

	(void)fprintf(to, "usage: licetctl COMMAND\n");
	for (i = 0; i < COMMAND_COUNT; i++) {
		(void)snprintf(words, sizeof(words), "%s %s",
		    commands[i].name, commands[i].arguments);
		(void)fprintf(to, "  %-16s%s\n", words, commands[i].help);
	}
	(void)fprintf(to, "Settings come from the environment, as the "
	    "server's do: see `licetctl docs env'.\n");
	return (2);
}

static int
run_help(int argc, char **argv, const struct resource *resources)
{
	(void)argc;
	(void)argv;
	(void)resources;
	(void)usage(stdout);
	return (0);
}

static int
run_version(int argc, char **argv, const struct resource *resources)
{
	(void)argc;
	(void)argv;
	(void)resources;
	(void)printf("licet %s\n", LICET_VERSION);
	return (0);
}

static int
run_docs(int argc, char **argv, const struct resource *resources)
{
	(void)argc;
	return (cli_docs(argv[1], resources));
}

static int
run_key(int argc, char **argv, const struct resource *resources)
{
	static const char *const	names[] = { "LICET_KEY_RING",
	    "LICET_KEY_PASSPHRASE_FILE", NULL };

	(void)resources;
	if (!read_settings(names))
		return (1);
	return (cli_key(argc, argv));
}

static int
run_clock(int argc, char **argv, const struct resource *resources)
{
	static const char *const	names[] = { "LICET_DATABASE_URL",
	    "LICET_ENV", "LICET_CLOCK", NULL };

	(void)resources;
	if (!read_settings(names))
		return (1);
	return (cli_clock(argc, argv));
}

static int
run_import(int argc, char **argv, const struct resource *resources)
{
	static const char *const	names[] = { "LICET_DATABASE_URL",
	    "LICET_KEY_RING", "LICET_KEY_PASSPHRASE_FILE", "LICET_ENV",
	    "LICET_CLOCK", "LICET_BTCPAY_PUBLIC_URL", NULL };

	(void)resources;
	if (!read_settings(names))
		return (1);
	return (cli_import(argc, argv));
}

static int
run_verify(int argc, char **argv, const struct resource *resources)
{
	static const char *const	names[] = { "LICET_KEY_RING",
	    "LICET_KEY_PASSPHRASE_FILE", NULL };

	(void)argc;
	(void)resources;
	if (!read_settings(names) || !require(conf.key_ring, "LICET_KEY_RING"))
		return (1);
	return (cli_verify(argv[1]));
}

static int
run_doctor(int argc, char **argv, const struct resource *resources)
{
	(void)argc;
	(void)argv;
	(void)resources;
	return (cli_doctor());
}

static int
run_settings(int argc, char **argv, const struct resource *resources)
{
	struct buf	errors;
	int		status = 0;

	(void)argc;
	(void)resources;
	if (strcmp(argv[1], "check")) {
		(void)fprintf(stderr, "usage: licetctl settings check\n");
		return (2);
	}
	buf_init(&errors, ERRORS_MAX);
	if (startup_settings(environ, &errors))
		(void)printf("the settings are fine\n");
	else
		status = complain("", &errors);
	buf_free(&errors);
	return (status);
}

static int
run_migrate(int argc, char **argv, const struct resource *resources)
{
	static const char *const	 names[] = { "LICET_DATABASE_URL",
	    NULL };
	struct db_session		*db;
	struct buf			 report, error;
	bool				 ok = false;

	(void)argc;
	(void)argv;
	(void)resources;
	if (!read_settings(names) ||
	    !require(conf.database_url, "LICET_DATABASE_URL"))
		return (1);
	buf_init(&report, ERRORS_MAX);
	buf_init(&error, ERRORS_MAX);
	if ((db = db_session_open(PATIENCE, &error)) != NULL) {
		ok = migrate_up(db, &report, &error);
		db_session_close(db);
	}
	if (report.len > 0)
		(void)fputs(report.data, stdout);
	else if (ok)
		(void)printf("nothing to do\n");
	if (!ok)
		(void)complain("migrate: ", &error);
	buf_free(&report);
	buf_free(&error);
	return (ok ? 0 : 1);
}

static bool
read_settings(const char *const *names)
{
	struct buf	errors;
	bool		ok;

	buf_init(&errors, ERRORS_MAX);
	ok = conf_read(environ, names, &errors);
	if (!ok)
		(void)complain("", &errors);
	buf_free(&errors);
	return (ok);
}

static bool
require(const char *value, const char *name)
{
	if (*value == '\0')
		(void)fprintf(stderr, "licetctl: %s: required\n", name);
	return (*value != '\0');
}

/* Each line of it; 1, the status of a failure. */
static int
complain(const char *what, const struct buf *lines)
{
	const char	*line = lines->data;
	size_t		 len;

	while (line != NULL && *line != '\0') {
		len = strcspn(line, "\n");
		(void)fprintf(stderr, "licetctl: %s%.*s\n", what, (int)len,
		    line);
		line += len + (line[len] == '\n');
	}
	return (1);
}
