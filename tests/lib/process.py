"""Child processes, free ports and waiting for events.

Nothing here sleeps for a fixed time to let something happen: wait_for()
polls a condition and fails with a reason at its deadline.
"""
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import time


PORTS = range(12000, 32000)     # below those that the kernel gives to clients
STRETCH = 1000

given = set()
ports = random.SystemRandom()


@functools.cache
def stretch():
    """The ports of this test process: it holds a datagram socket by which
    others see that they are taken, for as long as it lives."""
    for first in ports.sample(PORTS[::STRETCH], len(PORTS) // STRETCH):
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", first))
        except OSError:
            mark.close()
            continue
        return mark, range(first, first + STRETCH)
    raise AssertionError("too many tests run side by side on this machine")


def free_port():
    """One to listen on later: not one of another test process, nor of a
    client's by then, nor soon the same again."""
    while True:
        if len(given) > STRETCH * 3 // 4:
            given.clear()
        port = ports.choice(stretch()[1])
        if port in given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


def wait_for(condition, seconds, what, pause=0.01):
    """Poll until condition() is true; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def spawn(argv, death="TERM", user=None, **options):
    """Start argv so that it is told to end if the test process dies."""
    prefix = ["setpriv", f"--pdeathsig={death}"]
    if user is not None and os.getuid() == 0:
        prefix += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return subprocess.Popen(prefix + argv, **options)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return {int(child) for child in f.read().split()}
    except OSError:
        return set()


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError(f"process {pid} has no VmRSS")


def has_ended(pid):
    """It is gone, or a zombie, which holds nothing open any more."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill_now(pids):
    """kill -9; returns when all have ended.  Until then a busy machine lets
    them take connections that nobody will answer."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait_for(lambda: all(has_ended(pid) for pid in pids), 60,
             "those that were killed end")


def as_user(user, argv):
    """argv, run as another user when we are root."""
    if os.getuid() != 0:
        return argv
    return [shutil.which("setpriv"), f"--reuid={user}", f"--regid={user}",
            "--init-groups"] + argv
