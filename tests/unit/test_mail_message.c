/* mail/message: encodings, and headers that nothing ends before their time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mail/message.h"

#include <stdlib.h>
#include <string.h>

#define ROOM	100000

static void
quoted(void **state)
{
	static const struct {
		const char	*text, *coded;
	} rows[] = {
		{ "", "" },
		{ "a", "a\r\n" },
		{ "a\n", "a\r\n" },
		{ "a\r\nb", "a\r\nb\r\n" },
		{ "\n\n", "\r\n\r\n" },
		{ "a=b", "a=3Db\r\n" },
		{ "\xc3\xb6", "=C3=B6\r\n" },
		{ "a \nb\t\n", "a=20\r\nb=09\r\n" },
		{ "a b ", "a b=20\r\n" },
		{ ".\n..", "=2E\r\n=2E.\r\n" },
		{ "From me\nfrom", "=46rom me\r\nfrom\r\n" },
		{ "a\rb", "a=0Db\r\n" },
		{ "\x01\x7f", "=01=7F\r\n" },
	};
	struct buf	b;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, ROOM);
		buf_puts(&b, "");
		mail_put_quoted(&b, rows[i].text);
		assert_string_equal(b.data, rows[i].coded);
		buf_free(&b);
	}
}

static int
hex_value(char c)
{
	return (c <= '9' ? c - '0' : c - 'A' + 10);
}

/* What a reader makes of it; lines must be short enough. */
static char *
decode(const char *p)
{
	char	*out = calloc(1, strlen(p) + 1), *at = out;
	size_t	 column = 0;

	for (; *p != '\0'; p++, column++) {
		if (p[0] == '\r' && p[1] == '\n') {
			assert_true(column <= 76);
			*at++ = '\n';
			p++;
			column = (size_t)-1;
		} else if (p[0] == '=' && p[1] == '\r') {
			assert_true(column + 1 <= 76);
			p += 2;
			column = (size_t)-1;
		} else if (p[0] == '=') {
			*at++ = (char)(hex_value(p[1]) * 16 + hex_value(p[2]));
			p += 2;
			column += 2;
		} else {
			*at++ = *p;
		}
	}
	return (out);
}

/* Any bytes, with all lengths of lines and blanks anywhere. */
static void
quoted_comes_back(void **state)
{
	static const char	 bytes[] = "ab =.F\xc3\xb6\t\n";
	char			 text[401], *back;
	unsigned int		 seed = 7, i, n;
	struct buf		 b;

	for (n = 1; n < sizeof(text); n++) {
		for (i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = bytes[(seed >> 16) % (sizeof(bytes) - 1)];
		}
		text[n - 1] = '\n';
		text[n] = '\0';
		buf_init(&b, ROOM);
		mail_put_quoted(&b, text);
		back = decode(b.data);
		assert_string_equal(back, text);
		free(back);
		buf_free(&b);
	}
}

static void
headers(void **state)
{
	static const struct {
		const char	*value, *line;
	} rows[] = {
		{ "Hello", "S: Hello\r\n" },
		{ "50% of \"x\" <y>", "S: 50% of \"x\" <y>\r\n" },
		{ "Grüße", "S: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n" },
		{ "a\r\nBcc: x", "S: =?UTF-8?Q?a__Bcc=3A_x?=\r\n" },
		{ "=?UTF-8?Q?x?=",
		    "S: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fx=3F=3D?=\r\n" },
		{ "", "S: =?UTF-8?Q?\?=\r\n" },
		{ " a", "S: =?UTF-8?Q?_a?=\r\n" },
		{ "a ", "S: =?UTF-8?Q?a_?=\r\n" },
		{ "a\xff", "S: =?UTF-8?Q?a=3F?=\r\n" },
		{ "a_b\x01\x7f", "S: =?UTF-8?Q?a=5Fb__?=\r\n" },
	};
	struct buf	b;
	size_t		i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_init(&b, ROOM);
		mail_put_header(&b, "S", rows[i].value);
		assert_string_equal(b.data, rows[i].line);
		buf_free(&b);
	}
}

/* Folded between characters, never within one, at most 76 a line. */
static void
long_headers(void **state)
{
	char		 value[901] = "";
	const char	*line, *end;
	struct buf	 b;
	unsigned int	 i;

	for (i = 0; i < 300; i++)
		memcpy(value + 3 * i, "☃", 4);
	buf_init(&b, ROOM);
	mail_put_header(&b, "Subject", value);
	for (line = b.data; *line != '\0'; line = end + 2) {
		end = strstr(line, "\r\n");
		assert_non_null(end);
		assert_true(end - line <= 76);
		assert_memory_equal(end - 2, "?=", 2);
		assert_int_equal(*line, line == b.data ? 'S' : ' ');
		line = strstr(line, "?Q?") + 3;
		assert_int_equal((end - 2 - line) % 9, 0);
	}
	buf_free(&b);
}

static const struct mail_message	sample = {
	.id = "1@shop.test", .written_at = 1793630096,
	.from_name = "Shop \"x\"", .from = "keys@shop.test",
	.to = "b@example.org", .subject = "Hello", .text = "text\n",
	.html = "<p>html</p>\n",
};

static void
whole_message(void **state)
{
	struct buf	b;

	buf_init(&b, ROOM);
	assert_true(mail_message_write(&b, &sample));
	assert_string_equal(b.data,
	    "From: \"Shop \\\"x\\\"\"\r\n <keys@shop.test>\r\n"
	    "To: b@example.org\r\nSubject: Hello\r\n"
	    "Date: Mon, 2 Nov 2026 14:34:56 +0000\r\n"
	    "Message-ID: <1@shop.test>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative;\r\n"
	    " boundary=\"=_licet_alternative\"\r\n\r\n"
	    "--=_licet_alternative\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\ntext\r\n\r\n"
	    "--=_licet_alternative\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<p>html</p>\r\n\r\n--=_licet_alternative--\r\n");
	buf_free(&b);
}

static void
senders(void **state)
{
	struct mail_message	m = sample;
	struct buf		b;

	m.from_name = "";
	m.reply_to = "help@shop.test";
	buf_init(&b, ROOM);
	assert_true(mail_message_write(&b, &m));
	assert_non_null(strstr(b.data, "From: keys@shop.test\r\n"));
	assert_non_null(strstr(b.data, "\r\nReply-To: help@shop.test\r\n"));
	buf_reset(&b);
	m.from_name = "Grüße\nBcc: x";
	assert_true(mail_message_write(&b, &m));
	assert_non_null(strstr(b.data,
	    "From: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_Bcc=3A_x?=\r\n"
	    " <keys@shop.test>\r\n"));
	buf_free(&b);
}

static void
refused(void **state)
{
	struct mail_message	m;
	struct buf		b;
	size_t			i;

	for (i = 0; i < 4; i++) {
		m = sample;
		*(i == 0 ? &m.id : i == 1 ? &m.from : i == 2 ? &m.to :
		    &m.reply_to) = "a@b\r\nX: y";
		buf_init(&b, ROOM);
		assert_false(mail_message_write(&b, &m));
		buf_free(&b);
	}
	buf_init(&b, 100);
	assert_false(mail_message_write(&b, &sample));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(quoted),
		cmocka_unit_test(quoted_comes_back),
		cmocka_unit_test(headers),
		cmocka_unit_test(long_headers),
		cmocka_unit_test(whole_message),
		cmocka_unit_test(senders),
		cmocka_unit_test(refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
