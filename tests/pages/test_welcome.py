"""First run: the first password, by whoever has the admin key."""
import pytest

from lib.client import Api, new_address
from lib.desk import Desk, Page, went
from lib.web import set_password

GOOD = "correct horse battery"


@pytest.fixture
def server(own_instance):
    made = own_instance()
    yield made
    made.check_workers()


@pytest.fixture
def stranger(server):
    return Desk(Api(server.url, server.admin_key, server.db))


def test_from_the_key_to_the_first_steps(stranger, server):
    assert stranger.goes("/admin/sign-in") == "/admin/welcome"
    r = stranger.post("/admin/welcome", admin_key=server.admin_key,
                      password=GOOD, repeat=GOOD)
    assert went(r) == "/admin/first-steps" and stranger.cookie
    page = stranger.get("/admin/first-steps")
    assert page.headings == ["First steps"]
    assert "/admin/products/new" in page.links
    assert stranger.goes("/admin/welcome") == "/admin/first-steps"
    assert server.rows("SELECT action, actor_kind FROM events WHERE left("
                       "action, 7) = 'web_ui.' ORDER BY occurred_at") == [
        {"action": "web_ui.set_password", "actor_kind": "admin_api_key"},
        {"action": "web_ui.login", "actor_kind": "web_ui"}]
    again = Desk(stranger.api, GOOD)
    again.sign_in()


@pytest.mark.parametrize("key", ["", "x", "admin"])
def test_a_wrong_key(stranger, server, key):
    r = stranger.post("/admin/welcome", admin_key=key, password=GOOD)
    assert r.status_code == 401 and stranger.cookie is None
    page = Page(r.text)
    assert page.wrong == {"admin_key": "This is not the admin key."}
    assert server.value("SELECT count(*) FROM settings WHERE key ="
                        " 'web_ui_password_hash'") == 0


def test_a_password_that_is_none(stranger, server):
    for bad in ("", "eleven char", "x" * 1025):
        r = stranger.post("/admin/welcome", admin_key=server.admin_key,
                          password=bad, repeat=bad)
        assert r.status_code == 400 and stranger.cookie is None
        page = Page(r.text)
        assert "12 characters" in page.wrong["password"]
        assert server.admin_key not in r.text and GOOD not in r.text


def test_a_password_typed_otherwise_the_second_time(stranger, server):
    for again in ("", GOOD + "x", GOOD.upper()):
        r = stranger.post("/admin/welcome", admin_key=server.admin_key,
                          password=GOOD, repeat=again)
        assert r.status_code == 400 and stranger.cookie is None
        assert list(Page(r.text).wrong) == ["repeat"] and GOOD not in r.text
    assert stranger.goes("/admin/sign-in") == "/admin/welcome"


def test_guessing_the_key_is_slowed_down(stranger, server):
    ip = new_address()
    got = [stranger.call("POST", "/admin/welcome", {"admin_key": str(n)},
                         ip=ip).status_code for n in range(8)]
    assert got[0] == 401 and got[-1] == 429
    r = stranger.call("POST", "/admin/welcome", {
        "admin_key": server.admin_key, "password": GOOD}, ip=ip)
    assert r.status_code == 429 and stranger.cookie is None


def test_only_as_long_as_there_is_no_password(stranger, server):
    password = set_password(stranger.api)
    assert stranger.goes("/admin/welcome") == "/admin/sign-in"
    r = stranger.call("POST", "/admin/welcome", {
        "admin_key": server.admin_key, "password": GOOD})
    assert went(r) == "/admin/sign-in" and stranger.cookie is None
    Desk(stranger.api, password).sign_in()


def test_no_other_site_sets_it(stranger, server):
    r = stranger.call("POST", "/admin/welcome", {
        "admin_key": server.admin_key, "password": GOOD},
        headers={"Sec-Fetch-Site": "cross-site"})
    assert r.status_code == 403 and stranger.cookie is None
    assert stranger.goes("/admin/sign-in") == "/admin/welcome"
