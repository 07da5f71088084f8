"""keysat.md 2.4: a test for each row of its table, in order, and for each
sentence below it."""
import pytest

from lib import keys
from lib.check import ahead, is_uuid, outbox, read_time
from lib.client import new_address, new_slug
from lib.instance import KNOWN_SEED
from lib.process import wait_for


def no(reason, **more):
    return {"ok": False, "reason": reason, **more}


def forged(made, **changes):
    own = keys.parse(made["license_key"])
    fields = {"product_id": own.product_id, "license_id": own.license_id,
              "issued_at": own.issued_at, **changes}
    return keys.Key(**fields).signed(KNOWN_SEED)


def bound(made, fingerprint, **changes):
    return forged(made, flags=keys.BOUND, fingerprint_hash=bytes.fromhex(
        keys.hash_hex(fingerprint)), **changes)


def ended(server, made, ago, grace=0):
    """The license expired so many seconds ago."""
    server.db.execute(
        "UPDATE licenses SET expires_at = date_trunc('second', licet_now()) -"
        " make_interval(secs => %s), grace_seconds = %s WHERE id = %s",
        [ago, grace, made["license_id"]])


def results(server, agent):
    return [r["result"] for r in server.rows(
        "SELECT result FROM validation_log WHERE user_agent = %s"
        " ORDER BY occurred_at", agent)]


def seats(server, made):
    return [r["fingerprint_hash"].hex() for r in server.rows(
        "SELECT fingerprint_hash FROM machines WHERE license_id = %s AND"
        " deactivated_at IS NULL ORDER BY activated_at", made["license_id"])]


def test_row_0_rate_limit(api, server):
    """2.4 row 0: `rate_limited', before all others, not logged."""
    made, ip, agent = api.issue(), new_address(), new_slug("agent")
    asked = []

    def limited():
        asked.append(api.validate(made["license_key"], ip=ip,
                                  headers={"User-Agent": agent}))
        return asked[-1] == no("rate_limited")
    wait_for(limited, 60, "the address is limited", pause=0)
    assert results(server, agent) == ["ok"] * (len(asked) - 1)


@pytest.mark.parametrize("key", ["", "x", "LIC1-", "LIC2-AA-AA",
                                 "LIC1-AA-AA-AA"])
def test_row_1_parse(api, key):
    """2.4 row 1: `bad_format'."""
    assert api.validate(key) == no("bad_format")


def test_row_2_signature(api):
    """2.4 row 2: `bad_signature'."""
    own = keys.parse(api.issue()["license_key"])
    assert api.validate(own.signed(b"\x21" * 32)) == no("bad_signature")


def test_row_3_license_row(api):
    """2.4 row 3: `not_found': the license is looked up by the payload's id."""
    made = api.issue()
    stranger = "11111111-1111-4111-8111-111111111111"
    assert api.validate(forged(made, license_id=stranger)) == no("not_found")


def test_row_4_status(api):
    """2.4 row 4: `revoked', `suspended'."""
    made = api.issue()
    for word, reason in (("suspend", "suspended"), ("revoke", "revoked")):
        api.do("POST", f"/licenses/{made['license_id']}/{word}")
        assert api.validate(made["license_key"]) == no(reason)


def test_row_5_product(api):
    """2.4 row 5: `product_mismatch' when the slug is not that of the
    license's product."""
    made, other = api.issue(), api.product()
    for slug in (other["slug"], "never-was"):
        assert api.validate(made["license_key"], product_slug=slug) == \
            no("product_mismatch")
    assert api.validate(made["license_key"],
                        product_slug=made["product_slug"])["ok"] is True


def test_row_6_expiry(api, server):
    """2.4 row 6: now >= expires_at + grace: `expired' + license_id,
    product_id, expires_at."""
    made = api.issue()
    ended(server, made, 0)
    got = api.validate(made["license_key"])
    assert got == no("expired", license_id=made["license_id"],
                     product_id=made["product_id"],
                     expires_at=got["expires_at"])
    read_time(got["expires_at"])
    ended(server, made, 60, grace=60)
    assert api.validate(made["license_key"])["reason"] == "expired"
    ended(server, made, 60, grace=120)
    assert api.validate(made["license_key"])["ok"] is True


