"""What must keep the server from starting, and what it says then."""
import os
import re
import subprocess

import pytest

from lib.client import Api
from lib.instance import Vault, base_settings
from lib.process import free_port, spawn
from lib.replica import Replica, binary, environment, is_sanitized, run_ctl


@pytest.fixture(scope="module")
def base(cluster, vault, template):
    return {**base_settings(vault, cluster.url(cluster.create())),
            "LICET_LISTEN": f"127.0.0.1:{free_port()}",
            "LICET_PUBLIC_URL": "http://127.0.0.1:1"}


def refuses(settings, seconds=60):
    """What the server says when it refuses to start under these settings."""
    if is_sanitized(binary()):
        settings = {"LICET_SECCOMP": "off", **settings}
    p = spawn([str(binary())], env=environment(settings), text=True,
              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out, _ = p.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        p.terminate()
        out, _ = p.communicate(timeout=20)
        pytest.fail(f"it started: {out[-2000:]}")
    assert p.returncode != 0, out
    assert "Sanitizer" not in out and "runtime error" not in out, out
    return out


def test_base_settings_do_start(base):
    replica = Replica(base).start()
    replica.stop()


@pytest.mark.parametrize("name", [
    "LICET_NONSENSE", "LICET_WORKER", "LICET_listen", "LICET_"])
def test_unknown_name_stops_the_start(base, name):
    assert name in refuses({**base, name: "1"})


@pytest.mark.parametrize("name", [
    "LICET_PUBLIC_URL", "LICET_DATABASE_URL", "LICET_ADMIN_KEY_FILE",
    "LICET_KEY_RING", "LICET_KEY_PASSPHRASE_FILE"])
def test_required_name_missing(base, name):
    said = refuses({**base, name: None})
    assert name.removesuffix("_FILE") in said or \
        "passphrase" in said.lower()


@pytest.mark.parametrize("name,value", [
    ("LICET_WORKERS", "0"), ("LICET_WORKERS", "-1"), ("LICET_WORKERS", "x"),
    ("LICET_WORKERS", "2x"),
    ("LICET_WORKERS", "99999999999999999999"), ("LICET_WORKERS", "1000"),
    ("LICET_LISTEN", "nonsense"), ("LICET_LISTEN", "127.0.0.1:99999"),
    ("LICET_LISTEN", "127.0.0.1:x"), ("LICET_LISTEN", ":::"),
    ("LICET_PAYMENTS", "cash"), ("LICET_ENV", "prod"),
    ("LICET_SECCOMP", "maybe"), ("LICET_TRUSTED_PROXIES", "garbage"),
    ("LICET_TRUSTED_PROXIES", "10.0.0.0/33"),
    ("LICET_PUBLIC_URL", "not a url"), ("LICET_PUBLIC_URL", "ftp://x"),
    ("LICET_RECONCILE_SECONDS", "0"), ("LICET_REQUEST_TIMEOUT_MS", "-5"),
    ("LICET_REQUEST_TIMEOUT_MS", "1e3"), ("LICET_DRAIN_MS", "forever"),
    ("LICET_ADMIN_KEY_FILE", "/nonexistent"),
    ("LICET_KEY_RING", "/nonexistent"),
    ("LICET_KEY_PASSPHRASE_FILE", "/nonexistent")])
def test_bad_value_stops_the_start_and_is_shown(base, name, value):
    said = refuses({**base, name: value})
    assert name.removesuffix("_FILE") in said or f'"{value}"' in said or \
        value in re.split(r"[\s:]+", said), said


def test_btcpay_needs_all_its_settings(base):
    full = {"LICET_PAYMENTS": "btcpay", "LICET_BTCPAY_URL": "http://x.test",
            "LICET_BTCPAY_API_KEY": "k" * 20, "LICET_BTCPAY_STORE_ID": "s",
            "LICET_BTCPAY_WEBHOOK_SECRET": "w" * 20}
    for name in list(full)[1:]:
        assert name in refuses({**base, **full, name: None})


def test_production_refuses_what_is_for_tests(base):
    live = {**base, "LICET_ENV": "production", "LICET_SECCOMP": "on"}
    refuses({**live, "LICET_PAYMENTS": "sandbox"})
    refuses({**live, "LICET_PAYMENTS": "none", "LICET_SECCOMP": "off"})


def test_short_admin_key(base, tmp_path):
    (tmp_path / "short").write_text("x" * 31 + "\n")
    said = refuses({**base, "LICET_ADMIN_KEY_FILE": tmp_path / "short"})
    assert "LICET_ADMIN_KEY" in said and "x" * 31 not in said


def test_wrong_passphrase(base, tmp_path):
    wrong = tmp_path / "passphrase"
    wrong.write_text("wrong-passphrase-entirely\n")
    os.chmod(wrong, 0o600)
    said = refuses({**base, "LICET_KEY_PASSPHRASE_FILE": wrong})
    assert "passphrase" in said.lower()
    assert "wrong-passphrase-entirely" not in said


def test_damaged_ring(base, vault, tmp_path):
    raw = bytearray(vault.ring.read_bytes())
    for name, data in (("cut", raw[:-1]), ("empty", b""), ("other", b"x" * 99),
                       ("flipped", bytes(raw[:-9]) + bytes([raw[-9] ^ 1])
                        + bytes(raw[-8:]))):
        ring = tmp_path / name
        ring.write_bytes(data)
        os.chmod(ring, 0o600)
        refuses({**base, "LICET_KEY_RING": ring})


def test_ring_and_database_disagree(cluster, vault, template):
    """A database served by one ring refuses another: it would issue keys
    that no client of this vendor accepts."""
    settings = {**base_settings(vault, cluster.url(cluster.create())),
                "LICET_LISTEN": f"127.0.0.1:{free_port()}",
                "LICET_PUBLIC_URL": "http://127.0.0.1:1"}
    replica = Replica(settings).start()
    Api(replica.url, vault.admin_key).issue()
    replica.stop()
    other = Vault().create_ring(import_seed=None)
    try:
        said = refuses({**settings, "LICET_KEY_RING": other.ring,
                        "LICET_KEY_PASSPHRASE_FILE":
                        other.dir / "passphrase"})
        assert "key" in said.lower()
        Replica(settings).start().stop()
    finally:
        other.remove()


def test_rotation_keeps_old_keys_valid(cluster, template):
    """A ring of its own, since it changes."""
    vault = Vault().create_ring(import_seed=None)
    try:
        url = cluster.url(cluster.create(template="template0"))
        settings = base_settings(vault, url)
        run_ctl(settings, "migrate")
        replica = Replica(settings).start()
        api = Api(replica.url, vault.admin_key)
        old = api.issue()["license_key"]
        before = api.get("/v1/pubkey")
        bought = api.buy(api.product())
        shown = api.pay(bought)["license_key"]
        replica.stop()
        run_ctl(settings, "key", "rotate")
        replica = Replica(settings).start()
        api = Api(replica.url, vault.admin_key)
        assert api.get("/v1/pubkey") != before
        assert api.validate(old)["ok"] is True
        assert api.validate(api.issue()["license_key"])["ok"] is True
        assert api.poll(bought)["license_key"] == shown
        replica.stop()
    finally:
        vault.remove()


def test_port_already_taken(base, server):
    said = refuses({**base, "LICET_LISTEN":
                    f"127.0.0.1:{server.replicas[0].port}"})
    assert str(server.replicas[0].port) in said


def test_database_not_migrated_is_said(base, cluster):
    empty = cluster.url(cluster.create(template="template0"))
    assert "migrat" in refuses({**base, "LICET_DATABASE_URL": empty}).lower()


def test_secrets_are_not_in_the_output(base, vault):
    said = refuses({**base, "LICET_WORKERS": "x",
                    "LICET_DATABASE_URL":
                    "postgresql://licet:hunter2-secret@127.0.0.1:1/x"})
    assert "hunter2-secret" not in said
    assert vault.admin_key not in said
