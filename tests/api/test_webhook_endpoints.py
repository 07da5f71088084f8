"""Operators' webhooks: an endpoint that is read, changed, given another
secret."""
import pytest

from lib.check import NOWHERE, events
from lib.client import refused
from lib.process import wait_for
from lib.webhooks import verify_keysat, verify_standard


def path(e, more=""):
    return f"/webhook-endpoints/{e['id']}{more}"


def without_secrets(e):
    return {k: v for k, v in e.items()
            if k not in ("secret", "standard_secret", "path")}


# Reading

def test_one_endpoint(hooks):
    e = hooks.endpoint(description="shop", event_types=["license.issued"])
    got = hooks.do("GET", path(e))
    assert got == without_secrets(e)
    assert got in hooks.do("GET", "/webhook-endpoints")["endpoints"]
    shown = hooks.do("GET", path(e, "?include_secret=true"))
    assert shown == {k: v for k, v in e.items() if k != "path"}


def test_endpoint_that_is_not_there(hooks):
    e = hooks.endpoint()
    hooks.off(e)
    for eid in (e["id"], NOWHERE, "x"):
        at = f"/webhook-endpoints/{eid}"
        refused(hooks.admin("GET", at), 404, "not_found")
        refused(hooks.admin("PATCH", at, {"description": "d"}), 404,
                "not_found")
        refused(hooks.admin("POST", at + "/rotate-secret", {}), 404,
                "not_found")


def test_one_delivery(hooks):
    e = hooks.endpoint()
    d = hooks.test(e)
    hooks.settles(d)
    at = f"/webhook-deliveries/{d['id']}"
    assert [hooks.do("GET", at)] == hooks.deliveries(e)
    assert hooks.do("GET", at)["status"] == "delivered"
    hooks.db.execute("UPDATE webhook_deliveries SET delivered_at = NULL "
                     "WHERE id = %s", [d["id"]])
    assert hooks.do("GET", at)["status"] == "failed"
    assert hooks.deliveries(e, status="failed") == [hooks.do("GET", at)]
    hooks.db.execute("UPDATE webhook_deliveries SET attempt_count = 0 "
                     "WHERE id = %s", [d["id"]])
    assert hooks.do("GET", at)["status"] == "dropped"
    refused(hooks.admin("GET", f"/webhook-deliveries/{NOWHERE}"), 404,
            "not_found")


# Changing

def test_what_is_given_changes_and_nothing_else(hooks):
    product = hooks.product()
    e = hooks.endpoint(description="shop")
    expected = without_secrets(e)
    for field, value in (("description", "other"), ("description", None),
                         ("event_types", ["license.issued", "*"]),
                         ("product_id", product["id"]),
                         ("product_id", None),
                         ("url", hooks.vendor.url + "/elsewhere")):
        got = hooks.do("PATCH", path(e), {field: value})
        expected[field] = value
        expected["updated_at"] = got["updated_at"]
        assert got == expected == hooks.do("GET", path(e)), field
    told = events(hooks.server, e["id"], "webhook_endpoint.update")
    assert len(told) == 6
    assert told[0]["details"] == {
        "changed": {"description": "other"},
        "before": {"url": e["url"], "event_types": ["*"],
                   "product_id": None, "description": "shop"}}


def test_nothing_given_changes_nothing(hooks):
    e = hooks.endpoint(description="shop")
    got = hooks.do("PATCH", path(e), {})
    assert {**got, "updated_at": None} == \
        {**without_secrets(e), "updated_at": None}


@pytest.mark.parametrize("fields", [
    {"url": "ftp://x.org/"}, {"url": "http://user:pass@example.org/"},
    {"url": None}, {"event_types": []}, {"event_types": None},
    {"event_types": ["License.Issued"]}, {"product_id": "x"},
    {"description": 5}])
def test_bad_fields(hooks, fields):
    e = hooks.endpoint()
    refused(hooks.admin("PATCH", path(e), fields), 400, "bad_request")
    assert hooks.do("GET", path(e)) == without_secrets(e)


def test_unknown_product(hooks):
    e = hooks.endpoint()
    refused(hooks.admin("PATCH", path(e), {"product_id": NOWHERE,
                                           "description": "d"}), 404,
            "not_found")
    assert hooks.do("GET", path(e)) == without_secrets(e)


def test_event_types_count_from_then_on(hooks):
    e = hooks.endpoint(event_types=["license.issued"])
    hooks.do("PATCH", path(e), {"event_types": ["product.created"]})
    hooks.issue(hooks.product())
    (call,) = hooks.comes(e)
    assert call.headers["X-Keysat-Event"] == "product.created"


