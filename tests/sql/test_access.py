"""Keys and sessions: who waits for whom, and what one may do."""
import hashlib
import threading

import pytest

from endpoint import CONTEXT, body, call, count, events
from lib.process import wait_for
from test_money_races import at_once, no_trouble


def new_hash(text=[0]):
    text[0] += 1
    return hashlib.sha256(str(text[0]).encode()).hexdigest()


def make_key(db, role="support", **args):
    token = new_hash()
    row = call(db, "api_key_create", label="x", role=role, token_hash=token,
               extra_scope="payment_providers:write", **args)
    assert row["fault"] is None, row
    return row["id"], token


def ask(db, token, scope="licenses:read", roles="read-only support"):
    return db.call("access_key", token_hash=token, scope=scope, roles=roles)


def set_password(db, name):
    return db.locked("web_password_lock", "web_password_set", hash=name,
                     **{k: CONTEXT[k] for k in (
                         "actor_kind", "actor_hash", "request_ip",
                         "user_agent")})


def begin(db, name):
    token = new_hash()
    return token, db.call("session_begin", token_hash=token, hash=name)


def waits(db, thread):
    """The thread's statement waits for a lock."""
    wait_for(lambda: int(db.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname ="
        " current_database() AND wait_event_type = 'Lock'")[0][0]) > 0,
        60, "it waits")
    assert thread.is_alive()


# Keys


@pytest.mark.parametrize("role,scopes,scope,roles,may", [
    ("support", None, "licenses:write", "support full-admin", "t"),
    ("support", None, "products:write", "full-admin", "f"),
    ("support", None, "master", "", "f"),
    ("support", ["payment_providers:write"], "payment_providers:write", "",
     "t"),
    ("support", None, "payment_providers:write", "", "f")])
def test_what_a_key_may(db, role, scopes, scope, roles, may):
    key, token = make_key(db, role, scopes=scopes)
    row, = ask(db, token, scope, roles)
    assert row["allowed"] == may
    assert row["scopes"] == " ".join(scopes or [])
    assert count(db, "scoped_api_keys", f"id = '{key}' AND last_used_at"
                 " IS NOT NULL") == (1 if may == "t" else 0)


def test_scopes_that_come_with_roles_only(db):
    row = call(db, "api_key_create", label="x", role="support",
               token_hash=new_hash(), scopes=["licenses:write"],
               extra_scope="payment_providers:write")
    assert row["fault"] == "bad_request" and row["id"] is None


def test_a_key_that_is_being_changed_is_answered_at_once(connect):
    """Stamping must not make requests wait for each other."""
    one, other = connect(), connect()
    key, token = make_key(one)
    one.sql("BEGIN")
    one.sql(f"UPDATE scoped_api_keys SET label = 'y' WHERE id = '{key}'")
    other.sql("SET lock_timeout = '2s'")
    assert ask(other, token)[0]["allowed"] == "t"
    one.sql("COMMIT")


def test_a_key_is_revoked_once(connect, db):
    crowd = [connect() for _ in range(8)]
    for _ in range(5):
        key, token = make_key(db)
        said = at_once(crowd, lambda s, n: body(s, "api_key_revoke", id=key))
        no_trouble(said)
        assert len(events(db, key, "api_key.revoke")) == 1
        assert ask(db, token) == []


# The password and sessions


def test_a_session_begun_before_the_password_changes_ends(connect, db):
    """The change waits for the login, sees its session, ends it."""
    one, other = connect(), connect()
    set_password(db, "old")
    one.sql("BEGIN")
    token, rows = begin(one, "old")
    assert len(rows) == 1
    change = threading.Thread(target=set_password, args=(other, "new"))
    change.start()
    waits(db, change)
    one.sql("COMMIT")
    change.join()
    assert count(db, "sessions", "true") == 0
    assert db.call("access_session", token_hash=token) == []


def test_no_session_begins_by_a_password_that_is_being_changed(connect, db):
    """The login waits for the change, and finds another hash."""
    one, other, begun = connect(), connect(), []
    set_password(db, "old")
    one.sql("BEGIN")
    args = {k: CONTEXT[k] for k in ("actor_kind", "actor_hash", "request_ip",
                                    "user_agent")}
    one.call("web_password_lock")
    one.call("web_password_set", hash="new", **args)
    login = threading.Thread(target=lambda: begun.append(begin(other, "old")))
    login.start()
    waits(db, login)
    one.sql("COMMIT")
    login.join()
    (token, rows), = begun
    assert rows == [] and count(db, "sessions", "true") == 0
    assert count(db, "events", "action = 'web_ui.login' AND actor_hash ="
                 f" '{token}'") == 0


def test_the_password_again(db):
    """session_confirm: by who has both, and it says so."""
    set_password(db, "old")
    token, _ = begin(db, "old")
    db.sql("UPDATE sessions SET reauthenticated_at = reauthenticated_at"
           " - interval '1000 seconds'")

    def age():
        return int(db.call("access_session", token_hash=token)[0][
            "reauthenticated_s"])
    assert 1000 <= age() < 1100
    assert db.call("session_confirm", token_hash=token, hash="other") == []
    assert db.call("session_confirm", token_hash=new_hash(),
                   hash="old") == []
    assert age() >= 1000
    assert len(db.call("session_confirm", token_hash=token, hash="old")) == 1
    assert age() < 100


def test_what_is_pruned(db):
    set_password(db, "old")
    tokens = {}
    for name, seen, made in (("idle", 90000, 90000), ("old", 0, 604900),
                             ("live", 86000, 604000)):
        tokens[name], _ = begin(db, "old")
        db.sql(f"UPDATE sessions SET last_seen_at = licet_now() - {seen} *"
               f" interval '1 second', created_at = licet_now() - {made} *"
               " interval '1 second' WHERE token_hash ="
               f" decode('{tokens[name]}', 'hex')")
    assert [n for n in tokens
            if db.call("access_session", token_hash=tokens[n])] == ["live"]
    db.call("session_prune")
    assert count(db, "sessions", "true") == 1
