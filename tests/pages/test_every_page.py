"""What holds for every page of the dashboard and of the portal, those of
tomorrow as well: the pages are found by following links, the forms on them are
read off."""
import html
import re

import pytest

from lib.client import Api
from lib.crawl import areas as all_areas
from lib.crawl import crawl, matches, tables
from lib.customer import customer
from lib.desk import Desk, Page, open_desk
from lib.seen import digest, directives
from lib.stocked import HOSTILE, SETTINGS, Stock

pytestmark = pytest.mark.deployed


def test_no_link_leads_nowhere(area):
    assert area.broken == {}


def test_every_page_is_reached_by_links(area):
    """Each row of the tables in src/pages, and so nothing is left unseen by
    the tests below."""
    rows = tables(area.prefix)[0]
    assert len(rows) > 12
    missing = {row for row in rows
               if not any(matches(row, p.path) for p in area.pages)}
    assert missing == set()


def test_pages_are_small(pages):
    """100 KB on the wire, all that a page needs for the first time."""
    for p in pages:
        assert len(p.response.content) < 100_000, p


def test_a_page_and_what_it_loads_is_small(stocked, pages):
    """The same with style and script, uncompressed."""
    sizes = {}

    def size(path):
        if path not in sizes:
            r = stocked.desk.call("GET", path)
            assert r.status_code == 200, path
            sizes[path] = len(r.content)
        return sizes[path]
    for p in pages:
        loads = {a.get("href") if tag == "link" else a["src"]
                 for tag, a in p.markup.elements
                 if tag in ("link", "script", "img") and
                 (a.get("src") or a.get("rel") in ("stylesheet", "icon"))}
        assert loads, p
        total = len(p.response.content) + sum(map(size, sorted(loads)))
        assert total < 100_000, (p, total)


def test_nothing_is_inline(pages):
    for p in pages:
        for tag, attrs in p.markup.elements:
            assert "style" not in attrs, (p, tag)
            assert not any(a.startswith("on") for a in attrs), (p, tag, attrs)
            assert tag not in ("style", "iframe", "object", "base"), (p, tag)
            for a in ("href", "src", "action", "formaction"):
                assert not (attrs.get(a) or "").lower().startswith(
                    ("javascript:", "data:")), (p, attrs)
            if tag == "script":
                assert attrs["src"].startswith("/assets/"), (p, attrs)
        assert not re.search(r"<script[^>]*>[^<]", p.html), p


def test_every_page_forbids_what_it_does_not_need(pages):
    for p in pages:
        policy = directives(p.response)
        assert policy["default-src"] == "'none'", (p, policy)
        assert policy["frame-ancestors"] == "'none'", (p, policy)
        assert policy["base-uri"] == "'none'", (p, policy)
        assert policy["form-action"] == "'self'", (p, policy)
        for name in ("script-src", "style-src", "img-src", "connect-src"):
            assert policy.get(name, "'none'") in ("'self'", "'none'"), \
                (p, policy)
        assert "unsafe" not in str(policy)
        headers = p.response.headers
        assert headers["Cache-Control"] == "no-store", p
        assert headers["X-Content-Type-Options"] == "nosniff", p
        assert headers["Referrer-Policy"] in ("no-referrer", "same-origin"), p


def test_markup_is_whole(pages):
    """Elements end where they should, ids are there once and are pointed to,
    fields have labels, each page has one heading and a title of its own."""
    for p in pages:
        assert p.markup.bad == [], p
        elements = p.markup.elements
        ids = [a["id"] for _, a in elements if a.get("id")]
        assert len(ids) == len(set(ids)), (p, sorted(ids))
        for tag, a in elements:
            for name in ("for", "aria-describedby", "aria-labelledby"):
                assert not a.get(name) or set(a[name].split()) <= set(ids), \
                    (p, tag, a)
        assert [t for t, _ in elements].count("h1") == 1, p
        assert [t for t, _ in elements].count("main") == 1, p
        assert dict(elements)["html"].get("lang") == "en", p


def test_titles_say_where_one_is(stocked, area):
    whose = "Licet" if area.start == "/admin/" else \
        html.escape(stocked.stock.wrote["operator"])
    for p in area.pages:
        title = re.search(r"<title>(.*?)</title>", p.html)[1]
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", p.html)[1]
        assert html.unescape(title).endswith(" · " + html.unescape(whose)), p
        assert heading.strip() and "{" not in title.replace("{{up}}", ""), \
            (p, title)


def test_hostile_text_is_shown_as_it_is(stocked, area):
    """Whatever was written by others is text on every page, in full."""
    shown = set()
    for p in area.pages:
        for _, attrs in p.markup.elements:
            assert "onload" not in attrs, p
        assert not any(t == "b" for t, _ in p.markup.elements), p
        assert "<script>alert" not in p.html, p
        assert "&amp;lt;script" not in p.html, (p, "escaped twice")
        seen = p.markup.values()
        shown.update(where for where, text in stocked.stock.wrote.items()
                     if text in seen)
        for start in re.finditer(re.escape("<script>alert(1)"), seen):
            assert seen.startswith(HOSTILE, start.start()) or \
                seen.startswith(HOSTILE.replace('"', '\\"'), start.start()), \
                (p, seen[start.start() - 40:start.start() + 60])
    left = set(stocked.stock.wrote) - shown
    if area.start != "/admin/":     # where the vendor's words are few
        left &= {"product", "policy", "operator", "bobhost", "bobplatform"}
    assert left == set(), f"no page shows what is written in {left}"


