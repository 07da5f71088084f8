"""3.3 Discount codes, sentence by sentence; with D10, D12, D21 and D23 as far
as they are about codes that a vendor keeps."""
import pytest

from lib.check import NOWHERE, ahead, events, is_time, is_uuid
from lib.client import new_slug, refused

COLUMNS = {
    "id", "code", "kind", "amount", "max_uses", "used_count", "expires_at",
    "applies_to_product_id", "applies_to_policy_id", "applies_to_policy_ids",
    "referrer_label", "description", "active", "featured", "created_at",
    "updated_at"}


def post(api, **fields):
    body = {"code": new_slug("C"), "kind": "percent", "amount": 1000, **fields}
    return api.admin("POST", "/discount-codes",
                     {k: v for k, v in body.items() if v is not ...})


def make(api, **fields):
    r = post(api, **fields)
    assert r.status_code == 200, r.text
    return r.json()


def path(code, rest=""):
    return f"/discount-codes/{code['id']}{rest}"


def patch(api, code, /, **fields):
    return api.admin("PATCH", path(code), fields)


def sell(api, server, code, status="pending"):
    """An invoice with a use of the code, as a purchase leaves it."""
    bought = api.buy(api.product())
    server.db.execute(
        "INSERT INTO discount_redemptions (code_id, invoice_id, status, "
        "discount_applied_sats, base_price_sats, final_price_sats) "
        "VALUES (%s, %s, %s, 1, 10, 9)",
        [code["id"], bought["invoice_id"], status])
    if status != "cancelled":
        server.db.execute("UPDATE discount_codes SET used_count = "
                          "used_count + 1 WHERE id = %s", [code["id"]])
    return bought


# POST

def test_create_answers_a_discount_code(api, server):
    """3.3 row 2: DiscountCode; audit: every mutation writes a row."""
    made = make(api)
    # D12: the currency is exposed; beyond the contract, what it was made with.
    assert set(made) == COLUMNS | {"discount_currency", "product_slug",
                                   "policy_slugs"}
    assert is_uuid(made["id"])
    assert is_time(made["created_at"]) and is_time(made["updated_at"])
    assert (made["used_count"], made["active"], made["featured"]) == \
        (0, True, False)
    assert made["applies_to_policy_ids"] == []
    for absent in ("max_uses", "expires_at", "applies_to_product_id",
                   "applies_to_policy_id", "referrer_label", "description"):
        assert made[absent] is None
    event, = events(server, made["id"], "code.create")
    assert event["actor_kind"] == "admin_api_key" and event["actor_hash"]


def test_create_keeps_what_is_given(api):
    p = api.product()
    until = ahead(days=3)
    made = make(api, max_uses=7, expires_at=until, product_slug=p["slug"],
                referrer_label="pod", description="words", featured=True)
    assert (made["max_uses"], made["expires_at"], made["referrer_label"],
            made["description"], made["featured"]) == \
        (7, until, "pod", "words", True)
    assert made["applies_to_product_id"] == p["id"]


def test_create_upper_cases_the_code(api):
    """3.3: code upper-cased."""
    slug = new_slug("mixed_Case")
    assert make(api, code=slug)["code"] == slug.upper()


@pytest.mark.parametrize("code", [
    "", " ", "A B", "A.B", "A/B", "Ä", "ß", "ı", "A\n", "A" * 65, None, 5])
def test_create_wants_letters_digits_dash_underscore(api, code):
    """3.3: [A-Z0-9_-]+"""
    refused(post(api, code=code), 400, "bad_request")


def test_create_wants_a_new_code(api):
    """3.3: unique (409)."""
    made = make(api)
    for again in (made["code"], made["code"].lower()):
        refused(post(api, code=again), 409, "conflict")


@pytest.mark.parametrize("kind,amount,good", [
    ("percent", 0, True), ("percent", 10000, True), ("percent", 10001, False),
    ("percent", -1, False), ("fixed_sats", 1, True), ("fixed_sats", 0, False),
    ("set_price", 1, True), ("set_price", 0, False),
    ("set_price", -1, False), ("bogus", 5, False), (None, 5, False),
    ("percent", "5", False), ("percent", 1.5, False), ("percent", ..., False),
    ("fixed_sats", ..., False)])
