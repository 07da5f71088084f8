/* mail/settings: which URLs name a mail server, what goes with what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/conf.h"
#include "mail/settings.h"

#include <string.h>

static void
urls(void **state)
{
	static const struct {
		const char	*url;
		bool		 ok, tls;
		const char	*host;
	} rows[] = {
		{ "smtp://mail.example.org", true, false, "mail.example.org" },
		{ "smtp://mail:587", true, false, "mail" },
		{ "smtps://mail:465", true, true, "mail" },
		{ "smtp://127.0.0.1:25", true, false, "127.0.0.1" },
		{ "smtp://[::1]:25", true, false, "::1" },
		{ "smtp://[::1]", true, false, "::1" },
		{ "", false, false, "" },
		{ "mail:25", false, false, "" },
		{ "http://mail", false, false, "" },
		{ "smtp://", false, false, "" },
		{ "smtp://:25", false, false, "" },
		{ "smtp://mail:0", false, false, "" },
		{ "smtp://mail:65536", false, false, "" },
		{ "smtp://mail:x", false, false, "" },
		{ "smtp://mail/", false, false, "" },
		{ "smtp://mail/name", false, false, "" },
		{ "smtp://user:word@mail", false, false, "" },
		{ "smtp://mail?x", false, false, "" },
		{ "smtp://ma il", false, false, "" },
		{ "smtp://mail\r\n", false, false, "" },
		{ "smtp://[::1:25", false, false, "" },
		{ "smtp://::1", false, false, "" },
	};
	char	host[MAIL_HOST_MAX + 1];
	bool	tls;
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (mail_url_split(rows[i].url, host, &tls) != rows[i].ok)
			fail_msg("%s", rows[i].url);
		if (!rows[i].ok)
			continue;
		assert_string_equal(host, rows[i].host);
		assert_int_equal(tls, rows[i].tls);
	}
}

static void
here(void **state)
{
	assert_true(mail_host_is_here("localhost"));
	assert_true(mail_host_is_here("127.0.0.1"));
	assert_true(mail_host_is_here("::1"));
	assert_false(mail_host_is_here("mail.example.org"));
	assert_false(mail_host_is_here("10.0.0.1"));
}

static void
together(void **state)
{
	static const struct {
		const char	*env[7];
		const char	*complaint;	/* NULL: none */
	} rows[] = {
		{ { NULL }, NULL },
		{ { "LICET_SMTP_URL=smtp://m", "LICET_MAIL_FROM=a@b" }, NULL },
		{ { "LICET_SMTP_URL=smtp://m", "LICET_MAIL_FROM=X <a@b>",
		    "LICET_SMTP_USERNAME=u", "LICET_SMTP_PASSWORD=p" }, NULL },
		{ { "LICET_SMTP_URL=smtp://m" }, "LICET_MAIL_FROM: required" },
		{ { "LICET_SMTP_URL=smtp://m", "LICET_MAIL_FROM=x" },
		    "LICET_MAIL_FROM: neither" },
		{ { "LICET_SMTP_URL=m", "LICET_MAIL_FROM=a@b" },
		    "LICET_SMTP_URL: not" },
		{ { "LICET_MAIL_FROM=a@b" }, "LICET_SMTP_URL: required" },
		{ { "LICET_SMTP_URL=smtp://m", "LICET_MAIL_FROM=a@b",
		    "LICET_SMTP_PASSWORD=p" }, "LICET_SMTP_USERNAME: goes" },
		{ { "LICET_ENV=production", "LICET_SMTP_URL=smtp://m",
		    "LICET_MAIL_FROM=a@b", "LICET_SMTP_USERNAME=u",
		    "LICET_SMTP_PASSWORD=p", "LICET_SMTP_TLS=off" },
		    "LICET_SMTP_TLS: off" },
		{ { "LICET_ENV=production", "LICET_SMTP_URL=smtp://localhost",
		    "LICET_MAIL_FROM=a@b", "LICET_SMTP_USERNAME=u",
		    "LICET_SMTP_PASSWORD=p", "LICET_SMTP_TLS=off" }, NULL },
		{ { "LICET_ENV=production", "LICET_SMTP_URL=smtps://m",
		    "LICET_MAIL_FROM=a@b", "LICET_SMTP_USERNAME=u",
		    "LICET_SMTP_PASSWORD=p", "LICET_SMTP_TLS=off" }, NULL },
	};
	struct buf	b;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, 10000);
		buf_puts(&b, "");
		assert_true(conf_read((char *const *)(uintptr_t)rows[i].env,
		    NULL, &b));
		assert_int_equal(mail_settings_check(&b),
		    rows[i].complaint == NULL);
		if (rows[i].complaint != NULL)
			assert_non_null(strstr(b.data, rows[i].complaint));
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(here),
		cmocka_unit_test(together),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
