"""Admin licenses (3.2): issue, read, search, revoke, suspend."""
import pytest

from lib import keys
from lib.check import NOWHERE, ahead, events, is_uuid, outbox, read_time
from lib.client import new_slug, refused

COLUMNS = {"id", "product_id", "invoice_id", "policy_id", "status",
           "issued_at", "expires_at", "grace_seconds", "max_machines",
           "is_trial", "entitlements", "revoked_at", "revocation_reason",
           "suspended_at", "suspension_reason", "nostr_npub", "buyer_email",
           "metadata"}


def issue(api, product, **fields):
    return api.admin("POST", "/licenses",
                     {"product_slug": product["slug"], **fields})


# Issue

def test_issue_defaults(api, server):
    p = api.product()
    made = api.issue(p)
    assert set(made) - {"product_slug"} == {
        "license_id", "product_id", "license_key", "issued_at",
        "expires_at", "entitlements", "is_trial", "max_machines"}
    assert is_uuid(made["license_id"]) and made["product_id"] == p["id"]
    assert (made["expires_at"], made["entitlements"], made["is_trial"],
            made["max_machines"]) == (None, [], False, 1)
    assert server.value("SELECT grace_seconds FROM licenses WHERE id = %s",
                        made["license_id"]) == 0


def test_issue_key_says_what_the_row_says(api):
    made = api.issue(expires_at=ahead(days=30), is_trial=True,
                     entitlements=["z", "a", "é"])
    key = keys.parse(made["license_key"])
    assert key.version == 2 and key.flags == keys.TRIAL
    assert key.license_id == made["license_id"]
    assert key.product_id == made["product_id"]
    assert key.entitlements == ("z", "a", "é")
    assert key.issued_at == read_time(made["issued_at"]).timestamp()
    assert key.expires_at == read_time(made["expires_at"]).timestamp()
    assert key.fingerprint_hash == bytes(32)
    assert keys.verifies(made["license_key"],
                         api.get("/v1/pubkey")["public_key_pem"])


def test_issue_without_entitlements_is_242_characters(api):
    assert len(api.issue()["license_key"]) == 242


def test_issue_field_over_policy_over_default(api, server):
    p = api.product()
    t = api.policy(p, duration_seconds=3600, grace_seconds=5,
                   max_machines=4, is_trial=True, entitlements=["pol"])
    made = api.issue(p, policy_slug=t["slug"])
    assert (made["max_machines"], made["is_trial"],
            made["entitlements"]) == (4, True, ["pol"])
    length = read_time(made["expires_at"]) - read_time(made["issued_at"])
    assert length.total_seconds() == 3600
    when = ahead(days=9)
    made = api.issue(p, policy_slug=t["slug"], expires_at=when,
                     max_machines=0, is_trial=False, entitlements=[],
                     grace_seconds=1)
    assert (made["max_machines"], made["is_trial"],
            made["entitlements"]) == (0, False, [])
    assert read_time(made["expires_at"]) == read_time(when)
    assert server.value("SELECT grace_seconds FROM licenses WHERE id = %s",
                        made["license_id"]) == 1


def test_issue_records_buyer_note_and_audit(api, server):
    made = api.issue(buyer_email="b@example.com", note="gift",
                     nostr_npub="npub1xyz")
    lic = server.row("SELECT * FROM licenses WHERE id = %s",
                     made["license_id"])
    assert lic["buyer_email"] == "b@example.com"
    assert lic["nostr_npub"] == "npub1xyz"
    assert lic["invoice_id"] is None
    assert events(server, made["license_id"], "license.issue_manual")
    row, = outbox(server, "license_id", made["license_id"])
    assert row["event_type"] == "license.issued"
    assert row["data"]["source"] == "admin_issue"


def test_issue_from_a_recurring_policy_makes_no_subscription(api):
    p = api.product()
    t = api.policy(p, is_recurring=True, renewal_period_days=30)
    made = api.issue(p, policy_slug=t["slug"])
    assert api.validate(made["license_key"])["ok"] is True


def test_issue_unknown_product_or_policy_404(api):
    refused(issue(api, {"slug": "no-such"}), 404, "not_found")
    refused(issue(api, api.product(), policy_slug="none"), 404, "not_found")


