"""licetctl: what an operator types, sees and gets as exit status."""
import os
import re
import subprocess
import uuid

import pytest

from fake.btcpay import FakeBtcpay
from lib.instance import KNOWN_SEED, Vault, base_settings
from lib.keys import BOUND, TRIAL, Key
from lib.replica import ROOT, Replica, environment, run_ctl
from lib.replica import ctl as binary_ctl

PUBLIC = {"LICET_PUBLIC_URL": "https://licenses.example"}
SETTING = re.compile(r'^[A-Z]+\(\w+, "(LICET_\w+)"', re.M)


def settings_of_source():
    return SETTING.findall((ROOT / "src/base/conf.def").read_text())


def ctl(settings, *words, status=0, stdin=None):
    done = run_ctl(settings, *words, check=False, stdin=stdin)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Sanitizer" not in done.stderr, done.stderr
    if status != 0:
        assert done.stderr or "FAIL" in done.stdout
    return done


@pytest.fixture
def fresh(cluster, vault, template):
    """Settings with a database of their own, and a connection to it."""
    name = cluster.create()
    with cluster.connect(name) as db:
        yield {**base_settings(vault, cluster.url(name)), **PUBLIC}, db


# Calls


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["migrate", "now"], ["verify"], ["verify", "a", "b"],
    ["docs"], ["docs", "nonsense"], ["settings"], ["settings", "print"],
    ["version", "1"], ["--nonsense"], ["key"], ["key", "nonsense"]])
def test_wrong_calls_are_2_and_say_usage(words):
    done = ctl({}, *words, status=2)
    assert done.stdout == ""
    assert "usage: licetctl" in done.stderr or "nonsense" in done.stderr


@pytest.mark.parametrize("word", ["help", "-h", "--help"])
def test_help_lists_every_command(word):
    said = ctl({}, word).stdout
    for command in ("migrate", "key", "doctor", "verify", "settings", "docs",
                    "version"):
        assert re.search(rf"^  {command}\b", said, re.M), said


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(word):
    assert re.fullmatch(r"licet \d+\.\d+\.\d+\n", ctl({}, word).stdout)


# Settings by parts


@pytest.mark.parametrize("words", [
    ["migrate"], ["key", "list"], ["verify", "-"], ["settings", "check"]])
@pytest.mark.parametrize("name", [
    "LICET_NONSENSE", "LICET_DEV_DIR", "LICET_BIN", "LICET_REPLICAS"])
def test_unknown_names_are_refused_everywhere(fresh, words, name):
    done = ctl({**fresh[0], name: "1"}, *words, status=1, stdin="x")
    assert name in done.stderr
    assert done.stdout == ""


def test_settings_check_names_all_troubles_at_once(fresh):
    assert ctl(fresh[0], "settings", "check").stderr == ""
    done = ctl({"LICET_WORKERS": "many", "LICET_ENV": "prod",
                "LICET_TRUSTED_PROXIES": "garbage", "LICET_X": "1",
                "LICET_LISTEN": "127.0.0.1:99999",
                "LICET_ADMIN_KEY": "short"}, "settings", "check", status=1)
    for name in ("LICET_WORKERS", "LICET_ENV", "LICET_TRUSTED_PROXIES",
                 "LICET_LISTEN", "LICET_X", "LICET_ADMIN_KEY", "LICET_DATABASE_URL",
                 "LICET_KEY_RING", "LICET_PUBLIC_URL"):
        assert f"licetctl: {name}: " in done.stderr
    assert "short" not in done.stderr


def test_a_secret_comes_one_way_only(fresh, vault):
    done = ctl({**fresh[0], "LICET_ADMIN_KEY": vault.admin_key}, "settings",
               "check", status=1)
    assert "LICET_ADMIN_KEY: given twice" in done.stderr
    assert vault.admin_key not in done.stderr


# migrate


def test_migrate_needs_the_database_only(cluster, tmp_path):
    url = cluster.url(cluster.create(template="template0"))
    (tmp_path / "url").write_text(url + "\n")
    said = ctl({"LICET_DATABASE_URL_FILE": tmp_path / "url",
                "LICET_ADMIN_KEY_FILE": "/nonexistent",
                "LICET_WORKERS": "many"}, "migrate").stdout
    assert [line.split()[1] for line in said.splitlines()] == \
        sorted(p.stem for p in (ROOT / "migrations").glob("0*.sql"))
    assert ctl({"LICET_DATABASE_URL": url}, "migrate").stdout == \
        "nothing to do\n"


