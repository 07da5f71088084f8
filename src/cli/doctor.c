#include "cli/doctor.h"

#include "base/buf.h"
#include "base/conf.h"
#include "cli/doctor_private.h"
#include "cli/startup.h"
#include "crypto/keyring.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX	65536
#define SPARE_FILES	256	/* as in serve/setup.c */

static bool	failed;

static void		 check_settings(void);
static struct keyring	*check_ring(void);
static void		 check_private(const char *, const char *);
static void		 check_public_url(void);
static void		 check_files(void);

int
cli_doctor(void)
{
	struct keyring	*ring;

	failed = false;
	check_settings();
	check_public_url();
	ring = check_ring();
	doctor_database(ring);
	doctor_provider(ring);
	doctor_mail();
	keyring_free(ring);
	check_files();
	return (failed ? 1 : 0);
}

void
doctor_say(enum doctor_level level, const char *what, const char *fmt, ...)
{
	static const char *const	words[] = { "ok  ", "warn", "FAIL" };
	va_list				ap;

	(void)printf("%s %s: ", words[level], what);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	(void)fflush(stdout);
	if (level == DOCTOR_FAIL)
		failed = true;
}

static void
check_settings(void)
{
	struct buf	 errors;
	const char	*line;
	size_t		 len;

	buf_init(&errors, TEXT_MAX);
	if (startup_settings(environ, &errors)) {
		doctor_say(DOCTOR_OK, "settings", "complete, for %s%s",
		    conf.env, *conf.trusted_proxies == '\0' ?
		    "; no proxy is trusted" : "");
	} else if (errors.len == 0) {
		doctor_say(DOCTOR_FAIL, "settings", "too much is wrong");
	}
	for (line = errors.data; line != NULL && *line != '\0';) {
		len = strcspn(line, "\n");
		doctor_say(DOCTOR_FAIL, "settings", "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	buf_free(&errors);
}

static struct keyring *
check_ring(void)
{
	struct keyring	*ring;
	struct buf	 error;

	if (*conf.key_ring == '\0')
		return (NULL);
	buf_init(&error, TEXT_MAX);
	ring = startup_ring(&error);
	if (ring == NULL)
		doctor_say(DOCTOR_FAIL, "key ring", "%s",
		    error.len > 0 ? error.data : "no memory");
	else
		doctor_say(DOCTOR_OK, "key ring", "%zu key(s), number %u "
		    "signs", keyring_count(ring), keyring_active(ring, NULL));
	buf_free(&error);
	check_private("key ring", conf.key_ring);
	check_private("passphrase", conf.key_passphrase_file);
	return (ring);
}

static void
check_private(const char *what, const char *path)
{
	struct stat	st;

	if (*path != '\0' && stat(path, &st) == 0 && (st.st_mode & S_IRWXO))
		doctor_say(DOCTOR_WARN, what, "every user of this machine may "
		    "read %s: chmod o= it", path);
}

static void
check_public_url(void)
{
	const char	*url = conf.public_url;

	if (*url == '\0')
		return;		/* that it is missing was said */
	if (strpbrk(url, "?#") != NULL)
		doctor_say(DOCTOR_FAIL, "public URL", "%s: links are made by "
		    "appending, so it may have neither ? nor #", url);
	else if (conf_is_production() && strncmp(url, "https://", 8))
		doctor_say(DOCTOR_WARN, "public URL", "%s is not https: keys "
		    "and purchases travel in the clear", url);
	else
		doctor_say(DOCTOR_OK, "public URL", "%s", url);
}

/* Kore raises the soft limit as far as the hard one goes; root moves both. */
static void
check_files(void)
{
	const rlim_t	wanted = (rlim_t)conf.connections + SPARE_FILES;
	struct rlimit	limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	if (limit.rlim_max < wanted && geteuid() != 0)
		doctor_say(DOCTOR_FAIL, "open files", "a worker may have %llu "
		    "but LICET_CONNECTIONS=%lld needs %llu: raise LimitNOFILE "
		    "or ulimit -Hn, or lower the setting",
		    (unsigned long long)limit.rlim_max, conf.connections,
		    (unsigned long long)wanted);
	else
		doctor_say(DOCTOR_OK, "open files", "enough for %lld "
		    "connections a worker", conf.connections);
}
