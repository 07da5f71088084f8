"""A customer's key leaked: another license takes its place, and its key goes to
the license's address, whoever asked."""
import re

import pytest

from lib.check import events, outbox
from lib.client import Api, expect, refused
from lib.customer import customer, new_email
from lib.tiers import LOW, Shop, subscription

KEY = re.compile(r"LIC1-\S+")


@pytest.fixture
def bought(mails):
    """A license that renews, mailed to its buyer; the answer of the sale."""
    email = mails.address()
    paid = Shop(mails).buy(LOW, buyer_email=email)
    mails.told(email)
    return {**paid, "email": email}


def reissue(session, license_id, **body):
    return session.ask("POST", f"/v1/portal/licenses/{license_id}/reissue",
                       body)


def new_key(mails, email, n=2):
    mail = mails.smtp.comes(email, n)
    return KEY.search(mail.text).group()


def test_old_key_is_refused_and_new_one_mailed(mails, bought):
    me = customer(mails.server, email=bought["email"])
    was = subscription(mails.server, bought["license_id"])
    got = expect(reissue(me, bought["license_id"], reason="in a video"), 200)
    assert set(got) == {"license_id", "reissued_from", "mailed_to"}
    assert got["reissued_from"] == bought["license_id"]
    assert got["mailed_to"] == bought["email"][0] + "…@example.org"
    assert mails.validate(bought["license_key"])["reason"] == "revoked"
    key = new_key(mails, bought["email"])
    answer = mails.validate(key)
    assert answer["ok"] and answer["license_id"] == got["license_id"]
    now = subscription(mails.server, got["license_id"])
    assert (now["id"], now["next_renewal_at"]) == \
        (was["id"], was["next_renewal_at"])
    [row] = events(mails.server, got["license_id"], "license.reissue")
    assert row["actor_kind"] == "customer" and row["actor_hash"]
    assert row["details"]["reason"] == "in a video"
    assert len(outbox(mails.server, "license_id", bought["license_id"],
                      "license.revoked")) == 1
    seen = expect(me.ask("GET", "/v1/portal/licenses"), 200)["licenses"]
    assert [(l["id"], l["state"]) for l in seen] == [
        (got["license_id"], "active"), (bought["license_id"], "revoked")]


def test_who_has_the_key_alone_does_not_get_the_new_one(mails, bought):
    """It may be the thief; the session is over with the license."""
    thief = customer(mails.server, license_id=bought["license_id"])
    r = reissue(thief, bought["license_id"])
    got = expect(r, 200)
    assert "LIC1" not in r.text
    for path in ("licenses", f"licenses/{got['license_id']}"):
        refused(thief.ask("GET", f"/v1/portal/{path}"), 401, "unauthorized")
    assert mails.validate(new_key(mails, bought["email"]))["ok"]


def test_three_times_in_thirty_days(mails, bought):
    me, last = customer(mails.server, email=bought["email"]), \
        bought["license_id"]
    for _ in range(3):
        last = expect(reissue(me, last), 200)["license_id"]
    refused(reissue(me, last), 409, "conflict")
    assert mails.license(last)["license"]["status"] == "active"
    # The vendor still can, and it doesn't count.
    last = mails.do("POST", f"/licenses/{last}/reissue", {})["license_id"]
    refused(reissue(me, last), 409, "conflict")
    mails.server.db.execute(
        "UPDATE licenses SET metadata = jsonb_set(metadata,"
        " '{customer_reissues,0}', to_jsonb(rfc3339(licet_now()"
        " - interval '2592001 seconds'))) WHERE id = %s", [last])
    expect(reissue(me, last), 200)


def test_not_what_is_suspended_or_revoked(mails, bought):
    me = customer(mails.server, email=bought["email"])
    mails.do("POST", f"/licenses/{bought['license_id']}/suspend", {})
    refused(reissue(me, bought["license_id"]), 409, "conflict")
    mails.revoke(bought["license_id"])
    refused(reissue(me, bought["license_id"]), 409, "conflict")


def test_not_without_an_address(mails):
    """By key, and there is nowhere to send the new one."""
    made = mails.issue()
    me = customer(mails.server, license_id=made["license_id"])
    refused(reissue(me, made["license_id"]), 409, "conflict")
    assert mails.validate(made["license_key"])["ok"]


def test_not_without_a_mail_server(server):
    api, email = Api(server.url, server.admin_key, server.db), new_email()
    made = api.issue(buyer_email=email)
    r = reissue(customer(server, email=email), made["license_id"])
    refused(r, 409, "conflict")
    assert "mail" in r.json()["message"]
    assert api.validate(made["license_key"])["ok"]
