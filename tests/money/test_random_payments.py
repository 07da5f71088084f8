"""Random payments: buyers, the vendor, the provider's operator, forgers, time
and kill -9 do what they like to two replicas, whose payment services are slow,
wrong, deaf or repeat themselves.  Then all is calm, and money/truth.py looks.

All that is drawn comes from one seed, so a run is the same every time as far
as two replicas and their races can be; that is why there is a journal of what
happened and no search for a shorter run, which would be another one.

LICET_CHAOS_SEED=n makes other runs, `random' such as nobody has seen;
LICET_CHAOS_RUNS and LICET_CHAOS_STEPS make more and longer ones,
LICET_CHAOS_FAULTS worse ones.
"""
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.process import wait_for
from money.truth import Truth, summary
from money.world import DAY, World

RUNS = int(os.environ.get("LICET_CHAOS_RUNS", "3"))
STEPS = int(os.environ.get("LICET_CHAOS_STEPS", "90"))
FAULTS = float(os.environ.get("LICET_CHAOS_FAULTS", "0.12"))
# What happens in a step: at most so many of these deeds, drawn one by one;
# how often, compared with others.
RULES = (
    (10, 4, ("buy", "buy", "buy", "redeem")),
    (10, 5, ("pay",)),
    (6, 6, ("pay", "poll")),
    (6, 3, ("confirm", "pay_late")),
    (8, 3, ("card_pay", "card_pay", "card_pay", "card_odd")),
    (2, 1, ("card_mood", "node_mood")),
    (4, 6, ("poll", "poll", "validate")),
    (9, 3, ("move_up", "move_up", "move_down", "change_tier")),
    (3, 1, ("cancel", "cancel", "end_subscription", "revoke")),
    (3, 2, ("edit",)),
    (3, 1, ("refund",)),
    (3, 1, ("mark",)),
    (5, 3, ("lie", "replay", "card_lie")),
    (5, 1, ("minutes",)),
    (9, 1, ("days",)),
    (2, 1, ("kill",)),
    (4, 1, ("restart",)),
    (6, 1, ("storm",)),
)
BY_TURNS = ("poll", "move_up", "cancel", "replay", "redeem", "refund",
            "change_tier", "confirm", "move_down", "end_subscription")


class Chaos(World):
    def step(self, rng, n):
        self.turn(rng)
        _, most, deeds = rng.choices(RULES, [r[0] for r in RULES])[0]
        for _ in range(rng.randint(1, most)):
            deed = rng.choice(deeds)
            self.say(f"{n} {deed}")
            getattr(self, deed)(rng)

    def minutes(self, rng):
        self.move(rng.randint(1, 3600))

    def days(self, rng):
        self.move(rng.choice((1, 2, 3, 7, 7, 8)) * DAY +
                  rng.randint(-60, 60))

    def storm(self, rng):
        """A crowd, upgrades of the same license, each webhook four times;
        perhaps somebody is killed in the middle."""
        same = self.some_key(rng)
        jobs = [self.buy] * 4 + [self.pay, self.pay, self.card_pay]
        jobs += [self.tell_again] * 2
        jobs += [lambda r: self.move_up(r, same)] * 2
        jobs += [getattr(self, name) for name in rng.sample(BY_TURNS, 4)]
        rng.shuffle(jobs)
        is_killed = rng.random() < 0.5
        after = rng.randrange(1, len(jobs) - 3)
        with ThreadPoolExecutor(6) as pool:
            done = [pool.submit(deed, random.Random(rng.random()))
                    for deed in jobs]
            if is_killed:
                wait_for(lambda: sum(d.done() for d in done) >= after, 60,
                         "some deeds are done", pause=0.001)
                self.kill(rng)
        for d in done:
            d.result()
        if is_killed and rng.random() < 0.7:
            self.restart(rng)

    def tell_again(self, rng):
        paid = self.those("Settled")[-6:]
        if paid:
            self.btcpay.deliver(
                rng.choice(paid).id, "InvoiceSettled", n=4,
                targets=list(self.btcpay.webhook_urls), concurrently=True)


def play(make, seed):
    world = Chaos(make, seed, FAULTS)
    truth = Truth(world)
    try:
        rng = random.Random(f"{seed} steps")
        for n in range(STEPS):
            world.step(rng, n)
        truth.calm()
        truth.quiet()
        truth.check()
        print(f"{seed}: {summary(world.server)},"
              f" {len(world.zaprite.charges)} charges")
    except BaseException as e:
        print("\n".join(world.trace))
        truth.dossier(str(e))
        raise
    finally:
        world.end()


@pytest.fixture(scope="module")
def seed():
    text = os.environ.get("LICET_CHAOS_SEED", "1")
    return str(random.SystemRandom().randrange(1 << 32)) \
        if text == "random" else text


@pytest.mark.slow
@pytest.mark.restarts
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("run", range(RUNS))
def test_whoever_pays_gets_it_once(own_instance, seed, run):
    print(f"LICET_CHAOS_SEED={seed}")
    play(own_instance, f"{seed}/{run}")
