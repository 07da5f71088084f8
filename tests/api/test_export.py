"""CSV exports: all rows once, no formulas, whatever their number in the same
memory (D22)."""
import csv
import http.client
import io
import socket

import pytest

from lib.client import Api, expect, refused
from lib.process import resident_kb, wait_for
from lib.replica import binary, is_sanitized

FILES = ("licenses", "invoices", "machines")
HEAD = {
    "licenses": "id,status,product_id,product_slug,policy_id,policy_slug,"
    "invoice_id,buyer_email,nostr_npub,issued_at,expires_at,grace_seconds,"
    "max_machines,is_trial,entitlements,revoked_at,revocation_reason,"
    "suspended_at,suspension_reason",
    "invoices": "id,kind,status,product_id,product_slug,policy_id,license_id,"
    "provider_kind,provider_invoice_id,buyer_email,buyer_note,amount_sats,"
    "base_price_sats,discount_applied_sats,listed_currency,listed_value,"
    "charged_value,exchange_rate_centibps,exchange_rate_source,is_trial,"
    "paid_sats,attention,created_at,settled_at",
    "machines": "id,license_id,license_status,product_id,product_slug,"
    "buyer_email,hostname,platform,ip_last_seen,active,activated_at,"
    "last_heartbeat_at,deactivated_at,deactivation_reason"}


def export(api, what, **options):
    return api.admin("GET", f"/export/{what}.csv", **options)


def rows(api, what):
    r = export(api, what)
    assert r.status_code == 200, r.text
    return list(csv.DictReader(io.StringIO(r.content.decode(), newline="")))


@pytest.fixture
def fresh(own_instance):
    server = own_instance(LICET_WORKERS=1)
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    return api


def fill(api, count):
    """That many licenses of one product, in more than one page of a moment,
    with an invoice and a machine each."""
    p = api.product()
    api.server.db.execute("""
WITH i AS (INSERT INTO invoices (id, product_id, status, amount_sats,
    base_price_sats, buyer_note, settled_at, created_at)
    SELECT gen_random_uuid(), %s, 'settled', 5, 5, repeat('x', 300), now(),
    now() - n / 5 * interval '1 second' FROM generate_series(1, %s) n
    RETURNING id, product_id, created_at),
l AS (INSERT INTO licenses (product_id, invoice_id, signing_key_id, issued_at,
    created_at)
    SELECT product_id, id, 1, date_trunc('second', created_at), created_at
    FROM i RETURNING id)
INSERT INTO machines (license_id, fingerprint_hash)
SELECT id, sha256(id::text::bytea) FROM l""", [p["id"], count])


@pytest.mark.parametrize("what", FILES)
def test_empty_file_has_its_head(fresh, what):
    r = export(fresh, what)
    assert r.status_code == 200
    assert r.text == HEAD[what] + "\r\n"
    assert r.headers["content-type"].startswith("text/csv")
    assert r.headers["content-disposition"] == \
        f'attachment; filename="{what}.csv"'
    assert r.headers["cache-control"] == "no-store"
    assert r.headers["access-control-allow-origin"] == "*"
    assert len(r.headers["x-request-id"]) >= 8


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2000, 3500])
def test_every_row_once_whatever_their_number(fresh, count):
    fill(fresh, count)
    for what in FILES:
        got = [r["id"] for r in rows(fresh, what)]
        assert len(got) == len(set(got)) == count, what
        assert set(got) == {str(r["id"]) for r in fresh.server.rows(
            f"SELECT id FROM {what}")}
    newest = [str(r["id"]) for r in fresh.server.rows(
        "SELECT id FROM licenses ORDER BY created_at DESC, id DESC")]
    assert [r["id"] for r in rows(fresh, "licenses")] == newest


def test_license_says_what_the_api_says(fresh):
    p = fresh.product()
    y = fresh.policy(p, entitlements=["a", "b"], max_machines=4)
    one = fresh.issue(p, policy_slug=y["slug"], buyer_email="a@example.com",
                      expires_at="2031-01-02T03:04:05Z", is_trial=True)
    fresh.revoke(one["license_id"], reason='say "no", twice\nover')
    (row,) = rows(fresh, "licenses")
    told = fresh.license(one["license_id"])["license"]
    for name in ("id", "status", "product_id", "policy_id", "buyer_email",
                 "issued_at", "expires_at", "revoked_at",
                 "revocation_reason"):
        assert row[name] == told[name], name
    assert (row["product_slug"], row["policy_slug"]) == (p["slug"], y["slug"])
    assert (row["is_trial"], row["max_machines"]) == ("true", "4")
    assert row["entitlements"] == "a b" and row["invoice_id"] == ""
    assert one["license_key"] not in str(row)


