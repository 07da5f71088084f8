/* crypto/keyring: the ring in memory and its file, whole or refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "crypto/keyring.h"
#include "crypto/license_key.h"

#include "ring.h"

#include <sodium.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <time.h>

#define FILE_MAX	4096

static struct ring_folder	folder;
static char			error[512];

static struct keyring *
create(void)
{
	return (keyring_create(folder.path, RING_PASS, RING_PASS_LEN,
	    &ring_cheap, error, sizeof(error)));
}

static struct keyring *
reopen(const char *passphrase)
{
	error[0] = '\0';

	return (keyring_open(folder.path, passphrase, strlen(passphrase),
	    error, sizeof(error)));
}

static bool
save(const struct keyring *ring)
{
	return (keyring_save(ring, folder.path, RING_PASS, RING_PASS_LEN,
	    error, sizeof(error)));
}

static size_t
file_get(uint8_t data[FILE_MAX])
{
	FILE	*f = fopen(folder.path, "rb");
	size_t	 len;

	assert_non_null(f);
	len = fread(data, 1, FILE_MAX, f);
	assert_int_equal(fclose(f), 0);

	return (len);
}

static void
file_put(const uint8_t *data, size_t len)
{
	FILE	*f;

	/* Some file systems sync a file that is cut and written anew. */
	(void)unlink(folder.path);
	assert_non_null(f = fopen(folder.path, "wb"));
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
assert_same(const struct keyring *a, const struct keyring *b)
{
	struct keyring_entry	ea, eb;
	uint8_t			ka[32], kb[32];
	size_t			i;

	assert_int_equal(keyring_count(a), keyring_count(b));
	for (i = 0; i < keyring_count(a); i++) {
		keyring_entry(a, i, &ea);
		keyring_entry(b, i, &eb);
		assert_int_equal(ea.id, eb.id);
		assert_int_equal(ea.state, eb.state);
		assert_int_equal(ea.created_at, eb.created_at);
		assert_memory_equal(ea.public_key, eb.public_key, 32);
	}
	assert_int_equal(keyring_active(a, ka), keyring_active(b, kb));
	assert_memory_equal(ka, kb, 32);
	keyring_derive(a, "test", ka);
	keyring_derive(b, "test", kb);
	assert_memory_equal(ka, kb, 32);
}

