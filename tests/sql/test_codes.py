"""Discount codes as administrators keep them (3.3), the code that a policy
features (4.6), and the sweep of uses that were left behind (D10)."""
import itertools
import uuid

import pytest

import sold
from endpoint import body, call, count, events, fault, policy, product
from statements import STATEMENTS

NUMBERS = itertools.count()
PAST, FUTURE = "2020-01-02T03:04:05Z", "2099-01-02T03:04:05Z"


def name():
    return f"CODE{next(NUMBERS)}-{uuid.uuid4().hex[:6].upper()}"


def code(db, **args):
    args.setdefault("code", name())
    args.setdefault("kind", "percent")
    args.setdefault("amount", 1000)
    return body(db, "code_create", **args)


def used(db, code_id):
    return int(db.sql("SELECT used_count FROM discount_codes WHERE id = "
                      f"'{code_id}'")[0][0])


def sale(db, p, code_id, redemption="pending", invoice="pending"):
    """An invoice at a provider that uses the code; its id, the use's id."""
    one = sold.invoice(db, p, status=invoice)
    return one, sold.redemption(db, code_id, one, redemption)


def row(db, table, key, *columns):
    (values,), = [db.sql(f"SELECT {', '.join(columns)} FROM {table} "
                         f"WHERE id = '{key}'")]
    return values


# Create

def test_create_answers_the_code(db):
    p, = [product(db)]
    made = code(db, code="summer-26_" + name()[-6:].lower(), amount=2500,
                max_uses=5, expires_at=FUTURE, product_slug=p["slug"],
                referrer_label="pod", description="d", featured=True)
    assert made["code"].startswith("SUMMER-26_")
    assert made["code"] == made["code"].upper()
    assert set(made) == {
        "id", "code", "kind", "amount", "max_uses", "used_count",
        "expires_at", "applies_to_product_id", "applies_to_policy_id",
        "applies_to_policy_ids", "referrer_label", "description", "active",
        "featured", "created_at", "updated_at", "discount_currency",
        "product_slug", "policy_slugs"}
    assert (made["used_count"], made["active"], made["featured"]) == \
        (0, True, True)
    assert made["expires_at"] == FUTURE
    assert made["applies_to_product_id"] == p["id"]
    assert (made["applies_to_policy_id"], made["applies_to_policy_ids"]) == \
        (None, [])
    (action, actor, details), = events(db, made["id"])
    assert (action, actor) == ("code.create", "admin_api_key")
    assert details["code"] == made


def test_create_refuses_a_code_in_use_whatever_its_case(db):
    made = code(db)
    assert fault(db, "code_create", code=made["code"].lower(),
                 kind="percent", amount=1) == "conflict"
    assert count(db, "discount_codes", f"code = '{made['code']}'") == 1


@pytest.mark.parametrize("args", [
    {"code": ""}, {"code": "A B"}, {"code": "Ä"}, {"code": "ſale"},
    {"code": "A\n"}, {"code": "A" * 65}, {"code": "A.B"},
    {"kind": "percent", "amount": None}, {"kind": "percent", "amount": -1},
    {"kind": "percent", "amount": 10001},
    {"kind": "fixed_sats", "amount": 0}, {"kind": "fixed_sats", "amount": None},
    {"kind": "set_price", "amount": 0}, {"kind": "set_price", "amount": -5},
    {"policy_slug": "x"}, {"policy_slugs": ["x"]}])
def test_create_refuses(db, args):
    args = {"code": name(), "kind": "percent", "amount": 5, **args}
    assert fault(db, "code_create", **args) == "bad_request"
    assert count(db, "discount_codes", f"code = '{args['code'].upper()}'") == 0


@pytest.mark.parametrize("kind,amount,stored", [
    ("percent", 0, 0), ("percent", 10000, 10000), ("fixed_sats", 1, 1),
    ("set_price", 1, 1), ("free_license", 77, 0), ("free_license", None, 0)])
def test_create_amounts_at_their_bounds(db, kind, amount, stored):
    assert code(db, kind=kind, amount=amount)["amount"] == stored


def test_create_takes_a_date_that_has_passed(db):
    assert code(db, expires_at=PAST)["expires_at"] == PAST


