"""Bare connections: HTTP byte by byte, as no client library would send it."""
import json
import re
import socket

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
UNKNOWN = b"GET /no/such/page HTTP/1.1\r\nHost: x\r\n\r\n"
CHECK = json.dumps({"key": "LIC1-NONE", "product_slug": "none",
                    "fingerprint": "f"}).encode()
CODES = {
    400: "bad_request",
    408: "request_timeout",
    413: "payload_too_large",
    414: "uri_too_long",
    417: "expectation_failed",
    431: "request_header_fields_too_large",
    501: "not_implemented",
    503: "service_unavailable",
    505: "http_version_not_supported",
}


class Answer:
    def __init__(self, head, body):
        first, *lines = head.decode("latin1").split("\r\n")
        self.status = int(re.match(r"HTTP/1\.[01] (\d{3})", first)[1])
        self.headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.body = body

    def json(self):
        return json.loads(self.body)


class Wire:
    """A bare connection."""

    def __init__(self, instance, seconds=60, window=None):
        self.socket = socket.socket()
        self.socket.settimeout(seconds)
        if window is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.connect((instance.host, instance.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """What a server that refuses does not read is no fault."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def read(self):
        data = self.socket.recv(65536)
        assert data, f"closed after {self.rest!r}"
        self.rest += data

    def answer(self, head_only=False):
        while b"\r\n\r\n" not in self.rest:
            self.read()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        a = Answer(head, b"")
        size = 0 if head_only or a.status == 100 else \
            int(a.headers["content-length"])
        while len(self.rest) < size:
            self.read()
        a.body, self.rest = self.rest[:size], self.rest[size:]
        return a

    def ended(self):
        """Nothing more comes, and the server closes."""
        assert self.rest == b""
        try:
            assert self.socket.recv(65536) == b""
        except ConnectionResetError:
            pass

    def goes_on(self):
        self.send(GET)
        assert self.answer().status == 200


def post(body, path="/v1/validate", method="POST", length=None, extra=""):
    length = len(body) if length is None else length
    return (f"{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}"
            f"Content-Length: {length}\r\n\r\n").encode() + body


def get(*lines, path="/healthz", version="HTTP/1.1", host="Host: x\r\n"):
    head = f"GET {path} {version}\r\n{host}".encode()
    for line in lines:
        head += (line.encode() if isinstance(line, str) else line) + b"\r\n"
    return head + b"\r\n"


def refused(wire, status):
    a = wire.answer()
    assert a.status == status
    assert a.headers["content-type"].startswith("application/json")
    assert a.headers["access-control-allow-origin"] == "*"
    assert a.headers["connection"] == "close"
    body = a.json()
    assert set(body) == {"ok", "error", "message"}
    assert body["ok"] is False
    assert body["error"] == CODES[status]
    wire.ended()


def exchange(edge, data, status):
    """One answer; refusals close, everything else goes on."""
    with Wire(edge) as w:
        w.send(data)
        if status in CODES:
            refused(w, status)
        else:
            assert w.answer().status == status
            w.goes_on()