@pytest.mark.parametrize("fields", [
    {"entitlements": [f"e{i}" for i in range(256)]},
    {"entitlements": ["x" * 256]}, {"entitlements": ["é" * 128]},
    {"max_machines": -1}, {"grace_seconds": -1},
    {"max_machines": 1 << 40}, {"expires_at": "soon"},
    {"expires_at": "2030-13-01T00:00:00Z"}, {"expires_at": 5},
    {"expires_at": "2030-02-30T00:00:00Z"}, {"expires_at": "2030-01-01"},
    {"expires_at": ""}, {"expires_at": "99999-01-01T00:00:00Z"},
    {"expires_at": "0001-01-01T00:00:00Z"}, {"buyer_email": "nobody"},
    {"buyer_email": 7}])
def test_D21_issue_bad_value_400(api, server, fields):
    p = api.product()
    refused(issue(api, p, **fields), 400, "bad_request")
    assert server.value("SELECT count(*) FROM licenses WHERE product_id ="
                        " %s", p["id"]) == 0


def test_issue_255_entitlements_of_255_bytes(api):
    slugs = [f"{i:03}" + "x" * 252 for i in range(255)]
    made = api.issue(entitlements=slugs)
    assert keys.parse(made["license_key"]).entitlements == tuple(slugs)
    assert api.validate(made["license_key"])["entitlements"] == slugs


@pytest.mark.parametrize("text", [
    "2031-05-06T07:08:09Z", "2031-05-06T07:08:09.999Z",
    "2031-05-06T09:08:09+02:00", "2031-05-06T07:08:09.123456+00:00"])
def test_issue_reads_rfc3339_and_truncates_to_seconds(api, text):
    made = api.issue(expires_at=text)
    assert read_time(made["expires_at"]) == \
        read_time("2031-05-06T07:08:09Z")
    assert keys.parse(made["license_key"]).expires_at == 1935817689


# Read

def listed(api, query):
    return [x["id"] for x in api.do("GET", f"/licenses?{query}")["licenses"]]


def test_list_newest_first_by_product(api):
    p = api.product()
    made = [api.issue(p)["license_id"] for _ in range(3)]
    assert listed(api, f"product_id={p['id']}") == made[::-1]


def test_list_rows_have_every_column_and_never_the_key(api):
    p = api.product()
    made = api.issue(p, buyer_email="x@example.com")
    row, = api.do("GET", f"/licenses?product_id={p['id']}")["licenses"]
    assert set(row) >= COLUMNS
    assert "license_key" not in row and "key" not in row
    assert row["id"] == made["license_id"] and row["status"] == "active"


def test_D22_list_pages(api):
    p = api.product()
    made = [api.issue(p)["license_id"] for _ in range(7)]
    seen, cursor = [], None
    while True:
        query = f"/licenses?product_id={p['id']}&limit=3"
        page = api.do("GET", query + (f"&cursor={cursor}" if cursor else ""))
        seen += [x["id"] for x in page["licenses"]]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert seen == made[::-1]


def test_D22_get_one_with_history(api):
    made = api.issue(max_machines=2)
    api.activate(made["license_key"], "A")
    api.do("POST", f"/licenses/{made['license_id']}/suspend", {})
    seen = api.license(made["license_id"])
    one = seen.get("license", seen)
    assert one["id"] == made["license_id"]
    assert set(one) >= COLUMNS
    assert one["status"] == "suspended"
    text = str(seen)
    assert "license.suspend" in text and "license.issue_manual" in text
    refused(api.admin("GET", f"/licenses/{NOWHERE}"), 404, "not_found")


# Search

def search(api, **query):
    return api.do("GET", "/licenses/search", params=query)["licenses"]


def test_search_exact_and_anded(api):
    p = api.product()
    t = api.policy(p, name="Gold")
    mail = new_slug("s") + "@example.com"
    npub = new_slug("npub")
    a = api.issue(p, buyer_email=mail, policy_slug=t["slug"])
    b = api.issue(p, buyer_email=mail, nostr_npub=npub)
    found = {x["id"]: x for x in search(api, buyer_email=mail)}
    assert set(found) == {a["license_id"], b["license_id"]}
    row = found[a["license_id"]]
    assert (row["policy_slug"], row["policy_name"], row["product_slug"]) == \
        (t["slug"], "Gold", p["slug"])
    assert found[b["license_id"]]["policy_slug"] is None
    assert [x["id"] for x in search(api, buyer_email=mail,
                                    nostr_npub=npub)] == [b["license_id"]]
    assert search(api, buyer_email=mail[1:]) == []
    assert search(api, buyer_email="%") == []


