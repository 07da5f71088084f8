"""What must be true once all is well again and every service's last word is
said: whoever paid has what was paid for, once, and nobody else.

Reads the database and the doubles; knows nothing of how the server works,
only of what it promises.
"""
import collections
import math
import re
from fractions import Fraction

from lib.process import wait_for
from money import cards
from money.life import lives

HOUR = 3600
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def said(invoice):
    """What the provider's invoice is to us in the end."""
    if invoice.status == "Expired" and invoice.additional == "PaidLate":
        return "settled"
    return {"New": "pending", "Processing": "pending"}.get(
        invoice.status, invoice.status.lower())


class Truth:
    def __init__(self, world):
        self.world, self.server = world, world.server
        self.btcpay = world.btcpay

    def rows(self, query, *args):
        return self.server.rows(query, *args)

    def none(self, what, query, *args):
        found = self.rows(query, *args)
        assert not found, f"{what}: {found[:5]}"

    # Until all is quiet

    def calm(self):
        w = self.world
        w.say("calm")
        for fake in w.doubles:
            fake.calm()
        w.restart()
        w.zaprite.decline, w.btcpay.lightning.mode = None, "paid"
        w.land_cards(days=0)
        w.land(days=0)
        w.btcpay.tick()
        for invoice in w.those("Processing"):
            w.btcpay.confirm(invoice.id)
        for invoice in list(self.btcpay.invoices.values()):
            self.btcpay.confirm(invoice.id)
        w.btcpay.redeliver_failed()

    def quiet(self):
        """Long enough for every retry there is, or as long as it takes."""
        for hours in (0, 2, 7, 7):
            self.world.move(hours * HOUR)
            wait_for(lambda: not self.unrest(), 60,
                     Lazy(lambda: f"quiet: {self.unrest()}"), pause=0.1) \
                if hours == 7 else self.wait_a_little()

    def wait_a_little(self):
        try:
            wait_for(lambda: not self.unrest(), 4, "", pause=0.1)
        except AssertionError:
            pass

    def unrest(self):
        """What still has to happen, in words; empty when nothing has."""
        for what, query in (
            ("not attached", "SELECT id FROM invoices WHERE status ="
             " 'pending' AND provider_invoice_id IS NULL"),
            ("due", "SELECT id, status, next_attempt_at FROM subscriptions"
             " WHERE next_attempt_at <= licet_now()"),
            ("refund", "SELECT id FROM refunds WHERE status = 'asked'"),
            ("tip", "SELECT id, status FROM tip_attempts WHERE status IN"
             " ('pending', 'paying')"),
        ):
            found = self.rows(query)
            if found:
                return f"{what}: {found[:3]}"
        local = self.invoices()
        for order, provider_id, word, _ in self.words():
            ours = local.get(order)
            if ours is None or not agree(ours, word):
                return f"{order}: {ours and ours['status']}, the" \
                    f" provider: {provider_id} {word}"
        return ""

    def words(self):
        """(our id, the provider's, its word, satoshis) of all there are."""
        for order, made in list(self.btcpay.orders.items()):
            for invoice in made:
                self.btcpay.look(invoice)
                yield order, invoice.id, said(invoice), \
                    invoice.amount * 100_000_000
        for made in list(self.world.zaprite.orders.values()):
            yield made.external_id, made.id, cards.said(made), made.amount

    def dossier(self, text):
        """All that is known of the first thing whose id is in a text."""
        found = UUID.search(text)
        if found is None:
            return
        about = {found.group()}
        about |= {str(r["id"]) for r in self.rows(
            "SELECT invoice_id AS id FROM subscription_invoices WHERE"
            " subscription_id::text = %s UNION SELECT id FROM invoices WHERE"
            " license_id::text = %s UNION SELECT license_id FROM invoices"
            " WHERE id::text = %s UNION SELECT id FROM licenses WHERE"
            " invoice_id::text = %s", *[found.group()] * 4)}
        for table in ("invoices", "subscription_invoices", "subscriptions",
                      "licenses", "tier_changes", "discount_redemptions",
                      "refunds", "events"):
            for r in self.rows(f"SELECT to_jsonb(t) AS row FROM {table} t"
                               f" ORDER BY to_jsonb(t)->>'created_at',"
                               f" to_jsonb(t)->>'occurred_at'"):
                if any(word in str(r["row"]) for word in about):
                    print(table, {k: v for k, v in r["row"].items() if v})
        for order in about & set(self.btcpay.orders):
            for made in self.btcpay.orders[order]:
                print("provider", made.json())
        for made in self.world.zaprite.orders.values():
            if made.external_id in about:
                print("provider", made.json())
        for r in self.btcpay.requests + self.world.zaprite.requests:
            if any(word in str((r["path"], r["query"], r["json"]))
                   for word in about):
                print("asked", r["at"], r["method"], r["path"], r["query"],
                      r["json"] and list(r["json"]))

        for replica in self.server.replicas:
            for line in replica.log().splitlines()[-60:]:
                if '"clock.moved"' not in line:
                    print(replica.name, line[:300])

    def invoices(self):
        return {str(r["id"]): r for r in self.rows("SELECT * FROM invoices")}

    # What must be true

    def check(self):
        for check in (self.check_provider, self.check_licenses,
                      self.check_codes, self.check_amounts,
                      self.check_cycles, self.check_changes,
                      self.check_news, self.check_refunds,
                      self.check_charges, self.check_tips,
                      self.check_replicas):
            check()
        for life in lives(self):
            life.check()

    def check_provider(self):
        """Billed once, and all that was paid there is settled here."""
        local = self.invoices()
        words = list(self.words())
        bills = collections.Counter(order for order, *_ in words)
        twice = {o: n for o, n in bills.items() if n != 1}
        assert not twice, f"billed more than once: {twice}"
        assert set(bills) <= set(local)
        for order, provider_id, word, sats in words:
            ours = local[order]
            assert ours["provider_invoice_id"] == provider_id, (ours, word)
            assert agree(ours, word), (ours, word)
            assert ours["amount_sats"] == sats, (ours, sats)
        paid = {order for order, _, word, _ in words if word == "settled"}
        for order, ours in local.items():
            if ours["status"] == "settled" and ours["amount_sats"] > 0:
                assert order in paid, ours

    def check_licenses(self):
        self.none("paid without a license",
                  "SELECT i.id FROM invoices i WHERE i.kind = 'purchase' AND"
                  " i.status = 'settled' AND 1 <> (SELECT count(*) FROM"
                  " licenses l WHERE l.invoice_id = i.id)")
        self.none("a license for nothing",
                  "SELECT l.id, i.status, i.kind FROM licenses l LEFT JOIN"
                  " invoices i ON i.id = l.invoice_id WHERE i.id IS NULL OR"
                  " i.status <> 'settled' OR i.kind <> 'purchase'")
        self.none("a second trial",
                  "SELECT product_id, lower(buyer_email) FROM invoices WHERE"
                  " is_trial GROUP BY 1, 2 HAVING count(*) > 1")

    def check_codes(self):
        self.none("uses of a code",
                  "SELECT c.code, c.used_count, c.max_uses, count(d.id)"
                  " FROM discount_codes c LEFT JOIN discount_redemptions d"
                  " ON d.code_id = c.id AND d.status <> 'cancelled'"
                  " GROUP BY c.id HAVING c.used_count <> count(d.id)"
                  " OR c.used_count > c.max_uses")
        self.none("a redemption unlike its invoice",
                  "SELECT d.id, d.status, i.status AS invoice FROM"
                  " discount_redemptions d JOIN invoices i ON"
                  " i.id = d.invoice_id WHERE CASE d.status"
                  " WHEN 'pending' THEN i.status <> 'pending'"
                  " WHEN 'redeemed' THEN i.status <> 'settled' OR"
                  " d.license_id IS NULL ELSE i.status = 'settled' AND"
                  " NOT EXISTS (SELECT FROM events e WHERE e.action ="
                  " 'code.late_without_use' AND e.details->>'redemption_id'"
                  " = d.id::text) END")

    def check_amounts(self):
        """The arithmetic of every invoice, done over again."""
        for r in self.rows(
                "SELECT i.*, c.kind AS code_kind, c.amount AS code_amount"
                " FROM invoices i LEFT JOIN discount_redemptions d ON"
                " d.invoice_id = i.id LEFT JOIN discount_codes c ON"
                " c.id = d.code_id"):
            left = less(r["listed_value"], r["code_kind"], r["code_amount"])
            if r["is_trial"]:
                left = 0
            assert r["charged_value"] == left, r
            expected = in_sats(left, r)
            assert r["amount_sats"] == expected, (expected, r)

    def check_cycles(self):
        self.none("a settled renewal without effect",
                  "SELECT i.id FROM invoices i JOIN subscription_invoices c"
                  " ON c.invoice_id = i.id WHERE i.kind = 'renewal' AND"
                  " i.status = 'settled' AND c.applied_at IS NULL AND"
                  " i.attention IS DISTINCT FROM 'surplus' AND NOT EXISTS"
                  " (SELECT FROM refunds r WHERE r.invoice_id = i.id)")
        self.none("a renewal that bills no cycle",
                  "SELECT i.id FROM invoices i WHERE i.kind = 'renewal' AND"
                  " NOT EXISTS (SELECT FROM subscription_invoices c WHERE"
                  " c.invoice_id = i.id)")
        self.none("an unpaid cycle that counts",
                  "SELECT i.id FROM invoices i JOIN subscription_invoices c"
                  " ON c.invoice_id = i.id WHERE c.applied_at IS NOT NULL"
                  " AND i.status <> 'settled'")
        self.none("a cycle in force or paid twice",
                  "SELECT subscription_id, cycle_number FROM"
                  " subscription_invoices GROUP BY 1, 2 HAVING count(*)"
                  " FILTER (WHERE applied_at IS NOT NULL) > 1 OR count(*)"
                  " FILTER (WHERE superseded_at IS NULL) > 1")
        self.none("paid cycles miscounted",
                  "SELECT b.id FROM subscriptions b WHERE b.paid_cycle <>"
                  " (SELECT max(c.cycle_number) FROM subscription_invoices c"
                  " WHERE c.subscription_id = b.id AND c.applied_at IS NOT"
                  " NULL) AND NOT EXISTS (SELECT FROM tier_changes t WHERE"
                  " t.license_id = b.license_id AND t.applied_at IS NOT NULL"
                  " AND t.starts_cycle AND t.invoice_id IS NULL)")

    def check_changes(self):
        self.none("a paid tier change without effect",
                  "SELECT i.id, i.attention FROM invoices i LEFT JOIN"
                  " tier_changes c ON c.invoice_id = i.id WHERE i.kind ="
                  " 'tier_change' AND i.status = 'settled' AND c.applied_at"
                  " IS NULL AND i.attention IS DISTINCT FROM 'void_change'"
                  " AND NOT EXISTS (SELECT FROM refunds r WHERE"
                  " r.invoice_id = i.id)")
        self.none("an unpaid tier change that was made",
                  "SELECT i.id FROM invoices i JOIN tier_changes c ON"
                  " c.invoice_id = i.id WHERE c.applied_at IS NOT NULL AND"
                  " i.status <> 'settled'")

    def check_news(self):
        """Each thing is told once."""
        for event, key, happened in (
            ("invoice.settled", "invoice_id",
             "SELECT id FROM invoices WHERE status = 'settled'"),
            ("license.issued", "license_id", "SELECT id FROM licenses"),
            ("code.redeemed", "redemption_id", "SELECT id FROM"
             " discount_redemptions WHERE status = 'redeemed'"),
            ("subscription.renewed", "invoice_id", "SELECT i.id FROM"
             " invoices i JOIN subscription_invoices c ON c.invoice_id ="
             " i.id WHERE i.kind = 'renewal' AND c.applied_at IS NOT NULL"),
            ("subscription.renewal_pending", "invoice_id", "SELECT"
             " invoice_id AS id FROM subscription_invoices WHERE"
             " announced_at IS NOT NULL"),
            ("license.tier_changed", "tier_change_id", "SELECT id FROM"
             " tier_changes WHERE applied_at IS NOT NULL"),
        ):
            told = collections.Counter(r["id"] for r in self.rows(
                "SELECT data->>%s AS id FROM outbox WHERE event_type = %s",
                key, event))
            real = collections.Counter(
                str(r["id"]) for r in self.rows(happened))
            assert told == real, (event, told - real, real - told)

    def check_refunds(self):
        self.none("refunded with a license in force",
                  "SELECT r.id FROM refunds r JOIN invoices i ON"
                  " i.id = r.invoice_id JOIN licenses l ON l.id ="
                  " COALESCE(i.license_id, (SELECT o.id FROM licenses o"
                  " WHERE o.invoice_id = i.id)) WHERE r.status = 'made' AND"
                  " r.variant <> 'OverpaidAmount' AND l.status <> 'revoked'"
                  " AND (i.kind = 'purchase' OR EXISTS (SELECT FROM"
                  " subscription_invoices c WHERE c.invoice_id = i.id AND"
                  " c.applied_at IS NOT NULL) OR EXISTS (SELECT FROM"
                  " tier_changes c WHERE c.invoice_id = i.id AND"
                  " c.applied_at IS NOT NULL))")
        made = collections.Counter(
            p.invoice.order_id for p in self.btcpay.pull_payments.values())
        ours = collections.Counter(str(r["invoice_id"]) for r in self.rows(
            "SELECT invoice_id FROM refunds WHERE status = 'made'"))
        assert made == ours, ("refunds", made - ours, ours - made)

    def check_charges(self):
        """No order is charged twice, no cycle paid twice by a card."""
        charges = self.world.zaprite.charges
        orders = collections.Counter(order for order, _, _ in charges)
        twice = {o: n for o, n in orders.items() if n > 1}
        assert not twice, f"charged more than once: {twice}"
        paid = [o for o in orders if cards.said(
            self.world.zaprite.orders[o]) == "settled"]
        self.none("a cycle that a card paid twice",
                  "SELECT c.subscription_id, c.cycle_number FROM"
                  " subscription_invoices c JOIN invoices i ON i.id ="
                  " c.invoice_id WHERE i.provider_invoice_id = ANY(%s)"
                  " GROUP BY 1, 2 HAVING count(*) > 1", paid)

    def check_tips(self):
        self.none("a sale without its tip, or a tip without a sale",
                  "SELECT l.id FROM licenses l JOIN invoices i ON"
                  " i.id = l.invoice_id JOIN policies y ON y.id ="
                  " i.policy_id LEFT JOIN tip_attempts t ON"
                  " t.license_id = l.id WHERE (t.id IS NOT NULL) <>"
                  " (i.amount_sats > 0 AND y.tip_recipient IS NOT NULL)")
        self.none("a tip of another amount",
                  "SELECT id FROM tip_attempts WHERE status = 'sent' AND"
                  " amount_sats <> paid_sats * pct_bps / 10000")
        paid = collections.Counter(
            p.hash for p in self.btcpay.lightning.payments.values()
            if p.status == "Complete")
        sent = collections.Counter(r["payment_hash"] for r in self.rows(
            "SELECT payment_hash FROM tip_attempts WHERE status = 'sent'"))
        assert paid == sent, ("tips", paid - sent, sent - paid)

    def check_replicas(self):
        self.server.check_workers()
        for r in self.server.replicas:
            r.check_log()
        bad = [a for a in self.world.answers if a[2] == 500]
        assert not bad, bad
        told = [d for d in self.btcpay.deliveries +
                self.world.zaprite.deliveries
                if d.status not in (200, 401, 503, None)]
        assert not told, [(d.event, d.status, d.text) for d in told[:3]]


