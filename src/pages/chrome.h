/* What is around every page of the dashboard. */
#ifndef PAGES_CHROME_H
#define PAGES_CHROME_H

#include "pages/page.h"

/* Title, navigation, what was just done: a new object for the template. */
json_t		*chrome_values(struct flow *, const struct page *);

/* Renders; takes the values. */
enum flow_next	 chrome_send(struct flow *, int status, json_t *values);

/* A page that says what went wrong. */
enum flow_next	 chrome_fault(struct flow *, enum err, const char *message);

/* The same of a flow's fault. */
void		 chrome_on_fault(struct flow *);

/* 303 to another page, which will say the word: "saved", "deleted", ... */
enum flow_next	 chrome_go(struct flow *, const char *to, const char *said);

#endif
