/*
 * Comma-separated values (RFC 4180) that a spreadsheet may open: what it would
 * take for a formula (a text that begins with =, +, -, @, a tab or a carriage
 * return) gets an apostrophe in front.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/buf.h"

/* One field of a line, NULL being empty; after the first, a comma first. */
void	csv_put(struct buf *, const char *text, bool is_first);
void	csv_end_line(struct buf *);

#endif
