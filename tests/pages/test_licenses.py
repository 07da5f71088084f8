"""The dashboard's pages of licenses, machines and subscriptions: what they
show, and that the API agrees with what their forms did."""
import re

import pytest

from lib.check import NOWHERE, ahead, events
from lib.client import new_slug
from lib.desk import Page, open_desk, went

HOSTILE = "<script>alert(1)</script>\"'&amp;<b>"
KEY = re.compile("LIC1-[A-Z2-7]+-[A-Z2-7]+")


@pytest.fixture(scope="module")
def office(make_instance):
    """An instance of this module's own, and somebody at its dashboard."""
    server = make_instance(name="office")
    return open_desk(server), server


@pytest.fixture
def desk(office):
    yield office[0]
    office[1].check_workers()


@pytest.fixture
def api(office):
    return office[0].api


@pytest.fixture
def server(office):
    return office[1]


def page_of(made):
    return f"/admin/licenses/{made['license_id']}"


def subscribed(api):
    p = api.product()
    t = api.policy(p, name="Monthly", is_recurring=True,
                   renewal_period_days=30)
    bought = api.buy(p, policy_slug=t["slug"],
                     buyer_email=new_slug("s") + "@example.com")
    return {**bought, **api.pay(bought)}


def subscription_of(api, made):
    return api.license(made["license_id"])["subscription"]["id"]


# Search and list

@pytest.mark.parametrize("what", ["key", "id", "mail", "fingerprint",
                                  "machine"])
def test_search_goes_to_the_one_license(desk, api, server, what):
    mail = new_slug("m") + "@example.com"
    made, fingerprint = api.issue(buyer_email=mail), new_slug("fp")
    seat = api.activate(made["license_key"], fingerprint)["machine_id"]
    q = {"key": made["license_key"], "id": made["license_id"], "mail": mail,
         "fingerprint": fingerprint, "machine": seat}[what]
    assert went(desk.post("/admin/licenses", q=q)) == page_of(made)
    assert made["license_key"] not in "".join(r.log() for r in server.replicas)


def test_search_shows_several(desk, api):
    p, mail = api.product(name="Searched"), new_slug("m") + "@example.com"
    made = [api.issue(p, buyer_email=mail) for _ in range(2)]
    r = desk.post("/admin/licenses", q=mail)
    assert r.status_code == 200
    page = Page(r.text)
    assert page.form()["fields"]["q"] == mail
    for one in made:
        assert page_of(one) in page.links
    assert "Searched" in page.text


def test_search_for_an_unpaid_invoice(desk, api):
    bought = api.buy(api.product())
    assert went(desk.post("/admin/licenses", q=bought["invoice_id"])) == \
        f"/admin/invoices/{bought['invoice_id']}"


def test_search_finds_nothing(desk):
    r = desk.post("/admin/licenses", q=HOSTILE)
    page = Page(r.text)
    assert r.status_code == 200 and "Nothing is known by this" in page.text
    assert page.form()["fields"]["q"] == HOSTILE
    assert "<script>alert" not in r.text


@pytest.mark.parametrize("q", ["", "LIC1-AAAA-BBBB"])
def test_search_errors_are_beside_the_field(desk, q):
    r = desk.post("/admin/licenses", q=q)
    page = Page(r.text)
    assert r.status_code == 400 and page.wrong["q"]
    assert page.form()["fields"]["q"] == q


def test_list_filters_and_pages(desk, api):
    p = api.product(name="Filtered")
    made = [api.issue(p, buyer_email=f"n{n}@example.com") for n in range(53)]
    api.revoke(made[7]["license_id"])
    page = desk.get(f"/admin/licenses?product_id={p['id']}&status=")
    shown = [one for one in made if page_of(one) in page.links]
    assert shown == made[3:]
    older, = [a for a in page.links if "cursor=" in a]
    page = desk.get("/admin/licenses" + older)
    assert [one for one in made if page_of(one) in page.links] == made[:3]
    page = desk.get(f"/admin/licenses?product_id={p['id']}&status=revoked")
    assert [one for one in made if page_of(one) in page.links] == [made[7]]
    assert page.form("get")["fields"] == {"product_id": p["id"],
                                          "status": "revoked"}
    page = desk.get(f"/admin/licenses?product_id={p['id']}&status=suspended")
    assert "There are no such licenses" in page.text
    assert "/v1/admin/export/licenses.csv" in page.links


