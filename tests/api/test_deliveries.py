"""Deliveries of operators' webhooks: signatures, tries and their times, what
an endpoint may answer, circuits."""
import datetime

import pytest

from fake.receiver import refusing
from lib.check import is_time
from lib.process import wait_for
from lib.webhooks import verify_keysat, verify_standard

# After each of the first nine failures, then hourly, then six-hourly.
WAITS = [5, 10, 30, 60, 300, 900, 1800, 3600, 7200]


# Signatures

def test_signed_in_both_ways(hooks):
    e = hooks.endpoint()
    product = hooks.product(name="Größe ☃ \"x\"")
    (call,) = hooks.comes(e, "product.created")
    verify_keysat(call, e["secret"])
    verify_standard(call, e["standard_secret"])
    assert call.headers["webhook-id"] == call.id
    assert call.headers["Content-Type"] == "application/json"
    assert call.body["data"]["name"] == product["name"]
    assert "Expect" not in call.headers


def test_given_secret_is_used_as_text(hooks):
    e = hooks.endpoint(secret="whsec_dies ist Text")
    assert e["secret"] == "whsec_dies ist Text"
    hooks.test(e)
    (call,) = hooks.comes(e)
    verify_keysat(call, e["secret"])
    verify_standard(call, e["standard_secret"])


def test_each_try_is_signed_anew_and_has_the_same_id(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], statuses=[500])
    d = hooks.test(e)
    row = hooks.tried(d, 1)
    hooks.until(row["next_attempt_at"])
    calls = hooks.comes(e, n=2)
    assert {c.id for c in calls} == {d["id"]}
    assert len({c.raw for c in calls}) == 1
    for call in calls:
        verify_standard(call, e["standard_secret"])


# Tries

def test_waits_between_tries(hooks):
    """Those of the contract, then an hour until a day has passed, six hours
    until three have, then never."""
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=500, text="no")
    d = hooks.test(e)
    born = due = hooks.row(d)["due_since"]
    row, waits = hooks.tried(d, 1), []
    while row["next_attempt_at"] is not None:
        # The try was between these two; so was what the wait counts from.
        now, n = hooks.clock.now(), row["attempt_count"]
        waits.append((row["next_attempt_at"] - now,
                      row["next_attempt_at"] - due))
        # The circuit has its own times: not what is looked at here.
        hooks.db.execute("UPDATE webhook_endpoints SET consecutive_failures"
                         " = 0 WHERE id = %s", [e["id"]])
        due = row["next_attempt_at"]
        hooks.until(due)
        row = hooks.tried(d, n + 1)
        assert row["attempt_count"] == n + 1
    for seconds, (least, most) in zip(WAITS, waits):
        assert least <= datetime.timedelta(seconds=seconds) <= most
        assert most - least < datetime.timedelta(seconds=max(4, seconds / 2))
    later = [round(least.total_seconds() / 3600) for least, _ in waits[9:]]
    assert later == sorted(later) and set(later) == {1, 6}
    assert later.count(1) in (20, 21)
    assert hooks.clock.now() - born >= datetime.timedelta(days=3)
    assert row["last_status_code"] == 500 and row["last_response"] == "no"
    assert row["delivered_at"] is None
    listed = hooks.deliveries(e, status="failed")
    assert [x["id"] for x in listed] == [d["id"]]
    assert {c.id for c in hooks.vendor.got(e["path"])} == {d["id"]}


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_any_2xx(hooks, status):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=status)
    row = hooks.settles(hooks.test(e))
    assert row["delivered_at"] is not None
    assert row["last_status_code"] == status
    assert row["attempt_count"] == 1 and row["last_error"] is None


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429,
                                    500, 503])
def test_failure_is_any_other(hooks, status):
    """Redirects too: they are not followed."""
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=status, text="x" * 500, headers={
        "Location": hooks.vendor.url + "/elsewhere"})
    row = hooks.tried(hooks.test(e), 1)
    assert row["last_status_code"] == status
    assert row["last_response"] == "x" * 200
    assert row["last_error"] == f"HTTP status {status}"
    assert row["next_attempt_at"] is not None
    assert hooks.vendor.got("/elsewhere") == []
    assert hooks.vendor.strays == []