def test_create_wants_products_and_policies_that_exist(db):
    p, other = product(db), product(db)
    y, z = policy(db, p), policy(db, other)
    ask = dict(code=name(), kind="percent", amount=5)
    assert fault(db, "code_create", product_slug="no-such", **ask) \
        == "not_found"
    for slugs in (["nix"], [y["slug"], z["slug"]]):
        assert fault(db, "code_create", product_slug=p["slug"],
                     policy_slugs=slugs, **ask) == "not_found"
    assert fault(db, "code_create", product_slug=p["slug"],
                 policy_slug=z["slug"], **ask) == "not_found"


def test_create_scopes(db):
    p = product(db)
    a, b, c = policy(db, p), policy(db, p), policy(db, p)
    one = code(db, product_slug=p["slug"], policy_slug=b["slug"])
    assert (one["applies_to_policy_id"], one["applies_to_policy_ids"]) == \
        (b["id"], [])
    many = code(db, product_slug=p["slug"], policy_slug=a["slug"],
                policy_slugs=[c["slug"], b["slug"], c["slug"]])
    assert many["applies_to_policy_id"] is None
    assert many["applies_to_policy_ids"] == [c["id"], b["id"]]
    none = code(db, product_slug=p["slug"], policy_slug=a["slug"],
                policy_slugs=[])
    assert none["applies_to_policy_id"] == a["id"]


@pytest.mark.parametrize("kind", ["fixed_sats", "set_price"])
def test_create_in_the_products_currency(db, kind):
    p = product(db, price_currency="EUR", price_value=900)
    made = code(db, kind=kind, product_slug=p["slug"])
    assert made["discount_currency"] == "EUR"
    assert code(db, kind=kind)["discount_currency"] == "SAT"
    assert fault(db, "code_create", code=name(), kind=kind, amount=5,
                 discount_currency="SAT", product_slug=p["slug"]) \
        == "bad_request"
    code(db, kind="percent", discount_currency="SAT", product_slug=p["slug"])


# Read

def test_list_pages_newest_first(db):
    made = [code(db)["id"] for _ in range(5)]
    call(db, "code_set_active", id=made[2], active=False)
    seen, cursor = [], None
    while len(seen) < 4:
        page = body(db, "code_list", limit=2, cursor=cursor)
        seen += [c["id"] for c in page["codes"]]
        cursor = page["next_cursor"]
        assert cursor
    assert seen[:4] == [made[i] for i in (4, 3, 1, 0)]
    every = body(db, "code_list", include_inactive=True, limit=5)["codes"]
    assert [c["id"] for c in every] == made[::-1]


def test_get_pages_the_uses(db):
    p, c = product(db), code(db)
    sold = [sale(db, p, c["id"])[1] for _ in range(3)]
    page = body(db, "code_get", id=c["id"], limit=2)
    assert page["code"]["used_count"] == 3
    assert [r["id"] for r in page["redemptions"]] == sold[:0:-1]
    assert set(page["redemptions"][0]) == {
        "id", "code_id", "invoice_id", "license_id", "status",
        "discount_applied_sats", "base_price_sats", "final_price_sats",
        "created_at", "updated_at"}
    page = body(db, "code_get", id=c["id"], limit=2,
                cursor=page["next_cursor"])
    assert [r["id"] for r in page["redemptions"]] == sold[:1]
    assert page["next_cursor"] is None
    assert call(db, "code_get", id=str(uuid.uuid4())) is None


# Change

def test_update_changes_what_is_named(db):
    c = code(db, max_uses=5, expires_at=FUTURE, description="d",
             referrer_label="r")
    n = body(db, "code_update", id=c["id"], amount=7)
    assert n == {**c, "amount": 7, "updated_at": n["updated_at"]}
    n = body(db, "code_update", id=c["id"], featured=True, expires_at=PAST)
    assert (n["featured"], n["expires_at"]) == (True, PAST)
    n = body(db, "code_update", id=c["id"], max_uses=None, expires_at=None,
             description=None, referrer_label=None)
    assert [n[k] for k in ("max_uses", "expires_at", "description",
                           "referrer_label")] == [None] * 4
    assert [a for a, _, _ in events(db, c["id"])] == \
        ["code.create"] + ["code.update"] * 3
    assert call(db, "code_update", id=str(uuid.uuid4()), amount=1) is None


