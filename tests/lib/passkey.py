"""An authenticator with the browser around it: makes passkeys, signs with
them, and lies where a test wants it to.  ES256 by openssl, EdDSA by libsodium."""
import base64
import hashlib
import json
import secrets
import subprocess

from nacl.signing import SigningKey

ES256, EDDSA = -7, -8
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


class Es256:
    algorithm = ES256

    def __init__(self, folder):
        self.file = str(folder / f"{secrets.token_hex(8)}.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout",
                "-out", self.file)
        point = openssl("ec", "-in", self.file, "-pubout", "-outform",
                        "DER")[-64:]
        self.raw = point
        self.cose = (b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + point[:32] +
                     b"\x22\x58\x20" + point[32:])

    def sign(self, data):
        return openssl("dgst", "-sha256", "-sign", self.file, data=data)


class EdDsa:
    algorithm = EDDSA

    def __init__(self, folder):
        self.key = SigningKey.generate()
        self.raw = bytes(self.key.verify_key)
        self.cose = (b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20" + self.raw)

    def sign(self, data):
        return self.key.sign(data).signature


class Passkey:
    """One, of a site; `count' None: it doesn't count."""

    def __init__(self, folder, origin, rp_id, kind=Es256, count=0,
                 flags=PRESENT | VERIFIED):
        self.key, self.origin, self.rp_id = kind(folder), origin, rp_id
        self.id, self.count, self.flags = secrets.token_bytes(32), count, flags

    def client(self, kind, options, lies):
        return json.dumps({"type": f"webauthn.{kind}",
                           "challenge": options["publicKey"]["challenge"],
                           "origin": self.origin, "crossOrigin": False,
                           **(lies or {})}).encode()

    def data(self, more=b"", rp_id=None, flags=None, count=None):
        flags = self.flags if flags is None else flags
        if count is None:
            count = self.count or 0
        return (hashlib.sha256((rp_id or self.rp_id).encode()).digest() +
                bytes([flags | (ATTESTED if more else 0)]) +
                count.to_bytes(4, "big") + more)

    def said(self, response, **more):
        return {"id": b64(self.id), "rawId": b64(self.id),
                "type": "public-key", "response": response,
                "clientExtensionResults": {}, **more}

    def create(self, options, client=None, cose=None, **lies):
        more = (bytes(16) + len(self.id).to_bytes(2, "big") + self.id +
                (cose or self.key.cose))
        return self.said({
            "clientDataJSON": b64(self.client("create", options, client)),
            "authenticatorData": b64(self.data(more, **lies)),
            "transports": ["usb", "internal", "usb", "nonsense"]})

    def get(self, options, client=None, sign=None, **lies):
        if self.count is not None:
            self.count += 1
        said = self.client("get", options, client)
        data = self.data(**lies)
        signed = (sign or self.key.sign)(data + hashlib.sha256(said).digest())
        return self.said({"clientDataJSON": b64(said),
                          "authenticatorData": b64(data),
                          "signature": b64(signed), "userHandle": None})
