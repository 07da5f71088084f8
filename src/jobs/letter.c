/*
 * Turns what the database says into a letter: a license's, or the one with a
 * code to sign in.  Texts that strangers or vendors
 * wrote are values of a template: escaped in HTML, and of no meaning in plain
 * text.  Links are http or https, or left out.
 */
#include "jobs/letter.h"

#include "base/conf.h"
#include "base/text.h"
#include "flow/bind.h"
#include "flow/key.h"
#include "flow/template.h"
#include "mail/address.h"
#include "mail/words.h"
#include "pay/sealed.h"

#include "letters.h"

#include <stdlib.h>
#include <string.h>

#define COLOR	"#0b5cd6"	/* unless the profile has one */

struct kind {
	const char	*name;
	bool		 has_key;
	void		(*html)(struct template *);
	void		(*text)(struct template *);
	const char	*(*subject)(struct flow *, const struct db_rows *);
	void		(*facts)(struct flow *, const struct db_rows *,
			    json_t *);
};

static const char *
product(const struct db_rows *r)
{
	return (db_text(r, 0, "product"));
}

/* ---- amounts ---- */

static const char *
price(struct flow *f, const char *currency, int64_t value)
{
	char	words[MAIL_WORDS_SIZE];

	mail_words_price(words, currency, value);
	return (arena_strdup(&f->arena, words));
}

/* Of the invoice: as listed, and what that was in satoshis. */
static const char *
amount(struct flow *f, const struct db_rows *r)
{
	const char	*currency = db_text(r, 0, "listed_currency");
	int64_t		 sats = db_integer(r, 0, "amount_sats", 0);
	char		 words[MAIL_WORDS_SIZE];

	if (db_text(r, 0, "invoice_id") == NULL)
		return (NULL);
	if (sats == 0)
		return ("nothing");
	mail_words_sats(words, sats);
	if (currency == NULL || !strcmp(currency, "SAT") ||
	    db_text(r, 0, "charged_value") == NULL)
		return (arena_strdup(&f->arena, words));
	return (arena_printf(&f->arena, "%s (%s)", price(f, currency,
	    db_integer(r, 0, "charged_value", 0)), words));
}

static const char *
renewal_price(struct flow *f, const struct db_rows *r)
{
	const char	*currency = db_text(r, 0, "renewal_currency");

	return (currency == NULL ? NULL : price(f, currency,
	    db_integer(r, 0, "renewal_value", 0)));
}

static const char *
period(struct flow *f, const struct db_rows *r)
{
	char	words[MAIL_WORDS_SIZE];

	mail_words_days(words, db_integer(r, 0, "period_days", 0));
	return (arena_strdup(&f->arena, words));
}

/* ---- the table below the text ---- */

static void
fact(json_t *facts, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		json_array_append_new(facts, json_pack("{s:s,s:s}", "name",
		    name, "value", value));
}

static void
fact_until(struct flow *f, const struct db_rows *r, json_t *facts)
{
	const char	*expires = db_text(r, 0, "expires");

	fact(facts, "Valid", expires == NULL ? "without end" :
	    arena_printf(&f->arena, "until %s", expires));
}

static void
receipt_facts(struct flow *f, const struct db_rows *r, json_t *facts)
{
	int64_t	machines = db_integer(r, 0, "max_machines", 1);

	fact(facts, "Plan", db_text(r, 0, "policy"));
	fact_until(f, r, facts);
	fact(facts, "Machines", machines == 0 ? "any number" :
	    arena_printf(&f->arena, "%lld", (long long)machines));
	if (db_true(r, 0, "goes_on"))
		fact(facts, "Afterwards", arena_printf(&f->arena, "%s for %s",
		    renewal_price(f, r), period(f, r)));
	fact(facts, "Paid", amount(f, r));
	fact(facts, "Invoice", db_text(r, 0, "invoice_id"));
}

