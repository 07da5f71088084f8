#!/usr/bin/python3
"""webhooks.py [EVENTS]: what bad endpoints cost the good ones.

Twenty endpoints, EVENTS (100) events, one after the other, so 2,000 deliveries;
the time from an event's commit to its arrival at each of eighteen of them,
with the other two in good health, and with one that hangs and one that refuses,
in turns, five times.  Prints the median p50 and p99 of both, and the ratio of
the p99s, of one run on one machine.
"""
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from fake.receiver import Vendor, refusing          # noqa: E402
from lib.instance import Vault, instances, make_template    # noqa: E402
from lib.postgres import Cluster                    # noqa: E402
from lib.process import wait_for                    # noqa: E402
from lib.webhooks import Hooks                      # noqa: E402

ENDPOINTS, HEALTHY, PAUSE, ROUNDS = 20, 18, 0.02, 5


def measure(hooks, bad, events):
    for n in range(ENDPOINTS):
        path = f"/{'bad' if bad else 'good'}{n}"
        spoiled = bad and n >= HEALTHY
        hooks.endpoint(path, refusing() if spoiled and n % 2 else None)
        if spoiled and n % 2 == 0:
            hooks.vendor.set(path, hang=120)
    hooks.vendor.calls.clear()
    told = {}
    for n in range(events):
        hooks.db.execute("INSERT INTO outbox (event_type, data) VALUES"
                         " ('load.news', jsonb_build_object('n', %s::int))",
                         [n])
        told[n] = time.monotonic()
        time.sleep(PAUSE)       # the load's pace
    awaited = [f"/{'bad' if bad else 'good'}{n}" for n in range(HEALTHY)]
    wait_for(lambda: sum(len(hooks.vendor.got(p)) for p in awaited)
             >= events * HEALTHY, 120, "all have come")
    delays = sorted(c.at - told[c.body["data"]["n"]]
                    for p in awaited for c in hooks.vendor.got(p))
    for row in hooks.do("GET", "/webhook-endpoints")["endpoints"]:
        hooks.off(row)
    hooks.vendor.let_go()
    return (statistics.median(delays) * 1000,
            delays[int(len(delays) * 0.99)] * 1000)


def compare(hooks, events, bad_first):
    """Both, and whatever else the machine does hits now these, now those."""
    done = {bad: measure(hooks, bad, events)
            for bad in sorted((False, True), reverse=bad_first)}
    return done[False], done[True]


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    cluster, vault, vendor = Cluster().start(), Vault(), Vendor().start()
    try:
        vault.create_ring()
        make_template(cluster, vault)
        with instances(cluster, vault) as make:
            hooks = Hooks(make(replicas=2, name="load",
                               LICET_WEBHOOK_PRIVATE="on"), vendor)
            measure(hooks, False, 10)       # warm
            rounds = [compare(hooks, events, n % 2) for n in range(ROUNDS)]
    finally:
        vendor.stop()
        vault.remove()
        cluster.remove()
    good, bad = ([statistics.median(r[who][of] for r in rounds)
                  for of in (0, 1)] for who in (0, 1))
    print(f"webhooks {events * ENDPOINTS} deliveries to {ENDPOINTS} endpoints,"
          f" of which {HEALTHY} are looked at")
    for name, (p50, p99) in (("all well", good), ("two bad", bad)):
        print(f"webhooks {name:8} p50={p50:.1f}ms p99={p99:.1f}ms")
    print(f"webhooks ratio    p99={bad[1] / good[1]:.2f}")


if __name__ == "__main__":
    main()
