# SPDX-License-Identifier: GPL-2.0-or-later
"""A server whose one listener answers on many ports, and on addresses that no interface has."""

import json
import os

import pytest

import flows
from bed import V4, V6
from gateway import CTL
from peers import Client
from tlsconn import TlsConn, client_context

RANGE4, RANGE6 = "11.9.0.0/16", "2a07:9::/32"
STEERED, OTHERS = [443, 8443, 20000, 25001, 30000], [444, 8442, 19999, 30001]


class Server:
    """The daemon in the far namespace with steer_ports."""

    def __init__(self, bed, **keys):
        if bed.pins is None:
            pytest.skip(bed.no_pins)
        self.bed = bed
        inbound = bed.anytls_in(listen="::", listen_port=9000, steer_ports=["443", "8443", "20000-30000"], **keys)
        self.config = {"inbounds": [inbound], "outbounds": [{"type": "direct", "tag": "direct"}],
                       "state": {"name": "far"},
                       "steering": {"directory": str(bed.folder / "steering"), "pins": str(bed.pins)}}
        bed.gateways.append(self)
        self.start()

    def start(self):
        self.daemon = self.bed.start_in(self.bed.far, self.config)

    def answers(self, host, port):
        """Whether a session can be had there, by a client in the internet's namespace."""
        try:
            sock = flows.connect(self.bed.inet, (host, port))
            peer = Client(TlsConn(sock, client_context(), timeout=10))
        except OSError:
            return False
        peer.login()
        peer.close()
        return True

    def counters(self):
        return json.loads(self.bed.far.run(CTL, "steering", "-j", "-n", "far", "-p", self.bed.pins).stdout)

    def undo(self):
        done = self.bed.far.run(CTL, "rules", "remove", "-c", self.daemon.config_path, check=False)
        return done.stderr if done.returncode else None


@pytest.mark.parametrize("host", [V4.server, V6.server], ids=["v4", "v6"])
def test_ports_lead_to_one_listener(bed, host):
    server = Server(bed)
    for port in STEERED + [9000]:
        assert server.answers(host, port), port
    for port in OTHERS:
        assert not server.answers(host, port), port
    listening = bed.far.run("ss", "-Hlnt").stdout
    assert len(set(line.split()[3].rsplit(":", 1)[1] for line in listening.splitlines())) == 1
    assert server.counters()["steered"] >= len(STEERED)


def test_other_listeners_keep_their_ports(bed):
    """A service on a port in the range is refused at the start, one that comes later is not taken from."""
    server = Server(bed)
    with bed.far:
        late = bed.keep(flows.internet.Service(flows.internet.greeter, 22222))
    assert server.answers(V4.server, 22221)
    assert late.seen == []


def test_addresses_of_no_interface(bed):
    for v, net in (("", RANGE4), ("-6 ", RANGE6)):
        bed.far.ip(f"{v}route add local {net} dev lo")
        bed.inet.ip(f"{v}route add {net} via {V6.server if v else V4.server}")
    server = Server(bed, steer_addresses=[RANGE4, "2a07:9::/64"])
    for host in ("11.9.0.1", "11.9.200.7", "2a07:9::1", "2a07:9::ffff"):
        assert server.answers(host, 443) and server.answers(host, 23456), host
        assert not server.answers(host, 444)
    for host in (V4.server, V6.server, "2a07:9:1::1"):
        assert not server.answers(host, 443), host
        assert server.answers(host, 9000)


def test_ports_after_a_crash_and_after_the_end(bed):
    server = Server(bed)
    server.daemon.kill()
    assert not server.answers(V4.server, 443)
    server.start()
    assert server.answers(V4.server, 443) and server.answers(V6.server, 25000)
    server.daemon.terminate()
    assert not server.answers(V4.server, 443)
    assert server.undo() is None
    assert not os.path.isdir(bed.pins) or not [name for _, _, files in os.walk(bed.pins) for name in files]


def test_gateway_and_server_by_a_steered_port(bed, gateway):
    Server(bed)
    made = gateway.make("sk_lookup", tunnel={"server_port": 25555})
    made.start()
    for f in (V4, V6):
        flows.all_tcp(bed, f, flows.MIB)
        flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.server}
