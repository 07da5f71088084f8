"""The pages of discount codes: what their forms do is what the API says."""
import pytest

from lib.catalogue import code_page, photo_studio, same
from lib.check import NOWHERE, ahead
from lib.client import new_slug, refused
from lib.desk import Page, went


@pytest.fixture
def product(api):
    return photo_studio(api)


def code_of(api, to):
    return api.do("GET", "/discount-codes/" +
                  to.split("?")[0].rsplit("/", 1)[1])["code"]


@pytest.mark.parametrize("kind,typed,amount,shown", [
    ("percent", "12.5", 1250, "12.50 %"), ("percent", "100", 10000, "100 %"),
    ("fixed_sats", "1,049.5", 104950, "1,049.50 EUR"),
    ("set_price", "9", 900, "9.00 EUR"), ("free_license", "", 0, "Free")])
def test_a_code_is_made_for_a_product(desk, api, product, kind, typed, amount,
                                      shown):
    name, (a, b) = new_slug("C"), (api.policy(product), api.policy(product))
    end = ahead(days=9)
    to = went(desk.post(f"/admin/products/{product['id']}/codes/new", **{
        "code": name, "kind": kind, "amount": typed, "max_uses": "1,000",
        "expires_at": end[:16], f"policy_slugs.{b['slug']}": "true",
        "featured": "true", "description": "d", "referrer_label": "pod"}))
    made = code_of(api, to)
    assert (made["code"], made["kind"]) == (name.upper(), kind)
    assert (made["amount"], made["discount_currency"]) == (amount, "EUR")
    assert made["applies_to_product_id"] == product["id"]
    assert made["product_slug"] == product["slug"]
    assert made["policy_slugs"] == [b["slug"]] != [a["slug"]]
    assert made["max_uses"] == 1000 and made["featured"] is True
    assert made["expires_at"] == end[:16] + ":00Z"
    assert shown in desk.get(to).text


@pytest.mark.parametrize("kind,currency,typed,amount", [
    ("percent", "SAT", "50", 5000), ("fixed_sats", "SAT", "50", 50),
    ("fixed_sats", "USD", "50", 5000), ("set_price", "EUR", "0.01", 1)])
def test_a_code_is_made_for_every_product(desk, api, kind, currency, typed,
                                          amount):
    to = went(desk.post("/admin/codes/new/all", code=new_slug("C"), kind=kind,
                        discount_currency=currency, amount=typed))
    made = code_of(api, to)
    assert (made["amount"], made["discount_currency"]) == (amount, currency)
    assert made["product_slug"] is None and made["policy_slugs"] == []
    assert made["max_uses"] is None and made["expires_at"] is None
    assert "every product" in desk.get(to).text


@pytest.mark.parametrize("field,value,kind", [
    ("amount", "12.345", "percent"), ("amount", "a lot", "fixed_sats"),
    ("amount", "1.5", "set_price"), ("max_uses", "0", "percent"),
    ("amount", "0", "fixed_sats"), ("amount", "", "percent"),
    ("amount", "100.01", "percent"), ("code", "a b", "percent"),
    ("max_uses", "many", "percent")])
def test_what_is_wrong_with_a_code_is_said_beside_it(desk, field, value, kind):
    given = {"code": new_slug("C"), "kind": kind, "amount": "5",
             "referrer_label": "kept", field: value}
    r = desk.post("/admin/codes/new/all", **given)
    assert r.status_code == 400
    page = Page(r.text)
    assert set(page.wrong) == {field}
    fields = page.form()["fields"]
    assert {k: fields[k] for k in given} == given


@pytest.mark.parametrize("fields", [
    {"kind": "percent", "amount": 1205},
    {"kind": "set_price", "amount": 1205, "expires_at": "2031-02-03T04:05:00Z"},
    {"kind": "fixed_sats", "amount": 7, "discount_currency": "SAT",
     "product_slug": "", "description": "<script>\"'&", "featured": True},
    {"kind": "free_license", "max_uses": 12}])
def test_a_code_is_saved_as_it_is(desk, api, product, fields):
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "product_slug": product["slug"], **fields})
    assert went(desk.post(code_page(made, "/edit"))) == \
        code_page(made, "?said=saved")
    same(made, code_of(api, code_page(made)))


def test_a_code_is_changed(desk, api, product):
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "product_slug": product["slug"],
        "kind": "fixed_sats", "amount": 100, "max_uses": 5,
        "expires_at": ahead(days=1), "featured": True})
    went(desk.post(code_page(made, "/edit"), amount="2.5", max_uses="",
                   expires_at="", featured=None))
    now = code_of(api, code_page(made))
    assert (now["amount"], now["max_uses"]) == (250, None)
    assert now["expires_at"] is None and now["featured"] is False


