#include "flow/rate.h"

#include "base/log.h"
#include "base/stat.h"
#include "domain/money.h"
#include "flow/fail.h"
#include "pay/rates.h"

#include "sql.h"

#include <kore/kore.h>

#include <string.h>

#define REPLY_MAX	(256 * 1024)	/* Coinbase tells of all currencies */

struct rate {
	const char			*currency;
	const struct rate_source	*asked;		/* whose answer is due */
	unsigned int			 next;		/* source to ask */
	bool				 anew;		/* not the shared one */
	bool				 looked;	/* in the database */
	bool				 fetched;	/* to be shared */
	bool				 unreadable;	/* the pin */
	int64_t				 rate_e4;	/* 0: not known yet */
	const char			*source;
};

static const enum stat_id	counters[RATE_SOURCES][2] = {
	{ STAT_RATES_KRAKEN_FAILED, STAT_RATES_KRAKEN_OK },
	{ STAT_RATES_COINBASE_FAILED, STAT_RATES_COINBASE_OK },
	{ STAT_RATES_COINGECKO_FAILED, STAT_RATES_COINGECKO_OK },
};

void
rate_need(struct flow *f, const char *currency)
{
	f->rate = NULL;
	if (currency == NULL || !strcmp(currency, "SAT"))
		return;
	f->rate = arena_alloc(&f->arena, sizeof(*f->rate));
	f->rate->currency = arena_strdup(&f->arena, currency);
}

void
rate_need_anew(struct flow *f, const char *currency)
{
	rate_need(f, currency);
	if (f->rate != NULL)
		f->rate->anew = true;
}

void
rate_know(struct flow *f, const struct db_rows *rows, unsigned int row)
{
	struct rate	*r = f->rate;
	const char	*pin;

	if (r == NULL)
		return;
	r->looked = true;
	if ((pin = db_text(rows, row, "rate_pin")) != NULL) {
		r->source = RATE_SOURCE_PIN;
		/* To go by the market instead is not what was asked for. */
		if (!money_rate_parse(pin, &r->rate_e4)) {
			r->rate_e4 = 0;
			r->unreadable = true;
			LOG(LOG_ERR, "rate.pin_unreadable",
			    LS("currency", r->currency));
		}
	} else if (!r->anew) {
		r->rate_e4 = db_integer(rows, row, "rate_e4", 0);
		if (r->rate_e4 > 0)
			r->source = arena_strdup(&f->arena,
			    db_text(rows, row, "rate_source"));
	}
}

enum flow_next
rate_look(struct flow *f)
{
	const struct rate	*r = f->rate;

	if (r == NULL || r->rate_e4 > 0 || r->unreadable)
		return (flow_skip_to(f, rate_end));
	if (r->looked)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, rate_get, .currency = r->currency));
}

/*
 * A client waits: so all sources together get half of the time that is left,
 * in even shares (the rest is the provider's), and what a quick failure spares
 * goes to the next.  A job has the whole time for each.
 */
static unsigned int
patience(const struct flow *f, const struct rate *r)
{
	uint64_t	now = kore_time_ms(), left, share;

	left = f->deadline_ms > now ? f->deadline_ms - now : 0;
	share = left / 2 / (RATE_SOURCES - r->next);
	if (share > RATE_TIMEOUT_MS)
		share = RATE_TIMEOUT_MS;
	return (share == 0 ? 1 : (unsigned int)share);
}

/* What the source that was asked said. */
static void
hear(struct flow *f, struct rate *r)
{
	const struct net_reply	*reply = flow_reply(f);
	bool			 good;

	good = reply->error == NULL && reply->status == 200 &&
	    r->asked->read(reply->body, reply->len, r->currency, &r->rate_e4);
	stat_add(counters[r->asked - rate_sources][good], 1);
	if (good) {
		r->source = r->asked->name;
		r->fetched = true;
	} else {
		r->rate_e4 = 0;
		LOG(LOG_WARNING, "rate.source_failed",
		    LS("source", r->asked->name), LS("currency", r->currency),
		    LI("status", reply->status), LS("error",
		    reply->error != NULL ? reply->error : "no rate in it"));
	}
	r->asked = NULL;
}

static enum flow_next
call_next(struct flow *f, struct rate *r)
{
	struct net_request	 ask = { .reply_max = REPLY_MAX };

	for (; r->next < RATE_SOURCES; r->next++) {
		ask.url = rate_source_url(&f->arena, &rate_sources[r->next],
		    r->currency);
		if (ask.url == NULL)
			continue;
		ask.timeout_ms = patience(f, r);
		r->asked = &rate_sources[r->next++];
		return (flow_call(f, &ask));
	}
	return (flow_skip_to(f, rate_keep));
}

enum flow_next
rate_ask(struct flow *f)
{
	struct rate	*r = f->rate;

	if (r->asked != NULL)
		hear(f, r);
	else if (!r->looked)
		rate_know(f, flow_rows(f), 0);
	if (r->fetched)
		return (flow_skip_to(f, rate_keep));
	if (r->rate_e4 > 0 || r->unreadable)
		return (flow_skip_to(f, rate_end));
	return (call_next(f, r));
}

enum flow_next
rate_keep(struct flow *f)
{
	struct rate	*r = f->rate;

	if (r->asked != NULL)
		hear(f, r);
	if (!r->fetched)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, rate_keep, .currency = r->currency,
	    .rate_e4 = arena_printf(&f->arena, "%lld", (long long)r->rate_e4),
	    .source = r->source));
}

enum flow_next
rate_end(struct flow *f)
{
	(void)f;
	return (FLOW_NEXT);
}

bool
rate_got(const struct flow *f, int64_t *rate_e4, const char **source)
{
	*rate_e4 = f->rate == NULL ? 0 : f->rate->rate_e4;
	*source = f->rate == NULL ? NULL : f->rate->source;
	return (f->rate == NULL || f->rate->rate_e4 > 0);
}

enum flow_next
rate_fail(struct flow *f)
{
	if (f->rate != NULL && f->rate->unreadable)
		return (flow_fail(f, ERR_UPSTREAM,
		    "The pinned exchange rate of %s is no number.",
		    f->rate->currency));
	return (flow_fail(f, ERR_UPSTREAM,
	    "There is no exchange rate for %s at the moment; try again.",
	    f->rate == NULL ? "this" : f->rate->currency));
}
