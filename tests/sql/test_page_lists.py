"""The lists of dashboard and portal: what each page asks of the API is looked up in the
tables of src/pages and src/api, and the statement behind it must find its rows by
an index and stop at the end of its page."""
import pathlib
import re

import pytest

from statements import STATEMENTS
from test_statements import GROWING, WHOLE, plan

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
# Measured with a long trail in test_system.py.
MEASURED = {"audit_list"}


def plain(path):
    """A C file's text with its literals joined and its macros' lines."""
    text = re.sub(r"\\\n\s*", " ", path.read_text())
    return re.sub(r'"\s+"', "", text)


def calls():
    """The GET endpoints that pages ask, {names} as :names."""
    found = set()
    for path in (SRC / "pages").glob("*.c"):
        for call in re.findall(r'"GET (/v1/[^"?]*[^"?/])', plain(path)):
            found.add(re.sub(r"\{[^}]*\}", ":x", call))
    return found


def endpoints():
    """{path: statement or None} of the API's GET rows."""
    found = {}
    for path in (SRC / "api").glob("*.c"):
        text = plain(path)
        makers = dict(re.findall(
            r'#define\s+(\w+)\(m, p[^)]*\)\s.*?\.path = "([^"]*)" p', text))
        makers.update(re.findall(r'#define\s+(\w+)\(p\)\s+\.method = GET,'
                                 r' \.path = "([^"]*)" p', text))
        for row in re.split(r"\n\t\{ ", text)[1:]:
            head = re.match(r'(?:(\w+)\((?:GET, )?"([^"]*)"|'
                            r'\.method = GET,\s*\.path = "([^"]*)")', row)
            if head is None or (head[1] and head[1] not in makers):
                continue
            name = re.search(r"\.sql = &sql_(\w+)", row)
            found[head[3] or makers[head[1]] + head[2]] = \
                name and name[1]
    return found


def same(call, path):
    a, b = call.split("/"), path.split("/")
    return len(a) == len(b) and all(
        y.startswith(":") or x == y for x, y in zip(a, b))


def behind(call, known=endpoints()):
    """The row for a call: one that says it word by word, first."""
    rows = [p for p in known if same(call, p)]
    rows.sort(key=lambda p: p.count(":"))
    return rows[0] if rows else None


CALLS = sorted(calls())
LISTS = sorted({endpoints()[behind(c)] for c in CALLS
                if behind(c) and endpoints()[behind(c)]})


def test_the_tables_were_read():
    assert len(CALLS) > 25 and len(LISTS) > 20
    # Those few are written by macros of their own; none is of a long list.
    assert len([c for c in CALLS if behind(c) is None]) <= 5
    assert {"product_list", "license_list", "machine_list", "sale_list",
            "subscription_list", "webhook_delivery_list", "mail_list",
            "portal_licenses", "portal_invoices"} <= set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_rows_are_found_by_an_index(db, name):
    db.sql("SET enable_seqscan = off")
    for node, _ in plan(db, name):
        if node["Node Type"] == "Seq Scan":
            table = node["Relation Name"]
            assert not table.startswith(GROWING) or \
                table in WHOLE.get(name, ()), f"{name} reads all of {table}"


@pytest.mark.parametrize("name", [n for n in LISTS if n.endswith("_list") and
                                  n not in MEASURED])
def test_a_page_costs_no_more_than_a_page(db, name):
    """Whoever has a cursor isn't sorted: a page of a long list is read off an
    index."""
    if "limit" not in STATEMENTS[name][1]:
        return
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
