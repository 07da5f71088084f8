"""Subscriptions by the thousand, without a purchase for each."""
import pathlib
import re

# Written for psql, so that the benchmark can use it too.
SQL = re.sub(r"(?<!:):'?([a-z]+)'?", r"%(\1)s",
             (pathlib.Path(__file__).parent / "subscriptions.sql").read_text())


def sell(instance, api, n, due="1 day"):
    """n subscriptions of a new policy, due in that time; the product."""
    product = api.product()
    policy = api.policy(product, is_recurring=True, renewal_period_days=30)
    instance.db.execute(SQL, {"n": n, "policy": policy["id"], "due": due})
    return product
