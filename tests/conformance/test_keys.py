"""keysat.md 1: the license key, against an implementation of the format of
our own (lib/keys.py) and the published vectors.  The codec's own unit tests
are tests/unit/test_license_key.c."""
import hashlib
import json
import pathlib
import uuid

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from lib import keys
from lib.check import ahead, read_time
from lib.client import refused
from lib.instance import KNOWN_SEED

VECTORS = json.loads((pathlib.Path(__file__).parents[1] / "vectors" /
                      "keysat-vectors.json").read_text())
ALPHABET = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def seconds(text):
    return int(read_time(text).timestamp())


def public(api):
    return keys.public_from_pem(api.get("/v1/pubkey")["public_key_pem"])


def known(made, **changes):
    """A key of this license by a signer that the server trusts, too."""
    own = keys.parse(made["license_key"])
    return keys.Key(**{"product_id": own.product_id, "flags": own.flags,
                       "license_id": own.license_id,
                       "issued_at": own.issued_at, **changes})


# What is issued

def test_form(api):
    """1: LIC1-<P>-<S>, base32 of A-Z2-7 in upper case without padding."""
    magic, payload, signature = api.issue()["license_key"].split("-")
    assert magic == "LIC1"
    assert set(payload) <= ALPHABET and set(signature) <= ALPHABET
    assert len(keys.unb32(signature)) == 64


def test_signature_is_over_exactly_the_payload(api):
    """1: Ed25519 over the decoded bytes: no prefix, no pre-hash."""
    key = keys.parse(api.issue()["license_key"])
    VerifyKey(public(api)).verify(key.payload, key.signature)
    with pytest.raises(BadSignatureError):
        VerifyKey(public(api)).verify(b"LIC1" + key.payload, key.signature)


def test_payload_v2(api):
    """1 payload v2: every field at its place, big endian; the order of
    entitlements is preserved."""
    made = api.issue(expires_at=ahead(days=30), is_trial=True,
                     entitlements=["zeta", "alpha", "ü-mlaut"])
    p = keys.parse(made["license_key"]).payload
    assert p[0] == 2 and p[1] == 0x02
    assert str(uuid.UUID(bytes=p[2:18])) == made["product_id"]
    assert str(uuid.UUID(bytes=p[18:34])) == made["license_id"]
    assert int.from_bytes(p[34:42], "big") == seconds(made["issued_at"])
    assert int.from_bytes(p[42:50], "big") == seconds(made["expires_at"])
    assert p[50:82] == bytes(32)
    assert p[82] == 3
    assert p[83:] == b"".join(bytes([len(s)]) + s for s in (
        b"zeta", b"alpha", "ü-mlaut".encode()))


def test_perpetual_is_0_and_242_characters(api):
    """1: expires_at 0 = perpetual; a v2 key without entitlements has 242
    characters; issued keys are unbound, flags 0 or 2."""
    text = api.issue()["license_key"]
    key = keys.parse(text)
    assert (len(text), key.expires_at, key.flags) == (242, 0, 0)
    assert key.fingerprint_hash == bytes(32)
    assert keys.parse(api.issue(is_trial=True)["license_key"]).flags == 2


def test_issued_keys_are_never_bound(api):
    """1: the server issues unbound keys only, whoever's machine is in."""
    p = api.product()
    api.policy(p, slug="free", price_sats_override=0)
    bought = api.buy(p, policy_slug="free", fingerprint="A")
    key = keys.parse(bought["license_key"])
    assert key.flags & keys.BOUND == 0 and key.fingerprint_hash == bytes(32)


