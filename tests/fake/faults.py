"""The switchboard of every double: what goes wrong, with which request.

Switches stay until they are turned off; spoil() is for the next request that
fits; chaos() draws a fault for every request and every delivery from a seed.
reset() ends it all, calm() ends it and keeps what was recorded.

A kind names what the client gets: slow, silent (accepted, never answered),
hangup, garbage, html, empty, null, types, huge, truncated, or a status as
"500".  With "done:" before it the request is acted upon all the same;
"lost" is short for done:hangup.
"""
import dataclasses
import random
import re
import threading

# What chaos draws from: a kind as often as it stands here.
REQUEST_FAULTS = (
    "slow", "slow", "lost", "lost", "hangup", "500", "503", "429", "408",
    "garbage", "truncated", "types", "empty", "html", "done:500",
    "done:garbage", "done:truncated", "pause")
# dropped: never seen again; unsent: no answer came, it is redelivered;
# repeated: the same bytes twice; doubled: and a redelivery of it; held: kept
# back until others, later ones, are through.
HOOK_FAULTS = ("dropped", "unsent", "repeated", "doubled", "doubled",
               "held", "held", "held")
IDS = re.compile(r"/(?=[^/]*\d)[^/]{3,}|/[^/]{16,}")


@dataclasses.dataclass
class Fault:
    kind: str               # without done:
    is_done: bool = False   # acted upon before it goes wrong
    seconds: float = 0.0    # of slow, and of pause before its hangup

    @classmethod
    def named(cls, kind, seconds=0.0):
        if kind == "lost":
            kind = "done:hangup"
        is_done = kind.startswith("done:")
        return cls(kind.removeprefix("done:"), is_done, seconds)


@dataclasses.dataclass
class Rule:
    """The next requests that fit, `times' of them (None: all)."""
    fault: Fault
    times: object
    method: object
    path: object

    def fits(self, method, path):
        return ((self.method is None or self.method == method) and
                (self.path is None or re.search(self.path, path)))


class Chaos:
    """Draws that depend on the seed, on what is done and on how many times
    it was done before: one more question does not move all later faults."""

    def __init__(self, rng, p, kinds, hook_p, hook_kinds, pause):
        self.seed = rng.getrandbits(64)
        self.p, self.kinds = p, tuple(kinds)
        self.hook_p, self.hook_kinds = hook_p, tuple(hook_kinds)
        self.pause = pause
        self.counts = {}
        self.drawn = []     # (what, how many before, kind), for messages

    def rng_of(self, what):
        n = self.counts.get(what, 0)
        self.counts[what] = n + 1
        return n, random.Random(f"{self.seed}/{what}/{n}")

    def draw(self, what, p, kinds):
        n, rng = self.rng_of(what)
        if not kinds or rng.random() >= p:
            return None, rng
        kind = rng.choice(kinds)
        self.drawn.append((what, n, kind))
        return kind, rng

    def request(self, method, path):
        kind, rng = self.draw(f"{method} {IDS.sub('/*', path)}", self.p,
                              self.kinds)
        if kind is None:
            return None
        return Fault.named(kind, rng.uniform(0, self.pause))

    def delivery(self, kind):
        return self.draw(f"deliver {kind}", self.hook_p, self.hook_kinds)


class Faults:
    """Mixed into each double; `lock' is theirs."""

    def clear_faults(self):
        with self.lock:
            if getattr(self, "released", None) is not None:
                self.released.set()
            self.released = threading.Event()
            self.delay = 0.0
            self.is_silent = False
            self.wrong_reply = None
            self.lost_creates = 0
            self.rules, self.hook_rules = [], []
            self.chaotic = None

    # Switches

    def slow(self, seconds):
        self.delay = seconds

    def silent(self, on=True):
        """Accept and never answer; turning it off hangs up on the waiting."""
        self.is_silent = on
        if not on:
            self.released.set()
            self.released = threading.Event()

    def wrong(self, kind="garbage"):
        """Every request gets this kind of answer; None ends it."""
        self.wrong_reply = kind

    def lose_create(self, times=1):
        """The next creations happen, but their reply never arrives."""
        self.lost_creates = times

    def spoil(self, kind, times=1, method=None, path=None, seconds=0.0):
        """The next `times' requests (None: all) of this method whose path
        has a match of this expression go wrong; returns what mend() takes
        back."""
        rule = Rule(Fault.named(kind, seconds), times, method, path)
        with self.lock:
            self.rules.append(rule)
        return rule

    def spoil_hooks(self, kind, times=1, event=None):
        """The next deliveries (of this event) meet with this: see
        HOOK_FAULTS; what is held waits for flush() or calm()."""
        assert kind in HOOK_FAULTS, kind
        with self.lock:
            self.hook_rules.append(Rule(Fault(kind), times, event, None))

    def mend(self, rule=None):
        with self.lock:
            self.rules = [] if rule is None else \
                [r for r in self.rules if r is not rule]

    def chaos(self, rng, p=0.2, kinds=REQUEST_FAULTS, hooks=None,
              hook_kinds=HOOK_FAULTS, pause=0.3):
        """A fault with probability p for each request and, with `hooks'
        (default p), for each delivery.  Pauses are at most `pause' long, so
        that no client has to wait for its deadline."""
        self.chaotic = Chaos(rng, p, kinds, p if hooks is None else hooks,
                             hook_kinds, pause)
        return self.chaotic

    def calm(self):
        """All is well from now on, and what was held back is delivered."""
        self.clear_faults()
        return self.flush()

    def flush(self):
        return []

    # What befalls one request

    def fault_of(self, method, path):
        with self.lock:
            if self.is_silent:
                return Fault("silent")
            if self.wrong_reply is not None:
                return Fault.named(self.wrong_reply, self.delay)
            fault = self.first_of(self.rules, method, path)
            if fault is not None:
                return fault
            if self.chaotic is not None:
                return self.chaotic.request(method, path)
            return None

    @staticmethod
    def first_of(rules, method, path):
        """The fault of the first rule that fits, which is used up by it."""
        for rule in rules:
            if rule.fits(method, path):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        rules.remove(rule)
                return rule.fault
        return None

    def hook_fault(self, event):
        """(kind or None, the draw's further chances or None)"""
        fault = self.first_of(self.hook_rules, event, "")
        if fault is not None:
            return fault.kind, None
        return (None, None) if self.chaotic is None else \
            self.chaotic.delivery(event)

    def loses(self, method, path):
        """Whether the answer to this creation, which happened, is lost."""
        with self.lock:
            lost = self.lost_creates > 0 and self.is_create(method, path)
            self.lost_creates -= lost
            return lost

    def is_create(self, method, path):
        return False
