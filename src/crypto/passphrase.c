/* Finds and reads the passphrase's file. */
#include "crypto/passphrase.h"

#include "crypto/secret_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VARIABLE		"LICET_KEY_PASSPHRASE_FILE"
#define CREDENTIAL_NAME		"licet-passphrase"

static bool	path_find(char path[PATH_MAX], char *error, size_t errsize);

bool
passphrase_read(struct passphrase *out, char *error, size_t errsize)
{
	char	path[PATH_MAX], text[PASSPHRASE_MAX + 3];
	ssize_t	n;
	size_t	len;
	bool	ok = false;

	out->len = 0;
	if (!path_find(path, error, errsize))
		return (false);
	if ((n = secret_file_read(path, text, sizeof(text))) == -1) {
		(void)snprintf(error, errsize,
		    "cannot read the passphrase file %s: %s", path,
		    strerror(errno));
		return (false);
	}

	len = (size_t)n;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0) {
		(void)snprintf(error, errsize,
		    "the passphrase file %s is empty", path);
	} else if (len > PASSPHRASE_MAX) {
		(void)snprintf(error, errsize,
		    "the passphrase in %s is longer than %d bytes", path,
		    PASSPHRASE_MAX);
	} else {
		memcpy(out->text, text, len);
		out->len = len;
		ok = true;
	}
	explicit_bzero(text, sizeof(text));

	return (ok);
}

void
passphrase_wipe(struct passphrase *passphrase)
{
	explicit_bzero(passphrase, sizeof(*passphrase));
}

static bool
path_find(char path[PATH_MAX], char *error, size_t errsize)
{
	const char	*file = getenv(FILE_VARIABLE);
	const char	*folder = getenv("CREDENTIALS_DIRECTORY");
	int		 n;

	if (file != NULL && *file != '\0') {
		n = snprintf(path, PATH_MAX, "%s", file);
	} else if (folder != NULL && *folder != '\0') {
		n = snprintf(path, PATH_MAX, "%s/%s", folder, CREDENTIAL_NAME);
	} else {
		(void)snprintf(error, errsize, "no passphrase for the key "
		    "ring: set " FILE_VARIABLE " to the file that holds it, "
		    "or give the unit the credential " CREDENTIAL_NAME);
		return (false);
	}
	if (n < 0 || n >= PATH_MAX) {
		(void)snprintf(error, errsize,
		    "the passphrase file's name is too long");
		return (false);
	}

	return (true);
}
