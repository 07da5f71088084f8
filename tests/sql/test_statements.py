"""Every statement in sql/ is accepted by the migrated schema, and its generic
plan finds rows of tables that grow by an index."""
import json

import pytest

from statements import STATEMENTS

GROWING = ("licenses", "invoices", "machines", "validation_log", "events",
           "rate_buckets", "sandbox_invoices", "products", "policies",
           "discount_codes", "discount_redemptions", "subscription",
           "tier_changes", "tip_attempts", "refunds", "outbox",
           "webhook_deliveries", "mails")
# What is read whole on purpose: all that is for sale, all machines when none
# in particular are asked for, all buckets to find the full ones.
WHOLE = {"product_list_public": {"products"}, "machine_list": {"machines"},
         "limit_prune": {"rate_buckets"}}
LISTS = ("product_list", "license_list", "license_search", "code_list",
         "code_get", "sale_list", "tip_list", "tip_claim", "refund_claim",
         "invoice_claim_due",
         "webhook_endpoint_list", "webhook_delivery_list",
         "mail_list", "mail_claim", "api_key_list", "session_list")


def plan(db, name):
    """All nodes of the generic plan, each with whether it runs once a row."""
    nargs = len(STATEMENTS[name][1])
    db.prepare(name)
    args = f"({', '.join(['NULL'] * nargs)})" if nargs else ""
    (text,), = db.sql(f"EXPLAIN (FORMAT json) EXECUTE {name}{args}")
    nodes = []

    def walk(node, inner):
        inner = inner or node.get("Parent Relationship") == "SubPlan"
        nodes.append((node, inner))
        for child in node.get("Plans", ()):
            walk(child, inner)

    walk(json.loads(text)[0]["Plan"], False)
    return nodes


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_statement_plans_with_indexes(db, name):
    db.sql("SET enable_seqscan = off")
    for node, _ in plan(db, name):
        if node["Node Type"] != "Seq Scan":
            continue
        table = node["Relation Name"]
        assert not table.startswith(GROWING) or \
            table in WHOLE.get(name, ()), f"{name} reads all of {table}"


@pytest.mark.parametrize("name", LISTS)
def test_pages_come_in_the_indexs_order(db, name):
    """A page must not cost the whole list: nothing is sorted before LIMIT."""
    for setting in ("seqscan", "bitmapscan", "sort"):
        db.sql(f"SET enable_{setting} = off")
    limits = [node for node, inner in plan(db, name)
              if node["Node Type"] == "Limit" and not inner]
    assert limits
    for limit in limits:
        below = limit["Plans"][0]
        while below["Node Type"] in ("LockRows", "Result", "Subquery Scan"):
            below = below["Plans"][0]
        assert below["Node Type"] not in ("Sort", "Incremental Sort"), \
            below.get("Sort Key")


def test_every_statement_says_what_it_is_for():
    from statements import SQL
    for path in sorted(SQL.glob("*.sql")):
        lines = path.read_text().splitlines()
        for here, after in zip(lines, lines[1:]):
            if here.startswith("-- name:"):
                assert after.startswith("-- "), f"{path.name}: {here}"