def test_create_kinds_and_their_amounts(api, kind, amount, good):
    """3.3: percent 0-10000, fixed_sats >0, set_price >0."""
    r = post(api, kind=kind, amount=amount)
    if good:
        assert r.json()["amount"] == amount, r.text
    else:
        refused(r, 400, "bad_request")


@pytest.mark.parametrize("amount", [0, 500, ...])
def test_create_free_license_stores_0(api, amount):
    """3.3: free_license (amount stored 0)."""
    assert make(api, kind="free_license", amount=amount)["amount"] == 0


@pytest.mark.parametrize("uses", [0, -1, "3", 1.5])
def test_create_max_uses_above_0(api, uses):
    """3.3: max_uses > 0."""
    refused(post(api, max_uses=uses), 400, "bad_request")


def test_create_policy_scope_needs_the_product(api):
    """3.3: policy scope needs product_slug."""
    t = api.policy(api.product())
    refused(post(api, policy_slug=t["slug"]), 400, "bad_request")
    refused(post(api, policy_slugs=[t["slug"]]), 400, "bad_request")


def test_create_policy_slugs_beats_policy_slug(api):
    """3.3: policy_slugs beats policy_slug."""
    p = api.product()
    a, b = api.policy(p), api.policy(p)
    made = make(api, product_slug=p["slug"], policy_slug=a["slug"],
                policy_slugs=[b["slug"]])
    assert (made["applies_to_policy_id"], made["applies_to_policy_ids"]) == \
        (None, [b["id"]])
    made = make(api, product_slug=p["slug"], policy_slug=a["slug"])
    assert made["applies_to_policy_id"] == a["id"]


def test_create_unknown_product_or_policy_is_404(api):
    """0, errors: 404 unknown slug."""
    p = api.product()
    other = api.policy(api.product())
    refused(post(api, product_slug="no-such"), 404, "not_found")
    refused(post(api, product_slug=p["slug"], policy_slug=other["slug"]),
            404, "not_found")
    refused(post(api, product_slug=p["slug"], policy_slugs=["nix"]),
            404, "not_found")


@pytest.mark.parametrize("when", ["soon", "2026-13-01T00:00:00Z", "", 5,
                                  "2026-01-01", "2026-02-30T00:00:00Z"])
def test_D21_bad_dates_are_refused(api, when):
    """D21: an unparsable expires_at is not `never'."""
    refused(post(api, expires_at=when), 400, "bad_request")
    refused(patch(api, make(api), expires_at=when), 400, "bad_request")


def test_a_date_that_has_passed_is_a_date(api):
    """3.3 asks for no date ahead: the code is made, and is expired."""
    past = ahead(days=-1)
    made = make(api, expires_at=past)
    assert (made["expires_at"], made["active"]) == (past, True)


def test_D12_the_currency_is_the_products(api):
    """D12: compute in the listed currency, expose it."""
    p = api.product(price_currency="USD", price_value=4900)
    for kind in ("fixed_sats", "set_price", "percent", "free_license"):
        made = make(api, kind=kind, product_slug=p["slug"])
        assert made["discount_currency"] == "USD"
    assert make(api)["discount_currency"] == "SAT"
    assert make(api, discount_currency="EUR")["discount_currency"] == "EUR"
    refused(post(api, discount_currency="GBP"), 400, "bad_request")


@pytest.mark.parametrize("kind", ["fixed_sats", "set_price"])
def test_D12_no_cents_off_satoshis(api, kind):
    """D12: cents must not be read as sats, nor sats as cents."""
    fiat = api.product(price_currency="USD", price_value=4900)
    refused(post(api, kind=kind, product_slug=fiat["slug"],
                 discount_currency="SAT"), 400, "bad_request")
    refused(post(api, kind=kind, product_slug=api.product()["slug"],
                 discount_currency="USD"), 400, "bad_request")


# GET

def test_list_newest_first_without_the_inactive(api):
    """3.3: {codes:[]} newest first; ?include_inactive."""
    a, b, c = make(api), make(api), make(api)
    api.do("PATCH", path(b, "/active"), {"active": False})
    mine = lambda **q: [x["id"] for x in api.do(
        "GET", "/discount-codes", params=q)["codes"]
        if x["id"] in (a["id"], b["id"], c["id"])]
    assert mine() == [c["id"], a["id"]]
    assert mine(include_inactive="false") == [c["id"], a["id"]]
    assert mine(include_inactive="true") == [c["id"], b["id"], a["id"]]


