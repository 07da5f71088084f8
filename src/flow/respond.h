/* Answers: JSON, the error envelope, the headers that all of them carry. */
#ifndef FLOW_RESPOND_H
#define FLOW_RESPOND_H

#include "flow/fail.h"
#include "flow/flow.h"

/* The envelope for f->fault; for a limit's verdict 200 with ok:false. */
void		 flow_answer_fault(struct flow *);

/* The request's line in the log and in the counters. */
void		 flow_account(struct flow *, int status);

/* All of these return FLOW_DONE.  A header goes before the answer. */
void		 flow_header(struct flow *, const char *name,
		    const char *value);
/* A 303's body, if it has one, is where to go: the header says so, too. */
enum flow_next	 flow_send(struct flow *, int status, const char *type,
		    const void *data, size_t len);
/* Takes the reference. */
enum flow_next	 flow_json(struct flow *, int status, json_t *);
enum flow_next	 flow_json_text(struct flow *, int status, const char *text);
/* {"ok":false,"reason":…} with 200: an answer, no fault. */
enum flow_next	 flow_verdict(struct flow *, const char *reason);
enum flow_next	 flow_html(struct flow *, int status, char *page, size_t len);

#endif
