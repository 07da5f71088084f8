"""keysat.md 0: transport, errors, the client's address, values, the
environment, rate limits.  (Scoped keys and sessions: test_access.py.)"""
import hashlib
import json
import signal

import pytest
import requests

from lib.check import NOWHERE, events, is_time, is_uuid
from lib.client import Api, expect, new_address, new_slug, refused
from lib.process import wait_for
from lib.replica import run_ctl

LIMITED = {"ok": False, "reason": "rate_limited"}
TWO_MIB = 2 << 20


# Transport

def test_transport_http_1_1_and_utf8_json(api):
    """0 transport: HTTP/1.1, UTF-8 JSON in and out."""
    name = "Überprüfung ☃ 漢字"
    made = api.product(name=name)
    r = api.public("GET", f"/v1/products/{made['slug']}")
    assert r.raw.version == 11
    assert r.headers["Content-Type"].startswith("application/json")
    assert json.loads(r.content.decode("utf-8"))["name"] == name


def test_transport_bodies_up_to_2_mib(api):
    """0 transport: bodies up to 2 MiB, 413 above."""
    frame = len(json.dumps({"key": "k", "pad": ""}))
    whole = {"key": "k", "pad": "x" * (TWO_MIB - frame)}
    assert len(json.dumps(whole)) == TWO_MIB
    r = api.public("POST", "/v1/validate", data=json.dumps(whole))
    assert expect(r, 200)["reason"] == "bad_format"
    whole["pad"] += "x"
    refused(api.public("POST", "/v1/validate", data=json.dumps(whole)), 413,
            "payload_too_large")


@pytest.mark.parametrize("method,path", [
    ("GET", "/"), ("GET", "/v1/products"), ("POST", "/v1/validate"),
    ("GET", "/v1/admin/products"), ("POST", "/v1/btcpay/webhook"),
    ("GET", "/v1/no-such-thing"), ("GET", "/thank-you")])
def test_transport_cors_on_every_route(api, method, path):
    """0 transport: any origin, never credentials."""
    r = api.public(method, path, headers={"Origin": "https://a.example"})
    assert r.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in r.headers


@pytest.mark.parametrize("path", ["/v1/validate", "/v1/admin/products",
                                  f"/v1/admin/licenses/{NOWHERE}"])
