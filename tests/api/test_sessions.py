"""What a session may without its password, and by which cookie it comes."""
import re

import pytest

from lib.check import NOWHERE
from lib.client import Api, expect, refused
from lib.web import by_session, log_in, set_password

ADMIN = "/v1/admin/products"


@pytest.fixture(scope="module")
def desk(make_instance):
    """An instance whose clock moves; nobody else sets its password."""
    server = make_instance(movable=True, name="sessions")
    yield server
    server.check_workers()


@pytest.fixture(scope="module")
def web(desk):
    api = Api(desk.url, desk.admin_key, desk.db)
    api.password = set_password(api)
    return api


# What wants the password typed lately

WANT_IT = """
POST /api-keys
POST /web-password
POST /self-license
POST /import-issuer-key
POST /licenses/:id/key
POST /licenses/:id/reissue
POST /invoices/:id/refund
GET /export/licenses.csv
GET /export/invoices.csv
GET /export/machines.csv
POST /btcpay/connect
POST /btcpay/disconnect
POST /zaprite/connect
POST /zaprite/disconnect
POST /merchant-profiles/:id/set-default
DELETE /merchant-profiles/:id
PUT /merchant-profiles/:id/rail-preferences/:rail
DELETE /merchant-profiles/:id/rail-preferences/:rail
DELETE /products/:id
DELETE /policies/:id
POST /webhook-endpoints
PATCH /webhook-endpoints/:id
POST /webhook-endpoints/:id/rotate-secret
""".split("\n")[1:-1]


def admin_calls(api):
    """Method, path and whether it wants the password fresh, of everything
    that a session may."""
    for path, item in api.get("/v1/openapi.json")["paths"].items():
        for method, op in item.items():
            if isinstance(op, dict) and \
                    op.get("x-scope", "customer") != "customer":
                yield (method.upper(), re.sub(r"\{(\w+)\}", r":\1", path),
                       op["x-confirmed"])


def test_what_wants_the_password_fresh(web, desk):
    """Of a stale session it is refused, all of it and nothing else; a fresh
    one and a key are heard."""
    calls = sorted(admin_calls(web))
    wanted = {f"{m} {p}" for m, p, confirmed in calls if confirmed}
    assert {w.replace("/", "/v1/admin/", 1) for w in WANT_IT} <= wanted
    token = log_in(web, web.password)

    def refusals(which, **options):
        found = set()
        for method, path, _ in which:
            where = re.sub(r":\w+", NOWHERE, path)
            r = by_session(web, token, method, where, {}, **options)
            if r.status_code == 403 and r.json()["error"] == \
                    "confirm_required":
                found.add(f"{method} {path}")
        return found
    those = [c for c in calls if c[2]]
    assert refusals(those) == set()
    desk.clock.move(seconds=601)
    before = desk.value("SELECT count(*) FROM events")
    assert refusals(those) == wanted
    assert desk.value("SELECT count(*) FROM events") == before
    assert refusals(c for c in calls if not c[2]) == set()
    assert refusals(those, headers={
        "Authorization": f"Bearer {web.admin_key}"}) == set()


def test_secrets_want_the_password_fresh(web, desk):
    token = log_in(web, web.password)
    list_ = "/v1/admin/webhook-endpoints"
    shown = list_ + "?include_secret=true"
    desk.clock.move(seconds=601)
    assert by_session(web, token, "GET", list_).status_code == 200
    refused(by_session(web, token, "GET", shown), 403, "confirm_required")
    assert web.admin("GET", shown).status_code == 200
    again = log_in(web, web.password)
    assert by_session(web, again, "GET", shown).status_code == 200


def test_a_browser_is_sent_to_type_it(web, desk):
    """Who follows a link to an export; a program is told."""
    token, csv = log_in(web, web.password), "/v1/admin/export/machines.csv"
    desk.clock.move(seconds=601)
    r = by_session(web, token, "GET", csv,
                   headers={"Accept": "text/html,*/*;q=0.8"})
    assert r.status_code == 303
    assert r.headers["Location"].startswith("/admin/confirm?next=")
    refused(by_session(web, token, "GET", csv, headers={"Accept": "text/csv"}),
            403, "confirm_required")


# Over https

def by_https(api, **cookies):
    """A browser that came by https and logs in; what it is to keep."""
    host = api.url.partition("://")[2]
    r = api.public("POST", "/admin/login", {"password": api.password},
                   headers={"Origin": f"https://{host}", "Cookie": "; ".join(
                       f"{k}={v}" for k, v in cookies.items())})
    assert r.status_code == 204, r.text
    return r.headers["Set-Cookie"]


def opens(api, cookie, method="GET", path=ADMIN, **options):
    return api.public(method, path, headers={"Cookie": cookie}, **options)


@pytest.mark.parametrize("prefix", ["", "__Host-"])
def test_a_cookie_from_before_is_not_the_session(web, prefix):
    """Session fixation, by either name: what was there is no session, and not
    what is given."""
    planted = "A" * 43
    given = by_https(web, **{prefix + "keysat_session": planted})
    assert given.startswith("__Host-keysat_session=") and planted not in given
    assert "Path=/;" in given and "Secure;" in given and "omain" not in given
    assert opens(web, given.split(";")[0]).status_code == 200
    assert opens(web, f"{prefix}keysat_session={planted}").status_code == 401


def test_the_name_that_no_sibling_can_set_counts_first(web):
    """A session that somebody planted for the whole domain isn't believed
    beside one's own."""
    mine = by_https(web).split(";")[0]
    planted = "keysat_session=" + log_in(web, web.password)
    for both in (f"{planted}; {mine}", f"{mine}; {planted}"):
        listed = expect(opens(web, both, path="/v1/admin/sessions"), 200)
        assert [s["current"] for s in listed["sessions"][:2]] == [False, True]
    dead = "__Host-keysat_session=" + "A" * 43
    assert opens(web, f"{planted}; {dead}").status_code == 401


def test_a_session_keeps_the_name_it_came_by(web, desk):
    """Nobody is logged out when the server moves behind https."""
    host = by_https(web).split(";")[0]
    plain = "keysat_session=" + log_in(web, web.password)
    desk.clock.move(seconds=61)
    for cookie in (host, plain):
        r = opens(web, cookie)
        assert r.status_code == 200
        assert r.headers["Set-Cookie"].startswith(cookie + ";")


def test_out_clears_either_name(web):
    host = by_https(web).split(";")[0]
    plain = "keysat_session=" + log_in(web, web.password)
    r = opens(web, f"{plain}; {host}", "POST", "/admin/logout")
    assert r.status_code == 204
    cleared = r.headers["Set-Cookie"]
    assert cleared.count("Max-Age=0") == 2
    assert "__Host-keysat_session=;" in cleared
    assert ", keysat_session=;" in cleared
    assert opens(web, host).status_code == 401
