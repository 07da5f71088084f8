/*
 * GET /thank-you?invoice_id=: where buyers come back to after paying.  Shows
 * the key as soon as there is one, without scripts; the invoice's id in the
 * address is the buyer's secret.  While the payment isn't here, opening the
 * page makes the reconciler look, so that no lost webhook keeps a key back.
 *
 * GET /thank-you/key.txt?invoice_id=: the key as a file.
 */
#include "pages/thanks.h"

#include "base/conf.h"
#include "base/json.h"
#include "flow/fail.h"
#include "flow/key.h"
#include "flow/respond.h"
#include "pages/front.h"
#include "pages/pages.h"
#include "pages/price.h"

#include "sql.h"
#include "templates.h"

#include <stdio.h>
#include <string.h>

/* How often to look again: seconds, for an invoice that is younger. */
static const struct {
	long long	 age;
	const char	*seconds;
} rhythm[] = {
	{ 120, "5" }, { 600, "10" }, { 1800, "30" }, { 0, NULL }
};

struct thanks {
	const char	*title;
	const char	*intro;
	const char	*more;
	const char	*pay;		/* where it can be paid; NULL */
	bool		 is_wrong;	/* it ended without a key */
	bool		 polls;
};

static enum flow_next
thanks_ask(struct flow *f)
{
	arena_wipe_later(&f->arena);
	return (FLOW_QUERY(f, shop_thanks,
	    .id = flow_text(f, "invoice_id")));
}

static bool
is(const struct db_rows *r, const char *column, const char *word)
{
	const char	*s = db_text(r, 0, column);

	return (s != NULL && !strcmp(s, word));
}

static const char *
sats(struct flow *f, int64_t n)
{
	return (price_amount(&f->arena, "SAT", n));
}

/* ---- in words ---- */

static void
paid_words(const struct db_rows *r, struct thanks *t)
{
	bool	is_trial = db_true(r, 0, "is_trial");

	if (is(r, "kind", "renewal")) {
		t->title = "Thank you. Your license is renewed.";
		t->intro = "This is your key with the new end in it. The one "
		    "you have stays good as well.";
	} else if (is(r, "kind", "tier_change")) {
		t->title = "Thank you. Your license is changed.";
		t->intro = "This is your key with the new terms in it. The "
		    "one you have stays good as well.";
	} else {
		t->title = is_trial ? "Your trial begins. Here is your key." :
		    "Thank you. Here is your license key.";
		t->intro = is_trial ? "Nothing was charged." :
		    is(r, "provider_kind", "zaprite") ?
		    "Your payment is confirmed." : "Your payment has arrived.";
	}
}

/* A part of it, or all of it but late. */
static bool
odd_words(struct flow *f, const struct db_rows *r, struct thanks *t)
{
	int64_t	paid = db_integer(r, 0, "paid_sats", 0);
	int64_t	amount = db_integer(r, 0, "amount_sats", 0);
	bool	pending = is(r, "status", "pending");

	if (paid <= 0)
		return (false);
	if (paid < amount) {
		t->title = pending ? "A part of your payment is here" :
		    "Only a part of your payment has arrived";
		t->intro = arena_printf(&f->arena, "%s of %s have arrived; %s "
		    "are missing.", sats(f, paid), sats(f, amount),
		    sats(f, amount - paid));
		t->more = pending ? "Pay the rest, and your key appears here."
		    : "The time to pay is over. The vendor has been told: ask "
		    "them, and name the invoice below.";
		return (true);
	}
	t->title = "Your payment is here, and is being confirmed";
	t->intro = pending ? "All of it has arrived. Your key appears here as "
	    "soon as it is confirmed." :
	    "It came after the time to pay was over. Your key appears here if "
	    "it is accepted; else the vendor, who has been told, can help.";
	return (true);
}

static void
waiting_words(const struct db_rows *r, struct thanks *t)
{
	if (is(r, "provider_kind", "zaprite")) {
		t->title = "Waiting for your payment";
		t->intro = "As soon as your card or bank payment is confirmed, "
		    "your key appears here. That takes a few seconds as a "
		    "rule.";
		return;
	}
	t->title = "Waiting for your payment";
	t->intro = "A Lightning payment is here within seconds. One in the "
	    "Bitcoin chain may take an hour.";
}

