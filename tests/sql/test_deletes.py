"""D23: a forced delete of a product or a policy takes along all that hangs on
it, whatever the tables; what it must not take stays whole."""
import uuid

import pytest

import sold
from endpoint import body, call, count, events, fault, policy, product
from sold import referring
from test_codes import code, used

OWNED = ("products", "policies", "invoices", "licenses", "subscriptions",
         "discount_codes")


def drop(db, what, one, force=False):
    return call(db, f"{what}_delete", lock=f"{what}_delete_lock",
                id=one["id"], force=force)


def dropped(db, what, one, force=False):
    """And what was said before about what would go is what went."""
    said = body(db, f"{what}_usage", id=one["id"])
    row = drop(db, what, one, force)
    assert row["fault"] is None, row["message"]
    if force == said["needs_force"]:
        assert {k: said[k] for k in counts(row["body"])} == \
            counts(row["body"])
    return row["body"]


def counts(answer):
    return {k[len("cascaded_"):]: n for k, n in answer.items()
            if k.startswith("cascaded_")}


@pytest.fixture
def shop(db):
    """A product whose every table is filled, and one beside it."""
    class Shop:
        p, q = product(db), product(db)
        y, z = policy(db, p), policy(db, p)
        everywhere = code(db)
        of_product = code(db, product_slug=p["slug"])
        license = sold.everything(db, p, y, z, everywhere["id"])
        elsewhere = sold.everything(db, q, policy(db, q), policy(db, q),
                                    everywhere["id"])
    return Shop


def hanging(db, p):
    """table.column -> how many rows lead to the product, by foreign keys."""
    found, ids = {}, {"products": {p["id"]}}
    keys = [k for k in referring(db) if k[2] in OWNED]
    grown = True
    while grown:
        grown = False
        for table, column, target, _ in keys:
            wanted = ids.get(target, set())
            if not wanted:
                continue
            among = ", ".join(f"'{i}'" for i in wanted)
            where = f"{column} IN ({among})"
            found[f"{table}.{column}"] = count(db, table, where)
            if table in OWNED:
                new = {r[0] for r in db.sql(f"SELECT id FROM {table} WHERE "
                       + where)} - ids.setdefault(table, set())
                ids[table] |= new
                grown = grown or bool(new)
    return found, ids


def test_the_shop_fills_every_table_that_can_refuse(db, shop):
    """A new table whose key refuses must be filled in sold.everything, and so
    be deleted."""
    code(db, product_slug=shop.p["slug"], policy_slug=shop.y["slug"])
    sold.redemption(db, shop.of_product["id"], sold.invoice(db, shop.p))
    found, _ = hanging(db, shop.p)
    every = {f"{t}.{c}" for t, c, target, does in referring(db)
             if target in OWNED and does == "a"}
    assert not every - {k for k, n in found.items() if n}


def test_product_force_deletes_all_that_refers(db, shop):
    code(db, product_slug=shop.p["slug"], policy_slug=shop.y["slug"])
    sold.redemption(db, shop.of_product["id"], sold.invoice(db, shop.p))
    _, ids = hanging(db, shop.p)
    answer = dropped(db, "product", shop.p, True)
    assert (answer["ok"], answer["deleted"], answer["force"]) == \
        (True, shop.p["slug"], True)
    assert counts(answer) == {
        "policies": 2, "codes": 2, "licenses": 1, "invoices": 4,
        "machines": 1, "redemptions": 2, "subscriptions": 1,
        "tier_changes": 1, "tips": 1, "refunds": 1}
    for table, column, target, _ in referring(db):
        if ids.get(target):
            among = ", ".join(f"'{i}'" for i in ids[target])
            assert count(db, table, f"{column} IN ({among})") == 0, table
    (_, _, details), = events(db, shop.p["id"], "product.delete")
    assert details == answer


def test_product_force_leaves_the_others_alone(db, shop):
    before, _ = hanging(db, shop.q)
    dropped(db, "product", shop.p, True)
    assert hanging(db, shop.q)[0] == before
    assert used(db, shop.everywhere["id"]) == 1


def test_product_force_counts_only_uses_that_held_one(db, shop):
    late = sold.invoice(db, shop.p, status="expired")
    sold.redemption(db, shop.everywhere["id"], late, "cancelled")
    sold.redemption(db, shop.everywhere["id"], sold.invoice(db, shop.p))
    assert used(db, shop.everywhere["id"]) == 3
    assert counts(dropped(db, "product", shop.p, True))["redemptions"] == 3
    assert used(db, shop.everywhere["id"]) == 1


