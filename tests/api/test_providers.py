"""Providers that settings name: connected, refreshed, replaced (D32); which
one sells, and whose secret signs (4.2, 4.9)."""
import contextlib
import json

import pytest

from lib.check import NOWHERE, events
from lib.client import Api, refused
from lib.process import wait_for
from lib.sales import becomes, created, hurry, order, status

WEBHOOK = "/v1/btcpay/webhook"


def client(server):
    return Api(server.url, server.admin_key, server.db)


def providers(server, where="true"):
    return server.rows("SELECT * FROM payment_providers WHERE " + where +
                       " ORDER BY connected_at")


def connected(server):
    row, = providers(server, "disconnected_at IS NULL")
    return row


@contextlib.contextmanager
def settings(server, **changed):
    """The instance, started again under changed settings; then as before."""
    before = dict(server.replicas[0].settings)
    restart(server, changed)
    try:
        yield client(server)
    finally:
        server.replicas[0].settings.clear()
        restart(server, before)


def restart(server, changed):
    replica = server.replicas[0]
    assert replica.stop() == 0
    replica.settings.update(changed)
    replica.start()


@pytest.fixture
def btcpay_own(own_instance, btcpay):
    server = own_instance(LICET_RECONCILE_SECONDS=1, LICET_WORKERS=1,
                          **btcpay.settings())
    btcpay.webhook_urls = [server.url + WEBHOOK]
    return server


def other_store(btcpay):
    """Settings for another store of the same BTCPay Server."""
    store = btcpay.add_store("Another")
    return {"LICET_BTCPAY_STORE_ID": store.id,
            "LICET_BTCPAY_API_KEY": btcpay.add_key("unrestricted"),
            "LICET_BTCPAY_WEBHOOK_SECRET": "another-webhook-secret"}


def tell(server, btcpay, invoice_id, secret, path=WEBHOOK):
    """One InvoiceSettled, signed with that secret."""
    _, body = btcpay.body(invoice_id, "InvoiceSettled")
    return client(server).public(
        "POST", path, data=body,
        headers={"BTCPay-Sig": btcpay.sign(body, secret)})


# What settings connect

def test_D32_settings_are_connected_to_the_default_profile(
        btcpay_own, btcpay):
    """D32; 4: the secrets are in the database, sealed; nowhere in clear."""
    row = connected(btcpay_own)
    assert (row["kind"], row["base_url"], row["store_id"],
            row["from_environment"]) == (
        "btcpay", btcpay.url, btcpay.store_id, True)
    assert row["merchant_profile_id"] == btcpay_own.value(
        "SELECT id FROM merchant_profiles WHERE is_default")
    assert row["sealed_api_key"] and row["sealed_webhook_secret"]
    for table in ("payment_providers", "events", "settings", "outbox"):
        text = json.dumps(btcpay_own.rows(
            f"SELECT to_json(t)::text AS t FROM {table} t"))
        for secret in (btcpay.api_key, btcpay.webhook_secret):
            assert secret not in text
            assert secret.encode().hex() not in text
    assert len(events(btcpay_own, row["id"],
                      "payment_provider.environment")) == 1


def test_D32_start_with_the_same_settings_changes_nothing(btcpay_own):
    before = providers(btcpay_own)
    restart(btcpay_own, {})
    assert providers(btcpay_own) == before
    assert len(events(btcpay_own, before[0]["id"])) == 1


def test_D32_other_secrets_are_taken_over_at_the_start(btcpay_own, btcpay):
    before = connected(btcpay_own)
    bought = client(btcpay_own).buy(client(btcpay_own).product())
    btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    restart(btcpay_own, {"LICET_BTCPAY_WEBHOOK_SECRET": "new-secret-12345",
                         "LICET_BTCPAY_PUBLIC_URL": "https://pay.example"})
    after = connected(btcpay_own)
    assert after["id"] == before["id"]
    assert after["public_url"] == "https://pay.example"
    iid = bought["btcpay_invoice_id"]
    refused(tell(btcpay_own, btcpay, iid, btcpay.webhook_secret), 401,
            "unauthorized")
    assert tell(btcpay_own, btcpay, iid, "new-secret-12345"
                ).status_code == 200
    assert status(client(btcpay_own), bought) == "settled"


