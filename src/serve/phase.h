/*
 * What a client's connection is doing, for the guard.  Each is in one phase, and
 * in that phase's queue:
 *
 *	idle      no byte of a request yet      Kore's idle timer closes it
 *	header    a block has begun             408 after http_header_timeout
 *	body      its body is coming            408 after http_body_timeout
 *	handler   ours to answer; not read      no deadline
 *	linger    refused; reads on, so that    closed after LINGER_MS
 *	          the client reads the refusal
 *	held      answered for as long as its   its owner's, see hold.h
 *	          owner likes; not read
 *	gone      Kore is about to free it
 *
 * A phase has one length, so the head of its queue is the first to expire.
 */
#ifndef SERVE_PHASE_H
#define SERVE_PHASE_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;

enum phase {
	PHASE_IDLE,
	PHASE_HEADER,
	PHASE_BODY,
	PHASE_HANDLER,
	PHASE_LINGER,
	PHASE_HELD,
	PHASE_GONE,
};

/* Hangs at the connection's hdlr_extra; Kore frees it with it. */
struct guard {
	uint32_t		 magic;
	enum phase		 phase;
	bool			 fresh;		/* no request yet, ever */
	bool			 half_closed;	/* the client sends no more */
	uint64_t		 since;		/* of the phase, ms */
	size_t			 seen;		/* bytes already judged */
	size_t			 thrown;	/* bytes, in linger */
	struct connection	*c;
	void		       (*gone)(void *);	/* of one that was held */
	void			*owner;
	TAILQ_ENTRY(guard)	 link;
};

/* Gives a new connection its guard, idle. */
void		 phase_begin(struct connection *);
/* From any phase but gone, which is the last. */
void		 phase_set(struct guard *, enum phase);

/* Of those in a phase, the one that is in it for longest; NULL: none. */
struct guard	*phase_first(enum phase);

/* Ends the process when the connection has none. */
struct guard	*guard_of(struct connection *);

#endif
