"""Somebody in the shop, without scripts and without an account: pages are
read, forms filled in and sent."""
import re
import urllib.parse

from lib.desk import Page, went

HTML = {"Accept": "text/html,application/xhtml+xml"}


class Shopper:
    """Comes from a new address with each request, unless `ip' says which."""

    def __init__(self, api, ip=None):
        self.api, self.ip = api, ip

    def call(self, method, path, data=None, headers=(), **options):
        headers = {**HTML, **dict(headers)}
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urllib.parse.urlencode(data)
        return self.api.call(method, path, data=data, headers=headers,
                             ip=self.ip, **options)

    def get(self, path, status=200):
        r = self.call("GET", path)
        assert r.status_code == status, (path, r.status_code, r.text[:800])
        assert len(r.content) < 100_000
        return Sheet(r.text)

    def product(self, product, **query):
        """A product's page."""
        query = urllib.parse.urlencode(query)
        return self.get(f"/buy/{product['slug']}" + ("?" + query) * bool(query))

    def send(self, sheet, do="buy", **fields):
        """The page's form with these fields changed; what came."""
        form = sheet.form()
        return self.call("POST", form["action"].partition("#")[0],
                         {**form["fields"], "do": do, **fields})

    def apply(self, sheet, **fields):
        r = self.send(sheet, "apply", **fields)
        assert r.status_code in (200, 400, 502), r.status_code
        return Sheet(r.text)

    def buy(self, product, query=None, **fields):
        """The invoice's id of what was bought, and where it went."""
        to = went(self.send(self.product(product, **(query or {})), **fields))
        return to.rpartition("=")[2].rpartition("/")[2], to


class Sheet(Page):
    """A page of the shop: what its parts say."""

    def __init__(self, html):
        super().__init__(html)
        self.html = html

    def part(self, pattern):
        found = re.search(pattern, self.html, re.S)
        return " ".join(Page(found[1]).text.split()) if found else None

    @property
    def fields(self):
        return self.form()["fields"]

    @property
    def price(self):
        """On the card with the button."""
        return self.part(r'id="order".*?<p class="price">(.*?)</p>')

    @property
    def button(self):
        return self.part(r'value="buy">(.*?)</button>')

    @property
    def tiers(self):
        """{name: what its card says}"""
        cards = re.findall(r'<li(?: class="highlighted")?>\s*<div class="top">'
                           r'(.*?)</ul>', self.html, re.S)
        return {Sheet(c).part(r"<h3>(.*?)</h3>"):
                " ".join(Page(c).text.split()) for c in cards}

    @property
    def features(self):
        """Of the first tier."""
        text = re.search(r'<ul class="features">(.*?)</ul>', self.html, re.S)
        return [" ".join(Page(li).text.split()) for li in
                re.findall(r"<li[^>]*>(.*?)</li>", text[1], re.S)]

    @property
    def current(self):
        return self.part(r'aria-current="true">(.*?)</a>')
