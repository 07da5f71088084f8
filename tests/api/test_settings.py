"""The operator's name (3.4): stored beats the environment."""
import pytest

from lib.client import Api, expect, refused

PATH = "/settings/operator-name"


@pytest.fixture
def named(own_instance):
    server = own_instance(LICET_OPERATOR_NAME="From the Environment")
    return Api(server.url, server.admin_key, server.db)


@pytest.fixture
def unnamed(own_instance):
    server = own_instance()
    return Api(server.url, server.admin_key, server.db)


def store(api, name):
    return expect(api.admin("POST", PATH, {"name": name}), 200)


def test_nothing_is_stored_nor_set(unnamed):
    assert unnamed.do("GET", PATH) == {
        "stored": None, "effective": None, "fallback_env": None}
    assert unnamed.get("/")["operator"] is None


def test_stored_beats_environment_until_it_is_cleared(named):
    env = "From the Environment"
    assert named.do("GET", PATH) == {
        "stored": None, "effective": env, "fallback_env": env}
    assert store(named, "  Söft & Co\t") == {
        "ok": True, "operator_name": "Söft & Co"}
    assert named.do("GET", PATH) == {
        "stored": "Söft & Co", "effective": "Söft & Co", "fallback_env": env}
    assert named.get("/")["operator"] == "Söft & Co"
    store(named, "Other")
    assert named.get("/")["operator"] == "Other"
    for blank in ("", "  \t"):
        store(named, "Once more")
        assert store(named, blank) == {"ok": True, "operator_name": None}
        assert named.get("/")["operator"] == env
    store(named, "")
    assert named.do("GET", PATH)["stored"] is None


def test_each_change_is_audited(unnamed):
    store(unnamed, "One")
    store(unnamed, "Two")
    store(unnamed, "")
    told = unnamed.do("GET", "/audit?target_id=operator_name")["entries"]
    assert [(e["action"], e["details"]) for e in told] == [
        ("settings.set_operator_name", {"from": "Two", "to": None}),
        ("settings.set_operator_name", {"from": "One", "to": "Two"}),
        ("settings.set_operator_name", {"from": None, "to": "One"})]


@pytest.mark.parametrize("body", [
    {}, {"name": None}, {"name": 5}, {"name": "x" * 201},
    {"name": "two\nlines"}, {"name": "bell\x07"}])
def test_bad_name_is_400_and_changes_nothing(api, body):
    before = api.do("GET", PATH)
    refused(api.admin("POST", PATH, body), 400, "bad_request")
    assert api.do("GET", PATH) == before


def test_needs_an_admin(api):
    for method in ("GET", "POST"):
        refused(api.public(method, "/v1/admin" + PATH, {"name": "x"}), 401,
                "unauthorized")
