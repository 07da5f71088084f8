"""What the database holds, and keys from elsewhere (3.4)."""
import datetime
import pathlib
import socket

import pytest

from lib import keys
from lib.check import is_time, read_time
from lib.client import Api, refused
from lib.instance import KNOWN_SEED
from lib.process import wait_for
from lib.replica import run_ctl

COUNTS = {"products", "policies", "licenses_total", "licenses_active",
          "invoices_total", "invoices_settled", "machines_active",
          "discount_codes", "audit_log"}
OTHER_SEED = bytes(range(100, 132))
PATH = "/import-issuer-key"
MIGRATIONS = pathlib.Path(__file__).parents[2] / "migrations"


@pytest.fixture
def fresh(own_instance):
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    return api


def bring(api, body):
    return api.admin("POST", PATH, data=body,
                     headers={"Content-Type": "application/x-pem-file"})


# db-info

def test_empty_database(fresh):
    info = fresh.do("GET", "/db-info")
    assert info["db_path"] == fresh.server.database
    assert info["db_size_bytes"] > 1_000_000
    assert is_time(info["last_write_at"])    # a provider was connected
    assert info["counts"] == {
        **dict.fromkeys(COUNTS, 0), "audit_log": fresh.server.value(
            "SELECT count(*) FROM events")}


def test_everything_is_counted(fresh):
    before = datetime.datetime.now(datetime.timezone.utc)
    p = fresh.product()
    fresh.policy(p)
    made = [fresh.issue(p, max_machines=3) for _ in range(3)]
    fresh.revoke(made[0]["license_id"])
    fresh.do("POST", f"/licenses/{made[1]['license_id']}/suspend", {})
    for machine in "AB":
        fresh.activate(made[2]["license_key"], machine)
    fresh.deactivate(made[2]["license_key"], "A")
    fresh.buy(p)
    fresh.pay(fresh.buy(p))
    fresh.do("POST", "/discount-codes",
             {"code": "TEN", "kind": "percent", "amount": 1000})
    info = fresh.do("GET", "/db-info")
    trail = fresh.server.value("SELECT count(*) FROM events")
    assert info["counts"] == {
        "products": 1, "policies": 1, "licenses_total": 4,
        "licenses_active": 2, "invoices_total": 2, "invoices_settled": 1,
        "machines_active": 1, "discount_codes": 1, "audit_log": trail}
    assert (read_time(info["last_write_at"]) - before).total_seconds() > -2


# system

def replicas(api):
    return api.do("GET", "/system")["replicas"]


def test_the_system_as_it_stands(fresh):
    wait_for(lambda: replicas(fresh), 60, "the replica says that it is there")
    got = fresh.do("GET", "/system")
    assert set(got) == {"database", "replicas", "queues"}
    newest = len(list(MIGRATIONS.glob("*.sql")))
    db = got["database"]
    assert set(db) == {"name", "size_bytes", "server_version", "migration",
                       "connections", "max_connections"}
    assert (db["name"], db["migration"]) == (fresh.server.database, newest)
    assert db["size_bytes"] > 1_000_000
    assert 0 < db["connections"] <= db["max_connections"]
    one, = got["replicas"]
    replica = fresh.server.replicas[0]
    assert one == {**one, "host": socket.gethostname(), "silent": False,
                   "listen": f"{replica.host}:{replica.port}",
                   "version": fresh.get("/")["version"], "behind": False,
                   "migration": newest, "workers": 2}
    assert is_time(one["started_at"]) and is_time(one["seen_at"])
    assert [q["name"] for q in got["queues"]] == [
        "events", "webhooks", "mails", "invoices", "refunds", "tips"]


def test_queues_say_what_waits(fresh):
    def queue():
        return {q["name"]: q for q in fresh.do("GET", "/system")["queues"]}
    assert queue()["mails"] == {"name": "mails", "waiting": 0, "due": 0,
                                "late_seconds": 0}
    for late in (90, -900):     # there is no mail server: they stay
        fresh.server.db.execute(
            "INSERT INTO mails (kind, about, license_id, to_address, "
            "next_attempt_at) VALUES ('receipt', %s, %s, 'a@b.org', now() - "
            "%s * interval '1 second')",
            (str(late), fresh.issue()["license_id"], late))
    got = queue()["mails"]
    assert (got["waiting"], got["due"]) == (2, 1)
    assert 90 <= got["late_seconds"] < 900


