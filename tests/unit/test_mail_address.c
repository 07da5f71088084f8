/* mail/address: what is written to, and what could mean something else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mail/address.h"

#include <string.h>

static void
addresses(void **state)
{
	static const struct {
		const char	*address;
		bool		 ok;
	} rows[] = {
		{ "a@b", true },
		{ "first.last+tag@mail.example.org", true },
		{ "o'neil!#$%&*-/=?^_`{|}~@x-y.org", true },
		{ "grüße@example.org", true },
		{ "a@grüße.example", true },
		{ "", false },
		{ "a", false },
		{ "@b", false },
		{ "a@", false },
		{ "a@b@c", false },
		{ ".a@b", false },
		{ "a.@b", false },
		{ "a..b@c", false },
		{ "a@.b", false },
		{ "a@b.", false },
		{ "a@b..c", false },
		{ "a@-b", false },
		{ "a@b-", false },
		{ "a@b_c", false },
		{ "a b@c", false },
		{ "a@b c", false },
		{ "<a@b>", false },
		{ "a@b>", false },
		{ "\"a b\"@c", false },
		{ "a(x)@b", false },
		{ "a,c@b", false },
		{ "a;c@b", false },
		{ "a@[127.0.0.1]", false },
		{ "a@b\r\nRCPT TO:<c@d>", false },
		{ "a\n@b", false },
		{ "a@b\x7f", false },
		{ "\xff@b", false },
		{ "a\xc3@b", false },
	};
	size_t	i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (mail_address_ok(rows[i].address) != rows[i].ok)
			fail_msg("%s", rows[i].address);
	}
	assert_string_equal(mail_address_domain("a@b.c"), "b.c");
}

static void
lengths(void **state)
{
	char	address[400];

	memset(address, 'a', sizeof(address));
	memcpy(address + 64, "@b", 3);
	assert_true(mail_address_ok(address));
	memset(address, 'a', sizeof(address));
	memcpy(address + 65, "@b", 3);
	assert_false(mail_address_ok(address));
	memset(address, 'a', sizeof(address));
	address[1] = '@';
	address[254] = '\0';
	assert_true(mail_address_ok(address));
	address[254] = 'a';
	address[255] = '\0';
	assert_false(mail_address_ok(address));
}

static void
mailboxes(void **state)
{
	static const struct {
		const char	*text;
		bool		 ok;
		const char	*name, *address;
	} rows[] = {
		{ "a@b", true, "", "a@b" },
		{ "<a@b>", true, "", "a@b" },
		{ "Shop <a@b>", true, "Shop", "a@b" },
		{ "  The  Shop\t<a@b>  ", true, "The  Shop", "a@b" },
		{ "\"Shop, Ltd.\" <a@b>", true, "Shop, Ltd.", "a@b" },
		{ "Größe ☃ <a@b>", true, "Größe ☃", "a@b" },
		{ "", false, "", "" },
		{ "Shop", false, "", "" },
		{ "Shop <a@b", false, "", "" },
		{ "Shop <a@b> x", false, "", "" },
		{ "Shop <>", false, "", "" },
		{ "Shop a@b>", false, "", "" },
		{ "A \"B\" C <a@b>", false, "", "" },
		{ "Shop\r\nBcc: x@y <a@b>", false, "", "" },
		{ "\xff <a@b>", false, "", "" },
	};
	struct mail_mailbox	m;
	size_t			i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (mail_mailbox_parse(&m, rows[i].text) != rows[i].ok)
			fail_msg("%s", rows[i].text);
		if (!rows[i].ok)
			continue;
		assert_string_equal(m.name, rows[i].name);
		assert_string_equal(m.address, rows[i].address);
	}
}

static void
long_mailboxes(void **state)
{
	struct mail_mailbox	m;
	char			text[800];

	memset(text, 'n', sizeof(text));
	memcpy(text + MAIL_NAME_MAX, "<a@b>", 6);
	assert_true(mail_mailbox_parse(&m, text));
	memset(text, 'n', sizeof(text));
	memcpy(text + MAIL_NAME_MAX + 1, "<a@b>", 6);
	assert_false(mail_mailbox_parse(&m, text));
	memset(text, 'n', sizeof(text));
	text[0] = '<';
	memcpy(text + sizeof(text) - 5, "@b>", 4);
	assert_false(mail_mailbox_parse(&m, text));
	text[sizeof(text) - 3] = '\0';
	assert_false(mail_mailbox_parse(&m, text + 1));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(lengths),
		cmocka_unit_test(mailboxes),
		cmocka_unit_test(long_mailboxes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
