/*
 * Cards that Zaprite keeps for buyers who allow it: the contact is made before
 * the first order, the payment profile is found at the contact once that order
 * is paid, later orders are charged to it.  Only their ids ever reach us.
 */
#include "pay/zaprite.h"

#include "pay/body.h"
#include "pay/foreign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CONTACT_TIMEOUT_MS	3000	/* the order is to follow in time */

/* Nobody asked the buyer for a name. */
void
zaprite_ask_contact(struct arena *a, const struct pay_account *account,
    const char *email, struct pay_ask *out)
{
	zaprite_ask(a, account, "POST", "contacts", out);
	pay_ask_body(a, json_pack("{s:s,s:s}", "email", email,
	    "legalName", email), out);
	out->http.timeout_ms = CONTACT_TIMEOUT_MS;
}

enum pay_result
zaprite_read_contact(struct arena *a, const struct pay_account *account,
    const struct pay_answer *answer, const char **contact_id)
{
	enum pay_result	 result;
	const char	*id;
	json_t		*j;

	(void)account;
	*contact_id = NULL;
	if ((result = zaprite_read(answer, &j)) != PAY_OK)
		return (result);
	id = json_text(j, "id");
	if (foreign_is_id(id))
		*contact_id = arena_strdup(a, id);
	else
		result = PAY_FAILED;
	json_decref(j);
	return (result);
}

void
zaprite_ask_card(struct arena *a, const struct pay_account *account,
    const char *contact_id, struct pay_ask *out)
{
	zaprite_ask(a, account, "GET", arena_printf(a, "contacts/%s",
	    foreign_escape(a, contact_id)), out);
}

/* "2030-12-31T23:59:59.000Z", in UTC; 0: no such time. */
static int64_t
read_time(const char *s)
{
	static const char	form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm		tm = { .tm_isdst = 0 };
	size_t			i;

	for (i = 0; s != NULL && form[i] != '\0'; i++) {
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' :
		    s[i] != form[i])
			return (0);
	}
	if (s == NULL || s[strlen(s) - 1] != 'Z' ||
	    strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return (0);
	return (timegm(&tm) > 0 ? timegm(&tm) : 0);
}

enum pay_result
zaprite_read_card(struct arena *a, const struct pay_account *account,
    const char *order_id, const struct pay_answer *answer,
    struct pay_card *out)
{
	enum pay_result	 result;
	const char	*id, *method, *source;
	const json_t	*one, *list;
	json_t		*j;
	size_t		 i;

	(void)account;
	if ((result = zaprite_read(answer, &j)) != PAY_OK)
		return (result);
	result = PAY_NONE;
	list = json_object_get(j, "paymentProfiles");
	json_array_foreach(list, i, one) {
		id = json_text(one, "id");
		method = json_text(one, "method");
		source = json_text2(one, "sourceOrder", "externalUniqId");
		if (source == NULL || strcmp(source, order_id) != 0 ||
		    !foreign_is_id(id))
			continue;
		out->id = arena_strdup(a, id);
		out->method = method == NULL ? "" :
		    arena_strdup(a, foreign_word(method));
		out->expires_at = read_time(json_text(one, "expiresAt"));
		result = PAY_OK;
		break;
	}
	json_decref(j);
	return (result);
}

void
zaprite_ask_charge(struct arena *a, const struct pay_account *account,
    const char *invoice_id, const char *card_id, struct pay_ask *out)
{
	zaprite_ask(a, account, "POST", "orders/charge", out);
	pay_ask_body(a, json_pack("{s:s,s:s}", "orderId", invoice_id,
	    "paymentProfileId", card_id), out);
}
