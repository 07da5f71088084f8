"""Merchant profiles (3.6)."""
import json
import threading

import pytest

from lib.check import NOWHERE, events, is_time, is_uuid
from lib.client import refused
from lib.connect import profile

FIELDS = {"legal_name": "Shop GmbH", "support_url": "https://shop.example/s",
          "support_email": "help@shop.example", "brand_color": "#0b5cd6",
          "post_purchase_redirect_url":
              "https://shop.example/thanks?i={invoice_id}"}
SMTP = {"smtp_host": "mail.example", "smtp_port": 587,
        "smtp_username": "shop", "smtp_from": "shop@mail.example"}


def path(p):
    return f"/merchant-profiles/{p['id']}"


def test_one_default_from_the_start(api):
    all_ = api.do("GET", "/merchant-profiles")["profiles"]
    assert [p["is_default"] for p in all_].count(True) == 1
    assert all_[0]["is_default"] is True


def test_create_get_and_list(api, server):
    p = profile(api, **FIELDS)
    assert is_uuid(p["id"]) and is_time(p["created_at"])
    assert {k: p[k] for k in FIELDS} == FIELDS
    assert p["is_default"] is False and p["smtp_configured"] is False
    assert p["providers"] == []
    got = api.do("GET", path(p))
    assert got.pop("rail_preferences") == []
    assert got.pop("product_count") == 0
    assert got.pop("active_subscription_count") == 0
    assert got == p
    assert p in api.do("GET", "/merchant-profiles")["profiles"]
    assert len(events(server, p["id"], "merchant_profile.create")) == 1


@pytest.mark.parametrize("fields", [
    {"name": None}, {"name": ""}, {"name": "  "}, {"name": 5},
    {"support_url": "javascript:alert(1)"}, {"support_email": "nobody"},
    {"brand_color": "red"}, {"brand_color": "#12345"},
    {"brand_color": "#12;}"}, {"post_purchase_redirect_url": "/x"},
    {"smtp_port": 0}, {"smtp_port": 65536}, {"smtp_port": "25"},
    {"smtp_from": "x"}])
def test_bad_fields_are_400(api, fields):
    refused(api.admin("POST", "/merchant-profiles", {"name": "n", **fields}),
            400, "bad_request")
    p = profile(api)
    refused(api.admin("PATCH", path(p), fields), 400, "bad_request")


def test_unknown_profile_is_404(api):
    for method, rest, body in (
            ("GET", "", None), ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None), ("POST", "/set-default", None),
            ("PUT", "/rail-preferences/onchain",
             {"payment_provider_id": NOWHERE}),
            ("DELETE", "/rail-preferences/onchain", None)):
        refused(api.admin(method, f"/merchant-profiles/{NOWHERE}{rest}",
                          body), 404, "not_found")


def test_patch_changes_only_what_it_names(api, server):
    p = profile(api, **FIELDS)
    q = api.do("PATCH", path(p), {"name": "Other", "brand_color": "#fff"})
    assert (q["name"], q["brand_color"]) == ("Other", "#fff")
    assert {k: q[k] for k in FIELDS if k != "brand_color"} == \
        {k: v for k, v in FIELDS.items() if k != "brand_color"}
    assert q["updated_at"] >= p["updated_at"]
    event, = events(server, p["id"], "merchant_profile.update")
    assert event["details"]["changes"] == {"name": "Other",
                                           "brand_color": "#fff"}


@pytest.mark.parametrize("field", [*FIELDS, *SMTP])
def test_D31_null_clears(api, field):
    p = profile(api, **FIELDS, **SMTP)
    q = api.do("PATCH", path(p), {field: None})
    assert q[field] is None
    others = {**FIELDS, **SMTP}
    others.pop(field)
    assert {k: q[k] for k in others} == others
    assert api.do("GET", path(p))[field] is None


