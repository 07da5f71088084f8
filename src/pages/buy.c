/*
 * /buy/:slug: a product's page, and its form.  What is shown comes from the
 * API, and a sale is the API's own: a code is redeemed if it leaves nothing to
 * pay, else it goes to the purchase.  The form bears a token that counts like
 * an Idempotency-Key, so a double click or a reload buys once.
 *
 * There is no session, and so nothing that another site could ride on; what a
 * browser says comes from elsewhere is refused all the same.
 */
#include "pages/buy.h"

#include "base/json.h"
#include "base/uuid.h"
#include "domain/money.h"
#include "flow/fail.h"
#include "flow/form.h"
#include "flow/idempotency.h"
#include "flow/inner.h"
#include "flow/session.h"
#include "pages/front.h"
#include "pages/pages.h"
#include "pages/value.h"

#include "sql.h"

#include <ctype.h>
#include <string.h>

#define PAUSE_MS	250
#define PAUSES_MAX	16

static enum flow_next	buy_purchase(struct flow *);
static enum flow_next	buy_claim(struct flow *);

/* ---- what came ---- */

static const char *
or_empty(const char *s)
{
	return (s == NULL ? "" : s);
}

/* Without the blanks around it. */
static const char *
trimmed(struct flow *f, const char *s)
{
	size_t	n;

	s += strspn(s, " \t\r\n");
	for (n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL; n--)
		;
	return (arena_strndup(&f->arena, s, n));
}

static void
read_form(struct flow *f, struct buy *b)
{
	b->policy = form_text(f, "policy");
	b->code = trimmed(f, form_text(f, "code"));
	b->email = trimmed(f, form_text(f, "email"));
	b->prefilled = form_text(f, "prefilled");
	b->token = form_text(f, "token");
	b->is_sale = strcmp(form_text(f, "do"), "apply") != 0;
	if (*b->token == '\0')
		b->token = NULL;
}

static enum flow_next
ask_offer(struct flow *f)
{
	struct buy	*b = flow_state(f);
	json_t		*names;
	const char	*path;

	b->slug = or_empty(flow_text(f, "slug"));
	names = json_pack("{s:s}", "slug", b->slug);
	path = value_expand(&f->arena, "/v1/products/{slug}/policies", names,
	    NULL, true);
	json_decref(names);
	return (inner_run(f, GET, path, NULL, NULL));
}

static enum flow_next
buy_look(struct flow *f)
{
	struct buy	*b = flow_state(f);

	b->policy = or_empty(flow_text(f, "policy"));
	b->code = trimmed(f, or_empty(flow_text(f, "code")));
	b->email = b->prefilled = "";
	return (ask_offer(f));
}

static enum flow_next
buy_send(struct flow *f)
{
	arena_wipe_later(&f->arena);
	read_form(f, flow_state(f));
	return (ask_offer(f));
}

/* ---- what is on offer ---- */

static enum flow_next
buy_facts(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);
	const struct buy		*b = flow_state(f);
	char				 why[96];

	if (a->fault != ERR_NONE)
		return (a->status / 100 == 4 ? flow_fail(f, ERR_NOT_FOUND,
		    "Nothing of this name is for sale here.") :
		    flow_fail(f, a->fault, "%s", a->message));
	f->body = json_pack("{s:o}", "offer", json_read(a->body, a->len, why,
	    sizeof(why)));
	return (FLOW_QUERY(f, shop_facts, .slug = b->slug));
}

static void
read_rate(struct flow *f, struct buy *b)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*pin = db_text(r, 0, "rate_pin");

	if (pin != NULL) {
		if (!money_rate_parse(pin, &b->rate_e4))
			b->rate_e4 = 0;
		return;
	}
	b->rate_e4 = db_integer(r, 0, "rate_e4", 0);
	b->rate_at = db_text(r, 0, "rate_at");
	if (b->rate_at != NULL)
		b->rate_at = arena_strdup(&f->arena, b->rate_at);
}

/* The policy that sells when none is public, without its name. */
static json_t *
read_terms(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const json_t		*product;

	product = json_object_get(json_object_get(f->body, "offer"),
	    "product");
	return (json_pack("{s:s,s:s,s:s?,s:I,s:b,s:I,s:I,s:I,s:I}",
	    "slug", "", "name", "",
	    "price_currency", json_text(product, "price_currency"),
	    "price_value", (json_int_t)db_integer(r, 0, "price_value", 0),
	    "is_recurring", db_true(r, 0, "is_recurring"),
	    "renewal_period_days",
	    (json_int_t)db_integer(r, 0, "renewal_period_days", 0),
	    "trial_days", (json_int_t)db_integer(r, 0, "trial_days", 0),
	    "max_machines", (json_int_t)db_integer(r, 0, "max_machines", 1),
	    "duration_seconds",
	    (json_int_t)db_integer(r, 0, "duration_seconds", 0)));
}

