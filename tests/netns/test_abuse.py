# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that mean no good, or too much: the others are served all the same."""

import contextlib
import os
import random
import signal
import socket
import struct
import threading
import time

import pytest

import flows
import internet
from bed import GATEWAY_PORT, V4, V6
from daemon import wait_until
from gateway import SK_LOOKUP, TPROXY
from socks import recv_exact


def start_with_descriptors(bed, made, count):
    made.write()
    with bed.gateway:
        made.daemon = bed.start(text=made.path.read_text(), ports=[GATEWAY_PORT],
                                wrapper=("prlimit", f"--nofile={count}:{count}", "setpriv", "--pdeathsig", "KILL"))


def test_datagrams_leave_descriptors_to_connections(bed, gateway):
    made = gateway.make(SK_LOOKUP, route={"final": "direct"})
    start_with_descriptors(bed, made, 1024)

    def captured():
        for number in range(1000):
            with bed.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", (V4.target, 20000 + number))
        return made.count("udp_flows") >= 1024 // 4
    wait_until(captured, 20, "many datagrams are captured")
    with flows.connect(bed.client, (V4.target, internet.ECHO)) as sock:
        sock.sendall(b"is there still a place")
        assert recv_exact(sock, 22) == b"is there still a place"


HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(189)
LINGER = struct.pack("ii", 1, 0)
RAW_SOCKETS = 2 * os.cpu_count()        # for answers; of each worker and family, once they are needed
# servers that close when they are told of an end; else a half-open connection is not ended, rightly
CLOSING = (internet.ECHO, internet.GREETER, internet.HTTP, 5999)


class Churn(threading.Thread):
    """One application that does whatever comes to its mind, and does not care what comes of it."""

    def __init__(self, space, seed, until):
        super().__init__(daemon=True)
        self.space, self.random, self.until, self.failure = space, random.Random(seed), until, None
        self.start()

    def run(self):
        try:
            with self.space:
                while time.monotonic() < self.until:
                    with contextlib.suppress(OSError):
                        self.random.choice((self.stream, self.stream, self.datagrams, self.question))()
        except Exception as failure:    # noqa: BLE001; told by whoever waits for us
            self.failure = failure

    def target(self, ports):
        f = self.random.choice((V4, V6))
        return self.random.choice((f.target, f.second, f.other)), self.random.choice(ports)

    def stream(self):
        dest = self.target(CLOSING)
        with socket.socket(flows.family(dest[0]), socket.SOCK_STREAM) as sock:
            sock.settimeout(self.random.choice((0.01, 0.3)))
            sock.connect(dest)
            for _ in range(self.random.randrange(4)):
                what = self.random.choice((HELLO, HELLO[:50], b"GET / HTTP/1.1\r\nHost: one.te", b"st\r\n\r\n", b"\x16",
                                           bytes(self.random.randrange(100000))))
                sock.sendall(what)
                time.sleep(self.random.choice((0, 0, 0.02, 0.15)))
                sock.recv(self.random.choice((1, 1 << 20)))
            if self.random.random() < 0.3:
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1 << 20)
            if self.random.random() < 0.3:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)

    def datagrams(self):
        dest = self.target((internet.ECHO, internet.CONE, 5999))
        with socket.socket(flows.family(dest[0]), socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.02)
            for _ in range(self.random.randrange(1, 20)):
                sock.sendto(bytes(self.random.choice((0, 1, 1400, 3000, 60000))), dest)
            sock.recv(65535)

    def question(self):
        asked = bytearray(flows.query(self.random.choice(("one.test", "two.test", "none.test"))))
        if self.random.random() < 0.3:
            asked[self.random.randrange(len(asked))] = self.random.randrange(256)
        dest = self.target((internet.DNS,))
        with socket.socket(flows.family(dest[0]), socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.sendto(asked, dest)
            sock.recv(65535)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")     # of servers
@pytest.mark.parametrize("final", ["direct", "tunnel"])
@pytest.mark.parametrize("mode", [SK_LOOKUP, TPROXY])
def test_nothing_is_left_of_anything(bed, gateway, mode, final):
    """CHURN_SECONDS makes it longer, CHURN_SEED another."""
    seconds, seed = float(os.environ.get("CHURN_SECONDS", 4)), int(os.environ.get("CHURN_SEED", 1))
    made = gateway(mode, inbound={"udp_timeout": "2s", "hijack_dns": V4.target},
                   route={"rules": [{"domain_suffix": "test", "outbound": "direct"}], "final": final},
                   tunnel={"idle_session_timeout": "1s", "idle_session_check_interval": "1s"},
                   limits={"udp_flows": 60, "udp_sessions": 10, "local_connections": 40, "drain_timeout": "1s"})
    before = made.daemon.fds()
    threads = [Churn(space, seed * 100 + number, time.monotonic() + seconds)
               for number, space in enumerate((bed.client, bed.lan) * 4)]
    time.sleep(seconds / 2)
    bed.daemons[0].process.send_signal(signal.SIGSTOP)  # a tunnel that says nothing for a while
    time.sleep(seconds / 4)
    bed.daemons[0].process.send_signal(signal.SIGCONT)
    for thread in threads:
        thread.join()
        assert thread.failure is None
    wait_until(lambda: made.daemon.fds() <= before + RAW_SOCKETS and not made.figures("streams"), 45,
               "no descriptor and no stream is left")
    flows.tcp_echo(bed.client, V4.target)
    flows.udp_echo(bed.client, V6.target, [100])
    assert flows.dns_udp(bed.client, V4.other)
