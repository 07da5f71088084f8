"""Somebody in the customers' portal."""
import hashlib
import secrets
import urllib.parse

from lib.client import Api
from lib.desk import Desk

COOKIE = "licet_portal"


def new_email():
    return f"customer-{secrets.token_hex(5)}@example.org"


def open_session(server, email=None, license_id=None, fresh=True):
    """A session's token, as if the code had been typed or the key pasted;
    `fresh' False: an hour ago."""
    token = secrets.token_urlsafe(32)
    server.db.execute(
        "INSERT INTO customer_sessions (token_hash, email, license_id,"
        " reauthenticated_at) VALUES (%s, lower(%s), %s,"
        " licet_now() - %s * interval '1 second')",
        (hashlib.sha256(token.encode()).digest(), email, license_id,
         0 if fresh else 3600))
    return token


class Customer(Desk):
    """Pages by `get` and `post`, the API by `ask`."""

    def __init__(self, api, cookie=None):
        super().__init__(api)
        self.cookie = cookie

    def headers(self, headers):
        if self.cookie is None:
            return headers
        return {**headers, "Cookie": f"{COOKIE}={self.cookie}"}

    def keep(self, r):
        for given in r.headers.get("Set-Cookie", "").split(", "):
            name, _, rest = given.partition("=")
            if name.removeprefix("__Host-") == COOKIE:
                self.cookie = rest.split(";")[0] or None
        return r

    def ask(self, method, path, json=None, **options):
        headers = self.headers(options.pop("headers", {}))
        return self.keep(self.api.call(method, path, json, headers=headers,
                                       **options))

    def call(self, method, path, data=None, **options):
        headers = self.headers(options.pop("headers", {}))
        if data is not None:
            headers = {**headers, "Content-Type":
                       "application/x-www-form-urlencoded"}
            data = urllib.parse.urlencode(data)
        return self.keep(self.api.call(method, path, data=data,
                                       headers=headers, **options))


def customer(server, email=None, license_id=None, fresh=True):
    """Somebody whose session is open already."""
    api = Api(server.url, server.admin_key, server.db)
    return Customer(api, open_session(server, email, license_id, fresh))
