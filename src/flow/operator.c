#include "flow/operator.h"

#include "base/conf.h"
#include "db/rows.h"

#include <stddef.h>

const char *
operator_name(const struct db_rows *r)
{
	const char	*stored = db_text(r, 0, "operator_name");

	if (stored == NULL && *conf.operator_name != '\0')
		return (conf.operator_name);
	return (stored);
}
