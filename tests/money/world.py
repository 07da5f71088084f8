"""A shop on two replicas whose payment services lie, lose and repeat, and
what buyers, the vendor, operators and bad luck do to it.

Every deed draws what it does from the random.Random that it is given, and
leaves a line in `trace'.  Nothing is expected of a deed but a decent answer;
what must be true in the end is in money/truth.py.
"""
import contextlib
import random
import threading

import requests

from fake.btcpay import FakeBtcpay
from fake.lnurl import Lnurl
from fake.rates import Rates
from lib.client import Api, new_address
from lib.process import wait_for
from money.cards import Cards

DAY = 86400
DECENT = {200, 400, 401, 403, 404, 409, 502, 503}
PEOPLE = [f"buyer{n}@example.org" for n in range(14)]
# What is sold: slug, fields of the policy.
RENEWS = {"is_recurring": True, "renewal_period_days": 7,
          "grace_period_days": 2}
TIERS = (
    ("low", {"tier_rank": 1, "price_sats_override": 4000, **RENEWS}),
    ("high", {"tier_rank": 2, "price_sats_override": 9000, **RENEWS}),
    ("top", {"tier_rank": 3, "price_sats_override": 20001, **RENEWS,
             "grace_period_days": 4}),
    ("trial", {"price_sats_override": 5000, "trial_days": 3, **RENEWS}),
    ("ever", {"tier_rank": 4, "price_sats_override": 60000}),
    ("year", {"price_sats_override": 30000, "duration_seconds": 365 * DAY}),
)
CODES = (
    {"kind": "percent", "amount": 1500, "max_uses": 3},
    {"kind": "percent", "amount": 3333, "max_uses": 1},
    {"kind": "percent", "amount": 10000, "max_uses": 2},
    {"kind": "fixed_sats", "amount": 1234, "max_uses": 2},
    {"kind": "set_price", "amount": 777, "max_uses": 3},
    {"kind": "free_license", "amount": 0, "max_uses": 2},
    {"kind": "percent", "amount": 500},
    {"kind": "fixed_sats", "amount": 150, "max_uses": 1,
     "discount_currency": "USD"},
)


