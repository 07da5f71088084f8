#include "pages/checkout_view.h"

#include "domain/bip321.h"
#include "pages/qr.h"
#include "pages/value.h"

#include <stdio.h>
#include <string.h>

/* What of the row decides what is shown. */
struct view {
	struct flow		*f;
	const struct db_rows	*r;
	json_t			*values;
	const char		*id;
	const char		*state;
	int64_t			 due, seen, left_s;
	bool			 is_over;	/* by the clock, the provider
						   hasn't said so yet */
};

static const char *
text(const struct view *v, const char *column)
{
	return (db_text(v->r, 0, column));
}

static void
put(const struct view *v, const char *name, const char *value)
{
	json_object_set_new(v->values, name, value == NULL ? json_null() :
	    json_string(value));
}

static const char *
sats(const struct view *v, int64_t n)
{
	return (value_grouped(&v->f->arena, n));
}

static bool
is(const struct view *v, const char *state)
{
	return (!strcmp(v->state, state));
}

/* "2026-11-22T18:05:09Z" as "22 Nov 2026, 18:05 UTC" */
static const char *
moment(const struct view *v, const char *column)
{
	static const char *const	months[] = { "Jan", "Feb", "Mar", "Apr",
					    "May", "Jun", "Jul", "Aug", "Sep",
					    "Oct", "Nov", "Dec" };
	const char			*t = text(v, column);
	int				 year, month, day, hour, minute;

	if (t == NULL || sscanf(t, "%4d-%2d-%2dT%2d:%2d", &year, &month, &day,
	    &hour, &minute) != 5 || month < 1 || month > 12)
		return (NULL);
	return (arena_printf(&v->f->arena, "%d %s %d, %02d:%02d UTC", day,
	    months[month - 1], year, hour, minute));
}

static const char *
in_words(const struct view *v, int64_t seconds)
{
	int64_t		 n = seconds / 60;
	const char	*unit = "minute";

	if (n < 1)
		return ("less than a minute");
	if (n >= 2880) {
		n /= 1440;
		unit = "day";
	} else if (n >= 120) {
		n /= 60;
		unit = "hour";
	}
	return (arena_printf(&v->f->arena, "%lld %s%s", (long long)n, unit,
	    n == 1 ? "" : "s"));
}

/* ---- how much ---- */

static const char *
source_words(const char *source)
{
	static const char *const	words[][2] = {
		{ "kraken", "Kraken" },
		{ "coinbase", "Coinbase" },
		{ "coingecko", "CoinGecko" },
		{ "manual_pin", "the vendor’s own rate" },
	};
	size_t				i;

	for (i = 0; source != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(words[i][0], source))
			return (words[i][1]);
	}
	return (source);
}

static void
show_amount(const struct view *v)
{
	const char	*currency = text(v, "listed_currency");
	int64_t		 rate_e4 = db_integer(v->r, 0, "rate_e4", 0);
	bool		 is_rest = v->seen > 0 && v->due > 0;

	put(v, "amount", sats(v, is_rest ? v->due :
	    db_integer(v->r, 0, "amount_sats", 0)));
	if (is_rest)
		put(v, "whole", sats(v, db_integer(v->r, 0, "amount_sats",
		    0)));
	if (currency == NULL || !strcmp(currency, "SAT"))
		return;
	put(v, "listed", value_money(&v->f->arena,
	    db_integer(v->r, 0, "charged_value", 0), currency, true));
	put(v, "currency", currency);
	if (rate_e4 == 0)
		return;
	put(v, "rate", value_money(&v->f->arena, rate_e4 / 100, currency,
	    true));
	put(v, "source", source_words(text(v, "rate_source")));
	put(v, "at", text(v, "created_at"));
	put(v, "at_words", moment(v, "created_at"));
}

/* ---- how it stands ---- */

static void
say(const struct view *v, const char *tone, const char *heading)
{
	put(v, "tone", tone);
	put(v, "heading", heading);
	put(v, "page_title", heading);
	json_object_set_new(v->values, "lines", json_array());
}

static void
add(const struct view *v, const char *line)
{
	json_array_append_new(json_object_get(v->values, "lines"),
	    json_string(line));
}

