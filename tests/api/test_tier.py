"""This server's own license: where it comes from, which one counts, what is
kept of it; and caps that hold when many create at once."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.check import events
from lib.client import Api, new_slug, refused
from lib.instance import KNOWN_SEED
from lib.process import wait_for
from lib.replica import run_ctl
from lib.selflicense import (ALL, DAY, UPGRADE_URL, api_of, key_of, make_key,
                             root_pem, standing, store)

ROOT = {"LICET_TRUST_ROOT": root_pem()}


def tier(api):
    return api.do("GET", "/tier")["tier"]


def source(api):
    return api.do("GET", "/self-license").get("source")


def again(replica):
    assert replica.stop() == 0
    replica.restart()


# Where it comes from

def test_environment_counts_from_the_start(own_instance):
    api = api_of(own_instance(LICET_LICENSE=make_key("patron"), **ROOT))
    assert (tier(api), source(api)) == ("patron", "environment")


def test_environment_by_file_and_by_the_other_name(own_instance, tmp_path):
    """0: KEYSAT_LICENSE."""
    (tmp_path / "key").write_text(make_key("patron") + "\n")
    (tmp_path / "root.pem").write_text(root_pem())
    api = api_of(own_instance(LICET_LICENSE_FILE=tmp_path / "key",
                              LICET_TRUST_ROOT=tmp_path / "root.pem"))
    assert tier(api) == "patron"
    api = api_of(own_instance(KEYSAT_LICENSE=make_key("patron"), **ROOT))
    assert tier(api) == "patron"


def test_root_in_one_line(own_instance):
    api = api_of(own_instance(
        LICET_TRUST_ROOT=root_pem().strip().replace("\n", " "),
        LICET_LICENSE=make_key("patron")))
    assert tier(api) == "patron"


@pytest.mark.parametrize("key, why", [
    ("nonsense", "bad_format"),
    (make_key("patron", seed=KNOWN_SEED), "bad_signature"),
    (make_key("patron", expires_at=time.time() - DAY), "expired")])
def test_bad_license_never_blocks_boot(own_instance, key, why):
    """3.7: a missing or invalid licence never blocks boot."""
    server = own_instance(LICET_LICENSE=key, **ROOT)
    api = api_of(server)
    assert (standing(api), tier(api)) == (why, "creator")
    assert [e["details"] for e in events(server, "environment",
            "self_license.change")] == [{"from": "unread", "to": why}]


@pytest.mark.parametrize("settings, what", [
    ({"LICET_TRUST_ROOT": "/no/such/file"}, "LICET_TRUST_ROOT"),
    ({"LICET_TRUST_ROOT": root_pem().replace("MC", "MD")},
     "LICET_TRUST_ROOT"),
    ({"LICET_UPGRADE_URL": "no url"}, "LICET_UPGRADE_URL")])
def test_wrong_settings_are_told(own_instance, settings, what):
    server = own_instance(start=False)
    r = run_ctl({**server.settings, **settings}, "doctor", check=False)
    assert r.returncode != 0 and what in r.stdout


def test_restart_with_another_environment(own_instance):
    server = own_instance(LICET_LICENSE=make_key("patron"), **ROOT)
    api = api_of(server)
    replica = server.replicas[0]
    sealed = server.value("SELECT sealed_key FROM self_licenses")
    again(replica)
    # The same key is not sealed anew.
    assert server.value("SELECT sealed_key FROM self_licenses") == sealed
    replica.settings["LICET_LICENSE"] = make_key("unlimited_products")
    again(replica)
    assert tier(api) == "pro"
    del replica.settings["LICET_LICENSE"]
    again(replica)
    assert standing(api) == "no_license"
    assert [e["action"] for e in events(server, "environment")] == [
        "self_license.set", "self_license.change", "self_license.set",
        "self_license.remove"]


def test_another_trust_root(own_instance):
    """A key is good for the root that signed it, no other; it comes back with
    that one."""
    server = own_instance(**ROOT)
    api = api_of(server)
    replica = server.replicas[0]
    store(api, make_key("patron"))
    replica.settings["LICET_TRUST_ROOT"] = root_pem(KNOWN_SEED)
    again(replica)
    assert (standing(api), tier(api)) == ("bad_signature", "creator")
    replica.settings.update(ROOT)
    again(replica)
    assert (standing(api), tier(api)) == ("licensed", "patron")


# Which one counts

def test_stored_beats_environment_while_it_is_in_force(own_instance):
    server = own_instance(LICET_LICENSE=make_key("unlimited_products"),
                          movable=True, **ROOT)
    api = api_of(server)
    store(api, make_key("patron", expires_at=time.time() + DAY))
    assert (tier(api), source(api)) == ("patron", "stored")
    server.clock.move(days=2)
    assert (tier(api), source(api)) == ("pro", "environment")
    assert api.do("DELETE", "/self-license") == {"ok": True}
    refused(api.admin("DELETE", "/self-license"), 404, "not_found")
    assert (tier(api), source(api)) == ("pro", "environment")


def test_every_replica_knows_at_once(own_instance):
    server = own_instance(replicas=2, **ROOT)
    one, other = (Api(r.url, server.admin_key) for r in server.replicas)
    for wanted in ("patron", "unlimited_products"):
        store(one, make_key(wanted))
        assert other.do("GET", "/tier")["entitlements"] == [wanted]
        one, other = other, one


def test_revoked_is_revoked_everywhere_at_once(own_instance):
    """Nothing needs to be refreshed first."""
    server = own_instance(replicas=2, LICET_TRUST_ROOT=root_pem(KNOWN_SEED))
    one, other = (Api(r.url, server.admin_key) for r in server.replicas)
    license = one.issue(entitlements=list(ALL))
    store(one, key_of(license, *ALL))
    assert tier(other) == "pro"
    one.revoke(license["license_id"])
    assert (standing(other), tier(other)) == ("revoked", "creator")


def test_grace_of_an_own_license(own_instance):
    """The row is judged as validations judge it."""
    server = own_instance(LICET_TRUST_ROOT=root_pem(KNOWN_SEED), movable=True)
    api = api_of(server)
    until = time.gmtime(time.time() + DAY)
    license = api.issue(entitlements=["patron"], grace_seconds=DAY,
                        expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", until))
    store(api, key_of(license, "patron"))
    server.clock.move(seconds=DAY + 3600)
    assert api.validate(license["license_key"])["in_grace_period"] is True
    assert tier(api) == "patron"
    server.clock.move(seconds=DAY)
    assert standing(api) == "expired"


# What is kept, what is told

def test_the_key_is_a_secret(own_instance):
    server = own_instance(**ROOT)
    api = api_of(server)
    key = make_key("patron")
    store(api, key)
    sealed = bytes(server.value("SELECT sealed_key FROM self_licenses"))
    assert key.encode() not in sealed and len(sealed) > len(key)
    told = events(server, "stored")
    assert [e["action"] for e in told] == ["self_license.set"]
    assert told[0]["details"]["entitlements"] == ["patron"]
    assert told[0]["actor_kind"] == "admin_api_key"
    assert key not in str(told) and key not in server.replicas[0].log()
    assert key not in str(api.do("GET", "/self-license"))


def test_the_hourly_look_tells_of_the_end(own_instance):
    """3.7: also hourly; the audit trail says when a license ended."""
    server = own_instance(movable=True, **ROOT)
    api = api_of(server)
    store(api, make_key("patron", expires_at=time.time() + DAY))

    def runs():
        return server.value("SELECT runs FROM jobs "
                            "WHERE name = 'self_license'")

    def told():
        return [e["details"] for e in events(server, "stored",
                                             "self_license.change")]
    before = runs()
    server.clock.move(seconds=3601)
    wait_for(lambda: runs() > before, 60, "a look", pause=0.2)
    assert told() == []
    server.clock.move(days=2)
    wait_for(lambda: told(), 60, "the look after the end", pause=0.2)
    assert told() == [{"from": "licensed", "to": "expired"}]


def test_absurd_keys_are_refused(own_instance):
    api = api_of(own_instance(**ROOT))
    for slugs in (("a\0b",), ("\0",)):
        refused(api.admin("POST", "/self-license",
                          {"license_key": make_key(*slugs)}), 400,
                "license_invalid")
    store(api, "\n " + make_key("", "é", *[f"e{n}" for n in range(200)],
                                expires_at=2**64 - 1) + " \n")
    got = api.do("GET", "/self-license")
    assert got["entitlements"][:3] == ["", "é", "e0"]
    assert got["expires_at"] > 250000000000


# Races

def at_once(server, n, ask):
    """The statuses of n requests at the same time, over all replicas."""
    apis = [Api(r.url, server.admin_key) for r in server.replicas]
    with ThreadPoolExecutor(n) as pool:
        return sorted(pool.map(
            lambda i: ask(Api(apis[i % len(apis)].url, server.admin_key), i)
            .status_code, range(n)))


@pytest.fixture(scope="module")
def pair(make_instance):
    return make_instance(replicas=2, LICET_UPGRADE_URL=UPGRADE_URL, **ROOT)


def test_products_race(pair):
    """Limit 5, twenty at once: exactly five."""
    assert at_once(pair, 20, lambda api, i: api.admin("POST", "/products", {
        "slug": new_slug(), "name": "x", "price_sats": 1})) == \
        [200] * 5 + [402] * 15
    assert pair.value("SELECT count(*) FROM products") == 5


def test_policies_race(pair):
    pair.db.execute("INSERT INTO products (slug, name, price_sats, "
                    "price_currency, price_value) SELECT 'race', 'x', 1, "
                    "'SAT', 1 ON CONFLICT DO NOTHING")
    assert at_once(pair, 20, lambda api, i: api.admin("POST", "/policies", {
        "product_slug": "race", "name": "x", "slug": new_slug()})) == \
        [200] * 5 + [402] * 15


def test_codes_race(pair):
    """Codes that are made and codes that are switched on, at once."""
    api = api_of(pair)
    made = [api.do("POST", "/discount-codes", {
        "code": new_slug("C"), "kind": "percent", "amount": 1})
        for _ in range(8)]
    for code in made:
        api.do("PATCH", f"/discount-codes/{code['id']}/active",
               {"active": False})

    def ask(api, i):
        if i < len(made):
            return api.admin("PATCH", f"/discount-codes/{made[i]['id']}"
                             "/active", {"active": True})
        return api.admin("POST", "/discount-codes", {
            "code": new_slug("C"), "kind": "percent", "amount": 1})
    assert at_once(pair, 20, ask) == [200] * 10 + [402] * 10
    assert api.do("GET", "/tier")["usage"]["active_codes"] == 10


def test_profiles_race(own_instance):
    """All at once when there is room for more than one, none lost."""
    server = own_instance(replicas=2, **ROOT)
    assert at_once(server, 8, lambda api, i: api.admin(
        "POST", "/merchant-profiles", {"name": new_slug()})) == [402] * 8
    store(api_of(server), make_key("unlimited_merchant_profiles"))
    assert at_once(server, 8, lambda api, i: api.admin(
        "POST", "/merchant-profiles", {"name": new_slug()})) == [200] * 8
