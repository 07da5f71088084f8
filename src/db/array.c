#include "db/array.h"

#include <arpa/inet.h>

#include <endian.h>
#include <string.h>

#define HEADER	20

void
db_array_init(struct db_array *a, size_t max)
{
	*a = (struct db_array){ 0 };
	buf_init(&a->bytes, max);
}

void
db_array_free(struct db_array *a)
{
	buf_free(&a->bytes);
}

static void
put32(struct db_array *a, uint32_t v)
{
	v = htonl(v);
	buf_put(&a->bytes, &v, sizeof(v));
}

void
db_array_begin(struct db_array *a, uint32_t type)
{
	buf_reset(&a->bytes);
	a->count = a->nulls = 0;
	put32(a, 1);
	put32(a, 0);
	put32(a, type);
	put32(a, 0);
	put32(a, 1);
}

void
db_array_put(struct db_array *a, const void *bytes, size_t len)
{
	a->count++;
	if (bytes == NULL) {
		a->nulls = 1;
		put32(a, UINT32_MAX);
		return;
	}
	put32(a, (uint32_t)len);
	buf_put(&a->bytes, bytes, len);
}

void
db_array_put_text(struct db_array *a, const char *text)
{
	db_array_put(a, text, text == NULL ? 0 : strlen(text));
}

void
db_array_put_bool(struct db_array *a, bool b)
{
	char	byte = b;

	db_array_put(a, &byte, 1);
}

void
db_array_put_float(struct db_array *a, double d)
{
	uint64_t	bits;

	memcpy(&bits, &d, sizeof(bits));
	bits = htobe64(bits);
	db_array_put(a, &bits, sizeof(bits));
}

bool
db_array_end(struct db_array *a)
{
	uint32_t	v;

	if (a->bytes.failed)
		return (false);
	v = htonl(a->nulls);
	memcpy(a->bytes.data + 4, &v, sizeof(v));
	v = htonl(a->count);
	memcpy(a->bytes.data + 12, &v, sizeof(v));
	return (a->bytes.len >= HEADER);
}
