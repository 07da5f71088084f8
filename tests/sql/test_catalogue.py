"""Products and policies: every rule of the contract that SQL decides."""
import uuid

import pytest

from endpoint import body, call, count, events, fault, outbox, policy, \
    product, slug
from session import Refused

CATALOG = [{"slug": "pro_mode", "name": "Pro", "description": "All of it"},
           {"slug": "export", "name": "Export", "description": ""}]


def test_product_create_answers_the_product(db):
    p = product(db, price_sats=2500, description="d", metadata={"a": 1},
                entitlements_catalog=CATALOG)
    assert (p["price_sats"], p["price_currency"], p["price_value"]) == \
        (2500, "SAT", 2500)
    assert p["active"] is True and p["metadata"] == {"a": 1}
    assert p["entitlements_catalog"] == CATALOG
    assert p["merchant_profile_id"] is None
    assert set(p) == {
        "id", "slug", "name", "description", "price_sats", "price_currency",
        "price_value", "active", "metadata", "entitlements_catalog",
        "merchant_profile_id", "created_at", "updated_at"}
    (action, actor, _), = events(db, p["id"])
    assert (action, actor) == ("product.create", "admin_api_key")
    (kind, data), = outbox(db, p["id"])
    assert kind == "product.created" and data == p


def test_product_create_fiat_stores_no_sats(db):
    p = product(db, price_currency="EUR", price_value=4900)
    assert (p["price_sats"], p["price_currency"], p["price_value"]) == \
        (0, "EUR", 4900)


@pytest.mark.parametrize("price", [
    {}, {"price_sats": 0}, {"price_sats": -1}, {"price_currency": "SAT"},
    {"price_value": 5}, {"price_currency": "EUR", "price_value": 0},
    {"price_currency": "GBP", "price_value": 5},
    {"price_sats": 5, "price_currency": "EUR", "price_value": 5},
    {"price_sats": 5, "price_currency": "SAT", "price_value": 6},
    {"price_sats": 5, "price_currency": "SAT"},
])
def test_product_create_refuses_price(db, price):
    s = slug()
    assert fault(db, "product_create", slug=s, name="x", **price) \
        == "bad_request"
    assert count(db, "products", f"slug = '{s}'") == 0


def test_product_create_both_price_forms_if_equal(db):
    p = product(db, price_sats=5, price_currency="SAT", price_value=5)
    assert p["price_sats"] == 5


@pytest.mark.parametrize("catalog", [
    [{"slug": "Upper"}], [{"slug": "da-sh"}], [{"slug": ""}], [{}], ["text"],
    [{"slug": "a"}, {"slug": "a"}], {"slug": "a"},
    [{"slug": "a", "name": 5}], [{"slug": "a" * 256}], [None],
])
def test_product_create_refuses_catalog(db, catalog):
    assert fault(db, "product_create", slug=slug(), name="x", price_sats=1,
                 entitlements_catalog=catalog) == "bad_request"


def test_product_create_duplicate_slug_conflicts(db):
    p = product(db)
    assert fault(db, "product_create", slug=p["slug"], name="x",
                 price_sats=1) == "conflict"
    assert len(outbox(db, p["id"])) == 1


def test_product_unknown_profile_is_not_found(db):
    assert fault(db, "product_create", slug=slug(), name="x", price_sats=1,
                 merchant_profile_id=uuid.uuid4()) == "not_found"
    p = product(db)
    assert fault(db, "product_update", id=p["id"], body="{}",
                 merchant_profile_id=uuid.uuid4()) == "not_found"


def test_product_update_changes_only_what_is_named(db):
    p = product(db, entitlements_catalog=CATALOG, description="d")
    q = body(db, "product_update", id=p["id"], name="New")
    assert q["name"] == "New"
    for key in ("slug", "description", "price_value", "entitlements_catalog"):
        assert q[key] == p[key]
    q = body(db, "product_update", id=p["id"], price_currency="USD",
             price_value=0)
    assert (q["price_sats"], q["price_currency"], q["price_value"]) == \
        (0, "USD", 0)
    q = body(db, "product_update", id=p["id"], price_sats=7)
    assert (q["price_sats"], q["price_currency"], q["price_value"]) == \
        (7, "SAT", 7)
    assert events(db, p["id"], "product.update")[-1][2]["changes"] == \
        {"price_sats": 7}


