/*
 * With what an invoice of BTCPay Server can be paid: its payment methods
 * (Greenfield API, GET .../invoices/ID/payment-methods).  2.x calls them BTC-LN
 * and BTC-CHAIN, 1.x BTC-LightningNetwork and BTC, under another name for the
 * member.  What is no address or no invoice, or asks for another amount than is
 * due, is left out.
 */
#include "pay/btcpay.h"

#include "domain/bip321.h"
#include "domain/money.h"
#include "pay/bolt11.h"
#include "pay/foreign.h"

#include <bsd/string.h>
#include <string.h>

#define METHODS_MAX	32
#define PAYMENTS_MAX	1000
#define SAT_DIGITS	8

void
btcpay_ask_checkout(struct arena *a, const struct pay_account *account,
    const char *invoice_id, struct pay_ask *out)
{
	btcpay_ask(a, account, "GET", arena_printf(a,
	    "invoices/%s/payment-methods", foreign_escape(a, invoice_id)),
	    out);
}

/*
 * Bitcoin, in satoshis; Lightning counts finer, and what is below a satoshi is
 * dropped, or counts as one if `up'.  What is below 0 is 0.  -1: no number.
 */
static int64_t
read_sats(const json_t *method, const char *member, bool up)
{
	const char	*text = json_text(method, member), *point;
	char		 whole[64];
	int64_t		 sats;
	bool		 is_more;

	if (text == NULL || strlen(text) >= sizeof(whole))
		return (-1);
	if (*text == '-')
		return (0);
	strlcpy(whole, text, sizeof(whole));
	is_more = (point = strchr(text, '.')) != NULL &&
	    strlen(point + 1) > SAT_DIGITS;
	if (is_more) {
		whole[(size_t)(point - text) + 1 + SAT_DIGITS] = '\0';
		point += 1 + SAT_DIGITS;
		if (strspn(point, "0123456789") != strlen(point))
			return (-1);
		is_more = strspn(point, "0") != strlen(point);
	}
	if (!money_btc_to_sats(whole, &sats))
		return (-1);
	return (up && is_more && sats < MONEY_SATS_MAX ? sats + 1 : sats);
}

/* What has arrived by this method, unless it was replaced or refused. */
static int64_t
sum_payments(const json_t *method)
{
	const json_t	*list = json_object_get(method, "payments"), *one;
	const char	*status;
	int64_t		 sum = 0, sats;
	size_t		 i;

	json_array_foreach(list, i, one) {
		status = json_text(one, "status");
		if (i >= PAYMENTS_MAX || (status != NULL &&
		    !strcmp(status, "Invalid")))
			continue;
		sats = read_sats(one, "value", false);
		if (sats > 0 && sum <= MONEY_SATS_MAX - sats)
			sum += sats;
	}
	return (sum);
}

static const char *
read_bolt11(struct arena *a, const json_t *method, int64_t due_sats)
{
	const char	*text = json_text(method, "destination");
	struct bolt11	 invoice;

	if (text == NULL || due_sats <= 0 ||
	    !bolt11_read(text, strlen(text), &invoice) ||
	    (invoice.amount_msat + 999) / 1000 != due_sats)
		return (NULL);
	return (arena_strdup(a, text));
}

static const char *
read_address(struct arena *a, const json_t *method)
{
	const char	*text = json_text(method, "destination");

	return (bip321_address_kind(text) == BIP321_NO_ADDRESS ? NULL :
	    arena_strdup(a, text));
}

static bool
is_any(const char *id, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (!strcmp(id, *names))
			return (true);
	}
	return (false);
}

/* Sums over the methods until all are seen. */
struct reading {
	int64_t	total, sum;
};

static void
read_method(struct arena *a, const json_t *method, struct reading *r,
    struct pay_methods *out)
{
	static const char *const	lightning[] = { "BTC-LN",
	    "BTC-LightningNetwork", "BTC_LightningLike", NULL };
	static const char *const	chain[] = { "BTC-CHAIN", "BTC",
	    "BTC-OnChain", NULL };
	const char			*id;
	int64_t				 due, total;

	if ((id = json_text(method, "paymentMethodId")) == NULL &&
	    (id = json_text(method, "paymentMethod")) == NULL)
		return;
	if (strncmp(id, "BTC", 3) || (id[3] != '\0' && id[3] != '-' &&
	    id[3] != '_'))
		return;
	due = read_sats(method, "due", true);
	if ((total = read_sats(method, "totalPaid", false)) > r->total)
		r->total = total;
	r->sum += sum_payments(method);
	if (is_any(id, lightning) && out->bolt11 == NULL)
		out->bolt11 = read_bolt11(a, method, due);
	else if (is_any(id, chain) && out->address == NULL)
		out->address = read_address(a, method);
	else
		return;
	if (due > out->due_sats)
		out->due_sats = due;
}

enum pay_result
btcpay_read_checkout(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, struct pay_methods *out)
{
	struct reading	 r = { .total = -1 };
	enum pay_result	 result;
	const json_t	*one;
	json_t		*j;
	size_t		 i;

	(void)account;
	*out = (struct pay_methods){ .due_sats = -1, .confirmations = -1,
	    .confirmations_needed = -1 };
	if ((result = btcpay_read(answer, &j)) != PAY_OK)
		return (result);
	if (!json_is_array(j))
		result = PAY_FAILED;
	json_array_foreach(j, i, one) {
		if (i < METHODS_MAX)
			read_method(a, one, &r, out);
	}
	json_decref(j);
	out->seen_sats = r.total >= 0 ? r.total :
	    r.sum > MONEY_SATS_MAX ? MONEY_SATS_MAX : r.sum;
	return (result);
}
