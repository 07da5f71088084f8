"""Chromium, as somebody at the dashboard uses it: by words that are read on
the page, and by the keyboard.  Needs Debian's chromium-driver."""
import base64
import contextlib
import datetime

from selenium import webdriver
from selenium.common.exceptions import (StaleElementReferenceException,
                                        WebDriverException)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from lib.client import new_address
from lib.process import wait_for

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US",
         "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update")
FIELD = "//*[self::input or self::select or self::textarea]"
SHOWN = "[not(ancestor::details[not(@open)])]"
HIDDEN = "[ancestor::details[not(@open)]]"
SECONDS = 30


class Browser:
    """scripts=False: with JavaScript off.  Each comes from an address of its
    own, so that limits are its own."""

    def __init__(self, url, scripts=True, width=1280, height=900):
        self.url = url
        options = webdriver.ChromeOptions()
        for flag in FLAGS:
            options.add_argument(flag)
        if not scripts:
            options.add_experimental_option("prefs", {
                "profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options)
        self.driver.set_page_load_timeout(60)
        self.cdp("Network.enable")
        self.cdp("Network.setExtraHTTPHeaders", headers={
            "X-Forwarded-For": new_address()})
        self.look(width, height)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def quit(self):
        if self.driver is not None:
            self.driver.quit()
            self.driver = None

    # How it looks

    def look(self, width, height, dark=False):
        self.size = width, height
        self.resize(width, height)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def screenshot(self, path, most=2400):
        """The whole page, down to `most' pixels."""
        width, height = self.size
        tall = min(most, max(height, self.run(
            "return document.documentElement.scrollHeight")))
        self.resize(width, tall)
        path.write_bytes(base64.b64decode(
            self.driver.get_screenshot_as_base64()))
        self.resize(width, height)

    def resize(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=width < 500)

    # Where it is

    def go(self, path):
        self.driver.get(self.url + path)
        return self

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.url)

    @property
    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    @property
    def heading(self):
        return self.driver.find_element(By.TAG_NAME, "h1").text

    @property
    def said(self):
        return [e.text for e in self.all("//*[@role='status']")]

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def complaints(self):
        """What the page's policy forbade and its scripts broke at, since
        last asked."""
        return [e["message"] for e in self.driver.get_log("browser")
                if e["level"] == "SEVERE" and e["source"] != "network"]

    def cookie(self, name="keysat_session"):
        return self.driver.get_cookie(name)

    def use_session(self, token, name="keysat_session"):
        self.cdp("Network.setCookie", url=self.url, name=name,
                 value=token, path="/", httpOnly=True, secure=True,
                 sameSite="Strict")
        return self

    # What is there

    def all(self, xpath):
        return self.driver.find_elements(By.XPATH, xpath)

    def one(self, xpath):
        return self.driver.find_element(By.XPATH, xpath)

    def has(self, xpath):
        return bool(self.all(xpath))

    def link(self, words):
        """One that can be seen; on phones, what holds it is opened first."""
        return self.shown(f"//a[normalize-space()={quoted(words)}]")

    def shown(self, xpath):
        for _ in range(2):
            for found in self.all(xpath + SHOWN):
                if found.is_displayed():
                    return found
            if not self.has(xpath + HIDDEN):
                break
            self.one(xpath + HIDDEN + "/ancestor::details/summary").click()
        raise AssertionError(f"no {xpath}: {self.path}: {self.text}")

    def field(self, label):
        """The control that a label names, as those who hear the page know it."""
        words = quoted(label)
        by_id = self.all(f"//label[normalize-space()={words}]")
        for found in by_id:
            name = found.get_attribute("for")
            if name:
                return self.driver.find_element(By.ID, name)
            return found.find_element(By.TAG_NAME, "input")
        return self.one(f"//*[@aria-label={words}]")

    def fact(self, label):
        """What stands beside a label; a code without its button to copy."""
        dd = self.one(f"//dt[normalize-space()={quoted(label)}]"
                      "/following-sibling::dd")
        codes = dd.find_elements(By.TAG_NAME, "code")
        return (codes[0] if codes else dd).text

    # What is done

    @contextlib.contextmanager
    def leaving(self):
        """Until another page is there."""
        old = self.driver.find_element(By.TAG_NAME, "html")
        yield

        def gone():
            try:
                old.is_enabled()
                return False
            except WebDriverException as e:
                if isinstance(e, StaleElementReferenceException) or \
                        "does not belong to the document" in e.msg:
                    return True
                raise
        wait_for(gone, SECONDS, "another page comes", pause=0.05)
        wait_for(lambda: self.all("//h1"), SECONDS, "it has a heading",
                 pause=0.05)

    def follow(self, words):
        with self.leaving():
            self.link(words).click()
        return self

    def fill(self, **fields):
        """By the names of fields; True and False are ticks."""
        for name, value in fields.items():
            self.put(self.driver.find_element(By.NAME, name), value)
        return self

    def label(self, label, value):
        self.put(self.field(label), value)
        return self

    @staticmethod
    def put(field, value):
        if field.tag_name == "select":
            Select(field).select_by_value(value)
        elif isinstance(value, bool):
            if field.is_selected() != value:
                field.click()
        elif isinstance(value, datetime.datetime):
            field.send_keys(value.strftime("%m%d%Y\t%I%M%p"))
        else:
            field.clear()
            field.send_keys(value)

    def press(self, words):
        """A button."""
        with self.leaving():
            self.shown(f"//button[normalize-space()={quoted(words)}]").click()
        return self

    def submit(self):
        """The page's own form, by its button."""
        with self.leaving():
            self.one("//main//form[@method='post']"
                     "//button[not(@type='button')]").click()
        return self

    def type(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)
        return self

    def tab_to(self, element, most=200):
        """With the keyboard alone; the focus can be seen on the way."""
        for _ in range(most):
            if self.driver.switch_to.active_element == element:
                return self
            self.type(Keys.TAB)
        raise AssertionError("the keyboard does not reach it")

    def sign_in(self, password):
        self.go("/admin/sign-in").fill(password=password)
        return self.submit()


def quoted(words):
    """As XPath says a text."""
    if "'" not in words:
        return f"'{words}'"
    assert '"' not in words, words
    return f'"{words}"'
