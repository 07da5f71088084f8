/* The page after paying, for others that lead there. */
#ifndef PAGES_THANKS_H
#define PAGES_THANKS_H

#include "flow/flow.h"

/* Where the key of this invoice is to be had as a file; in the arena. */
const char	*thanks_file_link(struct flow *, const char *invoice_id);

#endif
