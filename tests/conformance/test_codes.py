"""2.7 row by row, and what is said of codes elsewhere: D10 to D14."""
import json

import pytest

from lib import keys
from lib.check import events, is_uuid, outbox
from lib.client import refused
from lib.codes import code, fiat, order, preview, redeem, redeemed, trial, uses
from lib.process import wait_for
from lib.sales import becomes


def gift(api, product=None, **fields):
    return code(api, product, kind="free_license", **fields)


def expire(api, made):
    api.db.execute("UPDATE discount_codes SET expires_at = now() - interval"
                   " '1 s' WHERE id = %s", [made["id"]])


def switch_off(api, made):
    api.do("PATCH", f"/discount-codes/{made['id']}/active",
           {"active": False})


# POST /v1/redeem

def test_redeem(api, server):
    """2.7: {license_id,license_key,invoice_id,redemption_id}; zero invoice,
    redemption, issuance."""
    p = api.product(price_sats=1000)
    t = api.policy(p, entitlements=["pro"], max_machines=3)
    c = gift(api, p)
    r = redeem(api, p, code=c["code"].lower(), policy_slug=t["slug"],
               buyer_email="a@example.com", buyer_note="hello")
    assert r.status_code == 200, r.text
    got = r.json()
    assert set(got) == {"license_id", "license_key", "invoice_id",
                        "redemption_id"}
    assert all(is_uuid(got[k]) for k in got if k != "license_key")
    key = keys.parse(got["license_key"])
    assert (key.license_id, key.entitlements) == \
        (got["license_id"], ("pro",))
    row = server.row("SELECT * FROM invoices WHERE id = %s",
                     got["invoice_id"])
    assert (row["status"], row["amount_sats"], row["base_price_sats"],
            row["discount_applied_sats"], row["provider_invoice_id"],
            row["buyer_email"], row["buyer_note"]) == \
        ("settled", 0, 1000, 1000, f"free-{got['invoice_id']}",
         "a@example.com", "hello")
    used = server.row("SELECT * FROM discount_redemptions WHERE id = %s",
                      got["redemption_id"])
    assert (used["status"], str(used["license_id"]),
            used["final_price_sats"]) == ("redeemed", got["license_id"], 0)
    assert uses(api, c) == (1, ["redeemed"])
    said, = redeemed(server, got)
    assert said == {
        "redemption_id": got["redemption_id"], "code_id": c["id"],
        "code": c["code"], "license_id": got["license_id"],
        "product_id": p["id"], "invoice_id": got["invoice_id"],
        "discount_applied_sats": 1000, "base_price_sats": 1000,
        "final_price_sats": 0}
    assert [r["event_type"] for r in outbox(
        server, "license_id", got["license_id"])] == \
        ["license.issued", "code.redeemed"]
    assert events(server, got["license_id"], "license.issue")
    assert api.poll(got)["license_key"] == got["license_key"]
    assert api.license(got["license_id"])["license"]["max_machines"] == 3


