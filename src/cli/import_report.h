/*
 * What an import did and what it could not do: for people on standard error,
 * for programs as JSON.
 */
#ifndef CLI_IMPORT_REPORT_H
#define CLI_IMPORT_REPORT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct import_report;

struct import_report	*import_report_make(void);
void	 import_report_free(struct import_report *);

/* Rows of a table that were read, and how many of those are in. */
void	 import_report_rows(struct import_report *, const char *table,
	    int64_t read, int64_t written);
/* The same thing again adds to its count. */
void	 import_report_mended(struct import_report *, const char *table,
	    const char *what);
/* A JSON list of such things, as the statements answer; NULL: none. */
void	 import_report_mends(struct import_report *, const char *table,
	    const char *list);
/* What stays behind, and why. */
void	 import_report_left(struct import_report *, const char *what,
	    const char *why);
/* A member of the JSON, beside the above. */
void	 import_report_fact(struct import_report *, const char *name,
	    const char *value);

/* On standard error. */
void	 import_report_tell(const struct import_report *);
/* False: `error' says why. */
bool	 import_report_write(const struct import_report *, const char *path,
	    struct buf *error);

#endif
