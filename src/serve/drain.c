/*
 * The end of a worker, in two phases: known to be leaving, then leaving.
 */
#include "serve/drain.h"

#include "base/log.h"
#include "net/call.h"
#include "serve/guard.h"
#include "serve/listen.h"
#include "serve/setup.h"

#include <kore/kore.h>
#include <kore/http.h>

#define TURN_MS		10

unsigned int	drain_lead_ms;

static bool	started;

static void	turn(void);
static bool	work_left(void);

bool
drain_started(void)
{
	return (started);
}

void
drain_run(unsigned int limit_ms, void (*stop)(void),
    unsigned int (*others)(void))
{
	uint64_t	begin, end;

	started = true;
	guard_drain();
	begin = kore_time_ms();
	end = begin + drain_lead_ms;
	while (kore_time_ms() < end)
		turn();

	listen_stop(serve_server);
	end = kore_time_ms() + limit_ms;
	do {
		turn();
		stop();
		guard_close_idle();
		kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
	} while ((work_left() || others() > 0) && kore_time_ms() < end);

	LOG(LOG_NOTICE, "serve.drained", LI("ms", kore_time_ms() - begin),
	    LI("left", http_request_count));
}

static bool
work_left(void)
{
	return (guard_count() > 0 || http_request_count > 0 ||
	    net_call_count() > 0);
}

/* Once round Kore's own loop, which is over by now. */
static void
turn(void)
{
	uint64_t	now, wait;

	wait = kore_timer_next_run(kore_time_ms());
	kore_platform_event_wait(wait < TURN_MS ? wait : TURN_MS);
	now = kore_time_ms();
	kore_timer_run(now);
	http_process();
	kore_connection_check_timeout(now);
	kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
}
