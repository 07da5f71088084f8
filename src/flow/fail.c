#include "flow/fail.h"

#include <stdarg.h>
#include <stdio.h>

enum flow_next
flow_fail(struct flow *f, enum err fault, const char *fmt, ...)
{
	char	message[512];
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	f->fault = fault;
	f->fault_message = arena_strdup(&f->arena, message);
	return (FLOW_DONE);
}

bool
flow_refused(struct flow *f)
{
	const char	*fault, *message;

	if (db_rows_count(f->rows) == 0) {
		flow_fail(f, ERR_NOT_FOUND, "There is no such thing.");
		return (true);
	}
	if ((fault = db_text(f->rows, 0, "fault")) == NULL)
		return (false);
	message = db_text(f->rows, 0, "message");
	flow_fail(f, err_by_code(fault), "%s",
	    message == NULL ? "" : message);
	return (true);
}
