"""A small client of the HTTP API.

Each call comes from an address of its own (through X-Forwarded-For, the test
process being a trusted proxy), so that limits bite only where a test fixes
the address.
"""
import itertools
import secrets

import requests

ADDRESSES = itertools.count(secrets.randbelow(1 << 22))


def new_address():
    n = next(ADDRESSES) & 0xffffff
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def new_slug(prefix="p"):
    return f"{prefix}-{secrets.token_hex(6)}"


class Api:
    def __init__(self, url, admin_key, db=None):
        self.url = url
        self.admin_key = admin_key
        self.db = db
        self.session = requests.Session()
        self.session.trust_env = False

    # Plain calls

    def call(self, method, path, json=None, *, ip=None, token=None,
             headers=None, **options):
        url = path if path.startswith("http") else self.url + path
        h = {"X-Forwarded-For": ip or new_address()}
        if token is not None:
            h["Authorization"] = f"Bearer {token}"
        h.update(headers or {})
        options.setdefault("timeout", 30)
        options.setdefault("allow_redirects", False)
        return self.session.request(method, url, json=json, headers=h,
                                    **options)

    def public(self, method, path, json=None, **options):
        return self.call(method, path, json, **options)

    def admin(self, method, path, json=None, **options):
        if not path.startswith(("/v1", "http")):
            path = "/v1/admin" + path
        return self.call(method, path, json, token=self.admin_key, **options)

    def get(self, path, **options):
        return expect(self.public("GET", path, **options), 200)

    def do(self, method, path, json=None, status=200, **options):
        """An admin call that must succeed; its JSON."""
        return expect(self.admin(method, path, json, **options), status)

    # Things of the domain

    def product(self, **fields):
        body = {"slug": new_slug(), "name": "Demo", "price_sats": 50000}
        body.update(fields)
        if "price_currency" in fields:
            body.pop("price_sats")
        return self.do("POST", "/products", body)

    def policy(self, product, **fields):
        body = {"product_slug": product["slug"], "name": "Tier",
                "slug": new_slug("t")}
        body.update(fields)
        return self.do("POST", "/policies", body)

    def issue(self, product=None, **fields):
        if product is None:
            product = self.product()
        body = {"product_slug": product["slug"]}
        body.update(fields)
        made = self.do("POST", "/licenses", body)
        made["product_slug"] = product["slug"]
        return made

    def buy(self, product, **fields):
        body = {"product": product["slug"]}
        body.update(fields)
        return expect(self.public("POST", "/v1/purchase", body), 200)

    def poll(self, purchase):
        return self.get(f"/v1/purchase/{purchase['invoice_id']}")

    def pay(self, purchase):
        """Pays in the sandbox; what the purchase looks like afterwards."""
        r = self.public("POST", purchase["checkout_url"] + "/pay")
        assert r.status_code in (200, 204, 302, 303), (r.status_code, r.text)
        return self.poll(purchase)

    def expire(self, purchase):
        r = self.public("POST", purchase["checkout_url"] + "/expire")
        assert r.status_code in (200, 204, 302, 303), (r.status_code, r.text)
        return self.poll(purchase)

    def validate(self, key, **fields):
        ip = fields.pop("ip", None)
        headers = fields.pop("headers", None)
        return expect(self.public("POST", "/v1/validate",
                                  {"key": key, **fields}, ip=ip,
                                  headers=headers), 200)

    def activate(self, key, fingerprint, **fields):
        return expect(self.public(
            "POST", "/v1/machines/activate",
            {"key": key, "fingerprint": fingerprint, **fields}), 200)

    def heartbeat(self, key, fingerprint):
        return expect(self.public(
            "POST", "/v1/machines/heartbeat",
            {"key": key, "fingerprint": fingerprint}), 200)

    def deactivate(self, key, fingerprint, **fields):
        return expect(self.public(
            "POST", "/v1/machines/deactivate",
            {"key": key, "fingerprint": fingerprint, **fields}), 200)

    def revoke(self, license_id, **body):
        return self.do("POST", f"/licenses/{license_id}/revoke", body)

    def license(self, license_id):
        return self.do("GET", f"/licenses/{license_id}")


def expect(response, status):
    assert response.status_code == status, \
        f"{response.request.method} {response.request.url}: " \
        f"{response.status_code} {response.text[:500]}"
    return response.json()


def refused(response, status, code):
    """The answer is this error, in the envelope, as JSON for any origin."""
    assert response.status_code == status, \
        f"{response.status_code} {response.text[:500]}"
    body = response.json()
    assert set(body) >= {"ok", "error", "message"}, body
    assert body["ok"] is False
    assert body["error"] == code, body
    assert isinstance(body["message"], str) and body["message"]
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    return body
