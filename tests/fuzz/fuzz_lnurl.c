/*
 * Any bytes as a Lightning address and as the two answers of its host: what is
 * asked stays on the named host and in the named path, what is kept is text
 * within bounds, and nothing is refused without a sentence.
 *
 * The first byte says what the rest is: A an address, P a payRequest, I the
 * callback's answer; small letters are for tests, where plain http may pass.
 */
#include "pay/lnurl.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUIRE(what)	do { if (!(what)) abort(); } while (0)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char	names[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static void
check_address(struct arena *a, const char *address, bool insecure)
{
	const char	*url = lnurl_address_url(a, address, insecure);
	const char	*start = insecure ? "http://" : "https://", *p;
	size_t		 host, user;

	REQUIRE((url != NULL) == lnurl_is_address(address, insecure));
	if (url == NULL)
		return;
	REQUIRE(insecure || lnurl_is_address(address, true));
	REQUIRE(!strncmp(url, start, strlen(start)));
	p = url + strlen(start);
	host = strcspn(p, "/");
	REQUIRE(host > 0 && strspn(p, names) >= strcspn(p, ":/"));
	REQUIRE(insecure || memchr(p, ':', host) == NULL);
	REQUIRE(!strncmp(p + host, "/.well-known/lnurlp/", 20));
	user = strlen(p + host + 20);
	REQUIRE(user > 0 && strspn(p + host + 20, names) == user);
	REQUIRE(strspn(p + host + 20, ".") < user);
	/* The address, said the other way round. */
	REQUIRE(strlen(address) == user + 1 + host);
	REQUIRE(!strncmp(address, p + host + 20, user));
	REQUIRE(!strncmp(address + user + 1, p, host));
}

static void
check_why(const char *why)
{
	const char	*p;

	REQUIRE(why != NULL && *why != '\0' && strlen(why) < 400);
	REQUIRE(utf8_valid(why, strlen(why)));
	for (p = why; *p != '\0'; p++)
		REQUIRE((unsigned char)*p >= ' ' && *p != 127);
}

static void
check_callback(struct arena *a, const struct lnurl_pay *pay)
{
	const char	*url = lnurl_callback_url(a, pay, 12345), *query;
	size_t		 n = strlen(pay->callback);

	REQUIRE(!strncmp(url, pay->callback, n));
	REQUIRE(strchr(url, '#') == NULL);
	query = strchr(url, '?');
	REQUIRE(query != NULL);
	query = url + strlen(url) - strlen("amount=12345");
	REQUIRE(!strcmp(query, "amount=12345"));
	REQUIRE(query[-1] == '?' || query[-1] == '&');
}

static void
check_takes(struct arena *a, const struct lnurl_pay *pay, int64_t msat)
{
	const char	*why;

	if (lnurl_pay_takes(a, pay, msat, &why)) {
		REQUIRE(why == NULL && msat > 0);
		REQUIRE(msat >= pay->min_msat && msat <= pay->max_msat);
	} else {
		check_why(why);
	}
}

static void
read_pay(struct arena *a, const char *body, size_t len, bool insecure)
{
	struct lnurl_pay	 pay;
	const char		*why;
	struct bolt11		 invoice;

	if (!lnurl_pay_read(a, body, len, insecure, &pay, &why)) {
		check_why(why);
		return;
	}
	REQUIRE(why == NULL && pay.callback != NULL && pay.metadata != NULL);
	REQUIRE(utf8_valid(pay.metadata, strlen(pay.metadata)));
	REQUIRE(!strncasecmp(pay.callback, "https://", 8) ||
	    (insecure && !strncasecmp(pay.callback, "http://", 7)));
	REQUIRE(pay.min_msat >= 0 && pay.max_msat > 0);
	REQUIRE(pay.min_msat <= pay.max_msat);
	check_callback(a, &pay);
	check_takes(a, &pay, 0);
	check_takes(a, &pay, pay.min_msat);
	check_takes(a, &pay, pay.max_msat);
	check_takes(a, &pay, 90000000);
	REQUIRE(!lnurl_check(pay.callback, 1, pay.metadata, &invoice, &why));
	check_why(why);
}

static void
read_invoice(struct arena *a, const char *body, size_t len)
{
	const char	*why, *pr = lnurl_invoice_read(a, body, len, &why);
	struct bolt11	 invoice;
	json_t		*j;
	char		 error[96];

	if (pr == NULL) {
		check_why(why);
		return;
	}
	REQUIRE(why == NULL && *pr != '\0' && strlen(pr) <= BOLT11_TEXT_MAX);
	j = json_read(body, len, error, sizeof(error));
	REQUIRE(j != NULL && !strcmp(json_text(j, "pr"), pr));
	json_decref(j);
	if (lnurl_check(pr, 90000000, "[]", &invoice, &why))
		REQUIRE(invoice.amount_msat == 90000000 &&
		    invoice.has_description_hash);
	else
		check_why(why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena	a;
	char			*body;
	bool			 insecure;

	if (size == 0)
		return (0);
	arena_init(&a);
	insecure = *data >= 'a';
	body = malloc(size);
	memcpy(body, data + 1, size - 1);
	switch (*data | 0x20) {
	case 'a':
		check_address(&a, arena_strndup(&a, body, size - 1), insecure);
		break;
	case 'p':
		read_pay(&a, body, size - 1, insecure);
		break;
	default:
		read_invoice(&a, body, size - 1);
		break;
	}
	free(body);
	arena_reset(&a);

	return (0);
}
