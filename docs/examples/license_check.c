/*
 * May this program run here?  The same as the Python one, with libsodium,
 * libcurl and Jansson:
 *	cc -o license_check license_check.c -lsodium -lcurl -ljansson
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <jansson.h>
#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVER		"https://licenses.example.com"
#define PRODUCT		"my-editor"
#define PRODUCT_ID	"7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define KEPT		"license.json"
#define TIMEOUT		5L		/* seconds */
#define HOUR		3600
#define DAY		86400
#define FRESH		DAY
#define TRUST		(30 * DAY)

/* What the server signs with an activation, and what a request's check is. */
#define ACTIVATION	"licet activation 1\n"
#define ACTIVATION_LEN	((int)sizeof(ACTIVATION) - 1)
#define REQUEST		"licet request 1\n"
#define REQUEST_LEN	((int)sizeof(REQUEST) - 1)
#define DIGITS		"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

static const char *const	public_keys[] = {
	"MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
};

/* Bytes of n digits of base32, or -1. */
static int
unbase32(const char *s, size_t n, unsigned char *out, size_t max)
{
	unsigned int	value = 0, bits = 0, digit;
	size_t		len = 0;

	for (; n > 0; n--, s++) {
		if ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z'))
			digit = (unsigned int)((*s | 32) - 'a');
		else if (*s >= '2' && *s <= '7')
			digit = (unsigned int)(*s - '2' + 26);
		else
			return (-1);
		value = (value << 5 | digit) & 0xfff;
		if ((bits += 5) < 8)
			continue;
		bits -= 8;
		if (len == max)
			return (-1);
		out[len++] = (unsigned char)(value >> bits);
	}
	return ((int)len);
}

static int
is_signed(const unsigned char *payload, int len, const unsigned char *sig)
{
	unsigned char	der[44];
	size_t		i;

	for (i = 0; i < sizeof(public_keys) / sizeof(public_keys[0]); i++) {
		if (sodium_base642bin(der, sizeof(der), public_keys[i],
		    strlen(public_keys[i]), NULL, NULL, NULL,
		    sodium_base64_VARIANT_ORIGINAL) == 0 &&
		    crypto_sign_verify_detached(sig, payload,
		    (unsigned long long)len, der + 12) == 0)
			return (1);
	}
	return (0);
}

/* NULL, and when key or activation ends (0: never); else why it is none. */
static const char *
read_key(const char *text, const char *fingerprint, double *ends)
{
	static unsigned char	 said[ACTIVATION_LEN + 66000];
	unsigned char		*payload = said + ACTIVATION_LEN;
	unsigned char		 sig[65], id[16], hash[32];
	const char		*first, *second;
	int			 len, i, is_key = !strncmp(text, "LIC1-", 5);

	if ((!is_key && strncmp(text, "LICA1-", 6)) ||
	    (second = strchr(first = strchr(text, '-') + 1, '-')) == NULL)
		return ("bad_format");
	memcpy(said, ACTIVATION, ACTIVATION_LEN);
	len = unbase32(first, (size_t)(second - first), payload, 66000);
	if (unbase32(second + 1, strlen(second + 1), sig, sizeof(sig)) != 64 ||
	    len < 74 || (payload[0] != 1 && payload[0] != 2) ||
	    (payload[0] == 2 && len < 83) || (!is_key && !(payload[1] & 1)))
		return ("bad_format");
	if (!is_signed(is_key ? payload : said,
	    is_key ? len : ACTIVATION_LEN + len, sig))
		return ("bad_signature");
	sodium_hex2bin(id, sizeof(id), PRODUCT_ID, strlen(PRODUCT_ID), "-",
	    NULL, NULL);
	if (memcmp(payload + 2, id, 16))
		return ("product_mismatch");
	crypto_hash_sha256(hash, (const unsigned char *)fingerprint,
	    strlen(fingerprint));
	if ((payload[1] & 1) &&
	    memcmp(payload + (payload[0] == 2 ? 50 : 42), hash, 32))
		return ("fingerprint_mismatch");
	*ends = 0;
	for (i = 42; payload[0] == 2 && i < 50; i++)
		*ends = *ends * 256 + payload[i];
	return (NULL);
}