def test_migrate_without_its_setting():
    assert "LICET_DATABASE_URL: required" in ctl({}, "migrate",
                                                 status=1).stderr


def test_key_needs_its_two_settings_only(tmp_path):
    vault = Vault()
    try:
        settings = {k: v for k, v in vault.settings().items()
                    if k != "LICET_ADMIN_KEY_FILE"}
        assert " active " in ctl(settings, "key", "create").stdout
        assert vault.ring.exists()
    finally:
        vault.remove()


# verify


def make_key(**changes):
    return Key(**{"product_id": str(uuid.uuid4()),
                  "license_id": str(uuid.uuid4()),
                  "issued_at": 1769860800, **changes})


@pytest.fixture
def ring_only(vault):
    return {k: v for k, v in vault.settings().items() if "ADMIN" not in k}


def said_of(text, ring_only, status=0):
    done = ctl(ring_only, "verify", "-", stdin=text, status=status)
    return [line.split(None, 1) for line in done.stdout.splitlines()]


def test_verify_says_what_the_key_says(ring_only, tmp_path):
    key = make_key(expires_at=1801396800, flags=TRIAL,
                   entitlements=("pro", "api"))
    text = key.signed(KNOWN_SEED)
    said = said_of(f" \n{text}\r\n", ring_only)
    assert said == [
        ["version", "2"], ["product", key.product_id],
        ["license", key.license_id], ["issued", "2026-01-31T12:00:00Z"],
        ["expires", "2027-01-31T12:00:00Z"], ["trial", "yes"],
        ["entitlement", "pro"], ["entitlement", "api"],
        ["signature", "good: a key of this ring"]]
    (tmp_path / "key").write_text(text)
    done = ctl(ring_only, "verify", str(tmp_path / "key"))
    assert "good" in done.stdout


def test_verify_knows_old_and_bound_keys(ring_only):
    key = make_key(version=1, flags=BOUND, fingerprint_hash=b"\xab" * 32)
    said = said_of(key.signed(KNOWN_SEED), ring_only)
    assert ["version", "1"] in said and ["expires", "never"] in said
    assert ["bound", "to      " + "ab" * 32] in said


def test_verify_refuses_another_ring(ring_only):
    said = said_of(make_key().signed(bytes(32)), ring_only, status=1)
    assert said[-1][1].startswith("BAD")


def test_verify_keeps_the_terminal_safe(ring_only):
    key = make_key(entitlements=("a\x1b[2Jb",),
                   issued_at=2 ** 64 - 1).signed(KNOWN_SEED)
    said = said_of(key, ring_only)
    assert ["entitlement", "a?[2Jb"] in said
    assert ["issued", f"{2 ** 64 - 1} seconds after 1970"] in said


def test_verify_takes_the_longest_key(ring_only):
    key = make_key(entitlements=tuple(f"{n:03}" * 85 for n in range(255)))
    said = said_of(key.signed(KNOWN_SEED), ring_only)
    assert sum(word == "entitlement" for word, _ in said) == 255


@pytest.mark.parametrize("text", [
    "", "\n", "LIC1-", "LIC1-AAAA-BBBB", "hello",
    pytest.param("LIC1-" + "A" * 200000, id="endless")])
def test_verify_refuses_what_is_no_key(ring_only, text):
    done = ctl(ring_only, "verify", "-", stdin=text, status=1)
    assert done.stdout == ""
    assert "license key" in done.stderr


def test_verify_says_what_it_lacks(ring_only, tmp_path):
    key = make_key().signed(KNOWN_SEED)
    assert "LICET_KEY_RING" in ctl({}, "verify", "-", status=1,
                                   stdin=key).stderr
    assert "nowhere" in ctl(ring_only, "verify", str(tmp_path / "nowhere"),
                            status=1).stderr
    assert str(tmp_path) in ctl(ring_only, "verify", str(tmp_path),
                                status=1).stderr


# docs