def test_redeem_checks_in_order(api):
    """2.7: product 404/400, blank code, unknown code, disabled, other kind,
    expired, wrong product, policy as in 2.2, tier scope, reserve.  Each step
    mends what the step before was refused for."""
    p, other = api.product(), api.product()
    t, u = api.policy(p), api.policy(p)
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    c = code(api, other, max_uses=1)
    switch_off(api, c)
    expire(api, c)
    sql = lambda text, *args: api.db.execute(text, args)
    ask = lambda slug="none", **f: redeem(api, p, **{
        "policy_slug": slug, "code": c["code"], **f})

    def no(response, word, status=400):
        body = refused(response, status, "not_found" if status == 404
                       else "bad_request")
        assert word in body["message"], body

    no(redeem(api, {"slug": "nowhere"}, code=""), "product", 404)
    no(ask(code=""), "for sale")
    api.do("PATCH", f"/products/{p['id']}/active", {"active": True})
    for blank in ("", "  ", None):
        no(ask(code=blank), "required")
    no(ask(code="NO-SUCH"), "no such code")
    no(ask(), "disabled")
    api.do("PATCH", f"/discount-codes/{c['id']}/active", {"active": True})
    no(ask(), "requires payment")
    sql("UPDATE discount_codes SET kind = 'free_license', amount = 0"
        " WHERE id = %s", c["id"])
    no(ask(), "expired")
    sql("UPDATE discount_codes SET expires_at = NULL WHERE id = %s", c["id"])
    no(ask(), "another product")
    sql("UPDATE discount_codes SET applies_to_product_id = %s,"
        " applies_to_policy_id = %s WHERE id = %s", p["id"], u["id"], c["id"])
    no(ask(), "no such policy", 404)
    api.do("PATCH", f"/policies/{t['id']}/archived", {"archived": True})
    no(ask(t["slug"]), "archived")
    api.do("PATCH", f"/policies/{t['id']}/archived", {"archived": False})
    no(ask(t["slug"]), "another tier")
    assert uses(api, c) == (0, [])
    assert ask(u["slug"]).status_code == 200
    no(ask(u["slug"]), "no use left")
    assert uses(api, c) == (1, ["redeemed"])


@pytest.mark.parametrize("kind", ["percent", "fixed_sats", "set_price"])
def test_redeem_of_other_kinds_says_requires_payment(api, kind):
    """2.7: the buy page keys on it, also for 100 percent."""
    p = api.product()
    c = code(api, p, kind=kind, amount=10000)
    body = refused(redeem(api, p, code=c["code"]), 400, "bad_request")
    assert "requires payment" in body["message"]
    assert uses(api, c) == (0, [])


def test_redeem_d13_several_tiers(api):
    """D13: a list of policies is honoured, and beats the single one."""
    p = api.product()
    t, u, v = api.policy(p), api.policy(p), api.policy(p)
    c = gift(api, p, policy_slugs=[t["slug"], u["slug"]],
             policy_slug=v["slug"])
    assert redeem(api, p, code=c["code"],
                  policy_slug=t["slug"]).status_code == 200
    assert redeem(api, p, code=c["code"],
                  policy_slug=u["slug"]).status_code == 200
    refused(redeem(api, p, code=c["code"], policy_slug=v["slug"]), 400,
            "bad_request")


@pytest.mark.parametrize("what,value", [
    ("active", False), ("public", False), ("archived", True)])
def test_redeem_d14_policies_that_are_not_sold(api, what, value):
    """2.7: policy as in 2.2, D14."""
    p = api.product()
    t = api.policy(p)
    c = gift(api, p)
    api.do("PATCH", f"/policies/{t['id']}/{what}", {what: value})
    refused(redeem(api, p, code=c["code"], policy_slug=t["slug"]), 400,
            "bad_request")
    assert uses(api, c) == (0, [])


def test_redeem_d15_the_default_policy_is_scope_and_terms(api):
    """D15: without a policy_slug the effective policy counts."""
    p = api.product()
    t = api.policy(p, slug="default", entitlements=["base"])
    u = api.policy(p)
    scoped = gift(api, p, policy_slug=u["slug"])
    refused(redeem(api, p, code=scoped["code"]), 400, "bad_request")
    fits = gift(api, p, policy_slug=t["slug"])
    got = redeem(api, p, code=fits["code"]).json()
    assert keys.parse(got["license_key"]).entitlements == ("base",)


def test_redeem_of_a_tier_with_a_trial_gives_the_whole_cycle(api, server):
    """The code pays for cycle 1: it is no trial, and doesn't use one up."""
    p = api.product(price_sats=1000)
    t = trial(api, p)
    c = gift(api, p)
    for _ in range(2):
        got = redeem(api, p, code=c["code"], policy_slug=t["slug"],
                     buyer_email="same@example.com").json()
        key = keys.parse(got["license_key"])
        assert key.flags == 0
        assert key.expires_at - key.issued_at == 30 * 86400
    row = server.row("SELECT * FROM subscriptions WHERE license_id = %s",
                     got["license_id"])
    assert (row["listed_value"], row["began_with_trial"]) == (1000, False)


