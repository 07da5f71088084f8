"""docs/integration.md: its example and those in docs/examples, as they stand
there, against a server that runs, that is away, and that is away for long."""
import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest
from nacl.signing import SigningKey

from lib import activation, keys
from lib.check import ahead
from lib.client import Api, expect
from lib.customer import customer
from lib.instance import KNOWN_SEED
from lib.process import wait_for

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "integration.md").read_text()
DAY = 86400


def python_of_the_page():
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    return text


def adapt(text, server, product, pem):
    """What the page tells its reader to change, changed."""
    for old, new in (
            ("https://licenses.example.com", server),
            ("7c9e6679-7425-40de-944b-e07fc1f90ae7", product["id"]),
            ("MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
             pem.split("\n")[1]),
            ('"my-editor"', f'"{product["slug"]}"')):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class Program:
    """An example, built for this product, in a folder of its own."""

    def __init__(self, language, folder, *how):
        self.folder, self.kept = folder, folder / "license.json"
        if language == "python":
            self.write("license_check.py", python_of_the_page(), *how)
            self.argv = [sys.executable, "license_check.py"]
        elif language == "node":
            self.example("license_check.mjs", *how)
            self.argv = ["node", "license_check.mjs"]
        else:
            self.example("license_check.c", *how)
            self.argv = ["./license_check"]
        self.build()

    def build(self):
        if self.source.suffix == ".c":
            subprocess.run(
                ["gcc", "-Wall", "-Wextra", "-Werror", "-o", "license_check",
                 self.source.name, "-lsodium", "-lcurl", "-ljansson"],
                cwd=self.folder, check=True, timeout=120)

    def write(self, name, text, *how):
        self.source = self.folder / name
        self.source.write_text(adapt(text, *how))

    def example(self, name, *how):
        self.write(name, (DOCS / "examples" / name).read_text(), *how)

    def run(self, key):
        """Its word and the rest of what it says; the status agrees."""
        done = subprocess.run(self.argv + [key], cwd=self.folder, text=True,
                              capture_output=True, timeout=60)
        assert done.stderr == "", done.stderr
        word, *rest = done.stdout.split()
        assert done.returncode == {"yes": 0, "no": 1}[word]
        return word, rest

    def says(self, key):
        word, rest = self.run(key)
        return word if word == "yes" else " ".join([word, *rest])

    def trust(self, public_key):
        """One more public key, in a line before the one that is there."""
        text = self.source.read_text()
        line = next(x for x in text.split("\n") if "MCowBQYDK2VwAyEA" in x)
        mine = re.sub(r'"[^"]*"', f'"{public_key}"', line)
        self.source.write_text(text.replace(line, f"{mine}\n{line}"))
        self.build()

    def remembers(self):
        return json.loads(self.kept.read_text())

    def edit(self, **fields):
        self.kept.write_text(json.dumps({**self.remembers(), **fields}))

    def ages(self, seconds):
        """As if its file was so much older."""
        self.edit(**{k: v - seconds for k, v in self.remembers().items()
                     if k in ("first", "at", "next", "seen")})


class Shop:
    """A server that can be away, one product, an example built for it."""

    def __init__(self, make, language, folder):
        self.server = make()
        self.api = Api(self.server.url, self.server.admin_key)
        self.product = self.api.product()
        self.replica, = self.server.replicas
        self.pem = self.api.get("/v1/pubkey")["public_key_pem"]
        self.program = Program(language, folder, self.server.url,
                               self.product, self.pem)
        self.asked = 0

    def issue(self, **fields):
        return self.api.issue(self.product, **fields)

    def questions(self):
        """How many have come since the last look."""
        n = self.server.value("SELECT count(*) FROM validation_log")
        was, self.asked = self.asked, n
        return n - was


@pytest.fixture(params=["python", "node", "c"])
def shop(own_instance, request, tmp_path):
    tool = {"node": "node", "c": "gcc"}.get(request.param)
    assert tool is None or shutil.which(tool), f"{tool} is not installed"
    return Shop(own_instance, request.param, tmp_path)