# One license

def test_the_page_tells_all(desk, api):
    p = api.product(name="Told")
    t = api.policy(p, name="Gold", max_machines=3, entitlements=["a", "b"])
    made = api.issue(p, policy_slug=t["slug"], buyer_email="t@example.com",
                     note="a gift")
    for n in range(2):
        api.activate(made["license_key"], f"f{n}", hostname=f"host-{n}",
                     platform="plan9")
    api.validate(made["license_key"], fingerprint="f0")
    page = desk.get(page_of(made))
    for text in ("Told", "Gold", "t@example.com", "a, b", "never", "a gift",
                 "host-0", "host-1", "plan9", "Issued by hand",
                 "with the admin key"):
        assert text in page.text, text
    assert made["license_key"] not in page.text
    for word in ("key", "extend", "tier", "reissue", "suspend", "revoke"):
        assert f"{page_of(made)}/{word}" in page.links
    assert f"{page_of(made)}/unsuspend" not in page.links
    told = desk.get(f"{page_of(made)}/validations").text
    assert "When Answer Detail" in told and " Yes " in told


def test_a_license_with_nothing(desk, api):
    made = api.issue()
    page = desk.get(page_of(made))
    for text in ("No address", "No machine has taken a seat yet",
                 "No invoice belongs"):
        assert text in page.text, text
    assert "No software has asked" in \
        desk.get(f"{page_of(made)}/validations").text


def test_a_license_with_much_is_a_small_page(desk, api):
    made = api.issue(max_machines=0, buyer_email="m@example.com")
    for n in range(60):
        api.activate(made["license_key"], f"f{n}", hostname="h" * 255,
                     platform="p" * 255)
        api.validate(made["license_key"], fingerprint=f"f{n}",
                     headers={"User-Agent": "u" * 400})
        if n < 30:
            for word in ("suspend", "unsuspend"):
                api.do("POST", f"/licenses/{made['license_id']}/{word}",
                       {"reason": "r" * 500})
    page = desk.get(page_of(made))
    assert "All machines →" in page.text
    assert f"/admin/audit?target_id={made['license_id']}" in page.links
    more = f"/admin/machines?license_id={made['license_id']}&" \
        "include_inactive=true"
    assert more in page.links
    assert len([a for a in desk.get(more).links
                if a.startswith("/admin/machines/")]) == 50


def test_hostile_texts_are_texts(desk, api):
    p = api.product(name=HOSTILE)
    t = api.policy(p, name=HOSTILE, entitlements=[HOSTILE])
    made = api.issue(p, policy_slug=t["slug"], note=HOSTILE,
                     nostr_npub=HOSTILE)
    seat = api.activate(made["license_key"], HOSTILE, hostname=HOSTILE,
                        platform=HOSTILE)["machine_id"]
    api.do("POST", f"/licenses/{made['license_id']}/suspend",
           {"reason": HOSTILE})
    for path in ("/admin/licenses", page_of(made), "/admin/machines",
                 f"/admin/machines/{seat}", "/admin/licenses/new",
                 f"/admin/licenses/issue?product_slug={p['slug']}",
                 f"{page_of(made)}/unsuspend",
                 f"/admin/machines/{seat}/release"):
        r = desk.call("GET", path)
        assert r.status_code == 200 and "<script>alert" not in r.text, path
        assert "&lt;script&gt;alert(1)" in r.text, path


@pytest.mark.parametrize("path", ["licenses", "machines", "subscriptions"])
def test_unknown_things(desk, path):
    page = desk.get(f"/admin/{path}/{NOWHERE}", 404)
    assert "Nothing is here" in page.headings


