"""Shapes that many tests ask for."""
import datetime
import re

UUID = re.compile(
    r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")
NOWHERE = "00000000-0000-4000-8000-000000000000"


def is_uuid(text):
    return isinstance(text, str) and UUID.match(text) is not None


def is_time(text):
    return isinstance(text, str) and TIME.match(text) is not None


def read_time(text):
    assert is_time(text), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def ahead(**delta):
    """A time from now, to the second, as the API writes it."""
    when = now() + datetime.timedelta(**delta)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def events(server, target_id, action=None):
    """The audit rows of one thing, oldest first."""
    rows = server.rows("SELECT * FROM events WHERE target_id = %s"
                       " ORDER BY occurred_at", str(target_id))
    return [r for r in rows if action is None or r["action"] == action]


def outbox(server, key, value, event_type=None):
    """The outbox rows whose data say so, oldest first."""
    rows = server.rows("SELECT * FROM outbox WHERE data->>%s = %s"
                       " ORDER BY id", key, str(value))
    return [r for r in rows
            if event_type is None or r["event_type"] == event_type]
