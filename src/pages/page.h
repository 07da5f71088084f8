/*
 * A page of the dashboard is data, as an endpoint is: what it asks of the
 * API, and the blocks that show what came.  A form is a page that also says
 * which endpoint of the API does what it asks for.  What the tables below
 * can't say is a `make' function of the page's file.
 *
 * Names are dotted paths into what was gathered, a JSON object with the
 * answer of each source under the source's name, the page's own path values
 * under `at' and its query under `query': "license.license.status", "at.id".
 * In links and calls {name} stands for such a value, percent-encoded; in a
 * row's link names of the row come first.
 */
#ifndef PAGES_PAGE_H
#define PAGES_PAGE_H

#include "base/json.h"
#include "flow/flow.h"

/* Rows of these tables say what they need; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* ---- how a value is shown ---- */

enum cell_kind {
	CELL_TEXT,	/* this, codes and times: nothing is said as `with' */
	CELL_CODE,	/* ids, slugs, keys: monospaced, can be copied */
	CELL_NUMBER,	/* grouped; 0 is said as `with' */
	CELL_COUNT,	/* the same, of what is counted to 10,000 */
	CELL_SATS,	/* grouped, of satoshis */
	CELL_MONEY,	/* smallest units of the currency that `with' names */
	CELL_PERCENT,	/* basis points */
	CELL_AMOUNT,	/* of a code: by the row's `kind', one of these two */
	CELL_SECONDS,	/* "30 days"; 0 is said as `with' */
	CELL_TIME,	/* RFC 3339; in the viewer's zone where scripts run */
	CELL_BADGE,	/* `with': "active=good=Active|revoked=bad=Revoked" */
	CELL_LIST,	/* an array of texts; an empty one is said as `with' */
	CELL_URL,	/* a link, said as `with'; other than http(s): text */
	CELL_RATE,	/* ten-thousandths of a unit: a bitcoin's price */
	CELL_JSON	/* a tree, or its text: a line for each member */
};

struct column {
	const char	*label;
	const char	*name;		/* of the row: "policy.slug" */
	enum cell_kind	 kind;
	const char	*with;		/* see the kind */
	const char	*link;		/* "/admin/products/{id}"; NULL: none */
};

/* Ended by a zero label. */
#define COLUMNS(...)	(const struct column []){ __VA_ARGS__, { 0 } }

/* ---- what is asked of whom is at the page ---- */

/* A link or a button; shown if `when' holds. */
struct action {
	const char	*label;
	const char	*href;
	const char	*kind;		/* "first", "danger" or NULL */
	const char	*when;		/* "a.b=x|y", "a.b&!c"; NULL: always */
};

#define ACTIONS(...)	(const struct action []){ __VA_ARGS__, { 0 } }

/* "product", "GET /v1/admin/products/{at.id}" */
struct source {
	const char	*name;
	const char	*call;		/* only GET */
	bool		 filtered;	/* gets the page's own query, too */
	bool		 optional;	/* a fault leaves it out: "faults.NAME" */
};

#define SOURCES(...)	(const struct source []){ __VA_ARGS__, { 0 } }

enum block_kind {
	BLOCK_LIST,	/* an array of rows */
	BLOCK_FACTS,	/* one row, label by label */
	BLOCK_FIGURES,	/* one row, as large numbers */
	BLOCK_TEXT,	/* `empty' as a paragraph */
	BLOCK_MADE	/* by `make', which names its part of the template */
};

struct block {
	enum block_kind		 kind;
	const char		*title;		/* NULL: none */
	const char		*from;		/* its row or rows; NULL: all there is */
	const struct column	*columns;
	const char		*empty;		/* said if there is no row */
	struct action		 first;		/* and what to do about it */
	struct action		 more;		/* where a list goes on, if not here */
	const char		*when;		/* as struct action's */
	const struct action	*beside;	/* its title: what can be done */
	/* Adds its members to the block; `gathered' is borrowed. */
	void		       (*make)(json_t *block, const json_t *gathered);
};

#define BLOCKS(...)	(const struct block []){ __VA_ARGS__,		\
			    { .kind = BLOCK_TEXT } }

/* ---- forms ---- */

enum input_kind {
	INPUT_TEXT,
	INPUT_AREA,	/* text of several lines */
	INPUT_EMAIL,
	INPUT_URL,
	INPUT_SECRET,	/* never shown again */
	INPUT_NUMBER,
	INPUT_MONEY,	/* 49.00; the currency is the input that `with' names */
	INPUT_PERCENT,	/* 12.5 is 1,250 basis points */
	INPUT_AMOUNT,	/* by the input `kind' a percentage or money, as above */
	INPUT_DAYS,	/* of seconds; also "12 hours" */
	INPUT_TIME,	/* UTC */
	INPUT_CHECK,
	INPUT_CHOICE,	/* `with': "SAT=Satoshis|USD=US dollars" */
	INPUT_PICK,	/* `with': "products.products slug name" */
	INPUT_CHECKS,	/* the same, any number of them; without rows, lines */
	INPUT_LINES,	/* an array of texts, one a line */
	INPUT_ROWS,	/* an array of objects; `with': "slug=Slug|name=Name" */
	INPUT_JSON,	/* an object */
	INPUT_HIDDEN
};

