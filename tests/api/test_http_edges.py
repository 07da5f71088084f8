"""What the server does with HTTP that is odd or hostile.

Each case talks to a replica directly, byte by byte, since a proxy would
straighten most of it.  They also pin what the guard takes for granted of
Kore 4.1: a new Kore that behaves differently fails here.
"""
import pytest

from lib.process import children, resident_kb
from lib.wire import (CHECK, GET, UNKNOWN, Wire, exchange, get, post,
                      refused)


@pytest.fixture(scope="module")
def instance(make_instance):
    return make_instance(name="edges", LICET_WORKERS=1)


@pytest.fixture
def edge(instance):
    yield instance
    with Wire(instance) as w:
        w.goes_on()
    instance.check_workers()


# --- several requests ---

def test_keep_alive(edge):
    with Wire(edge) as w:
        for _ in range(3):
            w.send(GET)
            assert w.answer().status == 200
            w.send(post(CHECK))
            assert w.answer().status == 200
            w.send(UNKNOWN)
            assert w.answer().status == 404


def test_connection_close(edge):
    with Wire(edge) as w:
        w.send(get("Connection: close"))
        a = w.answer()
        assert (a.status, a.headers["connection"]) == (200, "close")
        w.ended()


@pytest.mark.parametrize("data", [
    GET + GET, post(CHECK) + GET, post(CHECK) + post(CHECK),
    post(CHECK + b"x", length=len(CHECK)), post(CHECK, length=0),
    GET + b"x", GET + b"\r\n",
])
def test_bytes_beyond_the_body_are_refused(edge, data):
    exchange(edge, data, 400)


def test_request_sent_behind_a_request(edge):
    """It waits in the socket, or is surplus; it never overtakes."""
    with Wire(edge) as w:
        w.send(post(CHECK))
        w.send(UNKNOWN)
        first = w.answer()
        if first.status == 400:
            w.ended()
        else:
            assert first.status == 200
            assert w.answer().status == 404


def test_megabytes_beyond_the_body(edge):
    worker, = children(edge.replicas[0].process.pid)
    before = resident_kb(worker)
    with Wire(edge) as w:
        w.send(post(CHECK + b"x" * 3000000, length=len(CHECK)))
        refused(w, 400)
    assert resident_kb(worker) < before + 8192


# --- bodies ---

def test_body_in_pieces(edge):
    data = post(CHECK)
    with Wire(edge) as w:
        for i in range(len(data)):
            w.send(data[i:i + 1])
        assert w.answer().status == 200
        w.goes_on()


def test_body_larger_than_a_buffer(edge):
    with Wire(edge) as w:
        w.send(post(CHECK[:-1] + b',"x":"' + b"y" * 50000 + b'"}'))
        assert w.answer().status in (200, 400, 422)
        w.goes_on()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("split", [False, True])
