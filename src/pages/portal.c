/*
 * The frame of the customers' portal: the front's, with what a customer can
 * see and who is signed in.
 */
#include "pages/chrome.h"

#include "flow/customer.h"
#include "flow/session.h"

#include "templates.h"

static void	portal_add(struct flow *, json_t *);

static const struct section	sections[] = {
	{ NULL, "licenses", "Licenses", "/portal/" },
	{ NULL, "invoices", "Invoices", "/portal/invoices" },
	{ NULL, "data", "Personal data", "/portal/data" },
	{ NULL, NULL, NULL, NULL },
};

static const char	said[] =
    "released=The device is released: its seat is free.|"
    "reissued=The old key is revoked. The new one is on its way by mail.|"
    "cancelled=The subscription is cancelled: nothing more is billed.|"
    "billed=The bill is on its way; it is here within a minute.|"
    "stays=The change is called off: everything stays as it is.|"
    "planned=Done: the plan changes with the next renewal.|"
    "invoice=Here is what is to be paid. The plan changes once it is.|"
    "saved=Saved.|sent=Sent.|signed=You are signed in.|ended=Ended.|"
    "deleted=Deleted.";

const struct frame	portal_frame = {
	sections, said, CUSTOMER_CONFIRM_PATH, template_portal, portal_add
};

static void
portal_add(struct flow *f, json_t *values)
{
	const struct customer	*c;
	const char		*name = flow_text(f, "operator");

	c = f->session == NULL ? NULL : f->session->customer;
	json_object_set_new(values, "operator", name == NULL ? json_null() :
	    json_string(name));
	json_object_set_new(values, "who", c == NULL ? json_null() :
	    json_string(c->email != NULL ? c->email : c->license_hint));
	json_object_set_new(values, "refresh", json_null());
}