def test_update_keeps_max_uses_above_what_is_used(db):
    p, c = product(db), code(db, max_uses=5)
    for _ in range(3):
        sale(db, p, c["id"])
    assert fault(db, "code_update", id=c["id"], max_uses=2) == "bad_request"
    assert body(db, "code_update", id=c["id"], max_uses=3)["max_uses"] == 3


@pytest.mark.parametrize("kind,amount", [
    ("percent", 10001), ("fixed_sats", 0), ("set_price", 0)])
def test_update_judges_the_amount_by_the_kind(db, kind, amount):
    c = code(db, kind=kind)
    assert fault(db, "code_update", id=c["id"], amount=amount) \
        == "bad_request"


def test_update_of_a_free_code_keeps_its_amount_0(db):
    c = code(db, kind="free_license")
    assert body(db, "code_update", id=c["id"], amount=5)["amount"] == 0


def test_update_of_the_policies(db):
    p, q = product(db), product(db)
    a, b, other = policy(db, p), policy(db, p), policy(db, q)
    c = code(db, product_slug=p["slug"], policy_slug=a["slug"])
    change = lambda slugs: body(db, "code_update", id=c["id"],
                                policy_slugs=slugs)
    n = change([b["slug"], a["slug"]])
    assert (n["applies_to_policy_id"], n["applies_to_policy_ids"]) == \
        (None, [b["id"], a["id"]])
    for slugs in (["nix"], [a["slug"], other["slug"]]):
        assert fault(db, "code_update", id=c["id"], policy_slugs=slugs) \
            == "not_found"
    n = change([])
    assert (n["applies_to_policy_id"], n["applies_to_policy_ids"]) == \
        (None, [])
    assert n["applies_to_product_id"] == p["id"]
    free = code(db)
    for slugs in ([], [a["slug"]]):
        assert fault(db, "code_update", id=free["id"], policy_slugs=slugs) \
            == "bad_request"


def test_delete_only_what_nobody_used(db):
    p, c, d = product(db), code(db), code(db)
    sale(db, p, d["id"], "cancelled", "expired")
    drop = lambda k: call(db, "code_delete", lock="code_delete_lock", id=k)
    assert drop(c["id"])["body"] == {"ok": True, "deleted": c["code"]}
    assert drop(c["id"]) is None
    assert drop(d["id"])["fault"] == "conflict"
    assert events(db, c["id"], "code.delete")
    assert not events(db, d["id"], "code.delete")


# Featured

def featured(db, y):
    """What policy_list_public shows for the policy."""
    (slug,), = db.sql("SELECT p.slug FROM products p JOIN policies y "
                      f"ON y.product_id = p.id WHERE y.id = '{y['id']}'")
    tiers = body(db, "policy_list_public", slug=slug)["policies"]
    tier, = [t for t in tiers if t["slug"] == y["slug"]]
    return tier["featured_discount"] and tier["featured_discount"]["code"]


@pytest.fixture
def alone(db):
    """No code of another test is good for every product."""
    db.sql("UPDATE discount_codes SET featured = false")
    yield db
    db.sql("UPDATE discount_codes SET featured = false")


def test_featured_prefers_the_closest_then_the_oldest(alone):
    """4.6: policy-scoped, then product-scoped, then global; oldest first."""
    db = alone
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    add = lambda **a: code(db, featured=True, **a)["code"]
    everywhere = add()
    assert featured(db, y) == everywhere
    add()
    of_product = add(product_slug=p["slug"])
    assert featured(db, y) == of_product
    add(product_slug=p["slug"])
    of_policy = add(product_slug=p["slug"], policy_slug=y["slug"])
    add(product_slug=p["slug"], policy_slugs=[z["slug"], y["slug"]])
    assert featured(db, y) == of_policy
    assert featured(db, product_policy(db)) == everywhere


def product_policy(db):
    return policy(db, product(db))


