"""Clients that are slow, that leave, and that are too many.

Bare connections to one worker with short deadlines and few places.
"""
import select
import socket
import time

import pytest

from lib.process import wait_for
from lib.wire import CHECK, GET, Wire, post, refused

CONNECTIONS = 16


@pytest.fixture(scope="module")
def instance(make_instance):
    return make_instance(
        name="clients", LICET_WORKERS=1, LICET_CONNECTIONS=CONNECTIONS,
        LICET_HEADER_TIMEOUT=1, LICET_BODY_TIMEOUT=1, LICET_KEEPALIVE=2)


@pytest.fixture
def edge(instance):
    yield instance
    # Connections that were just reset may still count at the limit.
    wait_for(lambda: is_served(instance), 60, "the worker serves on")
    instance.check_workers()


def admitted(instance):
    """A connection that had an answer, or None."""
    w = Wire(instance)
    try:
        w.goes_on()
        return w
    except (OSError, AssertionError):
        w.socket.close()
        return None


def is_served(instance):
    w = admitted(instance)
    if w is not None:
        w.socket.close()
    return w is not None


@pytest.mark.parametrize("data", [b"G", b"GET /healthz HTTP/1.1\r\nHo",
                                  GET[:-2]])
def test_slow_header(edge, data):
    with Wire(edge) as w:
        w.send(data)
        refused(w, 408)


def test_slow_body(edge):
    with Wire(edge) as w:
        w.send(post(CHECK, length=len(CHECK) + 1))
        refused(w, 408)


@pytest.mark.parametrize("start", [b"GET /healthz HTTP/1.1\r\nX: ",
                                   post(b"", length=1000)])
def test_dripping_gains_no_time(edge, start):
    with Wire(edge) as w:
        begin = time.monotonic()
        w.send(start)
        while not select.select([w.socket], [], [], 0.1)[0]:
            w.send(b"x")
            assert time.monotonic() - begin < 8
        assert w.answer().status == 408


def test_silence_is_closed_in_silence(edge):
    with Wire(edge) as w:
        w.ended()


def test_idle_keep_alive_is_closed_in_silence(edge):
    with Wire(edge) as w:
        w.send(GET)
        assert w.answer().status == 200
        begin = time.monotonic()
        w.ended()
        assert time.monotonic() - begin > 1


@pytest.mark.parametrize("data", [GET, post(CHECK)])
def test_half_close(edge, data):
    with Wire(edge) as w:
        w.send(data)
        w.half_close()
        assert w.answer().status == 200
        w.ended()


@pytest.mark.parametrize("data", [b"", b"GET /hea", post(CHECK)[:-1]])
def test_half_close_too_early(edge, data):
    with Wire(edge) as w:
        w.send(data)
        w.half_close()
        w.ended()


def test_client_that_left(edge):
    for data in (GET, post(CHECK), post(CHECK)[:-1], b"GET /"):
        for _ in range(20):
            with Wire(edge) as w:
                w.send(data)
                w.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    b"\1\0\0\0\0\0\0\0")


def test_shedding_at_the_limit(own_instance):
    """Where those that are idle are left alone for a minute."""
    edge = own_instance(name="places", LICET_WORKERS=1,
                        LICET_CONNECTIONS=CONNECTIONS, LICET_KEEPALIVE=60)
    held = []
    try:
        for _ in range(CONNECTIONS):
            # Those who looked whether it is ready may still hold a place.
            held.append(wait_for(lambda: admitted(edge), 60, "a place"))
        with Wire(edge) as w:
            try:
                refused(w, 503)
            except ConnectionResetError:
                pass
        held.pop().socket.close()
        wait_for(lambda: is_served(edge), 30,
                 "a place that was left is given away")
        held[0].goes_on()
    finally:
        for w in held:
            w.socket.close()
