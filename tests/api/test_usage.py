"""What hangs on a product or a policy, and what deleting it then says; that
the two agree whatever hangs there is pinned by tests/sql/test_deletes.py."""
import pytest

from lib.check import NOWHERE
from lib.client import refused
from lib.codes import code
from lib.roles import make_key

NOTHING = dict.fromkeys((
    "active_licenses", "live_subscriptions", "policies", "codes", "licenses",
    "invoices", "machines", "redemptions", "subscriptions", "tier_changes",
    "tips", "refunds"), 0)
NOTHING.update(is_large=False, is_too_much=False, counted_to=10000)


def usage(api, kind, one):
    return api.do("GET", f"/{kind}/{one['id']}/usage")


def test_nothing_hangs_on_what_is_new(api):
    p = api.product()
    y = api.policy(p)
    assert usage(api, "products", p) == {
        **NOTHING, "policies": 1, "needs_force": False}
    assert usage(api, "policies", y) == {**NOTHING, "needs_force": False}


def test_what_was_sold_is_counted(api):
    p = api.product()
    y, z = api.policy(p, max_machines=2), api.policy(p)
    code(api, p, policy_slugs=[y["slug"]])
    code(api, p)
    code(api)
    sold = api.issue(p, policy_slug=y["slug"])
    gone = api.issue(p, policy_slug=y["slug"])
    api.issue(p, policy_slug=z["slug"])
    for n in range(2):
        api.activate(sold["license_key"], f"machine-{n}")
    api.pay(api.buy(p, policy_slug=y["slug"]))
    api.revoke(gone["license_id"])
    here = usage(api, "products", p)
    assert here == {**NOTHING, "needs_force": True, "policies": 2, "codes": 2,
                    "licenses": 4, "active_licenses": 3, "machines": 2,
                    "invoices": 1}
    under = usage(api, "policies", y)
    assert under == {**NOTHING, "needs_force": True, "codes": 1,
                     "licenses": 3, "active_licenses": 2, "machines": 2,
                     "invoices": 1}
    for kind, one, said in (("policies", y, under), ("products", p, here)):
        refused(api.admin("DELETE", f"/{kind}/{one['id']}"), 409, "conflict")
    done = api.do("DELETE", f"/policies/{y['id']}?force=true")
    assert all(done[f"cascaded_{k}"] == under[k] for k in (
        "licenses", "machines", "invoices", "codes"))


def test_revoked_licenses_stay_without_force(api):
    """They are not counted, for the policy goes alone."""
    p = api.product()
    y = api.policy(p)
    api.revoke(api.issue(p, policy_slug=y["slug"])["license_id"])
    assert usage(api, "policies", y) == {**NOTHING, "needs_force": False}
    done = api.do("DELETE", f"/policies/{y['id']}")
    assert done["cascaded_licenses"] == 0
    assert usage(api, "products", p)["licenses"] == 1


@pytest.mark.parametrize("kind", ["products", "policies"])
def test_nothing_of_what_is_not_there(api, kind):
    refused(api.admin("GET", f"/{kind}/{NOWHERE}/usage"), 404, "not_found")
    refused(api.admin("GET", f"/{kind}/x/usage"), 404, "not_found")
    refused(api.public("GET", f"/v1/admin/{kind}/{NOWHERE}/usage"), 401,
            "unauthorized")


@pytest.mark.parametrize("role", ["read-only", "support"])
def test_whoever_reads_may_see_it(api, role):
    p = api.product()
    token = make_key(api, role)["token"]
    assert api.call("GET", f"/v1/admin/products/{p['id']}/usage",
                    token=token).status_code == 200


# What came with it.

def test_a_policy_tells_the_currency_of_its_price(api):
    for currency in ("SAT", "EUR"):
        p = api.product(price_currency=currency, price_value=5)
        y = api.policy(p)
        path = f"/policies/{y['id']}"
        assert y["price_currency"] == currency
        assert api.do("GET", path)["price_currency"] == currency
        assert api.do("PATCH", path, {"name": "n"})["price_currency"] == \
            currency
        listed, = api.do("GET", "/policies?product_slug=" + p["slug"])[
            "policies"]
        assert listed["price_currency"] == currency


def test_a_code_tells_what_it_was_made_with(api):
    p = api.product()
    a, b = api.policy(p), api.policy(p)
    for given, slugs in (({}, []), ({"policy_slug": b["slug"]}, [b["slug"]]),
                         ({"policy_slugs": [b["slug"], a["slug"]]},
                          [b["slug"], a["slug"]])):
        made = code(api, p, **given)
        assert (made["product_slug"], made["policy_slugs"]) == \
            (p["slug"], slugs)
        assert api.do("GET", f"/discount-codes/{made['id']}")["code"] == made
    everywhere = code(api)
    assert everywhere["product_slug"] is None
    assert everywhere["policy_slugs"] == []


def test_codes_of_one_product(api):
    p, q = api.product(), api.product()
    ours = {code(api, p)["id"] for _ in range(3)}
    code(api, q)
    code(api)
    seen, cursor = set(), ""
    while cursor is not None:
        page = api.do("GET", f"/discount-codes?product_id={p['id']}&limit=2"
                             f"&cursor={cursor}")
        seen |= {c["id"] for c in page["codes"]}
        cursor = page["next_cursor"]
    assert seen == ours
    refused(api.admin("GET", "/discount-codes?product_id=x"), 400,
            "bad_request")
