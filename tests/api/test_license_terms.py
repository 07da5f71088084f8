"""What the vendor does to a license's key and end: show, extend, reissue; and
the lists by state."""
import pytest

from lib.check import NOWHERE, ahead, events, outbox, read_time
from lib.client import new_slug, refused


def change(api, license_id, word, **body):
    return api.admin("POST", f"/licenses/{license_id}/{word}", body)


def row(server, license_id):
    return server.row("SELECT * FROM licenses WHERE id = %s", license_id)


def subscribed(api):
    """What a paid subscription's purchase looks like."""
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    bought = api.buy(p, policy_slug=t["slug"],
                     buyer_email=new_slug("s") + "@example.com")
    return {**api.pay(bought), "invoice_id": bought["invoice_id"]}


# The key

def test_the_key_again_and_who_saw_it(api, server):
    made = api.issue()
    got = change(api, made["license_id"], "key").json()
    assert got == {"license_id": made["license_id"],
                   "license_key": made["license_key"]}
    *_, shown = events(server, made["license_id"])
    assert shown["action"] == "license.key_shown"
    assert made["license_key"] not in str(shown)
    refused(change(api, NOWHERE, "key"), 404, "not_found")


# Extend

def test_extend(api, server):
    made = api.issue(expires_at=ahead(days=3))
    lid, when = made["license_id"], ahead(days=40)
    assert change(api, lid, "extend", expires_at=when, reason="a gift"
                  ).json() == {"ok": True, "license_id": lid,
                               "expires_at": when}
    assert row(server, lid)["expires_at"] == read_time(when)
    told, = outbox(server, "license_id", lid, "license.extended")
    assert told["data"]["expires_at"] == when
    *_, audited = events(server, lid)
    assert (audited["action"], audited["details"]) == (
        "license.extend", {"from": made["expires_at"], "to": when,
                           "reason": "a gift"})
    assert api.validate(made["license_key"])["expires_at"] == when
    # The key that is shown from then on says so, too.
    assert change(api, lid, "key").json()["license_key"] != \
        made["license_key"]


def test_extend_what_ran_out(api, server):
    made = api.issue(expires_at=ahead(days=3))
    server.db.execute("UPDATE licenses SET expires_at = date_trunc('second',"
                      " licet_now()) - interval '1 hour' WHERE id = %s",
                      [made["license_id"]])
    assert api.validate(made["license_key"])["reason"] == "expired"
    change(api, made["license_id"], "extend", expires_at=ahead(days=1))
    assert api.validate(made["license_key"])["ok"] is True


def test_extend_for_ever_and_back(api, server):
    lid = api.issue(expires_at=ahead(days=3))["license_id"]
    assert change(api, lid, "extend", expires_at=None).json() == {
        "ok": True, "license_id": lid, "expires_at": None}
    assert row(server, lid)["expires_at"] is None
    assert change(api, lid, "extend", expires_at=ahead(days=1)).json()["ok"]


@pytest.mark.parametrize("body", [
    {}, {"expires_at": ahead(seconds=-5)}, {"expires_at": "soon"},
    {"expires_at": "9999-12-31T23:59:59-12:00"}, {"expires_at": 5}])
def test_extend_to_no_time(api, server, body):
    lid = api.issue()["license_id"]
    refused(change(api, lid, "extend", **body), 400, "bad_request")
    assert row(server, lid)["expires_at"] is None


def test_extend_revoked_or_unknown(api):
    lid = api.issue()["license_id"]
    api.revoke(lid)
    refused(change(api, lid, "extend", expires_at=ahead(days=1)), 409,
            "conflict")
    refused(change(api, NOWHERE, "extend", expires_at=ahead(days=1)), 404,
            "not_found")


def test_no_day_that_was_paid_is_taken(api, server):
    """What renews keeps an end, and not one before the cycle's."""
    lid = subscribed(api)["license_id"]
    was = row(server, lid)["expires_at"]
    for when in (ahead(days=29), None):
        refused(change(api, lid, "extend", expires_at=when), 409, "conflict")
    assert row(server, lid)["expires_at"] == was
    later = ahead(days=45)
    assert change(api, lid, "extend", expires_at=later).status_code == 200
    assert row(server, lid)["expires_at"] == read_time(later)