def test_body_of_any_method_is_its_body(edge, method, split):
    """Not a request of its own, wherever the packets end."""
    data = post(UNKNOWN, path="/healthz", method=method)
    cut = len(data) - len(UNKNOWN) if split else len(data)
    with Wire(edge) as w:
        w.send(data[:cut])
        w.send(data[cut:])
        assert w.answer(head_only=method == "HEAD").status != 404
        w.goes_on()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_length_is_no_body(edge, method):
    with Wire(edge) as w:
        w.send(f"{method} /no/such HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert w.answer().status == 404
        w.goes_on()


@pytest.mark.parametrize("length", [
    "-2", "+2", "0x2", "2,2", "2 2", "2;", "", "a", "18446744073709551618 ",
    "2\t3",
])
def test_bad_length(edge, length):
    status = 413 if len(length) > 18 else 400
    exchange(edge, f"POST /v1/validate HTTP/1.1\r\nHost: x\r\n"
             f"Content-Length: {length}\r\n\r\n".encode() + b"ab", status)


@pytest.mark.parametrize("lines", [
    ["Content-Length: 2", "Content-Length: 2"],
    ["Content-Length: 2", "content-length: 3"],
    ["Content-Length: 0", "X: y", "CONTENT-LENGTH: 2"],
])
def test_two_lengths(edge, lines):
    exchange(edge, get(*lines).replace(b"GET", b"POST") + b"ab", 400)


@pytest.mark.parametrize("coding", [
    "Transfer-Encoding: chunked", "transfer-encoding:chunked",
    "TRANSFER-ENCODING:  identity", "Transfer-Encoding:\tchunked",
    "Transfer-Encoding:", "Transfer-Encoding: xchunked",
])
@pytest.mark.parametrize("length", [[], ["Content-Length: 2"]])
def test_transfer_coding(edge, coding, length):
    data = get(*length, coding).replace(b"GET", b"POST")
    exchange(edge, data + b"2\r\nab\r\n0\r\n\r\n", 501)
    exchange(edge, get(coding, *length), 501)


def test_body_over_the_limit(edge):
    exchange(edge, post(b"", length=64 << 20), 413)
    with Wire(edge) as w:
        w.send(post(b"x" * 3000000, length=64 << 20))
        refused(w, 413)


def test_expect_continue(edge):
    head = post(b"", length=len(CHECK), extra="Expect: 100-Continue\r\n")
    with Wire(edge) as w:
        w.send(head)
        assert w.answer().status == 100
        w.send(CHECK)
        assert w.answer().status == 200
        w.goes_on()


def test_expect_with_the_body_at_hand(edge):
    exchange(edge, post(CHECK, extra="Expect: 100-continue\r\n"), 200)


def test_expect_is_not_invited_to_too_much(edge):
    exchange(edge, post(b"", length=64 << 20,
                        extra="Expect: 100-continue\r\n"), 413)


def test_expect_something_else(edge):
    exchange(edge, post(CHECK, extra="Expect: tea\r\n"), 417)


# --- header blocks ---

@pytest.mark.parametrize("line, status", [
    ("X-Empty:", 200),
    ("X-Blank:   ", 200),
    ("X-Name: \u00e9\u4e2d", 200),
    ("X-Tab: a\tb", 200),
    ("X-Trailing: a  \t ", 200),
    ("X-Tight:a", 200),
    ("Hostile: a", 200),
    ("X!#$%&'*+-.^_`|~: a", 200),
    ("User-Agent: x" * 100, 200),
    ("X-Space : a", 400),
    (" X-Folded: a", 400),
    ("X: a\r\n folded", 400),
    ("X: a\r\n\tfolded", 400),
    ("no colon", 400),
    (": no name", 400),
    ("X-\u00e9: a", 400),
    ("X: a\rb", 400),
    ("X: a\nY: b", 400),
    (b"X: a\0b", 400),
    (b"X: a\x7fb", 400),
    (b"X: a\x1bb", 400),
    ("Host: y", 400),
])
def test_header_line(edge, line, status):
    exchange(edge, get(line), status)
    exchange(edge, get("A: b", line, "C: d"), status)


@pytest.mark.parametrize("host, status", [
    ("", 400), ("Host:\r\n", 400), ("Host: a b\r\n", 400),
    ("Host: a/b\r\n", 400), ("Host: " + "a" * 300 + "\r\n", 400),
    ("Hostile: x\r\nHost: x\r\n", 200), ("host:x:80\r\n", 200),
    ("HOST: [::1]:8080\r\n", 200), ("Host: [::1\r\n", 400),
])
def test_host(edge, host, status):
    exchange(edge, get(host=host), status)


@pytest.mark.parametrize("count, status", [(22, 200), (23, 431), (30, 431),
                                           (100, 431)])
def test_number_of_headers(edge, count, status):
    """None is dropped in silence: the length comes last."""
    lines = [f"X-H{i}: v" for i in range(count - 1)]
    lines.append(f"Content-Length: {len(CHECK)}")
    exchange(edge, get(*lines, path="/v1/validate").replace(b"GET", b"POST")
             + CHECK, status)


def test_headers_that_nobody_reads_make_room(edge):
    lines = [f"X-H{i}: v" for i in range(20)]
    lines += [f"Sec-CH-UA-{i}: v" for i in range(10)]
    lines += ["DNT: 1", "Via: 1.1 a", f"Content-Length: {len(CHECK)}"]
    exchange(edge, get(*lines, path="/v1/validate").replace(b"GET", b"POST")
             + CHECK, 200)


def test_large_header_block(edge):
    exchange(edge, get("X: " + "y" * 7000), 200)
    exchange(edge, get("X: " + "y" * 9000), 431)
    exchange(edge, get("X: " + "y" * 3000000), 431)


@pytest.mark.parametrize("path, status", [
    ("/" + "a" * 1800, 404),
    ("/" + "a" * 2500, 414),
    ("/" + "a" * 9000, 414),
    ("/healthz?" + "a" * 4096, 200),
    ("/healthz?", 200),
    ("/no/such?" + "a" * 4096, 404),
    ("healthz", 400),
    ("http://x/healthz", 400),
    ("*", 400),
    ("/a b", 400),
    ("/a#b", 400),
    ("/\u00e9", 400),
])
def test_target(edge, path, status):
    exchange(edge, get(path=path), status)


def test_long_query_and_body(edge):
    exchange(edge, post(CHECK, path="/v1/validate?" + "q" * 4096), 200)


def test_options_of_everything(edge):
    exchange(edge, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200)


@pytest.mark.parametrize("data, status", [
    (b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1 x\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz\r\nHost: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    (b"GET /healthz HTTQ/1.1\r\nHost: x\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
    (b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"\x16\x03\x01\x00\xa5\x01\x00", 400),
    (b"\r\n\r\n", 400),
    (b"\0", 400),
])
def test_request_line(edge, data, status):
    exchange(edge, data, status)


def test_http_1_0(edge):
    for more in ([], ["Connection: keep-alive"]):
        with Wire(edge) as w:
            w.send(get(*more, version="HTTP/1.0"))
            assert w.answer().status == 200
            w.ended()
    with Wire(edge) as w:
        w.send(post(CHECK).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert w.answer().status == 200
        w.ended()
    with Wire(edge) as w:
        w.send(UNKNOWN.replace(b"1.1", b"1.0").replace(b"GET", b"DELETE"))
        assert w.answer().status == 404
        w.ended()


def test_http_1_0_needs_no_host(edge):
    """What HAProxy's plain `option httpchk' sends."""
    with Wire(edge) as w:
        w.send(b"GET /health/ready HTTP/1.0\r\n\r\n")
        assert w.answer().status == 200
        w.ended()


def test_head(edge):
    with Wire(edge) as w:
        w.send(GET.replace(b"GET", b"HEAD"))
        assert w.answer(head_only=True).status == 200
        w.goes_on()


def test_garbage(edge):
    """Megabytes of it; the client can read why it was refused."""
    with Wire(edge) as w:
        w.send(b"A" * 3000000)
        refused(w, 414)
    with Wire(edge) as w:
        w.send(b"\x80" * 3000000)
        refused(w, 400)
