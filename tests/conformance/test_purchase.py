"""2.2, 2.3, 4.6, 4.7 and the defects D5, D8, D10 to D16: buying, row by row."""
import uuid

import pytest

from lib import keys
from lib.check import events, outbox
from lib.client import Api, refused
from lib.codes import code, fiat, order, redeemed, trial, uses


# 2.2, steps

def test_1_unknown_product_404_inactive_400(api):
    """2.2 step 1."""
    refused(order(api, {"slug": "nowhere"}), 404, "not_found")
    p = api.product()
    api.do("PATCH", f"/products/{p['id']}/active", {"active": False})
    refused(order(api, p), 400, "bad_request")


def test_2_policies_that_are_not_sold(api):
    """2.2 step 2: 404 unknown, 400 inactive, not public, archived (D14)."""
    p = api.product()
    refused(order(api, p, policy_slug="none"), 404, "not_found")
    for what, value in (("active", False), ("public", False),
                        ("archived", True)):
        t = api.policy(p)
        api.do("PATCH", f"/policies/{t['id']}/{what}", {what: value})
        refused(order(api, p, policy_slug=t["slug"]), 400, "bad_request")


def test_3_base_price_is_override_else_product_price(api):
    """2.2 step 3, SAT."""
    p = api.product(price_sats=1000)
    a, b = api.policy(p), api.policy(p, price_sats_override=70)
    assert api.buy(p, policy_slug=a["slug"])["base_price_sats"] == 1000
    assert api.buy(p, policy_slug=b["slug"])["base_price_sats"] == 70


def test_3_fiat_is_converted_and_noted(market, rates, rates_server):
    """2.2 step 3, 4.7: cents to sats; listed value, rate and source on the
    invoice, the rate as units times 10,000."""
    rates.set(USD="65000.5")
    p = fiat(market, value=4900)
    got = market.buy(p)
    assert got["amount_sats"] == round(4900 * 10**6 / 65000.5) == 75384
    row = rates_server.row("SELECT * FROM invoices WHERE id = %s",
                           got["invoice_id"])
    assert (row["listed_currency"], row["listed_value"],
            row["charged_value"], row["exchange_rate_centibps"],
            row["exchange_rate_source"]) == \
        ("USD", 4900, 4900, 650005000, "kraken")


def test_3_override_of_a_fiat_product_is_in_cents(market, rates):
    """2.2 step 3, fiat: the same in cents."""
    rates.set(EUR="50000")
    p = fiat(market, "EUR", 10000)
    t = market.policy(p, price_sats_override=250)
    assert market.buy(p, policy_slug=t["slug"])["amount_sats"] == 5000


def test_3_no_rate_502_and_nothing_is_kept(market, rates, rates_server):
    """2.2 step 3: rate failure 502; before the code is looked at."""
    for source in ("kraken", "coinbase", "coingecko"):
        rates.fail(source)
    p = fiat(market)
    refused(order(market, p, code="NOSUCH"), 502, "upstream_error")
    assert rates_server.value("SELECT count(*) FROM invoices WHERE"
                              " product_id = %s", p["id"]) == 0


def test_4_trial_is_free_at_once_and_ignores_codes(api):
    """2.2 step 4."""
    p = api.product()
    t = trial(api, p)
    c = code(api, p)
    for typed in (c["code"], "NO-SUCH-CODE"):
        got = api.buy(p, policy_slug=t["slug"], code=typed)
        assert (got["amount_sats"], got["base_price_sats"],
                got["discount_applied_sats"]) == (0, 0, 0)
        key = keys.parse(got["license_key"])
        assert key.flags == keys.TRIAL
        assert key.expires_at - key.issued_at == 14 * 86400
        assert api.poll(got)["status"] == "settled"
    assert uses(api, c) == (0, [])


def test_4_trial_of_a_fiat_product_needs_no_rate(market, rates):
    """2.2 step 4 comes whatever the rate sources say."""
    for source in ("kraken", "coinbase", "coingecko"):
        rates.fail(source)
    p = fiat(market)
    t = trial(market, p)
    assert market.buy(p, policy_slug=t["slug"])["license_key"]


@pytest.mark.parametrize("flaw", ["unknown", "disabled", "expired", "product",
                                  "tier", "exhausted"])
