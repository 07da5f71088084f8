"""A statement whose first run on a connection fails stays prepared there."""
from lib.client import Api, refused


def test_a_first_run_that_fails_does_no_harm(own_instance):
    server = own_instance()
    api = Api(server.url, server.admin_key, server.db)
    for path in ("/licenses", "/products", "/invoices", "/subscriptions"):
        for _ in range(12):     # on each connection of each worker, surely
            refused(api.admin("GET", f"{path}?cursor=x"), 400, "bad_request")
        for _ in range(12):
            api.do("GET", path)
    server.check_workers()
