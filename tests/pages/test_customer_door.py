"""The portal's door and its page of personal data, without scripts."""
import re
import urllib.parse

import pytest

from lib.client import Api, new_address
from lib.customer import Customer, customer, new_email
from lib.desk import Page, went
from lib.process import wait_for

DOOR = "/portal/sign-in"


@pytest.fixture(scope="module")
def server(make_instance, smtp_shared):
    made = make_instance(movable=True, name="portal",
                         **smtp_shared.settings())
    yield made
    made.check_workers()


@pytest.fixture
def api(server):
    return Api(server.url, server.admin_key, server.db)


@pytest.fixture
def buyer(api, smtp):
    """Address and license, once the receipt is there."""
    to = new_email()
    made = api.issue(buyer_email=to)
    smtp.comes(to, seconds=60)
    return to, made


def sent(who, path, way, **fields):
    """What came of the page's form for that way."""
    page = who.get(path)
    form = next(f for f in page.forms if f["fields"].get("way") == way)
    return who.call("POST", form["action"], {**form["fields"], **fields})


def typed(who, r, code):
    """The same of the page that asks for the code."""
    form = next(f for f in Page(r.text).forms
                if f["fields"].get("way") == "code")
    return who.call("POST", form["action"], {**form["fields"], "code": code})


def code_of(mail):
    return re.search(r"\b(\d{4} \d{4})\b", mail.text).group(1)


def test_in_by_a_code_and_back_to_where_one_was_going(api, smtp, buyer):
    to, _ = buyer
    who = Customer(api)
    door = who.goes("/portal/data?said=ended")
    assert door == DOOR + "?next=%2Fportal%2Fdata%3Fsaid%3Dended"
    r = sent(who, door, "mail", email=to)
    assert r.status_code == 200 and to in Page(r.text).text
    wrong = typed(who, r, "1234")
    assert wrong.status_code == 401 and who.cookie is None
    assert "not the code" in Page(wrong.text).alerts[0]
    right = typed(who, wrong, code_of(smtp.comes(to, 2, seconds=60)))
    assert went(right) == "/portal/data?said=ended" and who.cookie
    assert to in who.get("/portal/data").text
    assert who.goes(DOOR) == "/portal/"     # one is in


def test_the_letters_link_is_used_by_its_button_alone(api, smtp, buyer):
    to, _ = buyer
    sent(Customer(api), DOOR, "mail", email=to)
    link = re.search(r"/portal/enter\?token=\S+",
                     smtp.comes(to, 2, seconds=60).text).group()
    scanner, who, late = (Customer(api) for _ in range(3))
    for _ in range(2):
        page = scanner.get(link)
        assert scanner.cookie is None
    assert went(who.call("POST", "/portal/enter",
                         page.form()["fields"])) == "/portal/"
    assert to in who.get("/portal/data").text
    again = late.post(link)
    assert again.status_code == 401 and late.cookie is None
    assert "over" in Page(again.text).alerts[0]
    assert late.call("GET", "/portal/enter").status_code == 400


def test_in_by_a_key(api, buyer):
    _, made = buyer
    who = Customer(api)
    bad = sent(who, DOOR, "key", license_key=made["license_key"][:-2])
    assert bad.status_code == 401 and who.cookie is None
    assert made["license_key"][:40] not in bad.text
    r = sent(who, DOOR, "key", license_key="  " + made["license_key"] + "\n")
    assert went(r) == "/portal/" and who.cookie
    page = who.get("/portal/data")
    assert "You came with a license key" in page.text
    assert "/portal/data/delete" not in page.links
    assert made["license_id"] in page.text


def test_out(api, server):
    who = customer(server, new_email())
    form = who.get("/portal/data").forms
    out = next(f for f in form if f["action"] == "/portal/sign-out")
    for csrf in ({}, {"csrf": "0" * 64}):
        assert who.call("POST", "/portal/sign-out", csrf).status_code == 403
    left = who.call("POST", "/portal/sign-out", out["fields"])
    assert went(left) == DOOR + "?said=left" and who.cookie is None
    assert who.get(went(left)).said == ["You are signed out."]


@pytest.mark.parametrize("elsewhere", [
    "https://example.com/", "//example.com/portal/", "/admin/products",
    "/portal/%0d%0aSet-Cookie:%20a=b", "/portal/\\example.com", "",
    "/portal/" + "x" * 2000])
