"""A mail server: aiosmtpd, in a thread of the test process, with faults.

    smtp = Smtp().start()
    smtp.way("slow@example.org", rcpt="451 later")      # by recipient
    smtp.way("gone@example.org", data="554 no", times=1)
    smtp.way("a@example.org", drop=True)     # takes it, and hangs up unheard
    smtp.way("b@example.org", hang=True)     # takes it, and says nothing

What came is in smtp.mails, what was merely begun in smtp.asked.
"""
import asyncio
import email
import email.policy
import ssl
import subprocess
import tempfile
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from lib.process import free_port, wait_for


class Mail:
    """A message that was taken."""

    def __init__(self, session, envelope):
        self.greeting = session.host_name
        self.tls = session.ssl is not None
        self.login = session.auth_data.login.decode() \
            if session.authenticated else None
        self.sender = envelope.mail_from
        self.to, = envelope.rcpt_tos
        self.raw = envelope.original_content
        self.message = email.message_from_bytes(
            self.raw, policy=email.policy.default)

    @property
    def id(self):
        return self.message["Message-ID"]

    @property
    def subject(self):
        return self.message["Subject"]

    def part(self, kind):
        found, = [p for p in self.message.iter_parts()
                  if p.get_content_type() == f"text/{kind}"]
        return found.get_content()

    @property
    def text(self):
        return self.part("plain")

    @property
    def html(self):
        return self.part("html")


class Handler:
    def __init__(self, fake):
        self.fake = fake

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.fake.sender is not None:
            return self.fake.sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.fake.asked.append(address)
        answer = self.fake.take(address, "rcpt")
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        answer = self.fake.take(to, "data")
        if answer is not None:
            return answer
        self.fake.mails.append(Mail(session, envelope))
        if self.fake.take(to, "drop"):
            server.transport.abort()
        if self.fake.take(to, "hang"):
            while to in self.fake.ways:
                await asyncio.sleep(0.02)
        return "250 OK"


class Smtp:
    """tls: None, "starttls" or "implicit"; login: (name, password)."""

    def __init__(self, tls=None, login=None):
        self.port = free_port()
        self.tls, self.login = tls, login
        self.lock = threading.Lock()
        self.server = None
        self.dir = tempfile.TemporaryDirectory(prefix="licet-smtp-",
                                               dir="/tmp")
        self.ca = f"{self.dir.name}/cert.pem"
        self.reset()

    @property
    def url(self):
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        return f"{scheme}://127.0.0.1:{self.port}"

    def settings(self):
        s = {"LICET_SMTP_URL": self.url,
             "LICET_MAIL_FROM": "Corner Shop <keys@shop.test>"}
        if self.tls is None:
            s["LICET_SMTP_TLS"] = "off"
        else:
            s["LICET_SMTP_CA_FILE"] = self.ca
        if self.login is not None:
            s["LICET_SMTP_USERNAME"], s["LICET_SMTP_PASSWORD"] = self.login
        return s

    def start(self):
        options = {"timeout": 60, "hostname": "mail.test"}
        context = None if self.tls is None else self.certify()
        if self.tls == "starttls":
            options.update(tls_context=context, require_starttls=True)
        if self.login is not None:
            options.update(authenticator=self.authenticate,
                           auth_required=True,
                           auth_require_tls=self.tls == "starttls")
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = self.run(self.loop.create_server(
            lambda: SMTP(Handler(self), loop=self.loop, **options),
            "127.0.0.1", self.port,
            ssl=context if self.tls == "implicit" else None))
        return self

    def run(self, awaited):
        return asyncio.run_coroutine_threadsafe(awaited,
                                                self.loop).result(30)

    def stop(self):
        if self.server is not None:
            self.ways.clear()
            self.loop.call_soon_threadsafe(self.server.close)
            self.run(self.server.wait_closed())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.server = None

    def certify(self):
        """For 127.0.0.1, signed by itself."""
        key = f"{self.dir.name}/key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", self.ca, "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        return context

    def authenticate(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and \
            (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=good, handled=False, auth_data=data)

    # What it does

    def reset(self):
        self.mails, self.asked, self.ways = [], [], {}
        self.sender = None      # what MAIL is answered with

    def way(self, to, times=None, **how):
        """What this recipient's mails meet, so many times or always."""
        with self.lock:
            self.ways[to] = dict(how, times=times)

    def well(self, to):
        with self.lock:
            self.ways.pop(to, None)

    def take(self, to, what):
        with self.lock:
            how = self.ways.get(to, {})
            if what not in how:
                return None
            if how["times"] is not None:
                how["times"] -= 1
                if how["times"] == 0 and what != "hang":
                    del self.ways[to]
            return how[what]

    # What it got

    def got(self, to=None):
        return [m for m in list(self.mails) if to is None or m.to == to]

    def comes(self, to, n=1, seconds=60):
        """Until the nth mail to this address is there; the nth."""
        wait_for(lambda: len(self.got(to)) >= n, seconds,
                 f"mail {n} to {to} comes")
        return self.got(to)[n - 1]
