/*
 * The doctor's look at the mail server: connects, greets, logs in, and leaves
 * without sending anything.
 */
#include "cli/doctor_private.h"

#include "base/conf.h"
#include "mail/settings.h"
#include "net/mail.h"

#define PATIENCE	15	/* s */

void
doctor_mail(void)
{
	const struct net_mail	mail = { .username = conf.smtp_username,
				    .password = conf.smtp_password,
				    .ca_file = conf.smtp_ca_file,
				    .tls = !conf_is(conf.smtp_tls, "off") };
	char			host[MAIL_HOST_MAX + 1], error[256];
	bool			is_tls;

	if (!mail_is_on()) {
		doctor_say(DOCTOR_OK, "mail", "off: buyers get no mail");
		return;
	}
	if (!mail_url_split(conf.smtp_url, host, &is_tls))
		return;		/* that was said */
	if (!net_mail_try(conf.smtp_url, &mail, PATIENCE, error,
	    sizeof(error))) {
		doctor_say(DOCTOR_FAIL, "mail", "%s: %s", conf.smtp_url,
		    error);
		return;
	}
	doctor_say(DOCTOR_OK, "mail", "%s answers%s", conf.smtp_url,
	    *conf.smtp_username == '\0' ? "" : ", and lets us in");
	if (!is_tls && !mail.tls && !mail_host_is_here(host))
		doctor_say(DOCTOR_WARN, "mail", "license keys travel to %s in "
		    "the clear: set LICET_SMTP_TLS=required", host);
}
