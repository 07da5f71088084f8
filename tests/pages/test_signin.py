"""In and out of the dashboard by its pages, without scripts."""
import pytest

from lib.client import Api, new_address
from lib.desk import Desk, Page, open_desk, went


@pytest.fixture(scope="module")
def server(make_instance):
    made = make_instance(movable=True, name="door")
    yield made
    made.check_workers()


@pytest.fixture
def desk(server):
    return open_desk(server)


def test_in_and_out(desk):
    assert desk.cookie
    assert desk.goes("/admin/sign-in") == "/admin/"
    assert "Products" in desk.get("/admin/products").headings
    form = {"csrf": desk.csrf}
    left = desk.call("POST", "/admin/sign-out", form)
    assert went(left) == "/admin/sign-in?said=left" and desk.cookie is None
    assert desk.get(went(left)).said == ["You are signed out."]
    assert went(desk.call("POST", "/admin/sign-out", form)) == "/admin/sign-in"


def test_whoever_is_sent_to_the_door_comes_back(desk):
    stranger = Desk(desk.api, desk.password)
    door = stranger.goes("/admin/products?limit=5&said=saved")
    assert door == ("/admin/sign-in?next=%2Fadmin%2Fproducts%3Flimit%3D5"
                    "%26said%3Dsaved")
    assert went(stranger.post(door, password=desk.password)) == \
        "/admin/products?limit=5&said=saved"


@pytest.mark.parametrize("elsewhere", [
    "https://example.com/", "//example.com/admin/", "/admin", "/v1/products",
    "/admin/%0d%0aSet-Cookie:%20a=b", "/admin/\\example.com", "",
    "/admin/" + "x" * 2000, "%2F%2Fexample.com"])
def test_it_sends_nobody_elsewhere(desk, elsewhere):
    stranger = Desk(desk.api, desk.password)
    r = stranger.call("POST", f"/admin/sign-in?next={elsewhere}",
                      {"password": desk.password})
    assert went(r) == "/admin/"
    assert "Set-Cookie: a" not in str(r.headers)


@pytest.mark.parametrize("wrong", ["", "x", "x" * 5000, "<script>\"'&"])
def test_a_wrong_password(desk, wrong):
    stranger = Desk(desk.api)
    r = stranger.call("POST", "/admin/sign-in", {"password": wrong})
    assert r.status_code == 401 and stranger.cookie is None
    page = Page(r.text)
    assert page.wrong == {"password": "This is not the password."}
    assert page.form()["fields"]["password"] == ""


def test_guessing_is_slowed_down(desk):
    ip = new_address()
    stranger = Desk(desk.api)
    got = [stranger.call("POST", "/admin/sign-in", {"password": f"no {n}"},
                         ip=ip) for n in range(7)]
    assert got[0].status_code == 401 and got[-1].status_code == 429
    assert int(got[-1].headers["Retry-After"]) > 0
    assert "Please wait a little" in Page(got[-1].text).headings
    right = stranger.call("POST", "/admin/sign-in",
                          {"password": desk.password}, ip=ip)
    assert right.status_code == 429 and stranger.cookie is None


@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://example.com"}, {"Origin": "null"}])
def test_no_other_site_signs_in(desk, headers):
    """Login CSRF: nobody is signed in to somebody else's session."""
    stranger = Desk(desk.api)
    r = stranger.call("POST", "/admin/sign-in", {"password": desk.password},
                      headers=headers)
    assert r.status_code == 403 and stranger.cookie is None


def test_a_cookie_from_before_is_not_the_session(desk):
    """Session fixation."""
    stranger = Desk(desk.api, desk.password)
    stranger.cookie = "A" * 43
    stranger.sign_in()
    assert stranger.cookie not in (None, "A" * 43)


def test_out_needs_the_forms_token(desk):
    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert desk.call("POST", "/admin/sign-out", form).status_code == 403
    desk.get("/admin/products")


def test_the_password_again(desk, server):
    was = server.value("SELECT max(reauthenticated_at) FROM sessions")
    page = desk.get("/admin/confirm?next=/admin/products")
    assert "Type your password again" in page.headings
    wrong = desk.post("/admin/confirm?next=/admin/products", password="no")
    assert wrong.status_code == 401
    assert Page(wrong.text).wrong == {"password": "This is not the password."}
    assert server.value("SELECT max(reauthenticated_at) FROM sessions") == was
    before = desk.cookie
    assert went(desk.post("/admin/confirm?next=/admin/products",
                          password=desk.password)) == "/admin/products"
    assert desk.cookie == before
    assert server.value("SELECT max(reauthenticated_at) FROM sessions") > was
    stolen = desk.call("POST", "/admin/confirm", {"password": desk.password})
    assert stolen.status_code == 403


def test_before_a_password_is_set(own_instance):
    server = own_instance()
    stranger = Desk(Api(server.url, server.admin_key))
    assert stranger.goes("/admin/sign-in") == "/admin/welcome"
    r = stranger.call("POST", "/admin/sign-in", {"password": "x"})
    assert went(r) == "/admin/welcome"


def test_pages_forbid_what_they_do_not_need(desk):
    for path in ("/admin/sign-in", "/admin/confirm"):
        stranger = Desk(desk.api)
        stranger.cookie = desk.cookie if "confirm" in path else None
        r = stranger.call("GET", path)
        policy = r.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert r.headers["Cache-Control"] == "no-store"
        assert "<script" not in r.text and "style=" not in r.text


FRESH = "/admin/keys/new"       # a form that wants the password fresh


def test_a_form_that_wants_the_password_fresh(desk, server):
    """Seen within 5 minutes of it, sent within 10, with all that was typed."""
    form = desk.get(FRESH).form()["fields"]
    server.clock.move(seconds=301)
    door = desk.goes(FRESH + "?label=Mine")
    assert door == ("/admin/confirm?next=%2Fadmin%2Fkeys%2Fnew"
                    "%3Flabel%3DMine")
    filled = {**form, "label": "in time", "role": "read-only"}
    assert desk.call("POST", FRESH, filled).status_code == 200
    server.clock.move(seconds=301)
    late = {**filled, "label": "too late"}
    assert went(desk.call("POST", FRESH, late)).startswith("/admin/confirm?")
    assert went(desk.post(door, password=desk.password)) == \
        FRESH + "?label=Mine"
    assert desk.get(FRESH + "?label=Mine").form()["fields"]["label"] == "Mine"
    labels = [k["label"] for k in
              desk.api.do("GET", "/api-keys")["api_keys"]]
    assert "in time" in labels and "too late" not in labels


def test_an_export_wants_the_password_fresh(desk, server):
    csv = "/v1/admin/export/licenses.csv"
    assert desk.call("GET", csv).status_code == 200
    server.clock.move(seconds=601)
    door = desk.goes(csv)
    assert door == ("/admin/confirm?next=%2Fv1%2Fadmin%2Fexport%2F"
                    "licenses.csv")
    assert went(desk.post(door, password=desk.password)) == csv
    assert desk.call("GET", csv).status_code == 200
    assert desk.api.admin("GET", csv).status_code == 200
