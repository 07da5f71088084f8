"""The pages of products and policies: what their forms do is what the API
then says."""
import json

import pytest

from lib.catalogue import CATALOG, code_page, photo_studio, policy_page, same
from lib.check import NOWHERE
from lib.client import Api, new_slug, refused
from lib.desk import Desk, Page, went


@pytest.fixture
def product(api):
    return photo_studio(api)


def get(api, kind, one):
    return api.do("GET", f"/{kind}/{one['id']}")


# Products

def test_a_product_is_made(desk, api):
    slug = new_slug()
    to = went(desk.post("/admin/products/new", **{
        "name": "Größe <b>", "slug": slug, "description": "a\r\nb",
        "price_currency": "EUR", "price_value": "1,049.5",
        "entitlements_catalog.0.slug": "export",
        "entitlements_catalog.0.name": "Export",
        "entitlements_catalog.1.slug": "batch"}))
    page = desk.get(to)
    assert page.said == ["Created."] and "Größe <b>" in page.headings
    made = api.do("GET", to.split("?")[0].replace("/admin", "", 1))
    assert (made["name"], made["slug"]) == ("Größe <b>", slug)
    assert (made["price_currency"], made["price_value"]) == ("EUR", 104950)
    assert made["entitlements_catalog"] == [
        {"slug": "export", "name": "Export", "description": ""},
        {"slug": "batch", "name": "batch", "description": ""}]
    assert "1,049.50 EUR" in page.text and "export" in page.text


@pytest.mark.parametrize("field,value", [
    ("slug", "Not a slug"), ("price_value", "1.005"), ("price_value", "ten"),
    ("price_value", "-"), ("price_value", "."), ("price_value", "49,50"),
    ("price_value", "1,00,000"), ("price_value", ",500"),
    ("price_value", "9" * 28), ("price_value", "1" * 40), ("name", "x" * 300)])
def test_what_is_wrong_with_a_product_is_said_beside_it(desk, field, value):
    given = {"name": "N", "slug": new_slug(), "price_currency": "USD",
             "price_value": "5", "description": "kept", field: value}
    r = desk.post("/admin/products/new", **given)
    assert r.status_code == 400
    page = Page(r.text)
    assert set(page.wrong) == {field}
    fields = page.form()["fields"]
    assert {k: fields[k] for k in given} == given


def test_a_slug_in_use_is_said(desk, api, product):
    r = desk.post("/admin/products/new", name="N", slug=product["slug"],
                  price_value="5")
    assert r.status_code == 409
    assert Page(r.text).alerts == ["a product with this slug exists"]


def test_a_product_is_saved_as_it_is(desk, api, product):
    """Looking at the form and sending it changes nothing."""
    assert went(desk.post(f"/admin/products/{product['id']}/edit")) == \
        f"/admin/products/{product['id']}?said=saved"
    same(product, get(api, "products", product))


def test_a_product_is_changed(desk, api, product):
    went(desk.post(f"/admin/products/{product['id']}/edit", **{
        "price_currency": "SAT", "price_value": "21 000", "description": "",
        "entitlements_catalog.0.slug": "", "entitlements_catalog.0.name": "",
        "entitlements_catalog.0.description": ""}))
    now = get(api, "products", product)
    assert (now["price_currency"], now["price_sats"]) == ("SAT", 21000)
    assert now["description"] == ""
    assert [e["slug"] for e in now["entitlements_catalog"]] == ["batch"]


def test_a_product_goes_off_sale_and_on_again(desk, api, product):
    page = f"/admin/products/{product['id']}"
    assert f"{page}/off" in desk.get(page).links
    assert went(desk.post(f"{page}/off")) == f"{page}?said=changed"
    assert get(api, "products", product)["active"] is False
    assert f"{page}/on" in desk.get(page).links
    went(desk.post(f"{page}/on"))
    assert get(api, "products", product)["active"] is True


def test_a_product_that_was_not_sold_is_deleted(desk, api, product):
    api.policy(product)
    page = desk.get(f"/admin/products/{product['id']}/delete")
    assert "never sold" in page.text and "force" not in page.text
    assert went(desk.post(f"/admin/products/{product['id']}/delete")) == \
        "/admin/products?said=deleted"
    refused(api.admin("GET", f"/products/{product['id']}"), 404, "not_found")