static void
renewed_facts(struct flow *f, const struct db_rows *r, json_t *facts)
{
	fact(facts, "Plan", db_text(r, 0, "policy"));
	fact_until(f, r, facts);
	fact(facts, "Paid", amount(f, r));
	fact(facts, "Invoice", db_text(r, 0, "invoice_id"));
}

static void
due_facts(struct flow *f, const struct db_rows *r, json_t *facts)
{
	fact(facts, "Plan", db_text(r, 0, "policy"));
	fact(facts, "Amount", amount(f, r));
	fact(facts, "Invoice", db_text(r, 0, "invoice_id"));
}

static void
plan_facts(struct flow *f, const struct db_rows *r, json_t *facts)
{
	(void)f;
	fact(facts, "Plan", db_text(r, 0, "policy"));
}

static void
no_facts(struct flow *f, const struct db_rows *r, json_t *facts)
{
	(void)f;
	(void)r;
	(void)facts;
}

/* ---- subjects ---- */

static const char *
receipt_subject(struct flow *f, const struct db_rows *r)
{
	return (arena_printf(&f->arena, db_true(r, 0, "is_trial") ?
	    "Your trial of %s" : "Your license for %s", product(r)));
}

static const char *
renewed_subject(struct flow *f, const struct db_rows *r)
{
	return (arena_printf(&f->arena, "%s is renewed", product(r)));
}

static const char *
due_subject(struct flow *f, const struct db_rows *r)
{
	return (arena_printf(&f->arena, db_true(r, 0, "is_first_bill") ?
	    "Your trial of %s is over: go on?" :
	    "Your subscription to %s is due", product(r)));
}

static const char *
ending_subject(struct flow *f, const struct db_rows *r)
{
	return (arena_printf(&f->arena, "Your trial of %s ends on %s",
	    product(r), db_text(r, 0, "expires")));
}

static const char *
lapsed_subject(struct flow *f, const struct db_rows *r)
{
	return (arena_printf(&f->arena, "Your subscription to %s has lapsed",
	    product(r)));
}

static const char *
code_subject(struct flow *f, const struct db_rows *r)
{
	const char	*vendor = db_text(r, 0, "vendor");

	return (vendor == NULL ? "Your code to sign in" :
	    arena_printf(&f->arena, "Your code to sign in at %s", vendor));
}

/* clang-format off */
static const struct kind	kinds[] = {
	{ "receipt", true, letter_receipt, letter_receipt_txt,
	    receipt_subject, receipt_facts },
	{ "renewed", true, letter_renewed, letter_renewed_txt,
	    renewed_subject, renewed_facts },
	{ "renewal_due", false, letter_renewal_due, letter_renewal_due_txt,
	    due_subject, due_facts },
	{ "trial_ending", false, letter_trial_ending, letter_trial_ending_txt,
	    ending_subject, plan_facts },
	{ "lapsed", false, letter_lapsed, letter_lapsed_txt,
	    lapsed_subject, plan_facts },
	{ "sign_in", false, letter_sign_in, letter_sign_in_txt,
	    code_subject, no_facts },
};
/* clang-format on */

#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* ---- values ---- */

static void
set(json_t *values, const char *name, const char *text)
{
	if (text != NULL && *text != '\0')
		json_object_set_new(values, name, json_string(text));
}

static void
set_column(json_t *values, const char *name, const struct db_rows *r)
{
	set(values, name, db_text(r, 0, name));
}

/* It goes into a style attribute: #rrggbb or none. */
static const char *
color(const struct db_rows *r)
{
	const char	*c = db_text(r, 0, "brand_color");

	if (c == NULL || c[0] != '#' || strlen(c) != 7 ||
	    strspn(c + 1, "0123456789abcdefABCDEF") != 6)
		return (COLOR);
	return (c);
}

static const char *
link_or_none(const char *url)
{
	return (url != NULL && text_is_url(url) ? url : NULL);
}

