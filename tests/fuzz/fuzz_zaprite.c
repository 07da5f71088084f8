/*
 * Any bytes as what Zaprite sends, or what others send in its name: a webhook's
 * body, which nobody signs, and the answer to a call.  Ids stay within bounds
 * and within the path of the URL that is made of them; nothing but the words of
 * a paid order count as money, and only our own invoice's card is its card.
 *
 * The first byte says what the rest is: A three digits of status and a body, S
 * an id, all else a webhook's body.
 */
#include "pay/provider.h"

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"

#include "foreign_checks.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SATS_MAX	INT64_C(2100000000000000)
#define ORDER		"2b6f1c9e-3a51-4c0e-9d6f-0a1b2c3d4e5f"
#define API		"http://127.0.0.1:1/v1/"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct pay_account	account = { &pay_zaprite, ORDER,
    "http://127.0.0.1:1", "", ORDER, "key", "", "https://licet.example" };

static void
ask_about(struct arena *a, const char *id)
{
	struct pay_ask	ask = { .sql = NULL };

	pay_zaprite.ask_status(a, &account, id, &ask);
	check_url(&ask, "Bearer key", API "orders/", id);
	ask = (struct pay_ask){ .sql = NULL };
	pay_zaprite.ask_card(a, &account, id, &ask);
	check_url(&ask, "Bearer key", API "contacts/", id);
}

static void
read_event(struct arena *a, const uint8_t *body, size_t len)
{
	struct pay_hook	hook;

	REQUIRE(pay_zaprite.read_hook(a, &account, NULL, body, len, &hook));
	if (hook.invoice_id == NULL) {
		REQUIRE(hook.order_id == NULL);
		return;
	}
	REQUIRE(is_id(hook.invoice_id));
	REQUIRE(hook.order_id == NULL || is_id(hook.order_id));
	ask_about(a, hook.invoice_id);
}

static bool
says(const json_t *object, const char *name, const char *word)
{
	const char	*s = json_text(object, name);

	return (s != NULL && !strcmp(s, word));
}

static void
check_order(struct arena *a, const struct pay_invoice *in, const json_t *j)
{
	REQUIRE(is_id(in->id) && says(j, "id", in->id));
	REQUIRE(in->order_id == NULL || says(j, "externalUniqId",
	    in->order_id));
	REQUIRE(*in->checkout_url == '\0' || text_is_url(in->checkout_url));
	REQUIRE(is_text(in->detail));
	REQUIRE(in->amount_sats >= -1 && in->amount_sats <= SATS_MAX);
	REQUIRE(in->amount_sats == -1 || says(j, "currency", "BTC"));
	REQUIRE(in->paid_sats >= -1 && in->paid_sats <= SATS_MAX);
	REQUIRE((in->status == PAY_SETTLED) == (says(j, "status", "PAID") ||
	    says(j, "status", "COMPLETE") || says(j, "status", "OVERPAID")));
	REQUIRE(in->status != PAY_SETTLED || !in->is_under_way);
	ask_about(a, in->id);
}

/* Somebody's card that was kept for another order is not ours to charge. */
static void
read_cards(struct arena *a, const struct pay_answer *answer, const json_t *j)
{
	const json_t	*list = json_object_get(j, "paymentProfiles"), *one;
	struct pay_card	 card;
	const char	*source;
	bool		 found = false;
	size_t		 i;

	if (pay_zaprite.read_card(a, &account, ORDER, answer, &card) != PAY_OK)
		return;
	REQUIRE(is_id(card.id) && is_text(card.method));
	REQUIRE(card.expires_at >= 0);
	json_array_foreach(list, i, one) {
		source = json_text2(one, "sourceOrder", "externalUniqId");
		if (source != NULL && !strcmp(source, ORDER) &&
		    says(one, "id", card.id))
			found = true;
	}
	REQUIRE(found);
}

static void
read_answer(struct arena *a, int status, const char *body, size_t len)
{
	struct net_reply	 reply = { .status = status, .body = body,
				    .len = len };
	struct pay_answer	 answer = { .reply = &reply };
	struct pay_invoice	 in = { .id = NULL };
	enum pay_result		 result;
	const char		*contact;
	json_t			*j;
	char			 why[96];

	j = json_read(body, len, why, sizeof(why));
	result = pay_zaprite.read(a, &account, &answer, &in);
	if (result == PAY_OK) {
		REQUIRE(status >= 200 && status <= 299 && j != NULL);
		check_order(a, &in, j);
	} else {
		REQUIRE(in.id == NULL);
		REQUIRE(result != PAY_NONE || (status >= 400 && status < 500));
	}
	if (pay_zaprite.read_contact(a, &account, &answer, &contact) == PAY_OK)
		REQUIRE(is_id(contact) && says(j, "id", contact));
	else
		REQUIRE(contact == NULL);
	read_cards(a, &answer, j);
	json_decref(j);
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
	read_answer(a, status, body, size);
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena	a;

	if (size == 0)
		return (0);
	arena_init(&a);
	switch (*data) {
	case 'A':
		read_answers(&a, data + 1, size - 1);
		break;
	case 'S':
		ask_about(&a, arena_strndup(&a, (const char *)data + 1,
		    size - 1));
		break;
	default:
		read_event(&a, data, size);
		break;
	}
	arena_reset(&a);

	return (0);
}
