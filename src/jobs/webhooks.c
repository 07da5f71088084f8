/*
 * Sends what happened to the vendor's own servers.
 *
 * First news become deliveries, one to an endpoint, their text fixed; then each
 * delivery is claimed, sent and ended.  Its id is the same in every try.  It
 * arrives at least once: who dies between the answer and its note leaves a
 * lease that runs out, and it is sent again.  Endpoints are apart: each has a
 * few deliveries under way at most, and one that keeps failing gets single
 * tries until one succeeds.
 */
#include "jobs/jobs.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "domain/backoff.h"
#include "domain/webhook.h"
#include "flow/bind.h"
#include "flow/flow.h"
#include "mail/settings.h"
#include "pay/sealed.h"
#include "serve/drain.h"

#include "sql.h"

#include <kore/kore.h>

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#define TOGETHER_MAX	64	/* deliveries that a worker has under way */
#define FAN_OUT_MAX	500	/* as in outbox_fan_out */
#define RETIRE_MAX	1000	/* as in delivery_retire */
#define TIMEOUT_MS	10000
#define REPLY_MAX	(16 * 1024)
#define SHOWN_CHARS	200	/* of the answer, for the vendor */
#define TIDY_NS		UINT64_C(5000000000)
#define GONE		410

struct delivery {
	const struct db_rows	*claimed;	/* for the first step alone */
	unsigned int		 row;
	unsigned int		 seat;
	const char		*id;
	const char		*lease;
	const char		*url;
	const char		*error;		/* before anything was sent */
	unsigned int		 attempts;	/* this one too */
	unsigned int		 failures;	/* of the endpoint, in a row */
	int64_t			 age_seconds;
	const char		*status;	/* as delivery_end has it */
};

static enum flow_next	delivery_end(struct flow *);
static void		claim(void);
static void		fan_out(void);

static struct db_pool	*pool;
static struct db_op	*claiming, *fanning, *retiring, *measuring;
static bool		 claim_again, fan_again;
static unsigned int	 running;
static uint64_t		 tidied_ns;

/* Which endpoints are busy, one entry a delivery; empty text: a free seat. */
static char		 seats[TOGETHER_MAX][UUID_TEXT_LEN + 1];

/* ---- one delivery ---- */

static const char *
keep(struct flow *f, const struct delivery *d, const char *column)
{
	const char	*text = db_text(d->claimed, d->row, column);

	return (text == NULL ? NULL : arena_strdup(&f->arena, text));
}

/* The secret of that column; NULL: there is none, or it does not open. */
static const char *
open_secret(struct flow *f, const struct delivery *d, const char *column)
{
	const char	*sealed = db_text(d->claimed, d->row, column);

	return (sealed == NULL ? NULL : pay_unseal(&f->arena, bind_keyring(),
	    PAY_SEALED_ENDPOINT_SECRET, seats[d->seat], sealed));
}

/* With a secret that was just replaced there are two, as a list. */
static const char *
standard_signatures(struct flow *f, const struct delivery *d,
    const char *secret, int64_t seconds, const char *body)
{
	const char	*now, *before;

	now = webhook_standard_signature(&f->arena, secret, d->id, seconds,
	    body);
	before = open_secret(f, d, "previous_sealed_secret");
	if (before == NULL)
		return (now);
	return (arena_printf(&f->arena, "%s %s", now,
	    webhook_standard_signature(&f->arena, before, d->id, seconds,
	    body)));
}

static enum flow_next
post(struct flow *f, const struct delivery *d, const char *secret)
{
	const char	*body = db_text(d->claimed, d->row, "payload");
	const char	*headers[7];
	int64_t		 seconds = clock_now_us() / 1000000;

	headers[0] = arena_printf(&f->arena, "X-Keysat-Signature: %s",
	    webhook_signature(&f->arena, secret, body));
	headers[1] = arena_printf(&f->arena, "X-Keysat-Event: %s",
	    db_text(d->claimed, d->row, "event_type"));
	headers[2] = arena_printf(&f->arena, "X-Keysat-Delivery: %s", d->id);
	headers[3] = arena_printf(&f->arena, "webhook-id: %s", d->id);
	headers[4] = arena_printf(&f->arena, "webhook-timestamp: %lld",
	    (long long)seconds);
	headers[5] = arena_printf(&f->arena, "webhook-signature: %s",
	    standard_signatures(f, d, secret, seconds, body));
	headers[6] = NULL;
	f->calls_uncounted = true;
	return (flow_call(f, &(struct net_request){ .method = "POST",
	    .url = d->url,
	    .content_type = "application/json", .headers = headers,
	    .body = body, .body_len = strlen(body), .timeout_ms = TIMEOUT_MS,
	    .reply_max = REPLY_MAX, .status_only = true,
	    .public_only = !conf_is(conf.webhook_private, "on") }));
}

