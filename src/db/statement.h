/* A named statement of sql/, as tools/embed-sql.awk embeds it. */
#ifndef DB_STATEMENT_H
#define DB_STATEMENT_H

/* How many rows it answers with. */
enum sql_shape {
	SQL_ONE,	/* one; none means that there is no such thing */
	SQL_OPT,	/* one or none */
	SQL_MANY,
	SQL_EXEC	/* none */
};

struct sql_stmt {
	const char		*name;
	const char		*text;
	const char *const	*args;	/* names of $1, $2, ... */
	unsigned int		 nargs;
	unsigned int		 index;	/* into sql_statements */
	enum sql_shape		 shape;
};

#endif
