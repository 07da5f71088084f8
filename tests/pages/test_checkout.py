"""The checkout in a browser: buyers who wait while replicas die, by event
stream, by asking, and without scripts; what a camera sees; axe, and phones."""
import base64
import re
import subprocess

import pytest

from lib.axe import LOOKS, judge_all
from lib.checkout import acts, path_of, reaches
from lib.client import Api
from lib.process import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow,
              pytest.mark.timeout(600)]
SECONDS = 120


def client(server):
    return Api(server.url, server.admin_key, server.db)


def shows(browser, pattern):
    """Until the page says so, by itself."""
    wait_for(lambda: re.search(pattern, browser.text), SECONDS,
             f"the page says {pattern!r}", pause=0.2)


def camera(browser, tmp_path):
    """What zbarimg reads in a picture of the screen."""
    image = tmp_path / "screen.png"
    image.write_bytes(base64.b64decode(
        browser.driver.get_screenshot_as_base64()))
    return subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable",
         str(image)], check=True, capture_output=True,
        timeout=60).stdout.decode().strip()


def test_buyers_wait_while_replicas_die(own_instance, browse, tmp_path):
    server = own_instance(name="waited", replicas=2)
    api = client(server)
    bought = api.buy(api.product(price_sats=53_552))
    scripted = browse(server.url, width=390, height=1400)
    plain = browse(server.url, scripts=False)
    polling = browse(server.url)
    polling.cdp("Page.addScriptToEvaluateOnNewDocument",
                source="delete window.EventSource;")
    for b in (scripted, plain, polling):
        b.go(path_of(bought))
        assert b.heading == "Waiting for your payment", b.text
    # In dark mode, too, a camera reads it.
    scripted.look(390, 1400, dark=True)
    link = scripted.link("Open in a wallet").get_attribute("href")
    assert camera(scripted, tmp_path).partition(":")[2] == \
        link.partition(":")[2]
    shows(scripted, r"1[0-4]:[0-5][0-9] left")
    server.replicas[0].kill()
    acts(api, bought, "short")
    for b in (scripted, polling):
        shows(b, "26,776 sats are missing")
    server.bring_back(server.replicas[0])
    server.replicas[1].kill()
    acts(api, bought, "rest")
    shows(scripted, "Your payment is on its way")
    acts(api, bought, "confirm")
    shows(scripted, "Confirming: 1 of 3")
    acts(api, bought, "confirm", "confirm")
    key = api.poll(bought)["license_key"]
    for b in (scripted, plain, polling):
        wait_for(lambda b=b: b.path.startswith("/thank-you"), SECONDS,
                 "the page goes to the key", pause=0.2)
        shows(b, re.escape(key))
    assert scripted.complaints() == []


def test_a_new_invoice_without_scripts_and_every_state_on_phones(
        own_instance, browse, axe):
    """Each state, as axe and a phone have it; then an expired one goes on."""
    server = own_instance(name="states")
    api = client(server)
    hostile = "W" * 90 + " <b>\"'&amp;</b>"
    p = api.product(name=hostile, price_sats=53_552)

    def state_of(*words, ends):
        made = api.buy(p)
        api.public("GET", path_of(made))
        acts(api, made, *words)
        reaches(api, made, ends)
        return made
    paths = [path_of(state_of(*words, ends=ends), more) for words, ends, more
             in (((), "waiting", ""), ((), "waiting", "?by=onchain"),
                 (("short",), "short", ""),
                 (("short", "expire"), "short_expired", ""),
                 (("seen", "confirm"), "confirming", ""),
                 (("expire", "late"), "late", ""))]
    old = state_of("expire", ends="expired")
    paths.append(path_of(old))
    browser = browse(server.url)
    wrong = [w for look in LOOKS for w in judge_all(browser, axe, paths, look)]
    assert not wrong, "\n".join(wrong)
    browser.look(390, 844)
    for path in paths:
        browser.go(path)
        assert browser.run("return document.documentElement.scrollWidth"
                           " <= innerWidth"), path
    assert browser.complaints() == []
    plain = browse(server.url, scripts=False)
    plain.go(path_of(old)).press("Get a new invoice")
    assert plain.path.startswith("/checkout/") and \
        plain.path != path_of(old)
    assert plain.heading == "Waiting for your payment"
    plain.go(path_of(old))
    assert plain.path != path_of(old)