def test_secrets_that_do_not_open_are_mended_at_the_start(
        btcpay_own, btcpay):
    """Another ring's, or damaged: nothing is believed, the log says so."""
    bought = client(btcpay_own).buy(client(btcpay_own).product())
    btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    btcpay_own.db.execute("UPDATE payment_providers SET sealed_webhook_secret"
                          " = set_byte(sealed_webhook_secret, 50, 0) ||"
                          " '\\x00'")
    iid = bought["btcpay_invoice_id"]
    body = refused(tell(btcpay_own, btcpay, iid, btcpay.webhook_secret), 500,
                   "internal_error")
    assert "secrets" in body["message"]
    assert "provider.sealed" in btcpay_own.replicas[0].log()
    restart(btcpay_own, {})
    assert tell(btcpay_own, btcpay, iid, btcpay.webhook_secret
                ).status_code == 200


def test_D32_another_store_takes_the_place_of_the_first(btcpay_own, btcpay):
    """4.5: what is pending at the old store is left alone, which the audit
    trail says once; when the store comes back, so does the reconciler."""
    api, first = client(btcpay_own), connected(btcpay_own)
    bought = api.buy(api.product())
    with settings(btcpay_own, **other_store(btcpay)):
        second = connected(btcpay_own)
        assert second["id"] != first["id"]
        old, = providers(btcpay_own, "disconnected_at IS NOT NULL")
        assert old["id"] == first["id"]
        assert old["sealed_api_key"] is old["sealed_webhook_secret"] is None
        assert events(btcpay_own, first["id"],
                      "payment_provider.disconnect")
        btcpay.settle(bought["btcpay_invoice_id"], notify=False)
        refused(tell(btcpay_own, btcpay, bought["btcpay_invoice_id"],
                     btcpay.webhook_secret, f"{WEBHOOK}/{first['id']}"),
                404, "not_found")
        for _ in range(2):
            hurry(btcpay_own, bought["invoice_id"])
            wait_for(lambda: btcpay_own.value(
                "SELECT next_check_at > licet_now() + interval '10 minutes'"
                " FROM invoices WHERE id = %s", bought["invoice_id"]), 60,
                "the reconciler has looked")
        assert len(events(btcpay_own, bought["invoice_id"],
                          "invoice.unwatched")) == 1
        assert status(api, bought) == "pending"
        btcpay.requests.clear()
        api.buy(api.product())
        assert second["store_id"] in created(btcpay)[0]["path"]
    again = connected(btcpay_own)
    assert again["id"] == first["id"] and again["sealed_api_key"]
    hurry(btcpay_own, bought["invoice_id"])
    becomes(api, bought, "settled")


def test_D32_what_was_connected_by_hand_is_left_in_its_place(
        btcpay_own, btcpay):
    btcpay_own.db.execute(
        "UPDATE payment_providers SET from_environment = false")
    before = providers(btcpay_own)
    restart(btcpay_own, other_store(btcpay))
    assert providers(btcpay_own) == before
    assert "provider.kept" in btcpay_own.replicas[0].log()
    client(btcpay_own).buy(client(btcpay_own).product())


def test_row_of_an_earlier_release_is_taken_over(btcpay_own, btcpay):
    """That release, still running beside this one, writes no secrets."""
    before = connected(btcpay_own)
    btcpay_own.db.execute(
        "UPDATE payment_providers SET from_environment = false,"
        " sealed_api_key = NULL, sealed_webhook_secret = NULL")
    restart(btcpay_own, {})
    after = connected(btcpay_own)
    assert after["id"] == before["id"] and after["from_environment"]
    client(btcpay_own).buy(client(btcpay_own).product())


def test_D32_it_stays_with_its_profile(btcpay_own, btcpay):
    """Another default doesn't take it away; its webhook, whose address has
    no id, is still known."""
    before = connected(btcpay_own)
    bought = client(btcpay_own).buy(client(btcpay_own).product())
    btcpay_own.db.execute("UPDATE merchant_profiles SET is_default = false")
    btcpay_own.db.execute("INSERT INTO merchant_profiles (name, is_default) "
                          "VALUES ('Later', true)")
    restart(btcpay_own, {})
    assert connected(btcpay_own) == before
    refused(order(client(btcpay_own)), 400, "bad_request")
    btcpay.settle(bought["btcpay_invoice_id"])
    assert status(client(btcpay_own), bought) == "settled"


def test_settings_without_a_provider_disconnect_none(btcpay_own, btcpay):
    with settings(btcpay_own, LICET_PAYMENTS="none") as api:
        api.buy(api.product())
    with settings(btcpay_own, LICET_PAYMENTS="auto",
                  LICET_BTCPAY_STORE_ID=None, LICET_BTCPAY_API_KEY=None,
                  LICET_BTCPAY_WEBHOOK_SECRET=None) as api:
        api.buy(api.product())
    assert len(providers(btcpay_own)) == 1