def test_a_product_that_was_sold_is_deleted_by_a_tick(desk, api, product):
    path = f"/admin/products/{product['id']}/delete"
    for _ in range(3):
        api.issue(product)
    page = desk.get(path)
    assert "Licenses3" in page.text.replace(" ", "")
    assert "force" not in page.form()["fields"]     # not ticked for them
    r = desk.post(path)
    assert r.status_code == 409
    assert Page(r.text).wrong == {
        "force": "needed, for the product has invoices or licenses"}
    assert get(api, "products", product)
    went(desk.post(path, force="true"))
    refused(api.admin("GET", f"/products/{product['id']}"), 404, "not_found")


def test_a_link_ticks_nothing_and_turns_nothing(desk, api, product):
    page = f"/admin/products/{product['id']}"
    api.issue(product)
    form = desk.get(f"{page}/delete?force=true").form()
    assert "force" not in form["fields"]
    went(desk.post(f"{page}/off?active=true"))
    assert get(api, "products", product)["active"] is False


def test_deletions_want_the_password_fresh(desk, api, server, product):
    policy = api.policy(product)
    server.rows("UPDATE sessions SET reauthenticated_at = "
                "reauthenticated_at - interval '1 hour' RETURNING 1")
    try:
        for path in (f"/admin/products/{product['id']}/delete",
                     f"/admin/policies/{policy['id']}/delete"):
            assert desk.goes(path).startswith("/admin/confirm?next=")
            # Sent without having been looked at.
            r = desk.call("POST", path, {"csrf": desk.csrf})
            assert went(r).startswith("/admin/confirm")
        assert get(api, "products", product) and get(api, "policies", policy)
    finally:
        server.rows("UPDATE sessions SET reauthenticated_at = "
                    "reauthenticated_at + interval '1 hour' RETURNING 1")


# Policies

def test_a_policy_is_made(desk, api, product):
    slug = new_slug()
    to = went(desk.post(f"/admin/products/{product['id']}/policies/new", **{
        "name": "Pro", "slug": slug, "price_sats_override": "120.5",
        "duration_seconds": "1.5", "grace_seconds": "12 hours",
        "heartbeat_timeout_seconds": "90 minutes", "max_machines": "3",
        "entitlements.batch": "true", "is_recurring": "true",
        "renewal_period_days": "365", "tier_rank": "2",
        "metadata": '{"highlight": true}'}))
    made = api.do("GET", to.split("?")[0].replace("/admin", "", 1))
    assert made["product_id"] == product["id"] and made["slug"] == slug
    assert made["price_sats_override"] == 12050
    assert made["price_currency"] == "EUR"
    assert (made["duration_seconds"], made["grace_seconds"]) == (129600, 43200)
    assert made["heartbeat_timeout_seconds"] == 5400
    assert (made["max_machines"], made["tier_rank"]) == (3, 2)
    assert made["entitlements"] == ["batch"]
    assert (made["is_recurring"], made["is_trial"]) == (True, False)
    assert (made["renewal_period_days"], made["grace_period_days"]) == (365, 7)
    assert made["metadata"] == {"highlight": True}
    page = desk.get(to)
    assert "120.50 EUR" in page.text and "12 hours" in page.text
    assert page.links.count(f"/admin/products/{product['id']}") >= 1


def test_a_policy_costs_what_its_product_counts_in(desk, api):
    sats = api.product(price_sats=7)
    form = f"/admin/products/{sats['id']}/policies/new"
    r = desk.post(form, name="n", slug="n", price_sats_override="1.5")
    assert r.status_code == 400
    assert set(Page(r.text).wrong) == {"price_sats_override"}
    to = went(desk.post(form, name="n", slug="n", price_sats_override="15"))
    made = api.do("GET", to.split("?")[0].replace("/admin", "", 1))
    assert (made["price_sats_override"], made["price_currency"]) == (15, "SAT")


def test_entitlements_without_a_catalogue_are_lines(desk, api):
    plain = api.product()
    to = went(desk.post(f"/admin/products/{plain['id']}/policies/new",
                        name="n", slug="n", entitlements="b\r\na\r\n\r\n"))
    made = api.do("GET", to.split("?")[0].replace("/admin", "", 1))
    assert made["entitlements"] == ["b", "a"]
    form = desk.get(policy_page(made, "/edit")).form()["fields"]
    assert form["entitlements"] == "b\na\n"
    went(desk.post(policy_page(made, "/edit"), entitlements=""))
    assert get(api, "policies", made)["entitlements"] == []


