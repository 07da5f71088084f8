"""A statement whose first run on a connection fails stays prepared there."""
from lib.client import Api, new_slug, refused


def test_a_first_run_that_fails_does_no_harm(own_instance):
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    server.db.execute("ALTER TABLE products ADD CONSTRAINT no_such_price"
                      " CHECK (price_sats <> 13)")
    for price, check in ((13, lambda r: refused(r, 400, "bad_request")),
                         (14, lambda r: r.raise_for_status())):
        for _ in range(12):     # on each connection of each worker, surely
            check(api.admin("POST", "/products", {
                "slug": new_slug(), "name": "P", "price_sats": price}))
    server.check_workers()
