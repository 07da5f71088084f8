"""Mail to buyers by several replicas: each mail by one of them, and none is lost
with the one that dies."""
import pytest

from fake.smtp import Smtp
from lib.mails import Mails
from lib.process import wait_for

MAILS = 40


@pytest.fixture
def server_and_smtp(own_instance):
    smtp = Smtp().start()
    server = own_instance(replicas=2, movable=True, name="mailers",
                          **smtp.settings())
    yield server, smtp
    smtp.stop()


def issue(mails, n=MAILS):
    """So many receipts are queued; their addresses."""
    product = mails.product()
    to = [mails.address() for _ in range(n)]
    for address in to:
        mails.issue(product, buyer_email=address)
    return to


def sent(server):
    return server.value("SELECT count(*) FROM mails WHERE status = 'sent'")


def test_each_is_sent_by_one(server_and_smtp):
    server, smtp = server_and_smtp
    mails = Mails(server, smtp)
    to = issue(mails)
    wait_for(lambda: sent(server) == MAILS, 60, "all are sent")
    assert sorted(m.to for m in smtp.mails) == sorted(to)


@pytest.mark.restarts
def test_killed_replica_loses_none(server_and_smtp):
    """What it had under way comes again once the lease is over, the same."""
    server, smtp = server_and_smtp
    mails = Mails(server, smtp)
    slow = mails.address()
    smtp.way(slow, hang=True)
    mails.issue(mails.product(), buyer_email=slow)
    smtp.comes(slow)
    to = issue(mails)
    # Whichever has it: one after the other dies, and comes back.
    for replica in server.replicas:
        replica.kill()
        replica.restart()
    smtp.well(slow)
    server.clock.wait()
    mails.clock.move(seconds=91)
    wait_for(lambda: sent(server) == MAILS + 1, 60, "all are sent")
    for address in to + [slow]:
        assert len({m.raw for m in smtp.got(address)}) == 1
    assert len(smtp.got(slow)) == 2
