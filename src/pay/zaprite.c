/*
 * Zaprite's API v1 (api.zaprite.com): `Authorization: Bearer KEY', amounts as
 * integers in the smallest unit of a currency.  We ask for satoshis.  An order
 * is found by its own id and by ours, `externalUniqId', at the same address.
 *
 * Its webhooks are not signed and came in more than one shape over time.  So
 * nothing in them counts but which order to read, and the order's status is
 * what GET says.  Cards that it keeps are in pay/zaprite_card.c.
 */
#include "pay/zaprite.h"

#include "base/text.h"
#include "pay/body.h"
#include "pay/foreign.h"

#include <string.h>

#define TIMEOUT_MS	8000	/* inside a request's own deadline */
#define SATS_MAX	INT64_C(2100000000000000)

void
zaprite_ask(struct arena *a, const struct pay_account *account,
    const char *method, const char *path, struct pay_ask *out)
{
	out->http.method = method;
	out->http.url = arena_printf(a, "%s/v1/%s", account->base_url, path);
	out->http.authorization = arena_printf(a, "Bearer %s",
	    account->api_key);
	out->http.timeout_ms = TIMEOUT_MS;
}

static void
ask_create(struct arena *a, const struct pay_account *account,
    const struct pay_order *order, struct pay_ask *out)
{
	json_t	*body = json_pack("{s:I,s:s,s:s,s:o}",
	    "amount", (json_int_t)order->amount_sats, "currency", "BTC",
	    "externalUniqId", order->id, "metadata", pay_metadata(order));

	pay_put(body, "redirectUrl", order->redirect_url);
	pay_put(body, "label", order->product_name);
	pay_put(body, "contactId", order->contact_id);
	if (order->buyer_email != NULL)
		json_object_set_new(body, "customerData",
		    json_pack("{s:s}", "email", order->buyer_email));
	if (order->save_card)
		json_object_set_new(body, "allowSavePaymentProfile",
		    json_true());
	zaprite_ask(a, account, "POST", "orders", out);
	pay_ask_body(a, body, out);
}

/* By its own id or by ours. */
static void
ask_order(struct arena *a, const struct pay_account *account, const char *id,
    struct pay_ask *out)
{
	zaprite_ask(a, account, "GET", arena_printf(a, "orders/%s",
	    foreign_escape(a, id)), out);
}

/*
 * 409 is no refusal: an order of ours with this id may be what is in the way,
 * so it has to be looked for.
 */
enum pay_result
zaprite_read(const struct pay_answer *answer, json_t **out)
{
	const struct net_reply	*r = answer->reply;
	char			 why[96];

	*out = NULL;
	if (r->error != NULL)
		return (PAY_FAILED);
	if (r->status >= 400 && r->status < 500 && r->status != 408 &&
	    r->status != 409 && r->status != 429)
		return (PAY_NONE);
	if (r->status < 200 || r->status > 299 ||
	    (*out = json_read(r->body, r->len, why, sizeof(why))) == NULL)
		return (PAY_FAILED);
	return (PAY_OK);
}

static const struct meaning {
	const char		*word;
	enum pay_status		 status;
	enum pay_exception	 exception;
	bool			 is_under_way;
} meanings[] = {
	{ "PAID", PAY_SETTLED, PAY_AS_ASKED, false },
	{ "COMPLETE", PAY_SETTLED, PAY_AS_ASKED, false },
	{ "OVERPAID", PAY_SETTLED, PAY_OVER, false },
	{ "PENDING", PAY_PENDING, PAY_AS_ASKED, false },
	{ "PROCESSING", PAY_PENDING, PAY_AS_ASKED, true },
	{ "UNDERPAID", PAY_PENDING, PAY_PARTIAL, false },
};

/* All other words mean that nobody is to pay it any more. */
static const struct meaning *
meaning_of(const char *word)
{
	static const struct meaning	over = { NULL, PAY_INVALID,
					    PAY_AS_ASKED, false };
	size_t				i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!strcmp(meanings[i].word, word))
			return (&meanings[i]);
	}
	return (&over);
}

/* In satoshis; -1: no amount of bitcoin. */
static int64_t
read_sats(const json_t *amount, const char *currency)
{
	json_int_t	n;

	if (!json_is_integer(amount) || currency == NULL ||
	    strcmp(currency, "BTC") != 0)
		return (-1);
	n = json_integer_value(amount);
	return (n >= 0 && n <= SATS_MAX ? n : -1);
}