def test_it_sends_nobody_elsewhere(api, buyer, elsewhere):
    _, made = buyer
    who = Customer(api)
    r = sent(who, f"{DOOR}?next={elsewhere}", "key",
             license_key=made["license_key"])
    assert went(r) == "/portal/"
    form = {"way": "key", "license_key": made["license_key"],
            "next": urllib.parse.unquote(elsewhere)}
    assert went(Customer(api).call("POST", DOOR, form)) == "/portal/"


def test_what_is_typed_wrong_or_too_often(api):
    who = Customer(api)
    r = sent(who, DOOR, "mail", email="no address")
    assert r.status_code == 400
    assert "Type an e-mail address" in Page(r.text).alerts[0]
    to = new_email()
    for _ in range(3):
        assert sent(who, DOOR, "mail", email=to).status_code == 200
    r = sent(who, DOOR, "mail", email=to)
    assert r.status_code == 429 and int(r.headers["Retry-After"]) > 60
    ip = new_address()
    got = [who.call("POST", DOOR, {"way": "key", "license_key": "x"}, ip=ip)
           for _ in range(16)]
    assert got[0].status_code == 401 and got[-1].status_code == 429
    for headers in ({"Sec-Fetch-Site": "cross-site"},
                    {"Origin": "https://example.com"}):
        for path in (DOOR, "/portal/enter"):
            r = who.call("POST", path, {"way": "key", "license_key": "x",
                                        "token": "x"}, headers=headers)
            assert r.status_code == 403


def test_without_a_mail_server_there_is_the_key(own_instance):
    server = own_instance()
    who = Customer(Api(server.url, server.admin_key, server.db))
    page = who.get(DOOR)
    assert "sends no mail" in page.text
    assert [f["fields"].get("way") for f in page.forms] == ["key"]


def test_data_of_who_was_not_confirmed_lately(api, server, smtp, buyer):
    """The download and the deletion want another code; then all is gone."""
    to, made = buyer
    who = customer(server, to, fresh=False)
    door = who.goes("/portal/data/delete")
    assert door == "/portal/confirm?next=%2Fportal%2Fdata%2Fdelete"
    r = who.call("GET", "/v1/portal/data", headers={"Accept": "text/html"})
    assert went(r) == "/portal/confirm?next=%2Fv1%2Fportal%2Fdata"
    r = sent(who, door, "mail")
    assert typed(who, r, "0").status_code == 401
    stolen = who.call("POST", "/portal/confirm", {"way": "mail"})
    assert stolen.status_code == 403
    right = typed(who, r, code_of(smtp.comes(to, 2, seconds=60)))
    assert went(right) == "/portal/data/delete"
    wrong = who.post("/portal/data/delete", email="x@example.org")
    assert wrong.status_code == 400
    done = who.post("/portal/data/delete", email=to)
    assert went(done) == DOOR + "?said=deleted"
    assert "Your data is deleted" in Customer(api).get(went(done)).said[0]
    assert server.value("SELECT buyer_email IS NULL FROM licenses WHERE id ="
                        " %s", made["license_id"])
    assert who.goes("/portal/data").startswith(DOOR)


def test_other_sessions_are_ended(api, server):
    email = new_email()
    who, other = customer(server, email), customer(server, email)
    assert went(who.post("/portal/sessions/end")) == "/portal/data?said=ended"
    assert other.goes("/portal/data").startswith(DOOR)
    who.get("/portal/data")


def test_a_key_confirms_who_came_by_it(api, server, buyer):
    _, made = buyer
    who = customer(server, license_id=made["license_id"], fresh=False)
    r = sent(who, "/portal/confirm?next=/portal/data", "key",
             license_key=made["license_key"])
    assert went(r) == "/portal/data"


def test_one_in_the_mail_is_a_letter_and_no_more(api, server, smtp, buyer):
    """The page says the same of an address that is nobody's."""
    to, _ = buyer
    stranger = new_email()
    pages = [sent(Customer(api), DOOR, "mail", email=e).text
             .replace(e, "").replace(urllib.parse.quote(e), "")
             for e in (to, stranger)]
    plain = [re.sub(r'name="challenge" value="[^"]*"', "", p) for p in pages]
    assert plain[0] == plain[1]
    smtp.comes(to, 2, seconds=60)
    wait_for(lambda: server.value(
        "SELECT bool_and(NOT letter_due) FROM customer_codes"), 60,
        "both were looked at")
    assert smtp.got(stranger) == []
