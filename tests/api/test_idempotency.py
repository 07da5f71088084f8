"""Idempotency-Key on every write: what is sent twice happens once, and is
answered twice with the same bytes."""
import threading

import pytest
import requests

from lib.check import NOWHERE
from lib.client import Api, expect, new_slug, refused
from lib.codes import code
from lib.connect import connect, profile, row
from lib.idempotency import (body, free, is_replay, keyed, new_key, same,
                             twice)
from lib.process import wait_for
from lib.tiers import HIGH, LOW, TOP, Shop as Tiers
from lib.wire import Wire


def count(api, table, where="true", *args):
    return api.db.execute(f"SELECT count(*) AS n FROM {table} WHERE {where}",
                          args).fetchone()["n"]


# ---- the rules ----

def test_without_a_key_nothing_is_kept(api):
    before = count(api, "idempotency_keys")
    r = api.admin("POST", "/products", body())
    assert r.status_code == 200 and not is_replay(r)
    assert count(api, "idempotency_keys") == before


def test_the_answer_is_replayed(api):
    asked = body()
    first = twice(lambda **o: api.admin("POST", "/products", asked, **o))
    assert first.status_code == 200
    assert count(api, "products", "slug = %s", asked["slug"]) == 1
    assert count(api, "events", "action = 'product.create' AND target_id ="
                 " %s", first.json()["id"]) == 1


def test_a_refusal_is_replayed_even_if_it_would_not_be_one_now(api):
    slug = new_slug()
    key = new_key()

    def ask():
        return api.admin("POST", "/licenses", {"product_slug": slug},
                         **keyed(key))
    first = ask()
    refused(first, 404, "not_found")
    api.product(slug=slug)
    same(first, ask())


def test_another_body_is_refused(api):
    key = new_key()
    asked = body()
    first = api.admin("POST", "/products", asked, **keyed(key))
    other = api.admin("POST", "/products", asked | {"name": "Other"},
                      **keyed(key))
    refused(other, 422, "idempotency_mismatch")
    same(first, api.admin("POST", "/products", asked, **keyed(key)))
    # The same in other bytes is another body.
    r = api.call("POST", "/v1/admin/products", token=api.admin_key,
                 data=first.request.body + b" ", headers={
                     "Idempotency-Key": key,
                     "Content-Type": "application/json"})
    refused(r, 422, "idempotency_mismatch")


def test_another_path_of_the_same_endpoint_is_refused(api):
    key = new_key()
    a, b = api.product(), api.product()
    first = api.admin("DELETE", f"/products/{a['id']}", **keyed(key))
    assert first.status_code == 200
    refused(api.admin("DELETE", f"/products/{b['id']}", **keyed(key)), 422,
            "idempotency_mismatch")
    assert count(api, "products", "id = %s", b["id"]) == 1


def test_a_key_is_good_for_each_endpoint(api):
    key = new_key()
    p = expect(api.admin("POST", "/products", body(), **keyed(key)), 200)
    tier = api.admin("POST", "/policies", {
        "product_slug": p["slug"], "name": "Tier", "slug": "t"}, **keyed(key))
    assert tier.status_code == 200 and not is_replay(tier)
    gone = api.admin("DELETE", f"/policies/{tier.json()['id']}", **keyed(key))
    assert gone.status_code == 200 and not is_replay(gone)


def test_a_refusal_before_the_endpoint_is_no_use_of_the_key(api):
    """A wrong field, a wrong admin key: corrected, it may be sent again."""
    key = new_key()
    asked = body()
    refused(api.admin("POST", "/products", asked | {"price_sats": "x"},
                      **keyed(key)), 400, "bad_request")
    refused(api.call("POST", "/v1/admin/products", asked, token="wrong",
                     **keyed(key)), 403, "forbidden")
    r = api.admin("POST", "/products", asked, **keyed(key))
    assert r.status_code == 200 and not is_replay(r)
    refused(api.call("POST", "/v1/admin/products", asked, token="wrong",
                     **keyed(key)), 403, "forbidden")


@pytest.mark.parametrize("key", ["a b", "x" * 256,
                                 "tab\there"])
def test_keys_that_are_none(api, key):
    r = api.admin("POST", "/products", body(),
                  headers={"Idempotency-Key": key.encode("latin-1")})
    refused(r, 400, "bad_request")


def test_two_keys_are_none(api, server):
    asked = '{"slug":"two-keys","name":"x","price_sats":1}'
    with Wire(server) as w:
        w.send(f"POST /v1/admin/products HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {api.admin_key}\r\n"
               f"Idempotency-Key: a\r\nIdempotency-Key: b\r\n"
               f"Content-Length: {len(asked)}\r\n\r\n{asked}".encode())
        assert w.answer().status == 400
    assert count(api, "products", "slug = 'two-keys'") == 0


