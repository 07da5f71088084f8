"""How mail reaches a mail server: what it may answer, when it is tried again,
TLS, login, and who is killed meanwhile."""
import datetime
import time

import pytest

from fake.smtp import Smtp
from lib.client import Api
from lib.mails import Mails
from lib.process import wait_for
from lib.replica import run_ctl
from lib.waiting import metric

LOGIN = ("licet", "p/w:ü @#")


def told(mails, **way):
    """A receipt to a new address that meets this; the address."""
    to = mails.address()
    mails.smtp.way(to, **way)
    mails.issue(mails.product(), buyer_email=to)
    return to


# What the server may answer

@pytest.mark.parametrize("way", [
    {"rcpt": "450 4.2.1 greylisted"}, {"data": "452 4.3.1 full"},
    {"data": "421 4.3.2 closing"}])
def test_later_is_tried_again(mails, way):
    to = told(mails, times=1, **way)
    row = mails.tried(to, 1)
    (stage, answer), = way.items()
    assert row["status"] in ("queued", "sent")
    if row["status"] == "queued":
        assert row["last_error"] == f"{stage.upper()}: {answer}"
        assert row["next_attempt_at"] - mails.clock.now() <= \
            datetime.timedelta(seconds=5)
        mails.until(row["next_attempt_at"])
    row = mails.becomes(to, "sent")
    assert row["attempts"] == 2 and row["last_error"] is None
    assert len(mails.smtp.got(to)) == 1


@pytest.mark.parametrize("way", [
    {"rcpt": "550 5.1.1 no such user"}, {"data": "554 5.7.1 looks like spam"}])
def test_never_is_not(mails, way):
    to = told(mails, **way)
    row = mails.becomes(to, "dead")
    (stage, answer), = way.items()
    assert row["last_error"] == f"{stage.upper()}: {answer}"
    assert row["attempts"] == 1 and row["next_attempt_at"] is None


def test_what_it_thinks_of_us_may_be_mended(mails):
    """A sender that is refused for good kills no mail."""
    mails.smtp.sender = "550 5.7.1 not yours"
    to = told(mails)
    row = mails.tried(to, 1)
    assert row["status"] == "queued"
    assert row["last_error"] == "MAIL: 550 5.7.1 not yours"
    mails.smtp.sender = None
    mails.until(row["next_attempt_at"])
    mails.becomes(to, "sent")


def test_given_up_after_three_days(mails):
    to = told(mails, rcpt="451 4.3.0 later")
    row = mails.tried(to, 1)
    born, tries = row["created_at"], [row]
    while row["next_attempt_at"] is not None:
        mails.until(row["next_attempt_at"])
        row = mails.tried(to, row["attempts"] + 1)
        tries.append(row)
    assert row["status"] == "dead" and 25 < row["attempts"] < 60
    assert row["last_error"] == "RCPT: 451 4.3.0 later"
    age = mails.clock.now() - born
    assert datetime.timedelta(days=3) <= age < datetime.timedelta(days=3.3)
    assert mails.smtp.got(to) == []


def test_answer_that_is_lost(mails):
    """The server took it and hung up: it comes again, under the same id."""
    to = told(mails, drop=True, times=1)
    row = mails.tried(to, 1)
    if row["status"] == "queued":
        assert row["last_error"].startswith("DATA: ")
        mails.until(row["next_attempt_at"])
    mails.becomes(to, "sent")
    first, second = mails.smtp.got(to)
    assert first.id == second.id == f"<{row['id']}@shop.test>"
    assert first.raw == second.raw


def test_nobody_listens(own_instance):
    smtp = Smtp()
    mails = Mails(own_instance(movable=True, name="deaf", **smtp.settings()),
                  smtp)
    to = mails.address()
    mails.issue(mails.product(), buyer_email=to)
    row = mails.tried(to, 1)
    assert row["last_error"].startswith("connecting: ")
    smtp.start()
    mails.until(row["next_attempt_at"])
    assert "LIC1-" in smtp.comes(to).text
    smtp.stop()


def test_one_that_hangs_holds_up_nobody_else(mails):
    slow = told(mails, hang=True)
    mails.smtp.comes(slow)
    quick = [told(mails) for _ in range(6)]
    for to in quick:
        mails.smtp.comes(to)
    assert mails.row(slow)["status"] == "queued"
    mails.smtp.well(slow)
    mails.becomes(slow, "sent")


def test_counted(mails):
    sent = metric_of(mails, "sent")
    dead = metric_of(mails, "dead")
    mails.becomes(told(mails), "sent")
    mails.becomes(told(mails, rcpt="550 no"), "dead")
    wait_for(lambda: metric_of(mails, "sent") > sent and
             metric_of(mails, "dead") > dead, 60, "both are counted")
    assert metric(mails.server, "licet_mails_total") >= 2
    assert metric(mails.server, "licet_mail_queue") >= 0


def metric_of(mails, result):
    text = Api(mails.server.replicas[0].url, "").public("GET",
                                                        "/metrics").text
    line, = [x for x in text.splitlines() if x.startswith(
        f'licet_mail_tries_total{{result="{result}"}}')]
    return float(line.split()[-1])


# TLS and login

@pytest.fixture
def secure():
    made = []

    def make(**options):
        made.append(Smtp(**options).start())
        return made[-1]
    yield make
    for smtp in made:
        smtp.stop()


