/*
 * licetctl import: takes over what another license server holds.  Keysat's
 * SQLite database goes into an empty database of ours, its signing key into the
 * key ring, so that every key that was sold stays good.  Refuses a database
 * that holds anything else, and a file other than the one that was begun with.
 *
 * Three transactions (records, audit trail, validation log), each with a mark
 * in the settings: what was cut off is taken up again, what is in is not taken
 * twice.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "base/buf.h"

#include <stdbool.h>

struct keyring;
struct source;

/* argv[0] is "import".  Returns the exit status. */
int	cli_import(int argc, char **argv);

/*
 * cli/import_key.c: the ring with the source's signing key, active.  Saved
 * unless `is_dry'.  NULL: `error' says why.
 */
struct keyring	*import_key(struct source *, bool is_dry, struct buf *error);

#endif
