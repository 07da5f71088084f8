"""licetctl import keysat: who may there may here, and nobody else."""
import hashlib

from lib.check import is_time
from lib.client import expect, refused
from lib.keysat import at, new_id
from lib.web import log_in, status

# "correct horse battery", at a cost that others choose.
PASSWORD = "correct horse battery"
STORED = ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
       "/HetJC6LZ4lnwgLB+wJSS2a9bFu2Kq4HxwNWzoJq2qU")
USELESS = ["", "plain text", "$2b$12$" + "x" * 53,
           STORED.replace("argon2id", "argon2i"), STORED.replace("v=19", "v=16"),
           STORED.replace("m=19456", "m=99999999"),
           STORED.replace("m=19456", "m=1048577"),
           STORED.replace("t=2", "t=65"),
           STORED.replace("t=2", "t=999"),
           STORED + "$more", STORED[:40]]


def add_key(shop, token, role="support", **row):
    hashed = hashlib.sha256(token.encode()).hexdigest()
    return shop.add("scoped_api_keys", **{
        "id": new_id(), "label": token, "token_hash": hashed, "role": role,
        "extra_scopes": "[]", "created_at": at(-9), **row})


def test_scoped_keys_go_on_opening_what_they_opened(target, shop, tmp_path):
    add_key(shop, "ks_reads", "read-only", last_used_at=at(-1))
    add_key(shop, "ks_connects", "license-issuer",
            extra_scopes='["payment_providers:write"]')
    add_key(shop, "ks_revoked", revoked_at=at(-2))
    add_key(shop, "ks_odd", revoked_at="some day in May")
    add_key(shop, "ks_late", revoked_at="2023-02-31 10:00:00")
    add_key(shop, "ks_root", role="root")
    add_key(shop, "ks_hashless", token_hash="abc")
    t = target(LICET_PAYMENTS="none")
    report = t.report(shop.write(tmp_path / "k.db"))
    assert report["tables"]["scoped_api_keys"] == {"read": 7, "written": 5}
    assert 'API key "ks_root" is not carried: make it anew' in \
        report["mended"]["scoped_api_keys"]
    api = t.start()

    def call(token, method="GET", path="/v1/admin/licenses"):
        return api.call(method, path, {} if method == "POST" else None,
                        token=token)
    for token in ("ks_reads", "ks_connects"):
        expect(call(token), 200)
    for token in ("ks_revoked", "ks_odd", "ks_late", "ks_root",
                  "ks_hashless"):
        refused(call(token), 403, "forbidden")
    refused(call("ks_reads", "POST"), 403, "forbidden")
    refused(call("ks_connects", "POST"), 400, "bad_request")
    refused(call("ks_connects", "POST", "/v1/admin/btcpay/connect"), 503,
            "btcpay_not_configured")
    for key in api.do("GET", "/api-keys")["api_keys"]:
        live = key["label"] in ("ks_reads", "ks_connects")
        assert (key["revoked_at"] is None) == live
        assert live or is_time(key["revoked_at"])


def test_the_password_stays(target, shop, tmp_path):
    shop.add("settings", key="web_ui_password_hash", value=STORED,
             updated_at=at())
    t = target(LICET_PAYMENTS="none")
    t.take(shop.write(tmp_path / "k.db"))
    api = t.start()
    assert status(api) == {"has_password": True, "logged_in": False}
    assert status(api, log_in(api, PASSWORD))["logged_in"] is True
    refused(api.public("POST", "/admin/login", {"password": "no"}), 401,
            "unauthorized")


def test_what_is_no_argon2id_is_left_and_said(target, shop, tmp_path):
    """A hash that nobody can verify would lock people out; one that costs a
    hundred GiB would do worse."""
    for i, stored in enumerate(USELESS):
        shop.rows["settings"] = []
        shop.add("settings", key="web_ui_password_hash", value=stored,
                 updated_at=at())
        t = target(LICET_PAYMENTS="none")
        report = t.report(shop.write(tmp_path / f"k{i}.db"))
        assert t.server.value("SELECT count(*) FROM settings WHERE key ="
                              " 'web_ui_password_hash'") == 0, stored
        assert report["mended"]["settings"] == \
            {"setting web_ui_password_hash is not carried": 1}
