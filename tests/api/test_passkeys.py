"""Passkeys of the web login, on two replicas: made, used alone, used after the
password, and what must not let anybody in."""
import concurrent.futures
import hashlib

import pytest

from lib.check import NOWHERE
from lib.client import Api, expect, new_address, refused
from lib.passkey import (PRESENT, VERIFIED, EdDsa, Es256, Passkey, b64)
from lib.process import wait_for
from lib.web import by_session, log_in, set_password, status, token_of

ORIGIN, SITE = "http://localhost:8443", "localhost"
BOTH, EITHER = "password_and_passkey", "password_or_passkey"
ASK, TRY = "/admin/login/passkey/begin", "/admin/login/passkey"
ASK_AGAIN, AGAIN = "/v1/admin/confirm/passkey/begin", "/v1/admin/confirm/passkey"


@pytest.fixture(scope="module")
def pair(make_instance):
    made = make_instance(replicas=2, movable=True, name="passkeys",
                         LICET_PUBLIC_URL=ORIGIN)
    made.doors = [Api(r.url, made.admin_key) for r in made.replicas]
    yield made
    made.check_workers()


@pytest.fixture
def api(pair):
    """No passkey is there yet, and one is enough to sign in."""
    pair.db.execute("DELETE FROM passkeys")
    pair.db.execute("DELETE FROM settings WHERE key = 'web_ui_sign_in'")
    api = Api(pair.url, pair.admin_key, pair.db)
    api.password = set_password(api)
    return api


@pytest.fixture
def make(tmp_path, api):
    """make(): a passkey that the server knows; made, if add=False."""
    def one(kind=Es256, add=True, count=0, flags=PRESENT | VERIFIED,
            name="Ada’s key"):
        made = Passkey(tmp_path, ORIGIN, SITE, kind, count, flags)
        if add:
            made.row = api.do("POST", "/passkeys", {
                "name": name, "credential": made.create(
                    api.do("POST", "/passkeys/begin"))})
        return made
    return one


def ask(api):
    return expect(api.public("POST", ASK), 200)


def tried(api, credential, **options):
    return api.public("POST", TRY, {"credential": credential}, **options)


def failures(pair):
    return [r["why"] for r in pair.rows(
        "SELECT details ->> 'passkey' AS why FROM events WHERE action ="
        " 'web_ui.login_failed' AND details ? 'passkey'"
        " ORDER BY occurred_at")]


def halves(pair):
    """How often the right password was not enough."""
    return pair.value("SELECT count(*) AS n FROM events WHERE action ="
                      " 'web_ui.login_password'")


def by_password(api):
    """The right password where a passkey is wanted, too."""
    r = api.public("POST", "/admin/login", {"password": api.password})
    assert "Set-Cookie" not in r.headers
    return expect(r, 200)


# One that is added

@pytest.mark.parametrize("kind,name", [(Es256, "ES256"), (EdDsa, "EdDSA")])
def test_added_and_used_alone(api, pair, make, kind, name):
    asked = api.do("POST", "/passkeys/begin")["publicKey"]
    assert asked["rp"] == {"id": SITE, "name": "Licet"}
    assert [p["alg"] for p in asked["pubKeyCredParams"]] == [-7, -8]
    assert asked["attestation"] == "none" and asked["excludeCredentials"] == []
    key = make(kind)
    assert key.row == {**key.row, "name": "Ada’s key", "algorithm": name,
                       "alone": True, "transports": ["internal", "usb"],
                       "sign_count": 0, "last_used_at": None}
    assert api.do("GET", "/passkeys") == {
        "passkeys": [key.row], "at_most": 20, "mode": EITHER}
    again = api.do("POST", "/passkeys/begin")["publicKey"]
    assert again["excludeCredentials"] == [{
        "type": "public-key", "id": b64(key.id),
        "transports": ["internal", "usb"]}]
    options = ask(api)
    assert options["publicKey"] == {
        **options["publicKey"], "rpId": SITE, "allowCredentials": [],
        "userVerification": "required"}
    token = token_of(tried(api, key.get(options)))
    assert status(api, token)["logged_in"]
    now = api.do("GET", f"/passkeys/{key.row['id']}")
    assert now["sign_count"] == 1 and now["last_used_at"]
    login = pair.row(
        "SELECT * FROM events WHERE action = 'web_ui.login' AND actor_hash ="
        " %s", hashlib.sha256(token.encode()).hexdigest())
    assert login["details"] == {"passkey": key.row["id"]}


