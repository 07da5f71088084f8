"""What holds for every page that buyers and customers see: the same bars as for
the dashboard.  Which pages there are is in lib/front.py."""
import re

import pytest

from lib.axe import LOOKS, judge, judge_all
from lib.crawl import Seen
from lib.front import paths
from lib.seen import digest, directives
from lib.shop import Shopper
from lib.stocked import HOSTILE

EXPECTED = (200, 404)


@pytest.fixture(scope="module")
def front(stocked):
    """{name: the page}"""
    shopper = Shopper(stocked.desk.api)
    found = {}
    for name, path in paths(stocked).items():
        r = shopper.call("GET", path)
        assert r.status_code in EXPECTED, (name, path, r.status_code)
        found[name] = Seen(path, r)
    return found


@pytest.mark.deployed
def test_front_pages_are_small_with_all_they_load(stocked, front):
    sizes = {}
    for name, p in front.items():
        loads = {a.get("href") if tag == "link" else a["src"]
                 for tag, a in p.markup.elements
                 if tag in ("link", "script", "img") and
                 (a.get("src") or a.get("rel") in ("stylesheet", "icon"))}
        for path in loads - set(sizes):
            assert path.startswith("/assets/"), (name, path)
            sizes[path] = len(stocked.desk.api.public("GET", path).content)
        total = len(p.response.content) + sum(sizes[path] for path in loads)
        assert total < 100_000, (name, total)


@pytest.mark.deployed
def test_front_pages_allow_nothing_foreign(front):
    for name, p in front.items():
        policy = directives(p.response)
        assert policy["default-src"] == "'none'", name
        assert policy["frame-ancestors"] == "'none'", name
        assert policy["base-uri"] == "'none'", name
        assert "unsafe" not in str(policy), name
        headers = p.response.headers
        assert headers["Cache-Control"] == "no-store", name
        assert headers["X-Content-Type-Options"] == "nosniff", name
        for tag, a in p.markup.elements:
            assert tag not in ("style", "iframe", "object"), name
            assert not any(k.startswith("on") or k == "style" for k in a), name
            assert tag != "script" or a.get("src"), name


@pytest.mark.deployed
def test_front_markup_is_whole(front):
    for name, p in front.items():
        assert p.markup.bad == [], name
        elements = p.markup.elements
        ids = [a["id"] for _, a in elements if a.get("id")]
        assert len(ids) == len(set(ids)), name
        for tag, a in elements:
            for attr in ("for", "aria-describedby", "aria-labelledby"):
                assert not a.get(attr) or set(a[attr].split()) <= set(ids), \
                    (name, tag, a)
            if tag in ("input", "select", "textarea") and \
                    a.get("type") != "hidden":
                assert any(t == "label" and b.get("for") == a.get("id")
                           for t, b in elements) or a.get("aria-label"), \
                    (name, a)
        for tag in ("h1", "main", "title"):
            assert [t for t, _ in elements].count(tag) == 1, (name, tag)
        assert dict(elements)["html"].get("lang") == "en", name


@pytest.mark.deployed
def test_front_shows_hostile_text_as_it_is(stocked, front):
    shown = set()
    for name, p in front.items():
        assert "<script>alert" not in p.html, name
        assert "&amp;lt;script" not in p.html, (name, "escaped twice")
        assert not any(t == "b" or "onload" in a
                       for t, a in p.markup.elements), name
        seen = p.markup.values()
        shown |= {w for w, text in stocked.stock.wrote.items() if text in seen}
        for start in re.finditer(re.escape("<script>alert(1)"), seen):
            assert seen.startswith(HOSTILE, start.start()), name
    assert {"product", "description", "entitlement", "policy",
            "operator"} <= shown


@pytest.mark.deployed
def test_front_forms_of_other_sites_do_nothing(stocked, front):
    before, shopper = digest(stocked), Shopper(stocked.desk.api)
    forms = [(f["action"] or p.path, f["fields"]) for p in front.values()
             for f in p.page.forms if f["method"] == "post"]
    assert len(forms) > 5
    for action, fields in forms:
        for headers in ({"Sec-Fetch-Site": "cross-site"},
                        {"Origin": "https://example.com"}):
            r = shopper.call("POST", action.partition("#")[0], fields, headers)
            assert r.status_code == 403, (action, headers, r.status_code)
    assert digest(stocked) == before


@pytest.mark.deployed
def test_looking_at_the_front_changes_nothing(stocked, front):
    before, shopper = digest(stocked), Shopper(stocked.desk.api)
    for p in front.values():
        shopper.call("GET", p.path)
    assert digest(stocked) == before


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_front_is_accessible(stocked, front, browse, axe):
    """axe-core, nothing cut off, nothing too small to hit: the desk in light,
    the phone in dark; and a form that was refused."""
    browser = browse(stocked.url)
    wrong = [w for look in LOOKS for w in judge_all(
        browser, axe, [p.path for p in front.values()], look)]
    browser.go(front["code"].path)
    wrong += judge(browser, axe, "a refused code")
    assert not wrong, "\n".join(wrong)
    assert browser.complaints() == []