static void
ended_words(const struct db_rows *r, struct thanks *t)
{
	t->is_wrong = true;
	if (is(r, "status", "settled")) {
		t->title = "This license is not active any more";
		t->intro = "It was revoked or suspended. Ask the vendor, and "
		    "name the invoice below.";
	} else if (is(r, "status", "expired")) {
		t->title = "This payment did not arrive in time";
		t->intro = "The time to pay is over, and nothing was paid.";
		t->more = "If you have paid after all, keep the address of "
		    "this page: your key appears here once the payment is "
		    "confirmed.";
	} else {
		t->title = "This payment is not valid";
		t->intro = "The payment provider has refused it, so there is "
		    "no license.";
		t->more = "If you have paid, ask the vendor, and name the "
		    "invoice below.";
	}
}

static struct thanks
say(struct flow *f, const struct db_rows *r, bool has_key)
{
	struct thanks	t = { .title = NULL };
	bool		is_open = is(r, "status", "pending") ||
			    is(r, "status", "expired");

	if (has_key) {
		paid_words(r, &t);
		return (t);
	}
	t.polls = is(r, "status", "pending");
	if (is_open && odd_words(f, r, &t)) {
		t.polls = t.polls || db_integer(r, 0, "paid_sats", 0) >=
		    db_integer(r, 0, "amount_sats", 0);
		t.is_wrong = !t.polls;
	} else if (t.polls) {
		waiting_words(r, &t);
	} else if (is(r, "status", "settled") && !db_true(r, 0,
	    "has_license")) {
		t.title = "Your payment is here";
		t.intro = "Your key is being made.";
		t.polls = true;
	} else {
		ended_words(r, &t);
	}
	return (t);
}

/* ---- the page ---- */

static void
fact(json_t *facts, const char *label, const char *name, const char *value)
{
	json_t	*one;

	if (value == NULL || *value == '\0')
		return;
	one = json_pack("{s:s,s:n,s:n,s:n}", "label", label, "time", "code",
	    "value");
	json_object_set_new(one, name, json_string(value));
	json_array_append_new(facts, one);
}

static const char *
price(struct flow *f, const struct db_rows *r)
{
	const char	*currency = db_text(r, 0, "listed_currency");
	int64_t		 amount = db_integer(r, 0, "amount_sats", 0);

	if (amount == 0)
		return ("nothing");
	if (currency == NULL || !strcmp(currency, "SAT"))
		return (sats(f, amount));
	return (arena_printf(&f->arena, "%s (%s)", price_amount(&f->arena,
	    currency, db_integer(r, 0, "charged_value", 0)),
	    sats(f, amount)));
}

static json_t *
facts(struct flow *f, const struct db_rows *r, bool has_key)
{
	int64_t		 machines = db_integer(r, 0, "max_machines", 1);
	json_t		*all = json_array();

	fact(all, "Product", "value", db_text(r, 0, "product"));
	fact(all, "Plan", "value", db_text(r, 0, "policy"));
	if (has_key) {
		fact(all, "Valid until", "time", db_text(r, 0, "expires_at"));
		fact(all, "Machines", "value", machines == 0 ? "any number" :
		    arena_printf(&f->arena, "%lld", (long long)machines));
	}
	fact(all, has_key ? "Paid" : "Price", "value", price(f, r));
	fact(all, "Invoice", "code", db_text(r, 0, "invoice_id"));
	return (all);
}

/* Where it can be paid, or a new try made. */
static const char *
pay_link(struct flow *f, const struct db_rows *r)
{
	if (!is(r, "status", "pending") ||
	    *db_text(r, 0, "checkout_url") == '\0')
		return (NULL);
	return (arena_printf(&f->arena, "/checkout/%s", db_text(r, 0,
	    "invoice_id")));
}

static const char *
refresh(int64_t age, bool *is_late)
{
	size_t	i = 0;

	while (rhythm[i].seconds != NULL && age >= rhythm[i].age)
		i++;
	*is_late = rhythm[i].seconds == NULL;
	return (rhythm[i].seconds);
}