static void
say_arriving(const struct view *v)
{
	int64_t	n = db_integer(v->r, 0, "confirmations", -1);
	int64_t	of = db_integer(v->r, 0, "confirmations_needed", -1);

	if (is(v, "late"))
		say(v, "warn", "Paid late, being confirmed");
	else if (is(v, "confirming") && of > 0)
		say(v, "good", arena_printf(&v->f->arena,
		    "Confirming: %lld of %lld", (long long)n, (long long)of));
	else
		say(v, "good", "Your payment is on its way");
	if (n >= 0 && of > 0)
		json_object_set_new(v->values, "progress", json_pack(
		    "{s:I,s:I}", "n", (json_int_t)n, "of", (json_int_t)of));
	add(v, arena_printf(&v->f->arena, "All %s sats have been seen. Nothing "
	    "more is to be paid.", sats(v, v->seen)));
	if (is(v, "late"))
		add(v, "It came after the time was over, and counts all the "
		    "same: what you bought is yours once it is confirmed.");
	else
		add(v, "The Bitcoin network confirms it in ten minutes to an "
		    "hour, then what you bought is here. Keep the address of "
		    "this page, and you may close it.");
}

static void
say_short(const struct view *v)
{
	bool	is_over = is(v, "short_expired");

	say(v, is_over ? "bad" : "warn", is_over ? arena_printf(&v->f->arena,
	    "The time is over, and %s sats are missing", sats(v, v->due)) :
	    arena_printf(&v->f->arena, "%s sats are missing",
	    sats(v, v->due)));
	if (!is_over) {
		add(v, arena_printf(&v->f->arena, "%s sats have arrived, and "
		    "count. Pay the rest below before the time is over.",
		    sats(v, v->seen)));
		return;
	}
	add(v, arena_printf(&v->f->arena, "%s sats have arrived. The vendor has "
	    "been told, and can pay them back or take them for the whole.",
	    sats(v, v->seen)));
	add(v, "Please don’t pay anything more here. Ask the vendor, and name "
	    "the invoice below.");
}

static void
say_expired(const struct view *v)
{
	const char	*kind = text(v, "kind");

	say(v, "calm", !strcmp(text(v, "status"), "invalid") ?
	    "This invoice can’t be paid" : "The time to pay is over");
	if (db_true(v->r, 0, "can_renew")) {
		add(v, "Nothing was paid. Your order is kept: get a new invoice, "
		    "and pay that one.");
		add(v, "If you have just paid, don’t pay again. This page says so "
		    "as soon as it arrives.");
	} else if (kind != NULL && !strcmp(kind, "renewal")) {
		add(v, "Nothing was paid. A new bill comes by itself, or look "
		    "among your licenses.");
	} else {
		add(v, "Nothing was paid. Ask for it again among your licenses.");
	}
}

static void
say_preparing(const struct view *v)
{
	const char	*link = text(v, "checkout_url");

	if (db_true(v->r, 0, "can_renew")) {
		say(v, "warn", "The payment server gives no answer");
		add(v, "Nothing was paid. Your order is kept: try it again.");
		return;
	}
	say(v, "calm", "Your invoice is on its way");
	if (link != NULL && *link != '\0')
		add(v, "The payment server is slow to answer. This page looks "
		    "again by itself; or pay on the payment server’s own page.");
	else
		add(v, "The payment server is slow to answer. This page looks "
		    "again by itself.");
}

static void
show_state(const struct view *v)
{
	if (is(v, "short") || is(v, "short_expired"))
		say_short(v);
	else if (is(v, "seen") || is(v, "confirming") || is(v, "late"))
		say_arriving(v);
	else if (is(v, "expired"))
		say_expired(v);
	else if (is(v, "preparing"))
		say_preparing(v);
	else if (v->is_over) {
		say(v, "calm", "The time is over");
		add(v, "Please don’t pay any more. This page looks whether "
		    "something has arrived.");
	} else {
		say(v, "calm", "Waiting for your payment");
	}
	if (v->is_over && is(v, "short"))
		add(v, "The time is just over: please don’t pay any more.");
}

/* ---- how to pay ---- */

static void
add_tab(const struct view *v, json_t *tabs, const char *by, const char *label,
    const char *open)
{
	json_array_append_new(tabs, json_pack("{s:s,s:s,s:b}", "href",
	    arena_printf(&v->f->arena, "/checkout/%s?by=%s", v->id, by),
	    "label", label, "is_open", !strcmp(by, open)));
}

static void
add_copy(json_t *copies, const char *label, const char *what)
{
	json_array_append_new(copies, json_pack("{s:s,s:s}", "label", label,
	    "text", what));
}

/* A link begins in small letters, which all systems know. */
static const char *
link_of(const struct view *v, const char *uri)
{
	char	*link = arena_strdup(&v->f->arena, uri), *p;

	for (p = link; *p != '\0' && *p != ':'; p++)
		*p = (char)(*p - 'A' + 'a');
	return (link);
}

