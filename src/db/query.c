#include "db/query.h"

#include <stdlib.h>
#include <string.h>

struct piece {
	char	*at;
	size_t	 size;	/* counted in the first pass, with at == NULL */
};

static void *
piece_take(struct piece *p, const void *from, size_t n)
{
	void	*to = NULL;

	if (p->at != NULL) {
		to = memcpy(p->at, from, n);
		p->at += (n + 15) & ~(size_t)15;
	}
	p->size += (n + 15) & ~(size_t)15;
	return (to);
}

static const char *const *
copy_params(struct piece *p, const char *const *params, unsigned int n,
    const int *lengths, const int *formats)
{
	const char	**copy;
	unsigned int	 i;
	size_t		 len;

	if (params == NULL)
		return (NULL);
	copy = piece_take(p, params, n * sizeof(*params));
	for (i = 0; i < n; i++) {
		if (params[i] == NULL)
			continue;
		len = formats != NULL && formats[i] == 1 ?
		    (size_t)lengths[i] : strlen(params[i]) + 1;
		if (copy != NULL)
			copy[i] = piece_take(p, params[i], len);
		else
			piece_take(p, params[i], len);
	}
	return (copy);
}

static void
copy_all(struct piece *p, struct db_query *to, const struct db_query *q)
{
	unsigned int	n = q->stmt->nargs;

	*to = *q;
	to->params = copy_params(p, q->params, n, q->lengths, q->formats);
	if (q->lengths != NULL)
		to->lengths = piece_take(p, q->lengths, n * sizeof(int));
	if (q->formats != NULL)
		to->formats = piece_take(p, q->formats, n * sizeof(int));
	if (q->lock != NULL)
		to->lock_params = copy_params(p, q->lock_params,
		    q->lock->nargs, NULL, NULL);
}

struct db_query *
db_query_copy(const struct db_query *q)
{
	struct piece	 piece = { .at = NULL };
	struct db_query	 scratch, *whole;

	copy_all(&piece, &scratch, q);
	if ((whole = malloc(sizeof(scratch) + 16 + piece.size)) == NULL)
		return (NULL);
	piece.at = (char *)whole + ((sizeof(scratch) + 15) & ~(size_t)15);
	copy_all(&piece, whole, q);
	return (whole);
}
