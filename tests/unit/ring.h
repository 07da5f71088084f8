/* Key rings in a throw-away folder, cheap to open, for unit tests. */
#ifndef TEST_RING_H
#define TEST_RING_H

#include "crypto/keyring.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_PASS	"correct horse"
#define RING_PASS_LEN	(sizeof(RING_PASS) - 1)

static const struct keyring_cost	ring_cheap = { 1, 8192 };

struct ring_folder {
	char	folder[64];
	char	path[80];
};

static inline void
ring_folder_make(struct ring_folder *f)
{
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/licet-ring.XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		abort();
	(void)snprintf(f->path, sizeof(f->path), "%s/ring", f->folder);
}

/* False if anything but the ring was left in the folder. */
static inline int
ring_folder_drop(struct ring_folder *f)
{
	(void)unlink(f->path);

	return (rmdir(f->folder) == 0);
}

/* A ring in memory only; with the seed, if given, as its active key. */
static inline struct keyring *
ring_make(const uint8_t *seed)
{
	struct ring_folder	 f;
	struct keyring		*ring;
	char			 error[256];

	ring_folder_make(&f);
	ring = keyring_create(f.path, RING_PASS, RING_PASS_LEN, &ring_cheap,
	    error, sizeof(error));
	if (ring == NULL || !ring_folder_drop(&f))
		abort();
	if (seed != NULL &&
	    !keyring_activate(ring, keyring_import_seed(ring, seed)))
		abort();

	return (ring);
}

#endif