def test_5_bad_codes_400(api, flaw):
    """2.2 step 5."""
    p, other = api.product(), api.product()
    t, u = api.policy(p), api.policy(p)
    typed = "NOSUCH"
    if flaw == "disabled":
        c = code(api, p)
        api.do("PATCH", f"/discount-codes/{c['id']}/active",
               {"active": False})
    elif flaw == "expired":
        c = code(api, p)
        api.db.execute("UPDATE discount_codes SET expires_at = now() -"
                       " interval '1 s' WHERE id = %s", [c["id"]])
    elif flaw == "product":
        c = code(api, other)
    elif flaw == "tier":
        c = code(api, p, policy_slug=u["slug"])
    elif flaw == "exhausted":
        c = code(api, p, max_uses=1)
        api.buy(p, policy_slug=u["slug"], code=c["code"])
    if flaw != "unknown":
        typed = c["code"]
    refused(order(api, p, policy_slug=t["slug"], code=typed), 400,
            "bad_request")
    assert api.db.execute(
        "SELECT count(*) AS n FROM invoices WHERE policy_id = %s",
        [t["id"]]).fetchone()["n"] == 0


def test_5_a_code_reserves_a_use(api, server):
    """2.2 step 5 and 8: a use is taken, the redemption is pending."""
    p = api.product(price_sats=1000)
    c = code(api, p)
    got = api.buy(p, code=c["code"])
    assert (got["amount_sats"], got["base_price_sats"],
            got["discount_applied_sats"]) == (900, 1000, 100)
    assert uses(api, c) == (1, ["pending"])
    row = server.row("SELECT * FROM discount_redemptions WHERE invoice_id"
                     " = %s", got["invoice_id"])
    assert (row["base_price_sats"], row["discount_applied_sats"],
            row["final_price_sats"], row["license_id"]) == \
        (1000, 100, 900, None)
    paid = api.pay(got)
    assert uses(api, c) == (1, ["redeemed"])
    said, = redeemed(server, got)
    assert (said["code"], said["license_id"], said["final_price_sats"]) == \
        (c["code"], paid["license_id"], 900)


def test_5_codes_are_typed_in_any_case(api):
    """3.3: codes are upper-cased."""
    p = api.product(price_sats=1000)
    c = code(api, p)
    assert api.buy(p, code=f" {c['code'].lower()} ")["amount_sats"] == 900


def test_5_featured_code_only_when_a_policy_was_chosen(api):
    """2.2 step 5."""
    p = api.product(price_sats=1000)
    t = api.policy(p, slug="default")
    c = code(api, p, featured=True)
    assert api.buy(p)["amount_sats"] == 1000
    assert api.buy(p, policy_slug=t["slug"])["amount_sats"] == 900
    assert uses(api, c) == (1, ["pending"])


def test_5_a_typed_code_beats_the_featured_one(api):
    """2.2 step 5: the typed one, else the featured one."""
    p = api.product(price_sats=1000)
    t = api.policy(p)
    featured = code(api, p, featured=True)
    typed = code(api, p, amount=2000)
    assert api.buy(p, policy_slug=t["slug"],
                   code=typed["code"])["amount_sats"] == 800
    assert uses(api, featured) == (0, [])


def test_6_nothing_left_takes_the_free_path(api, server):
    """2.2 step 6, D11: settled zero invoice, redemption, license inline."""
    p = api.product(price_sats=1000)
    c = code(api, p, amount=10000)
    got = api.buy(p, code=c["code"], buyer_email="a@example.com")
    assert (got["amount_sats"], got["base_price_sats"],
            got["discount_applied_sats"]) == (0, 1000, 1000)
    assert got["btcpay_invoice_id"] == f"free-{got['invoice_id']}"
    assert got["checkout_url"] == ""
    assert keys.parse(got["license_key"]).license_id == got["license_id"]
    assert uses(api, c) == (1, ["redeemed"])
    assert len(redeemed(server, got)) == 1
    assert len(outbox(server, "license_id", got["license_id"],
                      "license.issued")) == 1
    assert events(server, got["invoice_id"], "invoice.settle")


def test_7_rail_that_nobody_serves_400_unknown_word_is_absent(api):
    """2.2 step 7."""
    p = api.product()
    refused(order(api, p, rail="card"), 400, "bad_request")
    for rail in ("lightning", "onchain", "smoke-signals"):
        api.buy(p, rail=rail)