def test_redeem_of_a_fiat_product_needs_no_rate(market, rates):
    """Nothing is charged, so a rate source that fails keeps nobody out."""
    p = fiat(market)
    c = gift(market, p)
    for source in ("kraken", "coinbase", "coingecko"):
        rates.fail(source)
    got = redeem(market, p, code=c["code"])
    assert got.status_code == 200, got.text
    row = market.db.execute("SELECT * FROM invoices WHERE id = %s",
                            [got.json()["invoice_id"]]).fetchone()
    assert (row["listed_currency"], row["listed_value"],
            row["charged_value"], row["exchange_rate_centibps"]) == \
        ("USD", 4900, 0, None)


def test_redeem_and_preview_are_limited(api):
    """D28: limits everywhere."""
    for ask in (lambda: api.public("POST", "/v1/redeem", {"product": "x"},
                                   ip="10.250.0.1"),
                lambda: api.public("GET", "/v1/discount-codes/preview",
                                   params={"product": "x", "code": "X"},
                                   ip="10.250.0.2")):
        assert ask().status_code == 404
        wait_for(lambda: ask().status_code == 429, 60, "it is too often")


# GET /v1/discount-codes/preview

def test_preview_blank_code_400_unknown_product_404(api):
    """2.7."""
    for blank in ({}, {"code": ""}, {"code": "  "}):
        refused(preview(api, "nowhere", **blank), 400, "bad_request")
    refused(preview(api, "nowhere", code="X"), 404, "not_found")


def test_preview_reasons_in_order(api):
    """2.7: unknown_code|disabled|expired|wrong_product|wrong_tier|exhausted,
    each with base_price_sats and a message."""
    p, other = api.product(price_sats=1000), api.product()
    t, u = api.policy(p, price_sats_override=700), api.policy(p)
    c = code(api, other, max_uses=1)
    api.db.execute("UPDATE discount_codes SET used_count = 1 WHERE id = %s",
                   [c["id"]])
    expire(api, c)
    switch_off(api, c)

    def reason(typed=c["code"]):
        r = preview(api, p, code=typed, policy_slug=t["slug"])
        assert r.status_code == 200, r.text
        body = r.json()
        assert set(body) == {"valid", "reason", "message",
                             "base_price_sats"}
        assert (body["valid"], body["base_price_sats"]) == (False, 700)
        assert isinstance(body["message"], str) and body["message"]
        return body["reason"]

    change = lambda text: api.db.execute(
        f"UPDATE discount_codes SET {text} WHERE id = %s", [c["id"]])
    assert reason("NO-SUCH") == reason("héllo ☃") == "unknown_code"
    assert reason() == "disabled"
    change("active = true")
    assert reason() == "expired"
    change("expires_at = NULL")
    assert reason() == "wrong_product"
    change(f"applies_to_product_id = '{p['id']}',"
           f" applies_to_policy_id = '{u['id']}'")
    assert reason() == "wrong_tier"
    change("applies_to_policy_id = NULL")
    assert reason() == "exhausted"
    change("used_count = 0")
    assert preview(api, p, code=c["code"]).json()["valid"] is True


@pytest.mark.parametrize("kind,amount,final,percent", [
    ("percent", 2000, 800, 20), ("percent", 1250, 875, 12.5),
    ("percent", 10000, 0, 100), ("percent", 0, 1000, 0),
    ("fixed_sats", 300, 700, None), ("fixed_sats", 5000, 0, None),
    ("set_price", 400, 400, None), ("set_price", 4000, 1000, None),
    ("free_license", 0, 0, None)])
