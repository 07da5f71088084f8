#include "mail/settings.h"

#include "base/conf.h"
#include "base/text.h"
#include "mail/address.h"

#include <string.h>
#include <unistd.h>

bool
mail_is_on(void)
{
	return (*conf.smtp_url != '\0');
}

/* Nothing, or ":" and a port. */
static bool
is_port(const char *s)
{
	long long	port;

	return (*s == '\0' || (*s == ':' &&
	    text_integer(s + 1, 1, 65535, &port)));
}

bool
mail_url_split(const char *url, char host[MAIL_HOST_MAX + 1], bool *is_tls)
{
	static const char	letters[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t			len, rest;
	bool			bracket;

	*is_tls = !strncmp(url, "smtps://", 8);
	if (!*is_tls && strncmp(url, "smtp://", 7))
		return (false);
	url += *is_tls ? 8 : 7;
	if ((bracket = *url == '['))
		url++;
	for (len = 0; url[len] != '\0' && (strchr(letters, url[len]) != NULL ||
	    strchr(bracket ? ":." : "-.", url[len]) != NULL); len++)
		;
	if (len == 0 || len > MAIL_HOST_MAX)
		return (false);
	memcpy(host, url, len);
	host[len] = '\0';
	rest = len;
	if (bracket && url[rest++] != ']')
		return (false);
	return (is_port(url + rest));
}

bool
mail_host_is_here(const char *host)
{
	return (!strcmp(host, "localhost") || !strcmp(host, "::1") ||
	    !strncmp(host, "127.", 4));
}

static void
check_server(struct buf *errors)
{
	char	host[MAIL_HOST_MAX + 1];
	bool	is_tls;

	if (!mail_url_split(conf.smtp_url, host, &is_tls)) {
		buf_puts(errors, "LICET_SMTP_URL: not smtp://host:port or "
		    "smtps://host:port\n");
		return;
	}
	if (conf_is_production() && !is_tls && conf_is(conf.smtp_tls, "off") &&
	    *conf.smtp_password != '\0' && !mail_host_is_here(host))
		buf_puts(errors, "LICET_SMTP_TLS: off is refused when "
		    "LICET_ENV=production and there is a password\n");
}

bool
mail_settings_check(struct buf *errors)
{
	struct mail_mailbox	from;

	if (!mail_is_on()) {
		if (*conf.mail_from != '\0' || *conf.smtp_username != '\0')
			buf_puts(errors, "LICET_SMTP_URL: required with "
			    "LICET_MAIL_FROM and LICET_SMTP_USERNAME\n");
		return (errors->len == 0);
	}
	check_server(errors);
	if (*conf.mail_from == '\0')
		buf_puts(errors, "LICET_MAIL_FROM: required with "
		    "LICET_SMTP_URL\n");
	else if (!mail_mailbox_parse(&from, conf.mail_from))
		buf_puts(errors, "LICET_MAIL_FROM: neither an address nor "
		    "Name <address>\n");
	if ((*conf.smtp_username == '\0') != (*conf.smtp_password == '\0'))
		buf_puts(errors, "LICET_SMTP_USERNAME: goes with "
		    "LICET_SMTP_PASSWORD\n");
	if (*conf.smtp_ca_file != '\0' && access(conf.smtp_ca_file, R_OK) == -1)
		buf_printf(errors, "LICET_SMTP_CA_FILE: cannot read %s\n",
		    conf.smtp_ca_file);
	return (errors->len == 0);
}
