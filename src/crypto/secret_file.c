/*
 * Writes beside the file, syncs, then links or renames, then syncs the folder:
 * when this returns true the new content survives a power cut.  Rights are
 * 0600 from the first byte, whatever the umask.
 */
#include "crypto/secret_file.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

static bool	temp_write(const char *path, const void *data, size_t len,
		    char temp[PATH_MAX]);
static bool	owner_keep(const char *path, int fd);
static bool	write_all(int fd, const void *data, size_t len);
static int	folder_open(const char *path);
static bool	folder_sync(const char *path);
static void	unlink_quietly(const char *path);

ssize_t
secret_file_read(const char *path, void *buf, size_t size)
{
	char	*p = buf;
	size_t	 have = 0;
	ssize_t	 n;
	int	 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	do {
		n = read(fd, p + have, size - have);
		if (n > 0)
			have += (size_t)n;
	} while ((n > 0 && have < size) || (n == -1 && errno == EINTR));
	(void)close(fd);

	return (n == -1 ? -1 : (ssize_t)have);
}

bool
secret_file_create(const char *path, const void *data, size_t len)
{
	char	temp[PATH_MAX];
	bool	ok;

	if (!temp_write(path, data, len, temp))
		return (false);
	/* Unlike rename(), link() never replaces what is there. */
	ok = link(temp, path) == 0;
	unlink_quietly(temp);

	return (ok && folder_sync(path));
}

bool
secret_file_replace(const char *path, const void *data, size_t len)
{
	char	temp[PATH_MAX];

	if (!temp_write(path, data, len, temp))
		return (false);
	if (rename(temp, path) == -1) {
		unlink_quietly(temp);
		return (false);
	}

	return (folder_sync(path));
}

int
secret_file_lock(const char *path)
{
	int	fd;

	if ((fd = folder_open(path)) == -1)
		return (-1);
	while (flock(fd, LOCK_EX) == -1) {
		if (errno != EINTR) {
			(void)close(fd);
			return (-1);
		}
	}

	return (fd);
}

/* Leaves a synced file beside `path' and its name in `temp'. */
static bool
temp_write(const char *path, const void *data, size_t len,
    char temp[PATH_MAX])
{
	int	fd, n, saved;
	bool	ok;

	n = snprintf(temp, PATH_MAX, "%s.XXXXXX", path);
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return (false);
	}
	if ((fd = mkostemp(temp, O_CLOEXEC)) == -1)
		return (false);
	ok = fchmod(fd, S_IRUSR | S_IWUSR) == 0 && owner_keep(path, fd) &&
	    write_all(fd, data, len) && fsync(fd) == 0;
	saved = errno;
	(void)close(fd);
	if (!ok) {
		unlink_quietly(temp);
		errno = saved;
	}

	return (ok);
}

/* Root edits the ring of a service: the service must still be able to read. */
static bool
owner_keep(const char *path, int fd)
{
	struct stat	st;

	if (stat(path, &st) == -1)
		return (errno == ENOENT);
	if (geteuid() != 0)
		return (true);

	return (fchown(fd, st.st_uid, st.st_gid) == 0);
}

static bool
write_all(int fd, const void *data, size_t len)
{
	const char	*p = data;
	ssize_t		 n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno != EINTR)
			return (false);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}

	return (true);
}

static int
folder_open(const char *path)
{
	char	copy[PATH_MAX];

	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy)) {
		errno = ENAMETOOLONG;
		return (-1);
	}

	return (open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static bool
folder_sync(const char *path)
{
	int	fd, saved;
	bool	ok;

	if ((fd = folder_open(path)) == -1)
		return (false);
	ok = fsync(fd) == 0;
	saved = errno;
	(void)close(fd);
	errno = saved;

	return (ok);
}

static void
unlink_quietly(const char *path)
{
	int	saved = errno;

	(void)unlink(path);
	errno = saved;
}
