/*
 * statement: prints validate_batch for one row, as the server prepares it, as
 * a script for pgbench, with license, fingerprint and address number :n of the
 * table bench.known.
 */
#include "db/statement.h"

#include "sql.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char	*name;
	const char	*value;
} values[] = {
	{ "license", "ARRAY[bench.license(:n)]" },
	{ "early", "ARRAY[NULL]" },
	{ "product", "ARRAY[NULL]" },
	{ "fingerprint", "ARRAY[bench.fingerprint(:n)]" },
	{ "bound_ok", "ARRAY[true]" },
	{ "hostname", "ARRAY[NULL]" },
	{ "platform", "ARRAY[NULL]" },
	{ "ip", "ARRAY[bench.address(:n)]" },
	{ "agent", "ARRAY['bench']" },
};

static const char *
value(const char *name)
{
	size_t	i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (!strcmp(values[i].name, name))
			return (values[i].value);
	}
	return (NULL);
}

int
main(void)
{
	const struct sql_stmt	*s = &sql_validate_batch;
	const char		*p, *v;
	unsigned int		 n;

	printf("\\set n random(1, :keys)\n");
	for (p = s->text; *p != '\0'; p++) {
		if (*p != '$' || !isdigit((unsigned char)p[1])) {
			putchar(*p);
			continue;
		}
		n = (unsigned int)(p[1] - '0');
		p++;
		if (n == 0 || n > s->nargs || isdigit((unsigned char)p[1]) ||
		    (v = value(s->args[n - 1])) == NULL) {
			(void)fprintf(stderr, "statement: argument %u?\n", n);
			return (1);
		}
		fputs(v, stdout);
	}
	printf(";\n");
	return (0);
}
