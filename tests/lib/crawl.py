"""Every page that can be reached by links from where one comes in, as a
browser without scripts sees it.  Of pages that differ only in whose they are,
and of filters, a few are looked at."""
import dataclasses
import re
import urllib.parse
from html.parser import HTMLParser

from lib.desk import VOID, Page
from lib.replica import ROOT

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
THINGS = 12             # of one kind: they are in other states
FORMS = 3               # of one kind
VIEWS = 5               # of one page with other queries


@dataclasses.dataclass
class Area:
    """A part of the site: where one comes in, what belongs to it, who looks,
    and how its rows in src/pages begin."""
    start: str
    under: tuple
    door: str
    cookie: str
    prefix: str = ""
    visitor: object = None
    pages: list = None
    broken: dict = None


def areas():
    """Who is signed in to what is told by the fixture `areas'."""
    return {"dashboard": Area("/admin/", ("/admin", "/v1/admin"),
                              "/admin/sign-in", "keysat_session"),
            "portal": Area("/portal/", ("/portal", "/v1/portal"),
                           "/portal/sign-in", "licet_portal", "PORTAL_")}


def shape(path):
    """What kind of page it is: ids are left out, and what a query says."""
    url = urllib.parse.urlsplit(path)
    return UUID.sub(":id", url.path)


class Markup(HTMLParser):
    """Elements with their attributes, and all that is text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.depth, self.text, self.bad = [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.bad.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self.depth.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.depth or self.depth.pop() != tag:
            self.bad.append(f"</{tag}> ends nothing")

    def handle_data(self, data):
        self.text += data

    def values(self):
        """All a reader may see: text, and what stands in fields and titles."""
        return " ".join([self.text, *(
            a[n] for _, a in self.elements for n in ("value", "aria-label",
                                                     "placeholder", "title")
            if a.get(n))])


class Seen:
    """A page that was fetched."""

    def __init__(self, path, response):
        self.path, self.response = path, response
        self.shape = shape(path)
        self.html = response.text
        self.markup = Markup(self.html)
        self.page = Page(self.html)

    def __repr__(self):
        return self.path

    def posts(self):
        """Its own forms, as (where they go, their fields)."""
        return [(f["action"] or self.path, f["fields"])
                for f in self.page.forms if f["method"] == "post" and
                not (f["action"] or "").endswith("/sign-out")]


def crawl(desk, start="/admin/", under=("/admin", "/v1/admin")):
    """All pages, in the order in which they were found, and which links lead
    nowhere: {path: what came}."""
    todo, known, counts, seen, broken = [start], {start}, {}, [], {}
    while todo:
        path = todo.pop(0)
        is_view = bool(urllib.parse.urlsplit(path).query)
        kind = shape(path), is_view
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] > (VIEWS if is_view else
                           THINGS if kind[0].endswith(":id") else FORMS):
            continue
        r = desk.call("GET", path)
        links = []
        if r.status_code == 303:        # a page that leads to another
            links = [r.headers["Location"]]
        elif r.status_code != 200:
            broken[path] = f"{r.status_code} {Page(r.text).alerts}"
        elif r.headers["Content-Type"].startswith("text/html"):
            seen.append(Seen(path, r))
            links = seen[-1].page.links
        for link in links:
            link = urllib.parse.urljoin(path, link).partition("#")[0]
            if link.startswith(under) and link not in known:
                known.add(link)
                todo.append(link)
    return seen, broken


MAKER = re.compile(r'#define\s+(\w+)\(p, t, \.\.\.\)\s+((?:PORTAL_)?FORM)'
                   r'\("([^"]*)" p(?: "([^"]*)")?')


def tables(prefix=""):
    """The paths of all pages, and of those that are forms, as the tables in
    src/pages say them, macros of path filled in; `prefix' is that of the
    macros, as in PORTAL_PAGE."""
    pages, forms, shared = set(), set(), {}
    page, form = prefix + "PAGE", prefix + "FORM"
    for file in sorted((ROOT / "src/pages").glob("*.[hc]"),
                       key=lambda f: (f.suffix != ".h", f.name)):
        text = re.sub(r"\\\n", " ", file.read_text())
        names = dict(re.findall(r'#define\s+(\w+)\s+"([^"\n]*)"', text))
        own = {name: (before, after)
               for name, kind, before, after in MAKER.findall(text)
               if kind == form}
        if file.suffix == ".h":
            shared.update(own)
            continue
        makers = {page: ("", ""), form: ("", ""), **shared, **own}
        rows = re.findall(r'^\t(' + "|".join(makers) +
                          r')\((?:([A-Z_]+)\s*)?("[^"]*")?,', text, re.M)
        for maker, name, literal in rows:
            before, after = makers[maker]
            path = before + names.get(name, "") + literal.strip('"') + after
            pages.add(path)
            if maker != page:
                forms.add(path)
    return pages, forms


def matches(pattern, path):
    """Is the path one of the table's row?"""
    return re.fullmatch(re.sub(r":\w+", "[^/]+", pattern),
                        urllib.parse.urlsplit(path).path) is not None