def test_refused_connection(hooks):
    e = hooks.endpoint(url=refusing())
    row = hooks.tried(hooks.test(e), 1)
    assert row["last_status_code"] is None and row["last_response"] is None
    assert "connect" in row["last_error"].lower()


def test_not_http(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], wrong=b"SSH-2.0-what?\r\n")
    row = hooks.tried(hooks.test(e), 1)
    assert row["last_status_code"] is None and row["last_error"]


@pytest.mark.slow
def test_silence_ends_after_ten_seconds(hooks):
    """Before the answer, which is a failure; or in its body, where the status
    counts."""
    mute, endless = hooks.endpoint(), hooks.endpoint()
    hooks.vendor.set(mute["path"], hang=60)
    hooks.vendor.set(endless["path"], text="so far", owed=100)
    d, answered = hooks.test(mute), hooks.test(endless)
    (call,) = hooks.comes(mute)
    row = hooks.tried(d, 1)
    assert row["last_status_code"] is None
    assert "10000 milliseconds" in row["last_error"] or \
        "timed out" in row["last_error"].lower()
    row = hooks.settles(answered)
    assert row["delivered_at"] is not None
    assert row["last_response"] == "so far"


def test_status_counts_if_the_body_is_huge(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], text="y" * 5_000_000)
    row = hooks.settles(hooks.test(e))
    assert row["delivered_at"] is not None
    assert row["last_response"] == "y" * 200


@pytest.mark.parametrize("text, kept", [
    ("ä☃" * 150, "ä☃" * 100), (b"\xff\xfe" * 3, "??????"),
    (b"ab\x00cd", "ab"), (b"\xf0\x9f\x98", "???"), ("😀" * 201, "😀" * 200)])
def test_200_characters_of_any_answer(hooks, text, kept):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=500, text=text)
    assert hooks.tried(hooks.test(e), 1)["last_response"] == kept


# Circuits

def test_circuit_opens_and_closes(hooks):
    """From the fifth failure in a row one try at a time; the others wait
    without losing tries, and go at once when one arrives."""
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=500)
    first = [hooks.test(e) for _ in range(5)]
    for d in first:
        hooks.tried(d, 1)
    hooks.hold(e)
    assert hooks.circuit(e)["consecutive_failures"] == 5
    shown = hooks.do("GET", "/webhook-endpoints")["endpoints"]
    assert is_time(shown[0]["open_until"])
    waiting = [hooks.test(e) for _ in range(6)]
    sent = len(hooks.vendor.got(e["path"]))
    assert sent == 5
    # One probe at a time, each later than the one before.
    gaps = []
    for n in range(1, 5):
        hooks.until(hooks.circuit(e)["open_until"])
        wait_for(lambda: hooks.circuit(e)["consecutive_failures"] == 5 + n,
                 60, "a probe failed")
        gaps.append((hooks.circuit(e)["open_until"]
                     - hooks.clock.now()).total_seconds())
        assert len(hooks.vendor.got(e["path"])) == sent + n
    assert gaps == sorted(gaps) and 60 < gaps[-1] <= 80
    tries = [hooks.row(d)["attempt_count"] for d in first + waiting]
    assert sum(tries) == 9 and max(tries) <= 5
    hooks.vendor.set(e["path"], status=200)
    hooks.until(hooks.circuit(e)["open_until"])
    for d in waiting:
        assert hooks.settles(d)["delivered_at"] is not None
    row = hooks.circuit(e)
    assert row["consecutive_failures"] == 0 and row["open_until"] is None


def test_what_waits_behind_a_circuit_for_three_days_is_dead(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], status=500)
    for d in [hooks.test(e) for _ in range(5)]:
        hooks.tried(d, 1)
    hooks.hold(e, hours=4 * 24)     # or it would be what the circuit tries
    behind = hooks.test(e)
    hooks.clock.move(days=3, seconds=1)
    row = hooks.settles(behind)
    assert row["delivered_at"] is None and row["attempt_count"] == 0


def test_four_at_once_to_a_worker(hooks):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], delay=0.3)
    made = [hooks.test(e) for _ in range(30)]
    for d in made:
        hooks.settles(d)
    workers = int(hooks.server.settings["LICET_WORKERS"])
    assert 2 <= hooks.vendor.most[e["path"]] <= 4 * workers