@pytest.mark.parametrize("page,source", [
    ("configuration", settings_of_source),
    ("env", settings_of_source),
    ("errors", lambda: re.findall(
        r"^X\(ERR_\w+, \d+, \"(\w+)\"",
        (ROOT / "src/base/err.def").read_text(), re.M)),
    ("metrics", lambda: re.findall(
        r"\"(licet_\w+)\"", (ROOT / "src/base/stat.def").read_text())),
])
def test_pages_have_all_of_their_table(page, source):
    text = ctl({}, "docs", page).stdout
    names = source()
    assert names
    assert [n for n in names if n not in text] == []
    assert text.startswith("# ") and "make docs" in text


def test_api_page_has_the_endpoints():
    text = ctl({}, "docs", "api").stdout
    assert text.startswith("# ") and "make docs" in text
    assert "POST /v1/validate" in text


def test_sample_settings_are_the_defaults(fresh):
    """The sample is current, and uncommented it changes nothing."""
    text = ctl({}, "docs", "env").stdout
    assert text == (ROOT / "conf/licet.env.example").read_text()
    sample = dict(line[1:].split("=", 1) for line in text.splitlines()
                  if line.startswith("#LICET_"))
    assert set(settings_of_source()) <= set(sample)
    ctl({**sample, **fresh[0]}, "settings", "check")


def test_a_full_disk_is_noticed():
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(binary_ctl()), "docs", "errors"],
                              env=environment({}), stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "written" in done.stderr


# doctor


def doctor(settings, status=0):
    """{what: [(level, text)]}; no secret is ever printed."""
    done = ctl(settings, "doctor", status=status)
    for name, value in settings.items():
        if name in ("LICET_BTCPAY_API_KEY", "LICET_BTCPAY_WEBHOOK_SECRET"):
            assert str(value) not in done.stdout + done.stderr
    found = {}
    for line in done.stdout.splitlines():
        level, what, text = re.fullmatch(
            r"(ok  |warn|FAIL) ([a-zA-Z ]+): (.*)", line).groups()
        found.setdefault(what, []).append((level.strip(), text))
    return found


def failures(found):
    return {what: text for what, lines in found.items()
            for level, text in lines if level == "FAIL"}


def test_doctor_is_content_and_changes_nothing(fresh):
    settings, db = fresh
    found = doctor(settings)
    assert {level for lines in found.values() for level, _ in lines} == {"ok"}
    assert set(found) == {
        "settings", "public URL", "key ring", "database", "connections",
        "clock", "migrations", "keys", "payments", "mail",
            "open files"}
    for table in ("signing_keys", "payment_providers"):
        assert db.execute(f"SELECT count(*) AS n FROM {table}"
                          ).fetchone()["n"] == 0


def test_doctor_without_settings():
    assert "LICET_DATABASE_URL: required" in str(doctor({}, 1)["settings"])


def test_doctor_without_database(fresh):
    bad = {**fresh[0], "LICET_DATABASE_URL":
           "postgresql://licet:hunter2@127.0.0.1:1/x"}
    said = failures(doctor(bad, 1))
    assert set(said) == {"database"}
    assert "hunter2" not in said["database"]


def test_doctor_on_an_empty_database(fresh, cluster):
    empty = cluster.url(cluster.create(template="template0"))
    said = failures(doctor({**fresh[0], "LICET_DATABASE_URL": empty}, 1))
    assert "licetctl migrate" in said["migrations"]


def test_doctor_on_a_read_only_database(fresh):
    settings, db = fresh
    db.execute("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET "
               "default_transaction_read_only = on', current_database()); "
               "END$$")
    assert set(failures(doctor(settings, 1))) == {"database"}


def test_doctor_on_a_newer_database(fresh):
    settings, db = fresh
    db.execute("INSERT INTO schema_migrations (number, name, sha256) "
               "VALUES (9999, '9999_later', '')")
    assert "1 of a newer" in doctor(settings)["migrations"][0][1]


def test_doctor_on_an_altered_migration(fresh):
    settings, db = fresh
    db.execute("UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1")
    assert "0001" in failures(doctor(settings, 1))["migrations"]


def enter_key(db, number, key, active):
    db.execute("INSERT INTO signing_keys (id, public_key, active) "
               "VALUES (%s, %s, %s)", (number, key, active))