def test_7_no_provider_400_but_nothing_to_pay_needs_none(own_instance):
    """2.2 step 7 comes after step 6."""
    server = own_instance(LICET_PAYMENTS="none")
    api = Api(server.url, server.admin_key, server.db)
    p = api.product()
    refused(order(api, p), 400, "bad_request")
    c = code(api, p, amount=10000)
    assert api.buy(p, code=c["code"])["license_key"]
    dear = code(api, p)
    refused(order(api, p, code=dear["code"]), 400, "bad_request")
    assert uses(api, dear) == (0, [])


def test_8_redirect_of_the_request(shop, btcpay_server):
    """2.2 step 8."""
    got = shop.buy(shop.product(), redirect_url="https://shop.test/thanks")
    assert btcpay_server.value(
        "SELECT redirect_url FROM invoices WHERE id = %s",
        got["invoice_id"]) == "https://shop.test/thanks"


def test_8_redirect_of_the_profile_else_ours(api, server):
    """2.2 step 8: the profile's with {invoice_id} substituted, else the
    thank-you page."""
    profile = server.value(
        "INSERT INTO merchant_profiles (name, post_purchase_redirect_url)"
        " VALUES ('P', 'https://p.test/t?i={invoice_id}&again={invoice_id}')"
        " RETURNING id")
    p = api.product()
    t = api.policy(p, price_sats_override=0)
    where = lambda g: server.value(
        "SELECT redirect_url FROM invoices WHERE id = %s", g["invoice_id"])
    got = api.buy(p, policy_slug=t["slug"])
    assert where(got) == \
        f"{server.url}/thank-you?invoice_id={got['invoice_id']}"
    server.db.execute("UPDATE products SET merchant_profile_id = %s"
                      " WHERE id = %s", [profile, p["id"]])
    got = api.buy(p, policy_slug=t["slug"])
    i = got["invoice_id"]
    assert where(got) == f"https://p.test/t?i={i}&again={i}"
    own = api.buy(p, policy_slug=t["slug"], redirect_url="https://x.test/")
    assert where(own) == "https://x.test/"


def test_8_provider_refuses_502_and_the_use_comes_back(shop, btcpay):
    """2.2 step 8: any failure after step 5 releases the reserved use."""
    p = shop.product(price_sats=1000)
    c = code(shop, p)
    btcpay.wrong("401")
    refused(order(shop, p, code=c["code"]), 502, "upstream_error")
    assert uses(shop, c) == (0, ["cancelled"])


def test_answer(api, server):
    """2.2, the response."""
    got = api.buy(api.product())
    assert set(got) == {"invoice_id", "btcpay_invoice_id", "checkout_url",
                        "amount_sats", "base_price_sats",
                        "discount_applied_sats", "poll_url"}
    assert got["poll_url"] == f"{server.url}/v1/purchase/{got['invoice_id']}"
    assert uuid.UUID(got["invoice_id"]).version == 4


# 4.6

@pytest.mark.parametrize("kind,amount,base,left", [
    ("percent", 5000, 50000, 25000), ("percent", 3333, 101, 68),
    ("percent", 1, 9999, 9999), ("fixed_sats", 10000, 50000, 40000),
    ("fixed_sats", 60000, 50000, 0), ("set_price", 21000, 50000, 21000),
    ("set_price", 70000, 50000, 50000), ("percent", 10000, 50000, 0),
    ("free_license", 0, 50000, 0)])
def test_discount_of_each_kind(api, kind, amount, base, left):
    """4.6, first sentence; D11: a free_license code at purchase is 100 %."""
    p = api.product(price_sats=base)
    c = code(api, p, kind=kind, amount=amount)
    got = api.buy(p, code=c["code"])
    assert (got["amount_sats"], got["discount_applied_sats"]) == \
        (left, base - left)
    assert ("license_key" in got) == (left == 0)


