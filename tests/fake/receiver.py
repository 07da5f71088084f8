"""Who receives webhooks in the doubles' own tests."""
import contextlib
import json
import threading
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
