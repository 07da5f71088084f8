"""licetctl import keysat: rehearsed, repeated, cut off, refused, at size."""
import os
import random
import sqlite3

import pytest

from lib import keysat
from lib.keysat import at, full, new_id
from lib.replica import run_ctl


# Again, and never


def test_a_rehearsal_changes_nothing(target, shop, tmp_path):
    full(shop)
    t = target(LICET_PAYMENTS="none")
    before, ring = t.counts(), t.vault.ring.read_bytes()
    path = shop.write(tmp_path / "k.db")
    rehearsed = t.report(path, "--dry-run")
    assert t.counts() == before
    assert t.vault.ring.read_bytes() == ring
    real = t.report(path)
    assert rehearsed == real


def test_the_same_file_twice_does_no_harm(target, shop, tmp_path):
    full(shop)
    t = target(LICET_PAYMENTS="none")
    path = shop.write(tmp_path / "k.db")
    t.take(path)
    once, ring = t.counts(), t.vault.ring.read_bytes()
    assert "in already" in t.take(path)
    assert t.counts() == once
    assert t.vault.ring.read_bytes() == ring
    shop.product("late")
    other = shop.write(tmp_path / "other.db")
    assert "another file" in t.take(other, status=1)
    assert t.counts() == once


def test_what_was_cut_off_is_taken_up_again(target, shop, tmp_path):
    """The log fails after the records are in."""
    full(shop)
    t = target(LICET_PAYMENTS="none")
    path = shop.write(tmp_path / "k.db")
    t.server.db.execute("ALTER TABLE validation_log ADD CONSTRAINT broken"
                        " CHECK (result = 'never')")
    t.take(path, status=1)
    assert t.counts()["licenses"] == 3 and t.counts()["validation_log"] == 0
    t.server.db.execute("ALTER TABLE validation_log DROP CONSTRAINT broken")
    events = t.counts()["events"]
    t.take(path)
    assert t.counts()["validation_log"] == 3
    assert t.counts()["events"] == events + 1       # the log's own mark


def test_a_failure_leaves_no_records_and_can_be_repeated(target, shop,
                                                        tmp_path):
    """The ring has the key by then; it gets it once."""
    full(shop)
    t = target(LICET_PAYMENTS="none")
    path = shop.write(tmp_path / "k.db")
    before = t.counts()
    t.server.db.execute("ALTER TABLE tip_attempts ADD CONSTRAINT broken"
                        " CHECK (amount_sats IS NULL)")
    assert "tip_attempts" in t.take(path, status=1)
    assert t.counts() == before
    ring = t.vault.ring.read_bytes()
    t.server.db.execute("ALTER TABLE tip_attempts DROP CONSTRAINT broken")
    t.take(path)
    assert t.vault.ring.read_bytes() == ring
    assert t.counts()["tip_attempts"] == 1


def test_a_database_made_with_another_ring_is_refused(target, shop,
                                                      tmp_path):
    t, other = target(LICET_PAYMENTS="none"), target(LICET_PAYMENTS="none")
    t.start()
    t.server.replicas[0].stop()
    t.server.settings.update(other.vault.settings())
    ring = other.vault.ring.read_bytes()
    said = t.take(shop.write(tmp_path / "k.db"), status=1)
    assert "not the one this database was made with" in said
    assert other.vault.ring.read_bytes() == ring


def test_a_database_that_is_in_use_is_refused(target, shop, tmp_path):
    t = target()
    path = shop.write(tmp_path / "k.db")
    t.start().product()
    ring = t.vault.ring.read_bytes()
    assert "not empty" in t.take(path, status=1)
    assert t.vault.ring.read_bytes() == ring


def test_after_a_first_start_with_settings_of_a_provider(target, shop,
                                                         tmp_path, btcpay):
    """What the settings connected makes way, and isn't connected again."""
    full(shop, btcpay.api_key, btcpay.url, btcpay.store_id)
    t = target(**btcpay.settings())
    t.start()
    t.server.replicas[0].stop()
    t.take(shop.write(tmp_path / "k.db"))
    t.server.replicas[0].start()
    t.server.replicas[0].wait_ready()
    rows = t.server.rows("SELECT id::text FROM payment_providers"
                         " WHERE disconnected_at IS NULL")
    assert [r["id"] for r in rows] == \
        [shop.rows["payment_providers"][0]["id"]]


