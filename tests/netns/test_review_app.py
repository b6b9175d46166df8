# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that mean no good, or too much: the others are served all the same."""

import socket

import flows
from bed import GATEWAY_PORT, V4
from daemon import wait_until
from gateway import SK_LOOKUP
from internet import ECHO
from socks import recv_exact


def start_with_descriptors(bed, made, count):
    made.write()
    with bed.gateway:
        made.daemon = bed.start(text=made.path.read_text(), ports=[GATEWAY_PORT],
                                wrapper=("prlimit", f"--nofile={count}:{count}", "setpriv", "--pdeathsig", "KILL"))
    made.daemon.wait_log("is ready")


def test_datagrams_leave_descriptors_to_connections(bed, gateway):
    made = gateway.make(SK_LOOKUP, route={"final": "direct"})
    start_with_descriptors(bed, made, 1024)
    for number in range(1000):
        with bed.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (V4.target, 20000 + number))
    wait_until(lambda: made.count("udp_flows") >= 1024 // 4, 10, "many datagrams are captured")
    with flows.connect(bed.client, (V4.target, ECHO), 5) as sock:
        sock.sendall(b"is there still a place")
        assert recv_exact(sock, 22, 5) == b"is there still a place"
