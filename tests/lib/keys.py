"""LIC1 license keys, read and made independently of the server's code.

Written from the published format alone, with PyNaCl, so that a mistake in
the C codec cannot hide behind the same mistake here.
"""
import base64
import dataclasses
import hashlib
import struct
import uuid

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

BOUND, TRIAL = 0x01, 0x02
SPKI = bytes.fromhex("302a300506032b6570032100")
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")


def hash_hex(fingerprint):
    return hashlib.sha256(fingerprint.encode()).hexdigest()


def b32(data):
    return base64.b32encode(data).decode().rstrip("=")


def unb32(text):
    return base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)


@dataclasses.dataclass
class Key:
    product_id: str
    license_id: str
    issued_at: int
    expires_at: int = 0
    flags: int = 0
    version: int = 2
    fingerprint_hash: bytes = bytes(32)
    entitlements: tuple = ()
    payload: bytes = b""
    signature: bytes = b""

    def render(self):
        head = bytes([self.version, self.flags]) + \
            uuid.UUID(self.product_id).bytes + \
            uuid.UUID(self.license_id).bytes + \
            struct.pack(">Q", self.issued_at)
        if self.version == 1:
            return head + self.fingerprint_hash
        slugs = [s.encode() for s in self.entitlements]
        return head + struct.pack(">Q", self.expires_at) + \
            self.fingerprint_hash + bytes([len(slugs)]) + \
            b"".join(bytes([len(s)]) + s for s in slugs)

    def signed(self, seed):
        payload = self.render()
        return "LIC1-%s-%s" % (
            b32(payload), b32(SigningKey(seed).sign(payload).signature))


def parse(text):
    """Key from its text; raises ValueError when it is malformed."""
    magic, payload, signature = text.strip().split("-", 2)
    if magic != "LIC1":
        raise ValueError("prefix")
    p, s = unb32(payload), unb32(signature)
    if len(s) != 64:
        raise ValueError("signature length")
    if b32(p) != payload.upper() or b32(s) != signature.upper():
        raise ValueError("not canonical base32")
    common = dict(flags=p[1], product_id=str(uuid.UUID(bytes=p[2:18])),
                  license_id=str(uuid.UUID(bytes=p[18:34])),
                  issued_at=struct.unpack(">Q", p[34:42])[0],
                  payload=p, signature=s)
    if p[0] == 1:
        if len(p) != 74:
            raise ValueError("length")
        return Key(version=1, fingerprint_hash=p[42:74], **common)
    if p[0] != 2:
        raise ValueError("version")
    slugs, at = [], 83
    for _ in range(p[82]):
        n = p[at]
        slugs.append(p[at + 1:at + 1 + n].decode())
        at += 1 + n
    if at != len(p):
        raise ValueError("list does not end with the payload")
    return Key(version=2, expires_at=struct.unpack(">Q", p[42:50])[0],
               fingerprint_hash=p[50:82], entitlements=tuple(slugs), **common)


def public_from_pem(pem):
    lines = pem.split("\n")
    assert lines[0] == "-----BEGIN PUBLIC KEY-----", pem
    assert lines[-2:] == ["-----END PUBLIC KEY-----", ""], pem
    der = base64.b64decode("".join(lines[1:-2]), validate=True)
    assert der[:12] == SPKI and len(der) == 44, der.hex()
    return der[12:]


def private_pem(seed):
    body = base64.b64encode(PKCS8 + seed).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"


def verifies(text, pem):
    key = parse(text)
    try:
        VerifyKey(public_from_pem(pem)).verify(key.payload, key.signature)
        return True
    except BadSignatureError:
        return False