static void
look(const struct db_rows *r)
{
	char	retry[24];

	snprintf(retry, sizeof(retry), "%lld", conf.reconcile_seconds);
	FLOW_TELL(shop_look, .id = db_text(r, 0, "invoice_id"),
	    .retry_seconds = retry);
}

const char *
thanks_file_link(struct flow *f, const char *invoice_id)
{
	return (arena_printf(&f->arena, "/thank-you/key.txt?invoice_id=%s",
	    invoice_id));
}

static enum flow_next
thanks_page(struct flow *f)
{
	const struct db_rows	*r = flow_rows(f);
	const char		*key, *every;
	struct thanks		 t;
	int64_t			 age = db_integer(r, 0, "age_seconds", 0);
	json_t			*values;
	bool			 is_late;

	if (db_rows_count(r) == 0)
		return (flow_fail(f, ERR_NOT_FOUND, "There is no purchase of "
		    "this number. Is the address whole?"));
	if ((key = key_render(f, r)) == NULL && db_text(r, 0, "next_id") != NULL)
		return (front_go(f, arena_printf(&f->arena,
		    "/thank-you?invoice_id=%s", db_text(r, 0, "next_id"))));
	t = say(f, r, key != NULL);
	every = refresh(age, &is_late);
	if (key == NULL)
		look(r);
	values = json_pack("{s:s,s:s,s:s,s:s,s:s?,s:s?,s:b,s:b,s:b,s:s?,s:s?,"
	    "s:s,s:s?,s:s,s:s,s:o}",
	    "page_title", "Your purchase", "title", t.title, "intro", t.intro,
	    "invoice", db_text(r, 0, "invoice_id"), "key", key,
	    "more", t.more, "is_wrong", t.is_wrong, "polls", t.polls,
	    "is_late", is_late, "refresh", t.polls ? every : NULL,
	    "pay", pay_link(f, r),
	    "pay_label", db_integer(r, 0, "paid_sats", 0) > 0 ?
	    "Pay the rest" : "To the payment",
	    "again", t.is_wrong && !is(r, "status", "settled") ?
	    arena_printf(&f->arena, "/buy/%s", db_text(r, 0, "product_slug")) :
	    NULL,
	    "status", db_text(r, 0, "status"),
	    "file", thanks_file_link(f, db_text(r, 0, "invoice_id")),
	    "facts", facts(f, r, key != NULL));
	return (front_send(f, 200, template_thanks, values));
}

/* ---- the file ---- */

static enum flow_next
thanks_file(struct flow *f)
{
	const char	*key = key_render(f, flow_rows(f));

	if (key == NULL)
		return (flow_fail(f, ERR_NOT_FOUND,
		    "There is no key of this purchase, or none any more."));
	key = arena_printf(&f->arena, "%s\n", key);
	flow_header(f, "content-disposition",
	    "attachment; filename=\"license-key.txt\"");
	flow_header(f, "x-content-type-options", "nosniff");
	return (flow_send(f, 200, "text/plain; charset=utf-8", key,
	    strlen(key)));
}

/* clang-format off */
#define INVOICE								\
	.query = FIELDS(						\
		{ "invoice_id", FIELD_UUID, FIELD_REQUIRED,		\
		    .help = "Of the purchase." })

const struct endpoint	pages_thanks[] = {
	{ .method = GET, .path = "/thank-you", .limit = LIMIT_POLL, INVOICE,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(thanks_ask),		/* sql  shop_thanks */
		FLOW_STEP(thanks_page)),
	    FRONT_PAGE, .summary = "How a purchase stands, for the buyer." },
	{ .method = GET, .path = "/thank-you/key.txt", .limit = LIMIT_POLL,
	    INVOICE,
	    .steps = FLOW_STEPS(FRONT_STEPS,
		FLOW_STEP(thanks_ask),		/* sql  shop_thanks */
		FLOW_STEP(thanks_file)),
	    FRONT_PAGE, .summary = "The license key as a file." },
	ENDPOINT_END
};
/* clang-format on */
