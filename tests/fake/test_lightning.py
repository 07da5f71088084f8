"""The payee's side and the payer's: the Lightning address host, and the node
behind the fake BTCPay Server that pays its invoices."""
import hashlib
import random

import pytest
import requests

from fake import bolt11
from fake.btcpay import FakeBtcpay
from fake.lnurl import CHEATS, Lnurl


@pytest.fixture
def host():
    f = Lnurl().start()
    yield f
    f.stop()


@pytest.fixture
def payer():
    f = FakeBtcpay().start()
    yield f
    f.stop()


def describe(host, name="dev"):
    return requests.get(
        f"http://{host.domain}/.well-known/lnurlp/{name}", timeout=5).json()


def ask(host, msat, name="dev", **more):
    return requests.get(describe(host, name)["callback"], timeout=5,
                        params={"amount": msat, **more}).json()


def lightning(payer, path, body=None):
    return requests.request(
        "GET" if body is None else "POST", f"{payer.url}/api/v1/stores/"
        f"{payer.store_id}/lightning/BTC/{path}", json=body, timeout=5,
        headers={"Authorization": f"token {payer.api_key}"})


def pay(payer, pr):
    return lightning(payer, "invoices/pay", {"BOLT11": pr})


# The host

def test_invoice_fits_what_was_asked(host):
    said = describe(host)
    assert said["tag"] == "payRequest"
    assert "?" in said["callback"]      # so the amount follows an &
    made = bolt11.decode(ask(host, 90_000_000)["pr"])
    assert made["msat"] == 90_000_000
    assert made["description_hash"] == \
        hashlib.sha256(said["metadata"].encode()).digest()


def test_address_names_the_host(host):
    assert host.address("a.b") == f"a.b@127.0.0.1:{host.port}"
    assert host.address("a.b") in describe(host, "a.b")["metadata"]
    host.names = {"dev"}
    assert describe(host, "other")["status"] == "ERROR"
    assert describe(host, "dev")["tag"] == "payRequest"


@pytest.mark.parametrize("msat", [999, 500_000_000_001, "1e6", "-5", ""])
def test_amounts_out_of_bounds_are_an_error_with_200(host, msat):
    assert ask(host, msat)["status"] == "ERROR"
    assert host.made == []


def test_comment_needs_room(host):
    assert ask(host, 5000, comment="hello")["status"] == "ERROR"
    host.comment_allowed = 5
    assert describe(host)["commentAllowed"] == 5
    assert ask(host, 5000, comment="hello")["pr"]
    assert host.made[0].comment == "hello"


@pytest.mark.parametrize("cheat", sorted(CHEATS))
def test_cheats_are_valid_invoices_over_something_else(host, cheat):
    host.cheat = cheat
    made = bolt11.decode(ask(host, 5000)["pr"])
    digest = hashlib.sha256(describe(host)["metadata"].encode()).digest()
    honest = (made["msat"], made["description_hash"], made["network"],
              made["at"] + made["expiry"] > host.now)
    assert honest != (5000, digest, "mainnet", True)


def test_errors_and_overrides(host):
    host.error = "no funds"
    assert ask(host, 5000) == {"status": "ERROR", "reason": "no funds"}
    host.reset()
    host.overrides = {"tag": "withdrawRequest", "metadata": None}
    assert "metadata" not in describe(host)
    host.reset()
    host.broken_pr = "lnbc1nonsense"
    assert ask(host, 5000)["pr"] == "lnbc1nonsense"


# The node

def test_paid_with_a_proof(host, payer):
    host.nodes = [payer]
    answer = ask(host, 5000)
    verify = answer["verify"]
    assert requests.get(verify, timeout=5).json()["settled"] is False
    r = pay(payer, answer["pr"])
    assert r.status_code == 200
    done = r.json()
    assert done["status"] == "Complete"
    assert (done["totalAmount"], done["feeAmount"]) == ("6000", "1000")
    assert hashlib.sha256(bytes.fromhex(done["preimage"])).hexdigest() == \
        done["paymentHash"]
    assert lightning(payer, f"payments/{done['paymentHash']}").json() == done
    assert requests.get(verify, timeout=5).json()["preimage"] == \
        done["preimage"]
    assert [m.msat for m in host.paid(payer)] == [5000]
    assert payer.lightning.sent_msat == 5000