def test_a_key_is_derived_and_always_the_same(api, server):
    """1: never stored: derived from the row whenever it must be shown, so
    the same row gives the same text; another row another text, while the
    older one still verifies."""
    p = api.product()
    api.policy(p, slug="free", price_sats_override=0, entitlements=["a"])
    bought = api.buy(p, policy_slug="free", buyer_email="a@example.com")
    text = bought["license_key"]
    assert api.poll(bought)["license_key"] == text
    assert api.public("POST", "/v1/recover", {
        "invoice_id": bought["invoice_id"], "email": "a@example.com"}
        ).json()["license_key"] == text
    api.policy(p, slug="more", entitlements=["a", "b"])
    api.do("POST", f"/licenses/{bought['license_id']}/change-tier",
           {"to_policy_slug": "more", "skip_payment": True})
    newer = api.poll(bought)["license_key"]
    assert newer != text
    assert keys.parse(newer).entitlements == ("a", "b")
    assert api.validate(text)["ok"] and api.validate(newer)["ok"]


def test_times_are_truncated_to_seconds(api, server):
    """1: issued_at and expires_at truncated to seconds."""
    made = api.issue(expires_at="2040-01-01T00:00:00.999999Z")
    key = keys.parse(made["license_key"])
    assert key.expires_at == 2208988800
    assert key.issued_at == server.value(
        "SELECT floor(extract(epoch FROM issued_at))::bigint FROM licenses"
        " WHERE id = %s", made["license_id"])


@pytest.mark.parametrize("entitlements,fine", [
    (["e" * 255], True), (["e" * 256], False),
    (["ü" * 127], True), (["ü" * 128], False),
    ([f"e{n}" for n in range(255)], True),
    ([f"e{n}" for n in range(256)], False)],
    ids=["255", "256", "254-bytes", "256-bytes", "255-of-them",
         "256-of-them"])
def test_issue_what_fits_a_key(api, entitlements, fine):
    """1: > 255 entitlements or a slug > 255 bytes: 400."""
    r = api.admin("POST", "/licenses", {
        "product_slug": api.product()["slug"], "entitlements": entitlements})
    if fine:
        assert list(keys.parse(r.json()["license_key"]).entitlements) == \
            entitlements
    else:
        refused(r, 400, "bad_request")


# What is accepted

def test_v1_is_accepted_for_ever(api):
    """1 payload v1: 74 bytes, 228 characters; expiry never."""
    made = api.issue()
    text = known(made, version=1).signed(KNOWN_SEED)
    assert len(text) == 228
    assert api.validate(text)["ok"] is True


def test_parse_trims_and_ignores_case_but_of_the_prefix(api):
    """1 parse: trim surrounding ASCII whitespace; LIC1 case-sensitive; the
    rest in any case."""
    text = api.issue()["license_key"]
    for dressed in (f" \t\r\n{text}\n ", "LIC1-" + text[5:].lower(),
                    "LIC1-" + text[5:].swapcase()):
        assert api.validate(dressed)["ok"] is True, dressed
    for spoilt in ("lic1-" + text[5:], "Lic1-" + text[5:], text[1:]):
        assert api.validate(spoilt)["reason"] == "bad_format", spoilt


def spoilt_texts(text):
    magic, payload, signature = text.split("-")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    # 64 bytes are 512 bits in 103 digits: three unused bits in the last one.
    bits = last[last.index(signature[-1]) | 1]
    yield "padding", text + "="
    yield "third dash", f"{magic}-{payload[:9]}-{payload[9:]}-{signature}"
    yield "foreign 0", f"{magic}-{payload[:-1]}0-{signature}"
    yield "foreign 1", f"{magic}-{payload[:-1]}1-{signature}"
    yield "space inside", f"{magic}-{payload[:9]} {payload[9:]}-{signature}"
    yield "length mod 8 = 6", f"{magic}-{payload}-{signature[:-1]}"
    yield "63 bytes", f"{magic}-{payload}-" + keys.b32(
        keys.unb32(signature)[:63])
    yield "65 bytes", f"{magic}-{payload}-" + keys.b32(
        keys.unb32(signature) + b"\0")
    yield "trailing bits", f"{magic}-{payload}-{signature[:-1]}{bits}"
    yield "no payload", f"{magic}--{signature}"
    yield "two parts", f"{magic}-{payload}"


