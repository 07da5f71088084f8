"""Requests that bear an Idempotency-Key."""
import uuid

REPLAYED = "Idempotent-Replayed"


def new_key():
    return str(uuid.uuid4())


def keyed(key):
    return {"headers": {"Idempotency-Key": key}}


def is_replay(response):
    return response.headers.get(REPLAYED) == "true"


def same(first, again):
    """The second answer is the first one, and says so."""
    assert not is_replay(first), first.text
    assert is_replay(again), again.text
    assert (again.status_code, again.content,
            again.headers["content-type"]) == (
        first.status_code, first.content, first.headers["content-type"])
    return first


def twice(send, key=None):
    """Sends a request twice under a key; the first answer."""
    key = key or new_key()
    return same(send(**keyed(key)), send(**keyed(key)))