/* What its transactions sum up to in the order's currency, if it tells. */
static int64_t
read_paid(const json_t *order)
{
	const json_t	*list = json_object_get(order, "transactions"), *one;
	int64_t		 sum = 0, sats;
	size_t		 i;

	if (!json_is_array(list))
		return (-1);
	json_array_foreach(list, i, one) {
		sats = read_sats(json_object_get(one, "amountInOrderCurrency"),
		    json_text(one, "orderCurrency"));
		if (sats < 0 || sum > SATS_MAX - sats)
			return (-1);
		sum += sats;
	}
	return (sum);
}

static bool
read_order(struct arena *a, const json_t *j, struct pay_invoice *out)
{
	const char		*id = json_text(j, "id");
	const char		*status = json_text(j, "status");
	const char		*order = json_text(j, "externalUniqId");
	const char		*link = json_text(j, "checkoutUrl");
	const char		*currency = json_text(j, "currency");
	const json_t		*amount = json_object_get(j, "totalAmount");
	const struct meaning	*m;

	if (!foreign_is_id(id) || status == NULL || *status == '\0')
		return (false);
	if (amount == NULL)
		amount = json_object_get(j, "amount");
	m = meaning_of(status);
	out->id = arena_strdup(a, id);
	out->order_id = foreign_is_id(order) ? arena_strdup(a, order) : NULL;
	out->checkout_url = link != NULL && text_is_url(link) ?
	    arena_strdup(a, link) : "";
	out->status = m->status;
	out->exception = m->exception;
	out->is_under_way = m->is_under_way;
	out->amount_sats = read_sats(amount, currency);
	out->paid_sats = read_paid(j);
	out->detail = arena_strdup(a, foreign_word(status));
	return (true);
}

static enum pay_result
read_answer(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, struct pay_invoice *out)
{
	enum pay_result	 result;
	json_t		*j;

	(void)account;
	if ((result = zaprite_read(answer, &j)) != PAY_OK)
		return (result);
	result = read_order(a, j, out) ? PAY_OK : PAY_FAILED;
	json_decref(j);
	return (result);
}

/* ---- webhooks ---- */

/* The first that is there and says something; NULL: none. */
static const char *
first_of(const char *const *texts, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		if (texts[i] != NULL && *texts[i] != '\0')
			return (texts[i]);
	}
	return (NULL);
}

#define FIRST_OF(...)	first_of((const char *const []){ __VA_ARGS__ },	\
	sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(char *))

/* An order that changed to something pending is no news. */
static bool
concerns_us(const char *event, const char *status)
{
	static const char *const	ends[] = { "order.paid",
	    "order.complete", "order.overpaid", "order.underpaid",
	    "order.expired", "order.invalid", "order.cancelled" };
	size_t				i;

	if (!strcmp(event, "order.change"))
		return (status == NULL ||
		    meaning_of(status)->status != PAY_PENDING ||
		    meaning_of(status)->exception != PAY_AS_ASKED);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!strcmp(ends[i], event))
			return (true);
	}
	return (false);
}

/* Anybody may have sent it: a hint where to look, as said above. */
static bool
read_hook(struct arena *a, const struct pay_account *account,
    const char *signature, const void *body, size_t len, struct pay_hook *out)
{
	const char	*event, *id, *order, *status;
	const json_t	*data, *object;
	json_t		*j;
	char		 why[96];

	(void)account;
	(void)signature;
	*out = (struct pay_hook){ NULL, NULL };
	if ((j = json_read(body, len, why, sizeof(why))) == NULL)
		return (true);
	data = json_object_get(j, "data");
	object = json_object_get(data, "object");
	event = FIRST_OF(json_text(j, "event"), json_text(j, "eventType"),
	    json_text(j, "type"), json_text(j, "name"));
	id = FIRST_OF(json_text(data, "id"), json_text(object, "id"),
	    json_text(j, "orderId"), json_text(j, "id"));
	order = FIRST_OF(json_text(data, "externalUniqId"),
	    json_text(object, "externalUniqId"),
	    json_text(j, "externalUniqId"));
	status = FIRST_OF(json_text(data, "status"),
	    json_text(object, "status"), json_text(j, "status"));
	if (event != NULL && concerns_us(event, status) && foreign_is_id(id)) {
		out->invoice_id = arena_strdup(a, id);
		out->order_id = foreign_is_id(order) ? arena_strdup(a, order) :
		    NULL;
	}
	json_decref(j);
	return (true);
}

const struct provider	pay_zaprite = {
	.kind = "zaprite",
	.rails = "card lightning onchain",
	.ask_create = ask_create,
	.ask_status = ask_order,
	.ask_find = ask_order,
	.read = read_answer,
	.read_hook = read_hook,
	.ask_contact = zaprite_ask_contact,
	.read_contact = zaprite_read_contact,
	.ask_card = zaprite_ask_card,
	.read_card = zaprite_read_card,
	.ask_charge = zaprite_ask_charge,
};
