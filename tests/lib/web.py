"""A browser that logs in: the one cookie, kept and sent."""
import re
import secrets

from lib.client import expect

COOKIE = re.compile(r"keysat_session=([A-Za-z0-9_-]{43}); Path=/; HttpOnly;"
                    r" Secure; SameSite=Strict; Max-Age=86400")


def set_password(api, password=None):
    """The web login's password from now on."""
    password = password or "pw " + secrets.token_urlsafe(16)
    assert api.do("POST", "/web-password", {"password": password}) == \
        {"ok": True}
    return password


def token_of(response):
    found = COOKIE.fullmatch(response.headers.get("Set-Cookie", ""))
    assert found, response.headers
    return found[1]


def log_in(api, password, **options):
    """The new session's token."""
    r = api.public("POST", "/admin/login", {"password": password}, **options)
    assert r.status_code == 204, r.text
    assert r.content == b"" and "Content-Length" not in r.headers
    return token_of(r)


def by_session(api, token, method, path, json=None, headers=(), **options):
    return api.call(method, path, json, headers={
        "Cookie": f"theme=dark; keysat_session={token}", **dict(headers)},
        **options)


def status(api, token=None):
    if token is None:
        return api.get("/admin/login/status")
    return expect(by_session(api, token, "GET", "/admin/login/status"), 200)