def test_smtp_password_is_sealed_and_never_shown(api, server):
    secret = "hunter2-" + "x" * 20
    p = profile(api, **SMTP, smtp_password=secret)
    assert p["smtp_configured"] is True

    def kept():
        return server.value("SELECT sealed_smtp_password FROM"
                            " merchant_profiles WHERE id = %s", p["id"])

    first = kept()
    assert first is not None and secret.encode() not in bytes(first)
    q = api.do("PATCH", path(p), {"smtp_password": secret + "!"})
    assert bytes(kept()) != bytes(first)
    seen = json.dumps([p, q, api.do("GET", path(p)),
                       [e["details"] for e in events(server, p["id"])]])
    assert secret not in seen and "sealed" not in seen
    api.do("PATCH", path(p), {"smtp_password": None})
    assert kept() is None
    for replica in server.replicas:
        assert secret not in replica.log()


def test_products_of_a_profile(api):
    p = profile(api)
    product = api.product(merchant_profile_id=p["id"])
    assert product["merchant_profile_id"] == p["id"]
    assert api.do("GET", path(p))["product_count"] == 1
    moved = api.do("PATCH", f"/products/{product['id']}",
                   {"merchant_profile_id": None})
    assert moved["merchant_profile_id"] is None
    assert api.do("GET", path(p))["product_count"] == 0
    back = api.do("PATCH", f"/products/{product['id']}",
                  {"merchant_profile_id": p["id"]})
    assert back["merchant_profile_id"] == p["id"]
    same = api.do("PATCH", f"/products/{product['id']}", {"name": "N"})
    assert same["merchant_profile_id"] == p["id"]


def test_products_of_an_unknown_profile_are_404(api):
    r = api.admin("POST", "/products", {
        "slug": "nowhere", "name": "n", "price_sats": 1,
        "merchant_profile_id": NOWHERE})
    refused(r, 404, "not_found")
    refused(api.public("GET", "/v1/products/nowhere"), 404, "not_found")
    p = api.product()
    refused(api.admin("PATCH", f"/products/{p['id']}",
                      {"merchant_profile_id": NOWHERE, "name": "x"}),
            404, "not_found")
    assert api.get(f"/v1/products/{p['slug']}")["name"] == "Demo"


def test_delete(api, server):
    p = profile(api)
    product = api.product(merchant_profile_id=p["id"])
    refused(api.admin("DELETE", path(p)), 400, "bad_request")
    api.do("PATCH", f"/products/{product['id']}",
           {"merchant_profile_id": None})
    gone = api.do("DELETE", path(p))
    assert (gone["ok"], gone["id"]) == (True, p["id"])
    refused(api.admin("GET", path(p)), 404, "not_found")
    assert len(events(server, p["id"], "merchant_profile.delete")) == 1


def test_the_default_cannot_be_deleted(api):
    first = api.do("GET", "/merchant-profiles")["profiles"][0]
    refused(api.admin("DELETE", path(first)), 400, "bad_request")


def subscribe(api, server, p):
    """A live subscription that belongs to the profile."""
    product = api.product(merchant_profile_id=p["id"])
    policy = api.policy(product, is_recurring=True, renewal_period_days=30,
                        trial_days=7)
    made = api.buy(product, policy_slug=policy["slug"])
    api.do("PATCH", f"/products/{product['id']}",
           {"merchant_profile_id": None})
    return server.value("SELECT id FROM subscriptions WHERE license_id = %s",
                        made["license_id"])


def test_delete_waits_for_live_subscriptions(api, server):
    p = profile(api)
    subscription = subscribe(api, server, p)
    assert api.do("GET", path(p))["active_subscription_count"] == 1
    refused(api.admin("DELETE", path(p)), 400, "bad_request")
    api.do("POST", f"/subscriptions/{subscription}/cancel")
    assert api.do("GET", path(p))["active_subscription_count"] == 0
    api.do("DELETE", path(p))
    assert server.value("SELECT status FROM subscriptions WHERE id = %s",
                        subscription) == "cancelled"


def defaults(api):
    return [p["id"] for p in api.do("GET", "/merchant-profiles")["profiles"]
            if p["is_default"]]


@pytest.fixture
def first(api):
    """The default profile, which it is again afterwards."""
    first, = defaults(api)
    yield first
    api.do("POST", f"/merchant-profiles/{first}/set-default")


