/*
 * Sends mail to buyers, from the queue.
 *
 * What is said is looked up when a mail's turn comes, so that one that waited
 * says what is true then, or isn't sent when it isn't true any more.  It
 * arrives at least once: whoever dies between the server's answer and its note
 * leaves a lease that runs out, and the same message is sent again, under the
 * same Message-ID.  A server that refuses the recipient or the message ends
 * it; any other trouble is tried again for three days.
 */
#include "jobs/jobs.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/stat.h"
#include "domain/backoff.h"
#include "flow/flow.h"
#include "jobs/claim.h"
#include "jobs/letter.h"
#include "mail/address.h"
#include "mail/message.h"
#include "mail/settings.h"
#include "net/mail.h"

#include "sql.h"

#include <kore/kore.h>

#include <string.h>

#define TOGETHER_MAX	4	/* mails that a worker sends at once */
#define TIMEOUT_MS	45000	/* the lease of mail_claim is longer */
#define MESSAGE_MAX	(1024 * 1024)

struct mail {
	const char		*id;
	const char		*lease;
	unsigned int		 attempts;	/* this one too */
	int64_t			 age_seconds;
	struct mail_mailbox	 from;
	struct letter		 letter;
	bool			 tried;
	const char		*status;	/* as mail_end has it */
	const char		*error;
};

static enum flow_next	mail_end(struct flow *);

static struct db_pool	*pool;
static struct db_op	*looking, *taking, *measuring;

/* ---- one mail ---- */

static enum flow_next
mail_open(struct flow *f)
{
	struct mail		*m = flow_state(f);
	const struct db_rows	*rows;
	unsigned int		 row;

	rows = claim_row(&row);
	m->id = claim_text(f, "id");
	m->lease = claim_text(f, "lease");
	m->attempts = (unsigned int)db_integer(rows, row, "attempts", 0) + 1;
	m->age_seconds = db_integer(rows, row, "age_seconds", 0);
	if (!strcmp(claim_text(f, "kind"), "sign_in"))
		return (FLOW_QUERY(f, customer_letter_facts, .id = m->id));
	return (FLOW_QUERY(f, mail_facts, .id = m->id));
}

static enum flow_next
end(struct flow *f, const char *status, const char *error)
{
	struct mail	*m = flow_state(f);

	m->status = status;
	m->error = error;
	return (flow_skip_to(f, mail_end));
}

/* The name by which we greet: the host of the public URL, if it is one. */
static const char *
greeting(struct flow *f)
{
	const char	*host = strstr(conf.public_url, "://");
	size_t		 len;

	host = host == NULL ? conf.public_url : host + 3;
	len = strcspn(host, ":/");
	if (len == 0 || host[0] == '[' ||
	    strspn(host, "0123456789.") >= len)
		return ("localhost");
	return (arena_strndup(&f->arena, host, len));
}

static enum flow_next
submit(struct flow *f, const char *to, const char *message, size_t len)
{
	const struct mail	*m = flow_state(f);
	const struct net_mail	 mail = { .from = m->from.address, .to = to,
				    .username = conf.smtp_username,
				    .password = conf.smtp_password,
				    .ca_file = conf.smtp_ca_file,
				    .tls = !conf_is(conf.smtp_tls, "off") };

	f->calls_uncounted = true;
	return (flow_call(f, &(struct net_request){
	    .url = arena_printf(&f->arena, "%s/%s", conf.smtp_url,
	    greeting(f)), .mail = &mail, .body = message, .body_len = len,
	    .timeout_ms = TIMEOUT_MS }));
}

static bool
compose(struct flow *f, struct mail *m, struct buf *out, const char *to)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*support = db_text(r, 0, "support_email");
	struct mail_message	 message = { .from_name = m->from.name,
				    .from = m->from.address, .to = to,
				    .subject = m->letter.subject,
				    .text = m->letter.text,
				    .html = m->letter.html };

	if (m->from.name[0] == '\0' && db_text(r, 0, "vendor") != NULL)
		message.from_name = db_text(r, 0, "vendor");
	if (support != NULL && mail_address_ok(support))
		message.reply_to = support;
	message.written_at = db_integer(r, 0, "written_at", 0);
	message.id = arena_printf(&f->arena, "%s@%s", m->id,
	    mail_address_domain(m->from.address));
	return (mail_message_write(out, &message));
}

static enum flow_next
mail_send(struct flow *f)
{
	struct mail		*m = flow_state(f);
	const struct db_rows	*r = flow_rows(f);
	const char		*moot = db_text(r, 0, "moot");
	const char		*to = db_text(r, 0, "to_address");
	struct buf		 message;
	enum flow_next		 next;

	if (to == NULL)
		return (FLOW_DONE);	/* gone with its license */
	if (moot != NULL)
		return (end(f, "skipped", arena_strdup(&f->arena, moot)));
	if (!mail_address_ok(to))
		return (end(f, "dead", "this is no address to write to"));
	if (!mail_mailbox_parse(&m->from, conf.mail_from) ||
	    !letter_write(f, r, &m->letter))
		return (end(f, "queued", "the mail could not be written"));
	buf_init(&message, MESSAGE_MAX);
	m->tried = compose(f, m, &message, to);
	next = m->tried ? submit(f, to, message.data, message.len) :
	    end(f, "queued", "the mail could not be written");
	buf_free(&message);
	return (next);
}