def test_row_6_grace(api, server):
    """2.4: between expires_at and the end of grace the call succeeds with
    in_grace_period:true, grace_until."""
    made = api.issue()
    ended(server, made, 100, grace=3600)
    got = api.validate(made["license_key"])
    assert got["ok"] is True and got["in_grace_period"] is True
    gap = read_time(got["grace_until"]) - read_time(got["expires_at"])
    assert gap.total_seconds() == 3600


def test_row_7_too_many_machines(api):
    """2.4 row 7: `too_many_machines' + license_id, product_id,
    max_machines."""
    made = api.issue(max_machines=2)
    for f in "AB":
        assert api.validate(made["license_key"], fingerprint=f)["ok"] is True
    assert api.validate(made["license_key"], fingerprint="C") == no(
        "too_many_machines", license_id=made["license_id"],
        product_id=made["product_id"], max_machines=2)


def test_row_7_fingerprint_mismatch(api):
    """2.4 row 7: `fingerprint_mismatch' on a license of one seat."""
    made = api.issue()
    assert api.validate(made["license_key"], fingerprint="A")["ok"] is True
    assert api.validate(made["license_key"], fingerprint="B") == \
        no("fingerprint_mismatch")


def test_row_8_payload_bound(api, server):
    """2.4 row 8: payload bound, fingerprint given, hashes differ:
    `fingerprint_mismatch', and no seat is taken (D19)."""
    made = api.issue(max_machines=3)
    key = bound(made, "A")
    assert api.validate(key, fingerprint="B") == no("fingerprint_mismatch")
    assert seats(server, made) == []
    assert api.validate(key)["ok"] is True      # no fingerprint, no question
    assert api.validate(key, fingerprint="A")["ok"] is True


# The order: what is wrong twice has the reason of the earlier row.

def test_order_of_the_rows(api, server):
    """2.4 "Order": each row wins over those below it."""
    made = api.issue()
    key = bound(made, "A")
    wrong = {"product_slug": "never-was", "fingerprint": "B"}
    forgery = keys.parse(key).signed(b"\x21" * 32)
    assert api.validate(forgery[:-1], **wrong)["reason"] == "bad_format"
    assert api.validate(forgery, **wrong)["reason"] == "bad_signature"
    ended(server, made, 10)
    api.do("POST", f"/licenses/{made['license_id']}/suspend")
    assert api.validate(key, **wrong)["reason"] == "suspended"
    api.do("POST", f"/licenses/{made['license_id']}/unsuspend")
    assert api.validate(key, **wrong)["reason"] == "product_mismatch"
    del wrong["product_slug"]
    assert api.validate(key, **wrong)["reason"] == "expired"
    ended(server, made, -100)
    assert api.validate(key, **wrong)["reason"] == "fingerprint_mismatch"


# Sentences

def test_always_200(api):
    """2.4: always HTTP 200: api.validate() insists on it."""
    for key in ("", "LIC1-A-A", api.issue()["license_key"]):
        assert type(api.validate(key)["ok"]) is bool


def test_state_comes_from_the_row_not_from_the_payload(api):
    """2.4: a key that says otherwise than the row changes nothing."""
    made = api.issue(entitlements=["real"])
    got = api.validate(forged(made, expires_at=1, flags=keys.TRIAL,
                              entitlements=("forged",)))
    assert got["ok"] is True and got["entitlements"] == ["real"]
    assert "expires_at" not in got and "is_trial" not in got


def test_success_omits_what_is_empty(api):
    """2.4 success: null, false and empty fields are omitted."""
    made = api.issue(max_machines=2)
    assert api.validate(made["license_key"]) == {
        "ok": True, "license_id": made["license_id"],
        "product_id": made["product_id"],
        "product_slug": made["product_slug"],
        "issued_at": made["issued_at"], "status": "active",
        "max_machines": 2}


