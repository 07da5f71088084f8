/*
 * Money that leaves through BTCPay Server: refunds, as pull payments that the
 * buyer claims, and Lightning payments.  Neither call has an idempotency key,
 * so each can be found again: a refund by its name, a payment by its hash.
 * What may have been sent is never called failed.
 */
#include "pay/btcpay.h"
#include "pay/body.h"
#include "pay/foreign.h"

#include <string.h>

#define PAY_TIMEOUT_MS	30000
#define PAY_PATIENCE_S	20	/* the node's, shorter than ours */

/* ---- refunds ---- */

/* A pull payment's name has 50 characters at most. */
static const char *
refund_name(struct arena *a, const char *refund_id)
{
	return (arena_printf(a, "Refund %s", refund_id));
}

void
btcpay_ask_refund(struct arena *a, const struct pay_account *account,
    const char *invoice_id, const char *refund_id, const char *variant,
    struct pay_ask *out)
{
	const char	*path = arena_printf(a, "invoices/%s/refund",
			    foreign_escape(a, invoice_id));

	btcpay_ask(a, account, "POST", path, out);
	pay_ask_body(a, json_pack("{s:s,s:s}", "refundVariant", variant,
	    "name", refund_name(a, refund_id)), out);
}

void
btcpay_ask_find_refund(struct arena *a, const struct pay_account *account,
    const char *refund_id, struct pay_ask *out)
{
	(void)refund_id;
	btcpay_ask(a, account, "GET", "pull-payments?includeArchived=true",
	    out);
}

static bool
read_pull_payment(struct arena *a, const struct pay_account *account,
    const json_t *j, struct pay_refund *out)
{
	const char	*id = json_text(j, "id");
	const char	*link = json_text(j, "viewLink");

	if (!foreign_is_id(id) || link == NULL)
		return (false);
	out->id = arena_strdup(a, id);
	out->claim_url = btcpay_public_link(a, account, link);
	return (true);
}

/* One that was just made, or all of the store's to find ours among. */
enum pay_result
btcpay_read_refund(struct arena *a, const struct pay_account *account,
    const char *refund_id, const struct pay_answer *answer,
    struct pay_refund *out)
{
	const char	*want = refund_name(a, refund_id), *name;
	enum pay_result	 result;
	const json_t	*one;
	json_t		*j;
	size_t		 i;

	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	if (json_is_array(j)) {
		result = PAY_NONE;
		json_array_foreach(j, i, one) {
			name = json_text(one, "name");
			if (name == NULL || strcmp(name, want) != 0)
				continue;
			result = read_pull_payment(a, account, one, out) ?
			    PAY_OK : PAY_FAILED;
			break;
		}
	} else if (!read_pull_payment(a, account, j, out)) {
		result = PAY_FAILED;
	}
	json_decref(j);
	return (result);
}

/* ---- Lightning payments ---- */

void
btcpay_ask_pay(struct arena *a, const struct pay_account *account,
    const char *bolt11, struct pay_ask *out)
{
	btcpay_ask(a, account, "POST", "lightning/BTC/invoices/pay", out);
	pay_ask_body(a, json_pack("{s:s,s:i}", "BOLT11", bolt11,
	    "sendTimeout", PAY_PATIENCE_S), out);
	out->http.timeout_ms = PAY_TIMEOUT_MS;
}

void
btcpay_ask_payment(struct arena *a, const struct pay_account *account,
    const char *payment_hash, struct pay_ask *out)
{
	btcpay_ask(a, account, "GET", arena_printf(a,
	    "lightning/BTC/payments/%s", foreign_escape(a, payment_hash)), out);
}

/* The answer's word of this name; "" when there is none. */
static const char *
answer_word(struct arena *a, const struct net_reply *r, const char *name)
{
	const char	*word = NULL;
	json_t		*j;
	char		 why[96];

	if ((j = json_read(r->body, r->len, why, sizeof(why))) != NULL)
		word = json_text(j, name);
	word = word == NULL ? "" : arena_strdup(a, foreign_word(word));
	json_decref(j);
	return (word);
}

static const char *
describe(struct arena *a, const struct net_reply *r, const char *word)
{
	if (r->error != NULL)
		return ("no answer");
	return (arena_printf(a, "%d %s", r->status, word));
}

/*
 * 200 is paid, 202 in flight.  Certain not to have been sent: what the server
 * refused before it asked the node (401, 403, 404, 422), and a payment without
 * a route.  Any other error may be one of looking, not of paying: the node pays,
 * then is asked how it went, and `generic-error' also means `paid already'.
 */
enum pay_sent
btcpay_read_pay(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, const char **detail)
{
	const struct net_reply	*r = answer->reply;
	const char		*code, *status;

	(void)account;
	*detail = describe(a, r, "");
	if (r->error != NULL)
		return (PAY_SENT_WAITING);
	code = answer_word(a, r, "code");
	status = answer_word(a, r, "status");
	*detail = describe(a, r, *code != '\0' ? code : status);
	switch (r->status) {
	case 200:
		return (!strcmp(status, "Complete") ? PAY_SENT_DONE :
		    PAY_SENT_WAITING);
	case 400:
		return (!strcmp(code, "could-not-find-route") ?
		    PAY_SENT_FAILED : PAY_SENT_WAITING);
	case 401:
	case 403:
	case 422:
		return (PAY_SENT_FAILED);
	case 404:
		return (*code != '\0' ? PAY_SENT_FAILED : PAY_SENT_WAITING);
	default:
		return (PAY_SENT_WAITING);
	}
}

/* A node that can't be asked (503), or won't answer us, proves nothing. */
enum pay_sent
btcpay_read_payment(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, const char **detail)
{
	const struct net_reply	*r = answer->reply;
	const char		*code, *status;

	(void)account;
	*detail = describe(a, r, "");
	if (r->error != NULL)
		return (PAY_SENT_WAITING);
	code = answer_word(a, r, "code");
	status = answer_word(a, r, "status");
	*detail = describe(a, r, *code != '\0' ? code : status);
	if (r->status == 200 && !strcmp(status, "Complete"))
		return (PAY_SENT_DONE);
	if (r->status == 200 && !strcmp(status, "Failed"))
		return (PAY_SENT_FAILED);
	if (r->status == 404 && !strcmp(code, "payment-not-found"))
		return (PAY_SENT_NONE);
	return (PAY_SENT_WAITING);
}