def test_sandbox_gives_way_to_a_real_provider(own_instance, btcpay):
    """Else it would go on selling, as the earliest connected."""
    server = own_instance(LICET_WORKERS=1)
    api = client(server)
    bought = api.buy(api.product())
    assert "/sandbox/" in bought["checkout_url"]
    restart(server, btcpay.settings())
    assert connected(server)["kind"] == "btcpay"
    for method, path in (("GET", ""), ("POST", "/pay"), ("POST", "/expire")):
        refused(api.public(method, bought["checkout_url"] + path), 404,
                "not_found")
    assert status(api, bought) == "pending"
    api.buy(api.product())
    assert len(created(btcpay)) == 1


def test_default_profile_is_named_after_the_operator_once(own_instance):
    """3.6: exactly one default from first boot, named after the operator."""
    server = own_instance(LICET_OPERATOR_NAME="Acme & Co", LICET_WORKERS=1)
    name = lambda: server.value(
        "SELECT name FROM merchant_profiles WHERE is_default")
    assert name() == "Acme & Co"
    restart(server, {"LICET_OPERATOR_NAME": "Other"})
    assert name() == "Acme & Co"


def test_default_profile_without_an_operator(server):
    assert server.value("SELECT name FROM merchant_profiles"
                        " WHERE is_default") == "Licet"


# Without one

def test_no_provider(own_instance):
    """4.2: 503 without an id, 404 with one; 2.2 step 7: 400."""
    server = own_instance(LICET_PAYMENTS="none", LICET_WORKERS=1)
    api = client(server)
    refused(order(api), 400, "bad_request")
    refused(api.public("POST", WEBHOOK, data=b"{}"), 503,
            "btcpay_not_configured")
    for path in (NOWHERE, "no-uuid"):
        refused(api.public("POST", f"{WEBHOOK}/{path}", data=b"{}"), 404,
                "not_found")


# Two of them

def test_each_profile_sells_and_listens_for_itself(btcpay_own, btcpay):
    """4.9: the product's profile decides; 4.2: each provider's own secret,
    and the address without an id is the default profile's."""
    api, first = client(btcpay_own), connected(btcpay_own)
    profile = btcpay_own.value("INSERT INTO merchant_profiles (name) VALUES "
                               "('Second') RETURNING id")
    btcpay_own.db.execute(
        "UPDATE payment_providers SET from_environment = false,"
        " merchant_profile_id = %s", [profile])
    changed = other_store(btcpay)
    restart(btcpay_own, changed)
    default, = providers(btcpay_own, f"merchant_profile_id <> '{profile}'")
    product = api.product()
    theirs = api.product()
    btcpay_own.db.execute("UPDATE products SET merchant_profile_id = %s "
                          "WHERE id = %s", [profile, theirs["id"]])
    btcpay.requests.clear()
    mine, other = api.buy(product), api.buy(theirs)
    assert [r["path"].split("/")[4] for r in created(btcpay)] == \
        [default["store_id"], first["store_id"]]
    assert [btcpay_own.value("SELECT provider_id FROM invoices WHERE id = %s",
                             b["invoice_id"]) for b in (mine, other)] == \
        [default["id"], first["id"]]
    for bought in (mine, other):
        btcpay.change(bought["btcpay_invoice_id"], "Settled", "None")
    secrets = {default["id"]: changed["LICET_BTCPAY_WEBHOOK_SECRET"],
               first["id"]: btcpay.webhook_secret}
    iid = mine["btcpay_invoice_id"]
    for path, secret in ((WEBHOOK, secrets[first["id"]]),
                         (f"{WEBHOOK}/{default['id']}", secrets[first["id"]]),
                         (f"{WEBHOOK}/{first['id']}", secrets[default["id"]])):
        refused(tell(btcpay_own, btcpay, iid, secret, path), 401,
                "unauthorized")
    # Rightly signed, but not of this store: nothing happens.
    assert tell(btcpay_own, btcpay, iid, secrets[first["id"]],
                f"{WEBHOOK}/{first['id']}").status_code == 200
    assert status(api, mine) == "pending"
    assert tell(btcpay_own, btcpay, iid, secrets[default["id"]]
                ).status_code == 200
    assert status(api, mine) == "settled"
    hurry(btcpay_own, other["invoice_id"])
    becomes(api, other, "settled")