def test_parse_is_strict(api):
    """1 parse: no `=', no foreign characters, a third `-' among them, no
    impossible length, unused bits zero; the signature has 64 bytes."""
    text = api.issue()["license_key"]
    for what, spoilt in spoilt_texts(text):
        assert api.validate(spoilt) == {
            "ok": False, "reason": "bad_format"}, what


@pytest.mark.parametrize("spoil", [
    lambda p: bytes([3]) + p[1:], lambda p: bytes([0]) + p[1:],
    lambda p: p + b"\0", lambda p: p[:-1],
    lambda p: p[:82] + bytes([2]) + p[83:],
    lambda p: p[:82] + bytes([0]) + p[83:],
    lambda p: p[:84] + b"\xff" + p[85:]],
    ids=["version 3", "version 0", "longer", "shorter", "count too high",
         "count too low", "not UTF-8"])
def test_payload_must_be_whole(api, spoil):
    """1 payload v2: any other version byte is rejected; the list ends
    exactly at the payload's end; slugs are UTF-8."""
    made = api.issue(entitlements=["pro"])
    payload = spoil(keys.parse(made["license_key"]).payload)
    signature = SigningKey(KNOWN_SEED).sign(payload).signature
    text = f"LIC1-{keys.b32(payload)}-{keys.b32(signature)}"
    assert api.validate(text)["reason"] == "bad_format"


def test_fingerprint_hash_is_sha256_of_the_raw_text(api):
    """1: SHA-256 of the raw fingerprint's UTF-8 bytes."""
    raw = "  Ünïcode\tfingerprint "
    made = api.issue(max_machines=2)
    text = known(made, flags=keys.BOUND, fingerprint_hash=hashlib.sha256(
        raw.encode()).digest()).signed(KNOWN_SEED)
    assert api.validate(text, fingerprint=raw)["ok"] is True
    assert api.validate(text, fingerprint=raw.strip())["reason"] == \
        "fingerprint_mismatch"


# Vectors

@pytest.mark.parametrize("name", list(VECTORS["signing"]["vectors"]))
def test_signing_vectors(name):
    """1 vectors: byte-exact, since Ed25519 is deterministic.  (What reads
    them in C: tests/unit/test_license_key.c; here it is shown that the
    implementation that these tests go by agrees.)"""
    v = VECTORS["signing"]["vectors"][name]
    f = v["fields"]
    key = keys.Key(f["productUuid"], f["licenseUuid"], f["issuedAt"],
                   f["expiresAt"], f["flags"], f["version"],
                   bytes.fromhex(f["fingerprintHashHex"]),
                   tuple(f["entitlements"]))
    assert key.render().hex() == v["payloadHex"]
    assert key.signed(KNOWN_SEED) == v["licenseKey"]


@pytest.mark.parametrize("case", VECTORS["accept"]["keys"],
                         ids=lambda c: c["name"])
def test_accepted_vectors(api, case):
    """1 vectors: accepted keys pass format and signature here, too: this
    server trusts their signer, and knows no such license."""
    assert VECTORS["signing"]["seedHex"] == KNOWN_SEED.hex()
    assert api.validate(case["key"])["reason"] == "not_found"


@pytest.mark.parametrize("name", ["v1", "v2", "v2_perpetual_unbound"])
def test_published_fixtures(api, name):
    """1 vectors: the three published fixtures."""
    fixture = VECTORS["published"][name]["licenseKey"]
    assert keys.verifies(fixture, VECTORS["published"]["publicKeyPem"])
    assert api.validate(fixture)["reason"] == "not_found"


@pytest.mark.parametrize("case", VECTORS["reject"]["keys"],
                         ids=lambda c: c["name"])
def test_rejected_vectors(api, case):
    """1 vectors: rejected keys, with the reason that they name."""
    assert api.validate(case["key"])["reason"] == case["validateReason"]