@pytest.mark.parametrize("key", ["1", "x" * 255, "\"quoted\"", "a,b;c=~!"])
def test_keys_that_are_some(api, key):
    asked = body()
    twice(lambda **o: api.admin("POST", "/products", asked, **o),
          key if len(key) > 1 else chr(ord("A") + hash(asked["slug"]) % 26))


def test_public_endpoints_want_a_long_key(api):
    p = free(api)
    r = api.public("POST", "/v1/purchase", {"product": p["slug"]},
                   **keyed("x" * 15))
    refused(r, 400, "bad_request")
    assert "UUID" in r.json()["message"]
    assert count(api, "invoices", "product_id = %s", p["id"]) == 0


def test_repeatable_endpoints_heed_no_key(api):
    made = api.issue()
    key = new_key()
    for _ in range(2):
        for path, sent in (
                ("/v1/validate", {"key": made["license_key"]}),
                ("/v1/machines/heartbeat",
                 {"key": made["license_key"], "fingerprint": "f"})):
            r = api.public("POST", path, sent, **keyed(key))
            assert r.status_code == 200 and not is_replay(r)
    api.revoke(made["license_id"])
    assert api.validate(made["license_key"], **keyed(key))["ok"] is False
    assert api.get("/v1/products", **keyed(key))


def test_one_that_runs_is_told_so(api):
    """409 with Retry-After, until the first is done."""
    p = api.product()
    key = new_key()
    answers = []

    def send():
        answers.append(api.call(
            "DELETE", f"/v1/admin/products/{p['id']}", token=api.admin_key,
            **keyed(key)))
    with api.db.transaction():
        api.db.execute("SELECT 1 FROM products WHERE id = %s FOR UPDATE",
                       [p["id"]])
        t = threading.Thread(target=send)
        t.start()
        wait_for(lambda: api.db.execute(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname ="
            " current_database() AND wait_event_type = 'Lock'"
        ).fetchone()["n"] == 1, 60, "the first one waits")
        r = api.call("DELETE", f"/v1/admin/products/{p['id']}",
                     token=api.admin_key, **keyed(key))
        refused(r, 409, "idempotency_running")
        assert int(r.headers["Retry-After"]) >= 1
    t.join(60)
    assert answers[0].status_code == 200
    same(answers[0], api.admin("DELETE", f"/products/{p['id']}",
                               **keyed(key)))


def test_after_a_day_the_key_is_new(clock):
    server = clock.server
    api = Api(server.url, server.admin_key, server.db)
    key, asked = new_key(), body()
    first = api.admin("POST", "/products", asked, **keyed(key))
    clock.move(hours=23)
    same(first, api.admin("POST", "/products", asked, **keyed(key)))
    clock.move(hours=2)
    refused(api.admin("POST", "/products", asked, **keyed(key)), 409,
            "conflict")
    other = api.admin("POST", "/products", body(), **keyed(new_key()))
    assert other.status_code == 200
    clock.move(days=2)
    wait_for(lambda: server.value(
        "SELECT count(*) FROM idempotency_keys") == 0, 60,
        "housekeeping forgets them", pause=0.1)


def test_answers_are_sealed(api):
    """The database has neither license keys nor secrets in clear."""
    p = free(api)
    made = twice(lambda **o: api.admin(
        "POST", "/licenses", {"product_slug": p["slug"]}, **o)).json()
    hook = twice(lambda **o: api.admin(
        "POST", "/webhook-endpoints", {"url": "https://a.example/x"},
        **o)).json()
    rows = api.db.execute("SELECT answer FROM idempotency_keys").fetchall()
    kept = b"".join(bytes(r["answer"]) for r in rows if r["answer"])
    for secret in (made["license_key"][:20], hook["secret"][:20],
                   made["license_id"]):
        assert secret.encode() not in kept


def test_figures_count_it(own_instance):
    server = own_instance(LICET_WORKERS=1)
    api = Api(server.url, server.admin_key)
    key, asked = new_key(), body()
    for sent in (asked, asked, asked | {"name": "x"}):
        api.admin("POST", "/products", sent, **keyed(key))
    text = requests.get(server.url + "/metrics").text
    for result in ("replayed", "mismatch"):
        assert f'licet_idempotency_keys_total{{result="{result}"}} 1' in text


# ---- every write ----

