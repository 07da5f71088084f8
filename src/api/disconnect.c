#include "api/disconnect.h"

#include "base/log.h"
#include "flow/account.h"
#include "flow/settle.h"
#include "pay/btcpay_connect.h"

#include "sql.h"

#include <string.h>

void
disconnect_warn(struct flow *f, const char *text)
{
	struct disconnect	*d = flow_state(f);

	if (d->nwarnings < DISCONNECT_WARNINGS)
		d->warning[d->nwarnings++] = text;
}

json_t *
disconnect_warnings(struct flow *f)
{
	struct disconnect	*d = flow_state(f);
	json_t			*list = json_array();
	unsigned int		 i;

	for (i = 0; i < d->nwarnings; i++)
		json_array_append_new(list, json_string(d->warning[i]));
	return (list);
}

void
disconnect_read(struct flow *f)
{
	struct disconnect	*d = flow_state(f);
	const struct db_rows	*rows = flow_rows(f);
	const char		*text;

	if (db_text(rows, 0, "provider_id") == NULL)
		return;
	text = db_text(rows, 0, "webhook_id");
	d->webhook_id = text == NULL ? NULL : arena_strdup(&f->arena, text);
	d->is_from_environment = db_true(rows, 0, "from_environment");
	if (!account_read(f, rows, 0, &d->account)) {
		d->account.id = arena_strdup(&f->arena, db_text(rows, 0,
		    "provider_id"));
		d->account.provider = NULL;
		disconnect_warn(f, "This key ring does not open its secrets: "
		    "remove the webhook and the API key at the provider.");
	}
}

/* Is there something at a BTCPay Server to clean up, and a key for it? */
static bool
is_remote(const struct disconnect *d)
{
	return (d->account.provider == &pay_btcpay &&
	    *d->account.api_key != '\0');
}

enum flow_next
disconnect_unhook(struct flow *f)
{
	struct disconnect	*d = flow_state(f);
	struct pay_ask		 ask = { .sql = NULL };

	if (!is_remote(d))
		return (flow_skip_to(f, disconnect_wipe));
	if (d->is_from_environment) {
		disconnect_warn(f, "The settings name this provider: its key "
		    "and webhook were left alone, and the next start connects "
		    "it again.");
		return (flow_skip_to(f, disconnect_wipe));
	}
	if (d->webhook_id == NULL)
		return (FLOW_NEXT);
	btcpay_ask_unhook(&f->arena, &d->account, d->webhook_id, &ask);
	return (settle_send(f, &ask));
}

enum flow_next
disconnect_revoke(struct flow *f)
{
	struct disconnect	*d = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);
	struct pay_ask		 ask = { .sql = NULL };

	if (d->webhook_id != NULL && !btcpay_is_gone(&answer))
		disconnect_warn(f, "BTCPay Server did not confirm that the "
		    "webhook is deleted; look there.");
	btcpay_ask_revoke(&f->arena, &d->account, &ask);
	return (settle_send(f, &ask));
}

enum flow_next
disconnect_wipe(struct flow *f)
{
	struct disconnect	*d = flow_state(f);
	struct pay_answer	 answer = settle_answer(f);

	/* 401: the key is no more, which is what was asked for. */
	if (is_remote(d) && !d->is_from_environment &&
	    !btcpay_is_gone(&answer) && (answer.reply->error != NULL ||
	    answer.reply->status != 401))
		disconnect_warn(f, "BTCPay Server did not confirm that the API "
		    "key is revoked; revoke it there.");
	if (d->account.id == NULL)
		return (FLOW_NEXT);
	return (FLOW_QUERY(f, provider_wipe, .provider_id = d->account.id));
}
