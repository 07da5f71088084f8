/*
 * Addresses of mail as we write them: what could mean anything else to a mail
 * server or in a header is refused.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define MAIL_ADDRESS_MAX	254
#define MAIL_NAME_MAX		200

/*
 * local@domain, RFC 5321: atoms with dots on the left, where UTF-8 may stand in
 * for letters (RFC 6531), a host's name on the right; at most 254 bytes.  No
 * quoted local parts, comments, address literals.
 */
bool	mail_address_ok(const char *);

/* After the @ of an address that is ok. */
const char	*mail_address_domain(const char *);

struct mail_mailbox {
	char	name[MAIL_NAME_MAX + 1];	/* may be empty */
	char	address[MAIL_ADDRESS_MAX + 1];
};

/* "a@b", "Name <a@b>" or "\"Name\" <a@b>". */
bool	mail_mailbox_parse(struct mail_mailbox *, const char *);

#endif
