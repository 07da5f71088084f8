"""Discount codes for the vendor (3.3): pages, races; and what a featured one
takes off in the public catalogue (2.1, 4.6, D12)."""
import concurrent.futures
import json
import pathlib

import pytest

from lib.check import ahead
from lib.client import new_slug, refused

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "vectors" /
                      "keysat-vectors.json").read_text())
FIELDS = {"code", "kind", "amount", "description", "expires_at", "max_uses",
          "used_count", "remaining_uses", "discount_applied_sats",
          "discounted_price_sats", "discount_applied_value",
          "discounted_price_value"}


def make(api, product=None, **fields):
    body = {"code": new_slug("C"), "kind": "percent", "amount": 1000, **fields}
    if product is not None:
        body["product_slug"] = product["slug"]
    return api.do("POST", "/discount-codes", body)


def tiers(api, product):
    return {t["slug"]: t["featured_discount"] for t in
            api.get(f"/v1/products/{product['slug']}/policies")["policies"]}


def featured(api, product, policy):
    return tiers(api, product)[policy["slug"]]


# Pages

def test_list_pages_by_cursor(api):
    made = [make(api)["id"] for _ in range(6)]
    seen, cursor = [], None
    while len(seen) < 6:
        page = api.do("GET", "/discount-codes", params={
            "limit": 2, **({"cursor": cursor} if cursor else {})})
        assert len(page["codes"]) == 2
        seen += [c["id"] for c in page["codes"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]


@pytest.mark.parametrize("query", [
    "cursor=rubbish", "cursor=1_x", "limit=0", "limit=501", "limit=x",
    "include_inactive=maybe"])
def test_list_bad_query_400(api, query):
    refused(api.admin("GET", f"/discount-codes?{query}"), 400, "bad_request")


# Bodies

@pytest.mark.parametrize("fields", [
    {"policy_slugs": "a"}, {"policy_slugs": [5]}, {"policy_slugs": [""]},
    {"featured": "yes"}, {"referrer_label": "x" * 201},
    {"description": 5}, {"amount": 2100000000000001},
    {"discount_currency": "sat"}, {"product_slug": 7}])
def test_create_wrong_types_400(api, fields):
    refused(api.admin("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "fixed_sats", "amount": 5, **fields}),
        400, "bad_request")


@pytest.mark.parametrize("fields", [
    {"amount": None}, {"featured": None}, {"policy_slugs": None}])
def test_patch_null_where_nothing_can_be_absent_400(api, fields):
    made = make(api)
    refused(api.admin("PATCH", f"/discount-codes/{made['id']}", fields), 400,
            "bad_request")


def test_the_same_code_made_by_many_at_once_is_made_once(api):
    code = new_slug("RACE")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.admin(
            "POST", "/discount-codes",
            {"code": code, "kind": "percent", "amount": 1}).status_code,
            range(8)))
    assert sorted(answers) == [200] + [409] * 7


# Featured

def test_featured_discount_says_all(api):
    """2.1: the members of featured_discount; numbers are numbers."""
    p = api.product(price_sats=50000)
    t = api.policy(p, price_sats_override=40000)
    until = ahead(days=2)
    made = make(api, p, featured=True, amount=2500, max_uses=4,
                expires_at=until, description="Spring")
    assert featured(api, p, t) == {
        "code": made["code"], "kind": "percent", "amount": 2500,
        "description": "Spring", "expires_at": until, "max_uses": 4,
        "used_count": 0, "remaining_uses": 4,
        "discount_applied_sats": 10000, "discounted_price_sats": 30000,
        "discount_applied_value": 10000, "discounted_price_value": 30000}


def test_featured_discount_without_bounds(api):
    p = api.product()
    t = api.policy(p)
    make(api, p, featured=True)
    seen = featured(api, p, t)
    assert set(seen) == FIELDS
    assert (seen["expires_at"], seen["max_uses"], seen["remaining_uses"],
            seen["description"]) == (None, None, None, "")


