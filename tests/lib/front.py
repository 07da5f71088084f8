"""The pages that buyers and customers see: one of each kind, for the tests that
hold all of them to the same.  Each line is a name, and what makes its path of
a stocked server (lib/stocked.py); its tests look, and change nothing."""


def invoice(server, status):
    """One of the stock's with this status."""
    return server.value("SELECT id::text FROM invoices WHERE status = %s"
                        " AND amount_sats > 0 ORDER BY created_at LIMIT 1",
                        status)


FRONT = [
    ("shop", lambda s: "/"),
    ("no more", lambda s: "/?after=zzzz"),
    ("product", lambda s: f"/buy/{s.stock.product['slug']}"),
    ("tier", lambda s: f"/buy/{s.stock.product['slug']}?policy="
                       f"{s.stock.better['slug']}"),
    ("code", lambda s: f"/buy/{s.stock.product['slug']}?code=NOSUCH"),
    ("monthly", lambda s: f"/buy/{s.stock.product['slug']}?policy="
                          f"{s.stock.monthly['slug']}"),
    ("currency", lambda s: f"/buy/{s.stock.fiat['slug']}"),
    ("paid", lambda s: f"/thank-you?invoice_id={invoice(s, 'settled')}"),
    ("waiting", lambda s: f"/thank-you?invoice_id={invoice(s, 'pending')}"),
    ("expired", lambda s: f"/thank-you?invoice_id={invoice(s, 'expired')}"),
    ("recover", lambda s: "/recover"),
    ("checkout", lambda s: f"/checkout/{invoice(s, 'pending')}?by=both"),
    ("on-chain", lambda s: f"/checkout/{invoice(s, 'pending')}?by=onchain"),
    ("too late", lambda s: f"/checkout/{invoice(s, 'expired')}"),
    ("portal's door", lambda s: "/portal/sign-in"),
]


def paths(server):
    """{name: path}"""
    return {name: make(server) for name, make in FRONT}
