/*
 * Settings, from the environment only; the list is base/conf.def.  They are
 * read once, by the parent, before anything else; workers inherit them.  A
 * name of Keysat's (KEYSAT_X, else LICENSING_X, and BTCPAY_X) counts where
 * ours isn't set.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/buf.h"

#include <stdbool.h>

struct conf {
#define TEXT(field, name, value, help)				const char *field;
#define CHOICE(field, name, value, choices, help)		const char *field;
#define SECRET(field, name, help)				const char *field;
#define NUMBER(field, name, value, min, max, unit, help)	long long field;
#include "base/conf.def"
#undef TEXT
#undef CHOICE
#undef SECRET
#undef NUMBER
};

/* Read it anywhere, write it nowhere.  Texts are never NULL. */
extern struct conf	conf;

/*
 * Reads settings: defaults, then what the environment has.  With `names' (NULL
 * at its end) only those; others keep their defaults, unread.  On false
 * `errors' has a line for each that is unknown, whether named or not, or
 * malformed; values of secrets are not in them.
 */
bool	conf_read(char *const *environment, const char *const *names,
	    struct buf *errors);
/* What is missing, and what one setting says about another; a line each. */
bool	conf_check(struct buf *errors);
/* Both, of all settings: what a server needs. */
bool	conf_load(char *const *environment, struct buf *errors);

bool	conf_is(const char *value, const char *choice);
bool	conf_is_production(void);

/* The tables of docs/configuration.md. */
void	conf_document(struct buf *);
/* The body of conf/licet.env.example: all settings, commented out. */
void	conf_example(struct buf *);

#endif