def test_every_form_wants_its_token(desk, api, server):
    made = subscribed(api)
    seat = api.activate(made["license_key"], "f")["machine_id"]
    sub = subscription_of(api, made)
    before = server.value("SELECT count(*) FROM events")
    paths = [f"{page_of(made)}/{w}" for w in (
        "key", "extend", "tier", "reissue", "suspend", "unsuspend", "revoke")]
    paths += ["/admin/licenses", f"/admin/machines/{seat}/release",
              f"/admin/subscriptions/{sub}/cancel",
              f"/admin/subscriptions/{sub}/resume",
              "/admin/subscriptions/resume",
              "/admin/licenses/issue?product_slug=x"]
    for path in paths:
        for token in ({}, {"csrf": "0" * 64}):
            r = desk.call("POST", path, {**token, "q": "x"})
            assert r.status_code == 403, path
    assert server.value("SELECT count(*) FROM events") == before


# Forms

def test_issue_by_hand(desk, api):
    p = api.product(name="Handmade")
    t = api.policy(p, name="Pro", max_machines=4, is_trial=True,
                   entitlements=["x"])
    assert f"/admin/licenses/issue?product_slug={p['slug']}" in \
        desk.get("/admin/licenses/new").links
    path = f"/admin/licenses/issue?product_slug={p['slug']}"
    r = desk.post(path, policy_slug=t["slug"], buyer_email="h@example.com",
                  note="n")
    page = Page(r.text)
    link, = {a for a in page.links if a.startswith("/admin/licenses/")
             and len(a) == 52}
    made = api.license(link[-36:])
    one = made["license"]
    assert (one["buyer_email"], one["max_machines"], one["is_trial"],
            one["entitlements"], made["policy_slug"]) == (
        "h@example.com", 4, True, ["x"], t["slug"])
    key, = KEY.findall(page.text)
    assert api.validate(key, fingerprint="f")["ok"] is True


def test_issue_with_terms_of_its_own(desk, api):
    p = api.product()
    t = api.policy(p, is_trial=True, entitlements=["x"])
    r = desk.post(f"/admin/licenses/issue?product_slug={p['slug']}",
                  policy_slug=t["slug"], expires_at="2031-02-03T04:05",
                  max_machines="0", entitlements="one\r\n\r\ntwo\r\n",
                  is_trial="false")
    assert r.status_code == 200
    one, = api.do("GET", f"/licenses?product_id={p['id']}")["licenses"]
    assert (one["expires_at"], one["max_machines"], one["entitlements"],
            one["is_trial"]) == ("2031-02-03T04:05:00Z", 0, ["one", "two"],
                                 False)


def test_issue_errors_keep_what_was_typed(desk, api):
    p = api.product()
    r = desk.post(f"/admin/licenses/issue?product_slug={p['slug']}",
                  buyer_email="nobody", note="kept", max_machines="3")
    page = Page(r.text)
    assert r.status_code == 400 and "buyer_email" in page.wrong
    fields = page.form()["fields"]
    assert (fields["buyer_email"], fields["note"], fields["max_machines"]) == \
        ("nobody", "kept", "3")
    assert api.do("GET", f"/licenses?product_id={p['id']}")["licenses"] == []


def test_the_key_on_demand(desk, api, server):
    made = api.issue()
    r = desk.post(f"{page_of(made)}/key")
    assert made["license_key"] in Page(r.text).text
    assert r.headers["Cache-Control"] == "no-store"
    shown, = events(server, made["license_id"], "license.key_shown")
    assert shown["actor_kind"] == "web_ui"
    assert "Key shown" in desk.get(page_of(made)).text


@pytest.mark.parametrize("word,said", [
    ("revoke", "Revoked."), ("suspend", "Suspended.")])
def test_revoke_and_suspend(desk, api, word, said):
    made = api.issue()
    to = went(desk.post(f"{page_of(made)}/{word}", reason="late"))
    page = desk.get(to)
    assert page.said == [said] and "late" in page.text
    one = api.license(made["license_id"])["license"]
    assert said.lower().startswith(one["status"])
    assert f"{page_of(made)}/{word}" not in page.links
    # What was overtaken is said above the form.
    again = desk.post(f"{page_of(made)}/{word}")
    assert again.status_code == 404 and Page(again.text).alerts