def test_get_one_with_its_redemptions(api, server):
    """3.3: GET :id -> {code,redemptions:[...]} and each one's fields."""
    made = make(api)
    bought = sell(api, server, made)
    seen = api.do("GET", path(made))
    assert set(seen) >= {"code", "redemptions"}
    assert seen["code"] == {**made, "used_count": 1}
    one, = seen["redemptions"]
    assert set(one) == {
        "id", "code_id", "invoice_id", "license_id", "status",
        "discount_applied_sats", "base_price_sats", "final_price_sats",
        "created_at", "updated_at"}
    assert (one["code_id"], one["invoice_id"], one["license_id"],
            one["status"]) == (made["id"], bought["invoice_id"], None,
                               "pending")
    refused(api.admin("GET", f"/discount-codes/{NOWHERE}"), 404, "not_found")


# PATCH

@pytest.mark.parametrize("change", [
    {"amount": 7}, {"max_uses": 9}, {"max_uses": None},
    {"expires_at": None}, {"description": "x"}, {"description": None},
    {"referrer_label": "y"}, {"referrer_label": None}, {"featured": True}])
def test_patch_changes_each_and_nothing_else(api, server, change):
    """3.3: amount, max_uses|null, expires_at|null, description,
    referrer_label|null, featured."""
    made = make(api, max_uses=5, expires_at=ahead(days=1), description="d",
                referrer_label="r", product_slug=api.product()["slug"])
    r = patch(api, made, **change)
    assert r.status_code == 200, r.text
    seen = r.json()
    assert seen == {**made, **change, "updated_at": seen["updated_at"]}
    event, = events(server, made["id"], "code.update")
    assert event["details"]["changes"] == change


def test_patch_max_uses_not_below_what_is_used(api, server):
    """3.3: max_uses|null (>= used_count)."""
    made = make(api)
    sell(api, server, made)
    sell(api, server, made)
    refused(patch(api, made, max_uses=1), 400, "bad_request")
    assert patch(api, made, max_uses=2).json()["max_uses"] == 2


@pytest.mark.parametrize("kind,amount", [
    ("percent", 10001), ("fixed_sats", 0), ("set_price", 0),
    ("percent", -1), ("percent", None)])
def test_patch_amount_by_the_kinds_rule(api, kind, amount):
    """3.3: an amount is as its kind has it."""
    made = make(api, kind=kind)
    refused(patch(api, made, amount=amount), 400, "bad_request")


def test_patch_policy_slugs_only_when_product_scoped(api):
    """3.3: policy_slugs (only when product-scoped; [] clears)."""
    p = api.product()
    a, b = api.policy(p), api.policy(p)
    made = make(api, product_slug=p["slug"], policy_slug=a["slug"])
    seen = patch(api, made, policy_slugs=[b["slug"], a["slug"]]).json()
    assert seen["applies_to_policy_ids"] == [b["id"], a["id"]]
    seen = patch(api, made, policy_slugs=[]).json()
    assert (seen["applies_to_policy_ids"], seen["applies_to_policy_id"],
            seen["applies_to_product_id"]) == ([], None, p["id"])
    refused(patch(api, made, policy_slugs=["nix"]), 404, "not_found")
    refused(patch(api, make(api), policy_slugs=[]), 400, "bad_request")


def test_patch_leaves_code_kind_and_product(api):
    """3.3: code, kind, product fixed."""
    made = make(api)
    seen = patch(api, made, code="OTHER", kind="set_price",
                 product_slug=api.product()["slug"]).json()
    assert {k: seen[k] for k in ("code", "kind", "applies_to_product_id")} == \
        {k: made[k] for k in ("code", "kind", "applies_to_product_id")}


def test_patch_active(api, server):
    """3.3: PATCH .../:id/active {active}."""
    made = make(api)
    for state in (False, True):
        assert api.do("PATCH", path(made, "/active"),
                      {"active": state}) == {"ok": True}
        assert api.do("GET", path(made))["code"]["active"] is state
    assert len(events(server, made["id"], "code.set_active")) == 2
    refused(api.admin("PATCH", path(made, "/active"), {}), 400, "bad_request")


