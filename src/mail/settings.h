/* The mail server that the settings name. */
#ifndef MAIL_SETTINGS_H
#define MAIL_SETTINGS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define MAIL_HOST_MAX	253

/* Is mail sent at all? */
bool	mail_is_on(void);

/* What is wrong with the settings, a line each.  True: nothing. */
bool	mail_settings_check(struct buf *errors);

/*
 * smtp://host[:port] or smtps://host[:port], a host's name, an IPv4 address or
 * an IPv6 address in brackets; nothing before or after.  `host' is without
 * brackets.
 */
bool	mail_url_split(const char *url, char host[MAIL_HOST_MAX + 1],
	    bool *is_tls);

/* This machine, "localhost" or an address of loopback? */
bool	mail_host_is_here(const char *host);

#endif
