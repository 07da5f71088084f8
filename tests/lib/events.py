"""Event streams as a browser reads them, one event at a time."""
import json

from lib.wire import Answer, Wire


class Stream(Wire):
    """GET /checkout/ID/events on a bare connection; `window' is the size of its
    receive buffer."""

    def __init__(self, instance, invoice_id, *, ip, method="GET",
                 version="HTTP/1.1", seconds=60, window=None,
                 half_closed=False):
        super().__init__(instance, seconds, window)
        lines = [f"{method} /checkout/{invoice_id}/events {version}",
                 "Host: x", "Accept: text/event-stream",
                 f"X-Forwarded-For: {ip}"]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        if half_closed:
            self.half_close()

    def head(self):
        """The answer without its body."""
        while b"\r\n\r\n" not in self.rest:
            self.read()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return Answer(head, b"")

    def begun(self):
        assert self.head().status == 200
        return self

    def block(self):
        """The next block, as fields by name; comments under None."""
        while b"\n\n" not in self.rest:
            self.read()
        text, self.rest = self.rest.split(b"\n\n", 1)
        fields = {}
        for line in text.decode().split("\n"):
            name, _, value = line.partition(":")
            fields[name or None] = value.removeprefix(" ")
        return fields

    def event(self):
        """(type, data) of the next event."""
        while True:
            fields = self.block()
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])

    def state(self):
        kind, data = self.event()
        assert kind == "state", (kind, data)
        return data

    def until(self, status):
        """The state that says so; states before it may be left out."""
        while True:
            data = self.state()
            if data["status"] == status:
                return data

    def end(self):
        kind, data = self.event()
        assert kind == "end", (kind, data)
        self.ended()
        return data["reason"]
