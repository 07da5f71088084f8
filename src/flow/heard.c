#include "flow/heard.h"

#include "base/clock.h"
#include "flow/flow.h"

#include "sql.h"

#include <stdio.h>

/*
 * Pauses between two of a kind.  For ten minutes after a failure they are
 * short: it may have been another provider's.
 */
#define SHORT_NS	UINT64_C(1000000000)
#define LONG_NS		UINT64_C(60000000000)
#define LATELY_NS	UINT64_C(600000000000)

/* When this worker last wrote, whether that was a failure, the last failure. */
static uint64_t	written_ns, failed_ns;
static bool	was_failure;

/* Other refusals are answers: an invoice that it doesn't have, and so on. */
static bool
is_failure(const struct net_reply *r)
{
	return (r->error != NULL || r->status >= 500 || r->status == 401 ||
	    r->status == 403);
}

void
heard_note(const char *url, const struct net_reply *r)
{
	bool		 failed = is_failure(r);
	uint64_t	 now = clock_steady_ns();
	bool		 is_lately;
	uint64_t	 pause;
	const char	*error = r->error;
	char		 status[32];

	if (failed)
		failed_ns = now;
	is_lately = failed_ns != 0 && now - failed_ns < LATELY_NS;
	pause = is_lately ? SHORT_NS : LONG_NS;
	if (failed == was_failure && written_ns != 0 &&
	    now - written_ns < pause)
		return;
	written_ns = now;
	was_failure = failed;
	if (failed && error == NULL) {
		snprintf(status, sizeof(status), "HTTP status %d", r->status);
		error = status;
	}
	FLOW_TELL(provider_heard, .error = error, .url = url);
}