@pytest.mark.parametrize("rest,body", [
    ("", {"amount": 1}), ("/active", {"active": True})])
def test_patch_unknown_is_404(api, rest, body):
    refused(api.admin("PATCH", f"/discount-codes/{NOWHERE}{rest}", body), 404,
            "not_found")


# DELETE

def test_delete(api, server):
    """3.3: DELETE .../:id -> {ok,deleted:code}."""
    made = make(api)
    assert api.do("DELETE", path(made)) == {"ok": True,
                                            "deleted": made["code"]}
    refused(api.admin("DELETE", path(made)), 404, "not_found")
    assert events(server, made["id"], "code.delete")
    make(api, code=made["code"])


@pytest.mark.parametrize("status", ["pending", "redeemed", "cancelled"])
def test_delete_409_if_any_redemption_exists(api, server, status):
    """3.3: 409 if any redemption exists."""
    made = make(api)
    sell(api, server, made, status)
    refused(api.admin("DELETE", path(made)), 409, "conflict")
    assert api.do("GET", path(made))["code"]["code"] == made["code"]


# Who may

@pytest.mark.parametrize("method,rest", [
    ("POST", ""), ("GET", ""), ("GET", "/" + NOWHERE),
    ("PATCH", "/" + NOWHERE), ("PATCH", f"/{NOWHERE}/active"),
    ("DELETE", "/" + NOWHERE)])
def test_administrators_only(api, method, rest):
    """0: no bearer 401, a wrong one 403."""
    where = "/v1/admin/discount-codes" + rest
    refused(api.public(method, where, {}), 401, "unauthorized")
    refused(api.call(method, where, {}, token="x" * 40), 403, "forbidden")


def test_scopes_are_in_the_open_description(api):
    """3.3: discount_codes:read and :write."""
    paths = api.get("/v1/openapi.json")["paths"]
    for where, ops in paths.items():
        if where.startswith("/v1/admin/discount-codes"):
            for method, op in ops.items():
                assert op["x-scope"] == "discount_codes:" + (
                    "read" if method == "get" else "write")


def test_D23_force_deletes_codes_of_the_product(api):
    """D23, 3.1: the answer counts codes and redemptions."""
    p = api.product()
    made = make(api, product_slug=p["slug"])
    seen = api.do("DELETE", f"/products/{p['id']}?force=true")
    assert (seen["cascaded_codes"], seen["cascaded_redemptions"]) == (1, 0)
    refused(api.admin("GET", path(made)), 404, "not_found")


@pytest.mark.parametrize("what", ["products", "policies"])
def test_D23_force_deletes_what_was_sold_with_a_code(api, what):
    """D23: redemptions and subscriptions too; a code that stays gets the uses
    back that went."""
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    made = make(api, max_uses=5)
    for _ in range(2):
        api.pay(api.buy(p, policy_slug=t["slug"], code=made["code"]))
    api.buy(p, policy_slug=t["slug"], code=made["code"])
    assert api.do("GET", path(made))["code"]["used_count"] == 3
    where = f"/{what}/{(p if what == 'products' else t)['id']}"
    refused(api.admin("DELETE", where), 409, "conflict")
    seen = api.do("DELETE", where + "?force=true")
    assert {k: seen["cascaded_" + k] for k in (
        "licenses", "invoices", "redemptions", "subscriptions")} == \
        {"licenses": 2, "invoices": 3, "redemptions": 3, "subscriptions": 2}
    told = api.do("GET", path(made))
    assert (told["code"]["used_count"], told["redemptions"]) == (0, [])


def test_D23_a_live_subscription_keeps_its_policy(api):
    """3.1: 409 if a non-revoked licence, settled invoice or live
    subscription, unless force."""
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    paid = api.pay(api.buy(p, policy_slug=t["slug"]))
    api.revoke(paid["license_id"])
    refused(api.admin("DELETE", f"/policies/{t['id']}"), 409, "conflict")
    seen = api.do("DELETE", f"/policies/{t['id']}?force=true")
    assert seen["cascaded_subscriptions"] == 1