def test_lift_a_suspension(desk, api):
    made = api.issue()
    api.do("POST", f"/licenses/{made['license_id']}/suspend", {})
    page = desk.get(page_of(made))
    assert f"{page_of(made)}/unsuspend" in page.links
    page = desk.get(went(desk.post(f"{page_of(made)}/unsuspend")))
    assert page.said == ["The suspension is lifted."]
    assert api.validate(made["license_key"])["ok"] is True


def test_extend(desk, api):
    made = api.issue(expires_at="2031-01-02T03:04:05Z")
    path = f"{page_of(made)}/extend"
    assert desk.get(path).form()["fields"]["expires_at"] == "2031-01-02T03:04"
    desk.get(went(desk.post(path, expires_at="2032-05-06T07:08",
                            reason="gift")))
    one = api.license(made["license_id"])["license"]
    assert one["expires_at"] == "2032-05-06T07:08:00Z"
    went(desk.post(path, expires_at=""))
    assert api.license(made["license_id"])["license"]["expires_at"] is None
    r = desk.post(path, expires_at="2001-01-01T00:00", reason="typed")
    page = Page(r.text)
    assert r.status_code == 400 and "later than now" in \
        page.wrong["expires_at"]
    assert page.form()["fields"]["reason"] == "typed"
    text = desk.get(page_of(made)).text
    assert "End moved" in text and "2032-05-06 07:08 UTC" in text


def test_change_the_policy(desk, api):
    p = api.product()
    low = api.policy(p, name="Low", tier_rank=1)
    high = api.policy(p, name="High", tier_rank=2, max_machines=9)
    made = api.issue(p, policy_slug=low["slug"])
    path = f"{page_of(made)}/tier"
    assert "under Low now" in desk.get(path).text
    r = desk.post(path, to_policy_slug=high["slug"], skip_payment="true")
    assert r.status_code == 200 and high["slug"] in Page(r.text).text
    seen = api.license(made["license_id"])
    assert (seen["policy_slug"], seen["license"]["max_machines"]) == (
        high["slug"], 9)
    r = desk.post(path, to_policy_slug=low["slug"], skip_payment="true",
                  at="cycle_end")
    assert r.status_code == 400
    assert Page(r.text).form()["fields"]["at"] == "cycle_end"


def test_change_the_policy_for_money(desk, api, server):
    """The buyer's invoice is shown; the move waits for it."""
    p = api.product(price_sats=1000)
    low = api.policy(p, name="Low", tier_rank=1)
    high = api.policy(p, name="High", tier_rank=2, price_sats_override=5000)
    made = api.issue(p, policy_slug=low["slug"])
    r = desk.post(f"{page_of(made)}/tier", to_policy_slug=high["slug"])
    page = Page(r.text)
    url = server.value("SELECT checkout_url FROM invoices WHERE license_id ="
                       " %s", made["license_id"])
    assert r.status_code == 200 and url in page.text
    assert "Not yet" in page.text and "4,000 sats" in page.text
    assert api.license(made["license_id"])["policy_slug"] == low["slug"]
    api.pay({"checkout_url": url, "invoice_id": server.value(
        "SELECT id FROM invoices WHERE license_id = %s", made["license_id"])})
    assert api.license(made["license_id"])["policy_slug"] == high["slug"]
    page = desk.get(page_of(made))
    assert "Changes of policy" in page.headings and high["slug"] in page.text
    assert "Moved to another policy" in page.text


def test_reissue(desk, api):
    made = subscribed(api)
    r = desk.post(f"{page_of(made)}/reissue", reason="leaked")
    page = Page(r.text)
    key, = KEY.findall(page.text)
    assert api.validate(made["license_key"])["reason"] == "revoked"
    assert api.validate(key)["ok"] is True
    new, = {a for a in page.links if a.startswith("/admin/licenses/")
            and len(a) == 52} - {page_of(made)}
    old_page, new_page = desk.get(page_of(made)), desk.get(new)
    assert new in old_page.links and page_of(made) in new_page.links
    assert "Issued in place of another" in new_page.text


