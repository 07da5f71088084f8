/* The first steps of a new server. */
#ifndef PAGES_WELCOME_H
#define PAGES_WELCOME_H

#include "base/json.h"

/* Adds them, done or to do, to a block; from the source `steps'. */
void	firststeps_make(json_t *block, const json_t *gathered);

#endif