@pytest.mark.parametrize("empty", [None, []])
def test_product_update_clears_catalog(db, empty):
    p = product(db, entitlements_catalog=CATALOG)
    q = body(db, "product_update", id=p["id"], entitlements_catalog=empty)
    assert q["entitlements_catalog"] is None


@pytest.mark.parametrize("change", [
    {"price_value": 5}, {"price_currency": "SAT"}, {"price_sats": -1},
    {"price_sats": 1, "price_currency": "USD", "price_value": 1},
    {"entitlements_catalog": [{"slug": "A"}]},
])
def test_product_update_refuses(db, change):
    p = product(db)
    assert fault(db, "product_update", id=p["id"], **change) == "bad_request"
    assert body(db, "product_get", id=p["id"]) == p


def test_unknown_ids_are_not_found(db):
    nobody = str(uuid.uuid4())
    for name, args in {
            "product_update": {"price_sats": -1}, "product_get": {},
            "product_set_active": {"active": True}, "product_delete": {},
            "policy_get": {}, "policy_update": {"name": "x"},
            "policy_set_active": {"active": True},
            "policy_set_public": {"public": True},
            "policy_set_archived": {"archived": True},
            "policy_set_tip": {"tip_pct_bps": 5}, "policy_delete": {}}.items():
        assert call(db, name, id=nobody, **args) is None, name
    assert call(db, "policy_list", product_slug="none") is None
    assert call(db, "policy_list_public", slug="none") is None
    assert call(db, "product_get_public", slug="none") is None


def test_product_lists(db):
    made = [product(db, name=f"Z{i}") for i in range(3)]
    body(db, "product_set_active", id=made[1]["id"], active=False)
    public = [p["id"] for p in body(db, "product_list_public")["products"]
              if p["id"] in {m["id"] for m in made}]
    assert public == [made[0]["id"], made[2]["id"]]
    assert body(db, "product_get_public",
                slug=made[1]["slug"])["active"] is False
    seen, cursor = [], None
    while True:
        page = body(db, "product_list", limit=2, cursor=cursor)
        seen += [p["id"] for p in page["products"]]
        cursor = page["next_cursor"]
        if cursor is None or len(seen) > 1000:
            break
    assert len(seen) == len(set(seen)) == count(db, "products", "true")
    assert [i for i in seen if i in {m["id"] for m in made}] == \
        [m["id"] for m in reversed(made)]
    active = body(db, "product_list", limit=1000, include_inactive=False)
    assert made[1]["id"] not in {p["id"] for p in active["products"]}


@pytest.mark.parametrize("cursor", ["x", "12", "12_x", "_", "9" * 30 + "_1"])
def test_malformed_cursor_is_refused_as_data(db, cursor):
    for name in ("product_list", "license_list", "license_search"):
        with pytest.raises(Refused) as refused:
            call(db, name, cursor=cursor)
        assert refused.value.sqlstate.startswith("22")


def test_policy_create_defaults(db):
    p = product(db)
    y = policy(db, p)
    assert {k: y[k] for k in (
        "duration_seconds", "grace_seconds", "max_machines", "is_trial",
        "price_sats_override", "entitlements", "metadata", "tip_recipient",
        "tip_pct_bps", "tip_label", "is_recurring", "renewal_period_days",
        "grace_period_days", "trial_days", "tier_rank", "archived_at",
        "active", "public", "product_id")} == {
        "duration_seconds": 0, "grace_seconds": 0, "max_machines": 1,
        "is_trial": False, "price_sats_override": None, "entitlements": [],
        "metadata": {}, "tip_recipient": None, "tip_pct_bps": 0,
        "tip_label": None, "is_recurring": False, "renewal_period_days": 0,
        "grace_period_days": 7, "trial_days": 0, "tier_rank": None,
        "archived_at": None, "active": True, "public": True,
        "product_id": p["id"]}
    assert "product_slug" not in y
    assert events(db, y["id"])[0][0] == "policy.create"


