/*
 * BTCPay Server through its Greenfield API v1 (docs.btcpayserver.org, checked
 * against 2.4; 1.x answers the same way, with less): `Authorization: token
 * KEY', decimals as strings, 200 for a created invoice.  An event is a hint;
 * the status comes from GET.  Money that we send is in pay/btcpay_out.c.
 */
#include "pay/btcpay.h"

#include "crypto/hmac.h"
#include "domain/money.h"
#include "pay/body.h"
#include "pay/foreign.h"

#include <string.h>

#define TIMEOUT_MS	8000	/* inside a request's own deadline */
#define TIME_MAX	INT64_C(253402300800)	/* the year 10000 */

void
btcpay_ask(struct arena *a, const struct pay_account *account,
    const char *method, const char *path, struct pay_ask *out)
{
	out->http.method = method;
	out->http.url = arena_printf(a, "%s/api/v1/stores/%s/%s",
	    account->base_url, account->store_id, path);
	out->http.authorization = arena_printf(a, "token %s",
	    account->api_key);
	out->http.timeout_ms = TIMEOUT_MS;
}

static void
ask_create(struct arena *a, const struct pay_account *account,
    const struct pay_order *order, struct pay_ask *out)
{
	char	 amount[MONEY_TEXT_SIZE];
	json_t	*checkout = json_object(), *metadata = pay_metadata(order);

	money_sats_to_btc(order->amount_sats, amount);
	pay_put(metadata, "itemDesc", order->product_name);
	pay_put(checkout, "redirectURL", order->redirect_url);
	json_object_set_new(checkout, "redirectAutomatically", json_true());
	if (order->expiration_minutes != 0)
		json_object_set_new(checkout, "expirationMinutes",
		    json_integer(order->expiration_minutes));
	btcpay_ask(a, account, "POST", "invoices", out);
	pay_ask_body(a, json_pack("{s:s,s:s,s:o,s:o}", "amount", amount,
	    "currency", "BTC", "metadata", metadata, "checkout",
	    checkout), out);
}

static void
ask_status(struct arena *a, const struct pay_account *account,
    const char *invoice_id, struct pay_ask *out)
{
	btcpay_ask(a, account, "GET", arena_printf(a, "invoices/%s",
	    foreign_escape(a, invoice_id)), out);
}

static void
ask_find(struct arena *a, const struct pay_account *account,
    const char *order_id, struct pay_ask *out)
{
	btcpay_ask(a, account, "GET", arena_printf(a,
	    "invoices?includeArchived=true&orderId=%s",
	    foreign_escape(a, order_id)), out);
}

/* Only what is unpaid can be marked so; the address may still be paid. */
static void
ask_void(struct arena *a, const struct pay_account *account,
    const char *invoice_id, struct pay_ask *out)
{
	btcpay_ask(a, account, "POST", arena_printf(a, "invoices/%s/status",
	    foreign_escape(a, invoice_id)), out);
	pay_ask_body(a, json_pack("{s:s}", "status", "Invalid"), out);
}

/*
 * Expired and paid late is paid: no settled event comes for it.  Complete is
 * what BTCPay Server 1.0 called Settled.
 */
static enum pay_status
read_status(const char *status, const char *additional)
{
	if (!strcmp(status, "Settled") || !strcmp(status, "Complete"))
		return (PAY_SETTLED);
	if (!strcmp(status, "Expired"))
		return (!strcmp(additional, "PaidLate") ? PAY_SETTLED :
		    PAY_EXPIRED);
	if (!strcmp(status, "Invalid"))
		return (PAY_INVALID);
	return (PAY_PENDING);
}

static enum pay_exception
read_exception(const char *additional)
{
	static const struct {
		const char		*word;
		enum pay_exception	 means;
	} words[] = {
		{ "PaidPartial", PAY_PARTIAL },
		{ "PaidLate", PAY_LATE },
		{ "PaidOver", PAY_OVER },
		{ "Marked", PAY_MARKED },
	};
	size_t	i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(words[i].word, additional))
			return (words[i].means);
	}
	return (PAY_AS_ASKED);
}

/* In satoshis; -1: not told in bitcoin, or not at all. */
static int64_t
read_amount(const json_t *invoice, const char *member)
{
	const char	*amount = json_text(invoice, member);
	const char	*currency = json_text(invoice, "currency");
	int64_t		 sats;

	if (amount == NULL || currency == NULL)
		return (-1);
	if (!strcmp(currency, "BTC"))
		return (money_btc_to_sats(amount, &sats) ? sats : -1);
	if (!strcmp(currency, "SATS"))
		return (money_text_to_sats(amount, &sats) ? sats : -1);
	return (-1);
}

/* 0: not told, or no time of this age. */
static int64_t
read_time(const json_t *seconds)
{
	json_int_t	n;

	if (!json_is_integer(seconds))
		return (0);
	n = json_integer_value(seconds);
	return (n > 0 && n < TIME_MAX ? n : 0);
}

