/* Faults as clients see them: one table, base/err.def. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	ERR_NONE = 0,
#define X(symbol, status, code, help)	symbol,
#include "base/err.def"
#undef X
	ERR_COUNT
};

struct err_info {
	int		 status;	/* HTTP */
	const char	*code;		/* on the wire */
	const char	*help;
};

const struct err_info	*err_info(enum err);
/* By wire code; ERR_INTERNAL when there is none such. */
enum err		 err_by_code(const char *code);

#endif