def test_one_that_does_not_count(api, make):
    """Many never do: 0 stays 0."""
    key = make(EdDsa, count=None)
    for _ in range(2):
        assert tried(api, key.get(ask(api))).status_code == 204


@pytest.mark.parametrize("what,why", [
    ({"client": {"origin": "http://localhost"}}, "another address"),
    ({"client": {"origin": ORIGIN + ".evil.example"}}, "another address"),
    ({"client": {"type": "webauthn.get"}}, "not what was asked"),
    ({"client": {"crossOrigin": True}}, "another site's page"),
    ({"client": {"topOrigin": ORIGIN}}, "another site's page"),
    ({"client": {"challenge": "A" * 43}}, "no request of the last"),
    ({"client": {"challenge": ""}}, "another request"),
    ({"rp_id": "example"}, "another site"),
    ({"flags": VERIFIED}, "Nobody touched"),
    ({"cose": b"\xa5\x01\x02\x03\x38\x22\x20\x02\x21\x41\0\x22\x41\0"},
     "neither ES256 nor EdDSA"),
    ({"cose": b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + bytes(32) +
      b"\x22\x58\x20" + bytes(32)}, "none of its algorithm"),
    ({"cose": b""}, "be read"), ({"cose": b"\xa5\x01\x02"}, "be read")])
def test_not_added(api, make, what, why):
    key = make(add=False)
    if what.get("cose") == b"":
        what = {"cose": key.key.cose[:-1]}
    said = refused(api.admin("POST", "/passkeys", {
        "name": "x", "credential": key.create(
            api.do("POST", "/passkeys/begin"), **what)}), 400, "bad_request")
    assert why in said["message"]
    assert api.do("GET", "/passkeys")["passkeys"] == []


@pytest.mark.parametrize("body", [
    {"name": "x"}, {"name": "x", "credential": "x"}, {"credential": {}},
    {"name": "x", "credential": {"response": {"clientDataJSON": "e30="}}},
    {"name": " ", "credential": {}}, {"name": "x", "credential": {
        "response": {"clientDataJSON": "e30", "authenticatorData": "AA"}}},
    {"name": "x", "credential": {"response": []}}])
def test_what_is_no_passkey(api, body):
    refused(api.admin("POST", "/passkeys", body), 400, "bad_request")


def test_what_was_asked_is_ones_own_and_good_once(api, make, pair):
    key, other = make(add=False), make(add=False)
    token = log_in(api, api.password)
    asked = api.do("POST", "/passkeys/begin")
    body = {"name": "x", "credential": key.create(asked)}
    refused(by_session(api, token, "POST", "/v1/admin/passkeys", body), 400,
            "bad_request")
    assert api.do("POST", "/passkeys", body)["name"] == "x"
    refused(api.admin("POST", "/passkeys", {
        "name": "y", "credential": other.create(asked)}), 400, "bad_request")
    asked = api.do("POST", "/passkeys/begin")
    refused(api.admin("POST", "/passkeys", {
        "name": "y", "credential": key.create(asked)}), 409, "conflict")
    asked = api.do("POST", "/passkeys/begin")
    pair.clock.move(seconds=301)
    refused(api.admin("POST", "/passkeys", {
        "name": "y", "credential": other.create(asked)}), 400, "bad_request")


