/*
 * The front: what buyers and customers see, in a frame that bears the
 * vendor's name.  A page's template begins with {{>front_top}} and ends with
 * {{>front_end}}; its values have `page_title', and members of their own.
 *
 *	FRONT_STEPS,		the vendor's name
 *	... its own steps; the last:
 *	return (front_send(f, 200, template_thanks, values));
 */
#ifndef PAGES_FRONT_H
#define PAGES_FRONT_H

#include "base/json.h"
#include "flow/flow.h"
#include "flow/template.h"

/* clang-format off */
#define FRONT_STEPS							\
	FLOW_STEP(front_ask),		/* sql  operator_name_get */	\
	FLOW_STEP(front_named)
/* clang-format on */

/* Of an endpoint for people, in its row: what goes wrong is a page, too. */
#define FRONT_PAGE	.hidden = true, .on_fault = front_on_fault

enum flow_next	 front_ask(struct flow *);
/* The name is flow_text(f, "operator"), NULL if there is none. */
enum flow_next	 front_named(struct flow *);

/* Adds what the frame needs, renders and sends; takes the values. */
enum flow_next	 front_send(struct flow *, int status,
		    void (*render)(struct template *), json_t *values);

/*
 * 303 to another page; the place can be kept as an answer.  To another site a
 * browser is led by a page, after FRONT_STEPS.
 */
enum flow_next	 front_go(struct flow *, const char *to);

/* A page that says what went wrong, and where to go. */
void		 front_on_fault(struct flow *);

#endif