def test_set_default(api, server, first):
    p = profile(api)
    assert api.do("POST", path(p) + "/set-default") == \
        {"ok": True, "id": p["id"]}
    assert defaults(api) == [p["id"]]
    assert api.do("POST", path(p) + "/set-default")["ok"] is True
    assert len(events(server, p["id"], "merchant_profile.set_default")) == 1
    refused(api.admin("DELETE", path(p)), 400, "bad_request")


def test_set_default_many_at_once_leaves_one(api, first):
    many = [profile(api) for _ in range(8)]
    answers = []
    threads = [threading.Thread(target=lambda p=p: answers.append(
        api.admin("POST", path(p) + "/set-default"))) for p in many]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [a.status_code for a in answers] == [200] * 8
    assert len(defaults(api)) == 1


def test_rail_of_somebody_elses_provider_is_400(api, server):
    p = profile(api)
    other = server.value("SELECT id FROM payment_providers LIMIT 1")
    for provider in (NOWHERE, str(other)):
        refused(api.admin("PUT", path(p) + "/rail-preferences/lightning",
                          {"payment_provider_id": provider}),
                400, "bad_request")
    refused(api.admin("PUT", path(p) + "/rail-preferences/cash",
                      {"payment_provider_id": NOWHERE}), 400, "bad_request")
    refused(api.admin("DELETE", path(p) + "/rail-preferences/cash"),
            400, "bad_request")


def test_rail_preference(api, first):
    mine = api.do("GET", f"/merchant-profiles/{first}")
    sandbox = next(v for v in mine["providers"] if v["kind"] == "sandbox")
    assert sandbox["served_rails"] == ["lightning", "onchain"]
    where = f"/merchant-profiles/{first}/rail-preferences"
    refused(api.admin("PUT", where + "/card",
                      {"payment_provider_id": sandbox["id"]}),
            400, "bad_request")
    for _ in range(2):
        assert api.do("PUT", where + "/onchain",
                      {"payment_provider_id": sandbox["id"]}) == {
            "ok": True, "rail": "onchain",
            "payment_provider_id": sandbox["id"]}
    assert api.do("GET", f"/merchant-profiles/{first}")[
        "rail_preferences"] == [{"rail": "onchain",
                                 "payment_provider_id": sandbox["id"]}]
    for _ in range(2):
        assert api.do("DELETE", where + "/onchain")["ok"] is True
    assert api.do("GET", f"/merchant-profiles/{first}")[
        "rail_preferences"] == []


def test_who_takes_each_rail(api, server, first):
    """The choice counts where it was made; else whoever serves it."""
    where = f"/merchant-profiles/{first}"
    sandbox = next(v["id"] for v in api.do("GET", where)["providers"]
                   if v["kind"] == "sandbox")

    def rails():
        return {r.pop("rail"): r for r in
                api.do("GET", where + "/rails")["rails"]}
    served = {"chosen": False, "payment_provider_id": sandbox,
              "provider_kind": "sandbox", "provider_label": "Sandbox"}
    got = rails()
    assert list(got) == ["lightning", "onchain", "card"]
    served["provider_label"] = got["lightning"]["provider_label"]
    assert got["lightning"] == got["onchain"] == served
    assert got["card"] == {**dict.fromkeys(served), "chosen": False}
    other = server.value(
        "INSERT INTO payment_providers (kind, label, base_url, store_id,"
        " merchant_profile_id, connected_at) VALUES ('zaprite', 'Cards',"
        " 'http://127.0.0.1:1', 'x', %s, licet_now()) RETURNING id", first)
    try:
        got = rails()
        assert got["lightning"] == served
        assert got["card"]["payment_provider_id"] == str(other)
        api.do("PUT", where + "/rail-preferences/lightning",
               {"payment_provider_id": str(other)})
        got = rails()
        assert got["lightning"] == {
            "chosen": True, "payment_provider_id": str(other),
            "provider_kind": "zaprite", "provider_label": "Cards"}
        assert got["onchain"] == served
    finally:
        api.do("DELETE", where + "/rail-preferences/lightning")
        server.db.execute("DELETE FROM payment_providers WHERE id = %s",
                          [other])
    refused(api.admin("GET", f"/merchant-profiles/{NOWHERE}/rails"), 404,
            "not_found")
