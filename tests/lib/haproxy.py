"""HAProxy in front of replicas, with health checks, as in production."""
import csv
import os
import shutil
import signal
import socket
import tempfile

import requests

from lib.process import free_port, spawn, wait_for

CONFIG = """\
global
    maxconn 2000
    # One thread hears that a replica has gone before it hears of the request
    # that a test sends afterwards.
    nbthread 1
    stats socket {dir}/stats level admin

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 2s
    option forwardfor
    # As in conf/haproxy.cfg.
    retries 2
    retry-on conn-failure
    option redispatch 1

frontend licet
    bind 127.0.0.1:{port}
    default_backend replicas

backend replicas
    balance roundrobin
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host licet
    http-check expect status 200
    timeout check 2s
    default-server inter 200ms fall 2 rise 1
{servers}
"""


class Haproxy:
    def __init__(self, replicas):
        self.replicas = replicas
        self.port = free_port()
        self.host = "127.0.0.1"
        self.url = f"http://127.0.0.1:{self.port}"
        self.dir = tempfile.mkdtemp(prefix="licet-haproxy-", dir="/tmp")
        self.process = None

    def start(self):
        servers = "\n".join(
            f"    server r{i} 127.0.0.1:{r.port} check"
            for i, r in enumerate(self.replicas))
        path = os.path.join(self.dir, "haproxy.cfg")
        with open(path, "w") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port,
                                  servers=servers))
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = spawn(["haproxy", "-db", "-f", path],
                                 stdout=log, stderr=log)
        wait_for(self.is_up, 60, "HAProxy reaches a replica")
        return self

    def is_up(self):
        assert self.process.poll() is None, "HAProxy ended at start"
        try:
            return requests.get(self.url + "/health/ready",
                                timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def sends_to(self, replica):
        """Does it take that replica to be up?"""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(os.path.join(self.dir, "stats"))
            s.sendall(b"show stat -1 4 -1\n")
            said = s.makefile().read()
        names, *servers = csv.reader(said.lstrip("# ").splitlines())
        at = f"r{self.replicas.index(replica)}"
        for row in (dict(zip(names, values)) for values in servers):
            if row.get("svname") == at:
                return row["status"] == "UP"
        raise AssertionError(f"no server {at}: {said}")

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)