def test_featured_list_beats_the_single_policy(alone):
    """4.6: a non-empty policy list beats the single policy column."""
    db = alone
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    c = code(db, featured=True, product_slug=p["slug"], policy_slug=y["slug"])
    db.sql(f"UPDATE discount_codes SET applies_to_policy_ids = '{{{z['id']}}}'"
           f" WHERE id = '{c['id']}'")
    assert featured(db, y) is None and featured(db, z) == c["code"]


@pytest.mark.parametrize("change", [
    "active = false", "featured = false",
    "expires_at = licet_now() - interval '1 s'", "max_uses = 1, used_count = 1",
    "applies_to_product_id = (SELECT id FROM products ORDER BY created_at"
    " LIMIT 1)", "kind = 'fixed_sats', discount_currency = 'USD'"])
def test_featured_only_what_can_be_used(alone, change):
    """4.6: active, unexpired, with uses left; D12: in its currency."""
    db = alone
    product(db)
    y, c = product_policy(db), code(db, featured=True, expires_at=FUTURE)
    assert featured(db, y) == c["code"]
    db.sql(f"UPDATE discount_codes SET {change} WHERE id = '{c['id']}'")
    assert featured(db, y) is None


def test_featured_not_on_a_trial(alone):
    """2.2 row 4: a trial ignores any code."""
    db = alone
    code(db, featured=True)
    y = policy(db, product(db), is_recurring=True, renewal_period_days=30,
               trial_days=7)
    assert featured(db, y) is None


# The sweep

@pytest.mark.parametrize("invoice", ["expired", "invalid"])
def test_reap_gives_back_what_a_dead_invoice_holds(db, invoice):
    """D10"""
    p, c = product(db), code(db, max_uses=2)
    one, use = sale(db, p, c["id"], "pending", invoice)
    assert int(call(db, "code_reap")["cancelled"]) >= 1
    assert row(db, "discount_redemptions", use, "status") == ("cancelled",)
    assert used(db, c["id"]) == 0
    (_, actor, details), = events(db, c["id"], "code.release")
    assert actor == "system"
    assert details == {"redemption_id": use, "invoice_id": one}
    call(db, "code_reap")
    assert used(db, c["id"]) == 0


@pytest.mark.parametrize("invoice,redemption", [
    ("pending", "pending"), ("settled", "redeemed"), ("settled", "pending"),
    ("expired", "redeemed"), ("expired", "cancelled")])
def test_reap_leaves_the_rest(db, invoice, redemption):
    """D10: only when the provider says expired or invalid, however old."""
    p, c = product(db), code(db)
    one, use = sale(db, p, c["id"], redemption, invoice)
    db.sql("UPDATE invoices SET created_at = created_at - interval '90 d' "
           f"WHERE id = '{one}'")
    before = used(db, c["id"])
    call(db, "code_reap")
    assert row(db, "discount_redemptions", use, "status") == (redemption,)
    assert used(db, c["id"]) == before


def test_reap_never_goes_below_0(db):
    p, c = product(db), code(db)
    sale(db, p, c["id"], "pending", "expired")
    db.sql(f"UPDATE discount_codes SET used_count = 0 WHERE id = '{c['id']}'")
    call(db, "code_reap")
    assert used(db, c["id"]) == 0


def test_reap_waits_for_who_settles(db, connect):
    """A late payment under way has the invoice's lock: its use stays."""
    p, c = product(db), code(db)
    one, use = sale(db, p, c["id"], "pending", "expired")
    payer = connect()
    payer.sql("BEGIN")
    payer.call("invoice_settle_lock", **lock_of(db, one))
    call(db, "code_reap")
    assert row(db, "discount_redemptions", use, "status") == ("pending",)
    payer.sql("ROLLBACK")
    call(db, "code_reap")
    assert row(db, "discount_redemptions", use, "status") == ("cancelled",)


def lock_of(db, invoice):
    known = {"provider_id": row(db, "invoices", invoice, "provider_id")[0],
             "provider_invoice_id": f"px-{invoice}", "order_id": invoice}
    return {k: v for k, v in known.items()
            if k in STATEMENTS["invoice_settle_lock"][1]}
