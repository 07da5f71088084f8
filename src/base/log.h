/*
 * Structured log: one JSON object a line on standard output, written with a
 * single write(2), so that lines of several workers never mix.
 *
 *	LOG(LOG_WARNING, "db.lost", LS("reason", why), LI("connection", n));
 *
 * gives {"time":"…","level":"warning","worker":1,"request":"…",
 * "event":"db.lost","reason":"…","connection":3}.  Never give it a secret.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

enum log_kind {
	LOG_STRING = 1,
	LOG_INTEGER
};

struct log_field {
	const char	*key;
	enum log_kind	 kind;
	const char	*s;
	long long	 i;
};

#define LS(k, v)	{ .key = (k), .kind = LOG_STRING, .s = (v) }
#define LI(k, v)	{ .key = (k), .kind = LOG_INTEGER, .i = (long long)(v) }
#define LOG(level, event, ...)						\
	log_write((level), (event),					\
	    (const struct log_field []){ __VA_ARGS__ __VA_OPT__(,) { 0 } })

/* Lines above this level (of syslog.h) are left out; LOG_INFO at first. */
void	log_set_level(int level);
/* "debug" .. "err" to its number, or -1. */
int	log_level_parse(const char *name);
bool	log_wants(int level);

/* Stamped on every line from now on; 0 is the parent. */
void	log_set_worker(unsigned int id);
/* The request being worked on, borrowed; NULL: none. */
void	log_set_request(const char *id);

/* `fields' ends with a zero key.  Strings are borrowed and escaped. */
void	log_write(int level, const char *event, const struct log_field *fields);

#endif
