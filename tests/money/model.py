"""What becomes of one subscriber, by the contract's words and nothing else.

A subscription as the documents tell of it (4.3, 4.7, 4.8, 5, D1, D4 to D7,
D17), written without a look at how the server does it: the test tells a
Subscriber what happens in the world, and compares the rows that come of it,
all of them, with those in the database.

Ids are names here: "license", "subscription", "purchase", "2.1" for the first
bill of cycle 2.  A time that depends on when exactly a worker looked is a
Span; all that buyers pay for is exact.
"""
import dataclasses
import datetime
import typing

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
SECOND = datetime.timedelta(seconds=1)
# After this many failures: seconds to the next try.
RETRIES = {1: 300, 2: 1800, 3: 7200, 4: 21600}


class Span(typing.NamedTuple):
    """Some time from lo to hi, and equal to every time in it."""
    lo: datetime.datetime
    hi: datetime.datetime

    def __eq__(self, other):
        if isinstance(other, datetime.datetime):
            return self.lo <= other <= self.hi
        return isinstance(other, Span) and tuple(self) == tuple(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __add__(self, delta):
        return Span(self.lo + delta, self.hi + delta)


def span(t):
    return t if isinstance(t, Span) else Span(t, t)


def is_past(t, now):
    """Is it now later than t?  A test that asks when one can't tell looks at
    the wrong time."""
    t = span(t)
    assert now.lo >= t.hi or now.hi < t.lo, f"{t} or {now}?"
    return now.lo >= t.hi


def earliest(*times):
    return min(times, key=lambda t: span(t).lo)


def latest(*times):
    return max(times, key=lambda t: span(t).lo)


def rfc3339(t):
    return t.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_second(t):
    """The first whole second that isn't before t."""
    cut = t.replace(microsecond=0)
    return cut if cut == t else cut + SECOND


@dataclasses.dataclass(frozen=True)
class Tier:
    """A recurring policy, with what its product says of money."""
    product: str
    slug: str
    price: int
    currency: str = "SAT"
    period: int = 30
    grace: int = 7
    trial: int = 0
    own_grace: int = 0              # seconds
    entitlements: tuple = ()
    max_machines: int = 1


@dataclasses.dataclass
class World:
    """What is the same for everybody at one time."""
    now: Span
    rate: int = 0                   # euros for a bitcoin
    is_provider_up: bool = True
    is_rate_up: bool = True

    def rate_of(self, currency):
        return None if currency == "SAT" else self.rate

    def sats(self, currency, value):
        if currency == "SAT":
            return value
        # Half away from zero; something never costs nothing.
        return max(1, (2 * value * 1_000_000 + self.rate) // (2 * self.rate))


@dataclasses.dataclass(eq=False)
class Bill:
    """An invoice."""
    name: str
    kind: str
    tier: Tier
    currency: str
    listed: int
    amount: int
    rate: typing.Optional[int]
    made_at: typing.Any
    cycle: int = 0                  # 0: none
    start: typing.Any = None
    end: typing.Any = None
    is_trial: bool = False
    is_sent: bool = False           # the buyer has its link
    status: str = "pending"
    until: typing.Any = None        # payable at the provider
    told_at: typing.Any = None
    superseded_at: typing.Any = None
    applied_at: typing.Any = None
    settled_at: typing.Any = None
    exception: typing.Optional[str] = None
    attention: typing.Optional[str] = None

    @property
    def is_due(self):
        """Is it with the buyer, and unpaid?"""
        return self.is_sent and self.status == "pending"

    @property
    def got(self):
        """As the provider told of it last; it tells of what ends."""
        if self.is_trial or self.status == "pending":
            return None
        return self.amount if self.status == "settled" else 0


class Subscriber:
    def __init__(self, name, tier, email):
        self.name, self.tier, self.email = name, tier, email
        self.bills, self.news, self.told = [], [], []
        self.archived = False
        self.planned = None         # a tier for the next renewal
        self.wanted = None          # (bill, tier) of an upgrade

    # What the buyer and the vendor do

    def bought(self, world, issued_at, settled_at):
        """The purchase, settled; a trial costs nothing."""
        t, now = self.tier, world.now
        is_trial = t.trial > 0
        days = t.trial if is_trial else t.period
        self.started_at = issued_at
        self.due = issued_at + days * DAY
        self.status, self.paid, self.failures = "active", 1, 0
        self.look_at, self.looked_at = self.due, None
        self.skipped, self.lapsed_at = 0, None
        self.cancelled_at = self.reason = None
        self.period, self.price = t.period, t.price
        self.expires_at, self.is_trial = self.due, is_trial
        self.grace_seconds = max(t.own_grace, t.grace * 86400)
        self.provider = None if is_trial else "provider"
        self.bought_tier, self.made_at = t, now
        first = Bill("purchase", "purchase", t, t.currency, t.price,
                     0 if is_trial else world.sats(t.currency, t.price),
                     world.rate_of(t.currency), now, cycle=1,
                     start=issued_at, end=self.due, is_trial=is_trial,
                     is_sent=not is_trial, status="settled",
                     applied_at=settled_at, settled_at=settled_at)
        self.bills.append(first)
        self.tell({"invoice.settled": self.settled_data(first),
                   "license.issued": {
                       "license_id": "license", "product_id": t.product,
                       "is_trial": is_trial,
                       "expires_at": rfc3339(self.due),
                       "entitlements": list(t.entitlements),
                       "source": "purchase", "invoice_id": "purchase",
                       "policy_id": t.slug}})
        self.told.append("subscription.create")

    def cancels(self, cancelled_at, reason):
        self.status, self.look_at = "cancelled", None
        self.cancelled_at, self.reason = cancelled_at, reason
        # Days of grace were for a renewal to come.
        self.grace_seconds = min(self.grace_seconds, self.tier.own_grace)
        self.planned = None
        self.tell({"subscription.cancelled": {
            **self.ids(), "actor": "buyer", "reason": reason}})
        self.told.append("subscription.cancel")

    def asks_upgrade(self, to, now):
        """2.8: the difference for the whole days that are left."""
        days = min((self.due - now.lo) // DAY, self.period)
        charge = max(0, (to.price - self.price) * days // self.period)
        bill = Bill("upgrade", "tier_change", to, to.currency, charge, charge,
                    None, now, is_sent=True)
        self.bills.append(bill)
        self.wanted = bill
        return bill

    # What the worker does

    def work(self, world):
        """Until there is nothing to do at this time."""
        while self.status in ("active", "past_due") and \
                is_past(self.look_at, world.now):
            if self.status == "past_due" and is_past(self.lapse_at,
                                                     world.now):
                self.lapse()
            else:
                self.renew(world)

    @property
    def lapse_at(self):
        return self.due + self.tier.grace * DAY

    def lapse(self):
        self.status, self.lapsed_at = "lapsed", self.lapse_at
        self.look_at = None
        self.grace_seconds = min(self.grace_seconds, self.tier.grace * 86400)
        self.tell({"subscription.lapsed": self.ids()})
        self.told.append("subscription.lapse")

    def renew(self, world):
        if self.planned is not None:
            self.change(self.planned, "downgrade", "system", None)
            self.planned = None
        if self.archived:
            self.skip(world)
            return
        bill = self.in_force()
        if bill is None or bill.status != "pending":
            if self.tier.currency != "SAT" and not world.is_rate_up:
                self.fail(world)
                return
            bill = self.open(bill, world)
        if not bill.is_sent and not world.is_provider_up:
            self.fail(world)
            return
        if not bill.is_sent:
            self.send(bill, world)
        self.look_at = self.lapse_at

    def skip(self, world):
        self.status = "past_due"
        self.look_at = earliest(self.lapse_at, world.now + DAY)
        if self.skipped <= self.paid:
            self.skipped = self.paid + 1
            self.tell({"subscription.renewal_skipped": {
                **self.ids(), "policy_slug": self.tier.slug,
                "reason": "policy_archived"}})
            self.told.append("subscription.renewal_skipped")

    def fail(self, world):
        self.failures += 1
        self.status, self.looked_at = "past_due", world.now
        self.look_at = self.lapse_at if self.failures >= 5 else earliest(
            self.lapse_at, world.now + RETRIES[self.failures] * SECOND)
        self.told.append("subscription.bill_failed")

    def in_force(self):
        for b in self.bills:
            if b.cycle == self.paid + 1 and b.superseded_at is None:
                return b
        return None

    def open(self, older, world):
        cycle = self.paid + 1
        if older is not None:
            older.superseded_at = world.now
        n = 1 + sum(b.cycle == cycle for b in self.bills)
        bill = Bill(f"{cycle}.{n}", "renewal", self.tier, self.tier.currency,
                    self.price, world.sats(self.tier.currency, self.price),
                    world.rate_of(self.tier.currency), world.now, cycle=cycle,
                    start=self.due, end=self.due + self.period * DAY)
        self.bills.append(bill)
        self.status, self.looked_at = "past_due", world.now
        self.told.append("subscription.bill")
        return bill

    def send(self, bill, world):
        """Payable to the lapse: an hour at least, 30 days at most."""
        left = [(self.lapse_at - t) // (60 * SECOND) for t in
                (world.now.hi, world.now.lo)]
        shortest, longest = (min(max(m, 60), 30 * 24 * 60) for m in left)
        bill.until = Span(world.now.lo + shortest * 60 * SECOND - SECOND,
                          world.now.hi + longest * 60 * SECOND)
        bill.is_sent, bill.told_at = True, world.now
        self.tell({"subscription.renewal_pending": {
            **self.ids(), "invoice_id": bill.name,
            "checkout_url": "checkout " + bill.name,
            "amount_sats": bill.amount, "listed_currency": bill.currency,
            "listed_value": bill.listed, "cycle_number": bill.cycle,
            "cycle_start_at": rfc3339(bill.start),
            "cycle_end_at": rfc3339(bill.end),
            "due_at": rfc3339(bill.start), "buyer_email": self.email,
            "is_first_paid_cycle": bill.cycle == 2 and
            self.bought_tier.trial > 0}})

    # What the provider says

    def expire(self, bill, world):
        """The provider's invoice ended unpaid.  Who may still pay for an hour
        and more gets another, at most one a day."""
        bill.status = "expired"
        if bill.cycle == self.paid + 1 and bill.superseded_at is None and \
                self.status == "past_due":
            again = latest(world.now.lo, self.looked_at + DAY)
            self.look_at = again if span(again).hi + HOUR < self.lapse_at \
                else self.lapse_at

    def settle(self, bill, at):
        """Paid: seen at this time."""
        was_late = bill.status == "expired"
        bill.status, bill.settled_at = "settled", at
        bill.exception = "late" if was_late else None
        news = {"invoice.settled": self.settled_data(bill)}
        if bill.kind == "tier_change":
            self.tell({**news, **self.change(bill.tier, "upgrade", "buyer",
                                             bill)})
            bill.applied_at = None
        elif bill.cycle != self.paid + 1:
            bill.attention = "surplus"
            self.tell(news)
        else:
            self.extend(bill, at)
            self.tell({**news, "subscription.renewed": {
                "subscription_id": "subscription", "invoice_id": bill.name,
                "amount_sats": bill.amount}})
            self.told.append("subscription.renew")

    def extend(self, bill, at):
        """The cycle starts where the last one ended; days that were without
        access since then are added to it."""
        lost_at = self.lapsed_at or self.expires_at + \
            self.grace_seconds * SECOND
        if self.cancelled_at is not None:
            lost_at = max(self.cancelled_at, self.expires_at +
                          self.grace_seconds * SECOND)
        bill.end += max(0 * DAY, whole_second(at) -
                        lost_at.replace(microsecond=0))
        bill.applied_at = at
        self.due = self.expires_at = bill.end
        self.paid, self.failures, self.lapsed_at = bill.cycle, 0, None
        self.is_trial = False
        if self.status != "cancelled":
            self.status, self.look_at = "active", self.due
            self.grace_seconds = max(self.grace_seconds, self.tier.own_grace,
                                     self.tier.grace * 86400)

    def change(self, to, direction, actor, bill):
        """To another recurring tier: the dates stay, the price is new."""
        data = {"license_id": "license", "product_id": to.product,
                "from_policy_id": self.tier.slug, "to_policy_id": to.slug,
                "to_policy_slug": to.slug, "direction": direction,
                "actor": actor, "tier_change_id": "change"}
        self.tier, self.price, self.period = to, to.price, to.period
        self.grace_seconds = max(to.own_grace, to.grace * 86400)
        if bill is None:
            self.tell({"license.tier_changed": {
                **data, "applied_via": "renewal_worker"}})
            return {}
        return {"license.tier_changed": {**data, "invoice_id": bill.name}}

    # What is told

    def tell(self, news):
        """By one transaction; the order in it means nothing."""
        self.news += sorted(news.items())

    def ids(self):
        return {"subscription_id": "subscription", "license_id": "license",
                "product_id": self.tier.product, "policy_id": self.tier.slug}

    @staticmethod
    def settled_data(bill):
        return {"invoice_id": bill.name, "product_id": bill.tier.product,
                "amount_sats": bill.amount,
                "provider_kind": None if bill.is_trial else "btcpay"}

    # Rows

    def glance(self):
        """Enough to see that the worker is where it should be."""
        return (self.status, self.paid, self.failures, self.due,
                self.look_at, self.tier.slug,
                [(b.status, b.is_sent) for b in self.bills])

    def has_access(self, now):
        """What validate must say."""
        return not is_past(self.expires_at + self.grace_seconds * SECOND, now)

    def license_row(self):
        t = self.tier
        return {
            "id": "license", "product_id": t.product,
            "invoice_id": "purchase", "policy_id": t.slug,
            "status": "active", "issued_at": self.started_at,
            "expires_at": self.expires_at,
            "grace_seconds": self.grace_seconds,
            "max_machines": t.max_machines, "is_trial": self.is_trial,
            "entitlements": list(t.entitlements), "revoked_at": None,
            "revocation_reason": None, "suspended_at": None,
            "suspension_reason": None, "nostr_npub": None,
            "buyer_email": self.email, "created_at": self.made_at}

    def subscription_row(self):
        t = self.tier
        return {
            "id": "subscription", "license_id": "license",
            "policy_id": t.slug, "product_id": t.product,
            "period_days": self.period, "grace_period_days": t.grace,
            "listed_currency": t.currency, "listed_value": self.price,
            "status": self.status, "started_at": self.started_at,
            "paid_cycle": self.paid,
            "began_with_trial": self.bought_tier.trial > 0,
            "next_renewal_at": self.due, "next_attempt_at": self.look_at,
            "last_renewal_attempt_at": self.looked_at,
            "consecutive_failures": self.failures,
            "skipped_cycle": self.skipped,
            "cancelled_at": self.cancelled_at,
            "cancellation_reason": self.reason,
            "lapsed_at": self.lapsed_at, "merchant_profile_id": "profile",
            "payment_provider_id": "provider", "card_provider_id": None,
            "zaprite_contact_id": None, "zaprite_payment_profile_id": None,
            "zaprite_payment_profile_method": None,
            "zaprite_payment_profile_expires_at": None,
            "created_at": self.made_at}

    def cycle_rows(self):
        return [{
            "subscription_id": "subscription", "invoice_id": b.name,
            "cycle_number": b.cycle, "cycle_start_at": b.start,
            "cycle_end_at": b.end, "superseded_at": b.superseded_at,
            "applied_at": b.applied_at, "announced_at": b.told_at,
            "charge_next_at": None, "charge_started_at": None,
            "charge_failed_at": None, "created_at": b.made_at}
            for b in self.bills if b.cycle > 0]

    def invoice_rows(self):
        return [{
            "id": b.name, "kind": b.kind,
            "license_id": None if b.kind == "purchase" else "license",
            "provider_id": None if b.is_trial else "provider",
            "product_id": b.tier.product, "policy_id": b.tier.slug,
            "status": b.status, "buyer_email": self.email,
            "buyer_note": None, "amount_sats": b.amount,
            "base_price_sats": b.amount, "discount_applied_sats": 0,
            "listed_currency": b.currency, "listed_value": b.listed,
            "charged_value": 0 if b.is_trial else b.listed,
            "exchange_rate_centibps": b.rate and b.rate * 10_000,
            "exchange_rate_source": b.rate and "kraken",
            "is_trial": b.is_trial, "trial_fingerprint_hash": None,
            "settled_at": b.settled_at,
            "paid_sats": b.got,
            "payment_exception": b.exception, "attention": b.attention,
            "follows_id": None, "order_id": None,
            "created_at": b.made_at} for b in self.bills]