def test_life_of_a_license(shop):
    """Asked for once a day; its yes outlives the server by 30 days, its no
    for ever; what the server says next counts at once."""
    made = shop.issue(entitlements=["pro", "sync"])
    key, program = made["license_key"], shop.program
    assert program.says(key) == "yes" and shop.questions() == 1
    assert program.says(key) == "yes" and shop.questions() == 0
    program.ages(DAY + 1)
    assert program.says(key) == "yes" and shop.questions() == 1

    shop.replica.stop()
    program.ages(2 * DAY)
    begun = time.monotonic()
    assert program.says(key) == "yes"
    assert time.monotonic() - begun < 20
    kept = program.remembers()
    assert kept["failures"] == 1
    assert 100 < kept["next"] - time.time() < 500       # and not at once
    program.ages(29 * DAY)
    assert program.says(key) == "no unconfirmed"
    shop.replica.start()
    assert program.says(key) == "yes"
    assert program.remembers()["failures"] == 0

    shop.api.revoke(made["license_id"])
    program.ages(DAY + 1)
    assert program.says(key) == "no revoked"
    shop.replica.stop()
    program.ages(DAY)
    assert program.says(key) == "no revoked"
    shop.replica.start()


def test_renewal_is_noticed_and_suspension_lifted(shop):
    """A no is asked again at every start, an end that has come, too."""
    made = shop.issue(expires_at=ahead(days=2))
    key, program = made["license_key"], shop.program
    assert program.says(key) == "yes"
    program.edit(answer={**program.remembers()["answer"],
                         "expires_at": ahead(seconds=-10)})
    shop.questions()
    assert program.says(key) == "yes" and shop.questions() == 1
    for word, says in (("suspend", "no suspended"), ("unsuspend", "yes")):
        shop.api.do("POST", f"/licenses/{made['license_id']}/{word}")
        program.edit(next=0)
        assert program.says(key) == says


def test_first_start_without_a_server(shop):
    """The key alone is good enough, until it ends, or for 30 days."""
    good = shop.issue()["license_key"]
    shop.replica.stop()
    assert shop.program.says(good) == "yes"
    shop.program.ages(31 * DAY)
    assert shop.program.says(good) == "no unconfirmed"
    shop.replica.start()


def test_limited_is_no_answer(shop):
    """rate_limited, 429 and 5xx change nothing."""
    made = shop.issue()
    key, program = made["license_key"], shop.program
    assert program.says(key) == "yes"

    def was_limited():
        wait_for(lambda: shop.api.public(
            "POST", "/v1/validate", {"key": "x"}, ip="127.0.0.1").json()[
                "reason"] == "rate_limited", 60, "it is limited", pause=0)
        program.edit(next=0)
        assert program.says(key) == "yes"
        return program.remembers()["failures"]
    wait_for(was_limited, 60, "the program is limited")
    assert program.remembers()["answer"]["ok"] is True
    shop.server.db.execute("ALTER TABLE machines RENAME TO elsewhere")
    program.edit(next=0)
    assert program.says(key) == "yes"
    shop.server.db.execute("ALTER TABLE elsewhere RENAME TO machines")


def test_clock_set_back_gains_nothing_and_set_right_is_believed(shop):
    """What was seen of the time stays seen; the server's answer mends it."""
    made = shop.issue(expires_at=ahead(days=1))
    key, program = made["license_key"], shop.program
    assert program.says(key) == "yes"
    later = time.time() + 100 * DAY
    program.edit(seen=later, next=later + DAY)
    shop.replica.stop()
    assert program.says(key) == "no expired"
    shop.replica.start()
    assert program.says(key) == "yes"
    assert program.remembers()["seen"] < time.time() + DAY


def test_seats(shop):
    """The example's fingerprint takes a seat; another machine's is told."""
    made = shop.issue()
    shop.api.validate(made["license_key"], fingerprint="another machine")
    assert shop.program.says(made["license_key"]) == \
        "no fingerprint_mismatch"
    several = shop.issue(max_machines=2)
    assert shop.program.says(several["license_key"]) == "yes"
    (m,) = shop.api.do("GET", "/machines?license_id="
                       + several["license_id"])["machines"]
    assert m["active"] is True


