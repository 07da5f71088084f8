"""Two hundred clients race for the seats of one license."""
import http.client
import json
import threading

import pytest

from lib import keys
from lib.client import new_address

CLIENTS = 200


def race(pair, key, verdicts):
    """Each client has its own fingerprint, address and connection; they all
    start together, half on each replica, validating or activating."""
    gate = threading.Barrier(CLIENTS)
    failures = []

    def client(n):
        replica = pair.replicas[n % 2]
        c = http.client.HTTPConnection(replica.host, replica.port, timeout=60)
        path = "/v1/validate" if n % 3 else "/v1/machines/activate"
        body = json.dumps({"key": key, "fingerprint": f"racer-{n}"})
        try:
            c.connect()
            gate.wait(60)
            for _ in range(2):      # the second time must say the same
                c.request("POST", path, body,
                          {"X-Forwarded-For": new_address()})
                r = c.getresponse()
                answer = json.loads(r.read())
                assert r.status == 200, answer
                verdicts.append((n, answer["ok"], answer.get("reason")))
        except (OSError, AssertionError) as e:
            failures.append((n, repr(e)))
        finally:
            c.close()
    threads = [threading.Thread(target=client, args=(n,))
               for n in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[:5]


@pytest.mark.parametrize("cap", [1, 3, 0])
def test_seats_are_neither_oversold_nor_left_empty(both, pair, cap):
    a, _ = both
    made = a.issue(max_machines=cap)
    verdicts = []
    race(pair, made["license_key"], verdicts)
    winners = {n for n, ok, _ in verdicts if ok}
    losers = {n for n, ok, _ in verdicts if not ok}
    expected = cap or CLIENTS
    assert len(winners) == expected
    assert not winners & losers
    assert len(verdicts) == 2 * CLIENTS
    rows = pair.rows("SELECT fingerprint_hash FROM machines"
                     " WHERE license_id = %s AND deactivated_at IS NULL",
                     made["license_id"])
    assert {r["fingerprint_hash"].hex() for r in rows} == \
        {keys.hash_hex(f"racer-{n}") for n in winners}
    assert len(rows) == expected
    reasons = {r for _, ok, r in verdicts if not ok}
    assert reasons <= {"too_many_machines", "fingerprint_mismatch"}
    told = pair.value("SELECT count(*) FROM outbox WHERE event_type ="
                      " 'machine.activated' AND data->>'license_id' = %s",
                      made["license_id"])
    assert told == expected
    logged = pair.value("SELECT count(*) FROM validation_log"
                        " WHERE license_id = %s", made["license_id"])
    assert logged == len([n for n, _, _ in verdicts if n % 3])