/* What a code that was typed does to the price; looking is limited as there. */
static enum flow_next
buy_preview(struct flow *f)
{
	struct buy	*b = flow_state(f);
	json_t		*names;
	const char	*query;

	read_rate(f, b);
	json_object_set_new(f->body, "terms", read_terms(f));
	buy_choose(f, b);
	if (b->is_sale)
		return (flow_skip_to(f, buy_claim));
	if (!buy_is_typed(b) || (f->endpoint->method == GET &&
	    !limit_take(LIMIT_PURCHASE, f->client)))
		return (flow_skip_to(f, buy_page));
	names = json_pack("{s:s,s:s,s:s}", "code", b->code, "product", b->slug,
	    "policy", json_text(b->tier, "slug"));
	query = value_expand(&f->arena,
	    "code={code}&product={product}&policy_slug={policy}", names, NULL,
	    true);
	json_decref(names);
	return (inner_run(f, GET, "/v1/discount-codes/preview", query, NULL));
}

/* "buyer_email: must be ..." to "Must be ...", with an end. */
static const char *
sentence(struct flow *f, const char *message)
{
	size_t	 name = strspn(message, "abcdefghijklmnopqrstuvwxyz_");
	size_t	 n;
	char	*s;

	if (name > 0 && !strncmp(message + name, ": ", 2))
		message += name + 2;
	n = strlen(message);
	s = arena_printf(&f->arena, "%s%s", message,
	    n > 0 && strchr(".!?", message[n - 1]) != NULL ? "" : ".");
	s[0] = (char)toupper((unsigned char)s[0]);
	return (s);
}

/* Beside the input that it is about. */
static void
note_fault(struct flow *f, struct buy *b, int status, const char *message)
{
	const char	*text = sentence(f, message);

	b->status = status;
	if (strstr(message, "buyer") != NULL ||
	    strstr(message, "e-mail") != NULL)
		b->email_fault = text;
	else if (status < 500 && strstr(message, "code") != NULL)
		b->code_fault = text;
	else
		b->fault = text;
}

static enum flow_next
buy_previewed(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);
	struct buy			*b = flow_state(f);
	json_t				*preview;
	const char			*code = NULL;
	char				 why[96];

	if (a->fault != ERR_NONE) {
		note_fault(f, b, a->status, a->message);
		b->status = 0;	/* the page is there, and can be used */
		return (flow_skip_to(f, buy_page));
	}
	preview = json_read(a->body, a->len, why, sizeof(why));
	if (!json_is_true(json_object_get(preview, "valid")))
		b->code_fault = sentence(f, arena_strdup(&f->arena,
		    or_empty(json_text(preview, "message"))));
	else
		code = json_text(preview, "code");
	json_object_set_new(f->body, "preview", preview);
	if (code == NULL)
		return (flow_skip_to(f, buy_page));
	return (FLOW_QUERY(f, shop_code, .code = code));
}

/* The preview tells satoshis; this is for the currency of the price. */
static enum flow_next
buy_coded(struct flow *f)
{
	struct buy	*b = flow_state(f);

	b->code_amount = db_integer(flow_rows(f), 0, "amount", 0);
	b->is_coded = db_rows_count(flow_rows(f)) == 1;
	return (flow_skip_to(f, buy_page));
}

/* ---- the sale ---- */

/* Of the form's token; a form that has none is a new one. */
static enum flow_next
buy_claim(struct flow *f)
{
	struct buy	*b = flow_state(f);
	char		 made[UUID_TEXT_LEN + 1];

	if (b->token == NULL || strlen(b->token) != UUID_TEXT_LEN) {
		flow_new_id(f, made);
		b->token = arena_strdup(&f->arena, made);
	}
	return (idempotency_claim(f, b->token));
}

static enum flow_next
buy_judge(struct flow *f)
{
	struct buy	*b = flow_state(f);
	const char	*to;

	switch (idempotency_verdict(f)) {
	case IDEMPOTENCY_OURS:
		return (flow_skip_to(f, idempotency_tidy));
	case IDEMPOTENCY_ANSWERED:
		if ((to = idempotency_answer(f)) == NULL)
			return (flow_fail(f, ERR_INTERNAL,
			    "What was answered can't be read any more."));
		return (front_go(f, to));
	case IDEMPOTENCY_RUNNING:
		if (b->pauses++ < PAUSES_MAX)
			return (flow_pause(f, PAUSE_MS));
		b->status = 409;
		b->fault = "Your order is being placed. Wait a moment, then "
		    "press the button once more: you get one license.";
		return (flow_skip_to(f, buy_page));
	default:
		b->status = 409;
		b->fault = "You have sent this page before, with other "
		    "details. To place another order, press the button again.";
		b->token = NULL;
		return (flow_skip_to(f, buy_page));
	}
}

