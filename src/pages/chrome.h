/* What is around every page: the dashboard's frame, or the portal's. */
#ifndef PAGES_CHROME_H
#define PAGES_CHROME_H

#include "flow/template.h"
#include "pages/page.h"

struct section {
	const char	*group;		/* NULL: the same as above */
	const char	*name;		/* as pages say it */
	const char	*label;
	const char	*href;
};

struct frame {
	const struct section	*sections;	/* the navigation; ended by 0 */
	/* "saved=Saved.|...": a word in the address, and what the page says. */
	const char		*said;
	const char		*confirm;	/* the door to prove it again */
	void		       (*render)(struct template *);
	/* Adds what else its template names; NULL: nothing. */
	void		       (*add)(struct flow *, json_t *values);
};

/* Title, navigation, what was just done: a new object for the template. */
json_t		*chrome_values(struct flow *, const struct page *);

/* Renders; takes the values. */
enum flow_next	 chrome_send(struct flow *, int status, json_t *values);

/* A page that says what went wrong. */
enum flow_next	 chrome_fault(struct flow *, enum err, const char *message);

/* The same of a flow's fault. */
void		 chrome_on_fault(struct flow *);

/* 303 to where who is there is proven again, and then this page. */
enum flow_next	 chrome_confirm(struct flow *);

/* 303 to another page, which will say the word: "saved", "deleted", ... */
enum flow_next	 chrome_go(struct flow *, const char *to, const char *said);

#endif
