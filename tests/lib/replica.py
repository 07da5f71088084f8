"""One running licet process tree: start, readiness, signals, evidence.

A replica's output is kept and read at the end: a sanitizer's report, or a
worker that was replaced without the test saying so, is a failure.
"""
import atexit
import functools
import mmap
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import requests

from lib.process import children, free_port, kill_now, spawn, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIB = ROOT / "tests" / "lib"
COMPLAINT = re.compile(
    r"ERROR: AddressSanitizer|runtime error:|LeakSanitizer|SUMMARY: ")


def binary():
    return pathlib.Path(
        os.environ.get("LICET_BIN", ROOT / "build" / "licet")).resolve()


def ctl():
    return binary().with_name("licetctl")


@functools.lru_cache
def is_sanitized(path):
    with open(path, "rb") as f, \
         mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
        return m.find(b"__asan_init") != -1


def environment(settings):
    """The settings, on an environment without any other that it reads."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(
        ("LICET_", "KEYSAT_", "LICENSING_", "BTCPAY_"))}
    env.update({k: str(v) for k, v in settings.items() if v is not None})
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0"
    env["LSAN_OPTIONS"] = f"suppressions={LIB}/lsan.supp:print_suppressions=0"
    env["UBSAN_OPTIONS"] = ("print_stacktrace=1:halt_on_error=1:"
                            f"suppressions={LIB}/ubsan.supp")
    return env


def run_ctl(settings, *words, check=True, stdin=None):
    """licetctl WORDS under these settings; CompletedProcess with text."""
    done = subprocess.run([str(ctl()), *words], env=environment(settings),
                          input=stdin, capture_output=True, text=True,
                          timeout=120)
    assert not check or done.returncode == 0, \
        f"licetctl {' '.join(words)}: {done.stdout}{done.stderr}"
    return done


class Replica:
    def __init__(self, settings, name="licet"):
        self.port = free_port()
        self.host = "127.0.0.1"
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = name
        self.settings = dict(settings)
        self.settings["LICET_LISTEN"] = f"127.0.0.1:{self.port}"
        self.settings.setdefault("LICET_PUBLIC_URL", self.url)
        if is_sanitized(binary()):
            self.settings["LICET_SECCOMP"] = "off"
        self.process = None
        self.dir = tempfile.mkdtemp(prefix=f"licet-{name}-", dir="/tmp")
        atexit.register(shutil.rmtree, self.dir, ignore_errors=True)
        self.log_path = f"{self.dir}/log"
        self.settings.setdefault("LICET_PIDFILE", f"{self.dir}/pid")
        self.workers = set()

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = spawn([str(binary())], stdout=log, stderr=log,
                                 env=environment(self.settings))
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        wait_for(self.is_ready, seconds, f"{self.name} is ready")
        count = int(self.settings.get("LICET_WORKERS", 1))
        wait_for(lambda: len(children(self.process.pid)) >= count, 60,
                 f"{self.name} has {count} workers")
        self.workers = children(self.process.pid)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"{self.name} ended with {self.process.returncode} at start:"
                f"\n{self.log()[-3000:]}")
        try:
            return requests.get(self.url + "/health/ready",
                                timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=60):
        """Exit status, once every process of the tree is gone."""
        family = children(self.process.pid) | self.workers
        code = self.process.wait(seconds)
        wait_for(lambda: not any(os.path.exists(f"/proc/{p}")
                                 for p in family),
                 60, f"{self.name}'s workers are gone")
        return code

    def stop(self, seconds=60):
        """SIGTERM and wait; checks the evidence."""
        if self.process is None:
            return 0
        self.check_workers()
        self.signal(signal.SIGTERM)
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end in {seconds} s")
        self.process = None
        self.check_log()
        return code

    def kill(self):
        """kill -9 of the parent and all workers at once."""
        if self.process is not None:
            kill_now({self.process.pid} | children(self.process.pid))
            self.process.wait(60)
            self.process = None

    def restart(self):
        self.start()

    def expect_new_workers(self):
        """The test killed a worker: wait for its successor, accept it."""
        count = len(self.workers)

        def replaced():
            now = children(self.process.pid)
            return len(now) >= count and now != self.workers
        wait_for(replaced, 60, f"{self.name} replaces its worker")
        self.workers = children(self.process.pid)

    def check_workers(self):
        if self.process is None:
            return
        assert self.process.poll() is None, \
            f"{self.name} died: {self.log()[-3000:]}"
        now = children(self.process.pid)
        before, self.workers = self.workers, now
        assert now == before, \
            f"{self.name}: worker replaced: {self.log()[-4000:]}"

    def check_log(self):
        log = self.log()
        hit = COMPLAINT.search(log)
        assert hit is None, log[max(0, hit.start() - 200):hit.start() + 4000]