const char *
btcpay_public_link(struct arena *a, const struct pay_account *account,
    const char *link)
{
	const char	*host, *path;

	if (*account->public_url == '\0' ||
	    (host = strstr(link, "://")) == NULL)
		return (arena_strdup(a, link));
	path = strchr(host + 3, '/');
	return (arena_printf(a, "%s%s", account->public_url,
	    path == NULL ? "" : path));
}

static bool
read_invoice(struct arena *a, const struct pay_account *account,
    const json_t *j, struct pay_invoice *out)
{
	const char	*id = json_text(j, "id");
	const char	*status = json_text(j, "status");
	const char	*additional = json_text(j, "additionalStatus");
	const char	*link = json_text(j, "checkoutLink");
	const char	*order = json_text2(j, "metadata", "orderId");

	if (!foreign_is_id(id) || status == NULL)
		return (false);
	if (additional == NULL)
		additional = "None";
	out->id = arena_strdup(a, id);
	out->order_id = foreign_is_id(order) ? arena_strdup(a, order) : NULL;
	out->checkout_url = btcpay_public_link(a, account, link == NULL ? "" :
	    link);
	out->status = read_status(status, additional);
	out->exception = read_exception(additional);
	out->amount_sats = read_amount(j, "amount");
	out->paid_sats = read_amount(j, "paidAmount");
	out->expires_at = read_time(json_object_get(j, "expirationTime"));
	out->detail = arena_printf(a, "%s/%s", foreign_word(status),
	    foreign_word(additional));
	return (true);
}

enum pay_result
btcpay_read(const struct pay_answer *answer, json_t **out)
{
	const struct net_reply	*r = answer->reply;
	char			 why[96];

	*out = NULL;
	if (r->error != NULL)
		return (PAY_FAILED);
	if (r->status >= 400 && r->status < 500 && r->status != 408 &&
	    r->status != 429)
		return (PAY_NONE);
	if (r->status != 200 ||
	    (*out = json_read(r->body, r->len, why, sizeof(why))) == NULL)
		return (PAY_FAILED);
	return (PAY_OK);
}

/*
 * A look-up by order id answers with a list, newest first.  There is one, as we
 * ask for one; were there more, the paid one is what matters.
 */
static const json_t *
choose(const json_t *j)
{
	const json_t	*one;
	const char	*status;
	size_t		 i;

	if (!json_is_array(j))
		return (j);
	json_array_foreach(j, i, one) {
		status = json_text(one, "status");
		if (status != NULL && (!strcmp(status, "Settled") ||
		    !strcmp(status, "Processing")))
			return (one);
	}
	return (json_array_get(j, 0));
}

static enum pay_result
read_answer(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, struct pay_invoice *out)
{
	enum pay_result	 result;
	const json_t	*one;
	json_t		*j;

	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	if ((one = choose(j)) == NULL)
		result = PAY_NONE;
	else
		result = read_invoice(a, account, one, out) ? PAY_OK :
		    PAY_FAILED;
	json_decref(j);
	return (result);
}

const char *const	btcpay_events[] = { "InvoiceSettled",
    "InvoiceReceivedPayment", "InvoicePaymentSettled", "InvoiceExpired",
    "InvoiceInvalid", "InvoiceProcessing", "InvoiceExpiredPaidPartial",
    "InvoicePaidAfterExpiration", NULL };

static bool
concerns_us(const char *type)
{
	size_t	i;

	for (i = 0; btcpay_events[i] != NULL; i++) {
		if (!strcmp(btcpay_events[i], type))
			return (true);
	}
	return (false);
}

static bool
read_hook(struct arena *a, const struct pay_account *account,
    const char *signature, const void *body, size_t len, struct pay_hook *out)
{
	const char	*type, *id, *order;
	json_t		*j;
	char		 why[96];

	*out = (struct pay_hook){ NULL, NULL };
	if (!hmac_sha256_header_ok(signature, account->webhook_secret,
	    strlen(account->webhook_secret), body, len))
		return (false);
	if ((j = json_read(body, len, why, sizeof(why))) == NULL)
		return (true);
	type = json_text(j, "type");
	id = json_text(j, "invoiceId");
	order = json_text2(j, "metadata", "orderId");
	if (type != NULL && concerns_us(type) && foreign_is_id(id)) {
		out->invoice_id = arena_strdup(a, id);
		out->order_id = foreign_is_id(order) ? arena_strdup(a, order) : NULL;
	}
	json_decref(j);
	return (true);
}

const struct provider	pay_btcpay = {
	.kind = "btcpay",
	.rails = "lightning onchain",
	.ask_create = ask_create,
	.ask_status = ask_status,
	.ask_find = ask_find,
	.read = read_answer,
	.read_hook = read_hook,
	.ask_methods = btcpay_ask_checkout,
	.read_methods = btcpay_read_checkout,
	.ask_void = ask_void,
	.ask_refund = btcpay_ask_refund,
	.ask_find_refund = btcpay_ask_find_refund,
	.read_refund = btcpay_read_refund,
	.ask_pay = btcpay_ask_pay,
	.ask_payment = btcpay_ask_payment,
	.read_pay = btcpay_read_pay,
	.read_payment = btcpay_read_payment,
};
