"""One key, two replicas: one effect and one answer, however often it is asked
at once, and whoever is killed meanwhile."""
import collections
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.client import Api, new_slug
from lib.codes import code
from lib.idempotency import Repeaters, is_replay, keyed, new_key
from lib.postgres import as_user, bin_dir

TIMEOUT_MS = 1000       # so that a killed worker's lease is over in 4 s
KILLS = 30


@pytest.fixture(scope="module")
def two(make_instance, btcpay_shared):
    return make_instance(replicas=2, name="twice",
                         LICET_REQUEST_TIMEOUT_MS=TIMEOUT_MS,
                         **btcpay_shared.settings())


def clients(two):
    return [Api(r.url, two.admin_key, two.db) for r in two.replicas]


@pytest.mark.parametrize("turn", range(3))
def test_forty_at_once(two, btcpay, turn):
    """One has the effect, all others its answer, or 409 while it runs."""
    slug, key = new_slug(), new_key()
    asked = {"slug": slug, "name": "Demo", "price_sats": 1000}
    barrier = threading.Barrier(40)

    def send(n):
        api = clients(two)[n % 2]
        barrier.wait(60)
        return api.admin("POST", "/products", asked, **keyed(key))
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(send, range(40)))
    by = collections.Counter((r.status_code, is_replay(r)) for r in answers)
    assert by[200, False] == 1, by
    assert by.keys() <= {(200, False), (200, True), (409, False)}, by
    assert len({r.content for r in answers if r.status_code == 200}) == 1
    for r in answers:
        assert r.status_code == 200 or (
            r.json()["error"] == "idempotency_running" and
            int(r.headers["Retry-After"]) >= 1)
    assert two.value("SELECT count(*) FROM products WHERE slug = %s",
                     slug) == 1
    assert two.value("SELECT count(*) FROM events WHERE action ="
                     " 'product.create' AND details::text LIKE %s",
                     f"%{slug}%") == 1


def kill_at_random(two, kills, goes_on):
    """Often enough that some are killed between any two steps."""
    for n in range(kills):
        assert goes_on()
        time.sleep(random.uniform(0.05, 0.6))   # a random moment is the point
        victim = two.replicas[n % 2]
        victim.kill()
        victim.restart()


@pytest.mark.restarts
def test_replicas_killed_while_clients_repeat(two, btcpay):
    """Whatever moment they die at: each key has one license or one invoice,
    and its client's answer is the one that is kept."""
    btcpay.webhook_urls = []
    a, _ = clients(two)
    product, gift = a.product(), a.product()
    a.policy(gift, slug="default", price_sats_override=0)
    off = code(a, product, kind="percent", amount=1000)
    buyers = Repeaters(two, {
        "issue": lambda key: ("/v1/admin/licenses", {
            "product_slug": product["slug"], "note": key}, True),
        "free": lambda key: ("/v1/purchase", {
            "product": gift["slug"], "buyer_note": key}, False),
        "paid": lambda key: ("/v1/purchase", {
            "product": product["slug"], "code": off["code"],
            "buyer_note": key}, False),
    })
    with buyers:
        kill_at_random(two, KILLS, lambda: not buyers.errors)
    assert not buyers.errors, buyers.errors
    assert len(buyers.answers) > KILLS
    assert buyers.statuses["lost"] > 0, buyers.statuses
    judge(two, btcpay, buyers, off)
    answers = [r.json() for _, r in buyers.answers.values()]
    nothing_in_clear(two, [x["license_key"] for x in answers
                           if "license_key" in x])


def judge(two, btcpay, buyers, off):
    for key, (kind, answer) in buyers.answers.items():
        told = answer.json()
        again = buyers.ask(kind, key)
        assert is_replay(again) and again.content == answer.content
        if kind == "issue":
            rows = two.rows("SELECT id FROM licenses WHERE"
                            " metadata->>'note' = %s", key)
            assert [str(r["id"]) for r in rows] == [told["license_id"]]
            continue
        rows = two.rows("SELECT i.id, i.status, l.id AS license_id"
                        " FROM invoices i LEFT JOIN licenses l"
                        " ON l.invoice_id = i.id WHERE i.buyer_note = %s"
                        " AND i.status <> 'invalid'", key)
        assert [str(r["id"]) for r in rows] == [told["invoice_id"]], (
            kind, rows)
        if kind == "free":
            assert str(rows[0]["license_id"]) == told["license_id"]
        else:
            assert rows[0]["status"] == "pending"
            assert len(btcpay.orders[told["invoice_id"]]) == 1
    live = sum(kind == "paid" for kind, _ in buyers.answers.values())
    assert two.value("SELECT used_count FROM discount_codes WHERE id = %s",
                     off["id"]) == live
    assert two.value("SELECT count(*) FROM discount_redemptions WHERE"
                     " code_id = %s AND status = 'pending'",
                     off["id"]) == live


def nothing_in_clear(two, secrets):
    """No license key in a dump of the database, be it as text or as bytes."""
    assert secrets
    dump = subprocess.run(as_user("postgres", [
        f"{bin_dir()}/pg_dump", "--inserts", "-d",
        two.cluster.url(two.database)]), capture_output=True, timeout=120,
        check=True).stdout
    assert b"INTO public.idempotency_keys" in dump
    for secret in secrets:
        assert secret.encode() not in dump
        assert secret.encode().hex().encode() not in dump
    assert b"LIC1-" not in dump and b"LIC1-".hex().encode() not in dump
