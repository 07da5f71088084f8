/*
 * Any bytes as what BTCPay Server sends: a webhook's body, signed as it should
 * be or by anything, and the answer to a call.  Ids stay within bounds and
 * within the path of the URL that is made of them; nothing but the right
 * signature and the right status words count.
 *
 * The first byte says what the rest is: H a body that is signed here, R a
 * signature, LF and a body, A three digits of status and a body, S an id.
 */
#include "pay/provider.h"

#include "base/json.h"
#include "base/utf8.h"
#include "crypto/hmac.h"

#include "foreign_checks.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SATS_MAX	INT64_C(2100000000000000)
#define SECRET		"whsec-test"
#define INVOICES	"http://127.0.0.1:1/api/v1/stores/Store/invoices"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct pay_account	accounts[] = {
	{ &pay_btcpay, "2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f",
	    "http://127.0.0.1:1", "", "Store", "key", SECRET,
	    "https://licet.example" },
	{ &pay_btcpay, "2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f",
	    "http://127.0.0.1:1", "https://pay.example", "Store", "key", SECRET,
	    "https://licet.example" },
};

static void
ask_about(struct arena *a, const char *id)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_btcpay.ask_status(a, &accounts[0], id, &ask);
	check_url(&ask, "token key", INVOICES "/", id);
	ask = (struct pay_ask){ .sql = NULL };
	pay_btcpay.ask_find(a, &accounts[0], id, &ask);
	check_url(&ask, "token key",
	    INVOICES "?includeArchived=true&orderId=", id);
}

static void
check_hook(struct arena *a, const struct pay_hook *hook)
{
	if (hook->invoice_id == NULL) {
		REQUIRE(hook->order_id == NULL);
		return;
	}
	REQUIRE(is_id(hook->invoice_id));
	REQUIRE(hook->order_id == NULL || is_text(hook->order_id));
	ask_about(a, hook->invoice_id);
}

static void
sign(const uint8_t *body, size_t len, char out[80])
{
	memcpy(out, "sha256=", 7);
	hmac_sha256_hex(SECRET, strlen(SECRET), body, len, out + 7);
}

static void
read_signed(struct arena *a, const uint8_t *body, size_t len)
{
	struct pay_hook	hook;
	char		signature[80];

	sign(body, len, signature);
	REQUIRE(pay_btcpay.read_hook(a, &accounts[0], signature, body, len,
	    &hook));
	check_hook(a, &hook);
	signature[70] = signature[70] == '0' ? '1' : '0';
	REQUIRE(!pay_btcpay.read_hook(a, &accounts[0], signature, body, len,
	    &hook));
	REQUIRE(hook.invoice_id == NULL && hook.order_id == NULL);
}

static void
read_unsigned(struct arena *a, const uint8_t *data, size_t size)
{
	const uint8_t	*lf = memchr(data, '\n', size);
	struct pay_hook	 hook;
	const char	*signature;
	char		 want[80];
	size_t		 len;

	if (lf == NULL)
		return;
	signature = arena_strndup(a, (const char *)data, (size_t)(lf - data));
	len = size - (size_t)(lf + 1 - data);
	sign(lf + 1, len, want);
	if (pay_btcpay.read_hook(a, &accounts[0], signature, lf + 1, len,
	    &hook)) {
		REQUIRE(!strncmp(signature, "sha256=", 7));
		REQUIRE(!strcasecmp(signature, want));
		check_hook(a, &hook);
	} else {
		REQUIRE(hook.invoice_id == NULL && hook.order_id == NULL);
		REQUIRE(strcmp(signature, want) != 0);
	}
}

static bool
says(const json_t *invoice, const char *name, const char *word)
{
	const char	*s = json_string_value(json_object_get(invoice, name));

	return (s != NULL && !strcmp(s, word));
}

/* Nothing else is money. */
static bool
is_paid(const json_t *invoice)
{
	return (says(invoice, "status", "Settled") ||
	    says(invoice, "status", "Complete") ||
	    (says(invoice, "status", "Expired") &&
	    says(invoice, "additionalStatus", "PaidLate")));
}

/* Of a list: the first that money has come for, else the first. */
static const json_t *
chosen(const json_t *j)
{
	const json_t	*one;
	size_t		 i;

	if (!json_is_array(j))
		return (j);
	json_array_foreach(j, i, one) {
		if (says(one, "status", "Settled") ||
		    says(one, "status", "Processing"))
			return (one);
	}
	return (json_array_get(j, 0));
}