def test_featured_order(api):
    """4.6: policy-scoped, then product-scoped, then global; oldest first; a
    non-empty policy list beats the single column."""
    p = api.product(price_sats=10000)
    t, u = api.policy(p), api.policy(p)
    price = lambda y: api.buy(p, policy_slug=y["slug"])["amount_sats"]
    code(api, p, featured=True, amount=200)
    code(api, p, featured=True, amount=300)
    assert price(t) == 9800
    tier = code(api, p, featured=True, amount=400, policy_slug=t["slug"])
    assert (price(t), price(u)) == (9600, 9800)
    code(api, p, featured=True, amount=500, policy_slugs=[t["slug"]],
         policy_slug=u["slug"])
    assert (price(t), price(u)) == (9600, 9800)
    api.do("PATCH", f"/discount-codes/{tier['id']}/active",
           {"active": False})
    assert (price(t), price(u)) == (9500, 9800)


def test_redemption_cancelled_with_its_invoice(api):
    """4.3, 4.6: entering expired cancels and returns the use, once."""
    p = api.product(price_sats=1000)
    c = code(api, p, max_uses=1)
    got = api.buy(p, code=c["code"])
    api.expire(got)
    assert uses(api, c) == (0, ["cancelled"])
    again = api.buy(p, code=c["code"])
    assert uses(api, c) == (1, ["cancelled", "pending"])
    api.pay(again)
    assert uses(api, c) == (1, ["cancelled", "redeemed"])


# 2.3

def test_poll(api):
    """2.3: the key only while the license is active."""
    got = api.buy(api.product())
    assert set(api.poll(got)) == {"invoice_id", "status", "product_id",
                                  "amount_sats", "license_key", "license_id"}
    assert api.poll(got)["license_id"] is None
    paid = api.pay(got)
    assert paid["license_key"] and paid["license_id"]
    api.revoke(paid["license_id"])
    seen = api.poll(got)
    assert (seen["license_key"], seen["license_id"]) == \
        (None, paid["license_id"])


@pytest.mark.parametrize("kind", ["renewal", "tier_change"])
def test_d8_poll_of_renewals_and_upgrades(api, server, kind):
    """D8: resolve to the license; not before it is paid."""
    sold = api.pay(api.buy(api.product()))
    iid = server.value(
        "INSERT INTO invoices (id, product_id, status, amount_sats,"
        " base_price_sats, kind, license_id) VALUES (gen_random_uuid(),"
        " %s, 'pending', 5, 5, %s, %s) RETURNING id",
        sold["product_id"], kind, sold["license_id"])
    seen = api.poll({"invoice_id": iid})
    assert (seen["license_key"], seen["license_id"]) == (None, None)
    server.db.execute("UPDATE invoices SET status = 'settled' WHERE id = %s",
                      [iid])
    seen = api.poll({"invoice_id": iid})
    assert (seen["license_key"], seen["license_id"]) == \
        (sold["license_key"], sold["license_id"])


# Defects

def test_d5_the_snapshot_is_the_listed_price(api, server):
    """D5: a discounted first cycle doesn't discount the next ones, nor does
    a free one or a trial make them free."""
    p = api.product(price_sats=1000)
    plain = api.policy(p, is_recurring=True, renewal_period_days=30,
                       price_sats_override=700)
    begins = trial(api, p, price_sats_override=600)
    half, all_of_it = code(api, p, amount=5000), code(api, p, amount=10000)
    listed = lambda got: server.value(
        "SELECT s.listed_value FROM subscriptions s JOIN licenses l ON"
        " l.id = s.license_id WHERE l.invoice_id = %s", got["invoice_id"])
    got = api.buy(p, policy_slug=plain["slug"], code=half["code"])
    assert got["amount_sats"] == 350
    api.pay(got)
    assert listed(got) == 700
    got = api.buy(p, policy_slug=plain["slug"], code=all_of_it["code"])
    assert (got["amount_sats"], listed(got)) == (0, 700)
    got = api.buy(p, policy_slug=begins["slug"])
    assert listed(got) == 600
    assert server.value(
        "SELECT s.payment_provider_id IS NOT NULL FROM subscriptions s JOIN"
        " licenses l ON l.id = s.license_id WHERE l.invoice_id = %s",
        got["invoice_id"]) is True


def test_d10_a_pending_payment_keeps_its_use(api):
    """D10: half an hour changes nothing; only the provider's word does."""
    p = api.product(price_sats=1000)
    c = code(api, p, max_uses=1)
    got = api.buy(p, code=c["code"])
    api.db.execute("UPDATE invoices SET created_at = now() - interval"
                   " '2 hours' WHERE id = %s", [got["invoice_id"]])
    api.db.execute("UPDATE discount_redemptions SET created_at = now() -"
                   " interval '2 hours' WHERE invoice_id = %s",
                   [got["invoice_id"]])
    refused(order(api, p, code=c["code"]), 400, "bad_request")
    api.pay(got)
    assert uses(api, c) == (1, ["redeemed"])


