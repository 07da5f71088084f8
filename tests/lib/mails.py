"""Mail to buyers: an instance with a mail server, and what it sends."""
import itertools

from lib.client import Api
from lib.process import wait_for

NUMBERS = itertools.count(1)


class Mails(Api):
    """Client of a movable instance that sends mail through a Smtp."""

    def __init__(self, server, smtp):
        super().__init__(server.url, server.admin_key, server.db)
        self.server, self.smtp, self.clock = server, smtp, server.clock

    @staticmethod
    def address():
        """A buyer nobody has written to yet."""
        return f"buyer{next(NUMBERS)}@example.org"

    def row(self, to, kind="receipt"):
        return self.server.row("SELECT * FROM mails WHERE to_address = %s"
                               " AND kind = %s", to, kind)

    def rows(self, to):
        return self.server.rows("SELECT * FROM mails WHERE to_address = %s"
                                " ORDER BY created_at, id", to)

    def becomes(self, to, status, kind="receipt", seconds=60):
        """Until that mail's row has the status; the row."""
        def there():
            row = self.row(to, kind)
            return row is not None and row["status"] == status and row
        return wait_for(there, seconds, f"the {kind} to {to} is {status}")

    def told(self, to, n=1):
        """The n-th mail to them, once it is noted that all were sent: from
        then on the clock may be moved, and none is sent again."""
        mail = self.smtp.comes(to, n)
        wait_for(lambda: [r["status"] for r in self.rows(to)].count("sent")
                 >= n, 60, f"{n} mails to {to} are noted")
        return mail

    def tried(self, to, n, kind="receipt", seconds=60):
        """Until so many tries are noted; the row."""
        def there():
            row = self.row(to, kind)
            return row is not None and row["attempts"] >= n and row
        return wait_for(there, seconds, f"try {n} of the {kind} to {to}")

    def until(self, when):
        gap = (when - self.clock.now()).total_seconds()
        if gap > 0:
            self.clock.move(seconds=gap + 0.01)

    def settled(self):
        """Until all news are told: what made no mail by now makes none."""
        wait_for(lambda: self.server.value(
            "SELECT NOT EXISTS (SELECT FROM outbox WHERE NOT fanned_out)"
            " AS told"), 60, "all news are told")