def one(own_instance, smtp, **settings):
    """The first receipt that such an instance sends, and its client."""
    mails = Mails(own_instance(movable=True, name="tls",
                               **(smtp.settings() | settings)), smtp)
    to = mails.address()
    mails.issue(mails.product(), buyer_email=to)
    return mails, to


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_and_login(own_instance, secure, tls):
    smtp = secure(tls=tls, login=LOGIN)
    mails, to = one(own_instance, smtp)
    mail = smtp.comes(to)
    assert mail.login == LOGIN[0]
    assert mail.tls or tls == "implicit"
    mails.becomes(to, "sent")
    log = mails.server.replicas[0].log()
    assert LOGIN[1] not in log and "LIC1-" not in log


def test_login_from_a_file_is_wrong(own_instance, secure, tmp_path):
    """Refused for good, but it is not the mail's fault."""
    smtp = secure(tls="starttls", login=LOGIN)
    path = tmp_path / "password"
    path.write_text("wrong\n")
    mails, to = one(own_instance, smtp, LICET_SMTP_PASSWORD=None,
                    LICET_SMTP_PASSWORD_FILE=path)
    row = mails.tried(to, 1)
    assert row["status"] == "queued"
    assert row["last_error"].startswith("AUTH: 535 ")


def test_certificate_of_a_stranger(own_instance, secure):
    smtp = secure(tls="starttls")
    mails, to = one(own_instance, smtp, LICET_SMTP_CA_FILE=None)
    row = mails.tried(to, 1)
    assert row["status"] == "queued" and "certificate" in row["last_error"]
    assert smtp.asked == []


def test_no_starttls_no_mail(own_instance, secure):
    smtp = secure()
    mails, to = one(own_instance, smtp, LICET_SMTP_TLS=None)
    row = mails.tried(to, 1)
    assert row["status"] == "queued" and "TLS" in row["last_error"]
    assert smtp.asked == []


# Who is killed meanwhile

def test_stopped_while_sending(own_instance, smtp):
    """A server that says nothing holds up no end for long."""
    server = own_instance(movable=True, name="ending", LICET_DRAIN_MS=500,
                          **smtp.settings())
    mails = Mails(server, smtp)
    to = told(mails, hang=True)
    smtp.comes(to)
    began = time.monotonic()
    assert server.replicas[0].stop() == 0
    assert time.monotonic() - began < 15
    assert mails.row(to)["status"] == "queued"
    smtp.well(to)


@pytest.mark.restarts
def test_killed_while_sending(own_instance, smtp):
    """kill -9 after the server took it, before that was noted: once the lease
    is over it comes again, the same message."""
    server = own_instance(movable=True, name="killed", **smtp.settings())
    mails = Mails(server, smtp)
    to = told(mails, hang=True)
    first = smtp.comes(to)
    server.replicas[0].kill()
    smtp.well(to)
    assert mails.row(to)["status"] == "queued"
    server.replicas[0].restart()
    server.clock.wait()
    assert len(smtp.got(to)) == 1       # the lease is not over
    mails.clock.move(seconds=91)
    second = smtp.comes(to, 2)
    assert (second.id, second.raw) == (first.id, first.raw)
    row = mails.becomes(to, "sent")
    assert row["attempts"] == 1


# The settings

@pytest.mark.parametrize("settings, complaint", [
    ({"LICET_SMTP_URL": "http://mail.test"}, "LICET_SMTP_URL: not smtp"),
    ({"LICET_SMTP_URL": "smtp://a:b@mail.test"}, "LICET_SMTP_URL: not smtp"),
    ({"LICET_SMTP_URL": "smtp://mail.test"}, "LICET_MAIL_FROM: required"),
    ({"LICET_SMTP_URL": "smtp://mail.test", "LICET_MAIL_FROM": "me"},
     "LICET_MAIL_FROM: neither"),
    ({"LICET_SMTP_URL": "smtp://mail.test", "LICET_MAIL_FROM": "a@b.test",
      "LICET_SMTP_USERNAME": "x"}, "LICET_SMTP_USERNAME: goes with"),
    ({"LICET_MAIL_FROM": "a@b.test"}, "LICET_SMTP_URL: required"),
    ({"LICET_SMTP_URL": "smtp://mail.test", "LICET_MAIL_FROM": "a@b.test",
      "LICET_SMTP_CA_FILE": "/nowhere"}, "LICET_SMTP_CA_FILE: cannot read")])
def test_settings_that_are_wrong(mail_server, settings, complaint):
    bare = {k: v for k, v in mail_server.settings.items()
            if "SMTP" not in k and "MAIL" not in k}
    done = run_ctl({**bare, **settings}, "doctor", check=False)
    assert done.returncode == 1
    assert f"FAIL settings: {complaint}" in done.stdout


# The doctor

def test_doctor_logs_in(mail_server, secure):
    """And sends nothing."""
    smtp = secure(tls="starttls", login=LOGIN)
    known = {k: v for k, v in mail_server.settings.items() if "SMTP" not in k}
    known |= smtp.settings()
    done = run_ctl(known, "doctor", check=False)
    assert f"ok   mail: {smtp.url} answers, and lets us in" in done.stdout
    assert smtp.asked == []
    done = run_ctl(known | {"LICET_SMTP_PASSWORD": "wrong"}, "doctor",
                   check=False)
    assert f"FAIL mail: {smtp.url}: AUTH: 535 " in done.stdout
    assert "wrong" not in done.stdout and done.returncode == 1
    smtp.stop()
    done = run_ctl(known, "doctor", check=False)
    assert f"FAIL mail: {smtp.url}: connecting: " in done.stdout


def test_doctor_without_mail(server):
    done = run_ctl(server.settings, "doctor", check=False)
    assert "ok   mail: off: buyers get no mail" in done.stdout
