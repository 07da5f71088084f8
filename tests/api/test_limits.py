"""Rate limits, and whose address they count (0, D28)."""
import http.client
import json

import pytest

from lib.check import NOWHERE
from lib.client import Api, expect, new_address, new_slug, refused
from lib.process import wait_for

LIMITED = {"ok": False, "reason": "rate_limited"}


def drain(api, ip, hits=60):
    return [api.validate("x", ip=ip) for _ in range(hits)]


def until_limited(api, ip):
    """Validates until the first refusal; all the answers."""
    seen = []

    def limited():
        seen.append(api.validate("x", ip=ip))
        return seen[-1] == LIMITED
    wait_for(limited, 60, "the address is limited", pause=0)
    return seen


def raw(server, lines, path="/v1/validate", body=b'{"key":"x"}'):
    """One request with these header lines exactly; (status, JSON)."""
    c = http.client.HTTPConnection(server.host, server.port, timeout=10)
    c.putrequest("POST", path, skip_host=True)
    for name, value in lines:
        c.putheader(name, value)
    c.putheader("Content-Length", str(len(body)))
    c.endheaders(body)
    r = c.getresponse()
    answer = json.loads(r.read())
    c.close()
    return r.status, answer


def client_ip(server, agent):
    row = server.row("SELECT client_ip FROM validation_log"
                     " WHERE user_agent = %s", agent)
    return row["client_ip"]


# Validate_ip

def test_validate_60_then_limited_as_an_answer(api, server):
    """Workers may be ahead of each other for a moment, so the exact count
    holds on one connection; that it ends soon holds for any number."""
    ip = new_address()
    seen = drain(api, ip, 60)
    assert all(s["reason"] == "bad_format" for s in seen)
    until_limited(api, ip)
    if len(server.replicas) == 1:
        rest = [api.validate("x", ip=ip) for _ in range(20)]
        assert rest.count(LIMITED) >= 18


def test_validate_limit_is_200_with_cors(api):
    ip = new_address()
    until_limited(api, ip)
    r = api.public("POST", "/v1/validate", {"key": "x"}, ip=ip)
    assert r.status_code == 200
    assert r.headers["Access-Control-Allow-Origin"] == "*"


def test_validate_limit_refills_one_a_second(api, server):
    """What several workers gave too much is paid back first."""
    ip = new_address()
    until_limited(api, ip)
    wait_for(lambda: api.validate("x", ip=ip) != LIMITED,
             4 if len(server.replicas) == 1 else 20,
             "a token comes back", pause=0.2)


def test_validate_limit_is_per_address(api):
    until_limited(api, new_address())
    assert api.validate("x", ip=new_address())["reason"] == "bad_format"


def test_validate_limited_is_not_logged(api, server):
    ip = new_address()
    seen = until_limited(api, ip)
    rows = server.value("SELECT count(*) FROM validation_log"
                        " WHERE client_ip = %s", ip)
    assert rows == len(seen) - 1


def test_validate_bucket_is_persisted(api, server):
    ip = new_address()
    drain(api, ip, 61)

    def row():
        return server.row("SELECT * FROM rate_buckets WHERE bucket_kind ="
                          " 'validate_ip' AND bucket_key = %s", ip)
    # One connection, one worker: all but what it keeps.  Over four workers at
    # least one has spent a quarter; the bucket refills while we wait for it.
    least = 10 if len(server.replicas) == 1 else 60 - 15 + 6
    wait_for(lambda: row() and row()["tokens_remaining"] < least, 60,
             "the bucket is in the database")
    assert (row()["capacity"], row()["refill_per_second"]) == (60, 1)


def test_limit_holds_before_the_key_is_looked_at(api):
    made = api.issue()
    ip = new_address()
    until_limited(api, ip)
    seen = [api.validate(made["license_key"], ip=ip) for _ in range(5)]
    assert LIMITED in seen


# Limits elsewhere (D28)

@pytest.mark.parametrize("path,body", [
    ("/v1/purchase", {"product": "no-such-product"}),
    ("/v1/machines/activate", {"key": "x", "fingerprint": "A"})])
def test_D28_purchase_and_activate_are_limited(api, path, body):
    ip = new_address()
    for _ in range(400):
        r = api.public("POST", path, body, ip=ip)
        assert r.status_code < 500
        if r.status_code == 429:
            break
    refused(r, 429, "rate_limited")
    assert int(r.headers["Retry-After"]) >= 1
    assert api.public("POST", path, body, ip=new_address()).status_code != 429


# Whose address (D28)

def test_D28_rightmost_untrusted_element_counts(api, server):
    agent, ip = new_slug("xff"), new_address()
    api.validate("x", headers={
        "User-Agent": agent, "X-Forwarded-For": f"6.6.6.6, {ip}, 127.0.0.9"})
    assert client_ip(server, agent) == ip


def test_D28_repeated_header_lines_are_one_list(server):
    """HAProxy appends a line of its own rather than an element."""
    agent, ip = new_slug("xff"), new_address()
    status, _ = raw(server, [("Host", "x"), ("User-Agent", agent),
                             ("X-Forwarded-For", "6.6.6.6"),
                             ("X-Forwarded-For", ip)])
    assert status == 200
    assert client_ip(server, agent) == ip


@pytest.mark.parametrize("text,expected", [
    ("203.0.113.5 ,  127.0.0.1", "203.0.113.5"),
    ("2001:DB8::0:1", "2001:db8::1"),
    ("::ffff:203.0.113.6", "203.0.113.6"),
    ("203.0.113.7:1234", "203.0.113.7"),
    ("[2001:db8::2]:99", "2001:db8::2")])
def test_D28_addresses_are_canonical(api, server, text, expected):
    agent = new_slug("xff")
    api.validate("x", headers={"User-Agent": agent,
                               "X-Forwarded-For": text})
    assert client_ip(server, agent) == expected


@pytest.mark.parametrize("text", [
    "garbage", ",,,", "1.2.3.4.5", "' OR 1=1", "x" * 1500, "::::"],
    ids=lambda t: t[:12])
def test_D28_garbage_falls_back_to_the_peer(server, text):
    agent = new_slug("xff")
    status, _ = raw(server, [("Host", "x"), ("User-Agent", agent),
                             ("X-Forwarded-For", text)])
    assert status == 200
    assert client_ip(server, agent) == "127.0.0.1"


def test_D28_header_from_an_untrusted_peer_is_ignored(own_instance):
    server = own_instance(LICET_TRUSTED_PROXIES="10.0.0.0/8")
    api = Api(server.url, server.admin_key)
    agent = new_slug("xff")
    api.validate("x", headers={"User-Agent": agent})
    assert client_ip(server, agent) == "127.0.0.1"
    seen = [api.validate("x") for _ in range(75)]
    assert LIMITED in seen


def test_admin_calls_are_not_counted_against_the_public_limits(api):
    ip = new_address()
    for _ in range(70):
        expect(api.admin("GET", "/products?limit=1", ip=ip), 200)
    assert api.validate("x", ip=ip)["reason"] == "bad_format"


def test_polling_a_purchase_is_not_cut_off_early(api):
    """A buyer's browser polls every three seconds for minutes."""
    ip = new_address()
    for _ in range(20):
        refused(api.public("GET", f"/v1/purchase/{NOWHERE}", ip=ip), 404,
                "not_found")