def test_no_more_than_twenty(api, make, pair):
    """Also when four come at once for one place."""
    pair.db.execute(
        "INSERT INTO passkeys (credential_id, algorithm, public_key,"
        " sign_count, name, alone) SELECT sha256(n::text::bytea), -8,"
        " sha256(n::text::bytea), 0, 'x', true FROM generate_series(1, 19)"
        " AS n")
    bodies = [{"name": f"n{n}", "credential": make(add=False).create(
        api.do("POST", "/passkeys/begin"))} for n in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = sorted(r.status_code for r in pool.map(
            lambda n: pair.doors[n % 2].admin("POST", "/passkeys",
                                                bodies[n]), range(4)))
    assert got == [200, 409, 409, 409]
    refused(api.admin("POST", "/passkeys/begin"), 409, "conflict")


def test_renamed_and_deleted(api, make, pair):
    key = make()
    path = f"/passkeys/{key.row['id']}"
    assert api.do("PATCH", path, {"name": "Office"})["name"] == "Office"
    refused(api.admin("PATCH", path, {"name": "  "}), 400, "bad_request")
    options = ask(api)
    assert api.do("DELETE", path) == {"ok": True}
    refused(tried(api, key.get(options)), 401, "unauthorized")
    for method in ("GET", "DELETE"):
        refused(api.admin(method, path), 404, "not_found")
    refused(api.admin("PATCH", f"/passkeys/{NOWHERE}", {"name": "x"}), 404,
            "not_found")
    said = [(r["action"], r["details"]) for r in pair.rows(
        "SELECT action, details FROM events WHERE target_id = %s"
        " ORDER BY occurred_at", key.row["id"])]
    assert said == [
        ("passkey.create", {"name": "Ada’s key", "alone": True}),
        ("passkey.rename", {"from": "Ada’s key", "to": "Office"}),
        ("passkey.delete", {"name": "Office", "password_is_enough": False})]


# What lets nobody in

@pytest.mark.parametrize("what,why", [
    ({"client": {"origin": "https://evil.example"}}, "another address"),
    ({"client": {"type": "webauthn.create"}}, "not what was asked"),
    ({"client": {"crossOrigin": True}}, "another site's page"),
    ({"client": {"challenge": "A" * 43}}, "no request of the last"),
    ({"rp_id": "evil.example"}, "another site"),
    ({"flags": VERIFIED}, "Nobody touched"),
    ({"flags": PRESENT}, "only after the password"),
    ({"flags": PRESENT | VERIFIED | 0x80}, "be read"),
    ({"sign": lambda data: bytes(70)}, "signature is wrong"),
    ({"sign": lambda data: b"\x30\x06\x02\x01\0\x02\x01\0"},
     "signature is wrong")])
def test_not_let_in(api, make, pair, what, why):
    key, before = make(), len(failures(pair))
    r = tried(api, key.get(ask(api), **what))
    said = refused(r, 401, "unauthorized")
    assert why in said["message"] and "Set-Cookie" not in r.headers
    assert failures(pair)[before:] == [said["message"]]
    assert pair.value("SELECT count(*) AS n FROM sessions") == 0


def test_what_signed_nothing(api, make):
    key = make()
    good = key.get(ask(api))
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        for wrong in (None, "", "*", good["response"][name] + "="):
            bad = {**good, "response": {**good["response"], name: wrong}}
            refused(tried(api, bad), 401, "unauthorized")
    short = good["response"]["authenticatorData"][:40]
    for bad in ({}, {**good, "rawId": b64(bytes(1024))}, {
            **good, "response": {**good["response"],
                                 "authenticatorData": short}}):
        refused(tried(api, bad), 401, "unauthorized")
    for bad in (None, [], "x"):
        refused(tried(api, bad), 400, "bad_request")


def test_anothers_passkey(api, make):
    key, stranger = make(), make(add=False)
    refused(tried(api, stranger.get(ask(api))), 401, "unauthorized")
    stranger.id = key.id
    refused(tried(api, stranger.get(ask(api))), 401, "unauthorized")


def test_used_once_however_often_it_is_sent(api, make, pair):
    """Eight times at once, to both replicas; and once more."""
    key = make()
    credential = key.get(ask(api))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: tried(pair.doors[n % 2], credential),
                            range(8)))
    assert sorted(r.status_code for r in got) == [204] + 7 * [401]
    assert pair.value("SELECT count(*) AS n FROM sessions") == 1
    refused(tried(api, credential), 401, "unauthorized")