static void
show_pay(const struct view *v, const char *by)
{
	const char	*bolt11 = text(v, "bolt11"), *way;
	const char	*address = text(v, "address");
	json_t		*pay = json_object(), *tabs = json_array();
	json_t		*copies = json_array(), *qr;
	char		 uri[BIP321_SIZE], amount[64];
	bool		 ok;

	way = bolt11 == NULL ? "onchain" : address == NULL ? "lightning" :
	    !strcmp(by, "onchain") || !strcmp(by, "lightning") ? by : "both";
	if (bolt11 != NULL && address != NULL) {
		add_tab(v, tabs, "both", "Both", way);
		add_tab(v, tabs, "lightning", "Lightning", way);
		add_tab(v, tabs, "onchain", "On-chain", way);
		json_object_set_new(pay, "tabs", json_pack("{s:O}", "tab",
		    tabs));
	}
	ok = !strcmp(way, "lightning") ?
	    bip321_lightning(uri, sizeof(uri), bolt11) :
	    bip321_write(uri, sizeof(uri), address, v->due,
	    strcmp(way, "both") ? NULL : bolt11);
	if (ok && (qr = qr_draw(uri)) != NULL) {
		json_object_set_new(qr, "qr_label", json_string(
		    "QR code of the payment, for a wallet’s camera"));
		json_object_set_new(pay, "qr", qr);
	}
	if (ok)
		json_object_set_new(pay, "uri", json_string(link_of(v, uri)));
	if (strcmp(way, "onchain"))
		add_copy(copies, "Lightning invoice", bolt11);
	if (strcmp(way, "lightning")) {
		add_copy(copies, "Bitcoin address", address);
		(void)snprintf(amount, sizeof(amount), "%lld.%08lld",
		    (long long)(v->due / 100000000),
		    (long long)(v->due % 100000000));
		add_copy(copies, "Amount in bitcoin", amount);
	}
	json_object_set_new(pay, "copies", copies);
	json_decref(tabs);
	json_object_set_new(v->values, "pay", pay);
}

/* ---- where else ---- */

static void
show_ways_out(const struct view *v)
{
	const char	*kind = text(v, "provider_kind");
	const char	*link = text(v, "checkout_url");
	bool		 is_open = is(v, "waiting") || is(v, "short") ||
			    is(v, "preparing");
	bool		 is_sandbox = kind != NULL && !strcmp(kind, "sandbox");

	if (link != NULL && *link != '\0' && is_sandbox)
		put(v, "sandbox", link);
	else if (link != NULL && *link != '\0' && is_open && !v->is_over) {
		put(v, "elsewhere", link);
		put(v, "elsewhere_label", "Pay on the payment server’s page");
	}
	if (!strcmp(text(v, "kind"), "purchase")) {
		put(v, "back", arena_printf(&v->f->arena, "/buy/%s",
		    text(v, "product_slug")));
		put(v, "back_label", is_open && v->seen == 0 ?
		    "Cancel, and back to the shop" : "Back to the shop");
	} else {
		put(v, "back", "/portal/");
		put(v, "back_label", "Your licenses");
	}
}

/* As the script makes it of an event. */
static const char *
seen_of(const struct view *v)
{
	const char	*n = text(v, "confirmations");
	const char	*until = text(v, "expires_at");

	return (arena_printf(&v->f->arena, "%s %lld %lld %s %s", v->state,
	    (long long)v->seen, (long long)v->due, n == NULL ? "" : n,
	    until == NULL ? "" : until));
}

json_t *
checkout_view(struct flow *f, const char *by)
{
	struct view	v = { .f = f, .r = flow_rows(f),
			    .values = json_object() };
	bool		is_open;

	v.id = text(&v, "id");
	v.state = text(&v, "state");
	v.due = db_integer(v.r, 0, "due_sats", 0);
	v.seen = db_integer(v.r, 0, "seen_sats", 0);
	v.left_s = db_integer(v.r, 0, "seconds_left", 0);
	is_open = is(&v, "waiting") || is(&v, "short");
	v.is_over = is_open && text(&v, "expires_at") != NULL && v.left_s <= 0;
	put(&v, "id", v.id);
	put(&v, "product", text(&v, "product_name"));
	put(&v, "policy", text(&v, "policy_name"));
	put(&v, "seen", seen_of(&v));
	put(&v, "refresh", "10");
	show_amount(&v);
	show_state(&v);
	if (is_open && !v.is_over && text(&v, "expires_at") != NULL) {
		put(&v, "until", text(&v, "expires_at"));
		put(&v, "until_words", moment(&v, "expires_at"));
		put(&v, "left", in_words(&v, v.left_s));
	}
	if (is_open && !v.is_over && (text(&v, "bolt11") != NULL ||
	    text(&v, "address") != NULL))
		show_pay(&v, by == NULL ? "" : by);
	json_object_set_new(v.values, "again",
	    json_boolean(db_true(v.r, 0, "can_renew")));
	show_ways_out(&v);
	return (v.values);
}