@pytest.mark.parametrize("kind,amount,price,off", [
    ("percent", 1, 9999, 0), ("percent", 3333, 10, 3),
    ("percent", 10000, 777, 777), ("fixed_sats", 5, 777, 5),
    ("fixed_sats", 778, 777, 777), ("set_price", 700, 777, 77),
    ("set_price", 900, 777, 0), ("free_license", 0, 777, 777),
    ("percent", 10000, 2100000000000000, 2100000000000000)])
def test_featured_discount_amounts(api, kind, amount, price, off):
    """4.6: what each kind takes off; D11: all of it leaves 0."""
    p = api.product(price_sats=price)
    t = api.policy(p)
    make(api, p, kind=kind, amount=amount, featured=True)
    seen = featured(api, p, t)
    assert (seen["discount_applied_sats"], seen["discounted_price_sats"]) == \
        (off, price - off)


def test_D12_featured_discount_in_the_listed_currency(api):
    """D12: cents are cents; sats of a fiat price are 0, as price_sats is."""
    p = api.product(price_currency="EUR", price_value=4900)
    t = api.policy(p)
    make(api, p, kind="fixed_sats", amount=900, featured=True)
    seen = featured(api, p, t)
    assert (seen["discount_applied_value"], seen["discounted_price_value"]) == \
        (900, 4000)
    assert (seen["discount_applied_sats"], seen["discounted_price_sats"]) == \
        (0, 0)


def test_D12_featured_code_in_another_currency_is_none(api):
    """D12: a code in another currency than the product does not apply."""
    p = api.product(price_currency="EUR", price_value=4900)
    t = api.policy(p)
    made = make(api, p, kind="fixed_sats", amount=900, featured=True)
    assert featured(api, p, t)["code"] == made["code"]
    api.do("PATCH", f"/products/{p['id']}", {"price_sats": 50000})
    assert featured(api, p, t) is None


def test_featured_order_of_preference(api):
    """4.6: policy-scoped, then product-scoped; oldest first; a list beats the
    single policy."""
    p = api.product()
    t, u = api.policy(p), api.policy(p)
    product = make(api, p, featured=True)["code"]
    make(api, p, featured=True)
    assert {d["code"] for d in tiers(api, p).values()} == {product}
    single = make(api, p, featured=True, policy_slug=t["slug"])
    make(api, p, featured=True, policy_slug=t["slug"])
    assert {s: d["code"] for s, d in tiers(api, p).items()} == \
        {t["slug"]: single["code"], u["slug"]: product}
    api.do("PATCH", f"/discount-codes/{single['id']}",
           {"policy_slugs": [u["slug"]]})
    assert featured(api, p, u)["code"] == single["code"]
    assert featured(api, p, t)["code"] not in (single["code"], product)


@pytest.mark.parametrize("change", [
    {"featured": False}, {"expires_at": ahead(days=-1)}])
def test_featured_ends_with_what_made_it(api, change):
    p = api.product()
    t = api.policy(p)
    made = make(api, p, featured=True)
    assert featured(api, p, t)
    api.do("PATCH", f"/discount-codes/{made['id']}", change)
    assert featured(api, p, t) is None


def test_featured_until_the_last_use(api, server):
    p = api.product()
    t = api.policy(p)
    made = make(api, p, featured=True, max_uses=2)
    use = lambda n: server.db.execute(
        "UPDATE discount_codes SET used_count = %s WHERE id = %s",
        [n, made["id"]])
    use(1)
    assert featured(api, p, t)["remaining_uses"] == 1
    use(2)
    assert featured(api, p, t) is None


def test_a_catalogue_without_featured_codes_is_as_it_was(api):
    p = api.product()
    t = api.policy(p)
    make(api, p)
    assert tiers(api, p) == {t["slug"]: None}


@pytest.mark.parametrize("row", [
    v for v in VECTORS["discount"] if v["base"] <= 2100000000000000])
def test_featured_discount_vectors(api, row):
    """4.6: the published table."""
    p = api.product(price_sats=row["base"])
    t = api.policy(p)
    make(api, p, kind=row["kind"], amount=row["amount"], featured=True)
    assert featured(api, p, t)["discount_applied_sats"] == row["discount"]
