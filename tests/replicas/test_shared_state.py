"""What one replica did, the other one knows."""
import threading
import time

import pytest

from lib.client import new_address, new_slug
from lib.process import wait_for

LIMITED = {"ok": False, "reason": "rate_limited"}


def test_revocation_is_visible_at_once_everywhere(both, pair):
    a, b = both
    product = a.product()
    for _ in range(25):
        made = a.issue(product)
        for api in (a, b, a, b):
            assert api.validate(made["license_key"])["ok"] is True
        a.revoke(made["license_id"])
        for api in (b, a, b, a):
            assert api.validate(made["license_key"]) == \
                {"ok": False, "reason": "revoked"}


@pytest.mark.parametrize("word,reason", [("suspend", "suspended"),
                                         ("unsuspend", None)])
def test_suspension_is_visible_at_once_everywhere(both, word, reason):
    a, b = both
    made = a.issue()
    if word == "unsuspend":
        a.do("POST", f"/licenses/{made['license_id']}/suspend", {})
    b.do("POST", f"/licenses/{made['license_id']}/{word}", {})
    for api in (a, b):
        assert api.validate(made["license_key"]).get("reason") == reason


def test_revocation_under_load_is_never_seen_undone(both, pair):
    """After the revoker had his answer, no validation that begins later
    succeeds, whichever replica and worker it reaches."""
    a, _ = both
    made = [a.issue(max_machines=0) for _ in range(20)]
    revoked = {}
    wrong, stop = [], threading.Event()

    def client(n):
        from lib.client import Api
        api = Api(pair.replicas[n % 2].url, pair.admin_key)
        while not stop.is_set():
            for m in made:
                before = revoked.get(m["license_id"])
                seen = api.validate(m["license_key"], fingerprint=f"c{n}")
                if before and seen["ok"]:
                    wrong.append((n, m["license_id"]))
    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for m in made:
        a.revoke(m["license_id"])
        revoked[m["license_id"]] = time.monotonic()
    stop.set()
    for t in threads:
        t.join()
    assert not wrong


def test_limits_are_shared_within_a_second(both):
    """One replica's allowance is spent; the other one starts from sixty too,
    so only what it hears can make it refuse one of the first dozen hits."""
    a, b = both
    ip = new_address()
    wait_for(lambda: a.validate("x", ip=ip) == LIMITED, 60, "all is spent",
             pause=0)
    passed = []
    wait_for(lambda: b.validate("x", ip=ip) == LIMITED or passed.append(1),
             60, "the other one has heard", pause=0.1)
    assert len(passed) < 15


def test_limits_hold_over_both_together(both, pair):
    """Four times the allowance over all workers: what passes beyond it is
    bounded by what may pass before the replicas have heard."""
    ip = new_address()
    passed = 0
    for _ in range(120):
        for api in both:
            passed += api.validate("x", ip=ip) != LIMITED
    assert passed < 60 * 3
    logged = pair.value("SELECT count(*) FROM validation_log"
                        " WHERE client_ip = %s", ip)
    assert logged == passed


def test_machines_are_known_to_the_other(both):
    a, b = both
    made = a.issue(max_machines=1)
    mid = a.activate(made["license_key"], "A")["machine_id"]
    assert b.heartbeat(made["license_key"], "A") == \
        {"ok": True, "machine_id": mid}
    assert b.validate(made["license_key"], fingerprint="B")["reason"] == \
        "fingerprint_mismatch"
    assert b.deactivate(made["license_key"], "A") == {"ok": True}
    assert a.validate(made["license_key"], fingerprint="B")["ok"] is True


def test_keys_are_the_same_from_either(both):
    a, b = both
    bought = a.buy(a.product())
    paid = b.pay(bought)
    assert a.poll(bought) == paid == b.poll(bought)
    assert a.get("/v1/pubkey") == b.get("/v1/pubkey")


def test_same_slug_at_once_on_both_is_one_product(both, pair):
    for _ in range(5):
        slug = new_slug()
        body = {"slug": slug, "name": "n", "price_sats": 1}
        results = []
        threads = [threading.Thread(target=lambda i=i: results.append(
            type(both[0])(both[i % 2].url, pair.admin_key).admin(
                "POST", "/products", body).status_code)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(results) == [200] + [409] * 7
