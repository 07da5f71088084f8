"""Until when each license with a subscription was paid, from what happened to
it: no day of access is lost, and none is given."""
import datetime

SECOND = datetime.timedelta(seconds=1)

LIFE = """
    SELECT 'sale' AS what, c.applied_at AS at, c.cycle_start_at AS begins,
        NULL::uuid AS policy_id, false AS starts
    FROM subscription_invoices c JOIN invoices i ON i.id = c.invoice_id
    WHERE c.subscription_id = %(s)s AND i.kind = 'purchase'
    UNION ALL
    SELECT 'cycle', c.applied_at, c.cycle_start_at, NULL, false
    FROM subscription_invoices c JOIN invoices i ON i.id = c.invoice_id
    WHERE c.subscription_id = %(s)s AND i.kind = 'renewal'
    AND c.applied_at IS NOT NULL
    UNION ALL
    SELECT 'change', t.applied_at, NULL, t.to_policy_id, t.starts_cycle
    FROM tier_changes t
    WHERE t.license_id = %(l)s AND t.applied_at IS NOT NULL
    UNION ALL
    SELECT 'end', e.occurred_at, NULL, NULL, false
    FROM events e
    WHERE e.target_id = %(s)s::text AND e.action = 'subscription.cancel'
    ORDER BY 2"""


class Life:
    """One license with a subscription: replays what happened to it, and
    says until when it has been paid."""

    def __init__(self, truth, row, policies):
        self.row, self.policies = row, policies
        self.policy = policies[row["sold_policy_id"]]
        self.end, self.cancelled_at = None, None
        self.story = []
        for r in truth.rows(LIFE.replace("%(s)s", f"'{row['id']}'").replace(
                "%(l)s", f"'{row['license_id']}'")):
            getattr(self, "on_" + r["what"])(r)
            self.story.append((r["what"], str(r["at"]), str(self.end)))

    @staticmethod
    def days(n):
        return datetime.timedelta(days=n)

    @staticmethod
    def second(at, up=False):
        whole = at.replace(microsecond=0)
        return whole + SECOND if up and whole < at else whole

    def on_sale(self, r):
        trial = self.row["is_trial_sale"] and self.policy["trial_days"]
        self.end = r["begins"] + self.days(
            trial or self.policy["renewal_period_days"])

    def on_cycle(self, r):
        assert near(r["begins"], self.end), (r, self.story)
        until = self.end + self.days(self.policy["grace_period_days"])
        if self.cancelled_at:
            until = max(min(self.second(self.cancelled_at), until), self.end)
        late = max(datetime.timedelta(0), self.second(r["at"], True) - until)
        self.end += self.days(self.policy["renewal_period_days"]) + late

    def on_end(self, r):
        self.cancelled_at = self.cancelled_at or r["at"]

    def on_change(self, r):
        old, new = self.policy, self.policies[r["policy_id"]]
        self.policy = new
        if not new["is_recurring"]:
            self.cancelled_at = self.cancelled_at or r["at"]
        elif r["starts"] or self.end is None:
            begins = self.second(r["at"])
            if self.end and old["is_recurring"] and not self.lapsed(old, r):
                begins = max(begins, self.second(self.end))
            self.end = begins + self.days(new["renewal_period_days"])
            self.cancelled_at = None

    def lapsed(self, policy, r):
        return not self.cancelled_at and r["at"] >= self.end + self.days(
            policy["grace_period_days"])

    def check(self):
        row = self.row
        assert row["policy_id"] == self.policy["id"], (row, self.story)
        if self.policy["is_recurring"]:
            assert near(row["next_renewal_at"], self.end), (row, self.story)
            assert near(row["expires_at"], self.end), (row, self.story)
        elif self.policy["duration_seconds"] == 0:
            assert row["expires_at"] is None, (row, self.story)
        if row["status"] == "lapsed":
            assert near(row["lapsed_at"], self.end + self.days(
                self.policy["grace_period_days"])), (row, self.story)


def near(a, b):
    return a is not None and abs(a - b) <= 2 * SECOND


def lives(truth):
    policies = {r["id"]: r for r in truth.rows("SELECT * FROM policies")}
    for row in truth.rows(
            "SELECT b.id, b.license_id, b.status, b.lapsed_at,"
            " b.next_renewal_at, b.paid_cycle, l.policy_id, l.expires_at,"
            " l.issued_at, i.policy_id AS sold_policy_id, i.is_trial AS"
            " is_trial_sale FROM subscriptions b JOIN licenses l ON"
            " l.id = b.license_id JOIN invoices i ON i.id = l.invoice_id"):
        yield Life(truth, row, policies)
