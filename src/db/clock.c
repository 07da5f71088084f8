#include "db/clock.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/text.h"
#include "db/pool.h"

#include "sql.h"

static struct db_pool	*pool;
static struct db_op	*asking;

static void	ask(void);

static void
moved(int64_t us)
{
	clock_shift_us(us);
	LOG(LOG_NOTICE, "clock.moved", LI("shift_us", us));
}

static void
answered(void *arg, struct db_reply *reply)
{
	(void)arg;
	asking = NULL;
	if (reply->rows != NULL)
		moved(db_integer(reply->rows, 0, "shift_us", 0));
	else if (reply->error == ERR_UNAVAILABLE)
		ask();
	db_rows_free(reply->rows);
}

static void
ask(void)
{
	const struct db_query	q = { .stmt = &sql_clock_shift };

	asking = db_exec(pool, &q, answered, NULL);
}

/* What is heard is newer than an answer that is still under way. */
static void
notified(const char *payload)
{
	long long	us;

	if (asking != NULL)
		db_cancel(asking);
	asking = NULL;
	if (payload != NULL && text_integer(payload, INT64_MIN, INT64_MAX, &us))
		moved(us);
	else
		ask();
}

void
db_clock_open(struct db_pool *p)
{
	if (!conf_is(conf.clock, "movable"))
		return;
	pool = p;
	db_listen("licet_clock", notified);
}
