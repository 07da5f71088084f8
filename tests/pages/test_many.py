"""Where there is much: more products than a list of choices holds, licenses
that are about to end, trees of many lines."""
import pytest

from lib.check import NOWHERE
from lib.client import new_slug, refused
from lib.desk import Page

HOSTILE = "<script>alert(1)</script>\"'&amp;<b>"


@pytest.fixture(scope="module")
def crowd(server, api):
    """The first product of 210, which no list of 200 has."""
    first = api.product(name="The first one")
    server.db.execute(
        "INSERT INTO products (slug, name, price_sats, price_currency,"
        " price_value, created_at) SELECT 'many-' || n, 'Many ' || n, 1,"
        " 'SAT', 1, licet_now() + n * interval '1 millisecond'"
        " FROM generate_series(1, 209) AS n")
    return first


# ---- pickers ----

PICKERS = {"/admin/licenses": "licenses", "/admin/machines": "machines",
           "/admin/invoices": "invoices", "/admin/codes": "codes",
           "/admin/licenses/ending": "licenses"}


@pytest.mark.parametrize("path", PICKERS)
def test_what_no_list_holds_is_typed(desk, crowd, path):
    """A slug is typed, with suggestions, and found without scripts."""
    text = desk.call("GET", path).text
    assert 'list="product_id-list"' in text
    assert text.count('<option value="many-') >= 99
    page = desk.get(f"{path}?product_id={crowd['slug']}")
    assert page.form("get")["fields"]["product_id"] == crowd["slug"]
    assert page.wrong == {}
    by_id = desk.get(f"{path}?product_id={crowd['id']}")
    assert by_id.wrong == {}


def test_the_slug_filters(desk, api, crowd):
    mine, other = api.issue(crowd), api.issue(api.product())
    page = desk.get(f"/admin/licenses?product_id={crowd['slug']}")
    assert f"/admin/licenses/{mine['license_id']}" in page.links
    assert f"/admin/licenses/{other['license_id']}" not in page.links


@pytest.mark.parametrize("wrong", ["nothing-of-the-kind", "x y", "../..",
                                   HOSTILE, "%00", "é", "a" * 3000])
def test_a_slug_that_is_none(desk, crowd, wrong):
    r = desk.call("GET", "/admin/licenses", params={"product_id": wrong})
    assert r.status_code == 200 and "<script>alert" not in r.text
    page = Page(r.text)
    assert page.wrong == {"product_id": "No product has this slug."}
    assert "There are no such licenses" in page.text


def test_a_form_takes_the_slug(desk, api, crowd):
    new = "/admin/webhooks/new"
    url = f"https://example.com/{new_slug()}"
    r = desk.post(new, url=url, product_id="none-of-mine")
    assert r.status_code == 400
    page = Page(r.text)
    assert page.wrong == {"product_id": "No product has this slug."}
    assert page.form()["fields"]["url"] == url
    assert page.form()["fields"]["product_id"] == "none-of-mine"
    r = desk.post(new, url=url, product_id=crowd["slug"])
    assert r.status_code == 200, r.text
    made, = [e for e in api.do("GET", "/webhook-endpoints")["endpoints"]
             if e["url"] == url]
    assert made["product_id"] == crowd["id"]


# ---- about to end ----

def test_what_is_about_to_end(desk, api, server):
    """Those that the overview counts, and no others; the first first."""
    p = api.product()
    days = {n: api.policy(p, duration_seconds=n * 86400)
            for n in (2, 5, 20)}
    made = {n: api.issue(p, policy_slug=y["slug"])["license_id"]
            for n, y in days.items()}
    api.revoke(api.issue(p, policy_slug=days[5]["slug"])["license_id"])
    monthly = api.policy(p, is_recurring=True, renewal_period_days=3)
    renewed = api.buy(p, policy_slug=monthly["slug"])
    api.pay(renewed)
    counted = {a["kind"]: a["count"] for a in
               api.do("GET", "/attention")["attention"]}
    assert counted["license_expiring"] == 2
    overview = desk.get("/admin/")
    link, = [x for x in overview.links if x.startswith(
        "/admin/licenses/ending")]

    def ids(path):
        return [x.rpartition("/")[2] for x in desk.get(path).links
                if x.startswith("/admin/licenses/") and len(x) == 52]
    assert ids(link) == [made[2], made[5]]
    assert ids("/admin/licenses/ending?days=30") == [
        made[2], made[5], made[20]]
    assert ids(f"/admin/licenses/ending?days=30&product_id={NOWHERE}") == []


def test_they_are_paged(api):
    p = api.product()
    y = api.policy(p, duration_seconds=3 * 86400)
    made = [api.issue(p, policy_slug=y["slug"])["license_id"]
            for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.do("GET", f"/licenses/ending?limit=2&product_id={p['id']}"
                      + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["licenses"]) <= 2
        seen += [x["id"] for x in page["licenses"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(made) and seen == [
        x["id"] for x in sorted(api.do(
            "GET", f"/licenses/ending?product_id={p['id']}")["licenses"],
            key=lambda x: (x["expires_at"], x["id"]))]
    for wrong in ("0", "3661", "x", "-1"):
        refused(api.admin("GET", f"/licenses/ending?days={wrong}"), 400,
                "bad_request")


# ---- trees ----

def test_details_are_a_line_for_each_member(desk, api):
    made = api.issue()
    api.revoke(made["license_id"], reason=HOSTILE)
    entry = api.do("GET", f"/audit?target_id={made['license_id']}"
                   "&action=license.revoke")["entries"][0]
    text = desk.call("GET", f"/admin/audit/{entry['id']}"
                     f"?at={entry['occurred_at']}").text
    assert "<pre>{\n  &quot;" in text and "<script>alert" not in text
    assert "<details class=\"tree\">" not in text


def test_long_ones_are_folded(desk, api):
    product = api.product()
    policy = api.policy(product, metadata={
        f"member-{n}": HOSTILE for n in range(30)})
    text = desk.call("GET", f"/admin/policies/{policy['id']}").text
    assert "<summary>32 lines</summary><pre>{\n" in text
    assert "<script>alert" not in text


# ---- what a provider can't do ----

def test_no_refund_is_offered_where_there_is_none(desk, api):
    """The sandbox makes none: the page says so instead of asking."""
    sold = api.buy(api.product(price_sats=5))
    api.pay(sold)
    page = desk.get(f"/admin/invoices/{sold['invoice_id']}/refund")
    assert "makes no refunds" in page.text
    assert not any("refund" in (f["action"] or "") or "variant" in f["fields"]
                   for f in page.forms)


def test_sessions_tell_when_the_password_was_typed(desk):
    assert "Password typed" in desk.get("/admin/sessions").text