# Reissue

def test_reissue_has_the_same_terms(api, server):
    p = api.product()
    t = api.policy(p, entitlements=["a", "b"], max_machines=3)
    old = api.issue(p, policy_slug=t["slug"], expires_at=ahead(days=9),
                    grace_seconds=77, buyer_email="x@example.com", note="n",
                    nostr_npub="npub1", is_trial=True)
    api.activate(old["license_key"], "A")
    new = change(api, old["license_id"], "reissue", reason="leaked").json()
    assert new["reissued_from"] == old["license_id"] != new["license_id"]
    a, b = row(server, old["license_id"]), row(server, new["license_id"])
    for same in ("product_id", "policy_id", "expires_at", "grace_seconds",
                 "max_machines", "is_trial", "entitlements", "buyer_email",
                 "nostr_npub"):
        assert a[same] == b[same], same
    assert (a["status"], a["revocation_reason"], b["status"]) == (
        "revoked", "leaked", "active")
    assert a["metadata"]["reissued_as"] == new["license_id"]
    assert b["metadata"]["reissued_from"] == old["license_id"]
    assert b["metadata"]["note"] == "n"
    assert api.validate(old["license_key"])["reason"] == "revoked"
    assert api.validate(new["license_key"], fingerprint="B")["ok"] is True


def test_reissue_is_told_and_audited_once(api, server):
    old = api.issue()["license_id"]
    new = change(api, old, "reissue").json()["license_id"]
    refused(change(api, old, "reissue"), 409, "conflict")
    assert [r["event_type"] for r in outbox(server, "license_id", old)] == [
        "license.issued", "license.revoked"]
    told, = outbox(server, "license_id", new)
    assert (told["event_type"], told["data"]["source"],
            told["data"]["reissued_from"]) == ("license.issued", "reissue",
                                               old)
    assert [e["action"] for e in events(server, old)] == [
        "license.issue_manual", "license.revoke"]
    made, = events(server, new)
    assert (made["action"], made["details"]["reissued_from"]) == (
        "license.reissue", old)


def test_reissue_takes_what_was_bought_along(api, server):
    """The invoice, the subscription and its bills are the new one's: the buyer
    recovers it, a refund revokes it, the next cycle extends it."""
    paid = subscribed(api)
    old = paid["license_id"]
    mail = row(server, old)["buyer_email"]
    new = change(api, old, "reissue").json()
    assert api.poll(paid)["license_key"] == new["license_key"]
    again = api.public("POST", "/v1/recover", {
        "invoice_id": paid["invoice_id"], "email": mail}).json()
    assert again["license_id"] == new["license_id"]
    assert str(server.value("SELECT license_id FROM subscriptions WHERE id IN"
                            " (SELECT subscription_id FROM"
                            "  subscription_invoices WHERE invoice_id = %s)",
                            paid["invoice_id"])) == new["license_id"]
    listed = api.do("GET", "/invoices", params={
        "license_id": new["license_id"]})["invoices"]
    assert [i["id"] for i in listed] == [paid["invoice_id"]]
    assert listed[0]["license_id"] == new["license_id"]
    assert api.license(new["license_id"])["subscription"]["status"] == "active"
    assert api.license(old)["subscription"] is None


def test_reissue_of_what_is_not_active(api, server):
    for word in ("suspend", "revoke"):
        lid = api.issue()["license_id"]
        change(api, lid, word)
        refused(change(api, lid, "reissue"), 409, "conflict")
        assert server.value("SELECT count(*) FROM licenses WHERE"
                            " metadata->>'reissued_from' = %s", lid) == 0
    refused(change(api, NOWHERE, "reissue"), 404, "not_found")


def test_reissue_twice_at_once_makes_one(api, server):
    import concurrent.futures
    lid = api.issue()["license_id"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda _: change(api, lid, "reissue")
                              .status_code, range(6)))
    assert sorted(codes) == [200] + [409] * 5
    assert server.value("SELECT count(*) FROM licenses WHERE"
                        " metadata->>'reissued_from' = %s", lid) == 1


# Lists by state

