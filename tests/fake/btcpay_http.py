"""The wire side of the fake BTCPay Server: reads requests, lets the switches
of the fake spoil the exchange, and answers."""
import contextlib
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status, body):
        super().__init__(status, body)
        self.status, self.body = status, body


def problem(status, code, message):
    return Refusal(status, {"code": code, "message": message})


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


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *args):
        pass

    def do_any(self):
        fake = self.server.fake
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        url = urlsplit(self.path)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return self.reply(400, {"code": "generic-error",
                                    "message": "Malformed JSON"})
        with fake.lock:
            fake.requests.append({
                "method": self.command, "path": url.path, "json": body,
                "query": parse_qs(url.query), "headers": dict(self.headers)})
        if fake.is_silent:
            fake.released.wait()
            return self.hang_up()
        if fake.delay:
            fake.released.wait(fake.delay)
        if fake.wrong_reply is not None:
            return self.reply_wrong(fake.wrong_reply)
        if self.headers.get("Authorization") != f"token {fake.api_key}":
            return self.reply(401, {
                "code": "unauthenticated", "message":
                "Authentication is required for accessing this endpoint"})
        try:
            answer = fake.answer(self.command, url.path.rstrip("/"),
                                 parse_qs(url.query), body)
        except Refusal as r:
            return self.reply(r.status, r.body)
        if self.command == "POST" and url.path.endswith("/invoices"):
            with fake.lock:
                lost = fake.lost_creates > 0
                fake.lost_creates -= lost
            if lost:
                return self.hang_up()
        return self.reply(200, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_any

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def reply(self, status, answer):
        self.send_bytes(status, json.dumps(answer).encode())

    def reply_wrong(self, kind):
        if kind == "truncated":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id":"x"')
            self.wfile.flush()
            return self.hang_up()
        replies = {
            "garbage": (200, b'{"id": "x", "checkoutLink'),
            "html": (200, b"<html>Welcome</html>"),
            "empty": (200, b""),
            "null": (200, b"null"),
            "types": (200, b'{"id":5,"checkoutLink":[],"status":{}}'),
            "huge": (200, b'{"id":"' + b"x" * (3 << 20) + b'"}'),
            "500": (500, b'{"code":"generic-error","message":"oops"}'),
            "401": (401, b'{"code":"unauthenticated","message":"no"}'),
        }
        return self.send_bytes(*replies[kind])

    def send_bytes(self, status, data):
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