def test_preview_says_what_the_purchase_will(api, kind, amount, final,
                                             percent):
    """2.7, D11: valid, with the amounts that the purchase then has; nothing
    is consumed."""
    p = api.product(price_sats=1000)
    c = code(api, p, kind=kind, amount=amount)
    got = preview(api, p, code=c["code"].lower()).json()
    message = got.pop("message")
    assert message
    assert got == {
        "valid": True, "code": c["code"], "kind": kind, "is_free": final == 0,
        "base_price_sats": 1000, "discount_applied_sats": 1000 - final,
        "final_price_sats": final, "amount_pct": percent}
    assert uses(api, c) == (0, [])
    bought = api.buy(p, code=c["code"])
    assert (bought["amount_sats"], bought["discount_applied_sats"]) == \
        (got["final_price_sats"], got["discount_applied_sats"])


def test_preview_of_a_tier_that_is_not_sold_is_wrong_tier(api):
    """2.7: else 200."""
    p = api.product()
    t = api.policy(p)
    c = code(api, p)
    api.do("PATCH", f"/policies/{t['id']}/archived", {"archived": True})
    for slug in (t["slug"], "none"):
        r = preview(api, p, code=c["code"], policy_slug=slug)
        assert (r.status_code, r.json()["reason"]) == (200, "wrong_tier")


def test_preview_of_a_trial_says_that_the_code_is_not_used(api):
    """2.2 step 4: a trial ignores any code."""
    p = api.product(price_sats=1000)
    t = trial(api, p)
    c = code(api, p)
    got = preview(api, p, code=c["code"], policy_slug=t["slug"]).json()
    assert (got["valid"], got["base_price_sats"],
            got["final_price_sats"]) == (True, 0, 0)
    assert "trial" in got["message"]


def test_preview_d12_other_currency_is_wrong_product(market, rates):
    """D12: the reason is wrong_product, the message says why."""
    rates.set(USD="50000")
    p = fiat(market, value=1000)
    c = code(market, kind="set_price", amount=100)
    got = preview(market, p, code=c["code"]).json()
    assert (got["valid"], got["reason"], got["base_price_sats"]) == \
        (False, "wrong_product", 20000)
    assert "SAT" in got["message"] and "USD" in got["message"]


def test_preview_of_fiat_and_no_rate_502(market, rates):
    """4.7, errors: a price that can't be told is not told."""
    p = fiat(market)
    c = code(market, p)
    got = preview(market, p, code=c["code"]).json()
    assert got["base_price_sats"] == 49000
    for source in ("kraken", "coinbase", "coingecko"):
        rates.fail(source)
    market.db.execute("DELETE FROM exchange_rates")
    refused(preview(market, p, code=c["code"]), 502, "upstream_error")


def test_answers_are_json_for_any_origin(api):
    """0: CORS on every route."""
    p = api.product()
    r = preview(api, p, code="X")
    assert r.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(r.text)["reason"] == "unknown_code"


# Late and lost payments of a code's purchase (4.3, D10)

def test_late_payment_takes_the_use_again(shop, btcpay):
    """D10: on late settle re-take the use."""
    p = shop.product(price_sats=1000)
    c = code(shop, p, max_uses=1)
    got = shop.buy(p, code=c["code"])
    btcpay.expire(got["btcpay_invoice_id"])
    becomes(shop, got, "expired")
    assert uses(shop, c) == (0, ["cancelled"])
    btcpay.settle(got["btcpay_invoice_id"])
    becomes(shop, got, "settled")
    assert uses(shop, c) == (1, ["redeemed"])


def test_late_payment_without_a_use_left_gets_its_license(shop, btcpay):
    """D10: the cap is never exceeded, and who paid has a license."""
    p = shop.product(price_sats=1000)
    c = code(shop, p, max_uses=1)
    late = shop.buy(p, code=c["code"])
    btcpay.expire(late["btcpay_invoice_id"])
    becomes(shop, late, "expired")
    quick = shop.buy(p, code=c["code"])
    btcpay.settle(quick["btcpay_invoice_id"])
    becomes(shop, quick, "settled")
    btcpay.settle(late["btcpay_invoice_id"])
    assert becomes(shop, late, "settled")["license_key"]
    assert uses(shop, c) == (1, ["cancelled", "redeemed"])
    assert order(shop, p, code=c["code"]).status_code == 400
