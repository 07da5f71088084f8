"""The pages of the server itself: webhooks, mail, keys, sessions, the audit
trail, settings and the system, by somebody without scripts."""
import re

import pytest

from lib.check import NOWHERE
from lib.client import Api
from lib.desk import Desk, Page, open_desk, went
from lib.process import wait_for
from lib.selflicense import make_key, root_pem

HOSTILE = "<script>alert('x')</script>\"&"
PUBLIC = "https://hooks.example/in"


@pytest.fixture(scope="module")
def server(make_instance):
    made = make_instance(movable=True, name="server",
                         LICET_WEBHOOK_PRIVATE="on",
                         LICET_TRUST_ROOT=root_pem())
    yield made
    made.check_workers()


@pytest.fixture
def desk(server):
    return open_desk(server)


@pytest.fixture
def api(desk):
    return desk.api


def shown(response, status=200):
    assert response.status_code == status, response.text[:800]
    return Page(response.text)


def endpoint(api, **fields):
    return api.do("POST", "/webhook-endpoints", {"url": PUBLIC, **fields})


def without_csrf(desk, path):
    """A form that another site might send does nothing."""
    data = desk.get(path).form()["fields"]
    for wrong in ({k: v for k, v in data.items() if k != "csrf"},
                  {**data, "csrf": "0" * 64}):
        assert desk.call("POST", path, wrong).status_code == 403


# Webhooks

def test_an_endpoint_from_its_making_to_its_end(desk, api):
    assert "None of your servers" in desk.get("/admin/webhooks").text \
        or api.do("GET", "/webhook-endpoints")["endpoints"]
    form = desk.get("/admin/webhooks/new").form()["fields"]
    assert form["event_types.*"] == "true"      # all, unless one says
    made = shown(desk.post("/admin/webhooks/new", url=PUBLIC,
                           description=HOSTILE, **{
                               "event_types.*": None,
                               "event_types.license.issued": "true"}))
    secret = re.search(r"Secret ?([0-9a-f]{64})", made.text)
    one = api.do("GET", "/webhook-endpoints")["endpoints"][0]
    assert secret and one["event_types"] == ["license.issued"]
    assert one["description"] == HOSTILE and one["url"] == PUBLIC
    at = f"/admin/webhooks/{one['id']}"
    assert at in made.links
    page = desk.get(at)
    assert HOSTILE in page.text and secret[1] not in page.text
    assert api.do("GET", f"/webhook-endpoints/{one['id']}?include_secret=true"
                  )["secret"] == secret[1]

    assert went(desk.post(at + "/edit", description="Shop", **{
        "event_types.product.created": "true"})) == at + "?said=saved"
    got = api.do("GET", f"/webhook-endpoints/{one['id']}")
    assert got["description"] == "Shop"
    assert sorted(got["event_types"]) == ["license.issued", "product.created"]

    again = shown(desk.post(at + "/secret", overlap_hours="2"))
    assert secret[1] not in again.text
    assert api.do("GET", f"/webhook-endpoints/{one['id']}"
                  )["previous_secret_until"]

    assert went(desk.post(at + "/off")) == at + "?said=changed"
    assert not api.do("GET", f"/webhook-endpoints/{one['id']}")["active"]
    assert at + "/on" in desk.get(at).links
    assert at + "/test" not in desk.get(at).form("post")
    refused = shown(desk.post(at + "/test"), 409)
    assert refused.alerts == ["the endpoint is off"]
    assert went(desk.post(at + "/on")) == at + "?said=changed"

    assert went(desk.post(at + "/delete")) == "/admin/webhooks?said=deleted"
    assert desk.get("/admin/webhooks?said=deleted").said == ["Deleted."]
    desk.get(at, 404)


@pytest.mark.parametrize("url", ["", "ftp://x.org/", "nonsense",
                                 "https://name:word@x.org/"])
def test_a_wrong_address_is_said_beside_it(desk, api, url):
    before = api.do("GET", "/webhook-endpoints")["endpoints"]
    page = shown(desk.post("/admin/webhooks/new", url=url,
                           description=HOSTILE), 400)
    assert list(page.wrong) == ["url"]
    fields = page.form()["fields"]
    assert (fields["url"], fields["description"]) == (url, HOSTILE)
    assert fields["event_types.*"] == "true"
    assert api.do("GET", "/webhook-endpoints")["endpoints"] == before