def test_transport_preflight(api, path):
    """0 transport: OPTIONS answers 200 with no authentication; any method,
    any header."""
    r = api.public("OPTIONS", path, headers={
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization, x-whatever"})
    assert r.status_code == 200
    assert r.headers["Access-Control-Allow-Origin"] == "*"
    assert {"*", "PUT"} & {m.strip() for m in r.headers[
        "Access-Control-Allow-Methods"].split(",")}
    named = {h.strip() for h in r.headers[
        "Access-Control-Allow-Headers"].lower().split(",")}
    assert {"authorization"} <= named       # `*' doesn't cover that one
    assert "*" in named or "x-whatever" in named


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_transport_signals_shut_down_gracefully(own_instance, number):
    """0 transport: SIGTERM and SIGINT; who is being served is answered."""
    server = own_instance()
    replica, = server.replicas
    bystander = requests.Session()
    assert bystander.get(server.url + "/healthz").status_code == 200
    replica.signal(number)
    assert replica.wait() == 0
    replica.process = None
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url + "/healthz", timeout=5)


# Errors, a test for each row

def test_error_400_bad_request(api):
    """0 errors row 400: semantic validation failure."""
    refused(api.admin("POST", "/products", {
        "slug": "Not A Slug", "name": "n", "price_sats": 1}), 400,
        "bad_request")


def test_error_401_unauthorized(api, shop):
    """0 errors row 401: no bearer; bad inbound webhook signature; unusable
    key where the key is the credential."""
    refused(api.public("GET", "/v1/admin/products"), 401, "unauthorized")
    refused(shop.public("POST", "/v1/btcpay/webhook", {"type": "x"},
                        headers={"BTCPay-Sig": "sha256=" + "0" * 64}), 401,
            "unauthorized")
    made = api.issue()
    api.revoke(made["license_id"])
    for key in ("rubbish", made["license_key"]):
        for path, more in (("subscriptions/cancel", {}),
                           ("upgrade-quote", {"target_policy_slug": "x"}),
                           ("upgrade", {"target_policy_slug": "x"})):
            refused(api.public("POST", "/v1/" + path,
                               {"license_key": key, **more}), 401,
                    "unauthorized")


def test_error_403_forbidden(api):
    """0 errors row 403: wrong token."""
    refused(api.call("GET", "/v1/admin/products", token="x" * 40), 403,
            "forbidden")


def test_error_404_and_409(api):
    """0 errors row 404 / 409: unknown id or slug; duplicate slug or code,
    delete blocked by references."""
    refused(api.public("GET", "/v1/products/never-was"), 404, "not_found")
    refused(api.admin("GET", f"/licenses/{NOWHERE}"), 404, "not_found")
    p = api.product()
    refused(api.admin("POST", "/products", {
        "slug": p["slug"], "name": "n", "price_sats": 1}), 409, "conflict")
    code = {"code": new_slug("C"), "kind": "percent", "amount": 1}
    api.do("POST", "/discount-codes", code)
    refused(api.admin("POST", "/discount-codes", code), 409, "conflict")
    api.issue(p)
    refused(api.admin("DELETE", f"/products/{p['id']}"), 409, "conflict")


def test_error_429_rate_limited(api):
    """0 errors row 429."""
    ip = new_address()

    def ask():
        r = api.public("POST", "/v1/recover", {
            "invoice_id": NOWHERE, "email": "a@example.com"}, ip=ip)
        return [r] if r.status_code == 429 else None
    refused(wait_for(ask, 60, "the address is limited", pause=0)[0], 429,
            "rate_limited")


def test_error_502_upstream_error(api, shop, btcpay):
    """0 errors row 502: provider or rate source failed."""
    refused(api.admin("POST", "/rates/refresh", {"currency": "USD"}), 502,
            "upstream_error")
    btcpay.wrong("500")
    refused(shop.public("POST", "/v1/purchase",
                        {"product": shop.product()["slug"]}), 502,
            "upstream_error")


def test_error_503_btcpay_not_configured(vendor):
    """0 errors row 503: no provider connected."""
    refused(vendor.public("POST", "/v1/btcpay/webhook", {"type": "x"}), 503,
            "btcpay_not_configured")
    refused(vendor.admin("GET", "/btcpay/payment-methods"), 503,
            "btcpay_not_configured")


def test_error_500_internal_error_is_generic(own_instance):
    """0 errors row 500; D33: generic message only."""
    server = own_instance()
    api = Api(server.url, server.admin_key)
    server.db.execute("ALTER TABLE policies RENAME COLUMN name TO elsewhere")
    body = refused(api.admin("POST", "/policies", {
        "product_slug": "p", "name": "n", "slug": "s"}), 500,
        "internal_error")
    for word in ("polic", "column", "exist", "42703", "SELECT", ".c"):
        assert word not in body["message"]


@pytest.mark.parametrize("method,path", [
    ("POST", "/v1/purchase"), ("POST", "/v1/validate"),
    ("POST", "/v1/machines/activate"), ("POST", "/v1/redeem"),
    ("POST", "/v1/recover"), ("POST", "/v1/upgrade"),
    ("POST", "/v1/admin/products"), ("POST", "/v1/admin/webhook-endpoints")])
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b"7",
                                  b'{"key":7,"product":7,"slug":7,"url":7,'
                                  b'"license_key":7,"invoice_id":7}'])
def test_malformed_is_400_in_the_envelope(api, method, path, body):
    """0: malformed JSON, wrong types, missing fields: 400 `bad_request'."""
    refused(api.admin(method, path, data=body), 400, "bad_request")


def test_unknown_request_fields_are_ignored(api):
    """0 marks: unknown request fields are ignored."""
    assert "shoe_size" not in api.product(shoe_size=44)