def test_a_failed_try_uses_it_up(api, make):
    key = make()
    options = ask(api)
    refused(tried(api, key.get(options, sign=lambda data: b"no")), 401,
            "unauthorized")
    refused(tried(api, key.get(options)), 401, "unauthorized")


def test_five_minutes(api, make, pair):
    key = make()
    options, late = ask(api), ask(api)
    pair.clock.move(seconds=240)
    assert tried(api, key.get(options)).status_code == 204
    pair.clock.move(seconds=61)
    refused(tried(api, key.get(late)), 401, "unauthorized")
    ask(api)        # sweeps what is over
    assert pair.value("SELECT count(*) AS n FROM passkey_challenges"
                      " WHERE expires_at < licet_now()") == 0


def test_a_count_that_goes_back(api, make, pair):
    """There may be a copy: refused, and said in the audit trail."""
    key = make(count=5)
    assert tried(api, key.get(ask(api))).status_code == 204
    for count in (6, 5, 0):
        said = refused(tried(api, key.get(ask(api), count=count)), 401,
                       "unauthorized")
        assert "counts backwards" in said["message"]
    rows = pair.rows("SELECT details FROM events WHERE action ="
                       " 'passkey.count_went_back' AND target_id = %s",
                       key.row["id"])
    assert [r["details"]["said"] for r in rows] == [6, 5, 0]
    assert api.do("GET", f"/passkeys/{key.row['id']}")["sign_count"] == 6
    assert tried(api, key.get(ask(api), count=4000000000)).status_code == 204


def test_guessing_is_slowed_down(api, make, pair):
    make()
    ip, one = new_address(), pair.doors[0]
    got = []
    while 429 not in got and len(got) < 40:
        got.append(tried(one, {}, ip=ip).status_code)
    assert got[0] == 401 and got[-1] == 429
    # One bucket for both.
    wait_for(lambda: one.public("POST", "/admin/login", {
        "password": api.password}, ip=ip).status_code == 429, 60,
        "the password is refused, too")
    got = []
    while 429 not in got and len(got) < 200:
        got.append(one.public("POST", ASK, ip=ip).status_code)
    assert got[0] == 200 and got[-1] == 429


def test_nothing_to_ask_for(api):
    refused(api.public("POST", ASK), 404, "not_found")


# The password and a passkey

def test_both(api, make, pair):
    before = halves(pair)
    key = make(flags=PRESENT)       # it need not ask who is there
    assert key.row["alone"] is False
    refused(tried(api, key.get(ask(api))), 401, "unauthorized")
    mine, other = (log_in(api, api.password) for _ in range(2))
    set_mode = by_session(api, mine, "POST", "/v1/admin/settings/sign-in",
                          {"mode": BOTH})
    assert expect(set_mode, 200) == {"ok": True, "mode": BOTH}
    assert [status(api, t)["logged_in"] for t in (mine, other)] == [True,
                                                                    False]
    assert api.do("GET", "/passkeys")["mode"] == BOTH
    refused(api.public("POST", ASK), 409, "conflict")
    refused(api.public("POST", "/admin/login", {"password": "no"}), 401,
            "unauthorized")
    asked = by_password(api)["publicKey"]
    assert [c["id"] for c in asked["allowCredentials"]] == [b64(key.id)]
    assert asked["userVerification"] == "preferred"
    credential = key.get({"publicKey": asked})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda n: tried(pair.doors[n % 2], credential),
                            range(4)))
    token, = [token_of(r) for r in got if r.status_code == 204]
    assert status(api, token)["logged_in"]
    assert halves(pair) == before + 1


def test_one_that_was_asked_alone_is_not_both(api, make):
    """The rule changes between the question and the answer."""
    key = make()
    options = ask(api)
    api.do("POST", "/settings/sign-in", {"mode": BOTH})
    refused(tried(api, key.get(options)), 401, "unauthorized")


