"""A letter's code is used once, its tries are counted, and letters to an
address are, whichever replica is asked."""
import hashlib
import re
import secrets
import threading
import uuid

import pytest

from lib.client import Api
from lib.customer import new_email, open_session

DOOR = "/v1/portal/sign-in"


@pytest.fixture(scope="module")
def writers(make_instance, smtp_shared):
    return make_instance(replicas=2, name="writers", **smtp_shared.settings())


@pytest.fixture
def both(writers):
    yield [Api(r.url, writers.admin_key, writers.db)
           for r in writers.replicas]
    writers.check_workers()


def at_once(both, calls):
    """What comes of them, each in a thread of its own, all let go together."""
    gate, got = threading.Barrier(len(calls)), [None] * len(calls)

    def one(n, method, path, body, cookie):
        api = Api(both[n % 2].url, both[n % 2].admin_key)
        headers = {"Cookie": f"licet_portal={cookie}"} if cookie else {}
        gate.wait()
        got[n] = api.call(method, path, body, headers=headers).status_code
    threads = [threading.Thread(target=one, args=(n, *c))
               for n, c in enumerate(calls)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def test_a_code_and_its_link_open_one_session(both, writers, smtp):
    for _ in range(5):
        to = new_email()
        both[0].issue(buyer_email=to)
        smtp.comes(to, seconds=60)
        r = both[0].public("POST", DOOR, {"email": to})
        text = smtp.comes(to, 2, seconds=60).text
        code = re.search(r"\b(\d{4} \d{4})\b", text).group(1)
        token = re.search(r"token=(\S+)", text).group(1)
        by_code = ("POST", DOOR + "/code", {
            "challenge": r.json()["challenge"], "code": code}, None)
        by_link = ("POST", DOOR + "/link", {"token": token}, None)
        got = at_once(both, [by_code, by_link] * 4)
        assert sorted(got) == [200] + [401] * 7
        assert writers.value("SELECT count(*) FROM customer_sessions"
                             " WHERE email = %s", to) == 1


def test_five_tries_are_five(both, writers):
    challenge = str(uuid.uuid4())
    writers.db.execute(
        "INSERT INTO customer_codes (id, email, code_hash, token_hash,"
        " letter_due, expires_at) VALUES (%s, %s, %s, %s, false,"
        " licet_now() + interval '900 seconds')",
        (challenge, new_email(), secrets.token_bytes(32),
         hashlib.sha256(secrets.token_bytes(8)).digest()))
    got = at_once(both, [("POST", DOOR + "/code", {
        "challenge": challenge, "code": "0000 0000"}, None)] * 9)
    assert got == [401] * 9
    assert writers.value("SELECT attempts FROM customer_codes WHERE id = %s",
                         challenge) == 5


def test_three_letters_are_three(both, writers):
    to = new_email()
    got = at_once(both, [("POST", DOOR, {"email": to}, None)] * 8)
    assert sorted(got) == [200] * 3 + [429] * 5
    assert writers.value("SELECT count(*) FROM customer_codes WHERE email ="
                         " %s", to) == 3


def test_data_is_deleted_once(both, writers):
    to = new_email()
    both[0].issue(buyer_email=to)
    cookies = [open_session(writers, to) for _ in range(4)]
    got = at_once(both, [("POST", "/v1/portal/data/erase", {"email": to}, c)
                         for c in cookies])
    assert got.count(200) >= 1 and set(got) <= {200, 401}
    assert writers.value("SELECT count(*) FROM events WHERE action ="
                         " 'customer.erase' AND actor_hash = %s AND"
                         " (details->>'licenses')::int = 1",
                         hashlib.sha256(to.encode()).hexdigest()) == 1
