"""keysat.md 2 and 3: every route that the contract names is served, and wants
the scope that its tables' second column says (M: the master key); but for
community-analytics, which no server of ours has: figures of a vendor's sales
are sent to nobody.  What each does: the other files of this folder."""
import pytest
import requests

from lib.check import NOWHERE
from lib.client import refused

PUBLIC = """
GET /
GET /healthz
GET /v1/pubkey
GET /v1/issuer/public-key
GET /v1/products
GET /v1/products/{slug}
GET /v1/products/{slug}/policies
POST /v1/purchase
GET /v1/purchase/{invoice_id}
POST /v1/validate
POST /v1/machines/activate
POST /v1/machines/heartbeat
POST /v1/machines/deactivate
POST /v1/recover
POST /v1/redeem
GET /v1/discount-codes/preview
POST /v1/subscriptions/cancel
POST /v1/upgrade-quote
POST /v1/upgrade
GET /v1/openapi.json
POST /v1/btcpay/webhook
POST /v1/btcpay/webhook/{provider_id}
POST /v1/zaprite/webhook
POST /v1/zaprite/webhook/{provider_id}
"""
ADMIN = """
POST products products:write
PATCH products/{id} products:write
PATCH products/{id}/active products:write
DELETE products/{id} products:write
POST policies policies:write
GET policies policies:read
PATCH policies/{id} policies:write
PATCH policies/{id}/active policies:write
PATCH policies/{id}/public policies:write
PATCH policies/{id}/archived policies:write
PATCH policies/{id}/tip policies:write
DELETE policies/{id} policies:write
GET tips policies:read
POST licenses licenses:write
GET licenses licenses:read
GET licenses/search licenses:read
GET licenses/summary licenses:read
GET licenses/counts licenses:read
GET revenue/summary licenses:read
POST licenses/{id}/revoke licenses:write
POST licenses/{id}/suspend licenses:write
POST licenses/{id}/unsuspend licenses:write
POST licenses/{id}/change-tier master
GET machines machines:read
POST machines/{id}/deactivate machines:write
GET subscriptions subscriptions:read
POST subscriptions/{id}/cancel subscriptions:write
POST discount-codes discount_codes:write
GET discount-codes discount_codes:read
GET discount-codes/{id} discount_codes:read
PATCH discount-codes/{id} discount_codes:write
PATCH discount-codes/{id}/active discount_codes:write
DELETE discount-codes/{id} discount_codes:write
POST webhook-endpoints webhooks:write
GET webhook-endpoints webhooks:read
PATCH webhook-endpoints/{id}/active webhooks:write
DELETE webhook-endpoints/{id} webhooks:write
GET webhook-deliveries webhooks:read
POST webhook-deliveries/{id}/retry webhooks:write
GET audit audit:read
GET settings/operator-name settings:read
POST settings/operator-name master
GET rates rates:read
POST rates/refresh rates:write
POST api-keys master
GET api-keys master
DELETE api-keys/{id} master
GET db-info master
POST import-issuer-key master
POST web-password master
GET merchant-profiles merchant_profiles:read
POST merchant-profiles merchant_profiles:write
GET merchant-profiles/{id} merchant_profiles:read
PATCH merchant-profiles/{id} merchant_profiles:write
DELETE merchant-profiles/{id} merchant_profiles:write
POST merchant-profiles/{id}/set-default merchant_profiles:write
PUT merchant-profiles/{id}/rail-preferences/{rail} merchant_profiles:write
DELETE merchant-profiles/{id}/rail-preferences/{rail} merchant_profiles:write
GET btcpay/status payment_providers:read
GET btcpay/payment-methods payment_providers:read
GET payment-provider/status payment_providers:read
POST btcpay/disconnect master
POST zaprite/connect master
POST zaprite/disconnect master
GET zaprite/status payment_providers:read
GET tier tier:read
"""
# Admin authentication, the table says no more: D25 and 3.6.
ANY_ADMIN = """
GET self-license
POST self-license
POST self-license/refresh
POST btcpay/connect
"""


def test_figures_go_to_nobody(served):
    """3.4, 6: community-analytics and its heartbeat are left out."""
    assert not [path for _, path in served if "community" in path]


def rows(text):
    return [tuple(line.split()) for line in text.strip().split("\n")]


@pytest.fixture(scope="module")
def served(server):
    """{(method, path): operation} of the open description."""
    document = requests.get(server.url + "/v1/openapi.json",
                            timeout=30).json()
    return {(method.upper(), path): operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()}


def find(served, method, path):
    """The operation, whatever its parameters are called."""
    def plain(text):
        return [part if part[:1] != "{" else "{}" for part in
                text.split("/")]
    for (verb, where), operation in served.items():
        if verb == method and plain(where) == plain(path):
            return operation
    raise AssertionError(f"{method} {path} is not served")


@pytest.mark.parametrize("method,path", rows(PUBLIC))
def test_public_route(api, served, method, path):
    """2: it is there, and asks for no token."""
    assert "x-scope" not in find(served, method, path)
    path = path.replace("{slug}", "x").replace("{invoice_id}", NOWHERE)
    r = api.public(method, path.replace("{provider_id}", NOWHERE),
                   {} if method == "POST" else None)
    assert r.status_code != 405
    if "webhook" not in path:       # those may want a signature
        assert r.status_code != 401, r.text


@pytest.mark.parametrize("method,path,scope", rows(ADMIN))
def test_admin_route(api, served, method, path, scope):
    """3: it is there, wants this scope, and nothing goes without a token."""
    path = "/v1/admin/" + path
    assert find(served, method, path)["x-scope"] == scope
    path = path.replace("{id}", NOWHERE).replace("{rail}", "onchain")
    refused(api.call(method, path), 401, "unauthorized")
    refused(api.call(method, path, token="x" * 40), 403, "forbidden")


@pytest.mark.parametrize("method,path", rows(ANY_ADMIN))
def test_admin_route_whose_scope_is_not_in_the_table(api, served, method,
                                                     path):
    """3.6, 3.7 (D25): it is there, and nothing goes without a token."""
    path = "/v1/admin/" + path
    assert find(served, method, path)["x-scope"]
    refused(api.call(method, path), 401, "unauthorized")
