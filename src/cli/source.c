#include "cli/source.h"

#include "crypto/sha256.h"

#include <sqlite3.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define URI_MAX		16384
#define VALUE_MAX	(16 * 1024 * 1024)	/* bytes of a row */
#define TABLES_MAX	1000
#define SQL_MAX		65536
#define COMPLAINT_MAX	200

struct source {
	sqlite3	*db;
	char	 sha256[SHA256_HEX_SIZE];
	char	*tables[TABLES_MAX + 1];
	char	*columns[SOURCE_COLUMNS + 1];
	char	*columns_of;
};

struct source_cursor {
	sqlite3_stmt	*stmt;
	sqlite3		*db;
};

static bool
is_settled(const char *path, const char *suffix, const char *what,
    struct buf *error)
{
	struct stat	st;
	struct buf	name;
	bool		ok;

	buf_init(&name, URI_MAX);
	buf_printf(&name, "%s%s", path, suffix);
	ok = !name.failed && (stat(name.data, &st) == -1 || st.st_size == 0);
	if (!ok)
		buf_printf(error, "%s holds %s that are not in the file yet: "
		    "stop Keysat and make a copy with `sqlite3 FILE \"VACUUM "
		    "INTO 'copy.db'\"'", name.data, what);
	buf_free(&name);
	return (ok);
}

static bool
file_hash(const char *path, char hex[SHA256_HEX_SIZE], struct buf *error)
{
	struct stat	 st;
	void		*map;
	int		 fd;
	bool		 ok = false;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1) {
		buf_printf(error, "cannot read %s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		buf_printf(error, "%s is no SQLite database", path);
	} else if ((map = mmap(NULL, (size_t)st.st_size, PROT_READ,
	    MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		buf_printf(error, "cannot read %s: %s", path, strerror(errno));
	} else {
		sha256_hex(map, (size_t)st.st_size, hex);
		(void)munmap(map, (size_t)st.st_size);
		ok = true;
	}
	if (fd != -1)
		(void)close(fd);
	return (ok);
}

/* Plain reading of tables, and the two pragmas asked here. */
static int
allow(void *arg, int action, const char *a, const char *b, const char *c,
    const char *d)
{
	(void)arg;
	(void)b;
	(void)c;
	(void)d;
	if (action == SQLITE_SELECT || action == SQLITE_READ)
		return (SQLITE_OK);
	if (action == SQLITE_PRAGMA && (!strcmp(a, "table_info") ||
	    !strcmp(a, "quick_check")))
		return (SQLITE_OK);
	return (SQLITE_DENY);
}

static void
confine(sqlite3 *db)
{
	static const int	off[] = { SQLITE_DBCONFIG_ENABLE_TRIGGER,
	    SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_TRUSTED_SCHEMA,
	    SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION };
	size_t			i;

	for (i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		(void)sqlite3_db_config(db, off[i], 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	(void)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
	(void)sqlite3_limit(db, SQLITE_LIMIT_COLUMN, SOURCE_COLUMNS);
	(void)sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 20);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	(void)sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	(void)sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	(void)sqlite3_exec(db, "PRAGMA cell_size_check = 1; "
	    "PRAGMA mmap_size = 0; PRAGMA temp_store = 2", NULL, NULL, NULL);
	(void)sqlite3_set_authorizer(db, allow, NULL);
}

/* SQLite quotes the file, which may hold anything. */
static void
complain(const char *what, const char *said, struct buf *error)
{
	size_t	i;

	buf_puts(error, what);
	for (i = 0; i < COMPLAINT_MAX && said[i] != '\0'; i++)
		buf_put(error, said[i] < 0x20 || said[i] > 0x7e ? "?" :
		    said + i, 1);
}

static bool
is_whole(sqlite3 *db, struct buf *error)
{
	sqlite3_stmt	*stmt = NULL;
	const char	*said = NULL;
	bool		 ok = false;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt,
	    NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(stmt, 0);
	if (said == NULL)
		complain("SQLite: ", sqlite3_errmsg(db), error);
	else if (!(ok = !strcmp(said, "ok")))
		complain("the database is damaged: ", said, error);
	(void)sqlite3_finalize(stmt);
	return (ok);
}

/* Ordinary tables only; a virtual one has no page. */
static bool
list_tables(struct source *s, struct buf *error)
{
	static const char	 sql[] = "SELECT name FROM sqlite_schema "
	    "WHERE type = 'table' AND rootpage > 1 ORDER BY name";
	sqlite3_stmt		*stmt = NULL;
	const char		*name;
	size_t			 n = 0;
	int			 rc;

	rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW &&
	    n < TABLES_MAX) {
		name = (const char *)sqlite3_column_text(stmt, 0);
		if (name != NULL && strncmp(name, "sqlite_", 7) &&
		    (s->tables[n] = strdup(name)) != NULL)
			n++;
	}
	if (rc != SQLITE_OK)
		complain("SQLite: ", sqlite3_errmsg(s->db), error);
	(void)sqlite3_finalize(stmt);
	return (rc == SQLITE_OK);
}

static bool
open_file(struct source *s, const char *path, struct buf *error)
{
	struct buf	uri;
	const char	*p;
	int		rc = SQLITE_NOMEM;

	buf_init(&uri, URI_MAX);
	buf_puts(&uri, "file:");
	for (p = path; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || strchr("/._-", *p) != NULL)
			buf_put(&uri, p, 1);
		else
			buf_printf(&uri, "%%%02x", (unsigned int)
			    (unsigned char)*p);
	}
	buf_puts(&uri, "?mode=ro&immutable=1");
	if (!uri.failed)
		rc = sqlite3_open_v2(uri.data, &s->db, SQLITE_OPEN_READONLY |
		    SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, NULL);
	buf_free(&uri);
	if (rc != SQLITE_OK) {
		buf_printf(error, "cannot open %s: %s", path,
		    sqlite3_errstr(rc));
		return (false);
	}
	confine(s->db);
	return (true);
}

struct source *
source_open(const char *path, struct buf *error)
{
	struct source	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	if (is_settled(path, "-wal", "changes", error) &&
	    is_settled(path, "-journal", "changes", error) &&
	    file_hash(path, s->sha256, error) && open_file(s, path, error) &&
	    is_whole(s->db, error) && list_tables(s, error))
		return (s);
	source_close(s);
	return (NULL);
}

static void
forget_columns(struct source *s)
{
	size_t	i;

	for (i = 0; s->columns[i] != NULL; i++)
		free(s->columns[i]);
	memset(s->columns, 0, sizeof(s->columns));
	free(s->columns_of);
	s->columns_of = NULL;
}

void
source_close(struct source *s)
{
	size_t	i;

	if (s == NULL)
		return;
	forget_columns(s);
	for (i = 0; s->tables[i] != NULL; i++)
		free(s->tables[i]);
	(void)sqlite3_close(s->db);
	free(s);
}

const char *
source_sha256(const struct source *s)
{
	return (s->sha256);
}

const char *
source_table(const struct source *s, size_t i)
{
	return (s->tables[i]);
}

bool
source_has(const struct source *s, const char *table)
{
	size_t	i;

	for (i = 0; s->tables[i] != NULL; i++) {
		if (!strcmp(s->tables[i], table))
			return (true);
	}
	return (false);
}

static void
put_name(struct buf *sql, const char *name)
{
	buf_puts(sql, "\"");
	for (; *name != '\0'; name++)
		buf_put(sql, *name == '"' ? "\"\"" : name,
		    *name == '"' ? 2 : 1);
	buf_puts(sql, "\"");
}

static void
learn_columns(struct source *s, const char *table)
{
	sqlite3_stmt	*stmt = NULL;
	const char	*name;
	struct buf	 sql;
	size_t		 n = 0;

	forget_columns(s);
	s->columns_of = strdup(table);
	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "PRAGMA table_info(");
	put_name(&sql, table);
	buf_puts(&sql, ")");
	if (!sql.failed && sqlite3_prepare_v2(s->db, sql.data, -1, &stmt,
	    NULL) == SQLITE_OK) {
		while (n < SOURCE_COLUMNS &&
		    sqlite3_step(stmt) == SQLITE_ROW) {
			name = (const char *)sqlite3_column_text(stmt, 1);
			if (name != NULL &&
			    (s->columns[n] = strdup(name)) != NULL)
				n++;
		}
	}
	(void)sqlite3_finalize(stmt);
	buf_free(&sql);
}

