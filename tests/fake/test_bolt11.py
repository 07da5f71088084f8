"""The encoder against the examples that BOLT 11 itself publishes: made anew
from their groups and their node's key they must come out letter by letter."""
import hashlib
import json
import pathlib

import pytest

from fake import bolt11

NODE_KEY = bytes.fromhex("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c0"
                         "4a8ca3b2db734")
VECTORS = json.loads((pathlib.Path(__file__).parents[1] /
                      "vectors/bolt11.json").read_text())
COFFEE = VECTORS["read"][1]["invoice"]


def named(vectors):
    return [pytest.param(v, id=v["name"]) for v in vectors]


@pytest.mark.parametrize("v", named(VECTORS["read"]))
def test_published_invoices_come_out_the_same(v):
    hrp, words = bolt11.split(v["invoice"])
    assert bolt11.finish(hrp, words[:-104], NODE_KEY) == \
        v["invoice"].lower()


@pytest.mark.parametrize("v", named(VECTORS["read"]))
def test_published_invoices_are_read(v):
    digest = v["description_hash"]
    assert bolt11.decode(v["invoice"]) == {
        "network": v["network"], "at": v["timestamp"],
        "msat": None if v["amount_msat"] < 0 else v["amount_msat"],
        "expiry": v["expiry"], "payment_hash": v["payment_hash"],
        "description": v["description"],
        "description_hash": None if digest is None else
        bytes.fromhex(digest)}


@pytest.mark.parametrize("v", named(VECTORS["reject"]))
def test_published_refusals(v):
    with pytest.raises(bolt11.Invalid):
        bolt11.decode(v["invoice"])


@pytest.mark.parametrize("msat,text", [
    (10**11, "1"), (250_000_000, "2500u"), (90_000_000, "900u"),
    (2_000_000_000, "20m"), (1000, "10n"), (1, "10p"),
    (967_878_534, "9678785340p"), (100, "1n"), (None, "")])
@pytest.mark.parametrize("network,prefix", [
    ("mainnet", "lnbc"), ("testnet", "lntb"), ("signet", "lntbs"),
    ("regtest", "lnbcrt")])
def test_amounts_and_networks(msat, text, network, prefix):
    made = bolt11.encode(msat=msat, network=network)
    assert made.startswith(f"{prefix}{text}1")
    read = bolt11.decode(made)
    assert (read["msat"], read["network"]) == (msat, network)


def test_fields_and_preimage():
    digest = hashlib.sha256(b"metadata").digest()
    made = bolt11.decode(bolt11.encode(
        msat=1000, description_hash=digest, at=1767225600, expiry=90))
    assert (made["description"], made["description_hash"]) == (None, digest)
    assert (made["at"], made["expiry"]) == (1767225600, 90)
    preimage = bytes.fromhex(bolt11.PREIMAGES[made["payment_hash"]])
    assert hashlib.sha256(preimage).hexdigest() == made["payment_hash"]


@pytest.mark.parametrize("text", [
    "", "lnbc", COFFEE[:-1], COFFEE + "q", COFFEE.replace("2500u", "2501u"),
    "L" + COFFEE[1:], COFFEE.replace("lnbc", "lnxx"), None, "lightning:x"])
def test_what_is_no_invoice(text):
    with pytest.raises(bolt11.Invalid):
        bolt11.decode(text)