def test_a_code_is_good_for_what_is_ticked(desk, api, product):
    a, b = api.policy(product), api.policy(product)
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "product_slug": product["slug"],
        "kind": "percent", "amount": 1, "policy_slugs": [a["slug"]]})
    form = code_page(made, "/policies")
    assert f"policy_slugs.{a['slug']}" in desk.get(form).form()["fields"]
    went(desk.post(form, **{f"policy_slugs.{b['slug']}": "true",
                            f"policy_slugs.{a['slug']}": None}))
    assert code_of(api, code_page(made))["policy_slugs"] == [b["slug"]]
    went(desk.post(form, **{f"policy_slugs.{b['slug']}": None}))
    assert code_of(api, code_page(made))["policy_slugs"] == []


def test_a_code_whose_policy_went_stays_good_for_nothing(desk, api, server,
                                                         product):
    """D23: saving what the form shows doesn't make it good for more."""
    gone = api.policy(product)
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "product_slug": product["slug"],
        "kind": "percent", "amount": 1, "policy_slugs": [gone["slug"]]})
    api.policy(product)
    server.rows("UPDATE discount_codes SET applies_to_policy_ids = ARRAY[%s]"
                "::uuid[] WHERE id = %s RETURNING 1", NOWHERE, made["id"])
    assert code_of(api, code_page(made))["policy_slugs"] == [NOWHERE]
    form = desk.get(code_page(made, "/policies")).form()["fields"]
    assert form[f"policy_slugs.{NOWHERE}"] == "true"
    r = desk.post(code_page(made, "/policies"))
    assert r.status_code == 404 and NOWHERE in Page(r.text).alerts[0]
    went(desk.post(code_page(made, "/edit")))
    assert code_of(api, code_page(made))["policy_slugs"] == [NOWHERE]


def test_a_code_is_switched_and_deleted(desk, api):
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1})
    went(desk.post(code_page(made, "/off")))
    assert code_of(api, code_page(made))["active"] is False
    went(desk.post(code_page(made, "/on")))
    assert code_of(api, code_page(made))["active"] is True
    assert went(desk.post(code_page(made, "/delete"))) == \
        "/admin/codes?said=deleted"
    refused(api.admin("GET", f"/discount-codes/{made['id']}"), 404,
            "not_found")


def test_a_code_that_was_used_shows_its_uses_and_stays(desk, api):
    product = api.product(price_sats=50000)
    made = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "product_slug": product["slug"],
        "kind": "free_license"})
    got = api.public("POST", "/v1/redeem", {"product": product["slug"],
                                            "code": made["code"]})
    assert got.status_code == 200, got.text
    page = desk.get(code_page(made))
    assert "50,000 sats" in page.text and "Used1" in page.text.replace(" ", "")
    assert f"/admin/licenses/{got.json()['license_id']}" in page.links
    assert code_page(made, "/delete") not in page.links
    r = desk.post(code_page(made, "/delete"))
    assert r.status_code == 409 and "has been used" in Page(r.text).alerts[0]


def test_codes_are_listed_by_product_and_state(desk, api, product):
    def made(**fields):
        return api.do("POST", "/discount-codes", {
            "code": new_slug("C"), "kind": "percent", "amount": 1, **fields})
    other = made()
    on, off = (made(product_slug=product["slug"]) for _ in range(2))
    api.do("PATCH", f"/discount-codes/{off['id']}/active", {"active": False})
    here = f"/admin/codes?product_id={product['id']}"

    def listed(path):
        links = desk.get(path).links
        return [code_page(c) in links for c in (other, on, off)]
    assert listed(here) == [False, True, False]
    assert listed(here + "&include_inactive=true") == [False, True, True]
    assert listed("/admin/codes?product_id=&include_inactive=true") == [True] * 3
    assert listed(f"/admin/products/{product['id']}") == [False, True, True]


def test_a_product_with_many_codes_says_where_the_rest_is(desk, api, product):
    made = [api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1,
        "product_slug": product["slug"]}) for _ in range(53)]
    page = desk.get(f"/admin/products/{product['id']}")
    rest = (f"/admin/codes?product_id={product['id']}&include_inactive=true")
    assert rest in page.links and code_page(made[0]) not in page.links
    first = desk.get(rest)
    onward, = [x for x in first.links if "cursor=" in x]
    second = desk.get("/admin/codes" + onward)
    seen = [x for x in first.links + second.links if x in
            {code_page(c) for c in made}]
    assert len(seen) == len(set(seen)) == 53
