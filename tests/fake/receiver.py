"""Who receives webhooks: in the doubles' own tests (receiving), and as the
vendor's servers (Vendor)."""
import collections
import contextlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.seen.append((body, self.headers["BTCPay-Sig"]))
        server.got.append({"path": self.path, "raw": body,
                           "headers": dict(self.headers)})
        self.send_response(server.statuses.pop(0) if server.statuses
                           else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def receiving():
    """A server that answers with the statuses it is given, then 200."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.seen, server.got, server.statuses = [], [], []
    server.events = lambda: [json.loads(raw) for raw, _ in server.seen]
    threading.Thread(target=server.serve_forever, args=(0.02,),
                     daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield server
    server.shutdown()
    server.server_close()


# The vendor's own servers, as operators' webhooks find them.

class Call:
    """A message that came."""

    def __init__(self, handler, body):
        self.path = handler.path
        self.headers = dict(handler.headers)
        self.raw = body
        self.at = time.monotonic()

    @property
    def id(self):
        return self.headers["X-Keysat-Delivery"]

    @property
    def body(self):
        return json.loads(self.raw)


class VendorHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        vendor = self.server.vendor
        with vendor.lock:
            call = Call(self, body)
            vendor.calls.append(call)
            how = vendor.ways.get(self.path, {})
            statuses = how.get("statuses")
            status = statuses.pop(0) if statuses else how.get("status", 200)
            vendor.flying[self.path] += 1
            vendor.most[self.path] = max(vendor.most[self.path],
                                         vendor.flying[self.path])
        try:
            self.answer(vendor, how, status)
        except OSError:
            pass
        finally:
            with vendor.lock:
                vendor.flying[self.path] -= 1

    def answer(self, vendor, how, status):
        self.close_connection = True
        if how.get("hang"):
            vendor.released.wait(how["hang"])
            return
        if how.get("delay"):
            vendor.released.wait(how["delay"])
        if how.get("wrong"):
            self.wfile.write(how["wrong"])
            return
        text = how.get("text", "")
        text = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in how.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length",
                         str(len(text) + how.get("owed", 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        if how.get("owed"):
            self.wfile.flush()
            vendor.released.wait(30)

    def do_GET(self):
        with self.server.vendor.lock:
            self.server.vendor.strays.append(self.path)
        self.send_error(404)

    def log_message(self, *args):
        pass


class VendorServer(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass        # whoever called was killed


class Vendor:
    """Any number of endpoints, one a path, each with its ways:

    set("/a", status=500)               always
    set("/a", statuses=[500, 410])      these, then 200
    set("/a", delay=0.5)                slow
    set("/a", hang=60)                  takes the message, says nothing
    set("/a", wrong=b"hello")           no HTTP
    set("/a", text="...", owed=5)       a body that never ends
    set("/a", headers={...})            redirects and the like
    """

    def __init__(self):
        self.lock = threading.RLock()
        self.calls, self.ways, self.strays = [], {}, []
        self.flying = collections.Counter()
        self.most = collections.Counter()
        self.released = threading.Event()

    def start(self):
        self.server = VendorServer(("127.0.0.1", 0), VendorHandler)
        self.server.vendor = self
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def let_go(self):
        """Ends all that hangs."""
        self.released.set()
        self.released = threading.Event()

    def set(self, path, **how):
        with self.lock:
            self.ways[path] = how

    def got(self, path=None, event=None):
        with self.lock:
            return [c for c in self.calls
                    if (path is None or c.path == path) and
                    (event is None or c.headers["X-Keysat-Event"] == event)]


def refusing():
    """A URL where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}/"