def test_doctor_with_another_ring(fresh):
    settings, db = fresh
    enter_key(db, 1, bytes(32), True)
    said = failures(doctor(settings, 1))["keys"]
    assert "key ring" in said and "LICET_DATABASE_URL" in said


def ring_keys(settings):
    """[(number, is active, public key)]"""
    rows = [line.split() for line in ctl(settings, "key", "list"
                                         ).stdout.splitlines()]
    return [(int(n), state == "active", bytes.fromhex(public))
            for n, state, _, public in rows]


def test_doctor_with_an_old_ring(fresh):
    """The vault's second key is known, not active: another replica that has
    activated it is no harm, a key that the ring lacks is."""
    settings, db = fresh
    for number, active, public in ring_keys(settings):
        enter_key(db, number, public, not active)
    assert doctor(settings)["keys"][0][0] == "warn"
    enter_key(db, 3, bytes(32), False)
    assert "key 3" in failures(doctor(settings, 1))["keys"]


def test_doctor_with_a_damaged_ring(fresh, tmp_path):
    (tmp_path / "ring").write_bytes(b"x" * 200)
    bad = {**fresh[0], "LICET_KEY_RING": tmp_path / "ring"}
    assert set(failures(doctor(bad, 1))) == {"key ring"}


def test_doctor_sees_files_that_all_may_read(fresh, tmp_path, vault):
    (tmp_path / "pass").write_bytes((vault.dir / "passphrase").read_bytes())
    os.chmod(tmp_path / "pass", 0o604)
    found = doctor({**fresh[0],
                    "LICET_KEY_PASSPHRASE_FILE": tmp_path / "pass"})
    assert found["passphrase"][0][0] == "warn"


def test_doctor_on_the_public_url(fresh):
    settings = {**fresh[0], "LICET_PUBLIC_URL": "https://x.test/?a=1"}
    assert set(failures(doctor(settings, 1))) == {"public URL"}
    settings = {**fresh[0], "LICET_PUBLIC_URL": "http://x.test",
                "LICET_ENV": "production", "LICET_PAYMENTS": "none",
                "LICET_SECCOMP": "on"}
    found = doctor(settings)
    assert found["public URL"][0][0] == "warn"
    assert found["payments"][0][0] == "warn"


@pytest.fixture
def paid(fresh):
    fake = FakeBtcpay().start()
    yield {**fresh[0], **fake.settings()}, fake
    fake.stop()


def test_doctor_asks_btcpay(paid):
    settings, fake = paid
    assert doctor(settings)["payments"][0][0] == "ok"
    assert [r["method"] for r in fake.requests] == ["GET", "GET"]
    assert not fake.invoices


@pytest.mark.parametrize("change,clue", [
    ({"LICET_BTCPAY_API_KEY": "z" * 40}, "401"),
    ({"LICET_BTCPAY_STORE_ID": "elsewhere"}, "404"),
    ({"LICET_BTCPAY_URL": "http://127.0.0.1:1"}, "can't be reached")])
def test_doctor_explains_btcpay(paid, change, clue):
    said = failures(doctor({**paid[0], **change}, 1))
    assert clue in said["payments"] and "LICET_BTCPAY_" in said["payments"]


@pytest.mark.parametrize("kind", [
    "garbage", "html", "empty", "truncated", "types", "huge", "500"])
def test_doctor_notices_what_is_no_btcpay(paid, kind):
    settings, fake = paid
    fake.wrong(kind)
    assert set(failures(doctor(settings, 1))) == {"payments"}


# What the server itself does with ring and database at its start


def test_replicas_that_start_together_agree(fresh):
    settings, db = fresh
    replicas = [Replica({**settings, "LICET_WORKERS": 1}, f"together{i}")
                for i in range(4)]
    try:
        for r in replicas:
            r.start(ready=False)
        for r in replicas:
            r.wait_ready()
        rows = db.execute("SELECT id, active, public_key FROM signing_keys "
                          "ORDER BY id").fetchall()
        assert [(r["id"], r["active"], bytes(r["public_key"]))
                for r in rows] == ring_keys(settings)
        assert db.execute("SELECT count(*) AS n FROM payment_providers"
                          ).fetchone()["n"] == 1
    finally:
        trouble = [r.name for r in replicas if r.stop() != 0]
    assert not trouble
