#include "pay/body.h"

#include <stdlib.h>
#include <string.h>

void
pay_ask_body(struct arena *a, json_t *body, struct pay_ask *out)
{
	char	*text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

	json_decref(body);
	out->http.content_type = "application/json";
	out->http.body = arena_strdup(a, text == NULL ? "" : text);
	out->http.body_len = strlen(out->http.body);
	free(text);
}

void
pay_put(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(object, name, json_string(text));
}

json_t *
pay_metadata(const struct pay_order *order)
{
	json_t	*m = json_object();

	pay_put(m, "orderId", order->id);
	pay_put(m, "productId", order->product_id);
	pay_put(m, "source", "licet");
	switch (order->kind) {
	case PAY_RENEWAL:
		pay_put(m, "subscriptionId", order->subscription_id);
		pay_put(m, "cycleStartAt", order->cycle_start_at);
		break;
	case PAY_TIER_CHANGE:
		pay_put(m, "intent", order->intent);
		pay_put(m, "licenseId", order->license_id);
		pay_put(m, "fromPolicyId", order->from_policy_id);
		pay_put(m, "toPolicyId", order->to_policy_id);
		break;
	case PAY_PURCHASE:
		break;
	}
	return (m);
}
