/*
 * Answers of any length from a bounded memory: header first, then pieces, each
 * sent before the next is asked for.
 *
 *	first piece	stream_begin(), stream_put()
 *	more		stream_put(), flow_back_to() the step that asks
 *	the end		stream_end()
 *
 * Chunked, so that the reader knows an end from a breach; the connection closes
 * behind it.  Once it has begun, a fault can't be told any more: the driver
 * breaks the connection off.  A client that takes nothing for the request's
 * time is left.
 */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "flow/flow.h"

/* 200; `name' is the file's, should the client keep it.  Both are literals. */
void		 stream_begin(struct flow *, const char *type,
		    const char *name);
/*
 * Sends a piece that malloc() made, and takes it.  The next step runs when the
 * client has all of it, at once or later.
 */
enum flow_next	 stream_put(struct flow *, char *data, size_t len);
/* FLOW_DONE, after the last piece. */
enum flow_next	 stream_end(struct flow *);

/* For the driver: the piece under way has no flow any more; the breach. */
void		 stream_forget(struct flow_piece *);
void		 stream_break(struct flow *);

#endif
