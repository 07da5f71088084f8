#include "mail/message.h"

#include "base/utf8.h"
#include "mail/address.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_QP	76	/* RFC 2045: its "=" included */
#define WORDS_LINE_MAX	76	/* RFC 2047, with encoded words in it */
#define PLAIN_MAX	60	/* characters of a header that are left alone */

static const char	hex[] = "0123456789ABCDEF";

/* ---- bodies ---- */

/* A byte that means itself: not at a line's end, nor special at its begin. */
static bool
is_plain(const char *p, bool first)
{
	unsigned char	c = (unsigned char)*p;

	if (c == ' ' || c == '\t')
		return (p[1] != '\n' && p[1] != '\r' && p[1] != '\0');
	if (c < 33 || c > 126 || c == '=')
		return (false);
	/* A dot alone ends a message; old servers write >From. */
	return (!first || (c != '.' && c != 'F'));
}

void
mail_put_quoted(struct buf *b, const char *p)
{
	char	 code[3] = "=";
	size_t	 column = 0, n;
	bool	 plain;

	for (; *p != '\0'; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n') {
			buf_puts(b, "\r\n");
			column = 0;
			continue;
		}
		plain = is_plain(p, column == 0);
		n = plain ? 1 : 3;
		if (column + n > LINE_MAX_QP - 1) {
			buf_puts(b, "=\r\n");
			column = 0;
			plain = is_plain(p, true);
			n = plain ? 1 : 3;
		}
		code[1] = hex[(unsigned char)*p >> 4];
		code[2] = hex[(unsigned char)*p & 15];
		buf_put(b, plain ? p : code, n);
		column += n;
	}
	if (column > 0)
		buf_puts(b, "\r\n");
}

/* ---- headers ---- */

/* Bytes of the character at `p'; of what is no UTF-8, one. */
static size_t
char_bytes(const char *p)
{
	size_t	n = 1;

	while (n < 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return (utf8_valid(p, n) ? n : 1);
}

/* In an encoded word (RFC 2047, for phrases too) these mean themselves. */
static bool
is_word_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '!' || c == '/');
}

/* One character to `out'; how many bytes that takes. */
static size_t
encode_char(char out[13], const char *p, size_t n)
{
	unsigned char	c;
	size_t		i, len = 0;

	for (i = 0; i < n; i++) {
		c = (unsigned char)p[i];
		if (n == 1 && (c < 32 || c == 127))
			c = ' ';
		if (n == 1 && c >= 0x80)
			c = '?';	/* it is no UTF-8 */
		if (c == ' ') {
			out[len++] = '_';
		} else if (is_word_char((char)c)) {
			out[len++] = (char)c;
		} else {
			out[len++] = '=';
			out[len++] = hex[c >> 4];
			out[len++] = hex[c & 15];
		}
	}
	return (len);
}

/* Words of whole characters, one a line, the first after `column' others. */
static void
put_words(struct buf *b, size_t column, const char *p)
{
	static const char	begin[] = "=?UTF-8?Q?", end[] = "?=";
	char			one[13];
	size_t			n, len;

	buf_puts(b, begin);
	column += sizeof(begin) - 1;
	for (; *p != '\0'; p += n) {
		n = char_bytes(p);
		len = encode_char(one, p, n);
		if (column + len + sizeof(end) - 1 > WORDS_LINE_MAX) {
			buf_printf(b, "%s\r\n %s", end, begin);
			column = sizeof(begin);
		}
		buf_put(b, one, len);
		column += len;
	}
	buf_puts(b, end);
}

/* Short, printable, and not to be taken for an encoded word. */
static bool
is_short_ascii(const char *s)
{
	size_t	i;

	for (i = 0; s[i] != '\0'; i++) {
		if ((unsigned char)s[i] < 32 || (unsigned char)s[i] > 126 ||
		    i >= PLAIN_MAX || (s[i] == '=' && s[i + 1] == '?'))
			return (false);
	}
	return (i > 0 && s[0] != ' ' && s[i - 1] != ' ');
}

void
mail_put_header(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s: ", name);
	if (is_short_ascii(value))
		buf_puts(b, value);
	else
		put_words(b, strlen(name) + 2, value);
	buf_puts(b, "\r\n");
}

/* A display name is a quoted string, or encoded. */
static void
put_from(struct buf *b, const char *name, const char *address)
{
	const char	*p;

	buf_puts(b, "From: ");
	if (*name == '\0') {
		buf_printf(b, "%s\r\n", address);
		return;
	}
	if (is_short_ascii(name)) {
		buf_puts(b, "\"");
		for (p = name; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_puts(b, "\\");
			buf_put(b, p, 1);
		}
		buf_puts(b, "\"");
	} else {
		put_words(b, strlen("From: "), name);
	}
	buf_printf(b, "\r\n <%s>\r\n", address);
}

/* RFC 5322, in UTC; names of days and months whatever the locale. */
static void
put_date(struct buf *b, int64_t at)
{
	static const char	 days[] = "SunMonTueWedThuFriSat";
	static const char	 months[] =
				    "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t			 t = (time_t)at;
	struct tm		 tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	buf_printf(b, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
put_part(struct buf *b, const char *boundary, const char *type,
    const char *body)
{
	buf_printf(b, "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n", boundary,
	    type);
	mail_put_quoted(b, body);
	buf_puts(b, "\r\n");
}

bool
mail_message_write(struct buf *b, const struct mail_message *m)
{
	/* No line of quoted-printable holds "=_". */
	static const char	boundary[] = "=_licet_alternative";

	if (!mail_address_ok(m->id) || !mail_address_ok(m->from) ||
	    !mail_address_ok(m->to) ||
	    (m->reply_to != NULL && !mail_address_ok(m->reply_to)))
		return (false);
	put_from(b, m->from_name, m->from);
	buf_printf(b, "To: %s\r\n", m->to);
	if (m->reply_to != NULL)
		buf_printf(b, "Reply-To: %s\r\n", m->reply_to);
	mail_put_header(b, "Subject", m->subject);
	put_date(b, m->written_at);
	buf_printf(b, "Message-ID: <%s>\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative;\r\n"
	    " boundary=\"%s\"\r\n\r\n", m->id, boundary);
	put_part(b, boundary, "text/plain", m->text);
	put_part(b, boundary, "text/html", m->html);
	buf_printf(b, "--%s--\r\n", boundary);
	return (!b->failed);
}