# Files


def pending_wal(path):
    path.with_name(path.name + "-wal").write_bytes(b"x")


def cut(path):
    size = path.stat().st_size
    os.truncate(path, size // 2)


def no_sqlite(path):
    path.write_bytes(b"nothing of the kind" * 400)


def no_key(path):
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM server_keys")


def broken_key(path):
    with sqlite3.connect(path) as db:
        db.execute("UPDATE server_keys SET private_key_pem = 'secret words'")


def absent(path):
    path.unlink()


@pytest.mark.parametrize("harm", [pending_wal, cut, no_sqlite, no_key,
                                  broken_key, absent])
def test_files_that_are_refused(target, shop, tmp_path, harm):
    full(shop)
    t = target(LICET_PAYMENTS="none")
    path = shop.write(tmp_path / "k.db")
    harm(path)
    before, ring = t.counts(), t.vault.ring.read_bytes()
    said = t.take(path, status=1)
    assert "secret words" not in said
    assert t.counts() == before
    assert t.vault.ring.read_bytes() == ring


def test_a_file_in_wal_mode_is_read(target, shop, tmp_path):
    full(shop)
    path = shop.write(tmp_path / "k.db")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("UPDATE products SET name = 'x'")
    db.close()
    t = target(LICET_PAYMENTS="none")
    t.take(path)
    assert t.server.value("SELECT name FROM products") == "x"


def test_a_schema_that_would_run_code_is_not_run(target, shop, tmp_path):
    """A generated column, a view in a table's place, a trigger."""
    full(shop)
    del shop.rows["settings"]
    t = target(LICET_PAYMENTS="none")
    path = shop.write(
        tmp_path / "k.db",
        {n: c for n, c in keysat.FULL.items()
         if n not in ("scoped_api_keys", "settings")},
        ["CREATE TABLE settings (key, value, updated_at, extra"
         " AS (hex(zeroblob(100))))",
         "INSERT INTO settings (key, value) VALUES ('operator_name', 'Me')",
         "CREATE TRIGGER t AFTER INSERT ON products BEGIN SELECT 1; END",
         "CREATE VIEW scoped_api_keys AS SELECT randomblob(1000000000)"])
    t.take(path)
    assert t.counts()["licenses"] == 3
    assert t.server.value("SELECT value FROM settings"
                          " WHERE key = 'operator_name'") == "Me"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_spoilt_files_are_read_or_refused(target, shop, tmp_path, seed):
    """Bytes changed at random: no crash, and words that are text."""
    full(shop)
    t = target(LICET_PAYMENTS="none")
    data = shop.write(tmp_path / "k.db").read_bytes()
    path, rng = tmp_path / "spoilt.db", random.Random(seed)
    for n in range(12):
        spoilt = bytearray(data)
        for _ in range(rng.choice((1, 3, 20))):
            spoilt[rng.randrange(100 if n % 3 else 0, len(data))] = \
                rng.randrange(256)
        path.write_bytes(spoilt)
        done = run_ctl(t.server.settings, "import", "keysat", str(path),
                       "--dry-run", check=False)
        assert done.returncode in (0, 1), (n, done)
        assert "anitizer" not in done.stderr, (n, done.stderr)
        assert "runtime error" not in done.stderr, (n, done.stderr)


@pytest.mark.slow
def test_many_rows(target, shop, tmp_path):
    """tests/load/import.py is the same with a million rows, timed."""
    n = 3000
    p = shop.product()
    path = shop.write(tmp_path / "k.db")
    sold = keysat.mass(path, p, n, 10 * n)
    t = target(LICET_PAYMENTS="none")
    t.take(path)
    counts = t.counts()
    assert (counts["invoices"], counts["licenses"], counts["machines"],
            counts["validation_log"]) == (n, n, n, 10 * n)
    api = t.start()
    for k in (0, 1, n - 2, n - 1):
        key = keysat.mass_key(sold, k)
        assert api.validate(key, fingerprint=keysat.bound_to(k))["ok"], k
        assert api.validate(key, fingerprint="other")["ok"] is (k % 2 == 0)