def states(api, product, status=None, **query):
    return api.do("GET", "/licenses", params={
        "product_id": product["id"], **({"status": status} if status else {}),
        **query})


def test_lists_by_state(api, server):
    p = api.product(name="Stately")
    ids = {s: api.issue(p, expires_at=ahead(days=2))["license_id"]
           for s in ("active", "in_grace", "expired", "suspended", "revoked")}
    for state, grace in (("in_grace", 7200), ("expired", 0)):
        server.db.execute(
            "UPDATE licenses SET grace_seconds = %s, expires_at ="
            " date_trunc('second', licet_now()) - interval '1 hour'"
            " WHERE id = %s", [grace, ids[state]])
    change(api, ids["suspended"], "suspend")
    change(api, ids["revoked"], "revoke")
    seen = {x["id"]: x["state"] for x in states(api, p)["licenses"]}
    assert seen == {lid: state for state, lid in ids.items()}
    for status, want in (("active", {"active"}), ("suspended", {"suspended"}),
                         ("revoked", {"revoked"}),
                         ("expired", {"in_grace", "expired"})):
        got = states(api, p, status)["licenses"]
        assert {x["state"] for x in got} == want
        assert {x["id"] for x in got} == {ids[s] for s in want}
    assert got[0]["product_name"] == "Stately"
    refused(api.admin("GET", "/licenses?status=none"), 400, "bad_request")


@pytest.mark.parametrize("status", ["active", "revoked", "expired"])
def test_lists_by_state_page(api, server, status):
    p = api.product()
    made = [api.issue(p)["license_id"] for _ in range(5)]
    for n, lid in enumerate(made):
        if status == "revoked":
            change(api, lid, "revoke")
        elif status == "expired":
            server.db.execute(
                "UPDATE licenses SET expires_at = date_trunc('second',"
                " licet_now()) - %s * interval '1 minute' WHERE id = %s",
                [n + 1, lid])
    seen, cursor = [], ""
    while cursor is not None:
        page = states(api, p, status, limit=2, cursor=cursor)
        seen += [x["id"] for x in page["licenses"]]
        cursor = page["next_cursor"]
    assert seen == (made if status == "expired" else made[::-1])


# Machines and subscriptions

def test_one_machine(api):
    made = api.issue()
    seat = api.activate(made["license_key"], "A", hostname="h")["machine_id"]
    got = api.do("GET", f"/machines/{seat}")
    assert (got["id"], got["license_id"], got["hostname"], got["active"]) == (
        seat, made["license_id"], "h", True)
    listed, = api.do("GET", "/machines", params={
        "license_id": made["license_id"]})["machines"]
    assert listed == got
    refused(api.admin("GET", f"/machines/{NOWHERE}"), 404, "not_found")


def test_machines_by_activation(api):
    made = [api.issue() for _ in range(5)]
    seats = [api.activate(m["license_key"], "A")["machine_id"] for m in made]
    seen, cursor = [], ""
    while len(seen) < 5:
        page = api.do("GET", "/machines", params={
            "order": "activated", "limit": 2, "cursor": cursor})
        seen += [x["id"] for x in page["machines"]]
        cursor = page["next_cursor"]
    assert seen[:5] == seats[::-1]


def test_billing_one_again(api, server):
    paid = subscribed(api)
    sub = server.value("SELECT id FROM subscriptions WHERE license_id = %s",
                       paid["license_id"])
    refused(api.admin("POST", f"/subscriptions/{sub}/resume"), 409, "conflict")
    server.db.execute("UPDATE subscriptions SET status = 'past_due',"
                      " consecutive_failures = 5, next_attempt_at ="
                      " licet_now() + interval '3 days' WHERE id = %s", [sub])
    assert api.do("POST", f"/subscriptions/{sub}/resume") == {
        "ok": True, "subscription_id": str(sub)}
    assert [e["action"] for e in events(server, sub)][-1] == \
        "subscription.resume"
    refused(api.admin("POST", f"/subscriptions/{NOWHERE}/resume"), 404,
            "not_found")
    row_, = [s for s in api.do("GET", "/subscriptions")["subscriptions"]
             if s["id"] == str(sub)]
    assert row_["buyer_email"] and row_["product_name"] == "Demo"