# Machines

def test_machines(desk, api):
    p = api.product(name="Machined")
    made = api.issue(p, buyer_email="o@example.com", max_machines=2)
    a, b = (api.activate(made["license_key"], f, hostname=f"host-{f}",
                         platform="os")["machine_id"] for f in "ab")
    page = desk.get(f"/admin/machines?product_id={p['id']}")
    assert page_of(made) in page.links and "host-a" in page.text
    path = f"/admin/machines/{a}"
    assert "o@example.com" in desk.get(path).text
    page = desk.get(went(desk.post(f"{path}/release", reason="sold")))
    assert page.said == ["The machine is released."]
    assert "sold" in page.text and "Machine released" in page.text
    assert f"{path}/release" not in page.links
    assert api.do("GET", f"/machines/{a}")["active"] is False
    page = desk.get(f"/admin/machines?product_id={p['id']}")
    assert "host-a" not in page.text and "host-b" in page.text
    page = desk.get(f"/admin/machines?product_id={p['id']}"
                    "&include_inactive=true")
    assert "host-a" in page.text
    assert page.form("get")["fields"]["include_inactive"] == "true"


def test_no_machines(desk, api):
    p = api.product()
    assert "No machine has a seat" in desk.get(
        f"/admin/machines?product_id={p['id']}").text


# Subscriptions

def test_subscriptions(desk, api):
    made = subscribed(api)
    path = f"/admin/subscriptions/{subscription_of(api, made)}"
    assert path in desk.get("/admin/subscriptions?status=active").links
    assert path in desk.get(page_of(made)).links
    page = desk.get(path)
    assert page_of(made) in page.links and "Monthly" in page.text
    assert f"/admin/invoices/{made['invoice_id']}" in page.links
    page = desk.get(went(desk.post(f"{path}/cancel", reason="asked")))
    assert page.said == ["Cancelled."] and "asked" in page.text
    assert subscription_of(api, made)
    assert api.license(made["license_id"])["subscription"]["status"] == \
        "cancelled"
    assert f"{path}/cancel" not in page.links
    assert path not in desk.get("/admin/subscriptions?status=active").links
    assert path in desk.get("/admin/subscriptions?status=cancelled").links


def test_billing_again(desk, api, server):
    made = subscribed(api)
    sub = subscription_of(api, made)
    path = f"/admin/subscriptions/{sub}"
    assert f"{path}/resume" not in desk.get(path).links
    assert desk.post(f"{path}/resume").status_code == 409

    def give_up():
        server.db.execute(
            "UPDATE subscriptions SET status = 'past_due', next_attempt_at ="
            " NULL, consecutive_failures = 5 WHERE id = %s", [sub])

    for form in (f"{path}/resume", "/admin/subscriptions/resume"):
        give_up()
        assert f"{path}/resume" in desk.get(path).links
        assert went(desk.post(form))
        assert server.value("SELECT next_attempt_at IS NOT NULL FROM"
                            " subscriptions WHERE id = %s", sub) is True


def test_no_subscriptions(desk):
    assert "There are no such subscriptions" in \
        desk.get("/admin/subscriptions?status=lapsed").text


def test_times_are_not_typed_wrong(desk, api):
    """A date that a browser without such inputs lets through."""
    made = api.issue(expires_at=ahead(days=2))
    r = desk.post(f"{page_of(made)}/extend", expires_at="next week")
    page = Page(r.text)
    assert r.status_code == 400 and page.wrong["expires_at"]
    assert page.form()["fields"]["expires_at"] == "next week"


def test_browsers_say_whose_form_is_sent(desk):
    """Under `no-referrer' their Origin would be null, and refused."""
    r = desk.call("GET", "/admin/licenses")
    assert r.headers["Referrer-Policy"] == "same-origin"
