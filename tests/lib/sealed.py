"""Secrets as the database keeps them, sealed with a vault's key ring; the
layouts are in src/crypto/keyring.h and seal.h."""
import hashlib
import os

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt)
from nacl.pwhash import argon2id


def sealing_key(vault):
    box = vault.ring.read_bytes()
    assert box[:8] == b"LICETKR1"
    words = (vault.dir / "passphrase").read_text().rstrip("\n").encode()
    key = argon2id.kdf(32, words, box[20:36],
                       opslimit=int.from_bytes(box[8:12], "big"),
                       memlimit=int.from_bytes(box[12:20], "big"))
    ring = decrypt(box[60:], box[:60], box[36:60], key)
    assert ring[0] == 1
    return ring[1:33]


def seal(vault, purpose, row_id, secret):
    key = hashlib.blake2b(purpose.encode(), digest_size=32,
                          key=sealing_key(vault)).digest()
    nonce = os.urandom(24)
    return b"\1" + nonce + encrypt(secret.encode(), str(row_id).encode(),
                                   nonce, key)
