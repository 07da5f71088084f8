"""The page on which a BTCPay Server's owner gives a program an API key, and
what the owner's browser does there."""
import html
from urllib.parse import parse_qs, urlsplit

import requests

from fake.btcpay_store import STORE, Key


class Consent:
    """Mixed into the fake."""

    def consent_page(self, request):
        name = html.escape(request.first("applicationName", ""))
        asked = "".join(f"<li>{html.escape(p)}</li>"
                        for p in request.query.get("permissions", []))
        return (f"<html><title>Authorize {name}</title><ul>{asked}</ul>"
                "</html>").encode()

    def grant(self, query, store):
        """The key that this consent gives: limited to one store when
        `selectiveStores' is asked for."""
        identity = (query.get("applicationIdentifier", [None])[0],
                    query.get("redirect", [None])[0])
        wanted = [p.lower() for p in query.get("permissions", [])]
        selective = query.get("selectiveStores", ["false"])[0].lower()
        scope = f":{store.id}" if selective == "true" else ""
        granted = [p + scope if p.startswith(STORE) else p for p in wanted]
        for key in self.keys.values():      # asked before: the same again
            if key.identity == identity and identity[0] and \
                    set(key.permissions) == set(granted):
                return key
        key = Key(granted, query.get("applicationName", [""])[0], identity)
        self.keys[key.text] = key
        return key

    def authorize(self, url, allow=True, store=None, shape="form",
                  session=None, **changed):
        """What the browser does with the authorize URL: shows the page, and
        after consent sends the key on to the redirect.  Its response; None
        when there is nothing to send (refused, or no absolute redirect).

        shape: form (what the server does), json (what its documentation
        says) or query (a GET).  `changed' replaces form fields."""
        page = requests.get(url, timeout=10)
        assert page.status_code == 200, page.text
        query = parse_qs(urlsplit(url).query)
        redirect = query.get("redirect", [""])[0]
        if not allow or "://" not in redirect:
            return None
        with self.lock:
            key = self.grant(query, store or self.store)
        self.granted = key
        form = {"apiKey": key.text, "userId": "8a1c5b9e-fake-user",
                "permissions[]": key.permissions, **changed}
        form = {k: v for k, v in form.items() if v is not None}
        http = session or requests
        how = {"timeout": 30, "allow_redirects": False,
               "headers": {"Origin": self.url}}
        if shape == "json":
            form["permissions"] = form.pop("permissions[]", [])
            return http.post(redirect, json=form, **how)
        if shape == "query":
            return http.get(redirect, params=form, **how)
        return http.post(redirect, data=form, **how)
