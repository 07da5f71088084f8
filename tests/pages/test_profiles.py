"""The dashboard's pages of merchant profiles and payment providers."""
import pytest

from lib.check import NOWHERE, events
from lib.client import Api, new_slug
from lib.connect import consent, profile, status
from lib.desk import Page, open_desk, went

HOSTILE = "<script>alert(1)</script>\"'&amp;<b>"


@pytest.fixture(scope="module")
def house(make_instance, btcpay_shared):
    """Knows where a BTCPay server is; nothing is connected."""
    server = make_instance(name="house", LICET_PAYMENTS="none",
                           LICET_BTCPAY_URL=btcpay_shared.url)
    return open_desk(server), server


@pytest.fixture
def desk(house):
    yield house[0]
    house[1].check_workers()


@pytest.fixture
def server(house):
    return house[1]


@pytest.fixture
def api(server):
    return Api(server.url, server.admin_key, server.db)


@pytest.fixture
def mine(api):
    """A profile of this test's own, and its page."""
    made = profile(api)
    return made, f"/admin/profiles/{made['id']}"


def default(api):
    return next(p["id"] for p in api.do("GET", "/merchant-profiles")[
        "profiles"] if p["is_default"])


def connected(api, made, kind="btcpay"):
    return status(api, made["id"], kind)["connected"]


def consented(desk, btcpay, page):
    """Connects a store by the pages and BTCPay Server's consent."""
    r = desk.post(page + "/btcpay/connect")
    assert r.status_code == 200, r.text
    shown = Page(r.text)
    link = next(x for x in shown.links if x.startswith(btcpay.url))
    r = consent(btcpay, {"authorize_url": link}, store=btcpay.add_store())
    assert r.status_code == 200, r.text
    return r


# ---- profiles ----

def test_what_there_is_before_anything_is_connected(desk, api):
    page = desk.get("/admin/profiles")
    assert "Nobody takes payments yet" in page.text
    assert f"/admin/profiles/{default(api)}/btcpay/connect" in page.links
    assert f"/admin/profiles/{default(api)}" in page.links


def test_made_shown_and_changed(desk, api):
    fields = {"name": HOSTILE + new_slug("n"), "legal_name": "Shop GmbH",
              "support_email": "help@shop.example",
              "support_url": "https://shop.example/s",
              "brand_color": "#0b5cd6",
              "post_purchase_redirect_url":
                  "https://shop.example/?i={invoice_id}"}
    at, _, word = went(desk.post("/admin/profiles/new",
                                 **fields)).partition("?said=")
    assert word == "created"
    made = api.do("GET", at.replace("/admin/profiles", "/merchant-profiles"))
    assert {k: made[k] for k in fields} == fields
    r = desk.call("GET", at)
    assert "<script>alert" not in r.text
    page = Page(r.text)
    assert "Shop GmbH" in page.text
    assert "https://shop.example/s" in page.links
    form = desk.get(at + "/edit").form()["fields"]
    assert {k: form[k] for k in fields} == fields
    assert went(desk.post(at + "/edit", legal_name="", name="Other")) == \
        at + "?said=saved"
    made = api.do("GET", at.replace("/admin/profiles", "/merchant-profiles"))
    assert (made["name"], made["legal_name"], made["brand_color"]) == \
        ("Other", None, "#0b5cd6")


@pytest.mark.parametrize("field, typed", [
    ("name", ""), ("support_email", "nobody"), ("brand_color", "blue"),
    ("support_url", "javascript:alert(1)")])
def test_what_is_wrong_is_said_beside_it(desk, api, field, typed):
    before = len(api.do("GET", "/merchant-profiles")["profiles"])
    r = desk.post("/admin/profiles/new", **{
        "name": "Kept", "legal_name": "Kept too", field: typed})
    assert r.status_code == 400
    page = Page(r.text)
    assert page.wrong[field]
    form = page.form()["fields"]
    assert form[field] == typed and form["legal_name"] == "Kept too"
    assert len(api.do("GET", "/merchant-profiles")["profiles"]) == before


def test_the_default_moves(desk, api, mine):
    was = default(api)
    made, page = mine
    assert went(desk.post(page + "/default")) == page + "?said=changed"
    assert default(api) == made["id"]
    assert page + "/delete" not in desk.get(page).links
    assert went(desk.post(f"/admin/profiles/{was}/default"))
    assert default(api) == was


def test_deleted_with_what_is_left_to_do(desk, api, server, mine):
    made, page = mine
    assert "can’t be deleted" in desk.get(page + "/delete").text
    r = desk.post(page + "/delete")
    assert r.status_code == 200
    shown = Page(r.text)
    assert "The profile is deleted" in shown.headings
    assert "Nothing" in shown.text and "/admin/profiles" in shown.links
    desk.get(page, 404)
    assert events(server, made["id"], "merchant_profile.delete")


def test_one_with_products_stays(desk, api, mine):
    made, page = mine
    api.product(merchant_profile_id=made["id"])
    r = desk.post(page + "/delete")
    assert r.status_code == 400
    assert Page(r.text).alerts == ["the profile has products"]
    assert api.do("GET", f"/merchant-profiles/{made['id']}")


def test_one_of_nothing(desk):
    for path in ("", "/edit", "/default", "/rails/card", "/btcpay",
                 "/btcpay/connect", "/btcpay/disconnect", "/zaprite",
                 "/zaprite/connect", "/sandbox"):
        desk.get(f"/admin/profiles/{NOWHERE}{path}", 404)


# ---- BTCPay Server ----

