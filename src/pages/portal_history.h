/* What happened to a license, as its customer is told it. */
#ifndef PAGES_PORTAL_HISTORY_H
#define PAGES_PORTAL_HISTORY_H

#include "base/json.h"

/* Blocks' `make', of the source `license'. */
void	portal_history_make(json_t *block, const json_t *gathered);
/* The devices that have a seat, each with the way to release it. */
void	portal_devices_make(json_t *block, const json_t *gathered);

#endif
