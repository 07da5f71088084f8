/* What happened to a thing, as people tell it: a block of a page. */
#ifndef PAGES_TIMELINE_H
#define PAGES_TIMELINE_H

#include "base/json.h"

/*
 * A block's `make': of the license's history, if there is a source `license',
 * else of the entries of the source `audit'.
 */
void	timeline_make(json_t *block, const json_t *gathered);

#endif
