"""The wire side of every double: listens, records, lets the switchboard
spoil the exchange, and answers."""
import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from fake.faults import Fault, Faults


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status, body, headers=None):
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers or {}


class Answer:
    """An answer that is not simply 200 and JSON; body: bytes or JSON."""

    def __init__(self, status, body=b"", kind="application/json"):
        self.status, self.body, self.kind = status, body, kind


class Request:
    def __init__(self, method, target, headers, raw):
        url = urlsplit(target)
        self.method, self.path = method, url.path
        self.query = parse_qs(url.query, keep_blank_values=True)
        self.headers, self.raw = headers, raw
        self.is_malformed, self.json = False, None
        try:
            self.json = json.loads(raw) if raw else None
        except ValueError:
            self.is_malformed = True

    def first(self, name, default=None):
        return self.query.get(name, [default])[0]

    def record(self):
        return {"method": self.method, "path": self.path, "json": self.json,
                "query": self.query, "headers": dict(self.headers),
                "at": time.monotonic()}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, *args):
        super().__init__(*args)
        self.open = set()

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def end(self):
        """Stops listening and cuts what is connected."""
        self.shutdown()
        self.server_close()
        for request in list(self.open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """Clients that hang up are part of the tests."""


class Double(Faults):
    """A service: answer(request) says what it answers, or raises Refusal."""
    # An answer that is JSON, but of other types than documented.
    wrong_types = b'{"id":5,"status":{},"data":7,"result":[],"tag":null}'

    def __init__(self):
        self.lock = threading.RLock()
        self.server = None
        self.port = 0
        self.requests = []
        self.clear_faults()

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.fake = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()
        return self

    def stop(self):
        self.released.set()
        if self.server is not None:
            server, self.server = self.server, None
            server.end()

    def reset(self):
        """All switches off, nothing recorded; what exists stays."""
        self.clear_faults()
        with self.lock:
            self.requests = []
        if self.server is None and self.port:
            self.start()

    @contextlib.contextmanager
    def away(self):
        """Nobody listens on the port meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def settings(self):
        """The settings of an instance that uses this double."""
        return {}

    def answer(self, request):
        raise NotImplementedError

    def malformed(self, request):
        """What a body that is no JSON gets."""
        return Refusal(400, {"message": "Malformed JSON"})

    def asked(self, method=None, path=""):
        """The recorded requests of this method whose path contains this."""
        with self.lock:
            return [r for r in self.requests if path in r["path"] and
                    method in (None, r["method"])]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *args):
        pass

    def do_any(self):
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, self.headers, raw)
        released = fake.released
        with fake.lock:
            fake.requests.append(request.record())
        fault = fake.fault_of(request.method, request.path) or Fault("none")
        if fault.kind == "silent" and not fault.is_done:
            released.wait()
            return self.hang_up()
        pause = fake.delay + (fault.seconds if fault.kind in
                              ("slow", "pause") else 0)
        if pause > 0:
            released.wait(pause)
        if fault.kind not in ("none", "slow") and not fault.is_done:
            return self.spoil(fake, fault, released)
        status, body, kind, headers = self.ask(fake, request)
        if fault.is_done:
            return self.spoil(fake, fault, released)
        if status < 300 and fake.loses(request.method, request.path):
            return self.hang_up()
        return self.send_bytes(status, body, kind, headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def ask(self, fake, request):
        """(status, bytes, content type, headers) of the double's answer."""
        headers = {}
        try:
            answer = fake.answer(request)
        except Refusal as r:
            answer, headers = Answer(r.status, r.body), r.headers
        if not isinstance(answer, Answer):
            answer = Answer(200, answer)
        body = answer.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return answer.status, body, answer.kind, headers

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def spoil(self, fake, fault, released):
        kind = fault.kind
        if kind == "silent":
            released.wait()
        if kind in ("silent", "hangup", "pause"):
            return self.hang_up()
        if kind == "truncated":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id":"x"')
            self.wfile.flush()
            return self.hang_up()
        if kind.isdigit():
            body = {"401": b'{"code":"unauthenticated","message":"no"}'}
            return self.send_bytes(int(kind), body.get(
                kind, b'{"code":"generic-error","message":"oops"}'))
        replies = {
            "garbage": b'{"id": "x", "checkoutLink',
            "html": b"<html>Welcome</html>",
            "empty": b"",
            "null": b"null",
            "types": fake.wrong_types,
            "huge": b'{"id":"' + b"x" * (3 << 20) + b'"}',
        }
        return self.send_bytes(200, replies[kind])

    def send_bytes(self, status, data, kind="application/json",
                   headers=None):
        self.send_response(status)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
