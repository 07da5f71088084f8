"""A browser without scripts: it keeps its cookie, reads a page's forms,
fills them in and sends them."""
import urllib.parse
from html.parser import HTMLParser

from lib.client import Api
from lib.web import set_password

VOID = {"meta", "link", "input", "br", "hr", "img", "path", "rect", "line"}


class Page(HTMLParser):
    """What tests ask of a page: its forms, links, text, and the headings of
    its main part."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.forms, self.links, self.headings, self.wrong = [], [], [], {}
        self.text, self.alerts, self.said = "", [], []
        self.stack, self.area, self.select = [], None, None
        self.feed(text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        a = {k: "" if v is None else v for k, v in attrs}
        self.text += " "
        if tag == "form":
            self.forms.append({"action": a.get("action"),
                               "method": a.get("method", "get"),
                               "fields": {}})
        elif self.forms and a.get("name"):
            self.field(tag, a)
        elif tag == "option" and self.select and "selected" in a:
            self.forms[-1]["fields"][self.select] = a.get("value", "")
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
        if tag not in VOID:
            self.stack.append((tag, a))

    def field(self, tag, a):
        fields = self.forms[-1]["fields"]
        if tag == "select":
            self.select = a["name"]
            fields[self.select] = ""
        elif tag == "textarea":
            self.area = a["name"]
            fields[self.area] = ""
        elif a.get("type") == "checkbox":
            if "checked" in a:
                fields[a["name"]] = a.get("value", "on")
        elif tag == "input":
            fields[a["name"]] = a.get("value", "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.area is not None:
            fields = self.forms[-1]["fields"]
            fields[self.area] += data.removeprefix("\n") \
                if not fields[self.area] else data
            return
        self.text += data
        tag, a = self.stack[-1] if self.stack else ("", {})
        if tag in ("h1", "h2") and any(t == "main" for t, _ in self.stack):
            self.headings.append(data)
        if a.get("role") in ("alert", "status"):
            (self.alerts if a["role"] == "alert" else self.said).append(data)
        if a.get("class") == "wrong":
            self.wrong[a["id"].removesuffix("-wrong")] = data

    def form(self, method="post"):
        """The page's own form; the last, since signing out is a form, too.
        What a passkey would be sent by is none that can be filled in."""
        return [f for f in self.forms if f["method"] == method and
                set(f["fields"]) - {"csrf"} != {"credential"}][-1]


class Desk:
    """Somebody at the dashboard."""

    def __init__(self, api, password=None):
        self.api, self.password, self.cookie = api, password, None

    def call(self, method, path, data=None, **options):
        headers = {"Accept": "text/html,*/*;q=0.8",
                   **options.pop("headers", {})}
        if self.cookie is not None:
            headers.setdefault("Cookie", f"keysat_session={self.cookie}")
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urllib.parse.urlencode(data)
        r = self.api.call(method, path, data=data, headers=headers, **options)
        given = r.headers.get("Set-Cookie", "")
        if given.startswith("keysat_session="):
            self.cookie = given.split(";")[0].split("=", 1)[1] or None
        return r

    def get(self, path, status=200):
        r = self.call("GET", path)
        assert r.status_code == status, (path, r.status_code, r.text[:800])
        assert len(r.content) < 100_000
        return Page(r.text)

    def goes(self, path):
        """Where this page sends to."""
        return went(self.call("GET", path))

    def post(self, path, **fields):
        """What came of a page's form with these fields changed."""
        form = self.get(path).form()
        data = {**form["fields"], **fields}
        return self.call("POST", form["action"] or path,
                         {k: v for k, v in data.items() if v is not None})

    def sign_in(self):
        assert went(self.post("/admin/sign-in", password=self.password)) \
            == "/admin/"
        return self

    @property
    def csrf(self):
        return self.get("/admin/products").form()["fields"]["csrf"]


def went(response):
    assert response.status_code == 303, (response.status_code,
                                         response.text[:800])
    return response.headers["Location"]


def open_desk(server):
    """Somebody who is signed in, and knows the password."""
    api = Api(server.url, server.admin_key, server.db)
    return Desk(api, set_password(api)).sign_in()
