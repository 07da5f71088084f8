"""BOLT11 invoices: made, signed, and read again (lightning/bolts, 11).

What is made here is valid to the last bit: checksum, fields, and a signature
with the node's key over SHA-256 of the text, nonces by RFC 6979.
"""
import hashlib
import hmac
import secrets
import time

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
PREFIX = {"mainnet": "bc", "testnet": "tb", "signet": "tbs",
          "regtest": "bcrt"}
# Millisatoshis of one unit; p is a tenth of one.
UNITS = (("", 10**11), ("m", 10**8), ("u", 10**5), ("n", 10**2))
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)
NODE_KEY = bytes([0x41] * 32)
PREIMAGES = {}      # payment hash (hex) -> preimage (hex), of all made here


# secp256k1

def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(point, k):
    out = None
    while k:
        if k & 1:
            out = add(out, point)
        point = add(point, point)
        k >>= 1
    return out


def nonces(key, digest):
    """RFC 6979, 3.2."""
    v, k = b"\1" * 32, b"\0" * 32

    def mac(data):
        return hmac.new(k, data, hashlib.sha256).digest()
    for separator in (b"\0", b"\1"):
        k = mac(v + separator + key + digest)
        v = mac(v)
    while True:
        v = mac(v)
        yield int.from_bytes(v, "big")
        k = mac(v + b"\0")
        v = mac(v)


def sign(key, digest):
    """65 bytes: r, s (low), recovery id."""
    d, z = int.from_bytes(key, "big"), int.from_bytes(digest, "big")
    # RFC 6979 feeds the digest reduced by the order.
    for k in nonces(key, (z % N).to_bytes(32, "big")):
        if not 0 < k < N:
            continue
        x, y = multiply(G, k)
        r = x % N
        s = pow(k, -1, N) * (z + r * d) % N
        if r and s:
            break
    recovery = (y & 1) | (2 if x >= N else 0)
    if s > N // 2:
        s, recovery = N - s, recovery ^ 1
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([recovery])


# bech32

def polymod(values):
    chk = 1
    for v in values:
        top = chk >> 25
        chk = (chk & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA,
                               0x3D4233DD, 0x2A1462B3)):
            chk ^= g if (top >> i) & 1 else 0
    return chk


def expand(hrp):
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def bech32(hrp, words):
    check = polymod(expand(hrp) + words + [0] * 6) ^ 1
    words = words + [(check >> 5 * (5 - i)) & 31 for i in range(6)]
    return hrp + "1" + "".join(CHARSET[w] for w in words)


def to_words(data):
    """Bytes to groups of five bits, padded with zeros."""
    bits = len(data) * 8
    value = int.from_bytes(data, "big") << (-bits % 5)
    n = (bits + 4) // 5
    return [(value >> 5 * (n - 1 - i)) & 31 for i in range(n)]


def to_bytes(words, pad=False):
    bits = len(words) * 5
    value = 0
    for w in words:
        value = value << 5 | w
    if pad:
        value, bits = value << (-bits % 8), bits + -bits % 8
    return (value >> (bits % 8)).to_bytes(bits // 8, "big")


def number_words(value, n=None):
    words = []
    while value or (n is not None and len(words) < n):
        words.insert(0, value & 31)
        value >>= 5
    return words


# Invoices

def amount_text(msat):
    if msat is None:
        return ""
    for unit, size in UNITS:
        if msat % size == 0:
            return f"{msat // size}{unit}"
    return f"{msat * 10}p"


def tag(name, words):
    return [CHARSET.index(name), len(words) >> 5, len(words) & 31] + words


def finish(hrp, words, key=NODE_KEY):
    """The text of an invoice with this prefix and these groups, signed."""
    signed = hrp.encode() + to_bytes(words, pad=True)
    signature = sign(key, hashlib.sha256(signed).digest())
    return bech32(hrp, words + to_words(signature))


def encode(msat=None, description=None, description_hash=None, preimage=None,
           at=None, expiry=3600, network="mainnet", key=NODE_KEY):
    """A new invoice; with description_hash (bytes) it has h and no d."""
    preimage = preimage or secrets.token_bytes(32)
    payment_hash = hashlib.sha256(preimage).digest()
    PREIMAGES[payment_hash.hex()] = preimage.hex()
    words = number_words(int(time.time() if at is None else at), 7)
    words += tag("p", to_words(payment_hash))
    words += tag("s", to_words(secrets.token_bytes(32)))
    if description_hash is not None:
        words += tag("h", to_words(description_hash))
    else:
        words += tag("d", to_words((description or "").encode()))
    if expiry != 3600:
        words += tag("x", number_words(expiry))
    words += tag("c", number_words(18))
    words += tag("9", number_words((1 << 14) | (1 << 8)))   # var onion, s
    return finish("ln" + PREFIX[network] + amount_text(msat), words, key)


class Invalid(ValueError):
    """No BOLT11 invoice."""


def split(text):
    if text.lower() != text and text.upper() != text:
        raise Invalid("mixed case")
    text = text.lower()
    hrp, one, data = text.rpartition("1")
    if not one or any(c not in CHARSET for c in data):
        raise Invalid("no bech32")
    words = [CHARSET.index(c) for c in data]
    if polymod(expand(hrp) + words) != 1:
        raise Invalid("checksum")
    return hrp, words[:-6]


def read_amount(hrp):
    for name, prefix in sorted(PREFIX.items(), key=lambda i: -len(i[1])):
        rest = hrp.removeprefix("ln" + prefix)
        if rest == hrp or (rest and not rest[0].isdigit()):
            continue
        if not rest:
            return name, None
        number = rest.rstrip("munp")
        unit = rest[len(number):]
        if not number.isdigit() or number[0] == "0":
            raise Invalid("amount")
        if unit == "p":
            if int(number) % 10:
                raise Invalid("tenth of a millisatoshi")
            return name, int(number) // 10
        if unit not in dict(UNITS):
            raise Invalid("unit")
        return name, int(number) * dict(UNITS)[unit]
    raise Invalid("prefix")


def decode(text):
    """{network, msat, at, expiry, payment_hash, description,
    description_hash}; raises Invalid."""
    hrp, words = split(str(text))
    network, msat = read_amount(hrp)
    if len(words) < 7 + 104:
        raise Invalid("too short")
    out = {"network": network, "msat": msat, "expiry": 3600,
           "at": int.from_bytes(to_bytes([0] + words[:7]), "big"),
           "payment_hash": None, "description": None,
           "description_hash": None}
    words = words[7:-104]
    while words:
        if len(words) < 3 or len(words) < 3 + (words[1] << 5 | words[2]):
            raise Invalid("a field ends early")
        name, n = CHARSET[words[0]], words[1] << 5 | words[2]
        value, words = words[3:3 + n], words[3 + n:]
        if name == "p" and n == 52:
            if out["payment_hash"] is not None:
                raise Invalid("two payment hashes")
            out["payment_hash"] = to_bytes(value).hex()
        elif name == "h" and n == 52:
            out["description_hash"] = to_bytes(value)
        elif name == "d":
            out["description"] = to_bytes(value).decode()
        elif name == "x":
            out["expiry"] = int("".join(f"{w:05b}" for w in value) or "0", 2)
    if out["payment_hash"] is None:
        raise Invalid("no payment hash")
    return out