def test_another_password_meanwhile(api, make):
    key = make()
    api.do("POST", "/settings/sign-in", {"mode": BOTH})
    asked = by_password(api)
    api.password = set_password(api)
    refused(tried(api, key.get(asked)), 401, "unauthorized")
    assert tried(api, key.get(by_password(api))).status_code == 204


def test_never_locked_out(api, make):
    """Both are not wanted without a passkey; the master key sets it back."""
    refused(api.admin("POST", "/settings/sign-in", {"mode": BOTH}), 409,
            "conflict")
    key = make()
    api.do("POST", "/settings/sign-in", {"mode": BOTH})
    by_password(api)
    api.do("POST", "/settings/sign-in", {"mode": EITHER})
    log_in(api, api.password)
    api.do("POST", "/settings/sign-in", {"mode": BOTH})
    api.do("DELETE", f"/passkeys/{key.row['id']}")
    log_in(api, api.password)
    make()      # brings nothing back
    assert api.do("GET", "/passkeys")["mode"] == EITHER
    log_in(api, api.password)


def test_no_session_slips_past_the_rule(api, make, pair):
    """Passwords typed while both begin to be wanted: each session that is
    there afterwards asked for it, or has ended."""
    make()
    with concurrent.futures.ThreadPoolExecutor(7) as pool:
        logins = [pool.submit(pair.doors[n % 2].public, "POST",
                              "/admin/login", {"password": api.password})
                  for n in range(6)]
        api.do("POST", "/settings/sign-in", {"mode": BOTH})
        for r in (f.result() for f in logins):
            assert r.status_code in (200, 204)
    assert pair.value("SELECT count(*) AS n FROM sessions") == 0


# Again

def test_a_session_is_confirmed(api, make, pair):
    key = make()
    token, other = (log_in(api, api.password) for _ in range(2))
    begin = "/v1/admin/passkeys/begin"
    assert by_session(api, token, "POST", begin).status_code == 200
    pair.clock.move(seconds=601)
    for method, path, body in (
            ("POST", begin, None), ("POST", "/v1/admin/passkeys", {}),
            ("DELETE", f"/v1/admin/passkeys/{key.row['id']}", None),
            ("POST", "/v1/admin/settings/sign-in", {"mode": BOTH})):
        refused(by_session(api, token, method, path, body), 403,
                "confirm_required")
    options = expect(by_session(api, token, "POST", ASK_AGAIN), 200)
    assert [c["id"] for c in options["publicKey"]["allowCredentials"]] == [
        b64(key.id)]
    credential = key.get(options)
    body = {"credential": credential}
    refused(tried(api, credential), 401, "unauthorized")    # no way in
    refused(by_session(api, other, "POST", AGAIN, body), 401, "unauthorized")
    assert by_session(api, token, "POST", AGAIN, body).status_code == 204
    assert by_session(api, token, "POST", begin).status_code == 200
    refused(by_session(api, token, "POST", AGAIN, body), 401, "unauthorized")
    alone = {"credential": key.get(ask(api))}
    refused(by_session(api, token, "POST", AGAIN, alone), 401, "unauthorized")
    refused(api.admin("POST", ASK_AGAIN), 400, "bad_request")
    refused(api.admin("POST", AGAIN, body), 400, "bad_request")


def test_no_other_site_asks(api, make):
    make()
    token = log_in(api, api.password)
    for path in (ASK_AGAIN, "/v1/admin/passkeys/begin"):
        r = by_session(api, token, "POST", path,
                       headers={"Origin": "https://evil.example"})
        refused(r, 403, "forbidden")


# Where browsers have none

def test_an_address_has_no_passkeys(server):
    """The suite's server is at http://127.0.0.1."""
    api = Api(server.url, server.admin_key)
    for r in (api.admin("POST", "/passkeys/begin"), api.public("POST", ASK)):
        assert "LICET_PUBLIC_URL" in refused(r, 409, "conflict")["message"]
