"""Two years in the life of a shop: goes from each time at which something is
due to the next one, lets the world do what the people in it are used to, and
checks at every stop that server and model (money/model.py) agree."""
import datetime
import heapq
import itertools
import uuid

from fake.rates import SOURCES
from lib.client import expect
from lib.process import wait_for
from lib.renewals import DAY, Shop
from money.model import HOUR, SECOND, Span, Subscriber, World, is_past, span

# What is done at one stop is done within this, by the moved clock.
STOP = 60 * SECOND
# Stops that are nearer to each other than this are one.
NEAR = 180 * SECOND

GLANCE = """
SELECT b.license_id, b.status, b.paid_cycle, b.consecutive_failures,
    b.next_renewal_at, b.next_attempt_at, y.slug,
    ARRAY(SELECT i.status FROM invoices i
        WHERE i.id = l.invoice_id OR i.license_id = l.id
        ORDER BY i.created_at) AS statuses,
    ARRAY(SELECT i.checkout_url <> '' FROM invoices i
        WHERE i.id = l.invoice_id OR i.license_id = l.id
        ORDER BY i.created_at) AS sent
FROM subscriptions b
JOIN licenses l ON l.id = b.license_id
JOIN policies y ON y.id = b.policy_id
"""
INVOICES = """
SELECT i.* FROM invoices i
JOIN licenses l ON l.id = i.license_id OR l.invoice_id = i.id
WHERE l.id = %s ORDER BY i.created_at
"""
# Ids that aren't one person's.
IDS = {
    "product": "SELECT id, slug AS name FROM products",
    "policy": "SELECT id, slug AS name FROM policies",
    "provider": "SELECT id FROM payment_providers",
    "profile": "SELECT id FROM merchant_profiles",
    "change": "SELECT id FROM tier_changes",
}
# The bookkeeping of workers; links and what the provider calls things.
UNCOMPARED = {
    "licenses": {"signing_key_id", "metadata"},
    "subscriptions": {"updated_at"},
    "subscription_invoices": {"id"},
    "invoices": {"updated_at", "next_check_at", "provider_invoice_id",
                 "checkout_url", "redirect_url"},
}


def pays_at_once(cycle):
    """Habits: what somebody does about a cycle's bill, and how long after the
    cycle is due (negative: before)."""
    return [(0 * DAY, "pay")]


class Person(Subscriber):
    def __init__(self, tier, name, habit=pays_at_once):
        super().__init__(name, tier, f"{name}@example.org")
        self.habit = habit
        self.planned_cycle = 1
        self.todo = []          # what couldn't be done yet
        self.unheard = []       # bills paid without a word of it
        self.seen = None        # when validate was asked last