def test_product_without_force_is_kept(db, shop):
    before, _ = hanging(db, shop.p)
    assert body(db, "product_usage", id=shop.p["id"])["needs_force"]
    assert drop(db, "product", shop.p)["fault"] == "conflict"
    assert hanging(db, shop.p)[0] == before


def test_product_that_sold_nothing_goes_with_its_codes(db):
    p = product(db)
    one = code(db, product_slug=p["slug"],
               policy_slug=policy(db, p)["slug"])
    assert counts(dropped(db, "product", p)) == {
        "policies": 1, "codes": 1, **dict.fromkeys((
            "licenses", "invoices", "machines", "redemptions",
            "subscriptions", "tier_changes", "tips", "refunds"), 0)}
    assert count(db, "discount_codes", f"id = '{one['id']}'") == 0


# Policies

def test_policy_force_deletes_all_that_refers(db, shop):
    answer = dropped(db, "policy", shop.y, True)
    assert counts(answer) == {
        "policies": 0, "codes": 0, "licenses": 1, "invoices": 3,
        "machines": 1, "redemptions": 1, "subscriptions": 1,
        "tier_changes": 1, "tips": 1, "refunds": 1}
    found, _ = hanging(db, shop.p)
    assert {k: n for k, n in found.items() if n} == {
        "policies.product_id": 1, "discount_codes.applies_to_product_id": 1}
    assert used(db, shop.everywhere["id"]) == 1
    (_, _, details), = events(db, shop.y["id"], "policy.delete")
    assert details == answer


@pytest.mark.parametrize("status,blocks", [
    ("active", True), ("past_due", True), ("cancelled", False),
    ("lapsed", False)])
def test_policy_with_a_live_subscription_is_kept(db, status, blocks):
    """3.1: 409 if a non-revoked licence, settled invoice or live
    subscription."""
    p = product(db)
    y = policy(db, p)
    one = sold.license(db, p, status="revoked", policy_id=y["id"])
    now = "2026-01-02T03:04:05Z"
    sold.subscription(db, p, one, policy_id=y["id"], status=status,
                      cancelled_at=now if status == "cancelled" else None,
                      lapsed_at=now if status == "lapsed" else None)
    assert drop(db, "policy", y)["fault"] == ("conflict" if blocks else None)
    if blocks:
        assert counts(dropped(db, "policy", y, True))["subscriptions"] == 1


def test_policy_that_a_license_is_changing_to(db):
    """Kept without force; forced, the change ends and the license stays."""
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    one = sold.license(db, p, policy_id=y["id"])
    paid = sold.invoice(db, p, policy_id=z["id"], kind="tier_change",
                        license_id=one)
    change = sold.tier_change(db, one, from_policy_id=y["id"],
                              to_policy_id=z["id"], invoice_id=paid)
    assert drop(db, "policy", z)["fault"] == "conflict"
    answer = counts(dropped(db, "policy", z, True))
    assert not any(answer.values())
    assert count(db, "tier_changes", f"id = '{change}' AND to_policy_id IS "
                 "NULL AND cancelled_at IS NOT NULL") == 1
    assert count(db, "invoices", f"id = '{paid}' AND policy_id IS NULL "
                 "AND status = 'expired'") == 1
    assert count(db, "licenses", f"id = '{one}'") == 1
    (_, _, details), = events(db, one, "license.tier_change.cancel")
    assert details["tier_change_id"] == change


def test_policy_that_a_license_has_left(db):
    """The license that moved on keeps its invoices and cycles."""
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    bought = sold.invoice(db, p, policy_id=y["id"], status="settled")
    one = sold.license(db, p, policy_id=z["id"], invoice_id=bought)
    renewing = sold.subscription(db, p, one, policy_id=z["id"])
    renewal = sold.invoice(db, p, policy_id=y["id"], kind="renewal",
                           license_id=one, status="settled")
    sold.cycle(db, renewing, bought)
    sold.cycle(db, renewing, renewal, 2)
    sold.tier_change(db, one, from_policy_id=y["id"], to_policy_id=z["id"],
                     applied_at="2026-01-02T03:04:05Z")
    assert not any(counts(dropped(db, "policy", y, True)).values())
    assert count(db, "subscription_invoices",
                 f"subscription_id = '{renewing}'") == 2


# Codes of a policy that goes: none becomes good for more

