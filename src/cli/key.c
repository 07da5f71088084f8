/*
 * licetctl key: the operator's hand on the key ring.  Secrets come from files
 * only and never leave: the output is ids, states and public keys.  Refuses to
 * make a ring where there is one, and passphrases that can be guessed.
 */
#include "cli/key.h"

#include "crypto/keyring.h"
#include "crypto/passphrase.h"
#include "crypto/pem.h"
#include "crypto/secret_file.h"
#include "crypto/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RING_VARIABLE	"LICET_KEY_RING"
#define PASSPHRASE_MIN	8
#define PEM_FILE_MAX	4096
#define ERROR_SIZE	5120	/* a path and a sentence */

/* What a verb works on. */
struct key_task {
	const char		*path;
	struct passphrase	 passphrase;
	struct keyring		*ring;
	const char		*argument;
	char			 error[ERROR_SIZE];
};

/*
 * `edit' is done under the folder's lock and followed by a save; `tell' prints
 * once all is done.  Either may be NULL.  Edits say what is wrong in `error'.
 */
struct key_verb {
	const char	*name;
	const char	*argument;	/* its name, or NULL: takes none */
	const char	*help;
	bool		(*edit)(struct key_task *);
	void		(*tell)(const struct key_task *);
};

static bool	edit_add(struct key_task *t);
static bool	edit_activate(struct key_task *t);
static bool	edit_rotate(struct key_task *t);
static bool	edit_import(struct key_task *t);
static void	tell_list(const struct key_task *t);
static void	tell_public(const struct key_task *t);
static int	usage(void);
static bool	verb_run(const struct key_verb *verb, struct key_task *t);
static bool	verb_edit(const struct key_verb *verb, struct key_task *t);
static bool	ring_create(struct key_task *t);
static bool	ring_open(struct key_task *t);
static bool	seed_import(struct key_task *t, const char *text, size_t len);
static bool	id_parse(const char *text, unsigned int *id);

static const char		verb_create[] = "create";
static const struct key_verb	verbs[] = {
	{ verb_create, NULL, "make a new ring with one active key",
	    NULL, tell_list },
	{ "add", NULL, "add a key that only verifies, to be activated when "
	    "all replicas have it", edit_add, tell_list },
	{ "activate", "ID", "sign with this key from the next start on",
	    edit_activate, tell_list },
	{ "rotate", NULL, "add a key and activate it: with one replica only, "
	    "or with all stopped", edit_rotate, tell_list },
	{ "list", NULL, "show ids, states and public keys",
	    NULL, tell_list },
	{ "public", NULL, "print the active public key as PEM",
	    NULL, tell_public },
	{ "import", "FILE", "add the Ed25519 private key of a PEM file",
	    edit_import, tell_list },
};

#define VERB_COUNT	(sizeof(verbs) / sizeof(verbs[0]))

int
cli_key(int argc, char **argv)
{
	const struct key_verb	*verb = NULL;
	struct key_task		 task = { 0 };
	size_t			 i;
	bool			 ok;

	for (i = 0; i < VERB_COUNT && argc > 1; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			verb = &verbs[i];
	}
	if (verb == NULL || argc != (verb->argument == NULL ? 2 : 3))
		return (usage());
	task.argument = argv[2];

	ok = verb_run(verb, &task);
	passphrase_wipe(&task.passphrase);
	keyring_free(task.ring);
	if (!ok)
		(void)fprintf(stderr, "licetctl: %s\n", task.error);

	return (ok ? 0 : 1);
}

static int
usage(void)
{
	size_t	i;

	(void)fprintf(stderr, "usage: licetctl key VERB\n");
	for (i = 0; i < VERB_COUNT; i++)
		(void)fprintf(stderr, "  %s%s%-*s%s\n", verbs[i].name,
		    verbs[i].argument == NULL ? "" : " ",
		    (int)(14 - strlen(verbs[i].name)),
		    verbs[i].argument == NULL ? "" : verbs[i].argument,
		    verbs[i].help);
	(void)fprintf(stderr, "The ring is the file " RING_VARIABLE ", its "
	    "passphrase in LICET_KEY_PASSPHRASE_FILE\nor in the credential "
	    "licet-passphrase.\n");

	return (2);
}

static bool
verb_run(const struct key_verb *verb, struct key_task *t)
{
	bool	ok;

	if (!crypto_start()) {
		(void)snprintf(t->error, sizeof(t->error),
		    "the cryptographic library does not start");
		return (false);
	}
	t->path = getenv(RING_VARIABLE);
	if (t->path == NULL || *t->path == '\0') {
		(void)snprintf(t->error, sizeof(t->error),
		    "set " RING_VARIABLE " to the key ring's file");
		return (false);
	}
	if (!passphrase_read(&t->passphrase, t->error, sizeof(t->error)))
		return (false);

	if (verb->name == verb_create)
		ok = ring_create(t);
	else if (verb->edit == NULL)
		ok = ring_open(t);
	else
		ok = verb_edit(verb, t);
	if (ok)
		verb->tell(t);

	return (ok);
}