# Admin authentication

def test_master_key_and_the_actor_of_the_audit(api, server):
    """0 admin authentication (1): the master key has full access; the audit's
    actor is the SHA-256 of the token, in hexadecimal."""
    p = api.product()
    (row,) = events(server, p["id"], "product.create")
    assert row["actor_kind"] == "admin_api_key"
    assert row["actor_hash"] == hashlib.sha256(
        api.admin_key.encode()).hexdigest()


# Client address and user agent

def test_client_address_and_user_agent(api, server):
    """0 client address (see D28), user agent: both are in the audit."""
    p = api.do("POST", "/products", {
        "slug": new_slug(), "name": "n", "price_sats": 1}, headers={
        "X-Forwarded-For": "203.0.113.9  ", "User-Agent": "contract/1"})
    (row,) = events(server, p["id"], "product.create")
    assert (row["request_ip"], row["user_agent"]) == \
        ("203.0.113.9", "contract/1")


# Values

def test_values(market):
    """0 values: ids, times, money, booleans."""
    p = market.product(price_currency="EUR", price_value=1999)
    assert is_uuid(p["id"]) and p["id"] == p["id"].lower()
    assert is_time(p["created_at"])
    assert (p["price_currency"], p["price_value"]) == ("EUR", 1999)
    assert p["active"] is True
    assert market.product(price_sats=21)["price_value"] == 21


# Configuration

def check_settings(server, **changes):
    """What `licetctl settings check' says of them; KEYSAT_X=None: without."""
    settings = {**server.settings, **changes}
    return run_ctl(settings, "settings", "check", check=False)


def test_configuration_admin_key_of_32_characters(server):
    """0 configuration: KEYSAT_ADMIN_API_KEY required, >= 32 characters, else
    refuse to start."""
    for key, code in (("k" * 31, 1), ("k" * 32, 0), (None, 1)):
        done = check_settings(server, LICET_ADMIN_KEY_FILE=None,
                              LICET_ADMIN_KEY=key)
        assert (done.returncode != 0) == bool(code), (key, done.stderr)


def test_configuration_public_url(own_instance):
    """0 configuration: required, trailing `/' stripped."""
    server = own_instance(LICET_PUBLIC_URL="https://shop.example/")
    api = Api(server.url, server.admin_key)
    bought = api.buy(api.product())
    assert bought["poll_url"] == "https://shop.example/v1/purchase/" + \
        bought["invoice_id"]
    assert check_settings(server, LICET_PUBLIC_URL=None).returncode != 0


@pytest.mark.parametrize("prefix", ["KEYSAT_", "LICENSING_"])
def test_configuration_names_of_the_contract(own_instance, prefix):
    """0 configuration: each KEYSAT_X falls back to LICENSING_X; a server that
    has only these names starts, and goes by them."""
    server = own_instance(start=False)
    replica, = server.replicas
    key = "of-the-old-name-" + "x" * 32
    replica.settings.update({
        "LICET_ADMIN_KEY_FILE": None, prefix + "ADMIN_API_KEY": key,
        "LICET_PUBLIC_URL": None, prefix + "PUBLIC_URL": "https://o.example/",
        "LICET_LISTEN": None, prefix + "BIND": f"127.0.0.1:{replica.port}",
        prefix + "OPERATOR_NAME": "Old Name", prefix + "DB_PATH": "/x"})
    server.start()
    api = Api(server.url, key)
    assert api.get("/")["operator"] == "Old Name"
    assert api.buy(api.product())["poll_url"].startswith(
        "https://o.example/v1/")


def test_configuration_which_name_counts(server):
    """0 configuration: KEYSAT_X before LICENSING_X; our own name before
    both."""
    old = {"LICET_PUBLIC_URL": None, "KEYSAT_PUBLIC_URL": "https://k.example"}
    assert check_settings(server, **old).returncode == 0
    assert check_settings(server, **old,
                          LICENSING_PUBLIC_URL="nonsense").returncode == 0
    old["KEYSAT_PUBLIC_URL"] = "nonsense"
    assert check_settings(server, **old).returncode != 0
    old["LICET_PUBLIC_URL"] = "https://l.example"
    assert check_settings(server, **old).returncode == 0


