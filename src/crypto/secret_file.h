/* Small secret files that are whole or absent, whatever dies meanwhile. */
#ifndef CRYPTO_SECRET_FILE_H
#define CRYPTO_SECRET_FILE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* Failures are -1 or false with errno; the file is then as it was. */

/* Reads up to `size' bytes and returns their number. */
ssize_t	secret_file_read(const char *path, void *buf, size_t size);

/* Makes a file of mode 0600; EEXIST if there is one. */
bool	secret_file_create(const char *path, const void *data, size_t len);

/* Puts a file of mode 0600, owned as the old one if we may, in its place. */
bool	secret_file_replace(const char *path, const void *data, size_t len);

/* Waits for the lock on the path's folder; close() the result to let go. */
int	secret_file_lock(const char *path);

#endif