def test_d11_code_on_a_free_tier_costs_nothing(api):
    """D11."""
    p = api.product(price_sats=1000)
    t = api.policy(p, price_sats_override=0)
    c = code(api, p)
    got = api.buy(p, policy_slug=t["slug"], code=c["code"])
    assert got["amount_sats"] == 0 and got["license_key"]


def test_d11_a_featured_code_of_100_percent(api):
    """D11: the purchase gives the license inline."""
    p = api.product(price_sats=1000)
    t = api.policy(p)
    code(api, p, featured=True, amount=10000)
    assert api.buy(p, policy_slug=t["slug"])["license_key"]


def test_d12_codes_compute_in_the_listed_currency(market, rates):
    """D12: 10.00 off 49.00 leaves 39.00, whatever the rate."""
    rates.set(USD="50000")
    p = fiat(market, value=4900)
    c = code(market, p, kind="fixed_sats", amount=1000,
             discount_currency="USD")
    got = market.buy(p, code=c["code"])
    assert (got["amount_sats"], got["base_price_sats"],
            got["discount_applied_sats"]) == (78000, 98000, 20000)
    row = market.db.execute("SELECT * FROM invoices WHERE id = %s",
                            [got["invoice_id"]]).fetchone()
    assert (row["listed_value"], row["charged_value"]) == (4900, 3900)


def test_d12_a_code_in_another_currency_does_not_fit(market, rates):
    """D12: cents are not satoshis."""
    p = fiat(market)
    c = code(market, kind="fixed_sats", amount=1000)
    body = refused(order(market, p, code=c["code"]), 400, "bad_request")
    assert "SAT" in body["message"] and "USD" in body["message"]
    percent = code(market)
    assert market.buy(p, code=percent["code"])["discount_applied_sats"] > 0


def test_d12_fiat_products_say_so(market):
    """D12, 2.1: price_currency and price_value."""
    p = fiat(market, "EUR", 1234)
    got = market.get(f"/v1/products/{p['slug']}")
    assert (got["price_currency"], got["price_value"], got["price_sats"]) == \
        ("EUR", 1234, 0)


def test_d15_one_policy_for_price_trial_scope_and_license(api):
    """D15: the default recurring policy bought without a slug."""
    p = api.product(price_sats=1000)
    t = trial(api, p, slug="default")
    other = api.policy(p, slug="other")
    got = api.buy(p)
    assert got["amount_sats"] == 0
    assert keys.parse(got["license_key"]).flags == keys.TRIAL
    q = api.product(price_sats=1000)
    api.policy(q, slug="default", price_sats_override=500)
    u = api.policy(q, slug="other")
    scoped = code(api, q, policy_slug=u["slug"])
    refused(order(api, q, code=scoped["code"]), 400, "bad_request")
    assert t["id"] != other["id"]


def test_d16_one_trial_to_an_address_and_to_a_machine(api):
    """D16."""
    p = api.product()
    t = trial(api, p)
    ask = lambda **who: order(api, p, policy_slug=t["slug"], **who)
    assert ask(buyer_email="a@example.com",
               fingerprint="box-1").status_code == 200
    refused(ask(buyer_email="A@example.com", fingerprint="box-2"), 400,
            "bad_request")
    refused(ask(buyer_email="b@example.com", fingerprint="box-1"), 400,
            "bad_request")
    assert ask(buyer_email="b@example.com",
               fingerprint="box-2").status_code == 200
    assert ask().status_code == ask().status_code == 200


def test_d16_an_address_can_be_asked_for(own_instance):
    """D16: optional e-mail requirement."""
    server = own_instance(LICET_TRIALS="email")
    api = Api(server.url, server.admin_key, server.db)
    p = api.product()
    t = trial(api, p)
    refused(order(api, p, policy_slug=t["slug"]), 400, "bad_request")
    api.buy(p, policy_slug=t["slug"], buyer_email="a@example.com")
    api.buy(p, policy_slug=api.policy(p)["slug"])