def test_invoice_and_machine_say_what_the_api_says(fresh):
    bought = fresh.buy(fresh.product(price_sats=700),
                       buyer_email="b@example.com", buyer_note="für,mich")
    paid = fresh.pay(bought)
    fresh.activate(paid["license_key"], "SECRET", hostname="höst")
    (row,) = rows(fresh, "invoices")
    told = fresh.do("GET", f"/invoices/{bought['invoice_id']}")
    for name in ("id", "status", "kind", "license_id", "buyer_email",
                 "buyer_note", "created_at", "settled_at", "provider_kind"):
        assert row[name] == told[name], name
    assert row["amount_sats"] == "700"
    (seat,) = rows(fresh, "machines")
    assert (seat["license_id"], seat["hostname"], seat["active"]) == (
        paid["license_id"], "höst", "true")
    assert "fingerprint" not in " ".join(seat)


@pytest.mark.parametrize("text", [
    "=HYPERLINK(\"http://evil.example\")", "+1", "-1+1", "@SUM(A1)",
    "\t=1", "=1,\"2\"\n=3"])
def test_formulas_are_texts(fresh, text):
    fresh.buy(fresh.product(), buyer_note=text)
    (row,) = rows(fresh, "invoices")
    assert row["buyer_note"] == "'" + text


def raw(server, request):
    with socket.create_connection((server.host, server.port), 10) as s:
        s.sendall(request.encode())
        data = b""
        while piece := s.recv(65536):
            data += piece
    return data.split(b"\r\n\r\n", 1)


def request(api, method, version):
    return (f"{method} /v1/admin/export/licenses.csv HTTP/{version}\r\n"
            f"Host: x\r\nAuthorization: Bearer {api.admin_key}\r\n\r\n")


def test_http_1_0_gets_no_chunks(fresh):
    fill(fresh, 1500)
    head, body = raw(fresh.server, request(fresh, "GET", "1.0"))
    assert b"chunked" not in head and b"connection: close" in head
    assert body.count(b"\r\n") == 1501
    assert body.startswith(HEAD["licenses"].encode())


def test_head_has_no_body(fresh):
    fill(fresh, 1500)
    head, body = raw(fresh.server, request(fresh, "HEAD", "1.1"))
    assert b"200 OK" in head and b"text/csv" in head and body == b""


def test_slow_reader_costs_no_memory_and_gets_all(fresh):
    """40,000 invoices are some 22 MB, more than sockets hold."""
    fill(fresh, 40000)
    (worker,) = fresh.server.replicas[0].workers
    export(fresh, "machines")
    before = resident_kb(worker)
    c = http.client.HTTPConnection(fresh.server.host, fresh.server.port,
                                   timeout=60)
    c.request("GET", "/v1/admin/export/invoices.csv",
              headers={"Authorization": f"Bearer {fresh.admin_key}"})
    r = c.getresponse()
    lines, most = 0, 0
    while piece := r.read(1 << 18):
        lines += piece.count(b"\r\n")
        most = max(most, resident_kb(worker))
        expect(fresh.public("GET", "/healthz"), 200)    # others are served
    assert lines == 40001
    if not is_sanitized(binary()):      # which keeps what was freed
        assert most - before < 12 * 1024


def test_reader_who_leaves_leaves_nothing_behind(fresh):
    fill(fresh, 20000)
    for _ in range(20):
        s = socket.create_connection((fresh.server.host, fresh.server.port))
        s.sendall(request(fresh, "GET", "1.1").encode())
        assert s.recv(1000)
        s.close()

    def gone():
        text = fresh.public("GET", "/metrics").text
        (n,) = [line.split()[-1] for line in text.splitlines()
                if line.startswith("licet_connections{")
                or line.startswith("licet_connections ")]
        return int(n) <= 1
    fresh.session.close()
    wait_for(gone, 60, "the connections are gone", pause=0.2)
    assert len(rows(fresh, "licenses")) == 20000


def test_reader_who_takes_nothing_is_left(own_instance):
    server = own_instance(LICET_WORKERS=1, LICET_REQUEST_TIMEOUT_MS=700)
    api = Api(server.url, server.admin_key, server.db)
    api.server = server
    fill(api, 40000)
    s = socket.create_connection((server.host, server.port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(request(api, "GET", "1.1").replace(
        "licenses.csv", "invoices.csv").encode())
    wait_for(lambda: '"status":500' in server.replicas[0].log(), 60,
             "the stream is broken off", pause=0.1)
    s.close()
    assert len(rows(api, "machines")) == 40000


def test_failure_before_the_first_row_is_told(fresh):
    fresh.server.db.execute("ALTER TABLE machines RENAME TO elsewhere")
    refused(export(fresh, "machines"), 500, "internal_error")
    fresh.server.db.execute("ALTER TABLE elsewhere RENAME TO machines")
    assert rows(fresh, "machines") == []


@pytest.mark.parametrize("what", FILES)
def test_needs_an_admin(api, what):
    path = f"/v1/admin/export/{what}.csv"
    refused(api.public("GET", path), 401, "unauthorized")
    refused(api.call("GET", path, token="x" * 40), 403, "forbidden")
    refused(api.admin("POST", path, {}), 405, "method_not_allowed")
    refused(api.admin("GET", "/export/events.csv"), 404, "not_found")
