/*
 * Server-sent events (HTML Living Standard, 9.2): answers that stay open after
 * their request and its flow are over, at a hundred bytes each.
 *
 * A stream has at most one text on its way and one that waits; a newer text
 * takes the place of the one that waits.  Texts are shared by all streams that
 * are to have them.  A comment every 15 seconds or so keeps proxies from closing
 * a silent stream; a client that hasn't taken the one before is left.
 *
 * Events are `state', with an id that is the same for the same data, and `end',
 * the last: {"reason":"final"} when nothing more will come, {"reason":"again"}
 * when this server stops and another one goes on.
 */
#ifndef FLOW_EVENTS_H
#define FLOW_EVENTS_H

#include "flow/flow.h"

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection;
struct events_peer;
struct events_text;

/* A stream: part of its owner's struct, in memory that stays until `gone'. */
struct events {
	void			(*gone)(struct events *); /* the owner's to set */
	struct connection	 *c;
	struct events_peer	 *peer;
	struct events_text	 *next;		/* waits for the one under way */
	uint64_t		  sent_ms;
	bool			  busy;		/* one is on its way */
	bool			  leaving;	/* closes when all is sent */
	TAILQ_ENTRY(events)	  list;		/* by when they were last sent to */
};

/* In a worker. */
void			 events_open(void);

/* False after flow_fail(): the worker, or the client's address, has enough. */
bool			 events_have_room(struct flow *);

/*
 * Answers the flow with a stream that begins with this state; it is `gone' when
 * the client or the server ends it, or right away (a HEAD, a client that has left,
 * the last state).  FLOW_DONE.
 */
enum flow_next		 events_begin(struct flow *, struct events *,
			    const char *json, bool is_last);

/* The id of a state; never 0. */
uint64_t		 events_id(const char *json, size_t len);

/*
 * A state to be sent to many, NULL: none, only the end; the caller has a share in
 * it to give back.
 */
struct events_text	*events_state(const char *json, size_t len,
			    bool is_last);
void			 events_free(struct events_text *);

/* The stream may be gone when this returns. */
void			 events_put(struct events *, struct events_text *,
			    bool is_last);

/* Comments for those that were silent for long; to be called every second. */
void			 events_beat(void);

/* In a drain: all are sent to another server; who takes nothing is left. */
void			 events_end_all(void);

#endif
