"""Operators' webhooks, verified by npm's library `standardwebhooks', which
knows nothing of us; its version is pinned in tests/npm/."""
import base64
import json
import subprocess

import pytest

from lib.npm import install


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """verify(messages): what the library says of each."""
    folder = install(tmp_path_factory.mktemp("npm"))

    def verify(*messages):
        done = subprocess.run(["node", "verify.mjs"], cwd=folder, check=True,
                              input=json.dumps(messages).encode(),
                              capture_output=True, timeout=60)
        said = json.loads(done.stdout)
        assert len(said) == len(messages)
        return said
    return verify


def message(call, endpoint, body=None, **headers):
    """What the library is given: the message as it came, save what is said."""
    return {"secret": endpoint["standard_secret"],
            "headers": {**call.headers, **headers},
            "body": base64.b64encode(body or call.raw).decode()}


def next_call(hooks, e):
    n = len(hooks.vendor.got(e["path"]))
    hooks.settles(hooks.test(e))
    return hooks.comes(e, n=n + 1)[n]


@pytest.mark.parametrize("secret", [None, "whsec_dies ist Text", "Schlüssel",
                                    "x" * 256])
def test_library_accepts_what_we_send(hooks, library, secret):
    e = hooks.endpoint(**({"secret": secret} if secret else {}))
    hooks.product(name="Größe ☃ \"x\"")
    (call,) = hooks.comes(e, "product.created")
    assert library(message(call, e)) == [{"payload": call.body}]


def test_library_refuses_what_we_did_not_send(hooks, library):
    """So that its acceptance means something."""
    e, other = hooks.endpoint(), hooks.endpoint()
    call = next_call(hooks, e)
    stamp = int(call.headers["webhook-timestamp"])
    said = library(
        message(call, other),
        message(call, e, body=call.raw + b" "),
        message(call, e, **{"webhook-id": "another"}),
        message(call, e, **{"webhook-timestamp": str(stamp + 1)}),
        message(call, e, **{"webhook-timestamp": str(stamp - 3600)}),
        message(call, e, **{"webhook-signature": "v1,"}))
    for answer in said:
        assert answer.get("error", "").startswith(
            "WebhookVerificationError"), answer
    assert "too old" in said[4]["error"]


def test_each_try_is_good_for_the_library(hooks, library):
    e = hooks.endpoint()
    hooks.vendor.set(e["path"], statuses=[500, 503])
    d = hooks.test(e)
    for n in (1, 2):
        hooks.until(hooks.tried(d, n)["next_attempt_at"])
    calls = hooks.comes(e, n=3)
    assert {c.headers["webhook-id"] for c in calls} == {d["id"]}
    assert library(*(message(c, e) for c in calls)) == \
        [{"payload": calls[0].body}] * 3


def test_library_accepts_either_secret_after_a_rotation(hooks, library):
    old = hooks.endpoint()
    new = hooks.do("POST", f"/webhook-endpoints/{old['id']}/rotate-secret")
    call = next_call(hooks, old)
    assert library(message(call, old), message(call, new)) == \
        [{"payload": call.body}] * 2
    hooks.clock.move(hours=24, seconds=1)
    call = next_call(hooks, old)
    past, present = library(message(call, old), message(call, new))
    assert present == {"payload": call.body}
    assert past["error"].startswith("WebhookVerificationError")
