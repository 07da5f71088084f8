/*
 * A message as it travels: RFC 5322 with MIME, multipart/alternative of plain
 * text and HTML, CRLF at line ends, 7-bit.  Nothing that a value holds can end
 * a header or begin another.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are UTF-8, borrowed. */
struct mail_message {
	const char	*id;		/* without <>; an address's form */
	int64_t		 written_at;	/* s since 1970 */
	const char	*from_name;	/* empty: none */
	const char	*from;
	const char	*to;
	const char	*reply_to;	/* NULL: none */
	const char	*subject;
	const char	*text;		/* LF at line ends */
	const char	*html;
};

/*
 * False, with nothing of use in `out': an address that can't be written
 * (mail/address.h), or `out' is full.
 */
bool	mail_message_write(struct buf *out, const struct mail_message *);

/* Quoted-printable (RFC 2045), lines of at most 76, CRLF at their ends. */
void	mail_put_quoted(struct buf *, const char *text);

/*
 * A header of free text, encoded (RFC 2047) unless it is short plain ASCII;
 * control characters become blanks.  Ends with CRLF.
 */
void	mail_put_header(struct buf *, const char *name, const char *value);

#endif