def test_search_by_invoice(api):
    bought = api.buy(api.product())
    lid = api.pay(bought)["license_id"]
    assert [x["id"] for x in search(
        api, invoice_id=bought["invoice_id"])] == [lid]
    r = api.admin("GET", "/licenses/search?invoice_id=rubbish")
    assert r.status_code == 400 or r.json()["licenses"] == []


def test_search_without_criteria_is_the_newest(api):
    last = api.issue()["license_id"]
    seen = search(api)
    assert seen[0]["id"] == last and len(seen) <= 100


# Revoke, suspend, unsuspend

def change(api, license_id, word, **body):
    return api.admin("POST", f"/licenses/{license_id}/{word}", body)


@pytest.mark.parametrize("start,word,allowed", [
    ("active", "revoke", True), ("suspended", "revoke", True),
    ("revoked", "revoke", False), ("active", "suspend", True),
    ("suspended", "suspend", False), ("revoked", "suspend", False),
    ("active", "unsuspend", False), ("suspended", "unsuspend", True),
    ("revoked", "unsuspend", False)])
def test_transitions(api, server, start, word, allowed):
    lid = api.issue()["license_id"]
    if start != "active":
        change(api, lid, {"suspended": "suspend",
                          "revoked": "revoke"}[start])
    r = change(api, lid, word)
    after = server.value("SELECT status FROM licenses WHERE id = %s", lid)
    if allowed:
        assert r.json() == {"ok": True}
        assert after == {"revoke": "revoked", "suspend": "suspended",
                         "unsuspend": "active"}[word]
    else:
        refused(r, 404, "not_found")
        assert after == start


@pytest.mark.parametrize("word", ["revoke", "suspend", "unsuspend"])
def test_transition_unknown_404(api, word):
    refused(change(api, NOWHERE, word), 404, "not_found")


def test_reasons_default_and_given(api, server):
    a, b, c = (api.issue()["license_id"] for _ in range(3))
    change(api, a, "revoke")
    change(api, b, "revoke", reason="refund")
    change(api, c, "suspend")

    def row(lid):
        return server.row("SELECT * FROM licenses WHERE id = %s", lid)
    assert row(a)["revocation_reason"] == "admin revoke"
    assert row(a)["revoked_at"] is not None
    assert row(b)["revocation_reason"] == "refund"
    assert row(c)["suspension_reason"] == "admin suspend"
    assert row(c)["suspended_at"] is not None
    change(api, c, "unsuspend")
    assert row(c)["suspended_at"] is None
    assert row(c)["suspension_reason"] is None


def test_body_may_be_absent(api):
    lid = api.issue()["license_id"]
    r = api.admin("POST", f"/licenses/{lid}/revoke")
    assert r.status_code == 200, r.text


def test_transitions_are_told_and_audited_once(api, server):
    made = api.issue()
    lid = made["license_id"]
    change(api, lid, "suspend", reason="late")
    change(api, lid, "suspend")
    change(api, lid, "unsuspend")
    change(api, lid, "revoke", reason="fraud")
    change(api, lid, "revoke")
    told = [(r["event_type"], r["data"].get("reason"))
            for r in outbox(server, "license_id", lid)]
    assert told == [("license.issued", None), ("license.suspended", "late"),
                    ("license.unsuspended", None),
                    ("license.revoked", "fraud")]
    assert [e["action"] for e in events(server, lid)] == [
        "license.issue_manual", "license.suspend", "license.unsuspend",
        "license.revoke"]


def test_audit_rows_cannot_be_changed(server, api):
    lid = api.issue()["license_id"]
    row, = events(server, lid)
    for statement in ("UPDATE events SET action = 'x' WHERE id = %s",
                      "DELETE FROM events WHERE id = %s"):
        with pytest.raises(Exception, match="append-only"):
            server.db.execute(statement, [row["id"]])
