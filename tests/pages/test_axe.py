"""Every page, judged by axe-core in Chromium: light and dark, at the desk and on
a phone; and what axe doesn't look at: nothing is cut off, the focus is seen."""
import pytest

from lib.axe import LOOKS, judge, judge_all
from lib.crawl import crawl
from lib.customer import customer
from lib.desk import open_desk

pytestmark = [pytest.mark.browser, pytest.mark.slow,
              pytest.mark.timeout(600)]


def one_of_each(pages):
    """A page of each kind, and all views of those with queries left out: the
    largest one has the most to be wrong."""
    best = {}
    for p in pages:
        kept = best.setdefault(p.shape, p)
        if len(p.html) > len(kept.html):
            best[p.shape] = p
    return list(best.values())


def test_every_page_is_accessible(stocked, area, browse, axe):
    browser = browse(stocked.url).use_session(area.visitor.cookie, area.cookie)
    found = one_of_each(area.pages)
    forms = [p.path for p in found if p.posts()]
    paths = [p.path for p in found if not p.posts()]
    # Forms are much alike, and many: they take turns.
    wrong = judge_all(browser, axe, paths + forms[::2], LOOKS[0])
    wrong += judge_all(browser, axe, paths + forms[1::2], LOOKS[1])
    assert not wrong, "\n".join(wrong)
    assert browser.complaints() == []


def test_empty_pages_are_accessible(own_instance, browse, axe):
    """A server without anything: lists say what to do next."""
    server = own_instance(name="empty")
    desk = open_desk(server)
    found, broken = crawl(desk)
    assert broken == {}
    paths = [p.path for p in one_of_each(found) if not p.posts()]
    browser = browse(server.url).use_session(desk.cookie)
    wrong = judge_all(browser, axe, paths, LOOKS[1])
    nobody = customer(server, email="nobody@example.com")
    browser.use_session(nobody.cookie, "licet_portal")
    wrong += judge_all(browser, axe, ["/portal/", "/portal/invoices"],
                       LOOKS[1])
    assert not wrong, "\n".join(wrong)


def test_pages_of_strangers_are_accessible(own_instance, browse, axe):
    server = own_instance(name="doors")
    browser = browse(server.url)
    wrong = [w for look in LOOKS
             for w in judge_all(browser, axe, ["/admin/welcome"], look)]
    open_desk(server)
    wrong += [w for look in LOOKS
              for w in judge_all(browser, axe, ["/admin/sign-in"], look)]
    browser.go("/admin/sign-in").fill(password="a wrong one").submit()
    wrong += judge(browser, axe, "a wrong password")
    assert not wrong, "\n".join(wrong)


def test_the_focus_is_seen(stocked, browse):
    """Tab by tab, on a page with lists and one with fields."""
    browser = browse(stocked.url).use_session(stocked.desk.cookie)
    for path in ("/admin/products", "/admin/products/new"):
        browser.go(path)
        for _ in range(25):
            browser.type("\ue004")
            where, style = browser.run("""
                const e = document.activeElement, s = getComputedStyle(e);
                return [e.outerHTML.slice(0, 120), s.outlineStyle === "none" ?
                    "" : s.outlineWidth + s.boxShadow]""")
            assert where.startswith("<body") or style not in ("", "0pxnone"), \
                (path, where)


def test_the_first_tab_leads_past_the_navigation(stocked, browse):
    browser = browse(stocked.url).use_session(stocked.desk.cookie)
    browser.go("/admin/products").type("\ue004")
    first = browser.driver.switch_to.active_element
    assert first.get_attribute("href").endswith("#main"), first.text
    assert browser.has("//main[@id='main']")
