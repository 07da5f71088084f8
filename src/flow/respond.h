/* Answers: JSON, the error envelope, the headers that all of them carry. */
#ifndef FLOW_RESPOND_H
#define FLOW_RESPOND_H

#include "flow/flow.h"

/*
 * Gives up with a fault of base/err.def and a message for people; the driver
 * answers it.  Always returns FLOW_DONE.
 */
enum flow_next	 flow_fail(struct flow *, enum err, const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));
/* The envelope for f->fault; for a limit's verdict 200 with ok:false. */
void		 flow_answer_fault(struct flow *);

/*
 * Did the statement refuse?  No row is not_found; a `fault' column that is
 * not NULL is that error, with `message'.  True: flow_fail() was called, so
 * return FLOW_DONE.
 */
bool		 flow_refused(struct flow *);

/* All of these return FLOW_DONE.  A header goes before the answer. */
void		 flow_header(struct flow *, const char *name,
		    const char *value);
enum flow_next	 flow_send(struct flow *, int status, const char *type,
		    const void *data, size_t len);
/* Takes the reference. */
enum flow_next	 flow_json(struct flow *, int status, json_t *);
enum flow_next	 flow_json_text(struct flow *, int status, const char *text);
/* {"ok":false,"reason":…} with 200: an answer, no fault. */
enum flow_next	 flow_verdict(struct flow *, const char *reason);
enum flow_next	 flow_html(struct flow *, int status, char *page, size_t len);

#endif