def test_no_event_is_an_error_beside_the_boxes(desk):
    page = shown(desk.post("/admin/webhooks/new", url=PUBLIC,
                           **{"event_types.*": None}), 400)
    assert list(page.wrong) == ["event_types"]


def test_deliveries_are_found_looked_at_and_sent_again(desk, api, server):
    e = endpoint(api, url="http://127.0.0.1:9/")
    at = f"/admin/webhooks/{e['id']}"
    to = went(desk.post(at + "/test"))
    assert to.startswith("/admin/deliveries/") and to.endswith("said=queued")
    did = to.split("/")[3].split("?")[0]
    one = f"/webhook-deliveries/{did}"
    wait_for(lambda: api.do("GET", one)["attempt_count"] > 0, 60, "a try")
    page = desk.get(f"/admin/deliveries/{did}")
    assert "endpoint.test" in page.text and "On its way" in page.text
    server.db.execute("UPDATE webhook_deliveries SET next_attempt_at = NULL "
                      "WHERE id = %s", [did])
    for status, there in (("failed", True), ("delivered", False), ("", True),
                          ("pending", False)):
        got = desk.get(f"/admin/deliveries?endpoint_id={e['id']}"
                       f"&status={status}")
        assert (f"/admin/deliveries/{did}" in got.links) is there, status
        assert got.form("get")["fields"]["status"] == status
    assert "Given up" in desk.get(f"/admin/deliveries/{did}").text
    assert went(desk.post(f"/admin/deliveries/{did}/retry")) == \
        f"/admin/deliveries/{did}?said=queued"
    assert api.do("GET", one)["status"] == "pending"
    api.do("DELETE", f"/webhook-endpoints/{e['id']}")


def test_a_replay_says_how_much(desk, api):
    e = endpoint(api, event_types=["product.created"])
    at = f"/admin/webhooks/{e['id']}/replay"
    api.product()
    wait_for(lambda: api.do("GET", "/webhook-deliveries?endpoint_id="
                            + e["id"])["deliveries"], 60, "it was told")
    n = len(api.do("GET", "/webhook-deliveries?endpoint_id=" + e["id"]
                   )["deliveries"])
    page = shown(desk.post(at, **{"from": "2020-01-01T00:00"}))
    assert "on their way" in page.text
    assert len(api.do("GET", "/webhook-deliveries?limit=500&endpoint_id="
                      + e["id"])["deliveries"]) > n
    page = shown(desk.post(at, **{"from": ""}), 400)
    assert list(page.wrong) == ["from"]
    api.do("DELETE", f"/webhook-endpoints/{e['id']}")


def test_the_list_of_events_is_the_documents(api):
    """What one can tick is what docs/webhooks.md says there is."""
    import pathlib
    text = (pathlib.Path(__file__).parents[2] / "docs" /
            "webhooks.md").read_text()
    rows = re.findall(r"^\| (`[a-z_.`, ]+`) \|", text, re.M)
    told = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", " ".join(rows)))
    have = {e["name"] for e in
            api.do("GET", "/webhook-event-types")["event_types"]}
    assert have == told - {"endpoint.test"} | {"*"}


# Mail

@pytest.fixture
def dead_mail(api, server):
    lid = api.issue()["license_id"]
    return str(server.value(
        "INSERT INTO mails (kind, about, license_id, to_address, status, "
        "next_attempt_at, attempts, last_error) VALUES ('receipt', %s, %s, "
        "%s, 'dead', NULL, 3, %s) RETURNING id", lid, lid, HOSTILE + "@example.org", "550 " + HOSTILE))


def test_mail_that_was_given_up_gets_another_chance(desk, api, dead_mail):
    page = desk.get("/admin/mail?status=dead")
    at = f"/admin/mail/{dead_mail}"
    assert "Mail is off" in page.text and at in page.links
    assert at not in desk.get("/admin/mail?status=sent").links
    assert "550 " + HOSTILE in desk.get(at).text
    assert went(desk.post(at + "/retry")) == at + "?said=queued"
    assert api.do("GET", f"/mails/{dead_mail}")["status"] == "queued"
    assert at + "/retry" not in desk.get(at).links
    assert shown(desk.post(at + "/retry"), 409).alerts == \
        ["the mail is queued"]