struct input {
	const char	*name;		/* the API's field, of query or body */
	const char	*label;		/* may hold {names}, as the hint may */
	enum input_kind	 kind;
	const char	*hint;
	const char	*with;		/* see the kind */
	const char	*preset;	/* of an empty form */
	const char	*when;		/* as struct action's */
};

#define INPUTS(...)	(const struct input []){ __VA_ARGS__, { 0 } }
/* Of a form that sets one field to one value. */
#define SWITCH(field, value)						\
	INPUTS({ field, NULL, INPUT_HIDDEN, .preset = value })

struct form {
	const char		*call;		/* "PATCH /v1/admin/products/{at.id}" */
	const struct input	*inputs;	/* NULL: only a button */
	const char		*when;		/* as struct action's; else */
	const char		*instead;	/* this is said */
	const char		*from;		/* the record that is edited */
	const char		*intro;		/* what will happen */
	const char		*submit;	/* on the button: "Save" */
	bool			 danger;
	bool			 is_line;	/* input and button side by side */
	bool			 is_last;	/* below the blocks */
	const char		*then;		/* where to go; {answer.id} is there */
	/* Else the page is shown again, with the answer; NULL: go always. */
	const char		*then_when;
	const char		*said;		/* and what is said there */
	/* Instead: the answer is shown, this once (a new key's token), with a
	 * word about it, and `then' is a link. */
	const struct column	*shown;
	const char		*shown_title;
	const char		*shown_note;	/* NULL: keep it now */
};

/* ---- the page ---- */

/* What is around it, for one kind of visitor: pages/chrome.h. */
struct frame;

struct page {
	const struct frame	*frame;		/* NULL: the dashboard's */
	const char		*title;		/* may hold {names} */
	const char		*section;	/* of the navigation */
	const char		*up;		/* the page above: its link */
	const char		*up_title;
	const struct source	*sources;
	const struct action	*actions;
	const struct input	*filters;	/* of the first block's list */
	const struct block	*blocks;
	const struct form	*form;
};

/* ---- rows of endpoint tables ---- */

#define PAGE_ROW(m, p, who, s, ...)					\
	.method = m, .path = p, .scope = who, .is_page = true,		\
	.hidden = true, .repeatable = true,				\
	.on_fault = chrome_on_fault,					\
	.steps = s, .state = PAGE_STATE, .summary = p,			\
	.page = &(const struct page){ __VA_ARGS__ }
#define PAGE(p, ...)							\
	{ PAGE_ROW(GET, p, "session", page_steps, __VA_ARGS__) }
/* A form is a page to look at and a page to send. */
#define FORM(p, ...)							\
	{ PAGE_ROW(GET, p, "session", page_steps, __VA_ARGS__) },	\
	{ PAGE_ROW(POST, p, "session", form_steps, __VA_ARGS__),	\
	    .raw_body = true }
/* The same in the customers' portal. */
#define PORTAL_ROW(m, p, s, ...)					\
	PAGE_ROW(m, p, "customer", s, .frame = &portal_frame, __VA_ARGS__)
#define PORTAL_PAGE(p, ...)						\
	{ PORTAL_ROW(GET, p, portal_page_steps, __VA_ARGS__),		\
	    .limit = LIMIT_PORTAL }
#define PORTAL_FORM(p, ...)						\
	PORTAL_PAGE(p, __VA_ARGS__),					\
	{ PORTAL_ROW(POST, p, portal_form_steps, __VA_ARGS__),		\
	    .limit = LIMIT_PURCHASE, .raw_body = true }

#define PAGE_STATE	sizeof(struct page_view)

/* While it is made; what was gathered is the flow's body. */
struct page_view {
	unsigned int	 asked;		/* sources that are through */
	const struct input *picking;	/* whose slug is looked for */
	json_t		*typed;		/* what the form sent; NULL: nothing */
	const char	*fault;		/* said above the form */
	const char	*fault_input;	/* or beside this input */
	int		 status;	/* 0: 200 */
	bool		 is_answer;	/* the form's answer is shown */
};

void	chrome_on_fault(struct flow *);		/* pages/chrome.h */

extern const struct flow_step	page_steps[];
extern const struct flow_step	form_steps[];
/* In the portal the vendor's name comes first. */
extern const struct flow_step	portal_page_steps[];
extern const struct flow_step	portal_form_steps[];
extern const struct frame	portal_frame;	/* pages/portal.c */

/* The start of what is gathered: `at' and `query'.  Once a flow. */
void		 page_gather_request(struct flow *);

/* Runs an endpoint of the API; its names are filled in from what is there. */
enum flow_next	 page_call(struct flow *, enum method, const char *call,
		    const char *more_query, const json_t *body);

/*
 * Once the router is open: a call of some page that the API doesn't have, a
 * bug; NULL: all are known.
 */
const char	*page_unknown_call(const struct resource *);

#endif