def test_success_with_everything(api):
    """2.4 success: the optional fields."""
    made = api.issue(max_machines=2, expires_at=ahead(days=1),
                     grace_seconds=60, is_trial=True, entitlements=["a"])
    got = api.validate(made["license_key"], fingerprint="A", hostname="h",
                       platform="p")
    assert set(got) == {
        "ok", "license_id", "product_id", "product_slug", "issued_at",
        "status", "max_machines", "expires_at", "grace_until", "is_trial",
        "entitlements", "machine_id"}
    assert is_uuid(got["machine_id"]) and got["is_trial"] is True
    assert got["entitlements"] == ["a"]


def test_every_outcome_is_logged(api, server):
    """2.4: every outcome but 0 is written to validation_log."""
    agent = new_slug("agent")
    h = {"User-Agent": agent}
    made = api.issue()
    key = made["license_key"]
    api.validate("x", headers=h)
    api.validate(keys.parse(key).signed(b"\x21" * 32), headers=h)
    api.validate(key, headers=h, product_slug="never-was")
    api.validate(key, headers=h, fingerprint="A")
    api.validate(key, headers=h, fingerprint="B")
    api.revoke(made["license_id"])
    api.validate(key, headers=h)
    assert results(server, agent) == [
        "bad_format", "bad_signature", "product_mismatch", "ok",
        "fingerprint_mismatch", "revoked"]


# Binding (7)

def test_binding_single_seat_is_trust_on_first_use(api, server):
    """2.4 binding: max_machines == 1: none stored: store it and create a
    machine; equal: heartbeat that machine; different: mismatch.  The row's
    `fingerprint' is what the contract stores; here machines are the truth
    (D18) and it is shown as their hash (D35)."""
    made = api.issue()
    first = api.validate(made["license_key"], fingerprint="A")
    assert seats(server, made) == [keys.hash_hex("A")]
    again = api.validate(made["license_key"], fingerprint="A")
    assert again["machine_id"] == first["machine_id"]
    assert api.validate(made["license_key"], fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert api.license(made["license_id"])["license"]["fingerprint"] == \
        keys.hash_hex("A")


def test_binding_several_seats(api, server):
    """2.4 binding: an active machine with this hash: heartbeat; else below
    the cap: create."""
    made = api.issue(max_machines=2)
    a = api.validate(made["license_key"], fingerprint="A")["machine_id"]
    server.db.execute("UPDATE machines SET last_heartbeat_at = licet_now() -"
                      " interval '1 day' WHERE id = %s", [a])
    assert api.validate(made["license_key"], fingerprint="A")[
        "machine_id"] == a
    assert server.value("SELECT last_heartbeat_at > licet_now() - interval"
                        " '1 hour' FROM machines WHERE id = %s", a)
    b = api.validate(made["license_key"], fingerprint="B")["machine_id"]
    assert b != a and len(seats(server, made)) == 2


def test_binding_0_is_unlimited(api, server):
    """2.4 binding: 0 = unlimited."""
    made = api.issue(max_machines=0)
    for n in range(12):
        assert api.validate(made["license_key"], fingerprint=f"m{n}")["ok"]
    assert len(seats(server, made)) == 12


def test_binding_creation_emits_machine_activated(api, server):
    """2.4 binding: creation emits `machine.activated', a heartbeat not."""
    made = api.issue()
    for _ in range(3):
        got = api.validate(made["license_key"], fingerprint="A")
    (told,) = outbox(server, "license_id", made["license_id"],
                     "machine.activated")
    assert told["data"]["machine_id"] == got["machine_id"]
    assert told["data"]["fingerprint_hash"] == keys.hash_hex("A")


def test_without_a_fingerprint_no_seat(api, server):
    """2.4 binding: a call without a fingerprint consumes no seat."""
    made = api.issue()
    assert "machine_id" not in api.validate(made["license_key"])
    assert seats(server, made) == []