# Keys

def test_a_key_is_made_used_and_revoked(desk, api, server):
    made = desk.post("/admin/keys/new", label=HOSTILE, role="support",
                     scopes="payment_providers:write")
    assert made.headers["Cache-Control"] == "no-store"
    page = shown(made)
    token = re.search(r"ks_[A-Za-z0-9_-]{43}", page.text)[0]
    key = api.do("GET", "/api-keys")["api_keys"][0]
    assert key["scopes"] == ["payment_providers:write"]
    assert (key["label"], key["role"]) == (HOSTILE, "support")
    at = f"/admin/keys/{key['id']}"
    assert at in page.links and at in desk.get("/admin/keys").links
    assert token not in desk.get(at).text
    assert token not in server.replicas[0].log()
    one = api.issue()["license_id"]
    assert api.call("POST", f"/v1/admin/licenses/{one}/revoke",
                    {"reason": "x"}, token=token).status_code == 200
    page = desk.get(at)
    assert HOSTILE in page.headings and one in page.text
    assert went(desk.post(at + "/revoke")) == at + "?said=revoked"
    assert api.call("GET", "/v1/admin/licenses",
                    token=token).status_code in (401, 403)
    assert at + "/revoke" not in desk.get(at).links


@pytest.mark.parametrize("label", ["", "   ", "x" * 81])
def test_a_wrong_label_is_said_beside_it(desk, api, label):
    page = shown(desk.post("/admin/keys/new", label=label,
                           role="read-only"), 400)
    assert list(page.wrong) == ["label"]
    assert page.form()["fields"]["label"] == label
    assert page.form()["fields"]["role"] == "read-only"


@pytest.mark.parametrize("path", ["/admin/keys/new", "/admin/webhooks/new",
                                  "/admin/settings/password",
                                  "/admin/settings/license"])
def test_secrets_want_a_fresh_password(desk, server, path):
    server.clock.move(seconds=700)
    door = desk.goes(path)
    assert door.startswith("/admin/confirm?next=")
    assert went(desk.post(door, password=desk.password)) == path
    desk.get(path)


# Sessions

def test_sessions_end_one_by_one_or_all_others(desk, api):
    one, two = (Desk(api, desk.password).sign_in() for _ in range(2))
    page = desk.get("/admin/sessions")
    assert "This one" in page.text
    mine = [s for s in api.do("GET", "/sessions")["sessions"]]
    assert len(mine) == 3
    newest = mine[0]["id"]      # two's
    assert went(desk.post(f"/admin/sessions/{newest}/end")) == \
        "/admin/sessions?said=ended"
    assert two.goes("/admin/products").startswith("/admin/sign-in")
    one.get("/admin/products")
    assert went(desk.post("/admin/sessions/end-others")) == \
        "/admin/sessions?said=ended"
    assert one.goes("/admin/products").startswith("/admin/sign-in")
    assert desk.get("/admin/sessions?said=ended").said == ["Ended."]


# The audit trail

def test_the_trail_is_filtered_and_paged(desk, api):
    one = api.issue()["license_id"]
    for verb in ("suspend", "unsuspend", "suspend"):
        api.do("POST", f"/licenses/{one}/{verb}", {"reason": HOSTILE})
    page = desk.get(f"/admin/audit?target_id={one}&action=license.suspend"
                    "&by=&by_hash=")
    entries = [x for x in page.links if "?at=" in x]
    assert len(entries) == 2
    fields = page.form("get")["fields"]
    assert fields["target_id"] == one
    assert fields["action"] == "license.suspend"
    entry = desk.get(entries[0])
    assert "license.suspend" in entry.headings and "<script>" in entry.text
    by = [x for x in entry.links if "by_hash=" in x]
    assert len(by) == 1 and desk.get(by[0]).links
    desk.get("/admin/audit?limit=3", 400)       # the page says how many
    seen = []
    at = "/admin/audit"
    for _ in range(50):
        page = desk.get(at)
        seen += [x for x in page.links if "?at=" in x]
        more = [x for x in page.links if "cursor=" in x]
        if not more:
            break
        at = "/admin/audit" + more[-1]
    assert len(seen) == len(set(seen))
    desk.get("/admin/audit?by=web_ui")
    desk.get("/admin/audit?cursor=x", 400)
    desk.get(f"/admin/audit/{NOWHERE}?at=2026-01-01T00:00:00Z", 404)
    desk.get(f"/admin/audit/{NOWHERE}", 400)


