"""A product with tiers, licenses on them, and what moves them."""
import uuid

import shop
from endpoint import call, outbox, policy, product, provider

DAY = 86400
NOW = "date_trunc('second', licet_now())"


def recurring(days=30, **more):
    return {"is_recurring": True, "renewal_period_days": days, **more}


class Tiers:
    """A product with two recurring policies and a perpetual one."""

    def __init__(self, db):
        self.db = db
        self.product = product(db)
        self.low = self.add("low", 500, **recurring(entitlements=["a"]))
        self.high = self.add("high", 2000, **recurring(
            entitlements=["a", "b"], max_machines=5, grace_period_days=3))
        self.ever = self.add("ever", 9000, max_machines=9)

    def add(self, slug, price, **more):
        return policy(self.db, self.product, name=slug, slug=slug,
                      price_sats_override=price, **more)

    def license(self, y, **columns):
        return shop.license(self.db, self.product["id"], **{
            "policy_id": shop.text(y and y["id"]), "issued_at": NOW,
            **columns})

    def subscribed(self, y, days_left, status="active", **columns):
        """A license whose subscription is due in so many days."""
        due = f"{NOW} + interval '{int(days_left * DAY)} s'"
        lid = self.license(y, expires_at=due, grace_seconds=str(7 * DAY))
        values = {
            "license_id": shop.text(lid), "policy_id": shop.text(y["id"]),
            "product_id": shop.text(self.product["id"]),
            "period_days": str(y["renewal_period_days"]),
            "grace_period_days": str(y["grace_period_days"]),
            "listed_currency": "'SAT'",
            "listed_value": str(y["price_sats_override"]),
            "status": shop.text(status), "started_at": "licet_now()",
            "next_renewal_at": due, "next_attempt_at": due}
        if status == "cancelled":
            values["cancelled_at"] = "licet_now()"
        if status == "lapsed":
            values["lapsed_at"] = NOW
        values.update(columns)
        (sid,), = self.db.sql(
            f"INSERT INTO subscriptions ({', '.join(values)}) VALUES "
            f"({', '.join(values.values())}) RETURNING id")
        return lid, sid

    def facts(self, lid, to, mode="admin", db=None):
        return call(db or self.db, "tier_facts", license_id=lid,
                    target_slug=to["slug"], mode=mode)

    def arguments(self, lid, to, db=None, **args):
        return {
            "license_id": lid, "to_policy_id": to["id"],
            "seen": self.facts(lid, to, db=db)["seen"],
            "direction": "upgrade", "listed_currency": "SAT",
            "next_listed_value": to["price_sats_override"]
            if to["is_recurring"] else None, **args}

    def open(self, lid, to, db=None, **args):
        """The row of tier_open, for a change that costs 100 sats."""
        db = db or self.db
        args = self.arguments(lid, to, db, **args)
        args.setdefault("invoice_id", str(uuid.uuid4()))
        if args["invoice_id"] is not None:
            args.setdefault("amount_sats", 100)
            args.setdefault("provider_id", provider(db))
        row = call(db, "tier_open", lock="license_lock", charge_value=100,
                   actor="buyer", **args)
        return row, args["invoice_id"]

    def opened(self, lid, to, db=None, **args):
        """The invoice, known to the provider as `px-<our id>'."""
        row, iid = self.open(lid, to, db, **args)
        assert row["fault"] is None, row["message"]
        call(db or self.db, "invoice_attach", id=iid,
             provider_invoice_id="px-" + iid, checkout_url="https://pay.test")
        return iid

    def schedule(self, lid, to):
        row, _ = self.open(lid, to, invoice_id=None, direction="downgrade")
        assert row["fault"] is None, row["message"]
        return row["tier_change_id"]

    def now(self, lid, to, db=None, **args):
        return call(db or self.db, "tier_now", lock="license_lock",
                    **self.arguments(lid, to, db, **args))

    def due(self, lid):
        return call(self.db, "tier_apply_due", lock="license_lock",
                    license_id=lid)

    def renewal(self, lid, sid, cycle=2):
        """An invoice for the next cycle, as the renewal worker writes it."""
        iid = str(uuid.uuid4())
        self.db.sql(
            "INSERT INTO invoices (id, kind, license_id, product_id, "
            "policy_id, provider_id, provider_invoice_id, amount_sats, "
            f"base_price_sats) SELECT '{iid}', 'renewal', l.id, l.product_id, "
            f"l.policy_id, '{provider(self.db)}', 'px-{iid}', 500, 500 "
            f"FROM licenses l WHERE l.id = '{lid}'")
        self.db.sql(
            "INSERT INTO subscription_invoices (subscription_id, invoice_id, "
            "cycle_number, cycle_start_at, cycle_end_at) SELECT b.id, "
            f"'{iid}', {cycle}, b.next_renewal_at, b.next_renewal_at + "
            "make_interval(secs => b.period_days * 86400) FROM subscriptions "
            f"b WHERE b.id = '{sid}'")
        return iid

    # What came of it

    def row(self, table, rid, *columns):
        (values,) = self.db.sql(f"SELECT {', '.join(columns)} FROM {table} "
                                f"WHERE id = '{rid}'")
        return values if len(columns) > 1 else values[0]

    def policy_of(self, lid):
        return self.row("licenses", lid, "policy_id")

    def lasts(self, lid):
        """Days that the license has left, NULL for ever."""
        left = self.row("licenses", lid, "round(extract(epoch FROM "
                        "expires_at - licet_now()) / 86400, 2)")
        return None if left is None else float(left)

    def sub(self, lid, *columns):
        rows = self.db.sql(f"SELECT {', '.join(columns)} FROM subscriptions "
                           f"WHERE license_id = '{lid}'")
        return rows[0] if rows else None

    def attention(self, iid):
        return self.row("invoices", iid, "status", "attention")

    def told(self):
        return [d for _, d in outbox(self.db, self.product["id"],
                                     "license.tier_changed")]
