"""The web login: password, sessions, what a browser may be made to send."""
import concurrent.futures
import hashlib
import threading
import time

import pytest

from lib.check import NOWHERE, events
from lib.client import Api, expect, new_address, refused
from lib.process import wait_for
from lib.roles import make_key
from lib.web import by_session, log_in, set_password, status, token_of

ADMIN = "/v1/admin/products"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def desk(make_instance):
    """An instance whose clock moves; nobody else sets its password."""
    server = make_instance(movable=True, name="desk")
    yield server
    server.check_workers()


@pytest.fixture
def web(desk):
    api = Api(desk.url, desk.admin_key, desk.db)
    api.password = set_password(api)
    return api


def test_before_a_password_is_set(own_instance):
    """3.5: 503 not set."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    assert status(api) == {"has_password": False, "logged_in": False}
    refused(api.public("POST", "/admin/login", {"password": "x"}), 503,
            "service_unavailable")


def test_in_and_out(web, desk):
    """3.5: 204 and a cookie; logout clears; status."""
    assert status(web) == {"has_password": True, "logged_in": False}
    token = log_in(web, web.password)
    assert status(web, token) == {"has_password": True, "logged_in": True}
    assert by_session(web, token, "GET", ADMIN).status_code == 200
    r = by_session(web, token, "POST", "/admin/logout")
    assert r.status_code == 204 and r.content == b""
    assert r.headers["Set-Cookie"] == (
        "keysat_session=; Path=/; HttpOnly; Secure; SameSite=Strict;"
        " Max-Age=0")
    assert status(web, token) == {"has_password": True, "logged_in": False}
    refused(by_session(web, token, "GET", ADMIN), 401, "unauthorized")
    assert web.public("POST", "/admin/logout").status_code == 204
    rows = desk.rows("SELECT action, actor_kind, user_agent FROM events"
                     " WHERE actor_hash = %s ORDER BY occurred_at",
                     sha256(token))
    assert [(r["action"], r["actor_kind"]) for r in rows] == [
        ("web_ui.login", "web_ui"), ("web_ui.logout", "web_ui")]


def test_wrong_password(web, desk):
    """3.5: 401; 3.4: web_ui.login_failed."""
    for wrong in (web.password + "x", web.password[:-1], "",
                  web.password.upper(), "x" * 4000):
        refused(web.public("POST", "/admin/login", {"password": wrong}), 401,
                "unauthorized")
    assert desk.value("SELECT count(*) FROM events WHERE action ="
                      " 'web_ui.login_failed'") >= 5
    refused(web.public("POST", "/admin/login", {}), 400, "bad_request")


@pytest.mark.parametrize("password", [
    "", "eleven char", "é" * 11, "x" * 1025, None, 123456789012])
def test_passwords_that_are_none(web, password):
    """3.5: 12 characters or more."""
    refused(web.admin("POST", "/web-password", {"password": password}), 400,
            "bad_request")


@pytest.mark.parametrize("password", [
    "twelve chars", "é" * 12, "x" * 1024, "\" \\ \t \u2028 pass"])
def test_passwords_of_all_kinds(web, password):
    set_password(web, password)
    log_in(web, password)


def test_nothing_secret_is_kept(web, desk):
    """3.5: an Argon2id PHC string; D27: hashes of tokens only, and the audit
    holds no live token."""
    token = log_in(web, web.password)
    by_session(web, token, "POST", ADMIN, {"slug": "n-1", "name": "n",
                                           "price_sats": 1})
    stored = desk.value("SELECT value FROM settings WHERE key ="
                        " 'web_ui_password_hash'")
    assert stored.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    tables = [r["t"] for r in desk.rows(
        "SELECT relname AS t FROM pg_class WHERE relkind IN ('r', 'p') AND"
        " relnamespace = 'public'::regnamespace")]
    for table in tables:
        for secret in (token, web.password):
            assert desk.value(f'SELECT count(*) FROM "{table}" AS t WHERE'
                              " t::text LIKE %s", f"%{secret}%") == 0, table
    assert bytes(desk.value("SELECT token_hash FROM sessions ORDER BY"
                            " created_at DESC LIMIT 1")).hex() == sha256(token)
    log = "".join(r.log() for r in desk.replicas)
    assert token not in log and web.password not in log
    assert "$argon2id" not in str(desk.rows("SELECT details FROM events"))


def test_D29_sessions_and_keys_are_told_apart(web, desk):
    token = log_in(web, web.password)
    made = expect(by_session(web, token, "POST", ADMIN, {
        "slug": "told-apart", "name": "n", "price_sats": 1}), 200)
    web.do("PATCH", f"/products/{made['id']}", {"name": "m"})
    create, update = events(desk, made["id"])
    assert (create["actor_kind"], create["actor_hash"]) == \
        ("web_ui", sha256(token))
    assert (update["actor_kind"], update["actor_hash"]) == \
        ("admin_api_key", sha256(web.admin_key))


def test_a_session_may_what_the_master_may(web):
    """0, (3): treated as the master key."""
    token = log_in(web, web.password)
    for path in ("/v1/admin/api-keys", "/v1/admin/db-info",
                 "/v1/admin/webhook-endpoints?include_secret=true"):
        assert by_session(web, token, "GET", path).status_code == 200, path


def test_a_bearer_comes_before_the_cookie(web):
    """0, (3): no Authorization header but a cookie."""
    token = log_in(web, web.password)
    for header, code in (("Bearer wrong", 403), ("Basic YTpi", 401)):
        r = by_session(web, token, "GET", ADMIN,
                       headers={"Authorization": header})
        assert r.status_code == code
    key = make_key(web, "read-only")
    r = by_session(web, token, "POST", ADMIN, {}, headers={
        "Authorization": "Bearer " + key["token"]})
    assert r.status_code == 403


@pytest.mark.parametrize("cookie", [
    "", "keysat_session", "keysat_session=", "keysat_session=short",
    "keysat_session=" + "A" * 43, "keysat_session=" + "A" * 44,
    "xkeysat_session=TOKEN", "keysat_session =TOKEN", "a=keysat_session=TOKEN",
    "Keysat_Session=TOKEN", ";;;", "=;=;", "x" * 3000])
def test_cookies_that_are_none(web, cookie):
    cookie = cookie.replace("TOKEN", log_in(web, web.password))
    refused(web.public("GET", ADMIN, headers={"Cookie": cookie}), 401,
            "unauthorized")


@pytest.mark.parametrize("cookie", [
    "keysat_session=TOKEN", "a=b;keysat_session=TOKEN;c=d",
    "  keysat_session=TOKEN  ".strip(), "a=b; ;keysat_session=TOKEN"])
def test_cookies_among_others(web, cookie):
    cookie = cookie.replace("TOKEN", log_in(web, web.password))
    assert web.public("GET", ADMIN,
                      headers={"Cookie": cookie}).status_code == 200


# Time

def test_D29_an_idle_session_ends_after_a_day(web, desk):
    """Sliding, not absolute."""
    idle, busy = log_in(web, web.password), log_in(web, web.password)
    for _ in range(3):
        desk.clock.move(hours=20)
        r = by_session(web, busy, "GET", ADMIN)
        assert r.status_code == 200
        assert token_of(r) == busy      # the browser keeps it longer, too
        assert "Set-Cookie" not in by_session(web, busy, "GET", ADMIN).headers
    refused(by_session(web, idle, "GET", ADMIN), 401, "unauthorized")
    assert status(web, idle)["logged_in"] is False


def test_no_session_lasts_more_than_a_week(web, desk):
    token = log_in(web, web.password)
    for _ in range(8):
        desk.clock.move(hours=20)
        assert by_session(web, token, "GET", ADMIN).status_code == 200
    desk.clock.move(hours=9)
    refused(by_session(web, token, "GET", ADMIN), 401, "unauthorized")


def test_sessions_that_are_over_are_tidied_up(web, desk):
    log_in(web, web.password)
    kept = desk.value("SELECT count(*) FROM sessions")
    assert kept >= 1
    desk.clock.move(days=8)
    desk.db.execute("UPDATE jobs SET next_run = licet_now() - interval '1 s'"
                    " WHERE name = 'housekeeping'")
    desk.db.execute("NOTIFY licet_jobs, 'housekeeping'")
    wait_for(lambda: desk.value("SELECT count(*) FROM sessions") == 0, 60,
             "old sessions are gone")


# Ends

def test_another_password_ends_all_sessions(web, desk):
    """3.5: deletes all sessions."""
    tokens = [log_in(web, web.password) for _ in range(3)]
    old, new = web.password, set_password(web)
    for token in tokens:
        refused(by_session(web, token, "GET", ADMIN), 401, "unauthorized")
    refused(web.public("POST", "/admin/login", {"password": old}), 401,
            "unauthorized")
    log_in(web, new)
    details = desk.value("SELECT details FROM events WHERE action ="
                         " 'web_ui.set_password' ORDER BY occurred_at DESC"
                         " LIMIT 1")
    assert details == {"sessions_ended": 3}


def test_no_session_outlives_its_password(web):
    """Logins race with a change of the password: who got in by the old one is
    out."""
    stop, tokens = threading.Event(), []

    def knock():
        while not stop.is_set():
            r = web.public("POST", "/admin/login", {"password": web.password})
            if r.status_code == 204:
                tokens.append(token_of(r))
            elif r.status_code == 401:
                return
    threads = [threading.Thread(target=knock) for _ in range(3)]
    for t in threads:
        t.start()
    wait_for(lambda: len(tokens) >= 5, 60, "some are in")
    set_password(web, "another password")
    stop.set()
    for t in threads:
        t.join()
    for token in tokens:
        refused(by_session(web, token, "GET", ADMIN), 401, "unauthorized")


def test_sessions_are_listed_and_ended(web, desk):
    mine, other = log_in(web, web.password), log_in(web, web.password)
    listed = expect(by_session(web, mine, "GET", "/v1/admin/sessions"),
                    200)["sessions"]
    assert [s["current"] for s in listed] == [False, True]
    assert set(listed[0]) == {"id", "created_at", "last_seen_at", "ip",
                              "reauthenticated_at", "user_agent", "current"}
    r = by_session(web, mine, "POST", "/v1/admin/sessions/end-others")
    assert expect(r, 200) == {"ok": True, "ended": 1}
    refused(by_session(web, other, "GET", ADMIN), 401, "unauthorized")
    assert by_session(web, mine, "GET", ADMIN).status_code == 200
    refused(web.admin("DELETE", f"/sessions/{NOWHERE}"), 404, "not_found")
    assert web.do("DELETE", f"/sessions/{listed[1]['id']}") == {"ok": True}
    refused(by_session(web, mine, "GET", ADMIN), 401, "unauthorized")
    log_in(web, web.password)
    assert web.do("POST", "/sessions/end-others")["ended"] == 1


# Other sites

@pytest.mark.parametrize("headers,may", [
    ({}, True),
    ({"Origin": "HERE"}, True),
    ({"Origin": "HERE", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "HEREx"}, False),
    ({"Origin": "HERE", "Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False)])
def test_another_site_changes_nothing(web, desk, headers, may):
    """A cookie is sent by itself: who makes the browser send it must be us."""
    token = log_in(web, web.password)
    headers = {k: v.replace("HERE", desk.url) for k, v in headers.items()}
    r = by_session(web, token, "POST", ADMIN, {}, headers=headers)
    assert r.status_code == (400 if may else 403), r.text
    r = by_session(web, token, "GET", ADMIN, headers=headers)
    assert r.status_code == 200
    # A key is not sent by itself.
    assert web.admin("POST", "/products", {},
                     headers=headers).status_code == 400


# Throttle and load

def test_5_tries_then_one_in_three_minutes(web):
    """0: web_login, 5 and 1/180; every attempt counts."""
    ip = new_address()
    codes = []
    while 429 not in codes and len(codes) < 40:
        codes.append(web.public("POST", "/admin/login",
                                {"password": "wrong"}, ip=ip).status_code)
    assert codes[:5] == [401] * 5 and codes[-1] == 429

    def right():
        r = web.public("POST", "/admin/login", {"password": web.password},
                       ip=ip)
        assert r.status_code in (204, 429)
        return [r] if r.status_code == 429 else None
    (r,) = wait_for(right, 60, "the right one is refused, too")
    assert int(r.headers["Retry-After"]) == 180


def test_hashing_does_not_hold_up_others(web):
    """Twenty clients log in at once; health is answered meanwhile, by the
    same two workers."""
    slowest, stop = [0.0], threading.Event()

    def look():
        while not stop.is_set():
            begun = time.monotonic()
            web.get("/healthz")
            slowest[0] = max(slowest[0], time.monotonic() - begun)
    watcher = threading.Thread(target=look)
    watcher.start()
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda _: web.public(
            "POST", "/admin/login", {"password": web.password}).status_code,
            range(20)))
    took = time.monotonic() - begun
    stop.set()
    watcher.join()
    assert set(codes) <= {204, 503} and 204 in codes
    assert slowest[0] < took / 2, (slowest, took)


def test_who_leaves_while_it_is_hashed(web, desk):
    """The thread goes on alone; its worker lives."""
    import socket
    body = b'{"password":"wrong wrong wrong"}'
    for _ in range(6):
        s = socket.create_connection((desk.host, desk.port), timeout=10)
        s.sendall(b"POST /admin/login HTTP/1.1\r\nHost: x\r\n"
                  b"X-Forwarded-For: " + new_address().encode() + b"\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        s.close()
    log_in(web, web.password)
    desk.check_workers()


def test_logins_and_wrong_keys_are_counted(web):
    def figure(line):
        text = web.public("GET", "/metrics").text
        return sum(int(x.split()[-1]) for x in text.splitlines()
                   if x.startswith(line))
    names = ('licet_logins_total{result="ok"}',
             'licet_logins_total{result="wrong"}', "licet_wrong_keys_total")
    before = [figure(n) for n in names]
    log_in(web, web.password)
    web.public("POST", "/admin/login", {"password": "wrong"})
    web.call("GET", ADMIN, token="wrong")
    # At least: others may have left while theirs was still looked at.
    assert all(figure(n) > b for n, b in zip(names, before))
