/*
 * How long this server has been up, as roughly as an operator may choose to
 * tell: figures of one installation should not be told from another's by it.
 */
#ifndef DOMAIN_COMMUNITY_H
#define DOMAIN_COMMUNITY_H

#include <stdint.h>

/* Once, in the parent: it counts from now on. */
void		 community_begin(void);
/* Borrowed. */
const char	*community_uptime(void);

/* "<1d", "1-7d", "1-4w" or ">4w". */
const char	*community_bucket(uint64_t seconds);

#endif
