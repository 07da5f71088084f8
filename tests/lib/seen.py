"""What tests of all pages ask of a page and of the database behind it."""
import re

POLICY = re.compile(r"(?:^|;)\s*([a-z-]+)\s+([^;]*)")
# Tables that change on their own, or by looking.
RESTLESS = ("sessions", "customer_sessions", "rate_buckets", "replicas")


def directives(response):
    return dict(POLICY.findall(response.headers["Content-Security-Policy"]))


def digest(server):
    """What is in each table."""
    names = [r["tablename"] for r in server.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    names = [n for n in names if not n.startswith(RESTLESS)]
    return {n: server.value(f"SELECT md5(coalesce(string_agg(t::text, '|'"
                            f" ORDER BY t::text), '')) FROM {n} AS t")
            for n in names}