static bool
verb_edit(const struct key_verb *verb, struct key_task *t)
{
	bool	ok;
	int	lock;

	lock = keyring_lock(t->path, t->error, sizeof(t->error));
	if (lock == -1)
		return (false);
	ok = ring_open(t) && verb->edit(t) &&
	    keyring_save(t->ring, t->path, t->passphrase.text,
	    t->passphrase.len, t->error, sizeof(t->error));
	(void)close(lock);

	return (ok);
}

static bool
ring_create(struct key_task *t)
{
	if (t->passphrase.len < PASSPHRASE_MIN) {
		(void)snprintf(t->error, sizeof(t->error), "the passphrase "
		    "must have at least %d bytes", PASSPHRASE_MIN);
		return (false);
	}
	t->ring = keyring_create(t->path, t->passphrase.text,
	    t->passphrase.len, NULL, t->error, sizeof(t->error));

	return (t->ring != NULL);
}

static bool
ring_open(struct key_task *t)
{
	t->ring = keyring_open(t->path, t->passphrase.text,
	    t->passphrase.len, t->error, sizeof(t->error));

	return (t->ring != NULL);
}

static bool
edit_add(struct key_task *t)
{
	if (keyring_add(t->ring) == 0) {
		(void)snprintf(t->error, sizeof(t->error),
		    "the ring holds no more than %d keys", KEYRING_MAX);
		return (false);
	}

	return (true);
}

static bool
edit_activate(struct key_task *t)
{
	unsigned int	id;

	if (!id_parse(t->argument, &id) || !keyring_activate(t->ring, id)) {
		(void)snprintf(t->error, sizeof(t->error),
		    "the ring has no key %.32s", t->argument);
		return (false);
	}

	return (true);
}

static bool
edit_rotate(struct key_task *t)
{
	struct keyring_entry	last;

	if (!edit_add(t))
		return (false);
	keyring_entry(t->ring, keyring_count(t->ring) - 1, &last);

	return (keyring_activate(t->ring, last.id));
}

static bool
edit_import(struct key_task *t)
{
	char	text[PEM_FILE_MAX];
	ssize_t	len;
	bool	ok;

	if ((len = secret_file_read(t->argument, text, sizeof(text))) == -1) {
		(void)snprintf(t->error, sizeof(t->error),
		    "cannot read %.4000s: %s", t->argument, strerror(errno));
		return (false);
	}
	ok = seed_import(t, text, (size_t)len);
	explicit_bzero(text, sizeof(text));

	return (ok);
}

static bool
seed_import(struct key_task *t, const char *text, size_t len)
{
	uint8_t		seed[32];
	unsigned int	id;

	if (!pem_private_read(text, len, seed)) {
		(void)snprintf(t->error, sizeof(t->error), "%.4000s is not an "
		    "Ed25519 private key in PKCS#8 PEM", t->argument);
		return (false);
	}
	id = keyring_import_seed(t->ring, seed);
	explicit_bzero(seed, sizeof(seed));
	if (id == 0)
		(void)snprintf(t->error, sizeof(t->error), "the ring has this "
		    "key already, or holds %d keys, the most it can",
		    KEYRING_MAX);

	return (id != 0);
}

static void
tell_list(const struct key_task *t)
{
	struct keyring_entry	entry;
	char			day[16], hex[65];
	struct tm		tm;
	time_t			created;
	size_t			i, j;

	for (i = 0; i < keyring_count(t->ring); i++) {
		keyring_entry(t->ring, i, &entry);
		created = entry.created_at;
		if (gmtime_r(&created, &tm) == NULL ||
		    strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0)
			(void)snprintf(day, sizeof(day), "-");
		for (j = 0; j < sizeof(entry.public_key); j++)
			(void)snprintf(hex + 2 * j, 3, "%02x",
			    entry.public_key[j]);
		(void)printf("%u %s %s %s\n", entry.id,
		    entry.state == KEYRING_ACTIVE ? "active" : "known ", day,
		    hex);
	}
}

static void
tell_public(const struct key_task *t)
{
	uint8_t	public_key[32];
	char	pem[PEM_PUBLIC_SIZE];

	(void)keyring_active(t->ring, public_key);
	pem_public_write(public_key, pem);
	(void)fputs(pem, stdout);
}

/* Digits only: strtoul() would take signs and spaces. */
static bool
id_parse(const char *text, unsigned int *id)
{
	size_t	len = strlen(text);

	if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
		return (false);
	*id = (unsigned int)strtoul(text, NULL, 10);

	return (true);
}