static void
created_ring_is_private_and_comes_back(void **state)
{
	struct keyring		*ring = create(), *again;
	struct keyring_entry	 entry;
	struct stat		 st;

	assert_non_null(ring);
	assert_int_equal(stat(folder.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 60 + 34 + 43 + 16);
	assert_int_equal(keyring_count(ring), 1);
	assert_int_equal(keyring_active(ring, NULL), 1);
	keyring_entry(ring, 0, &entry);
	assert_int_equal(entry.state, KEYRING_ACTIVE);
	assert_true(entry.created_at <= time(NULL) &&
	    entry.created_at > time(NULL) - 60);

	assert_non_null(again = reopen(RING_PASS));
	assert_same(ring, again);
	keyring_free(ring);
	keyring_free(again);
}

static void
a_ring_is_never_overwritten_by_create(void **state)
{
	struct keyring	*ring = create(), *again;

	assert_non_null(ring);
	assert_null(create());
	assert_non_null(strstr(error, "exists"));
	assert_non_null(again = reopen(RING_PASS));
	assert_same(ring, again);
	keyring_free(ring);
	keyring_free(again);
}

static void
trouble_is_said(void **state)
{
	struct keyring	*ring;

	assert_null(reopen(RING_PASS));
	assert_non_null(strstr(error, "No such file"));

	assert_non_null(ring = create());
	assert_null(reopen("correct horsf"));
	assert_non_null(strstr(error, "wrong passphrase"));
	assert_null(reopen(""));
	assert_null(reopen("correct horse "));

	assert_null(keyring_create("/nonexistent/ring", RING_PASS,
	    RING_PASS_LEN, &ring_cheap, error, sizeof(error)));
	assert_false(keyring_save(ring, "/nonexistent/ring", RING_PASS,
	    RING_PASS_LEN, error, sizeof(error)));
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(keyring_lock("/nonexistent/ring", error,
	    sizeof(error)), -1);
	keyring_free(ring);
	keyring_free(NULL);
}

static void
a_cut_or_grown_file_is_refused(void **state)
{
	struct keyring	*ring = create();
	uint8_t		 data[FILE_MAX];
	size_t		 len, cut;

	assert_non_null(ring);
	len = file_get(data);
	for (cut = 0; cut < len; cut++) {
		file_put(data, cut);
		assert_null(reopen(RING_PASS));
		assert_int_not_equal(error[0], '\0');
	}
	for (cut = len + 1; cut < len + 100; cut++) {
		memset(data + len, 0, cut - len);
		file_put(data, cut);
		assert_null(reopen(RING_PASS));
	}
	memset(data + len, 0, sizeof(data) - len);
	file_put(data, sizeof(data));
	assert_null(reopen(RING_PASS));
	file_put(data, len);
	keyring_free(ring);
	assert_non_null(ring = reopen(RING_PASS));
	keyring_free(ring);
}

static void
every_flipped_bit_is_noticed(void **state)
{
	struct keyring	*ring = create();
	uint8_t		 data[FILE_MAX];
	size_t		 len, bit;

	assert_non_null(ring);
	len = file_get(data);
	for (bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		file_put(data, len);
		assert_null(reopen(RING_PASS));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	keyring_free(ring);
}

static void
costly_headers_are_refused_at_once(void **state)
{
	struct keyring	*ring = create();
	uint8_t		 data[FILE_MAX];
	size_t		 len;

	assert_non_null(ring);
	len = file_get(data);
	memset(data + 12, 0x7f, 8);	/* memory limit */
	file_put(data, len);
	assert_null(reopen(RING_PASS));
	assert_non_null(strstr(error, "damaged"));
	keyring_free(ring);
}

static void
every_save_has_new_salt_and_nonce(void **state)
{
	struct keyring	*ring = create();
	uint8_t		 first[FILE_MAX], second[FILE_MAX];
	size_t		 len;

	assert_non_null(ring);
	len = file_get(first);
	assert_true(save(ring));
	assert_int_equal(file_get(second), len);
	assert_memory_equal(first, second, 20);
	assert_memory_not_equal(first + 20, second + 20, 16);
	assert_memory_not_equal(first + 36, second + 36, 24);
	keyring_free(ring);
}

static void
rotation_keeps_old_signatures_good(void **state)
{
	struct keyring		*ring = create(), *again;
	struct license_key	 old = { 0 }, new = { 0 };
	uint8_t			 msg[] = "payload", sigs[2][64], other[64];
	struct keyring_entry	 entry;

	assert_non_null(ring);
	old.payload = new.payload = msg;
	old.payload_len = new.payload_len = sizeof(msg);
	assert_true(keyring_sign(ring, 1, msg, sizeof(msg), sigs[0]));
	assert_false(keyring_sign(ring, 2, msg, sizeof(msg), other));

	assert_int_equal(keyring_add(ring), 2);
	assert_int_equal(keyring_active(ring, NULL), 1);
	assert_true(keyring_activate(ring, 2));
	assert_false(keyring_activate(ring, 3));
	assert_false(keyring_activate(ring, 0));
	assert_int_equal(keyring_active(ring, NULL), 2);
	assert_true(save(ring));
	assert_non_null(again = reopen(RING_PASS));
	assert_same(ring, again);
	keyring_entry(again, 0, &entry);
	assert_int_equal(entry.state, KEYRING_KNOWN);

	assert_true(keyring_sign(again, 2, msg, sizeof(msg), sigs[1]));
	assert_memory_not_equal(sigs[0], sigs[1], 64);
	old.signature = sigs[0];
	new.signature = sigs[1];
	assert_true(keyring_verify(again, &old));
	assert_true(keyring_verify(again, &new));
	msg[0] ^= 1;
	assert_false(keyring_verify(again, &old));
	assert_false(keyring_verify(again, &new));
	keyring_free(ring);
	keyring_free(again);
}

static void
a_ring_has_an_end_and_no_twins(void **state)
{
	struct keyring	*ring = create(), *again;
	uint8_t		 seed[32], pk[32], sk[64];
	unsigned int	 id;
	size_t		 i;

	assert_non_null(ring);
	memset(seed, 7, sizeof(seed));
	assert_int_equal(keyring_find_seed(ring, seed), 0);
	assert_int_equal(keyring_import_seed(ring, seed), 2);
	assert_int_equal(keyring_import_seed(ring, seed), 0);
	assert_int_equal(keyring_find_seed(ring, seed), 2);
	crypto_sign_seed_keypair(pk, sk, seed);
	assert_memory_equal(keyring_public(ring, 1, &id), pk, sizeof(pk));
	assert_int_equal(id, 2);

	for (i = 3; i <= KEYRING_MAX; i++)
		assert_int_equal(keyring_add(ring), i);
	assert_int_equal(keyring_add(ring), 0);
	assert_true(save(ring));
	assert_non_null(again = reopen(RING_PASS));
	assert_int_equal(keyring_count(again), KEYRING_MAX);
	assert_same(ring, again);
	keyring_free(ring);
	keyring_free(again);
}

static void
derived_keys_differ_by_purpose_and_ring(void **state)
{
	struct keyring	*ring = create(), *other = ring_make(NULL);
	uint8_t		 a[32], b[32], c[32], again[32];

	assert_non_null(ring);
	keyring_derive(ring, "a", a);
	keyring_derive(ring, "a", again);
	keyring_derive(ring, "b", b);
	keyring_derive(other, "a", c);
	assert_memory_equal(a, again, 32);
	assert_memory_not_equal(a, b, 32);
	assert_memory_not_equal(a, c, 32);
	keyring_free(ring);
	keyring_free(other);
}

/* What workers do: they have the ring from their parent. */
static void
a_fork_inherits_the_ring(void **state)
{
	struct keyring	*ring = create();
	uint8_t		 here[64], there[64];
	int		 status, fds[2];
	pid_t		 pid;

	assert_non_null(ring);
	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		_exit(keyring_sign(ring, 1, "x", 1, there) &&
		    write(fds[1], there, 64) == 64 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], there, 64), 64);
	assert_true(keyring_sign(ring, 1, "x", 1, here));
	assert_memory_equal(here, there, 64);
	(void)close(fds[0]);
	(void)close(fds[1]);
	keyring_free(ring);
}

