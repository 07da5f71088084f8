"""The answer to a write is committed in the transaction of its effect: of each
kind of write, one row is of the same transaction as the key's."""
import pytest

from lib.client import Api, new_slug
from lib.codes import code
from lib.idempotency import body, free, keyed, new_key
from lib.tiers import EVER, HIGH, LOW, TOP, Shop as Tiers


@pytest.fixture(scope="module")
def api(make_instance):
    """On an instance of its own: some of it changes what others rely on."""
    server = make_instance(name="together")
    return Api(server.url, server.admin_key, server.db)


def together(api, send, table="events"):
    """The answer's row and one of the effect's are of one transaction."""
    r = send(**keyed(new_key()))
    assert r.status_code == 200, r.text
    assert api.db.execute(
        f"SELECT count(*) AS n FROM {table} e, (SELECT k.xmin AS x FROM"
        " idempotency_keys k WHERE k.status = 200 ORDER BY k.created_at DESC"
        " LIMIT 1) k WHERE e.xmin = k.x").fetchone()["n"] >= 1, \
        f"{r.request.method} {r.request.path_url}"
    return r.json()


def admin(api, method, path, sent=None):
    return lambda **o: api.admin(method, path, sent, **o)


def public(api, path, sent):
    return lambda **o: api.public("POST", path, sent, **o)


def test_the_vendors_changes(api):
    """Stored with the line of the audit trail that they write."""
    p = api.product()
    for path, sent in (
            ("/products", body()),
            ("/policies", {"product_slug": p["slug"], "name": "T",
                           "slug": "t"}),
            ("/discount-codes", {"code": new_slug().upper(),
                                 "kind": "percent", "amount": 1000}),
            ("/merchant-profiles", {"name": "Shop"}),
            ("/webhook-endpoints", {"url": "https://a.example/x"}),
            ("/api-keys", {"label": "x", "role": "full-admin"}),
            ("/web-password", {"password": "a long enough one"}),
            ("/settings/operator-name", {"name": "Me"})):
        together(api, admin(api, "POST", path, sent))
    made = together(api, admin(api, "POST", "/licenses",
                               {"product_slug": p["slug"]}))
    lic = f"/licenses/{made['license_id']}"
    together(api, admin(api, "POST", lic + "/key"))
    together(api, admin(api, "POST", lic + "/suspend", {}))
    together(api, admin(api, "POST", lic + "/unsuspend", {}))
    other = together(api, admin(api, "POST", lic + "/reissue", {}))
    together(api, admin(api, "POST",
                        f"/licenses/{other['license_id']}/revoke", {}))
    together(api, admin(api, "PATCH", f"/products/{p['id']}/active",
                        {"active": False}))
    hook = api.do("POST", "/webhook-endpoints", {"url": "https://b.example/"})
    hook = f"/webhook-endpoints/{hook['id']}"
    together(api, admin(api, "PATCH", hook, {"description": "x"}))
    together(api, admin(api, "POST", hook + "/rotate-secret", {}))
    together(api, admin(api, "DELETE", hook))
    own = api.do("POST", "/merchant-profiles", {"name": "Other"})
    own = f"/merchant-profiles/{own['id']}"
    together(api, admin(api, "PATCH", own, {"legal_name": "x"}))
    together(api, admin(api, "DELETE", own))
    together(api, admin(api, "PUT", "/rates/USD/pin",
                        {"units_per_btc": "65000"}))
    together(api, admin(api, "DELETE", "/rates/USD/pin"))


def test_what_buyers_get(api):
    p = free(api)
    together(api, public(api, "/v1/purchase", {"product": p["slug"]}),
             "licenses")
    paid = api.product()
    together(api, public(api, "/v1/purchase", {"product": paid["slug"]}),
             "invoices")
    c = code(api, paid, kind="free_license")
    got = together(api, public(api, "/v1/redeem", {
        "product": paid["slug"], "code": c["code"]}), "licenses")
    machine = {"key": got["license_key"], "fingerprint": "f"}
    together(api, public(api, "/v1/machines/activate", machine), "machines")
    together(api, public(api, "/v1/machines/deactivate", machine), "machines")


def test_moves_between_tiers(api):
    shop = Tiers(api)
    had = shop.buy(HIGH)
    key = {"license_key": had["license_key"]}
    together(api, public(api, "/v1/downgrade", {
        **key, "target_policy_slug": LOW}), "tier_changes")
    together(api, public(api, "/v1/downgrade/cancel", key))
    together(api, admin(
        api, "POST", f"/licenses/{had['license_id']}/change-tier",
        {"to_policy_slug": TOP, "skip_payment": True}))
    together(api, public(api, "/v1/upgrade", {
        **key, "target_policy_slug": EVER}), "invoices")
    together(api, public(api, "/v1/subscriptions/cancel", key))
