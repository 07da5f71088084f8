"""What the database holds, and keys from elsewhere (3.4)."""
import datetime

import pytest

from lib import keys
from lib.check import is_time, read_time
from lib.client import Api, refused
from lib.instance import KNOWN_SEED
from lib.replica import run_ctl

COUNTS = {"products", "policies", "licenses_total", "licenses_active",
          "invoices_total", "invoices_settled", "machines_active",
          "discount_codes", "audit_log"}
OTHER_SEED = bytes(range(100, 132))
PATH = "/import-issuer-key"


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


@pytest.mark.parametrize("method,path", [("GET", "/db-info"), ("POST", PATH)])
def test_needs_the_master_key(api, method, path):
    refused(api.public(method, "/v1/admin" + path), 401, "unauthorized")
    refused(api.call(method, "/v1/admin" + path, token="x" * 40), 403,
            "forbidden")