static void
the_lock_admits_one_editor(void **state)
{
	int	first, second;

	first = keyring_lock(folder.path, error, sizeof(error));
	assert_true(first >= 0);
	second = open(folder.folder, O_RDONLY | O_DIRECTORY);
	assert_true(second >= 0);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), -1);
	(void)close(first);
	assert_int_equal(flock(second, LOCK_EX | LOCK_NB), 0);
	(void)close(second);
}

static int
setup(void **state)
{
	ring_folder_make(&folder);

	return (0);
}

/* Fails if a temporary file was left behind. */
static int
teardown(void **state)
{
	return (ring_folder_drop(&folder) ? 0 : -1);
}

#define RING_TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(created_ring_is_private_and_comes_back),
		RING_TEST(a_ring_is_never_overwritten_by_create),
		RING_TEST(trouble_is_said),
		RING_TEST(a_cut_or_grown_file_is_refused),
		RING_TEST(every_flipped_bit_is_noticed),
		RING_TEST(costly_headers_are_refused_at_once),
		RING_TEST(every_save_has_new_salt_and_nonce),
		RING_TEST(rotation_keeps_old_signatures_good),
		RING_TEST(a_ring_has_an_end_and_no_twins),
		RING_TEST(derived_keys_differ_by_purpose_and_ring),
		RING_TEST(a_fork_inherits_the_ring),
		RING_TEST(the_lock_admits_one_editor),
	};

	if (sodium_init() < 0)
		return (1);

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
