"""3.4 community analytics and 6 analytics heartbeat, sentence by sentence."""
import json
import re

import pytest

from fake.receiver import receiving
from lib.check import events, is_uuid
from lib.client import refused
from lib.process import wait_for
from lib.selflicense import api_of, make_key, root_pem, store

PATH = "/community-analytics"


@pytest.fixture
def home(own_instance):
    server = own_instance(replicas=2, movable=True,
                          LICET_WEBHOOK_PRIVATE="on")
    api = api_of(server)
    api.server = server
    return api


def wake(server):
    server.db.execute("SELECT pg_notify('licet_jobs', 'community')")


def test_off_by_default_and_no_url(home):
    """3.4: {enabled,collector_url,install_uuid,preview_heartbeat}; off by
    default, no default URL."""
    got = home.do("GET", PATH)
    beat = got.pop("preview_heartbeat")
    assert got == {"enabled": False, "collector_url": None,
                   "install_uuid": None}
    assert beat.pop("daemon_version") == home.get("/")["version"]
    assert beat == {
        "install_uuid": None, "tier": "creator", "uptime_bucket": "<1d",
        "counts": {"products": 0, "active_licenses": 0,
                   "settled_invoices": 0}, "schema_version": 1}


def test_set(home):
    """3.4: set {enabled,collector_url?} -> {enabled,collector_url}."""
    url = "https://collector.example/beat"
    assert home.do("POST", PATH, {"enabled": True, "collector_url": url}) == {
        "enabled": True, "collector_url": url}
    assert home.do("POST", PATH, {"enabled": False}) == {
        "enabled": False, "collector_url": url}
    got = home.do("GET", PATH)
    assert (got["enabled"], got["collector_url"]) == (False, url)
    assert is_uuid(got["install_uuid"])
    assert home.do("POST", PATH, {"enabled": True, "collector_url": None}) \
        == {"enabled": True, "collector_url": None}
    assert home.do("GET", PATH)["collector_url"] is None
    assert [e["action"] for e in events(home.server, "community_analytics")] \
        == ["settings.set_community_analytics"] * 3


@pytest.mark.parametrize("url", ["ftp://x.example/", "x", "javascript:x", 5])
def test_only_http_and_https(api, url):
    """3.4: http/https else 400."""
    refused(api.admin("POST", PATH, {"enabled": False, "collector_url": url}),
            400, "bad_request")


def test_reset_forgets_the_install_id(home):
    """3.4: POST .../reset forgets the install id."""
    home.do("POST", PATH, {"enabled": True})
    first = home.do("GET", PATH)["install_uuid"]
    assert home.do("POST", PATH + "/reset") == {"ok": True}
    assert home.do("GET", PATH)["install_uuid"] is None
    home.do("POST", PATH, {"enabled": True})
    assert home.do("GET", PATH)["install_uuid"] not in (None, first)


def test_counts_are_floored_to_five(home):
    """3.4: counts floored to 5."""
    product = home.product()
    for _ in range(5):
        home.product()
    for n in range(12):
        made = home.issue(product)
        if n < 3:
            home.revoke(made["license_id"])
    assert home.do("GET", PATH)["preview_heartbeat"]["counts"] == {
        "products": 5, "active_licenses": 5, "settled_invoices": 0}
    for _ in range(5):
        home.pay(home.buy(product))
    assert home.do("GET", PATH)["preview_heartbeat"]["counts"] == {
        "products": 5, "active_licenses": 10, "settled_invoices": 5}


def test_tier_is_told(own_instance):
    """3.4: the heartbeat has the tier of 3.7."""
    api = api_of(own_instance(LICET_TRUST_ROOT=root_pem()))
    store(api, make_key("patron"))
    assert api.do("GET", PATH)["preview_heartbeat"]["tier"] == "patron"


def test_heartbeat_once_a_day(home):
    """6: analytics heartbeat 24 h, first after 5 min, by one of all replicas;
    what was previewed is sent, and nothing else."""
    server = home.server
    with receiving() as collector:
        home.do("POST", PATH, {"enabled": True,
                               "collector_url": collector.url})
        preview = home.do("GET", PATH)["preview_heartbeat"]
        wake(server)
        server.clock.move(seconds=200)
        assert server.value("SELECT runs FROM jobs WHERE name = 'community'") \
            == 0
        server.clock.move(seconds=101)
        wait_for(lambda: collector.got, 30, "the first heartbeat")
        for _ in range(5):
            wake(server)
        server.clock.move(seconds=86000)
        assert server.value("SELECT runs FROM jobs WHERE name = 'community'") \
            == 1
        server.clock.move(seconds=500)
        wait_for(lambda: len(collector.got) > 1, 30, "the second heartbeat")
        assert [json.loads(g["raw"]) for g in collector.got] == [preview] * 2
        for got in collector.got:
            assert got["headers"]["Content-Type"] == "application/json"
            assert not re.search("Authorization|Cookie|X-",
                                 str(got["headers"]), re.I)


def test_only_if_enabled_and_a_url_is_set(home):
    """6: only if enabled and a URL is set."""
    server = home.server
    with receiving() as collector:
        home.do("POST", PATH, {"enabled": False,
                               "collector_url": collector.url})
        server.clock.move(days=2)
        home.do("POST", PATH, {"enabled": True, "collector_url": None})
        server.clock.move(days=2)
        wake(server)
        home.do("POST", PATH, {"enabled": True,
                               "collector_url": collector.url})
        wake(server)
        wait_for(lambda: collector.got, 90, "a heartbeat, when both are set",
                 pause=0.2)
        assert len(collector.got) == 1
    assert server.value("SELECT runs FROM jobs WHERE name = 'community'") == 1


def test_a_silent_collector_harms_nothing(home):
    server = home.server
    with receiving() as collector:
        collector.statuses = [500]
        home.do("POST", PATH, {"enabled": True,
                               "collector_url": collector.url})
        server.clock.move(seconds=301)
        wait_for(lambda: collector.got, 30, "the heartbeat")
    assert wait_for(lambda: any("community.failed" in r.log()
                                for r in server.replicas), 30, "a log line")
    server.clock.move(days=2)
    home.product()


def test_admin_only(api):
    """3.4: community:read|write."""
    for method, path, body in (("GET", PATH, None),
                               ("POST", PATH, {"enabled": False}),
                               ("POST", PATH + "/reset", None)):
        refused(api.public(method, "/v1/admin" + path, body), 401,
                "unauthorized")