/* Runs before flow_start_job() returns, while the claimed rows are there. */
static enum flow_next
delivery_send(struct flow *f)
{
	struct delivery		*d = flow_state(f);
	const struct db_rows	*rows = d->claimed;
	const char		*secret;

	d->id = keep(f, d, "id");
	d->lease = keep(f, d, "lease");
	d->url = keep(f, d, "url");
	d->attempts = (unsigned int)db_integer(rows, d->row, "attempt_count",
	    0) + 1;
	d->failures = (unsigned int)db_integer(rows, d->row,
	    "consecutive_failures", 0);
	d->age_seconds = db_integer(rows, d->row, "age_seconds", 0);
	if ((secret = open_secret(f, d, "sealed_secret")) != NULL)
		return (post(f, d, secret));
	LOG(LOG_ERR, "webhook.sealed", LS("endpoint", seats[d->seat]),
	    LS("meaning", "this key ring does not open its secret"));
	d->error = "the endpoint's secret does not open";
	return (flow_skip_to(f, delivery_end));
}

/* The first characters of what a stranger wrote, fit to be stored. */
static const char *
shown(struct flow *f, const char *text)
{
	char		*out = arena_alloc(&f->arena, 4 * SHOWN_CHARS + 1);
	char		*at = out;
	unsigned int	 i, n;

	for (i = 0; i < SHOWN_CHARS && *text != '\0'; i++, text += n) {
		for (n = 1; n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80;
		    n++)
			;
		if (utf8_valid(text, n)) {
			memcpy(at, text, n);
			at += n;
		} else {
			n = 1;
			*at++ = '?';
		}
	}
	return (out);
}

static const char *
number(struct flow *f, int64_t n)
{
	return (arena_printf(&f->arena, "%lld", (long long)n));
}

static enum flow_next
delivery_end(struct flow *f)
{
	struct delivery		*d = flow_state(f);
	const struct net_reply	*r = flow_reply(f);
	int			 wait = 0, code = r->status;

	if (d->error == NULL && r->error != NULL)
		d->error = shown(f, r->error);
	if (d->error == NULL && code / 100 != 2)
		d->error = arena_printf(&f->arena, "HTTP status %d", code);
	if (d->error == NULL)
		d->status = "delivered";
	else if (code == GONE)
		d->status = "gone";
	else if ((wait = backoff_seconds(d->attempts, d->age_seconds)) ==
	    BACKOFF_DEAD)
		d->status = "dead";
	else
		d->status = "again";
	return (FLOW_QUERY(f, delivery_end, .id = d->id, .lease = d->lease,
	    .url = d->url, .status = d->status, .error = d->error,
	    .status_code = code == 0 ? NULL : number(f, code),
	    .response = code == 0 ? NULL : shown(f, r->body),
	    .wait_seconds = number(f, wait), .probe_seconds = number(f,
	    backoff_probe_seconds(d->failures + 1))));
}

static enum flow_next
delivery_count(struct flow *f)
{
	struct delivery	*d = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (FLOW_DONE);
	if (!strcmp(d->status, "delivered")) {
		stat_add(STAT_WEBHOOKS_DELIVERED, 1);
		stat_observe(HIST_DELIVERY_SECONDS, (uint64_t)db_integer(
		    flow_rows(f), 0, "delay_ms", 0));
		return (FLOW_DONE);
	}
	stat_add(!strcmp(d->status, "again") ? STAT_WEBHOOKS_FAILED :
	    STAT_WEBHOOKS_DEAD, 1);
	LOG(LOG_NOTICE, "webhook.failed", LS("delivery", d->id),
	    LS("endpoint", seats[d->seat]), LI("attempt", d->attempts),
	    LS("became", d->status), LS("reason", d->error));
	return (FLOW_DONE);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(delivery_send),	/* call  the endpoint */
	FLOW_STEP(delivery_end),	/* sql   delivery_end */
	FLOW_STEP(delivery_count),
	{ NULL, NULL }
};

/* ---- claiming ---- */

static void
init(void *state, const void *arg)
{
	memcpy(state, arg, sizeof(struct delivery));
}

static void
ended(struct flow *f, enum err fault)
{
	const struct delivery	*d = flow_state(f);

	(void)fault;
	seats[d->seat][0] = '\0';
	running--;
	stat_set(STAT_WEBHOOKS_FLYING, running);
	claim();
}