class Lazy:
    """A text that is made when it is needed."""

    def __init__(self, make):
        self.make = make

    def __str__(self):
        return self.make()


def agree(ours, word):
    """Does our invoice stand as the provider says?  Unpaid is unpaid; one
    that we have put aside may still be open there."""
    if word == "settled" or ours["status"] == "settled":
        return ours["status"] == word
    if word == "pending":
        return ours["status"] in ("pending", "expired")
    return ours["status"] in ("expired", "invalid")


def less(value, kind, amount):
    """What a code leaves of a price."""
    if kind is None:
        return value
    off = {"percent": value * amount // 10000,
           "fixed_sats": min(amount, value),
           "set_price": max(0, value - amount),
           "free_license": value}[kind]
    return value - off


def in_sats(value, row):
    if row["listed_currency"] == "SAT" or value == 0:
        return value
    sats = Fraction(value * 10**10, row["exchange_rate_centibps"])
    return max(1, math.floor(sats + Fraction(1, 2)))


def summary(server):
    """What there was, for whoever reads the test's output."""
    out = {}
    for table, column in (
            ("invoices", "kind || ' ' || status"), ("invoices", "attention"),
            ("subscriptions", "status"), ("licenses", "status"),
            ("discount_redemptions", "status"), ("refunds", "status"),
            ("tip_attempts", "status"),
            ("tier_changes", "CASE WHEN applied_at IS NOT NULL THEN 'made'"
             " WHEN cancelled_at IS NOT NULL THEN 'cancelled' END")):
        for r in server.rows(f"SELECT {column} AS word, count(*) AS n"
                             f" FROM {table} GROUP BY 1 ORDER BY 1"):
            out[f"{table} {r['word']}"] = r["n"]
    return out