class Years:
    def __init__(self, server, fake, rates, outages):
        """outages: (what, from, to) as times since the begin; what is
        "provider" or "rates"."""
        self.shop = Shop(server, fake)
        self.server, self.fake, self.rates = server, fake, rates
        self.clock = server.clock
        self.begin = self.clock.now()
        self.outages = [(what, self.begin + a, self.begin + b)
                        for what, a, b in outages]
        self.people, self.agenda = [], []
        self.numbers = itertools.count()
        self.stops = 0
        self.tiers = {}

    # The vendor

    def sells(self, product, tier):
        """A policy on the tier's terms."""
        fields = {} if tier.price == product["price_value"] else \
            {"price_sats_override": tier.price}
        self.tiers[tier.slug] = self.shop.policy(
            product, slug=tier.slug, is_recurring=True,
            renewal_period_days=tier.period, grace_period_days=tier.grace,
            grace_seconds=tier.own_grace, trial_days=tier.trial,
            entitlements=list(tier.entitlements),
            max_machines=tier.max_machines, **fields,
            **({"tier_rank": tier.price // 1000} if tier.entitlements else {}))

    # Buying

    def join(self, people):
        for person in people:
            self.joins(person)

    def joins(self, person):
        now = Span(self.clock.now() - SECOND, self.clock.now() + STOP)
        bought = self.shop.buy({"slug": person.tier.product},
                               policy_slug=person.tier.slug,
                               buyer_email=person.email)
        if "license_key" not in bought:
            self.transfer(bought["btcpay_invoice_id"])
            self.fake.deliver(bought["btcpay_invoice_id"], "InvoiceSettled")
            bought.update(self.shop.paid(bought["invoice_id"]))
        person.license_id, person.key = (bought["license_id"],
                                         bought["license_key"])
        row = self.server.row(
            "SELECT l.issued_at, i.settled_at, i.exchange_rate_centibps"
            " FROM licenses l JOIN invoices i ON i.id = l.invoice_id"
            " WHERE l.id = %s", person.license_id)
        assert row["issued_at"] <= row["settled_at"]
        assert now == row["settled_at"]
        person.bought(World(now, self.rate), row["issued_at"],
                      row["settled_at"])
        self.people.append(person)
        self.look_ahead(person)

    # Time

    def at(self, when, person=None, verb=None):
        heapq.heappush(self.agenda, (when, next(self.numbers), person, verb))

    def look_ahead(self, person):
        """Stops where something comes to this person."""
        if person.look_at is not None:
            self.at(span(person.look_at).hi + STOP)
        for bill in person.bills:
            if bill.is_due and bill.until is not None:
                self.at(bill.until + STOP)
        if person.status in ("active", "past_due") and \
                person.paid + 1 > person.planned_cycle:
            person.planned_cycle = person.paid + 1
            for delay, verb in person.habit(person.planned_cycle):
                self.at(person.due + delay, person, verb)

    def live(self, until):
        while self.agenda and self.agenda[0][0] < self.begin + until:
            when = self.agenda[0][0]
            deeds = []
            while self.agenda and self.agenda[0][0] <= when + NEAR:
                last, _, person, verb = heapq.heappop(self.agenda)
                if verb is not None:
                    deeds.append((person, verb))
            if deeds or any(self.concerns(p, last) for p in self.people):
                self.stop(max(last, self.clock.now() + 2 * STOP), deeds)

    @staticmethod
    def concerns(person, when):
        """Is this stop more than the memory of an old plan?"""
        return person.look_at is not None and \
            span(person.look_at).lo <= when or person.unheard or any(
                b.is_due and b.until is not None and b.until <= when
                for b in person.bills)

    def is_out(self, what, when):
        return any(w == what and a <= when < b for w, a, b in self.outages)

    def set_world(self, when):
        self.stops += 1
        self.rate = 90_000 + 137 * self.stops
        self.rates.set(EUR=str(self.rate))
        self.rates.mend()
        if self.is_out("rates", when):
            for source in SOURCES:
                self.rates.fail(source)
        self.fake.wrong("503" if self.is_out("provider", when) else None)
        return World(Span(when, when + STOP), self.rate,
                     not self.is_out("provider", when),
                     not self.is_out("rates", when))

    def move_to(self, when):
        """The provider's clock first: workers go to work at once."""
        self.fake.now = when.timestamp()
        self.clock.set(when)

    def stop(self, when, deeds):
        world = self.set_world(when)
        self.move_to(when)
        self.hear()
        self.provider_looks(world)
        self.work(world)
        for person, verb in deeds:
            person.todo.append(verb)
        self.do_all(world)
        assert self.clock.now() < world.now.hi, "this stop took too long"
        self.check_access(world)
        for person in self.people:
            self.look_ahead(person)

    # What happens at a stop

    def work(self, world):
        for person in self.people:
            person.work(world)
        self.agree()
        for person in self.people:
            for bill in person.bills:
                if bill.is_due and isinstance(bill.until, Span):
                    bill.until = self.payable_until(person, bill)

    def agree(self):
        """Until the server's rows are where the model's are."""
        expected = {p.license_id: p.glance() for p in self.people}

        def seen():
            return {str(r["license_id"]): (
                r["status"], r["paid_cycle"], r["consecutive_failures"],
                r["next_renewal_at"], r["next_attempt_at"], r["slug"],
                list(zip(r["statuses"], r["sent"])))
                for r in self.server.rows(GLANCE)}

        def differ():
            now = seen()
            return [(p.name, expected[p.license_id],
                     now.get(p.license_id)) for p in self.people
                    if expected[p.license_id] != now.get(p.license_id)]
        def agrees():
            if not differ():
                return True
            if next(tries) % 50 == 49:   # a worker that was busy looks again
                self.server.db.execute(
                    "SELECT pg_notify('licet_jobs', 'renewals')")
            return False
        tries = itertools.count()
        try:
            wait_for(agrees, 60, "the server")
        except AssertionError:
            raise AssertionError("\n".join(
                f"{name}:\n  model  {a}\n  server {b}"
                for name, a, b in differ())) from None

    def hear(self):
        """The reconciler finds what no webhook told of."""
        for person in self.people:
            for bill in person.unheard:
                person.settle(bill, self.settled(person, bill))
            person.unheard = []

    def provider_looks(self, world):
        """Unpaid invoices end at the provider, too."""
        self.fake.tick()
        for person in self.people:
            person.work(world)
            for bill in person.bills:
                if bill.is_due and bill.until is not None and \
                        is_past(bill.until, world.now):
                    person.expire(bill, world)

    def do_all(self, world):
        """Everybody does what is to be done, as far as it can be."""
        paying = []
        for person in self.people:
            todo, person.todo = person.todo, []
            for verb in todo:
                bills = getattr(self, verb)(person, world)
                if bills is None:
                    person.todo.append(verb)    # next time, then
                paying += [(person, b) for b in bills or ()]
        if paying:
            self.pay_all(paying)
        self.work(world)

    def transfer(self, invoice):
        """On the chain: the double takes its time to sign for Lightning."""
        self.fake.pay(invoice, method="BTC-CHAIN", confirmed=True,
                      notify=False)

    def pay_all(self, paying):
        """The money arrives; who pays without a word is heard of later."""
        deliveries = []
        for person, bill in paying:
            invoice = self.invoice(person, bill)["provider_invoice_id"]
            self.transfer(invoice)
            if bill not in person.unheard:
                word = "InvoicePaidAfterExpiration" \
                    if bill.status == "expired" else "InvoiceSettled"
                deliveries += self.fake.prepare(invoice, word, n=2)
        self.fake.deliver_all(deliveries, threads=4)
        for person, bill in paying:
            if bill not in person.unheard:
                person.settle(bill, self.settled(person, bill))

    def check_access(self, world):
        """Validate, for those to whom something has happened."""
        for person in self.people:
            has_access = person.has_access(world.now)
            state = (has_access, person.status, person.paid, person.is_trial)
            if state != person.seen:
                answer = self.shop.validate(person.key)
                assert answer["ok"] == has_access, (person.name, answer)
                person.seen = state

    # Deeds: the bills that are to be paid, or None: it can't be done yet

    def pay(self, person, world):
        bills = [b for b in person.bills if b.is_due]
        return bills[-1:] or None

    def pay_old(self, person, world):
        """A bill that isn't needed any more."""
        return [b for b in person.bills if b.is_due][:1]

    def pay_late(self, person, world):
        """What the provider doesn't wait for any more."""
        bills = [b for b in person.bills if b.status == "expired"]
        return bills[-1:]

    def pay_unheard(self, person, world):
        bills = self.pay(person, world)
        person.unheard += bills or []
        self.at(world.now.hi + STOP)
        return bills

    def cancel(self, person, world):
        expect(self.shop.public("POST", "/v1/subscriptions/cancel", {
            "license_key": person.key, "reason": "enough"}), 200)
        person.cancels(self.shop.sub(license_id=person.license_id)
                       ["cancelled_at"], "enough")
        return []

    def upgrade(self, person, world):
        to = person.other
        told = expect(self.shop.public("POST", "/v1/upgrade", {
            "license_key": person.key, "target_policy_slug": to.slug}), 200)
        bill = person.asks_upgrade(to, world.now)
        assert told["amount_sats"] == bill.amount
        return [bill]

    def downgrade(self, person, world):
        expect(self.shop.public("POST", "/v1/downgrade", {
            "license_key": person.key,
            "target_policy_slug": person.other.slug}), 200)
        person.planned = person.other
        return []

    def archive(self, person, world, archived=True):
        self.shop.do("PATCH", f"/policies/{self.tiers[person.tier.slug]['id']}"
                     "/archived", {"archived": archived})
        person.archived = archived
        return []

    def take_out(self, person, world):
        return self.archive(person, world, False)

    # Rows

    def invoice(self, person, bill):
        rows = self.server.rows(INVOICES, person.license_id)
        return rows[person.bills.index(bill)]

    def payable_until(self, person, bill):
        """By the provider's clock, to the second."""
        invoice = self.invoice(person, bill)["provider_invoice_id"]
        until = datetime.datetime.fromtimestamp(
            self.fake.invoices[invoice].expires, datetime.timezone.utc)
        assert bill.until == until, (person.name, bill, until)
        return until

    def settled(self, person, bill):
        """When the server has heard of the payment."""
        return wait_for(lambda: self.invoice(person, bill)["settled_at"], 60,
                        f"{person.name}'s {bill.name} is settled")


    def rows(self, person):
        """All of one person's rows, with names for ids."""
        sub = self.shop.sub(license_id=person.license_id)
        bills = self.server.rows(INVOICES, person.license_id)
        found = {
            "licenses": self.server.rows(
                "SELECT * FROM licenses WHERE id = %s", person.license_id),
            "subscriptions": [sub],
            "subscription_invoices": self.server.rows(
                "SELECT * FROM subscription_invoices WHERE subscription_id ="
                " %s ORDER BY created_at", sub["id"]),
            "invoices": bills,
        }
        news = self.server.rows(
            "SELECT event_type, data FROM outbox WHERE data->>'license_id' ="
            " %s OR data->>'subscription_id' = %s OR data->>'invoice_id' ="
            " ANY(%s) ORDER BY created_at, event_type",
            person.license_id, str(sub["id"]), [str(b["id"]) for b in bills])
        told = self.server.rows(
            "SELECT action FROM events WHERE target_kind = 'subscription'"
            " AND target_id = %s ORDER BY occurred_at", str(sub["id"]))
        names = self.names(person, sub, bills)
        return {
            **{table: [named({k: v for k, v in row.items()
                              if k not in UNCOMPARED[table]}, names)
                       for row in rows] for table, rows in found.items()},
            "outbox": [{"event_type": n["event_type"],
                        **named(n["data"], names)} for n in news],
            "events": told,
            "billed": [{"invoice": names[str(b["id"])],
                        "times": self.fake.billed(str(b["id"]))}
                       for b in bills if b["provider_id"] is not None]}

    def names(self, person, sub, bills):
        assert len(bills) == len(person.bills), person.name
        names = {person.license_id: "license", str(sub["id"]): "subscription"}
        for row, bill in zip(bills, person.bills):
            names[str(row["id"])] = bill.name
            names[row["checkout_url"]] = "checkout " + bill.name
        for what, query in IDS.items():
            for r in self.server.rows(query):
                names[str(r["id"])] = r.get("name") or what
        return names


def named(value, names):
    if isinstance(value, dict):
        return {k: named(v, names) for k, v in value.items()}
    if isinstance(value, uuid.UUID):
        value = str(value)
    return names.get(value, value) if isinstance(value, str) and value \
        else value