RULES = [
    {"duration_seconds": -1}, {"grace_seconds": -1}, {"max_machines": -1},
    {"duration_seconds": 2 ** 60}, {"price_sats_override": -1},
    {"tier_rank": -1}, {"tier_rank": 1001},
    {"is_recurring": True}, {"is_recurring": True, "renewal_period_days": 1831},
    {"is_recurring": True, "renewal_period_days": 30, "trial_days": 31},
    {"is_recurring": True, "renewal_period_days": 30, "grace_period_days": 91},
    {"trial_days": -1}, {"entitlements": ["unknown"]},
    {"entitlements": ["export", "pro_modes"]},
]


@pytest.mark.parametrize("rule", RULES + [
    {"tip_pct_bps": 5}, {"tip_recipient": "a@b"},
    {"tip_recipient": "a@b", "tip_pct_bps": 10001},
    {"tip_recipient": "", "tip_pct_bps": 5},
    {"tip_recipient": "a@b", "tip_pct_bps": -1}])
def test_policy_create_refuses(db, rule):
    p = product(db, entitlements_catalog=CATALOG)
    assert fault(db, "policy_create", product_slug=p["slug"], slug=slug(),
                 name="x", **rule) == "bad_request"


@pytest.mark.parametrize("rule", RULES)
def test_policy_update_refuses(db, rule):
    y = policy(db, product(db, entitlements_catalog=CATALOG))
    assert fault(db, "policy_update", id=y["id"], **rule) == "bad_request"
    assert body(db, "policy_get", id=y["id"]) == y


def test_policy_update_judges_the_whole(db):
    y = policy(db, product(db), is_recurring=True, renewal_period_days=30,
               trial_days=14)
    assert fault(db, "policy_update", id=y["id"], renewal_period_days=7) \
        == "bad_request"
    y = body(db, "policy_update", id=y["id"], renewal_period_days=7,
             trial_days=7)
    assert (y["renewal_period_days"], y["trial_days"]) == (7, 7)


def test_entitlements_must_fit_a_key(db):
    p = product(db)
    for wrong in ([""], ["x" * 256], [f"e{i}" for i in range(256)]):
        assert fault(db, "policy_create", product_slug=p["slug"], slug=slug(),
                     name="x", entitlements=wrong) == "bad_request"
    y = policy(db, p, entitlements=["b", "a", "x" * 255])
    assert y["entitlements"] == ["b", "a", "x" * 255]


def test_policy_create_unknown_product_and_duplicate(db):
    assert fault(db, "policy_create", product_slug="none", slug="a",
                 name="x") == "not_found"
    p, q = product(db), product(db)
    policy(db, p, slug="a")
    policy(db, q, slug="a")
    assert fault(db, "policy_create", product_slug=p["slug"], slug="a",
                 name="x") == "conflict"


def test_policy_update_null_clears_two_fields_only(db):
    y = policy(db, product(db), price_sats_override=5, tier_rank=3,
               entitlements=["a"], metadata={"k": 1})
    z = body(db, "policy_update", id=y["id"], price_sats_override=None,
             tier_rank=None, name=None, entitlements=None, metadata=None)
    assert (z["price_sats_override"], z["tier_rank"]) == (None, None)
    assert (z["name"], z["entitlements"], z["metadata"]) == \
        (y["name"], ["a"], {"k": 1})
    z = body(db, "policy_update", id=y["id"], entitlements=[])
    assert z["entitlements"] == []


