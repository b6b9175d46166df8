# SPDX-License-Identifier: GPL-2.0-or-later
"""The path to the tunnel's server dies without a word, and comes back."""

import struct

import pytest

import flows
import internet
from bed import FAMILIES, TUNNEL_PORT
from daemon import wait_until
from gateway import TPROXY
from socks import recv_all, recv_exact

LIMITS = {"ack_timeout": "2s"}
NOTHING = "acknowledges nothing"
CUT = f"""table inet cut {{
    chain forward {{
        type filter hook forward priority 0
        tcp dport {TUNNEL_PORT} drop
        tcp sport {TUNNEL_PORT} drop
    }}
}}"""


def answered(sock, data, patience=0.5):
    """Whether a flow works, which may have lost its session just now."""
    sock.settimeout(patience)
    try:
        return flows.exchange(sock, data) == data
    except TimeoutError:
        return False


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
def test_sessions_on_a_dead_path_end(bed, gateway, f):
    server = bed.tunnel_server(limits=LIMITS)
    made = gateway(TPROXY, limits=LIMITS, tunnel={"server": f.server})
    with flows.connect(bed.client, (f.target, internet.ECHO)) as echo, flows.udp_socket(bed.client, f.target) as udp, \
            flows.connect(bed.client, (f.target, internet.SOURCE)) as source:
        flows.echoes(echo, b"well")
        assert answered(udp, b"well", 10)
        source.sendall(struct.pack(">Q", 48 << 20))     # more than fits between: the server has to send on
        recv_exact(source, 1)
        bed.inet.nft(CUT)
        echo.sendall(b"is anybody there")
        assert not answered(udp, b"is anybody there")
        recv_all(echo)                                  # who only receives has keepalive, which takes longer
        wait_until(lambda: made.daemon.log().count(NOTHING) >= 2 and NOTHING in server.log(), 20, "sessions end")
        bed.inet.nft("delete table inet cut")
        wait_until(lambda: answered(udp, b"again"), 20, "the flow goes on in another session")
        flows.tcp_echo(bed.client, f.target)