static unsigned int
free_seat(void)
{
	unsigned int	i;

	for (i = 0; seats[i][0] != '\0'; i++)
		;
	return (i);
}

static void
claimed(void *arg, struct db_reply *reply)
{
	struct delivery	d;
	unsigned int	i;

	(void)arg;
	claiming = NULL;
	for (i = 0; i < db_rows_count(reply->rows); i++) {
		d = (struct delivery){ .claimed = reply->rows, .row = i };
		d.seat = free_seat();
		(void)kore_strlcpy(seats[d.seat], db_text(reply->rows, i,
		    "endpoint_id"), UUID_TEXT_LEN + 1);
		running++;
		flow_start_job("webhooks", steps, sizeof(d), init, &d, ended);
	}
	stat_set(STAT_WEBHOOKS_FLYING, running);
	db_rows_free(reply->rows);
	if (claim_again)
		claim();
}

/* "{id,id}": an endpoint for each delivery under way. */
static void
busy_write(char *out, size_t size)
{
	unsigned int	i;

	(void)kore_strlcpy(out, "{", size);
	for (i = 0; i < TOGETHER_MAX; i++) {
		if (seats[i][0] == '\0')
			continue;
		if (out[1] != '\0')
			(void)strlcat(out, ",", size);
		(void)strlcat(out, seats[i], size);
	}
	(void)strlcat(out, "}", size);
}

static void
claim(void)
{
	char				 limit[16];
	char				 busy[TOGETHER_MAX *
					    (UUID_TEXT_LEN + 1) + 3];
	struct sql_delivery_claim_args	 args = { .limit = limit,
					    .busy = busy };
	struct db_query			 q = { .stmt = &sql_delivery_claim,
					    .params = (const char *const *)
					    (void *)&args };

	claim_again = claiming != NULL;
	if (claiming != NULL || running >= TOGETHER_MAX || drain_started())
		return;
	(void)snprintf(limit, sizeof(limit), "%u", TOGETHER_MAX - running);
	busy_write(busy, sizeof(busy));
	claiming = db_exec(pool, &q, claimed, NULL);
}

/* ---- making deliveries ---- */

static void
fanned_out(void *arg, struct db_reply *reply)
{
	int64_t	fresh = db_integer(reply->rows, 0, "fresh", 0);
	int64_t	made = db_integer(reply->rows, 0, "made", 0);
	int64_t	mails = db_integer(reply->rows, 0, "mails", 0);

	(void)arg;
	fanning = NULL;
	db_rows_free(reply->rows);
	mails_made((uint64_t)mails);
	stat_add(STAT_WEBHOOKS_MADE, (uint64_t)made);
	if (made > 0)
		claim();
	if (fan_again || fresh == FAN_OUT_MAX)
		fan_out();
}

static void
fan_out(void)
{
	const char	*mail = mail_is_on() ? "true" : "false";
	struct db_query	 q = { .stmt = &sql_outbox_fan_out, .params = &mail };

	fan_again = fanning != NULL;
	if (fanning == NULL && !drain_started())
		fanning = db_exec(pool, &q, fanned_out, NULL);
}

/* ---- tidying up ---- */

static void
retired(void *arg, struct db_reply *reply)
{
	int64_t	n = db_integer(reply->rows, 0, "retired", 0);

	(void)arg;
	retiring = NULL;
	db_rows_free(reply->rows);
	stat_add(STAT_WEBHOOKS_RETIRED, (uint64_t)n);
	if (n == RETIRE_MAX)
		tidied_ns = 0;		/* there are more: at the next tick */
}

static void
measured(void *arg, struct db_reply *reply)
{
	(void)arg;
	measuring = NULL;
	if (reply->rows != NULL)
		stat_set(STAT_WEBHOOKS_WAITING, (uint64_t)db_integer(
		    reply->rows, 0, "depth", 0));
	db_rows_free(reply->rows);
}

/* The depth is written by one worker: the columns of all are added up. */
static void
tidy(void)
{
	struct db_query	retire = { .stmt = &sql_delivery_retire };
	struct db_query	depth = { .stmt = &sql_delivery_depth };
	uint64_t	now = clock_steady_ns();

	if (tidied_ns != 0 && now - tidied_ns < TIDY_NS)
		return;
	tidied_ns = now;
	if (retiring == NULL)
		retiring = db_exec(pool, &retire, retired, NULL);
	if (measuring == NULL && worker->id == 1)
		measuring = db_exec(pool, &depth, measured, NULL);
}

void
webhooks_tick(struct db_pool *p)
{
	pool = p;
	fan_out();
	claim();
	tidy();
}

bool
webhooks_claiming(void)
{
	return (claiming != NULL);
}