def test_policy_switches_and_list(db):
    p = product(db)
    y = policy(db, p, name="B")
    z = policy(db, p, name="A")
    slugs = lambda **a: [r["slug"] for r in body(
        db, "policy_list", product_slug=p["slug"], **a)["policies"]]
    assert slugs() == [z["slug"], y["slug"]]
    assert body(db, "policy_set_active", id=y["id"], active=False) == \
        {"ok": True}
    assert slugs() == [z["slug"]]
    assert slugs(include_inactive=True) == [z["slug"], y["slug"]]
    assert body(db, "policy_set_archived", id=z["id"], archived=True) == \
        {"ok": True, "archived": True}
    first = body(db, "policy_get", id=z["id"])["archived_at"]
    body(db, "policy_set_archived", id=z["id"], archived=True)
    assert body(db, "policy_get", id=z["id"])["archived_at"] == first
    assert slugs() == []
    assert slugs(include_archived=True) == [z["slug"]]
    assert body(db, "policy_set_archived", id=z["id"], archived=False) == \
        {"ok": True, "archived": False}
    assert body(db, "policy_set_public", id=z["id"], public=False) == \
        {"ok": True}
    assert [e[0] for e in events(db, z["id"])] == [
        "policy.create", "policy.set_archived", "policy.set_archived",
        "policy.set_archived", "policy.set_public"]


def test_policy_set_tip(db):
    y = policy(db, product(db))
    z = body(db, "policy_set_tip", id=y["id"], tip_recipient="a@b.c",
             tip_pct_bps=250, tip_label="thanks")
    assert (z["tip_recipient"], z["tip_pct_bps"], z["tip_label"]) == \
        ("a@b.c", 250, "thanks")
    for wrong in ({"tip_recipient": "a"}, {"tip_pct_bps": 1},
                  {"tip_recipient": "a", "tip_pct_bps": 10001}):
        assert fault(db, "policy_set_tip", id=y["id"], **wrong) == "bad_request"
    z = body(db, "policy_set_tip", id=y["id"], tip_pct_bps=0)
    assert z["tip_recipient"] is None


def test_policy_list_public(db):
    p = product(db, price_sats=100, entitlements_catalog=CATALOG)
    policy(db, p, slug="base", name="Base", metadata={
        "description": "d", "marketing_bullets": ["one", 2, "two"],
        "marketing_bullets_position": "above", "highlight": True,
        "hidden_entitlements": ["export"]}, entitlements=["export"])
    policy(db, p, slug="cheap", name="Cheap", price_sats_override=5,
           metadata={"description": 5, "marketing_bullets": "x",
                     "highlight": "yes"})
    policy(db, p, slug="same", name="Another", trial_days=0)
    for s, switch, value in (("in", "active", False), ("hi", "public", False),
                             ("ar", "archived", True)):
        y = policy(db, p, slug=s)
        body(db, "policy_set_" + switch, id=y["id"], **{switch: value})
    answer = body(db, "policy_list_public", slug=p["slug"])
    assert answer["product"] == {
        "slug": p["slug"], "name": "Demo", "description": "",
        "base_price_sats": 100, "price_currency": "SAT", "price_value": 100,
        "entitlements_catalog": CATALOG}
    assert [y["slug"] for y in answer["policies"]] == ["cheap", "same", "base"]
    cheap, _, base = answer["policies"]
    assert base == {
        "slug": "base", "name": "Base", "description": "d", "price_sats": 100,
        "price_currency": "SAT", "price_value": 100, "duration_seconds": 0,
        "max_machines": 1, "is_trial": False, "entitlements": ["export"],
        "marketing_bullets": ["one", "two"],
        "marketing_bullets_position": "above",
        "hidden_entitlements": ["export"], "highlighted": True,
        "is_recurring": False, "renewal_period_days": 0, "trial_days": 0,
        "featured_discount": None}
    assert (cheap["price_sats"], cheap["description"],
            cheap["marketing_bullets"], cheap["highlighted"],
            cheap["marketing_bullets_position"]) == (5, "", [], False, "below")
    body(db, "product_set_active", id=p["id"], active=False)
    assert call(db, "policy_list_public", slug=p["slug"]) is None


def test_policy_list_public_of_fiat_has_numbers(db):
    p = product(db, price_currency="EUR", price_value=4900)
    policy(db, p, price_sats_override=900)
    y, = body(db, "policy_list_public", slug=p["slug"])["policies"]
    assert (y["price_sats"], y["price_currency"], y["price_value"]) == \
        (0, "EUR", 900)