const char *
source_column(struct source *s, const char *table, size_t i)
{
	if (s->columns_of == NULL || strcmp(s->columns_of, table))
		learn_columns(s, table);
	return (i <= SOURCE_COLUMNS ? s->columns[i] : NULL);
}

struct source_cursor *
source_read(struct source *s, const char *table, const char *const *columns,
    size_t count, const char *sorted_by, const char *filled, struct buf *error)
{
	struct source_cursor	*c;
	struct buf		 sql;
	size_t			 i;
	int			 rc = SQLITE_NOMEM;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->db = s->db;
	buf_init(&sql, SQL_MAX);
	buf_puts(&sql, "SELECT ");
	for (i = 0; i < count; i++) {
		buf_puts(&sql, i == 0 ? "" : ", ");
		put_name(&sql, columns[i]);
	}
	buf_puts(&sql, " FROM ");
	put_name(&sql, table);
	if (filled != NULL) {
		buf_puts(&sql, " WHERE ");
		put_name(&sql, filled);
		buf_puts(&sql, " IS NOT NULL");
	}
	if (sorted_by != NULL) {
		buf_puts(&sql, " ORDER BY ");
		put_name(&sql, sorted_by);
	}
	if (!sql.failed)
		rc = sqlite3_prepare_v2(s->db, sql.data, -1, &c->stmt, NULL);
	buf_free(&sql);
	if (rc == SQLITE_OK)
		return (c);
	complain("SQLite: ", sqlite3_errmsg(s->db), error);
	source_done(c);
	return (NULL);
}

int
source_next(struct source_cursor *c, struct buf *error)
{
	switch (sqlite3_step(c->stmt)) {
	case SQLITE_ROW:
		return (1);
	case SQLITE_DONE:
		return (0);
	default:
		complain("SQLite: ", sqlite3_errmsg(c->db), error);
		return (-1);
	}
}

const char *
source_text(struct source_cursor *c, size_t column, size_t *len)
{
	const char	*text;

	text = (const char *)sqlite3_column_text(c->stmt, (int)column);
	*len = text == NULL ? 0 :
	    (size_t)sqlite3_column_bytes(c->stmt, (int)column);
	return (text);
}

void
source_done(struct source_cursor *c)
{
	(void)sqlite3_finalize(c->stmt);
	free(c);
}