/* What the server's answer means; without one, what the step before said. */
static int
judge(struct flow *f, struct mail *m)
{
	const struct net_reply	*reply = flow_reply(f);
	int			 wait;

	if (m->status == NULL) {
		m->error = reply->error;
		m->status = reply->error == NULL ? "sent" :
		    reply->refused ? "dead" : "queued";
	}
	if (strcmp(m->status, "queued") != 0)
		return (0);
	if ((wait = backoff_seconds(m->attempts, m->age_seconds)) ==
	    BACKOFF_DEAD) {
		m->status = "dead";
		return (0);
	}
	return (wait);
}

static enum flow_next
mail_end(struct flow *f)
{
	struct mail	*m = flow_state(f);
	int		 wait = judge(f, m);

	return (FLOW_QUERY(f, mail_end, .id = m->id, .lease = m->lease,
	    .status = m->status, .error = m->error,
	    .wait_seconds = arena_printf(&f->arena, "%d", wait)));
}

static enum flow_next
mail_count(struct flow *f)
{
	struct mail	*m = flow_state(f);

	if (db_rows_count(flow_rows(f)) == 0)
		return (FLOW_DONE);
	if (!strcmp(m->status, "sent")) {
		stat_add(STAT_MAILS_SENT, 1);
		return (FLOW_DONE);
	}
	stat_add(!strcmp(m->status, "queued") ? STAT_MAILS_FAILED :
	    !strcmp(m->status, "dead") ? STAT_MAILS_DEAD :
	    STAT_MAILS_SKIPPED, 1);
	LOG(!strcmp(m->status, "dead") ? LOG_WARNING : LOG_NOTICE,
	    "mail.unsent", LS("mail", m->id),
	    LS("kind", db_text(flow_rows(f), 0, "kind")),
	    LI("attempt", m->attempts), LS("became", m->status),
	    LS("reason", strchr(m->error, '@') == NULL ? m->error :
	    "names an address: see last_error"));
	return (FLOW_DONE);
}

static const struct flow_step	steps[] = {
	FLOW_STEP(mail_open),		/* sql   mail_facts, or a code's */
	FLOW_STEP(mail_send),		/* call  the mail server */
	FLOW_STEP(mail_end),		/* sql   mail_end */
	FLOW_STEP(mail_count),
	{ NULL, NULL }
};

static struct claim	claim = {
	.name = "mails",
	.stmt = &sql_mail_claim,
	.steps = steps,
	.state = sizeof(struct mail),
	.together = TOGETHER_MAX,
	.refills = true,
};

/* ---- the queue ---- */

void
mails_made(uint64_t n)
{
	stat_add(STAT_MAILS_MADE, n);
	if (n > 0 && pool != NULL && mail_is_on())
		claim_tick(&claim, pool);
}

static void
looked(void *arg, struct db_reply *reply)
{
	int64_t	made = db_integer(reply->rows, 0, "made", 0);

	(void)arg;
	looking = NULL;
	db_rows_free(reply->rows);
	mails_made((uint64_t)made);
}

static void
took(void *arg, struct db_reply *reply)
{
	int64_t	made = db_integer(reply->rows, 0, "made", 0);

	(void)arg;
	taking = NULL;
	db_rows_free(reply->rows);
	mails_made((uint64_t)made);
}

static void
measured(void *arg, struct db_reply *reply)
{
	(void)arg;
	measuring = NULL;
	if (reply->rows != NULL)
		stat_set(STAT_MAILS_WAITING, (uint64_t)db_integer(reply->rows,
		    0, "depth", 0));
	db_rows_free(reply->rows);
}

/*
 * Who has no mail server looks for trials too, and makes nothing of them.  The
 * depth is written by one worker: the columns of all are added up.
 */
void
mails_tick(struct db_pool *p)
{
	const char	*mail = mail_is_on() ? "true" : "false";
	struct db_query	 trials = { .stmt = &sql_mail_trials,
			    .params = &mail };
	struct db_query	 codes = { .stmt = &sql_customer_letters };
	struct db_query	 depth = { .stmt = &sql_mail_depth };

	pool = p;
	if (looking == NULL)
		looking = db_exec(pool, &trials, looked, NULL);
	if (mail_is_on() && taking == NULL)
		taking = db_exec(pool, &codes, took, NULL);
	if (mail_is_on())
		claim_tick(&claim, pool);
	if (measuring == NULL && worker->id == 1)
		measuring = db_exec(pool, &depth, measured, NULL);
}
