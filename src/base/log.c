/* Writes log lines; a line that does not fit is cut, never split. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_BYTES	4096

struct line {
	char	buf[LINE_MAX_BYTES];
	size_t	len;
};

static const char *const	names[] = { "emerg", "alert", "crit", "error",
	"warning", "notice", "info", "debug" };

static int		threshold = LOG_INFO;
static unsigned int	worker_id;
static const char	*request_id;

void
log_set_level(int level)
{
	threshold = level;
}

int
log_level_parse(const char *name)
{
	int	i;

	for (i = 0; i <= LOG_DEBUG; i++) {
		if (!strcasecmp(names[i], name))
			return (i);
	}
	return (-1);
}

bool
log_wants(int level)
{
	return (level <= threshold);
}

void
log_set_worker(unsigned int id)
{
	worker_id = id;
}

void
log_set_request(const char *id)
{
	request_id = id;
}

static void __attribute__((format(printf, 2, 3)))
put(struct line *l, const char *fmt, ...)
{
	size_t	room = sizeof(l->buf) - 4 - l->len;
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < room)
		l->len += (size_t)n;
}

/* Cuts a string at 1 KB, so that one field can't push out the others. */
static void
put_string(struct line *l, const char *s)
{
	const unsigned char	*p = (const unsigned char *)(s == NULL ? "" : s);
	const unsigned char	*end = p + strnlen((const char *)p, 1024);

	put(l, "\"");
	for (; p < end; p++) {
		if (*p == '"' || *p == '\\')
			put(l, "\\%c", *p);
		else if (*p < 32 || *p == 127)
			put(l, "\\u%04x", *p);
		else
			put(l, "%c", *p);
	}
	put(l, "\"");
}

void
log_write(int level, const char *event, const struct log_field *f)
{
	struct line	l = { .len = 0 };
	char		now[CLOCK_TEXT_SIZE];
	ssize_t		n;

	if (level > threshold)
		return;
	clock_format_us(clock_now_us(), now);
	put(&l, "{\"time\":\"%s\",\"level\":\"%s\",\"worker\":%u", now,
	    names[level & 7], worker_id);
	if (request_id != NULL) {
		put(&l, ",\"request\":");
		put_string(&l, request_id);
	}
	put(&l, ",\"event\":");
	put_string(&l, event);
	for (; f->key != NULL; f++) {
		put(&l, ",\"%s\":", f->key);
		if (f->kind == LOG_INTEGER)
			put(&l, "%lld", f->i);
		else
			put_string(&l, f->s);
	}
	memcpy(l.buf + l.len, "}\n", 2);
	n = write(STDOUT_FILENO, l.buf, l.len + 2);
	(void)n;	/* nowhere left to complain */
}