def test_configuration_btcpay_by_the_contracts_names(own_instance, btcpay):
    """0 configuration: BTCPAY_URL, _API_KEY, _STORE_ID, _WEBHOOK_SECRET make
    the default profile's provider at boot (D32); BTCPAY_PUBLIC_URL is where
    buyers go."""
    ours = btcpay.settings()
    assert "LICET_BTCPAY_URL" in ours
    server = own_instance(**{
        "LICET_PAYMENTS": "auto", "BTCPAY_PUBLIC_URL": "https://pay.example",
        **{k.removeprefix("LICET_"): v for k, v in ours.items()
           if k.startswith("LICET_BTCPAY_")}})
    api = Api(server.url, server.admin_key)
    status = api.do("GET", "/btcpay/status")
    assert status["connected"] is True
    profile, = api.do("GET", "/merchant-profiles")["profiles"]
    assert status["merchant_profile_id"] == profile["id"]
    assert api.buy(api.product())["checkout_url"].startswith(
        "https://pay.example/")


def test_first_boot_has_a_signing_key_and_logs_the_public_half(own_instance):
    """0 configuration: the key pair is stored, the public key is logged."""
    server = own_instance()
    pem = Api(server.url, server.admin_key).get("/v1/pubkey")[
        "public_key_pem"]
    assert pem.split("\n")[1] in server.replicas[0].log()


# Rate limits, a test for each row

@pytest.mark.parametrize("kind,cap,refill,status,method,path,body", [
    ("validate_ip", 60, 1, 200, "POST", "/v1/validate", {"key": "x"}),
    ("recover_ip", 10, 1 / 6, 429, "POST", "/v1/recover",
     {"invoice_id": NOWHERE, "email": "a@example.com"})])
def test_rate_limit(api, server, kind, cap, refill, status, method, path,
                    body):
    """0 rate limits rows `validate_ip' and `recover_ip': capacity, refill,
    answer when empty; the bucket is persisted."""
    ip, seen = new_address(), []

    def limited():
        seen.append(api.public(method, path, body, ip=ip))
        r = seen[-1]
        return r.status_code == 429 or \
            r.status_code == 200 and r.json() == LIMITED
    wait_for(limited, 60, "the address is limited", pause=0)
    assert len(seen) > cap
    assert seen[-1].status_code == status
    if status == 429:
        refused(seen[-1], 429, "rate_limited")
    row = wait_for(lambda: server.row(
        "SELECT * FROM rate_buckets WHERE bucket_kind = %s AND"
        " bucket_key = %s", kind, ip), 60, "the bucket is in the database")
    assert row["capacity"] == cap
    assert row["refill_per_second"] == pytest.approx(refill)
    assert api.public(method, path, body).status_code != 429


def test_rate_limit_recover_comes_before_blank_fields(api):
    """2.6 limit -> 429, then blank -> 400."""
    ip = new_address()

    def ask():
        return api.public("POST", "/v1/recover",
                          {"invoice_id": " ", "email": " "}, ip=ip)
    refused(ask(), 400, "bad_request")
    wait_for(lambda: ask().status_code == 429, 60, "blanks are counted too",
             pause=0)


def test_rate_limit_heartbeat_is_by_license(api):
    """0 rate limits row `heartbeat_license': by license id, 60, answer 200
    {ok:false,reason}."""
    made, other = (api.issue(max_machines=2) for _ in range(2))
    for m in (made, other):
        api.activate(m["license_key"], "A")
    seen = []

    def limited():
        seen.append(api.heartbeat(made["license_key"], "A"))
        return seen[-1] == LIMITED
    wait_for(limited, 60, "the license is limited", pause=0)
    assert len(seen) > 60
    assert api.heartbeat(other["license_key"], "A")["ok"] is True