def test_replicas_that_are_gone(own_instance):
    """Seen within ten minutes; silent after 150 seconds; one at the same
    place takes over at once."""
    server = own_instance(replicas=2, movable=True)
    api = Api(server.url, server.admin_key, server.db)
    wait_for(lambda: len(replicas(api)) == 2, 60, "both are there")
    dead = server.replicas[1]
    dead.kill()
    server.clock.move(seconds=200)
    wait_for(lambda: sorted(r["silent"] for r in replicas(api)) ==
             [False, True], 60, "one is silent")
    silent, = (r for r in replicas(api) if r["silent"])
    assert silent["listen"] == f"{dead.host}:{dead.port}"
    server.clock.move(seconds=500)
    wait_for(lambda: [r["silent"] for r in replicas(api)] == [False], 60,
             "it is not shown any more")
    dead.start()
    wait_for(lambda: len(replicas(api)) == 2, 60, "it is back")
    assert silent["id"] not in {r["id"] for r in replicas(api)}
    assert server.value("SELECT count(*) FROM replicas") == 2
    dead.stop()
    wait_for(lambda: len(replicas(api)) == 1, 60, "it has left")


def test_an_older_release_is_behind(fresh):
    wait_for(lambda: replicas(fresh), 60, "the replica says that it is there")
    fresh.server.db.execute(
        "INSERT INTO replicas (run, host, listen, version, migration, workers)"
        " VALUES (gen_random_uuid(), 'old', ':1', '0.0.9', 3, 1)")
    assert {r["host"]: r["behind"] for r in replicas(fresh)} == {
        "old": True, socket.gethostname(): False}


# import-issuer-key

@pytest.mark.parametrize("body", [
    b"", b"nonsense", b"{}", b"\x00\xff", b"-----BEGIN PRIVATE KEY-----\n"
    b"AAAA\n-----END PRIVATE KEY-----\n",
    keys.private_pem(KNOWN_SEED).replace("PRIVATE", "PUBLIC").encode()])
def test_no_private_key_is_400(fresh, body):
    refused(bring(fresh, body), 400, "bad_request")


def test_a_key_that_is_new_is_told_how_to_come_in(fresh):
    got = bring(fresh, keys.private_pem(OTHER_SEED)).json()
    assert set(got) == {"ok", "public_key_pem", "restart_required", "message"}
    assert got["ok"] is False and got["restart_required"] is True
    assert keys.public_from_pem(got["public_key_pem"]) == \
        keys.SigningKey(OTHER_SEED).verify_key.encode()
    assert "licetctl key import FILE" in got["message"]
    assert "licetctl key activate" in got["message"]
    assert "nothing was changed" in got["message"].lower()


def test_a_key_of_the_ring_is_told_its_number(fresh):
    got = bring(fresh, keys.private_pem(KNOWN_SEED)).json()
    assert got["ok"] is False and got["restart_required"] is True
    assert "licetctl key activate 2" in got["message"]


def test_the_commands_do_what_the_answer_says(cluster, template):
    """Import, activate, restart: then the answer is a yes, and so are the
    keys."""
    from lib.instance import Instance, Vault
    vault = Vault()
    vault.create_ring(import_seed=None)
    server = Instance(cluster, vault)
    try:
        api = Api(server.url, server.admin_key, server.db)
        text = keys.private_pem(OTHER_SEED)
        assert bring(api, text).json()["ok"] is False
        pem = vault.write("issuer.pem", text)
        run_ctl(vault.settings(), "key", "import", str(pem))
        run_ctl(vault.settings(), "key", "activate", "2")
        server.replicas[0].stop()
        server.start()
        got = bring(api, text).json()
        assert got["ok"] is True and got["restart_required"] is False
        assert got["public_key_pem"] == api.get("/")["public_key_pem"]
        assert keys.verifies(api.issue()["license_key"],
                             got["public_key_pem"])
        refused(bring(api, text), 409, "conflict")
    finally:
        server.stop()
        vault.remove()


def test_409_once_there_is_a_license_even_a_revoked_one(fresh):
    fresh.revoke(fresh.issue()["license_id"])
    refused(bring(fresh, keys.private_pem(OTHER_SEED)), 409, "conflict")
    refused(bring(fresh, b"nonsense"), 400, "bad_request")


def test_the_key_is_nowhere_afterwards(fresh):
    text = keys.private_pem(OTHER_SEED)
    secret = text.splitlines()[1]
    bring(fresh, text)
    assert secret not in fresh.server.replicas[0].log()
    assert fresh.server.value("SELECT count(*) FROM signing_keys") == 2


@pytest.mark.parametrize("method,path", [("GET", "/db-info"), ("POST", PATH),
                                         ("GET", "/system")])
def test_needs_the_master_key(api, method, path):
    refused(api.public(method, "/v1/admin" + path), 401, "unauthorized")
    refused(api.call(method, "/v1/admin" + path, token="x" * 40), 403,
            "forbidden")