def sample(schema):
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "integer":
        return max(schema.get("minimum", 0), 1)
    if kind == "boolean":
        return True
    if kind == "array":
        return []
    if kind == "object":
        return {}
    return {"uuid": NOWHERE, "uri": "https://a.example/",
            "email": "a@example.org", "date-time": "2031-01-01T00:00:00Z"
            }.get(schema.get("format"), "x" * max(schema.get("minLength", 1),
                                                  8))


def writes(document):
    for path, methods in document["paths"].items():
        for method, op in methods.items():
            if any(p["name"] == "Idempotency-Key"
                   for p in op["parameters"]):
                yield method.upper(), path, op


def test_every_write_takes_a_key(own_instance):
    """All that are not repeatable, by the OpenAPI document; what they answer
    to a request that is well-formed, they answer again."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    document = api.get("/v1/openapi.json")
    seen = 0
    for method, path, op in writes(document):
        assert {"409", "422"} <= op["responses"].keys(), path
        if path == "/v1/admin/zaprite/connect":
            continue                # it would call somewhere in the world
        if "customer" in op.get("security", [{}])[0]:
            continue                # refused before they run: no answer's kept
        for p in op["parameters"]:
            if p["in"] == "path":
                path = path.replace("{%s}" % p["name"], sample(p["schema"]))
        content = op.get("requestBody", {}).get("content", {}).get(
            "application/json", {"schema": {}})["schema"]
        sent = {k: sample(v) for k, v in content.get("properties", {}).items()
                if k in content.get("required", [])}
        key = new_key()
        first, again = (api.call(
            method, path, sent if content else None,
            token=api.admin_key if "security" in op else None,
            **keyed(key)) for _ in range(2))
        if first.status_code < 500:
            same(first, again)
            seen += 1
    assert seen > 50
    repeatable = {path for path, methods in document["paths"].items()
                  for method, op in methods.items() if method != "get"} - {
                  path for _, path, _ in writes(document)}
    assert {"/v1/validate", "/v1/machines/heartbeat",
            "/v1/upgrade-quote", "/v1/recover", "/v1/btcpay/webhook"} <= \
        repeatable


def test_policy_code_and_endpoint(api):
    p = api.product()
    for path, sent, table in (
            ("/policies", {"product_slug": p["slug"], "name": "Tier",
                           "slug": "t"}, "policies"),
            ("/discount-codes", {"code": new_slug().upper(),
                                 "kind": "percent", "amount": 1000},
             "discount_codes"),
            ("/webhook-endpoints", {"url": "https://a.example/x"},
             "webhook_endpoints"),
            ("/merchant-profiles", {"name": "Shop"}, "merchant_profiles")):
        before = count(api, table)
        r = twice(lambda **o: api.admin("POST", path, sent, **o))
        assert r.status_code == 200, r.text
        assert count(api, table) == before + 1


def test_license(api):
    p = api.product()
    made = twice(lambda **o: api.admin(
        "POST", "/licenses", {"product_slug": p["slug"]}, **o))
    assert made.json()["license_key"].startswith("LIC1-")
    assert count(api, "licenses", "product_id = %s", p["id"]) == 1
    r = twice(lambda **o: api.admin(
        "POST", f"/licenses/{made.json()['license_id']}/revoke", {}, **o))
    assert r.status_code == 200


def test_machine(api):
    key = api.issue(max_machines=5)["license_key"]
    r = twice(lambda **o: api.public(
        "POST", "/v1/machines/activate",
        {"key": key, "fingerprint": "f"}, **o))
    assert r.json()["active_count"] == 1
    r = twice(lambda **o: api.public(
        "POST", "/v1/machines/deactivate",
        {"key": key, "fingerprint": "f"}, **o))
    assert r.json() == {"ok": True}


def test_free_purchase(api):
    p = free(api)
    r = twice(lambda **o: api.public("POST", "/v1/purchase",
                                     {"product": p["slug"]}, **o))
    assert r.json()["license_key"]
    assert count(api, "licenses", "product_id = %s", p["id"]) == 1
    assert count(api, "invoices", "product_id = %s", p["id"]) == 1


def test_redeem(api):
    p = api.product()
    c = code(api, p, kind="free_license", max_uses=5)
    r = twice(lambda **o: api.public(
        "POST", "/v1/redeem", {"product": p["slug"], "code": c["code"]}, **o))
    assert r.json()["license_key"]
    assert count(api, "licenses", "product_id = %s", p["id"]) == 1
    assert count(api, "discount_redemptions", "code_id = %s", c["id"]) == 1


def test_paid_purchase(shop, btcpay):
    p = shop.product()
    c = code(shop, p, kind="percent", amount=1000, max_uses=5)
    r = twice(lambda **o: shop.public(
        "POST", "/v1/purchase", {"product": p["slug"], "code": c["code"]},
        **o))
    assert r.status_code == 200, r.text
    assert count(shop, "invoices", "product_id = %s", p["id"]) == 1
    assert len(btcpay.orders[r.json()["invoice_id"]]) == 1
    assert count(shop, "discount_redemptions", "code_id = %s", c["id"]) == 1


# ---- several commits, or calls after the effect ----

def test_what_follows_the_effect_runs_once(vendor, btcpay, bare):
    """A provider is disconnected here, then its webhook and key go there."""
    p, store = profile(vendor), btcpay.add_store()
    s = connect(vendor, btcpay, p["id"], store)
    btcpay.requests.clear()
    r = twice(lambda **o: vendor.admin(
        "POST", "/btcpay/disconnect", {"provider_id": s["provider_id"]}, **o))
    assert r.json() == {
        "ok": True, "noop": False, "provider_id": s["provider_id"],
        "store_id": store.id, "webhook_id": s["webhook_id"], "warnings": []}
    assert not store.hooks
    assert [x["method"] for x in btcpay.requests] == ["DELETE", "DELETE"]
    assert row(bare, s["provider_id"])["sealed_api_key"] is None


def test_profile_with_a_provider_is_deleted(vendor, btcpay):
    p, store = profile(vendor), btcpay.add_store()
    connect(vendor, btcpay, p["id"], store)
    r = twice(lambda **o: vendor.admin(
        "DELETE", f"/merchant-profiles/{p['id']}", **o))
    assert r.json() == {"ok": True, "id": p["id"], "warnings": []}


def test_upgrade_and_the_one_that_puts_it_aside(api):
    shop = Tiers(api)
    had = shop.buy(LOW)

    def upgrade(to):
        return twice(lambda **o: api.public("POST", "/v1/upgrade", {
            "license_key": had["license_key"], "target_policy_slug": to},
            **o)).json()
    first, second = upgrade(HIGH), upgrade(TOP)
    assert count(api, "invoices", "license_id = %s", had["license_id"]) == 2
    assert [c["status"] for c in shop.changes(had["license_id"])] == [
        "pending", "cancelled"]
    api.pay(second)
    assert shop.policy_of(had["license_id"]) == shop.id[TOP]
    assert api.poll(first)["status"] == "expired"


def test_downgrade_its_cancellation_and_a_gift(api):
    shop = Tiers(api)
    had = shop.buy(HIGH)
    down = twice(lambda **o: api.public("POST", "/v1/downgrade", {
        "license_key": had["license_key"], "target_policy_slug": LOW}, **o))
    assert down.json()["ok"] is True
    gone = twice(lambda **o: api.public("POST", "/v1/downgrade/cancel", {
        "license_key": had["license_key"]}, **o))
    assert gone.json()["status"] == "cancelled"
    given = twice(lambda **o: api.admin(
        "POST", f"/licenses/{had['license_id']}/change-tier",
        {"to_policy_slug": TOP, "skip_payment": True}, **o))
    assert given.json()["applied"] is True
    assert len(shop.changes(had["license_id"])) == 2
    end = twice(lambda **o: api.public("POST", "/v1/subscriptions/cancel", {
        "license_key": had["license_key"]}, **o))
    assert end.json()["status"] == "cancelled"


def test_a_wrong_key_is_refused_twice(api):
    """With all that a 401 has."""
    r = twice(lambda **o: api.public("POST", "/v1/upgrade", {
        "license_key": "LIC1-X-Y", "target_policy_slug": "x"}, **o))
    refused(r, 401, "unauthorized")
    again = api.public("POST", "/v1/upgrade", {
        "license_key": "LIC1-X-Y", "target_policy_slug": "x"},
        headers={"Idempotency-Key":
                 r.request.headers["Idempotency-Key"]})
    assert again.headers["WWW-Authenticate"] == "Bearer"


def test_another_credential_has_keys_of_its_own(api):
    made = api.do("POST", "/api-keys", {"label": "x", "role": "full-admin"})
    key, asked = new_key(), body()
    first = api.admin("POST", "/products", asked, **keyed(key))
    assert first.status_code == 200
    other = api.call("POST", "/v1/admin/products", asked,
                     token=made["token"], **keyed(key))
    refused(other, 409, "conflict")
    assert not is_replay(other)


def test_a_new_api_key_is_told_again_and_only_sealed(api):
    r = twice(lambda **o: api.admin(
        "POST", "/api-keys", {"label": "x", "role": "full-admin"}, **o))
    token = r.json()["token"]
    rows = api.db.execute("SELECT answer FROM idempotency_keys"
                          " WHERE answer IS NOT NULL").fetchall()
    assert all(token.encode() not in bytes(x["answer"]) for x in rows)