def test_nothing_secret_is_shown(stocked, pages):
    secrets = [stocked.stock.license["license_key"], stocked.admin_key,
               stocked.stock.endpoint["secret"], stocked.stock.key["token"],
               stocked.desk.cookie, stocked.desk.password]
    for p in pages:
        assert not any(s in p.html for s in secrets), p


# Forms.  Everything that they may change is compared before and after.

def one_of_each(pages):
    """A page of each kind."""
    return list({p.shape: p for p in reversed(pages)}.values())


@pytest.fixture(scope="module")
def forms(area):
    """One of each row of the tables: (where it goes, its fields)."""
    found = [form for p in one_of_each(area.pages) for form in p.posts()]
    assert len(found) > 10
    return found


def csrf_of(visitor, area):
    """The token of the visitor's session: signing out bears it, too."""
    return visitor.get(area.start).forms[0]["fields"]["csrf"]


def test_every_form_bears_the_sessions_token(area, forms):
    token = csrf_of(area.visitor, area)
    assert len(token) >= 32
    for action, fields in forms:
        assert fields.get("csrf") == token, action


def test_forms_of_other_sites_do_nothing(stocked, area, forms):
    """Cross-site request forgery: without the token, with none, with another
    session's, and with the right one from another site."""
    desk, other = area.visitor, csrf_of(another(stocked, area), area)
    before = digest(stocked)
    assert other != csrf_of(desk, area)
    for action, fields in forms:
        for csrf in (None, "", "0" * len(other), other):
            data = {k: v for k, v in fields.items() if k != "csrf"}
            if csrf is not None:
                data["csrf"] = csrf
            r = desk.call("POST", action, data)
            assert r.status_code == 403, (action, csrf, r.status_code)
        for headers in ({"Sec-Fetch-Site": "cross-site"},
                        {"Origin": "https://example.com"}):
            r = desk.call("POST", action, fields, headers=headers)
            assert r.status_code == 403, (action, headers, r.status_code)
    assert digest(stocked) == before


def test_forms_of_strangers_do_nothing(stocked, area, forms):
    before = digest(stocked)
    for action, fields in forms:
        for cookie in (None, "A" * 43):
            stranger = type(area.visitor)(stocked.desk.api)
            stranger.cookie = cookie
            r = stranger.call("POST", action, fields)
            assert r.status_code in (303, 401, 403), (action, r.status_code)
            if r.status_code == 303:
                assert r.headers["Location"].startswith(area.door)
    assert digest(stocked) == before


def test_links_and_looking_change_nothing(stocked, area):
    before = digest(stocked)
    for p in area.pages:
        area.visitor.call("GET", p.path)
    assert digest(stocked) == before


def test_strangers_see_no_page(stocked, area):
    for p in area.pages:
        r = type(area.visitor)(stocked.desk.api).call("GET", p.path)
        assert r.status_code == 303, p
        assert r.headers["Location"].startswith(area.door + "?next=")
        assert len(r.content) == 0


def another(server, area):
    """Another session of the same."""
    if area.start != "/admin/":
        return customer(server, email="bob@example.com")
    return Desk(server.desk.api, server.desk.password).sign_in()


# What is typed into forms, on an instance that may be spoilt.

def typed(page):
    """The fields for somebody's words, and which of them are secret."""
    words, secret = set(), set()
    for tag, a in page.markup.elements:
        kind = a.get("type", "text")
        if tag == "textarea" or (tag == "input" and kind not in (
                "hidden", "checkbox", "datetime-local")):
            words.add(a.get("name"))
        if kind == "password":
            secret.add(a["name"])
    return words, secret


@pytest.fixture
def spoilt(own_instance, vendor_shared):
    server = own_instance(name="spoilt", **SETTINGS)
    server.stock = Stock(Api(server.url, server.admin_key, server.db),
                         vendor_shared).fill()
    server.desk = open_desk(server)
    return server


# These would end the session, or change whose it is.
KEEP_OUT = ("/settings/password", "/sessions/")


def fill(desk, page):
    """Sends its forms full of it; how many came back with it kept."""
    words, secret = typed(page)
    kept = 0
    for action, fields in page.posts():
        if any(word in action for word in KEEP_OUT):
            continue
        data = {k: HOSTILE if k in words else v for k, v in fields.items()}
        r = desk.call("POST", action, data)
        assert r.status_code in (200, 303, 400, 404, 409, 502, 503), \
            (action, r.status_code, Page(r.text).alerts)
        assert "<script>alert" not in r.text, action
        if r.status_code == 400 and words & set(fields):
            form = Page(r.text).form()["fields"]
            for name in words & set(fields):
                assert form[name] == ("" if name in secret else HOSTILE), \
                    (action, name)
            kept += 1
    return kept


def test_forms_take_hostile_text(spoilt):
    """Each field of each form, filled with it: done or refused, never broken;
    on the page that comes it is text, with the input kept."""
    bob = customer(spoilt, email="bob@example.com")
    area = all_areas()["portal"]
    for page in one_of_each(crawl(bob, area.start, area.under)[0]):
        fill(bob, page)
    kept = sum(fill(spoilt.desk, page)
               for page in one_of_each(crawl(spoilt.desk)[0]))
    assert kept > 10
    spoilt.check_workers()
