/*
 * One value of Keysat's as ours: which forms of times, numbers and truths are
 * read, what becomes of text that is no UTF-8, and which values are hashed or
 * sealed before they go anywhere.  Refuses what it can't read: such a value is
 * left out and counted.
 */
#ifndef CLI_IMPORT_VALUE_H
#define CLI_IMPORT_VALUE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct keyring;

enum import_kind {
	IMPORT_TEXT,
	IMPORT_UUID,
	IMPORT_INTEGER,
	IMPORT_FLAG,		/* 0, 1, true, false */
	IMPORT_TIME,		/* RFC 3339, SQLite's own form, Unix time */
	IMPORT_JSON,		/* put as JSON, not as text */
	IMPORT_FINGERPRINT,	/* SHA-256 of it, in hexadecimal */
	IMPORT_HASH,		/* 64 hexadecimal digits */
	IMPORT_ACTOR,		/* such a hash, or what is hashed to one */
	IMPORT_AUDIT_ID,	/* a UUID, or what one is made of */
	IMPORT_API_KEY,		/* sealed for the row, as the next three */
	IMPORT_WEBHOOK_SECRET,
	IMPORT_ENDPOINT_SECRET,
	IMPORT_SMTP_PASSWORD,
};

enum import_result {
	IMPORT_FINE,
	IMPORT_NOTHING,		/* there is none */
	IMPORT_MENDED,		/* text that was no UTF-8 */
	IMPORT_UNREADABLE,	/* nothing was put */
};

/*
 * Puts the value's text (for IMPORT_JSON: its JSON) into `out', which is empty.
 * `id' is the row's, in our form, for what is sealed.
 */
enum import_result	import_value(enum import_kind, const char *text,
			    size_t len, const char *id,
			    const struct keyring *, struct buf *out);

#endif
