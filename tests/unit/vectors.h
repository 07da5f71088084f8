/* The published test vectors, for unit tests. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include <jansson.h>
#include <sodium.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Found beside this file, as the compiler was told its name. */
static inline json_t *
vectors_load(void)
{
	char		 path[4096];
	const char	*slash = strrchr(__FILE__, '/');
	json_error_t	 error;
	json_t		*root;

	(void)snprintf(path, sizeof(path),
	    "%.*s/../vectors/keysat-vectors.json",
	    slash == NULL ? 1 : (int)(slash - __FILE__),
	    slash == NULL ? "." : __FILE__);
	if ((root = json_load_file(path, 0, &error)) == NULL)
		(void)fprintf(stderr, "%s: %s\n", path, error.text);

	return (root);
}

static inline const char *
vectors_text(const json_t *object, const char *key)
{
	return (json_string_value(json_object_get(object, key)));
}

/* Decodes hexadecimal; returns the number of bytes, 0 if it isn't any. */
static inline size_t
vectors_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t	len = 0;

	if (hex == NULL || sodium_hex2bin(out, size, hex, strlen(hex), NULL,
	    &len, NULL) != 0)
		return (0);

	return (len);
}

#endif