/* Nothing but its own name is our refund; only a clear word ends a payment. */
static void
read_money_out(struct arena *a, const struct pay_answer *answer,
    const json_t *j)
{
	int		 status = answer->reply->status;
	const char	*detail;
	struct pay_refund refund = { NULL, NULL };
	enum pay_sent	 sent;

	if (pay_btcpay.read_refund(a, &accounts[0], "x", answer, &refund) ==
	    PAY_OK)
		REQUIRE(status == 200 && is_id(refund.id) &&
		    is_text(refund.claim_url));
	else
		REQUIRE(refund.id == NULL);
	sent = pay_btcpay.read_pay(a, &accounts[0], answer, &detail);
	REQUIRE((sent == PAY_SENT_DONE) == (status == 200 &&
	    says(j, "status", "Complete")));
	REQUIRE(sent != PAY_SENT_FAILED || (status >= 400 && status < 500));
	REQUIRE(is_text(detail));
	sent = pay_btcpay.read_payment(a, &accounts[0], answer, &detail);
	REQUIRE((sent == PAY_SENT_DONE) == (status == 200 &&
	    says(j, "status", "Complete")));
	REQUIRE((sent == PAY_SENT_FAILED) == (status == 200 &&
	    says(j, "status", "Failed")));
	REQUIRE(is_text(detail));
}

static void
check_invoice(struct arena *a, const struct pay_account *account,
    const struct pay_invoice *in, const json_t *j)
{
	j = chosen(j);
	REQUIRE(is_id(in->id) && says(j, "id", in->id));
	REQUIRE(in->order_id == NULL || is_text(in->order_id));
	REQUIRE(is_text(in->checkout_url) && is_text(in->detail));
	REQUIRE(strchr(in->detail, '/') != NULL);
	REQUIRE(in->amount_sats >= -1 && in->amount_sats <= SATS_MAX);
	REQUIRE(in->paid_sats >= -1 && in->paid_sats <= SATS_MAX);
	REQUIRE((in->exception == PAY_LATE) ==
	    says(j, "additionalStatus", "PaidLate"));
	REQUIRE(in->amount_sats == -1 || says(j, "currency", "BTC") ||
	    says(j, "currency", "SATS"));
	REQUIRE((in->status == PAY_SETTLED) == is_paid(j));
	if (strstr(in->checkout_url, "://") != NULL)
		REQUIRE(!strncmp(in->checkout_url, account->public_url,
		    strlen(account->public_url)));
	ask_about(a, in->id);
}

static void
read_answer(struct arena *a, const struct pay_account *account, int status,
    const char *body, size_t len)
{
	struct net_reply	 reply = { .status = status, .body = body,
				    .len = len };
	struct pay_answer	 answer = { .reply = &reply };
	struct pay_invoice	 in = { .id = NULL };
	enum pay_result		 result;
	json_t			*j;
	char			 why[96];

	result = pay_btcpay.read(a, account, &answer, &in);
	REQUIRE(result == PAY_OK || result == PAY_NONE ||
	    result == PAY_FAILED);
	j = json_read(body, len, why, sizeof(why));
	if (result == PAY_OK) {
		REQUIRE(status == 200 && j != NULL);
		check_invoice(a, account, &in, j);
	} else {
		REQUIRE(in.id == NULL);
	}
	if (result == PAY_NONE)
		REQUIRE((status >= 400 && status < 500) ||
		    (status == 200 && json_is_array(j) &&
		    json_array_size(j) == 0));
	read_money_out(a, &answer, j);
	json_decref(j);
	reply = (struct net_reply){ .body = "", .error = "timed out" };
	REQUIRE(pay_btcpay.read(a, account, &answer, &in) == PAY_FAILED);
}

/* The body has a NUL behind it, as net/call.h promises, and nothing more. */
static void
read_answers(struct arena *a, const uint8_t *data, size_t size)
{
	char	*body;
	int	 status;

	if (size < 3)
		return;
	status = (data[0] - '0') * 100 + (data[1] - '0') * 10 +
	    (data[2] - '0');
	size -= 3;
	body = calloc(1, size + 1);
	memcpy(body, data + 3, size);
	read_answer(a, &accounts[0], status, body, size);
	read_answer(a, &accounts[1], status, body, size);
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena	a;

	if (size == 0)
		return (0);
	arena_init(&a);
	switch (*data++) {
	case 'A':
		read_answers(&a, data, size - 1);
		break;
	case 'R':
		read_unsigned(&a, data, size - 1);
		break;
	case 'S':
		ask_about(&a, arena_strndup(&a, (const char *)data, size - 1));
		break;
	default:
		read_signed(&a, data, size - 1);
		break;
	}
	arena_reset(&a);

	return (0);
}
