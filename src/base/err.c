#include "base/err.h"

#include <string.h>

static const struct err_info	table[ERR_COUNT] = {
	[ERR_NONE] = { 200, "", "" },
#define X(symbol, status, code, help)	[symbol] = { status, code, help },
#include "base/err.def"
#undef X
};

const struct err_info *
err_info(enum err e)
{
	return (&table[e < ERR_COUNT ? e : ERR_INTERNAL]);
}

enum err
err_by_code(const char *code)
{
	int	e;

	for (e = 1; e < ERR_COUNT; e++) {
		if (!strcmp(table[e].code, code))
			return ((enum err)e);
	}
	return (ERR_INTERNAL);
}
