"""The double of a mail server, asked by Python's own client."""
import smtplib
import ssl

import pytest

from fake.smtp import Smtp

MESSAGE = (b"From: a@shop.test\r\nTo: b@example.org\r\nSubject: =?UTF-8?Q?=C3=B6?="
           b"\r\nMessage-ID: <1@shop.test>\r\n\r\ntext\r\n")


@pytest.fixture
def made():
    servers = []

    def make(**options):
        servers.append(Smtp(**options).start())
        return servers[-1]
    yield make
    for server in servers:
        server.stop()


def send(fake, to="b@example.org", login=None):
    context = None
    if fake.tls is not None:
        context = ssl.create_default_context(cafile=fake.ca)
    if fake.tls == "implicit":
        client = smtplib.SMTP_SSL("127.0.0.1", fake.port, timeout=20,
                                  context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", fake.port, timeout=20)
    with client:
        if fake.tls == "starttls":
            client.starttls(context=context)
        if login is not None:
            client.login(*login)
        client.sendmail("a@shop.test", [to], MESSAGE)


@pytest.mark.parametrize("tls", [None, "starttls", "implicit"])
def test_takes_a_message(made, tls):
    fake = made(tls=tls)
    send(fake)
    mail = fake.comes("b@example.org")
    assert (mail.sender, mail.subject, mail.id) == (
        "a@shop.test", "ö", "<1@shop.test>")
    assert mail.tls == (tls == "starttls")


def test_wants_tls_and_the_right_login(made):
    fake = made(tls="starttls", login=("me", "word"))
    send(fake, login=("me", "word"))
    assert fake.comes("b@example.org").login == "me"
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(fake, login=("me", "other"))
    fake.tls = None
    with pytest.raises(smtplib.SMTPException):
        send(fake)


def test_ways(made):
    fake = made()
    fake.way("b@example.org", rcpt="451 later", times=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(fake)
    send(fake)
    fake.way("b@example.org", data="554 no", times=1)
    with pytest.raises(smtplib.SMTPDataError):
        send(fake)
    fake.way("b@example.org", drop=True, times=1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(fake)
    assert len(fake.got("b@example.org")) == 2
    send(fake, "c@example.org")
    assert fake.comes("c@example.org").to == "c@example.org"
