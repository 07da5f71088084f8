"""One search for whatever the vendor has at hand."""
import hashlib

import pytest

from lib.check import NOWHERE
from lib.client import new_slug, refused

PATH = "/v1/admin/search"


def find(api, q, method="POST"):
    if method == "GET":
        return api.do("GET", PATH, params={"q": q})
    return api.do("POST", PATH, {"q": q})


def only(api, q, method="POST"):
    """The one result's kind and id."""
    got = find(api, q, method)
    assert got["only"] == {k: got["results"][0][k] for k in ("kind", "id")}
    assert len(got["results"]) == 1 and got["more"] is False
    return got["only"]["kind"], got["only"]["id"]


@pytest.fixture
def sold(api):
    """A license that was bought, with a machine."""
    mail = new_slug("Buyer") + "@Example.com"
    bought = api.buy(api.product(), buyer_email=mail)
    paid = api.pay(bought)
    fingerprint = new_slug("machine")
    seat = api.activate(paid["license_key"], fingerprint)
    return {"id": paid["license_id"], "key": paid["license_key"], "mail": mail,
            "invoice": bought["invoice_id"], "machine": seat["machine_id"],
            "fingerprint": fingerprint,
            "hash": hashlib.sha256(fingerprint.encode()).hexdigest()}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("what", ["id", "mail", "invoice", "machine",
                                  "fingerprint", "hash"])
def test_each_mark_leads_to_the_license(api, sold, what, method):
    assert only(api, sold[what], method) == ("license", sold["id"])
    assert only(api, f" \t{sold[what]}\r\n", method) == ("license", sold["id"])


def test_an_address_in_any_case(api, sold):
    for mail in (sold["mail"].upper(), sold["mail"].lower()):
        assert only(api, mail) == ("license", sold["id"])
    assert find(api, sold["mail"][1:])["results"] == []


def test_a_providers_invoice_id(api, server, sold):
    theirs = server.value("SELECT provider_invoice_id FROM invoices WHERE"
                          " id = %s", sold["invoice"])
    assert only(api, theirs) == ("license", sold["id"])


def test_a_key_by_post_alone(api, server, sold):
    """A key is read, not looked up: no log has it."""
    assert only(api, sold["key"]) == ("license", sold["id"])
    assert only(api, f"\n  {sold['key']} ") == ("license", sold["id"])
    refused(api.admin("GET", PATH, params={"q": sold["key"]}), 400,
            "bad_request")
    for r in server.replicas:
        assert sold["key"] not in r.log()


def test_keys_that_are_not_ours(api, sold):
    key = sold["key"]
    swapped = key[:-4] + ("AAAA" if key[-4:] != "AAAA" else "BBBB")
    for wrong in (key[:-3], "LIC1-", "lic1-abc", swapped):
        body = refused(api.admin("POST", PATH, {"q": wrong}), 400,
                       "bad_request")
        assert body["message"].startswith("q: ")


def test_a_key_of_a_license_that_is_gone(api, server):
    made = api.issue()
    server.db.execute("DELETE FROM licenses WHERE id = %s",
                      [made["license_id"]])
    assert find(api, made["license_key"]) == {"results": [], "more": False,
                                              "only": None}


def test_invoices_that_brought_nothing_are_found_too(api):
    mail = new_slug("late") + "@example.com"
    bought = api.buy(api.product(), buyer_email=mail)
    assert only(api, bought["invoice_id"]) == ("invoice", bought["invoice_id"])
    assert only(api, mail) == ("invoice", bought["invoice_id"])
    api.pay(bought)
    kind, _ = only(api, mail)
    assert kind == "license"


def test_all_of_one_buyer_newest_first(api):
    p, mail = api.product(name="Many"), new_slug("m") + "@example.com"
    made = [api.issue(p, buyer_email=mail)["license_id"] for _ in range(27)]
    got = find(api, mail)
    assert [r["id"] for r in got["results"]] == made[:1:-1]
    assert got["more"] is True and got["only"] is None
    row = got["results"][0]
    assert (row["kind"], row["by"], row["status"], row["product_name"],
            row["buyer_email"]) == ("license", "address", "active", "Many",
                                    mail)


def test_a_fingerprint_on_many_licenses(api):
    """Each of them, whatever else is on them."""
    fingerprint, p = new_slug("shared"), api.product()
    made = [api.issue(p) for _ in range(3)]
    for one in made:
        api.activate(one["license_key"], fingerprint)
    assert {r["id"] for r in find(api, fingerprint)["results"]} == {
        one["license_id"] for one in made}


def test_a_fingerprint_that_looks_like_a_hash(api):
    made, fingerprint = api.issue(), "ab" * 32
    api.activate(made["license_key"], fingerprint)
    assert made["license_id"] in {
        r["id"] for r in find(api, fingerprint)["results"]}


def test_npub_and_subscription(api, server):
    npub = new_slug("npub")
    made = api.issue(nostr_npub=npub)
    assert only(api, npub) == ("license", made["license_id"])
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    paid = api.pay(api.buy(p, policy_slug=t["slug"]))
    sub = server.value("SELECT id FROM subscriptions WHERE license_id = %s",
                       paid["license_id"])
    assert only(api, str(sub)) == ("license", paid["license_id"])


@pytest.mark.parametrize("q", [NOWHERE, "nobody@example.com", "%", "_", "'",
                               "\\", "é", "a" * 4096, "x'; --", "\u2028"])
def test_nothing_is_found(api, q):
    assert find(api, q)["results"] == []


@pytest.mark.parametrize("q", ["", " ", "\n\t ", None, 7, "a" * 4097])
def test_nothing_to_look_for(api, q):
    refused(api.admin("POST", PATH, {"q": q}), 400, "bad_request")