/* The machine's id doesn't leave the machine. */
static void
machine_fingerprint(char hex[65])
{
	char		 text[128] = "my-editor:";
	unsigned char	 hash[32];
	FILE		*f;

	if ((f = fopen("/etc/machine-id", "r")) != NULL) {
		if (fgets(text + 10, sizeof(text) - 10, f) != NULL)
			text[strcspn(text, "\n")] = '\0';
		fclose(f);
	}
	crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
	sodium_bin2hex(hex, 65, hash, sizeof(hash));
}

struct text {
	char	data[65536];
	size_t	len;
};

static size_t
receive(char *data, size_t size, size_t n, void *to)
{
	struct text	*t = to;

	if (n * size > sizeof(t->data) - t->len)
		return (0);
	memcpy(t->data + t->len, data, n * size);
	t->len += n * size;
	return (n * size);
}

/* The server's answer; NULL: it has none, which is not a no. */
static json_t *
ask(const char *key, const char *fingerprint)
{
	static struct text	 t;
	struct curl_slist	*head;
	json_t			*body, *answer = NULL;
	const char		*reason;
	CURL			*c;
	char			*sent;
	long			 status = 0;

	body = json_pack("{s:s,s:s,s:s}", "key", key, "product_slug", PRODUCT,
	    "fingerprint", fingerprint);
	sent = json_dumps(body, JSON_COMPACT);
	head = curl_slist_append(NULL, "Content-Type: application/json");
	c = curl_easy_init();
	curl_easy_setopt(c, CURLOPT_URL, SERVER "/v1/validate");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, head);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, sent);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
	t.len = 0;
	if (curl_easy_perform(c) == CURLE_OK &&
	    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
	    status == 200)
		answer = json_loadb(t.data, t.len, 0, NULL);
	reason = json_string_value(json_object_get(answer, "reason"));
	if (!json_is_boolean(json_object_get(answer, "ok")) ||
	    (reason != NULL && !strcmp(reason, "rate_limited"))) {
		json_decref(answer);
		answer = NULL;
	}
	curl_easy_cleanup(c);
	curl_slist_free_all(head);
	free(sent);
	json_decref(body);
	return (answer);
}

static double
number(const json_t *kept, const char *name)
{
	return (json_number_value(json_object_get(kept, name)));
}

static void
set(json_t *kept, const char *name, double value)
{
	json_object_set_new(kept, name, json_real(value));
}

static json_t *
load(const char *what)
{
	json_t		*kept = json_load_file(KEPT, 0, NULL);
	const char	*its;

	its = json_string_value(json_object_get(kept, "what"));
	if (its != NULL && !strcmp(its, what))
		return (kept);
	json_decref(kept);
	return (json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:n}", "what", what,
	    "first", (double)time(NULL), "at", 0.0, "next", 0.0, "seen", 0.0,
	    "failures", 0.0, "answer"));
}

static const char *
judge(const json_t *kept, double now, double ends)
{
	const json_t	*answer = json_object_get(kept, "answer");
	const char	*until, *reason;
	struct tm	 tm = { 0 };
	double		 since;

	if (json_is_object(answer)) {
		reason = json_string_value(json_object_get(answer, "reason"));
		if (!json_is_true(json_object_get(answer, "ok")))
			return (reason != NULL ? reason : "refused");
		until = json_string_value(json_object_get(answer,
		    "grace_until"));
		if (until == NULL)
			until = json_string_value(json_object_get(answer,
			    "expires_at"));
		ends = until != NULL && strptime(until, "%Y-%m-%dT%H:%M:%S",
		    &tm) != NULL ? (double)timegm(&tm) : 0;
	}
	if (ends > 0 && now >= ends)
		return ("expired");
	since = number(kept, number(kept, "at") > 0 ? "at" : "first");
	return (now - since > TRUST ? "unconfirmed" : NULL);
}