# Settings

def test_the_name_is_set_and_cleared(desk, api):
    for name in (HOSTILE, ""):
        assert went(desk.post("/admin/settings/name", name=name)) == \
            "/admin/settings?said=saved"
        assert api.do("GET", "/settings/operator-name")["stored"] == \
            (name or None)
        assert desk.get("/admin/settings/name").form()["fields"]["name"] == \
            name
    assert HOSTILE not in desk.get("/admin/settings").text
    page = shown(desk.post("/admin/settings/name", name="a\x01b"), 400)
    assert list(page.wrong) == ["name"]


def test_another_password_ends_all_sessions(desk, api):
    page = shown(desk.post("/admin/settings/password", password="short"), 400)
    assert list(page.wrong) == ["password"]
    assert page.form()["fields"]["password"] == ""
    new = "another long password"
    to = went(desk.post("/admin/settings/password", password=new))
    assert to.startswith("/admin/sign-in")
    assert desk.goes("/admin/products").startswith("/admin/sign-in")
    Desk(api, new).sign_in()


def test_this_servers_license_is_kept_looked_at_and_forgotten(desk, api):
    assert "Enter a license" in desk.get("/admin/settings").text
    page = shown(desk.post("/admin/settings/license", license_key="x"), 400)
    assert page.alerts or page.wrong
    assert page.form()["fields"]["license_key"] == "x"
    key = make_key("unlimited_products")
    assert went(desk.post("/admin/settings/license", license_key=key)) == \
        "/admin/settings?said=saved"
    assert api.do("GET", "/self-license")["tier"] == "licensed"
    page = desk.get("/admin/settings")
    assert "unlimited_products" in page.text and key not in page.text
    assert "How it stands" in shown(desk.post("/admin/settings/license/look")
                                    ).headings
    assert went(desk.post("/admin/settings/license/forget")) == \
        "/admin/settings?said=deleted"
    assert api.do("GET", "/self-license")["tier"] == "unlicensed"


# The system

def test_the_system(desk, api):
    wait_for(lambda: api.do("GET", "/system")["replicas"], 60, "the replica")
    page = desk.get("/admin/system")
    assert "Running" in page.text and "Current" in page.text
    assert "Webhook messages" in page.text
    assert "Licenses" in desk.get("/admin/system/counts").text


# All of them

def test_no_form_works_without_its_token(desk, api, dead_mail):
    e = endpoint(api)
    d = api.do("POST", f"/webhook-endpoints/{e['id']}/test")
    k = api.do("POST", "/api-keys", {"label": "a", "role": "support"})
    s = api.do("GET", "/sessions")["sessions"][0]
    before = api.do("GET", "/audit?limit=1")["entries"]
    paths = ["/admin/webhooks/new", "/admin/keys/new",
             f"/admin/deliveries/{d['id']}/retry",
             f"/admin/mail/{dead_mail}/retry", f"/admin/keys/{k['id']}/revoke",
             f"/admin/sessions/{s['id']}/end", "/admin/sessions/end-others",
             "/admin/settings/name", "/admin/settings/password",
             "/admin/settings/license", "/admin/settings/license/look",
             "/admin/settings/license/forget"]
    paths += [f"/admin/webhooks/{e['id']}/{act}" for act in
              ("edit", "test", "replay", "secret", "off", "on", "delete")]
    for path in paths:
        without_csrf(desk, path)
    assert api.do("GET", "/audit?limit=1")["entries"] == before
    api.do("DELETE", f"/webhook-endpoints/{e['id']}")


@pytest.mark.parametrize("path", [
    "/admin/webhooks/ID", "/admin/webhooks/ID/edit", "/admin/deliveries/ID",
    "/admin/mail/ID", "/admin/keys/ID", "/admin/keys/ID/revoke"])
def test_what_is_not_there_is_404(desk, path):
    desk.get(path.replace("ID", NOWHERE), 404)
    desk.get(path.replace("ID", "x"), 404)