static enum flow_next
buy_again(struct flow *f)
{
	return (flow_back_to(f, buy_claim));
}

static json_t *
request(const struct buy *b)
{
	const char	*policy = json_text(b->tier, "slug");
	json_t		*body = json_pack("{s:s}", "product", b->slug);

	if (policy != NULL && *policy != '\0')
		json_object_set_new(body, "policy_slug", json_string(policy));
	if (*b->code != '\0')
		json_object_set_new(body, "code", json_string(b->code));
	if (*b->email != '\0')
		json_object_set_new(body, "buyer_email",
		    json_string(b->email));
	return (body);
}

static enum flow_next
run(struct flow *f, const char *path)
{
	json_t		*body = request(flow_state(f));
	enum flow_next	 next = inner_run(f, POST, path, NULL, body);

	json_decref(body);
	return (next);
}

static enum flow_next
buy_redeem(struct flow *f)
{
	struct buy	*b = flow_state(f);

	if (*b->code == '\0')
		return (flow_skip_to(f, buy_purchase));
	return (run(f, "/v1/redeem"));
}

/* The page again; what was begun is undone, and can be sent again. */
static enum flow_next
refuse(struct flow *f, const struct inner_answer *a)
{
	struct buy	*b = flow_state(f);

	idempotency_drop(f);
	note_fault(f, b, a->status, a->message);
	/* Of what an unheard answer left, the same token's next try knows. */
	if (a->status < 500)
		b->token = NULL;
	return (flow_skip_to(f, buy_page));
}

/* To the key that is there already, or to where it is paid. */
static enum flow_next
done(struct flow *f, const struct inner_answer *a)
{
	const char	*id;
	json_t		*body;
	char		 why[96];
	bool		 has_key;

	body = json_read(a->body, a->len, why, sizeof(why));
	id = json_text(body, "invoice_id");
	has_key = json_text(body, "license_key") != NULL;
	id = id == NULL ? NULL : arena_strdup(&f->arena, id);
	json_decref(body);
	if (id == NULL)
		return (flow_fail(f, ERR_INTERNAL, "The order is lost."));
	return (front_go(f, arena_printf(&f->arena, has_key ?
	    "/thank-you?invoice_id=%s" : "/checkout/%s", id)));
}

static enum flow_next
buy_redeemed(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);

	if (a->fault == ERR_NONE)
		return (done(f, a));
	if (a->status == 400 && strstr(a->message, "requires payment") != NULL)
		return (FLOW_NEXT);
	return (refuse(f, a));
}

static enum flow_next
buy_purchase(struct flow *f)
{
	return (run(f, "/v1/purchase"));
}

static enum flow_next
buy_purchased(struct flow *f)
{
	const struct inner_answer	*a = inner_answer(f);

	return (a->fault == ERR_NONE ? done(f, a) : refuse(f, a));
}

/* clang-format off */
#define OFFER_STEPS							\
	FLOW_STEP(buy_facts),		/* sql   shop_facts */		\
	FLOW_STEP(buy_preview),		/* inner the code, perhaps */	\
	FLOW_STEP(buy_previewed),	/* sql   shop_code */		\
	FLOW_STEP(buy_coded)

const struct endpoint	pages_buy[] = {
	{ .method = GET, .path = "/buy/:slug", .limit = LIMIT_CATALOGUE,
	    .query = FIELDS(
		{ "policy", FIELD_TEXT, 0, 0, 63, .help = "Which tier." },
		{ "code", FIELD_TEXT, 0, 0, 200, .help = "A discount code." }),
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(buy_look),		/* inner the policies */
		OFFER_STEPS,
		FLOW_STEP(buy_page)),
	    .state = sizeof(struct buy),
	    FRONT_PAGE, .summary = "The page that sells a product." },
	{ .method = POST, .path = "/buy/:slug", .limit = LIMIT_PURCHASE,
	    .raw_body = true,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(session_check_site),
		FLOW_STEP(buy_send),		/* inner the policies */
		OFFER_STEPS,
		FLOW_STEP(buy_claim),		/* sql   idempotency_begin */
		FLOW_STEP(buy_judge),
		FLOW_STEP(buy_again),
		FLOW_STEP(idempotency_tidy),	/* sql   invoice_abandon */
		FLOW_STEP(idempotency_untie),	/* sql   tier_drop */
		FLOW_STEP(idempotency_tidied),
		FLOW_STEP(idempotency_forget),	/* sql   idempotency_forget */
		FLOW_STEP(buy_redeem),		/* inner */
		FLOW_STEP(buy_redeemed),
		FLOW_STEP(buy_purchase),	/* inner */
		FLOW_STEP(buy_purchased),
		FLOW_STEP(buy_page)),
	    .state = sizeof(struct buy),
	    FRONT_PAGE, .summary = "Buys it, or says what a code would do." },
	ENDPOINT_END
};
/* clang-format on */
