"""What tests of buying through a payment provider have in common."""
from lib.process import wait_for


def order(api, **fields):
    return api.public("POST", "/v1/purchase",
                      {"product": api.product()["slug"], **fields})


def status(api, bought):
    return api.poll(bought)["status"]


def becomes(api, bought, expected, seconds=60):
    wait_for(lambda: status(api, bought) == expected, seconds,
             f"the invoice is {expected}", pause=0.05)
    return api.poll(bought)


def hurry(server, invoice_id):
    """The reconciler's next look at this invoice is due."""
    server.db.execute("UPDATE invoices SET next_check_at = now()"
                      " WHERE id = %s", [invoice_id])


def issued(server, bought):
    return server.value("SELECT count(*) FROM licenses WHERE invoice_id = %s",
                        bought["invoice_id"])


def created(btcpay):
    return [r for r in btcpay.requests if r["method"] == "POST" and
            r["path"].endswith("/invoices")]
