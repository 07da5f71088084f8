/* What several pages of the portal say, and how they begin. */
#ifndef PAGES_PORTAL_WORDS_H
#define PAGES_PORTAL_WORDS_H

#include "pages/front.h"
#include "pages/page.h"

#define PORTAL_LICENSE_STATES						\
	"active=good=Active|in_grace=warn=Ended, still works|"		\
	"expired=quiet=Ended|suspended=warn=Suspended|revoked=bad=Revoked"
#define PORTAL_SUBSCRIPTION_STATES					\
	"active=good=Active|past_due=warn=To be paid|"			\
	"cancelled=quiet=Cancelled|lapsed=bad=Lapsed"
#define PORTAL_INVOICE_STATES						\
	"pending=warn=Open|settled=good=Paid|expired=quiet=Expired|"	\
	"invalid=quiet=Void"
#define PORTAL_INVOICE_KINDS						\
	"purchase=quiet=Purchase|renewal=quiet=Renewal|"		\
	"tier_change=quiet=Change of plan"

#define ONE_LICENSE							\
	{ "license", "GET /v1/portal/licenses/{at.id}" }
/* A form about one license. */
#define ACT_ON(p, t, ...)						\
	PORTAL_FORM("/portal/licenses/:id/" p,				\
	    .title = t, .section = "licenses",				\
	    .up = "/portal/licenses/{at.id}",				\
	    .up_title = "{license.license.product_name}",		\
	    .sources = SOURCES(ONE_LICENSE), __VA_ARGS__)

#endif