def test_keys_that_are_none_are_not_asked_for(shop):
    """Offline: forged, spoilt, of another product, bound elsewhere: refused
    without a question, whatever the server would say."""
    made = shop.issue(entitlements=["pro"])
    own = keys.parse(made["license_key"])
    other = shop.api.issue(shop.api.product())["license_key"]
    shop.questions()
    for text, reason in (
            ("x", "bad_format"), ("LIC1-A-A", "bad_format"),
            ("LIC1-!!!!-!!!!", "bad_format"),
            (made["license_key"][:-8], "bad_format"),
            (made["license_key"].replace("LIC1", "LIC2"), "bad_format"),
            (own.signed(b"\x21" * 32), "bad_signature"),
            (other, "product_mismatch")):
        assert shop.program.says(text) == f"no {reason}", text
    assert shop.questions() == 0


def test_old_bound_and_expired_keys_offline(shop):
    """Every form that the page describes is read: version 1 and 2, bound,
    trial, with an end; signed by one of several public keys."""
    own = keys.parse(shop.issue()["license_key"])
    names = {"product_id": own.product_id, "license_id": own.license_id,
             "issued_at": own.issued_at}
    signer = bytes(SigningKey(KNOWN_SEED).verify_key)
    shop.program.trust(base64.b64encode(keys.SPKI + signer).decode())
    shop.replica.stop()
    for key, says in (
            (keys.Key(**names, version=1), "yes"),
            (keys.Key(**names, expires_at=int(time.time()) + DAY,
                      flags=keys.TRIAL, entitlements=("a", "ü")), "yes"),
            (keys.Key(**names, expires_at=1), "no expired"),
            (keys.Key(**names, flags=keys.BOUND,
                      fingerprint_hash=b"\1" * 32),
             "no fingerprint_mismatch"),
            (keys.Key(**names, flags=keys.BOUND, version=1,
                      fingerprint_hash=b"\1" * 32),
             "no fingerprint_mismatch")):
        assert shop.program.says(key.signed(KNOWN_SEED)) == says, key
    shop.replica.start()


def test_activation_without_a_network(shop):
    """The program's request, carried to the portal; the answer is good there
    until it ends, and on no other machine."""
    request = subprocess.run(shop.program.argv + ["request"], text=True,
                             cwd=shop.program.folder, capture_output=True,
                             timeout=60, check=True).stdout.strip()
    made = shop.issue(max_machines=2, expires_at=ahead(days=9))
    me = customer(shop.server, license_id=made["license_id"])

    def activate(text):
        return expect(me.ask(
            "POST", f"/v1/portal/licenses/{made['license_id']}"
            "/activate-offline", {"request": text}), 200)["activation"]
    ours, theirs = activate(request), activate(activation.request("other"))
    shop.replica.stop()
    for text, says in ((ours, "yes"),
                       (theirs, "no fingerprint_mismatch"),
                       (ours.replace("LICA1", "LIC1"), "no bad_signature"),
                       (made["license_key"].replace("LIC1", "LICA1"),
                        "no bad_format")):
        assert shop.program.says(text) == says, text
    assert shop.program.says(ours) == "yes"
    shop.program.edit(seen=time.time() + 10 * DAY)      # that long used
    assert shop.program.says(ours) == "no expired"
    shop.replica.start()
    assert shop.questions() == 0


# What the page says

def test_page_has_every_reason(server, api):
    """Its table has those of the API's description, and no others."""
    described = set(re.findall(r"`([a-z_]+)`", str(
        api.get("/v1/openapi.json")["paths"]["/v1/validate"]["post"][
            "responses"]["200"]["description"]).partition("reason")[2]))
    table = PAGE.partition("| reason | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.M)) == described


def test_page_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE):
        assert (DOCS / target).exists(), target
