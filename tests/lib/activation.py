"""What a device without a network shows, and what it makes of the answer."""
import base64
import hashlib
import uuid

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

ASKS = b"licet request 1\n"
SAYS = b"licet activation 1\n"


def request(fingerprint):
    digest = hashlib.sha256(fingerprint.encode()).digest()
    check = hashlib.sha256(ASKS + digest).digest()[:4]
    return "LICQ1-" + base64.b32encode(digest + check).decode().rstrip("=")


def unbase32(text):
    return base64.b32decode(text + "=" * (-len(text) % 8))


def read(text, public_keys):
    """What a good activation says; ValueError for another."""
    magic, payload, signature = text.split("-")
    payload, signature = unbase32(payload), unbase32(signature)
    for key in public_keys:
        try:
            VerifyKey(key).verify(SAYS + payload, signature)
            break
        except BadSignatureError:
            pass
    else:
        raise ValueError("bad_signature")
    if magic != "LICA1" or payload[0] != 2 or not payload[1] & 1:
        raise ValueError("bad_format")
    return {"product_id": str(uuid.UUID(bytes=payload[2:18])),
            "license_id": str(uuid.UUID(bytes=payload[18:34])),
            "issued_at": int.from_bytes(payload[34:42], "big"),
            "expires_at": int.from_bytes(payload[42:50], "big"),
            "is_trial": bool(payload[1] & 2),
            "fingerprint": payload[50:82].hex()}