static void
set_sender(json_t *values, const struct db_rows *r)
{
	const char	*support = db_text(r, 0, "support_email");

	set_column(values, "vendor", r);
	set(values, "seller", db_text(r, 0, "legal_name"));
	set(values, "color", color(r));
	if (support != NULL && mail_address_ok(support))
		set(values, "support", support);
	set(values, "support_url", link_or_none(db_text(r, 0,
	    "support_url")));
	set(values, "license_id", db_text(r, 0, "key_license_id"));
}

static json_t *
values_of(struct flow *f, const struct kind *k, const struct db_rows *r,
    const char *subject)
{
	static const char *const	columns[] = { "product", "expires",
					    "renews", "lapses", "lapsed" };
	json_t				*v = json_object();
	json_t				*facts = json_array();
	size_t				 i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		set_column(v, columns[i], r);
	set_sender(v, r);
	set(v, "subject", subject);
	set(v, "title", subject);
	set(v, "preview", k->has_key ? "Your license key is inside." :
	    product(r));
	set(v, "amount", amount(f, r));
	set(v, "price", renewal_price(f, r));
	set(v, "period", period(f, r));
	set(v, "pay_url", link_or_none(db_text(r, 0, "checkout_url")));
	if (db_text(r, 0, "invoice_id") != NULL) {
		set(v, "recover_url", arena_printf(&f->arena, "%s/recover",
		    conf.public_url));
		set(v, "thanks_url", arena_printf(&f->arena,
		    "%s/thank-you?invoice_id=%s", conf.public_url,
		    db_text(r, 0, "invoice_id")));
	}
	json_object_set_new(v, "trial", json_boolean(db_true(r, 0,
	    "is_trial")));
	json_object_set_new(v, "first", json_boolean(db_true(r, 0,
	    "is_first_bill")));
	json_object_set_new(v, "subscribed", json_boolean(db_true(r, 0,
	    "goes_on")));
	json_object_set_new(v, "card", json_boolean(db_true(r, 0,
	    "has_card")));
	k->facts(f, r, facts);
	json_object_set_new(v, "facts", facts);
	return (v);
}

/* "12345678 TOKEN", sealed; false: there is a code, and it can't be opened. */
static bool
set_code(struct flow *f, const struct db_rows *r, json_t *values)
{
	const char	*id = db_text(r, 0, "code_id"), *text;

	if (id == NULL)
		return (true);
	text = pay_unseal(&f->arena, bind_keyring(), PAY_SEALED_LETTER, id,
	    db_text(r, 0, "sealed"));
	if (text == NULL || strlen(text) < 10)
		return (false);
	set(values, "code", arena_printf(&f->arena, "%.4s %.4s", text,
	    text + 4));
	set(values, "link", arena_printf(&f->arena, "%s/portal/enter?token=%s",
	    conf.public_url, text + 9));
	set(values, "preview", "It is good once.");
	set_column(values, "minutes", r);
	return (true);
}

static const char *
render(struct flow *f, void (*page)(struct template *), const json_t *values)
{
	struct template	 t;
	const char	*kept;
	char		*text;
	size_t		 len;

	template_init(&t, values);
	page(&t);
	if ((text = template_take(&t, &len)) == NULL)
		return (NULL);
	kept = arena_strndup(&f->arena, text, len);
	explicit_bzero(text, len);
	free(text);
	return (kept);
}

bool
letter_write(struct flow *f, const struct db_rows *r, struct letter *l)
{
	const char	*name = db_text(r, 0, "kind"), *key = NULL;
	json_t		*values;
	size_t		 i;

	for (i = 0; i < NKINDS && strcmp(kinds[i].name, name) != 0; i++)
		;
	if (i == NKINDS)
		return (false);
	if (kinds[i].has_key && (key = key_render(f, r)) == NULL)
		return (false);
	l->subject = kinds[i].subject(f, r);
	values = values_of(f, &kinds[i], r, l->subject);
	set(values, "key", key);
	if (!set_code(f, r, values)) {
		json_decref(values);
		return (false);
	}
	l->html = render(f, kinds[i].html, values);
	l->text = render(f, kinds[i].text, values);
	json_decref(values);
	return (l->html != NULL && l->text != NULL);
}