@pytest.mark.parametrize("field,value", [
    ("duration_seconds", "long"), ("duration_seconds", "5 weeks"),
    ("duration_seconds", "-1"), ("duration_seconds", "1" * 24),
    ("duration_seconds", "1" * 28), ("duration_seconds", "1,5"), ("grace_seconds", "0.0000001"),
    ("duration_seconds", "999999999999 days"), ("max_machines", "1.5"),
    ("price_sats_override", "12,5x"), ("metadata", "{"), ("slug", "A B"),
    ("tier_rank", "1001")])
def test_what_is_wrong_with_a_policy_is_said_beside_it(desk, product, field,
                                                       value):
    given = {"name": "N", "slug": new_slug(), "entitlements.export": "true",
             "is_trial": "true", field: value}
    r = desk.post(f"/admin/products/{product['id']}/policies/new", **given)
    assert r.status_code == 400
    page = Page(r.text)
    assert set(page.wrong) == {field}
    fields = page.form()["fields"]
    assert {k: fields[k] for k in given} == given
    assert "entitlements.batch" not in fields


@pytest.mark.parametrize("terms", [
    {}, {"duration_seconds": 86400 * 30, "grace_seconds": 3600,
         "price_sats_override": 0, "tier_rank": 0,
         "metadata": {"a": ["b", {"c": 1.5}], "d": "<script>\"'&"}},
    {"duration_seconds": 59, "grace_seconds": 61, "max_machines": 0,
     "price_sats_override": 4905, "is_trial": True},
    {"is_recurring": True, "renewal_period_days": 30, "trial_days": 14,
     "heartbeat_timeout_seconds": 3601, "duration_seconds": 3155760000},
    {"entitlements": ["export", "batch"]}])
def test_a_policy_is_saved_as_it_is(desk, api, product, terms):
    policy = api.policy(product, **terms)
    assert went(desk.post(policy_page(policy, "/edit"))) == \
        policy_page(policy, "?said=saved")
    same(policy, get(api, "policies", policy))


def test_a_policy_is_changed(desk, api, product):
    policy = api.policy(product, entitlements=["export"], tier_rank=5,
                        price_sats_override=100, metadata={"a": 1})
    went(desk.post(policy_page(policy, "/edit"), **{
        "name": "Other", "entitlements.export": None, "tier_rank": "",
        "price_sats_override": "", "metadata": "", "is_trial": "true"}))
    now = get(api, "policies", policy)
    assert now["name"] == "Other" and now["is_trial"] is True
    assert now["entitlements"] == [] and now["metadata"] == {}
    assert now["tier_rank"] is None and now["price_sats_override"] is None


def test_what_left_the_catalogue_is_not_dropped_unseen(desk, api, product):
    policy = api.policy(product, entitlements=["export", "batch"])
    api.do("PATCH", f"/products/{product['id']}",
           {"entitlements_catalog": CATALOG[:1]})
    form = desk.get(policy_page(policy, "/edit")).form()["fields"]
    assert form["entitlements.batch"] == form["entitlements.export"] == "true"
    r = desk.post(policy_page(policy, "/edit"))
    assert r.status_code == 400 and "batch" in Page(r.text).wrong["entitlements"]
    went(desk.post(policy_page(policy, "/edit"),
                   **{"entitlements.batch": None}))
    assert get(api, "policies", policy)["entitlements"] == ["export"]


@pytest.mark.parametrize("there,back,field,value", [
    ("off", "on", "active", False), ("hide", "show", "public", False),
    ("archive", "restore", "archived_at", True)])
def test_a_policy_is_turned_and_turned_back(desk, api, product, there, back,
                                            field, value):
    policy = api.policy(product)
    was = bool(policy[field])
    for action, other, now in ((there, back, value), (back, there, was)):
        assert policy_page(policy, "/" + action) in \
            desk.get(policy_page(policy)).links
        went(desk.post(policy_page(policy, "/" + action)))
        assert bool(get(api, "policies", policy)[field]) is now
        assert policy_page(policy, "/" + action) not in \
            desk.get(policy_page(policy)).links


def test_sales_are_shared_and_kept_again(desk, api, product):
    policy = api.policy(product)
    r = desk.post(policy_page(policy, "/tip"), tip_recipient="a@example.com")
    assert r.status_code == 400
    assert Page(r.text).form()["fields"]["tip_recipient"] == "a@example.com"
    went(desk.post(policy_page(policy, "/tip"), tip_label="Core",
                   tip_recipient="a@example.com", tip_pct_bps="2.5"))
    now = get(api, "policies", policy)
    assert (now["tip_recipient"], now["tip_pct_bps"], now["tip_label"]) == \
        ("a@example.com", 250, "Core")
    assert "a@example.com" in desk.get(policy_page(policy)).text
    went(desk.post(policy_page(policy, "/tip"), tip_recipient="",
                   tip_pct_bps="", tip_label=""))
    same(policy, get(api, "policies", policy))