def test_btcpay_by_a_link_and_not_a_redirect(desk, api, btcpay, mine):
    made, page = mine
    before = desk.get(page + "/btcpay")
    assert "None is connected" in before.text
    assert "How its store can be paid" not in before.headings
    r = consented(desk, btcpay, page)
    assert "/admin/profiles" in Page(r.text).links
    assert connected(api, made)
    shown = desk.get(page + "/btcpay")
    assert "BTC-CHAIN" in shown.text or "BTC-LN" in shown.text
    assert page + "/btcpay/disconnect" in shown.links
    assert page + "/btcpay" in desk.get(page).links


def test_btcpay_that_is_silent_has_a_page_all_the_same(desk, api, btcpay,
                                                       mine):
    made, page = mine
    consented(desk, btcpay, page)
    btcpay.wrong("garbage")
    shown = desk.get(page + "/btcpay")
    assert "BTCPay Server does not tell." in shown.text
    assert page + "/btcpay/disconnect" in shown.links
    btcpay.wrong(None)
    with btcpay.away():
        shown = desk.get(page + "/btcpay")
        assert "BTCPay Server does not tell." in shown.text


def test_btcpay_disconnected_with_its_warnings(desk, api, server, btcpay,
                                               mine):
    made, page = mine
    consented(desk, btcpay, page)
    form = desk.get(page + "/btcpay/disconnect").form()["fields"]
    known = status(api, made["id"])["provider_id"]
    assert form["provider_id"] == known
    r = desk.post(page + "/btcpay/disconnect")
    assert r.status_code == 200
    shown = Page(r.text)
    assert "It is disconnected" in shown.headings and "Nothing" in shown.text
    assert not connected(api, made)
    told, = events(server, known, "payment_provider.disconnect")
    assert told["actor_kind"] == "web_ui"


def test_two_servers_of_a_profile_are_refused(desk, api, btcpay, mine):
    made, page = mine
    consented(desk, btcpay, page)
    r = desk.post(page + "/btcpay/connect")
    assert r.status_code == 409
    assert "disconnect it first" in Page(r.text).alerts[0]
    assert page + "/btcpay/connect" not in desk.get(page + "/btcpay").links


# ---- Zaprite ----

def test_zaprite(desk, api, server, zaprite, mine):
    made, page = mine
    r = desk.post(page + "/zaprite/connect", api_key="wrong",
                  label="Cards", base_url=zaprite.url)
    assert r.status_code == 502
    shown = Page(r.text)
    assert shown.alerts == ["Zaprite refuses this key."]
    fields = shown.form()["fields"]
    assert (fields["api_key"], fields["label"]) == ("", "Cards")
    r = desk.post(page + "/zaprite/connect", api_key=zaprite.api_key,
                  label=HOSTILE, base_url=zaprite.url)
    assert r.status_code == 200, r.text
    known = status(api, made["id"], "zaprite")
    assert known["webhook_url"] in Page(r.text).text
    assert zaprite.api_key not in r.text and "<script>alert" not in r.text
    shown = desk.get(page + "/zaprite")
    assert known["webhook_url"] in shown.text
    rails = desk.get(page)
    assert any(f"/rails/card?payment_provider_id={known['provider_id']}" in x
               for x in rails.links)
    r = desk.post(page + "/zaprite/disconnect")
    assert r.status_code == 200 and "API key" in Page(r.text).text
    assert not connected(api, made, "zaprite")


# ---- rails ----

def test_rails_are_chosen(desk, api, zaprite, btcpay, mine):
    made, page = mine
    consented(desk, btcpay, page)
    desk.post(page + "/zaprite/connect", api_key=zaprite.api_key,
              base_url=zaprite.url)
    card = status(api, made["id"], "zaprite")["provider_id"]
    store = status(api, made["id"])["provider_id"]

    def chosen():
        return {r["rail"]: r["payment_provider_id"] for r in
                api.do("GET", f"/merchant-profiles/{made['id']}/rails")[
                    "rails"] if r["chosen"]}
    link = next(x for x in desk.get(page).links if "/rails/lightning" in x)
    form = desk.get(link).form()["fields"]
    assert form["payment_provider_id"] == store
    assert went(desk.post(link, payment_provider_id=card)) == \
        page + "?said=saved"
    assert chosen() == {"lightning": card}
    r = desk.post(page + "/rails/card", payment_provider_id=store)
    assert r.status_code == 400
    assert "serve" in Page(r.text).wrong["payment_provider_id"]
    assert went(desk.post(page + "/rails/lightning/clear")) == \
        page + "?said=saved"
    assert chosen() == {}


# ---- whoever may not ----

FORMS = ["default", "delete", "rails/card", "rails/card/clear",
         "btcpay/connect", "btcpay/disconnect", "zaprite/connect",
         "zaprite/disconnect", "edit"]


@pytest.mark.parametrize("form", FORMS)
def test_without_the_token_nothing_happens(desk, api, mine, form):
    made, page = mine
    before = api.do("GET", f"/merchant-profiles/{made['id']}")
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        r = desk.call("POST", f"{page}/{form}", {"name": "x", **csrf})
        assert r.status_code == 403
    assert api.do("GET", f"/merchant-profiles/{made['id']}") == before


@pytest.mark.parametrize("form", FORMS[:-1])
def test_where_money_goes_wants_the_password_of_late(desk, api, server, mine,
                                                     form):
    made, page = mine
    csrf = desk.csrf
    server.db.execute("UPDATE sessions SET reauthenticated_at ="
                      " reauthenticated_at - interval '1 hour'")
    try:
        assert desk.goes(f"{page}/{form}").startswith("/admin/confirm?next=")
        r = desk.call("POST", f"{page}/{form}", {"csrf": csrf})
        assert went(r).startswith("/admin/confirm?")
    finally:
        server.db.execute("UPDATE sessions SET reauthenticated_at ="
                          " reauthenticated_at + interval '1 hour'")
    assert api.do("GET", f"/merchant-profiles/{made['id']}")["id"]
