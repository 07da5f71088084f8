"""Passkeys in Chromium, with its virtual authenticator; and what their pages
say where they can't be used."""
import pytest
from selenium.webdriver.common.virtual_authenticator import (
    Protocol, Transport, VirtualAuthenticatorOptions)

from lib.client import new_address
from lib.desk import Page, open_desk, went
from lib.process import wait_for

BOTH = "password_and_passkey"


@pytest.fixture(scope="module")
def server(make_instance):
    """At a name, as browsers want it."""
    made = make_instance(name="passkeys", start=False)
    for r in made.replicas:
        r.settings["LICET_PUBLIC_URL"] = f"http://localhost:{made.port}"
    made.start()
    yield made
    made.check_workers()


@pytest.fixture
def api(server):
    desk = open_desk(server)
    desk.api.password = desk.password
    server.db.execute("DELETE FROM passkeys")
    server.db.execute("DELETE FROM settings WHERE key = 'web_ui_sign_in'")
    return desk.api


def plug_in(browser):
    """A phone, so to speak; its owner agrees to everything."""
    options = VirtualAuthenticatorOptions()
    options.protocol = Protocol.CTAP2
    options.transport = Transport.INTERNAL
    options.has_resident_key = options.has_user_verification = True
    options.is_user_verified = True
    browser.driver.add_virtual_authenticator(options)


def passkeys(api):
    return api.do("GET", "/passkeys")["passkeys"]


def sign_out(browser):
    """And to another place: five logins are enough for one address."""
    browser.cdp("Network.setExtraHTTPHeaders", headers={
        "X-Forwarded-For": new_address()})
    browser.press("Sign out")
    assert browser.said == ["You are signed out."]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_passkeys_life(server, api, browse):
    b = browse(f"http://localhost:{server.port}")
    plug_in(b)
    b.sign_in(api.password)

    # Added, and not twice.
    b.follow("Settings").follow("Passkeys").follow("Add a passkey")
    b.label("Name", "Ada’s <phone>").submit()
    assert b.said == ["Created."] and "Ada’s <phone>" in b.text
    made, = passkeys(api)
    assert made["alone"] is True and made["transports"] == ["internal"]
    b.follow("Add a passkey").label("Name", "Again")
    b.shown("//button[normalize-space()='Add the passkey']").click()
    wait_for(lambda: "among the passkeys here already" in b.text, 60,
             "the browser refuses it")
    assert len(passkeys(api)) == 1

    # In, with it alone, to where one wanted to go.
    sign_out(b)
    b.go("/admin/products?said=saved").press("Sign in with a passkey")
    assert b.heading == "Products", b.text
    assert b.path == "/admin/products?said=saved"
    assert passkeys(api)[0]["last_used_at"]

    # Again, instead of the password.
    server.db.execute("UPDATE sessions SET reauthenticated_at ="
                      " licet_now() - interval '900 seconds'")
    b.go("/admin/passkeys/sign-in")
    assert b.path.startswith("/admin/confirm?")
    b.press("Use a passkey")
    assert b.heading == "What signing in takes"

    # Both.
    b.fill(mode=BOTH).submit()
    assert "A password and a passkey" in b.text
    sign_out(b)
    assert not b.has("//button[normalize-space()='Sign in with a passkey']")
    b.sign_in(api.password)
    assert b.heading == "Now your passkey"
    b.press("Use a passkey")
    assert b.heading == "Overview"

    # Renamed, and gone.
    b.go("/admin/passkeys").follow("Ada’s <phone>").follow("Rename")
    b.label("Name", "Office").submit()
    assert b.heading == "Office" and passkeys(api)[0]["name"] == "Office"
    b.follow("Delete").submit()
    assert b.said == ["Deleted."] and passkeys(api) == []
    sign_out(b)
    b.sign_in(api.password)
    assert b.heading == "Overview" and b.complaints() == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_passkey_that_is_not_known(server, api, browse):
    """Nobody is let in, and the page says why; without scripts, too."""
    b = browse(f"http://localhost:{server.port}")
    plug_in(b)
    b.sign_in(api.password).go("/admin/passkeys/new")
    b.label("Name", "x").submit()
    server.db.execute("UPDATE passkeys SET credential_id = sha256('x')")
    sign_out(b)
    b.go("/admin/sign-in?next=/admin/products")
    b.press("Sign in with a passkey")
    assert "This passkey is not known here." in b.text
    b.fill(password=api.password).submit()
    assert b.heading == "Products"
    plain = browse(f"http://localhost:{server.port}", scripts=False)
    plain.go("/admin/sign-in")
    assert "needs scripts" in plain.text
    assert not [e for e in plain.all("//form[@data-passkey]")
                if e.is_displayed()]
    plain.sign_in(api.password)
    plain.go("/admin/passkeys/new").label("Name", "x").submit()
    assert "No passkey was made." in plain.text


def test_pages_without_a_browser(server, api):
    """Refused beside the right form; what was typed stays."""
    desk = open_desk(server)
    assert "nobody guesses it" in desk.get("/admin/passkeys").text
    r = desk.post("/admin/passkeys/new", name="Mine", credential="{bad")
    page = Page(r.text)
    assert r.status_code == 400 and page.form()["fields"]["name"] == "Mine"
    assert page.alerts == ["credential: must be an object"]
    r = desk.post("/admin/passkeys/sign-in", mode=BOTH)
    assert r.status_code == 409
    assert Page(r.text).wrong == {"mode": "there is no passkey; add one first"}
    for path in ("/admin/sign-in/passkey", "/admin/confirm/passkey"):
        r = desk.call("POST", path, {"credential": "{}"},
                      headers={"Origin": "https://evil.example"})
        assert r.status_code == 403
    assert desk.call("POST", "/admin/confirm/passkey",
                     {"credential": "{}"}).status_code == 403
    desk.cookie = None
    r = desk.call("POST", "/admin/sign-in/passkey?next=//evil.example",
                  {"credential": "{}"})
    assert r.status_code == 401
    assert "No passkey answered." in Page(r.text).alerts
    assert "evil" not in r.text
    assert went(desk.call("POST", "/admin/confirm/passkey",
                          {"credential": "{}"})) == "/admin/sign-in"