static void
look(json_t *kept, const char *key, const char *fingerprint, double *now)
{
	json_t	*answer = ask(key, fingerprint);
	double	 failures = number(kept, "failures"), wait = 300;
	int	 i;

	if (answer != NULL) {
		*now = (double)time(NULL);	/* a clock set right counts */
		json_object_set_new(kept, "answer", answer);
		set(kept, "at", *now);
		set(kept, "failures", 0);
		set(kept, "next", *now + FRESH);
		return;
	}
	for (i = 0; i < failures && wait < 6 * HOUR; i++)
		wait *= 2;
	wait = wait > 6 * HOUR ? 6 * HOUR : wait;
	set(kept, "failures", failures + 1);
	set(kept, "next", *now + wait * (0.5 + randombytes_uniform(1000) /
	    1000.0));
}

/* NULL: go on.  Else why not; the text lives as long as the program. */
static const char *
check(const char *key, const char *fingerprint)
{
	crypto_hash_sha256_state	 state;
	unsigned char			 hash[32];
	char				 what[65];
	const char			*reason;
	double				 ends, clock, now;
	json_t				*kept;

	if ((reason = read_key(key, fingerprint, &ends)) != NULL)
		return (reason);
	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)key,
	    strlen(key));
	crypto_hash_sha256_update(&state, (const unsigned char *)fingerprint,
	    strlen(fingerprint));
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(what, sizeof(what), hash, sizeof(hash));

	kept = load(what);
	now = clock = (double)time(NULL);
	if (now < number(kept, "seen"))
		now = number(kept, "seen");	/* a clock set back gains nothing */
	if (strncmp(key, "LICA1-", 6) && (clock < now ||
	    now >= number(kept, "next") || judge(kept, now, ends) != NULL))
		look(kept, key, fingerprint, &now);
	set(kept, "seen", now);
	if (json_dump_file(kept, KEPT ".new", 0) == 0)
		(void)rename(KEPT ".new", KEPT);
	if (!strncmp(key, "LICA1-", 6))		/* nobody is asked about it */
		return (ends > 0 && now >= ends ? "expired" : NULL);
	return (judge(kept, now, ends));
}

/* What a machine without a network shows. */
static void
show_request(const char *fingerprint)
{
	unsigned char	said[REQUEST_LEN + 32], check[32], all[36];
	unsigned int	value = 0, bits = 0, i;

	memcpy(said, REQUEST, REQUEST_LEN);
	crypto_hash_sha256(all, (const unsigned char *)fingerprint,
	    strlen(fingerprint));
	memcpy(said + REQUEST_LEN, all, 32);
	crypto_hash_sha256(check, said, sizeof(said));
	memcpy(all + 32, check, 4);
	printf("LICQ1-");
	for (i = 0; i < sizeof(all); i++) {
		value = (value << 8 | all[i]) & 0xffff;
		for (bits += 8; bits >= 5; bits -= 5)
			putchar(DIGITS[value >> (bits - 5) & 31]);
	}
	printf("%c\n", DIGITS[value << (5 - bits) & 31]);
}

int
main(int argc, char *argv[])
{
	const char	*reason;
	char		 fingerprint[65];

	if (argc != 2 || sodium_init() < 0 ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return (2);
	machine_fingerprint(fingerprint);
	if (!strcmp(argv[1], "request")) {
		show_request(fingerprint);
		return (0);
	}
	reason = check(argv[1], fingerprint);
	printf("%s%s%s\n", reason == NULL ? "yes" : "no",
	    reason == NULL ? "" : " ", reason == NULL ? "" : reason);
	return (reason == NULL ? 0 : 1);
}
