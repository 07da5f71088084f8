"""The clock of an instance, in a test's hands.

    server = own_instance(movable=True)
    server.clock.move(days=31)

moves what licet_now() and clock_time_us() say, in every replica on that
database, and wakes all that runs by the clock.  The machine's clock and
PostgreSQL's now() stay.  Never with the instances that all tests share.
"""
import datetime
import json

from lib.process import wait_for


class Clock:
    def __init__(self, server):
        self.server = server

    def now(self):
        """The time by which the instance's rules go."""
        return self.server.value("SELECT licet_now() AS t")

    def shift(self):
        """How far it is moved, a timedelta."""
        return self.server.value("SELECT moved_by FROM licet_moved.clock")

    def move(self, days=0, hours=0, seconds=0):
        """Ahead, or back; returns the new time once every worker goes by
        it.  What was already under way may still see the old one."""
        by = datetime.timedelta(days=days, hours=hours, seconds=seconds)
        self.server.db.execute("SELECT licet_moved.move_1(%s)",
                               [by.total_seconds()])
        return self.wait()

    def set(self, when):
        """To a datetime with a zone."""
        self.server.db.execute(
            "SELECT licet_moved.move_1("
            "extract(epoch FROM %s - licet_now())::float8)", [when])
        return self.wait()

    def reset(self):
        """Back to the true time."""
        return self.move(seconds=-self.shift().total_seconds())

    def wait(self):
        """Until every worker that runs has heard how far it is moved."""
        shift = round(self.shift() / datetime.timedelta(microseconds=1))
        for replica in self.server.replicas:
            if replica.process is None:
                continue
            workers = int(replica.settings["LICET_WORKERS"])
            wait_for(lambda: heard(replica) == dict.fromkeys(
                range(1, workers + 1), shift), 60,
                f"{replica.name}'s workers go by the moved clock")
        return self.now()


def heard(replica):
    """The last shift that each worker told of."""
    last = {}
    for line in replica.log().splitlines():
        if '"clock.moved"' in line:
            told = json.loads(line)
            last[told["worker"]] = told["shift_us"]
    return last
