"""The page to which buyers come back: states, escaping, nothing foreign."""
import uuid


def page(api, invoice_id):
    return api.public("GET", f"/thank-you?invoice_id={invoice_id}")


def test_waits_then_shows_the_key(api):
    bought = api.buy(api.product())
    r = page(api, bought["invoice_id"])
    assert r.status_code == 200
    assert r.headers["content-type"].startswith("text/html")
    assert "Waiting" in r.text and "http-equiv=\"refresh\"" in r.text
    key = api.pay(bought)["license_key"]
    r = page(api, bought["invoice_id"])
    assert key in r.text and "refresh" not in r.text
    assert "default-src 'none'" in r.headers["content-security-policy"]


def test_key_is_gone_with_the_license(api):
    bought = api.buy(api.product())
    paid = api.pay(bought)
    api.admin("POST", f"/v1/admin/licenses/{paid['license_id']}/revoke", json={})
    r = page(api, bought["invoice_id"])
    assert paid["license_key"] not in r.text and "not active" in r.text


def test_expired_says_so(api):
    bought = api.buy(api.product())
    api.public("POST", bought["checkout_url"] + "/expire")
    assert "did not arrive" in page(api, bought["invoice_id"]).text


def test_unknown_404_and_malformed_400(api):
    assert page(api, uuid.uuid4()).status_code == 404
    assert page(api, "<script>").status_code == 400
    assert api.public("GET", "/thank-you").status_code == 400