def test_in_flight_is_202_and_ends_later(host, payer):
    payer.lightning.mode = "pending"
    pr = ask(host, 5000)["pr"]
    r = pay(payer, pr)
    assert (r.status_code, r.json()["status"], r.json()["preimage"]) == \
        (202, "Pending", None)
    which = r.json()["paymentHash"]
    assert pay(payer, pr).json()["message"] == "payment is in transition"
    payer.lightning.finish(which)
    assert lightning(payer, f"payments/{which}").json()["preimage"]
    assert pay(payer, pr).json()["message"] == "invoice is already paid"


def test_failed_one_may_be_paid_again(host, payer):
    payer.lightning.next_modes = ["pending"]
    pr = ask(host, 5000)["pr"]
    which = pay(payer, pr).json()["paymentHash"]
    payer.lightning.finish(which, "Failed")
    assert lightning(payer, f"payments/{which}").json()["status"] == "Failed"
    assert pay(payer, pr).status_code == 200


def test_unknown_outcome(host, payer):
    payer.lightning.mode = "unknown"
    r = pay(payer, ask(host, 5000)["pr"])
    assert (r.status_code, r.json()["status"]) == (202, "Unknown")


@pytest.mark.parametrize("mode,status,code", [
    ("no-route", 400, "could-not-find-route"),
    ("error", 400, "generic-error"),
    ("down", 503, "lightning-node-unavailable")])
def test_not_paid(host, payer, mode, status, code):
    payer.lightning.mode = mode
    pr = ask(host, 5000)["pr"]
    r = pay(payer, pr)
    assert (r.status_code, r.json()["code"]) == (status, code)
    which = bolt11.decode(pr)["payment_hash"]
    seen = lightning(payer, f"payments/{which}")
    assert seen.status_code == (503 if mode == "down" else 404)
    assert payer.lightning.sent_msat == 0


@pytest.mark.parametrize("pr", [None, "", "lnbc1x", 5])
def test_what_is_no_invoice_is_422(payer, pr):
    r = pay(payer, pr)
    assert (r.status_code, r.json()[0]["path"]) == (422, "BOLT11")


@pytest.mark.parametrize("cheat,status", [
    ("testnet", 422), ("expired", 400), ("amountless", 400), ("more", 200)])
def test_node_takes_any_amount_but_no_wrong_network(host, payer, cheat,
                                                    status):
    """That the amount is wrong the payer has to see for itself."""
    host.cheat = cheat
    assert pay(payer, ask(host, 5000)["pr"]).status_code == status


def test_balance_ends(host, payer):
    payer.lightning.balance_msat = 9000
    assert pay(payer, ask(host, 5000)["pr"]).status_code == 200
    r = pay(payer, ask(host, 5000)["pr"])
    assert r.json()["message"] == "insufficient_balance"


def test_lost_reply_was_a_payment_all_the_same(host, payer):
    payer.spoil("lost", path="invoices/pay$")
    pr = ask(host, 5000)["pr"]
    with pytest.raises(requests.ConnectionError):
        pay(payer, pr)
    which = bolt11.decode(pr)["payment_hash"]
    assert lightning(payer, f"payments/{which}").json()["status"] == \
        "Complete"


def test_chaos_never_pays_twice(host, payer):
    """Whatever the node's answers look like, one hash is one payment."""
    payer.chaos(random.Random(3), p=0.6, pause=0.01)
    pr = ask(host, 5000)["pr"]
    for _ in range(20):
        try:
            pay(payer, pr)
        except requests.RequestException:
            continue
    payer.calm()
    assert payer.lightning.sent_msat == 5000