def scope(db, one):
    """(active, single policy, list of policies); None: gone."""
    row = db.sql("SELECT active, applies_to_policy_id, applies_to_policy_ids "
                 f"FROM discount_codes WHERE id = '{one['id']}'")
    return row[0] if row else None


@pytest.mark.parametrize("listed", [False, True])
def test_code_of_that_policy_alone_goes_with_it(db, listed):
    p = product(db)
    y = policy(db, p)
    one = code(db, product_slug=p["slug"], **(
        {"policy_slugs": [y["slug"]]} if listed else
        {"policy_slug": y["slug"]}))
    assert counts(dropped(db, "policy", y))["codes"] == 1
    assert scope(db, one) is None


def test_code_of_several_policies_stays_for_the_others(db):
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    one = code(db, product_slug=p["slug"],
               policy_slugs=[y["slug"], z["slug"]])
    assert counts(dropped(db, "policy", y))["codes"] == 0
    assert scope(db, one) == ("t", None, f"{{{z['id']}}}")


@pytest.mark.parametrize("listed", [False, True])
def test_code_that_a_sale_tells_of_is_good_for_nothing(db, listed):
    p = product(db)
    y, z = policy(db, p), policy(db, p)
    one = code(db, product_slug=p["slug"], **(
        {"policy_slugs": [y["slug"]]} if listed else
        {"policy_slug": y["slug"]}))
    sold.redemption(db, one["id"], sold.invoice(
        db, p, policy_id=y["id"], status="expired"), "cancelled")
    sold.redemption(db, one["id"], sold.invoice(db, p, policy_id=y["id"]))
    assert counts(dropped(db, "policy", y))["codes"] == 0
    assert scope(db, one) == ("f", None, f"{{{y['id']}}}")
    assert used(db, one["id"]) == 1
    call(db, "code_set_active", id=one["id"], active=True)
    call(db, "code_update", id=one["id"], featured=True)
    tiers = body(db, "policy_list_public", slug=p["slug"])["policies"]
    assert z["slug"] in [t["slug"] for t in tiers]
    assert all((t["featured_discount"] or {}).get("code") != one["code"]
               for t in tiers)
    db.sql(f"UPDATE discount_codes SET featured = false "
           f"WHERE id = '{one['id']}'")


def test_code_whose_sales_go_with_the_policy_goes_too(db):
    p = product(db)
    y = policy(db, p)
    one = code(db, product_slug=p["slug"], policy_slug=y["slug"])
    sold.redemption(db, one["id"], sold.invoice(db, p, policy_id=y["id"]))
    seen = counts(dropped(db, "policy", y, True))
    assert (seen["codes"], seen["redemptions"], seen["invoices"]) == (1, 1, 1)


def test_deletes_of_nothing(db):
    for what in ("product", "policy"):
        assert drop(db, what, {"id": str(uuid.uuid4())}, True) is None
    assert fault(db, "product_delete", id=str(uuid.uuid4())) == "not_found"


@pytest.mark.parametrize("what", ["product", "policy"])
def test_what_no_request_can_delete_in_its_time_is_refused(db, what):
    """Beforehand, at a thousand licenses for each second that it may take;
    nothing is counted through for its preview."""
    p = product(db)
    y = policy(db, p)
    one = p if what == "product" else y
    db.sql("BEGIN")
    db.sql("INSERT INTO licenses (product_id, policy_id, signing_key_id,"
           f" issued_at) SELECT '{p['id']}', '{y['id']}', 1,"
           " date_trunc('second', now()) FROM generate_series(1, 10001)")
    db.sql("SET LOCAL statement_timeout = '11s'")
    said = body(db, f"{what}_usage", id=one["id"])
    assert (said["is_large"], said["is_too_much"], said["licenses"],
            said["machines"]) == (True, False, 10001, None)
    db.sql("SET LOCAL statement_timeout = '10s'")
    assert body(db, f"{what}_usage", id=one["id"])["is_too_much"]
    row = call(db, f"{what}_delete", id=one["id"], force=True)
    assert row["fault"] == "conflict"
    assert "more than 10000 licenses" in row["message"]
    assert "LICET_REQUEST_TIMEOUT_MS" in row["message"]
    row = call(db, f"{what}_delete", id=one["id"])
    assert row["fault"] == "conflict" and "needed" in row["message"]
    assert count(db, "licenses", f"product_id = '{p['id']}'") == 10001
    db.sql("ROLLBACK")