def test_what_waits_goes_to_the_new_url_at_once(hooks):
    """Its circuit was the old one's."""
    e = hooks.endpoint("/moved-away")
    hooks.vendor.set("/moved-away", status=500)
    made = [hooks.test(e) for _ in range(6)]
    hooks.hold(e)
    hooks.do("PATCH", path(e), {"url": hooks.vendor.url + "/moved-here"})
    row = hooks.circuit(e)
    assert row["open_until"] is None
    # One that was never tried may be there already.
    turns = [hooks.row(d)["next_attempt_at"] for d in made]
    hooks.until(max(t for t in turns if t is not None))
    for d in made:
        assert hooks.settles(d)["delivered_at"] is not None
    assert {c.id for c in hooks.vendor.got("/moved-here")} == \
        {d["id"] for d in made}


# Another secret

def rotate(hooks, e, **fields):
    return hooks.do("POST", path(e, "/rotate-secret"), fields)


def next_call(hooks, e):
    n = len(hooks.vendor.got(e["path"]))
    hooks.settles(hooks.test(e))
    return hooks.comes(e, n=n + 1)[n]


def signatures(call):
    return call.headers["webhook-signature"].split(" ")


def unsigned(call, secret):
    with pytest.raises(AssertionError):
        verify_standard(call, secret, tolerance=10 ** 9)


def test_old_secret_signs_for_a_day_beside_the_new(hooks):
    old = hooks.endpoint()
    new = rotate(hooks, old)
    assert new["id"] == old["id"] and new["secret"] != old["secret"]
    assert hooks.do("GET", path(old))["previous_secret_until"] is not None
    call = next_call(hooks, old)
    assert len(signatures(call)) == 2
    verify_standard(call, new["standard_secret"])
    verify_standard(call, old["standard_secret"])
    verify_keysat(call, new["secret"])
    hooks.clock.move(hours=23)
    assert len(signatures(next_call(hooks, old))) == 2
    hooks.clock.move(hours=1, seconds=1)
    call = next_call(hooks, old)
    assert len(signatures(call)) == 1
    # Of the clock that is moved the stamp on a message knows nothing.
    verify_standard(call, new["standard_secret"])
    unsigned(call, old["standard_secret"])
    assert hooks.do("GET", path(old))["previous_secret_until"] is None
    (told,) = events(hooks.server, old["id"],
                     "webhook_endpoint.rotate_secret")
    assert new["secret"] not in str(told["details"])


def test_the_one_before_the_old_signs_no_more(hooks):
    first = hooks.endpoint()
    second = rotate(hooks, first)
    third = rotate(hooks, first, secret="this-one-is-given")
    assert third["secret"] == "this-one-is-given"
    call = next_call(hooks, first)
    verify_standard(call, third["standard_secret"])
    verify_standard(call, second["standard_secret"])
    unsigned(call, first["standard_secret"])


def test_a_secret_that_others_know_ends_at_once(hooks):
    old = hooks.endpoint()
    new = rotate(hooks, {"id": old["id"].upper()}, overlap_hours=0)
    assert new["previous_secret_until"] is None
    call = next_call(hooks, old)
    assert len(signatures(call)) == 1
    verify_standard(call, new["standard_secret"])
    unsigned(call, old["standard_secret"])
    assert hooks.circuit(old)["previous_sealed_secret"] is None
    shown = hooks.do("GET", path(old, "?include_secret=true"))
    assert shown["secret"] == new["secret"]


@pytest.mark.parametrize("fields", [
    {"secret": "short"}, {"secret": "new\nline...."}, {"overlap_hours": -1},
    {"overlap_hours": 169}, {"overlap_hours": "x"}])
def test_bad_rotations(hooks, fields):
    e = hooks.endpoint()
    refused(hooks.admin("POST", path(e, "/rotate-secret"), fields), 400,
            "bad_request")
    assert hooks.do("GET", path(e, "?include_secret=true"))["secret"] == \
        e["secret"]


def test_replaced_secret_goes_from_the_database(hooks):
    """When it signs no more; and with its endpoint."""
    e, gone = hooks.endpoint(), hooks.endpoint()
    rotate(hooks, e)
    rotate(hooks, gone)
    hooks.off(gone)
    assert hooks.circuit(gone)["previous_sealed_secret"] is None
    assert hooks.circuit(e)["previous_sealed_secret"] is not None
    hooks.clock.move(hours=25)      # housekeeping, too
    wait_for(lambda: hooks.circuit(e)["previous_sealed_secret"] is None, 60,
             "the old secret is away")