class World(Cards):
    def __init__(self, make, seed, p):
        self.btcpay = FakeBtcpay().start()
        self.rates, self.lnurl = Rates().start(), Lnurl().start()
        self.open_cards()
        self.doubles = [self.btcpay, self.rates, self.lnurl, self.zaprite]
        self.seed, self.trace, self.answers = seed, [], []
        self.lock, self.local = threading.Lock(), threading.local()
        self.offers, self.codes = [], []
        self.keys = {}          # license id -> key, as buyers got to know it
        self.seen_settled = set()
        self.doomed = []        # processes that were killed
        self.is_orphaned = False    # what they had claimed, perhaps
        self.server = make(
            replicas=2, name="chaos", movable=True, LICET_WORKERS=1,
            LICET_RECONCILE_SECONDS=1, LICET_RENEWAL_SECONDS=1,
            **self.btcpay.settings(), **self.rates.settings(),
            **self.lnurl.settings())
        self.stock()
        for n, fake in enumerate(self.doubles):
            fake.chaos(random.Random(f"{seed} {n}"), p, hooks=2 * p,
                       pause=0.05)

    def end(self):
        for fake in self.doubles:
            fake.stop()

    def say(self, text):
        with self.lock:
            self.trace.append(text)

    # The catalogue

    def stock(self):
        api = Api(self.server.url, self.server.admin_key, self.server.db)
        self.connect_cards(api)
        money = api.product(slug="money", price_sats=10000)
        fiat = api.product(slug="fiat", price_currency="USD",
                           price_value=4900)
        plain = api.product(slug="plain", price_sats=2500)
        for n, (slug, fields) in enumerate(TIERS):
            self.offer(money, api.policy(
                money, slug=slug, **fields, tip_pct_bps=300 + n,
                tip_recipient=self.lnurl.address(slug)))
        for slug, fields in TIERS[:4]:
            cents = {"price_sats_override": fields["price_sats_override"]
                     // 10}
            self.offer(fiat, api.policy(fiat, slug=slug,
                                        **{**fields, **cents}))
        self.offer(plain, None)
        for n, fields in enumerate(CODES):
            self.codes.append(api.do("POST", "/discount-codes",
                                     {"code": f"CODE{n}", **fields}))
        self.codes.append(api.do("POST", "/discount-codes", {
            "code": "FEATURED", "kind": "percent", "amount": 2000,
            "max_uses": 3, "featured": True, "product_slug": "money",
            "policy_slugs": ["high", "ever"]}))

    def offer(self, product, policy):
        self.offers.append((product["slug"], policy and policy["slug"]))

    # Asking

    def alive(self):
        return [r for r in self.server.replicas if r.process is not None]

    def ask(self, rng, method, path, body=None, admin=False, headers=None,
            data=None, decent=DECENT):
        """The answer of some replica; None: it died meanwhile."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.trust_env = False
        replicas = self.alive()
        if not replicas:
            return None
        replica = rng.choice(replicas)
        process = replica.process
        h = {"X-Forwarded-For": new_address(), **(headers or {})}
        if admin:
            h["Authorization"] = f"Bearer {self.server.admin_key}"
        try:
            r = self.local.session.request(
                method, replica.url + path, json=body, data=data, headers=h,
                timeout=40, allow_redirects=False)
        except requests.RequestException as e:
            self.say(f"  {method} {path}: {type(e).__name__}")
            assert process is None or process in self.doomed, \
                f"{method} {path}: {e}"
            return None
        self.say(f"  {method} {path} {body or ''}: {r.status_code} "
                 f"{r.text[:160] if r.status_code != 200 else r.text[:52]}")
        with self.lock:
            self.answers.append((method, path, r.status_code))
        assert r.status_code in decent, (method, path, body, r.status_code,
                                         r.text[:500])
        return r

    def good(self, *args, **options):
        """The JSON of an answer that says yes, else {}."""
        r = self.ask(*args, **options)
        return r.json() if r is not None and r.status_code == 200 else {}

    def turn(self, rng):
        """The provider's webhooks go to one replica or the other."""
        urls = [r.url + "/v1/btcpay/webhook" for r in self.server.replicas]
        rng.shuffle(urls)
        self.btcpay.webhook_urls = urls
        self.turn_cards(rng)

    # Buyers

    def learn(self, answer):
        if answer.get("license_key"):
            with self.lock:
                before = self.keys.setdefault(answer["license_id"],
                                              answer["license_key"])
            assert before.split("-")[0] == "LIC1"

    def buy(self, rng):
        product, policy = rng.choice(self.offers)
        body = {"product": product, "buyer_email": rng.choice(PEOPLE)}
        if policy and rng.random() < 0.95:
            body["policy_slug"] = policy
        if rng.random() < 0.5:
            body["code"] = rng.choice(self.codes)["code"]
        if rng.random() < 0.25:
            body["rail"] = "card"
        bought = self.good(rng, "POST", "/v1/purchase", body)
        self.learn(bought)
        if bought:
            assert bought["amount_sats"] + bought["discount_applied_sats"] \
                == bought["base_price_sats"] or \
                bought["amount_sats"] == 0, bought

    def redeem(self, rng):
        product, policy = rng.choice(self.offers)
        body = {"product": product, "code": rng.choice(self.codes)["code"]}
        if policy:
            body["policy_slug"] = policy
        self.learn(self.good(rng, "POST", "/v1/redeem", body))

    def poll(self, rng, invoice_id=None):
        orders = list(self.btcpay.orders) + [
            o.external_id for o in list(self.zaprite.orders.values())]
        if not orders:
            return
        invoice_id = invoice_id or rng.choice(orders)
        got = self.good(rng, "GET", f"/v1/purchase/{invoice_id}")
        if not got:
            return
        if invoice_id in self.seen_settled:
            assert got["status"] == "settled", got
        if got["status"] == "settled":
            self.seen_settled.add(invoice_id)
            assert got["license_id"], got
        self.learn(got)

    def some_key(self, rng):
        with self.lock:
            keys = sorted(self.keys.values())
        return rng.choice(keys) if keys else None

    def some_license(self, rng):
        with self.lock:
            known = sorted(self.keys)
        return rng.choice(known) if known else None

    def move_up(self, rng, key=None, target=None):
        key = key or self.some_key(rng)
        if key:
            self.ask(rng, "POST", "/v1/upgrade", {
                "license_key": key, "target_policy_slug": target or
                rng.choice(("low", "high", "high", "top", "top", "ever"))})

    def move_down(self, rng):
        key = self.some_key(rng)
        if key and rng.random() < 0.8:
            self.ask(rng, "POST", "/v1/downgrade", {
                "license_key": key,
                "target_policy_slug": rng.choice(("low", "high"))})
        elif key:
            self.ask(rng, "POST", "/v1/downgrade/cancel",
                     {"license_key": key})

    def cancel(self, rng):
        key = self.some_key(rng)
        if key:
            self.ask(rng, "POST", "/v1/subscriptions/cancel",
                     {"license_key": key, "reason": "enough"})

    def validate(self, rng):
        key = self.some_key(rng)
        if key:
            self.ask(rng, "POST", "/v1/validate", {"key": key},
                     decent={200, 503})

    # The vendor

    def change_tier(self, rng):
        license_id = self.some_license(rng)
        if license_id:
            body = {"to_policy_slug": rng.choice(("low", "high", "top",
                                                  "ever")),
                    "skip_payment": rng.random() < 0.5}
            if rng.random() < 0.25:
                body["at"] = "cycle_end"
            self.ask(rng, "POST", f"/v1/admin/licenses/{license_id}"
                     "/change-tier", body, admin=True)

    def revoke(self, rng):
        license_id = self.some_license(rng)
        what = rng.choice(("revoke", "suspend", "suspend", "unsuspend",
                           "unsuspend"))
        if license_id:
            self.ask(rng, "POST", f"/v1/admin/licenses/{license_id}/{what}",
                     {"reason": "chaos"}, admin=True)

    def refund(self, rng):
        paid = [i for i in list(self.btcpay.invoices.values())
                if i.status == "Settled" and i.order_id]
        if paid:
            invoice = rng.choice(paid)
            body = {"variant": "OverpaidAmount"} if \
                invoice.additional == "PaidOver" and rng.random() < 0.5 \
                else {}
            self.ask(rng, "POST", f"/v1/admin/invoices/{invoice.order_id}"
                     "/refund", body, admin=True)

    def end_subscription(self, rng):
        rows = self.server.rows("SELECT id FROM subscriptions ORDER BY"
                                " created_at, id")
        if rows:
            self.ask(rng, "POST", "/v1/admin/subscriptions/"
                     f"{rng.choice(rows)['id']}/cancel", {}, admin=True)

    def edit(self, rng):
        """Prices, codes and the market move."""
        what = rng.randrange(4)
        if what == 0:
            self.rates.set(USD=str(rng.randrange(40_000, 160_000)))
        elif what == 1:
            code = rng.choice(self.codes)
            self.ask(rng, "PATCH",
                     f"/v1/admin/discount-codes/{code['id']}/active",
                     {"active": rng.random() < 0.7}, admin=True)
        elif what == 2:
            self.ask(rng, "PATCH", "/v1/admin/products/plain",
                     {"price_sats": rng.randrange(1, 9000)}, admin=True)
        else:
            self.ask(rng, "POST", "/v1/admin/rates/refresh",
                     {"currency": "USD"}, admin=True)

    # At the provider

    def those(self, *statuses, days=1000):
        """The provider's invoices in one of these states, not too old."""
        return [i for i in list(self.btcpay.invoices.values())
                if i.status in statuses and
                self.btcpay.now - i.created < days * DAY]

    def pay(self, rng, invoice=None):
        self.btcpay.tick()
        waiting = self.those("New")
        if not waiting:
            return
        # The newest more often: what is old was left lying for a reason.
        invoice = invoice or rng.choice(waiting[-4:] + waiting)
        how = rng.choice(("full",) * 6 + ("chain", "chain", "part", "rest",
                                          "over", "twice"))
        self.say(f"  pays {how} {invoice.order_id}")
        if how == "part":
            self.btcpay.pay_part(invoice.id, "0.4")
        elif how == "over":
            self.btcpay.overpay(invoice.id)
        elif how == "chain":
            self.btcpay.pay(invoice.id, method="BTC-CHAIN")
        elif how == "rest":
            self.btcpay.pay_part(invoice.id, "0.4")
            self.btcpay.pay(invoice.id)
        else:
            self.btcpay.pay(invoice.id)
            if how == "twice":
                self.btcpay.pay(invoice.id)

    def confirm(self, rng):
        invoices = self.those("Processing")
        if invoices:
            invoice = rng.choice(invoices)
            self.say(f"  confirmed: {invoice.order_id}")
            if rng.random() < 0.8:
                self.btcpay.confirm(invoice.id)
            else:
                self.btcpay.replace(invoice.id)

    def pay_late(self, rng):
        """Nobody waits for a payment for more than 30 days."""
        gone = [i for i in self.those("Expired", days=20)
                if i.additional != "PaidLate"]
        if gone:
            invoice = rng.choice(gone)
            self.say(f"  pays late {invoice.order_id}")
            self.btcpay.pay(invoice.id)

    def mark(self, rng):
        """The operator's hand, at the provider."""
        word = rng.choice(("Settled", "Invalid"))
        invoices = [i for i in self.those("New", "Expired", days=20)
                    if i.can_mark(word) and i.additional != "PaidLate"]
        if invoices:
            invoice = rng.choice(invoices)
            self.say(f"  marked {word}: {invoice.order_id}")
            with self.btcpay.lock:
                self.btcpay.mark(invoice, word)
            self.btcpay.tell_all()

    def lie(self, rng):
        """Webhooks that are forged, false, old or about nothing of ours."""
        invoices = list(self.btcpay.invoices.values())
        if not invoices:
            return
        invoice = rng.choice(invoices)
        kind = rng.choice(("InvoiceSettled", "InvoiceExpired",
                           "InvoiceInvalid", "InvoicePaymentSettled"))
        _, data = self.btcpay.body(
            invoice.id if rng.random() < 0.9 else "NoSuchInvoice", kind)
        is_forged = rng.random() < 0.5
        self.ask(rng, "POST", "/v1/btcpay/webhook", data=data, headers={
            "Content-Type": "application/json",
            "BTCPay-Sig": self.btcpay.sign(
                data, "wrong" if is_forged else None)},
                 decent={401, 503} if is_forged else {200, 503})

    def replay(self, rng):
        """Deliveries of long ago come again; what failed is tried again."""
        old = list(self.btcpay.deliveries)
        for delivery in rng.sample(old, min(3, len(old))):
            self.btcpay.post(delivery)
        self.btcpay.redeliver_failed()
        if rng.random() < 0.5:
            self.btcpay.flush()

    def node_mood(self, rng):
        """How the payments to come will end, and one that was in flight."""
        node = self.btcpay.lightning
        node.mode = rng.choice(("paid", "paid", "pending", "unknown",
                                "no-route", "error", "down"))
        flying = [h for h, p in list(node.payments.items())
                  if p.status == "Pending"]
        if flying:
            node.finish(rng.choice(flying),
                        rng.choice(("Complete", "Failed")))

    def land(self, days):
        """No Lightning payment is in flight for longer than this."""
        for p in list(self.btcpay.lightning.payments.values()):
            if p.status == "Pending" and \
                    self.btcpay.now - p.at >= days * DAY:
                p.status = "Complete" if int(p.hash, 16) % 2 else "Failed"

    # Bad luck, and time

    def is_billing(self):
        """Is a cycle due, or being billed by one who lives, or who died?"""
        return self.server.value(
            "SELECT count(*) FROM subscriptions WHERE status IN ('active',"
            " 'past_due') AND next_attempt_at <= licet_now() + CASE WHEN"
            " consecutive_failures <> 1 AND next_attempt_at >"
            " next_renewal_at THEN interval '5 minutes' ELSE '0' END")

    def move(self, seconds):
        """A claim is good for five minutes, and no call takes that long; but
        here five minutes can pass while a call is under way.  What a dead
        one held stays claimed: then there is no call to wait for."""
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.is_billing(), 0.7 if self.is_orphaned
                     else 5, "nothing is being billed")
            self.is_orphaned = False
        self.say(f"  {seconds / DAY:.3f} days pass")
        self.lnurl.shift += seconds
        self.zaprite.shift += seconds
        self.server.clock.move(seconds=seconds)
        self.btcpay.move(seconds=seconds)
        self.land(days=10)
        self.land_cards(days=12)

    def kill(self, rng):
        replicas = self.alive()
        if len(replicas) == 2:
            victim = rng.choice(replicas)
            self.say(f"  killed: {victim.name}")
            self.doomed.append(victim.process)
            self.is_orphaned = True
            victim.kill()

    def restart(self, rng=None):
        for r in self.server.replicas:
            if r.process is None:
                self.say(f"  restarted: {r.name}")
                r.restart()
