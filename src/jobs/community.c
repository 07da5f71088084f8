/*
 * Once a day, by one worker of all, if the operator wants it: figures to the
 * collector.  One that doesn't answer is asked again on the next day.
 */
#include "jobs/jobs.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/version.h"
#include "domain/community.h"
#include "domain/selflicense.h"
#include "flow/flow.h"

#include "sql.h"

#include <string.h>

#define TIMEOUT_MS	10000

static enum flow_next
beat_ask(struct flow *f)
{
	return (FLOW_QUERY(f, community_beat, .version = LICET_VERSION,
	    .uptime = community_uptime(), .trust_root = selflicense_root()));
}

static enum flow_next
beat_send(struct flow *f)
{
	const char	*url = db_text(flow_rows(f), 0, "collector_url");
	const char	*beat = db_text(flow_rows(f), 0, "beat");

	if (url == NULL)
		return (FLOW_DONE);
	f->calls_uncounted = true;
	return (flow_call(f, &(struct net_request){ .method = "POST",
	    .url = url, .content_type = "application/json", .body = beat,
	    .body_len = strlen(beat), .timeout_ms = TIMEOUT_MS,
	    .status_only = true,
	    .public_only = !conf_is(conf.webhook_private, "on") }));
}

static enum flow_next
beat_sent(struct flow *f)
{
	const struct net_reply	*reply = flow_reply(f);

	if (reply->error != NULL || reply->status / 100 != 2)
		LOG(LOG_NOTICE, "community.failed", LI("status", reply->status),
		    LS("why", reply->error == NULL ? "" : reply->error));
	return (FLOW_NEXT);
}

static const struct flow_step	beat[] = {
	FLOW_STEP(beat_ask),		/* sql   community_beat */
	FLOW_STEP(beat_send),		/* call  the collector */
	FLOW_STEP(beat_sent),
	{ NULL, NULL }
};

static void
claimed(void *arg, struct db_reply *reply)
{
	(void)arg;
	if (db_rows_count(reply->rows) == 1)
		flow_start_job("community", beat, 0, NULL, NULL, NULL);
	db_rows_free(reply->rows);
}

void
community_tick(struct db_pool *pool)
{
	struct db_query	q = { .stmt = &sql_community_claim };

	(void)db_exec(pool, &q, claimed, NULL);
}