def test_a_policy_is_deleted(desk, api, product):
    free, used = api.policy(product), api.policy(product)
    api.issue(product, policy_slug=used["slug"])
    assert went(desk.post(policy_page(free, "/delete"))) == \
        f"/admin/products/{product['id']}?said=deleted"
    refused(api.admin("GET", f"/policies/{free['id']}"), 404, "not_found")
    r = desk.post(policy_page(used, "/delete"))
    assert r.status_code == 409 and set(Page(r.text).wrong) == {"force"}
    assert get(api, "policies", used)
    went(desk.post(policy_page(used, "/delete"), force="true"))
    refused(api.admin("GET", f"/policies/{used['id']}"), 404, "not_found")


# All of them

def paths(api):
    product = api.product()
    policy = api.policy(product)
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1,
        "product_slug": product["slug"]})
    one = f"/admin/products/{product['id']}"
    return ["/admin/products/new", "/admin/codes/new/all",
            *(f"{one}/{x}" for x in ("edit", "off", "on", "delete",
                                     "policies/new", "codes/new")),
            *(policy_page(policy, f"/{x}") for x in (
                "edit", "tip", "off", "on", "hide", "show", "archive",
                "restore", "delete")),
            *(code_page(code, f"/{x}") for x in (
                "edit", "policies", "off", "on", "delete"))]


def test_no_form_does_anything_without_its_token(desk, api, server):
    all_of_them = paths(api)
    events = server.value("SELECT count(*) FROM events")
    for path in all_of_them:
        fields = desk.get(path).form()["fields"]
        for token in (None, "", "0" * 64):
            data = {k: v for k, v in {**fields, "csrf": token}.items()
                    if v is not None}
            assert desk.call("POST", path, data).status_code == 403, path
    assert server.value("SELECT count(*) FROM events") == events


def test_strangers_see_nothing(desk, api):
    stranger = Desk(Api(api.url, api.admin_key))
    for path in paths(api) + ["/admin/products", "/admin/codes"]:
        assert stranger.goes(path).startswith("/admin/sign-in?next=")


@pytest.mark.parametrize("path", [
    "/admin/products/{}", "/admin/products/{}/edit",
    "/admin/products/{}/delete", "/admin/products/{}/policies/new",
    "/admin/policies/{}", "/admin/policies/{}/edit",
    "/admin/policies/{}/delete", "/admin/codes/{}", "/admin/codes/{}/edit",
    "/admin/codes/{}/policies", "/admin/products/{}/codes/new"])
def test_what_is_not_there(desk, path):
    for nothing in (NOWHERE, "x", "%00"):
        r = desk.call("GET", path.format(nothing))
        assert r.status_code in (400, 404), (path, r.status_code)
        assert r.headers["Content-Type"].startswith("text/html")


def test_hostile_words_are_words(desk, api):
    hostile = "<script>alert(1)</script>\"'&amp;<img src=x onerror=x>"
    product = api.product(name=hostile, description=hostile,
                          entitlements_catalog=[{
                              "slug": "a", "name": hostile,
                              "description": hostile}])
    policy = api.policy(product, name=hostile, metadata={hostile: hostile},
                        tip_recipient="a@b.test", tip_pct_bps=1,
                        tip_label=hostile)
    code = api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1,
        "product_slug": product["slug"], "policy_slugs": [policy["slug"]],
        "referrer_label": hostile, "description": hostile})
    for path in (f"/admin/products/{product['id']}",
                 f"/admin/products/{product['id']}/edit",
                 f"/admin/products/{product['id']}/codes/new",
                 f"/admin/products/{product['id']}/policies/new",
                 "/admin/products", policy_page(policy),
                 policy_page(policy, "/edit"), policy_page(policy, "/tip"),
                 code_page(code), code_page(code, "/edit"),
                 code_page(code, "/policies")):
        r = desk.call("GET", path)
        assert r.status_code == 200
        assert "<script>alert" not in r.text and "<img" not in r.text, path
        assert "alert(1)" in r.text, path


def test_metadata_is_kept_as_it_was_typed(desk, api, product):
    policy = api.policy(product)
    given = {"marketing_bullets": ["ä", "\"'"], "n": 12345678901234567}
    went(desk.post(policy_page(policy, "/edit"), metadata=json.dumps(given)))
    assert get(api, "policies", policy)["metadata"] == given
