"""Keys and sessions are ended everywhere at once."""
import threading

from lib.client import Api, expect, new_address, refused
from lib.roles import make_key
from lib.web import by_session, log_in, set_password

PATH = "/v1/admin/licenses"


def test_a_revoked_key_opens_nothing_anywhere(both):
    """0: revoked is 403, from the answer of the revocation on."""
    a, b = both
    for _ in range(15):
        key = make_key(a)
        for api in (b, a, b, a):
            expect(api.call("GET", PATH, token=key["token"]), 200)
        a.do("DELETE", f"/api-keys/{key['id']}")
        for api in (b, a, b, a):
            refused(api.call("GET", PATH, token=key["token"]), 403,
                    "forbidden")


def test_revoking_under_load(both, pair):
    """No request that begins after the answer succeeds, whichever replica and
    worker it reaches; none fails otherwise."""
    keys = [make_key(both[0]) for _ in range(10)]
    revoked, wrong, stop = set(), [], threading.Event()

    def client(n):
        api = Api(pair.replicas[n % 2].url, pair.admin_key)
        while not stop.is_set():
            for key in keys:
                was = key["id"] in revoked
                code = api.call("GET", PATH, token=key["token"]).status_code
                if code not in (200, 403) or (was and code == 200):
                    wrong.append((was, code))
    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for key in keys:
        both[1].do("DELETE", f"/api-keys/{key['id']}")
        revoked.add(key["id"])
    stop.set()
    for t in threads:
        t.join()
    assert wrong == []
    for key in keys:
        assert both[0].call("GET", PATH, token=key["token"]
                            ).status_code == 403


def test_a_session_is_one_everywhere(both):
    a, b = both
    password = set_password(a)
    token = log_in(b, password)
    for api in (a, b):
        assert by_session(api, token, "GET", PATH).status_code == 200
    assert by_session(a, token, "POST", "/admin/logout").status_code == 204
    for api in (b, a):
        refused(by_session(api, token, "GET", PATH), 401, "unauthorized")
    token = log_in(a, password)
    set_password(b)
    for api in (a, b):
        refused(by_session(api, token, "GET", PATH), 401, "unauthorized")


def test_in_production_the_master_key_alone_connects(own_instance):
    """3.6: a scoped key on a sandbox instance."""
    server = own_instance(LICET_ENV="production", LICET_PAYMENTS="none",
                          LICET_BTCPAY_URL="http://127.0.0.1:9")
    api = Api(server.url, server.admin_key)
    token = make_key(api, scopes=["payment_providers:write"])["token"]
    refused(api.call("POST", "/v1/admin/btcpay/connect", {}, token=token),
            403, "forbidden")
    api.do("POST", "/btcpay/connect", {})


def test_tries_to_log_in_count_everywhere(both):
    """0: web_login is one bucket; a worker that has not heard of the others'
    lets a few more through."""
    a, b = both
    set_password(a)
    ip = new_address()
    codes = [api.public("POST", "/admin/login", {"password": "wrong"},
                        ip=ip).status_code for api in (a, b) * 20]
    assert codes.count(401) <= 5 * 4
    assert codes[-1] == 429
