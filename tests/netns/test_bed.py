# SPDX-License-Identifier: GPL-2.0-or-later
"""The bed itself: with plain forwarding, and with another proxy in the daemon's place."""

import collections
import json
import subprocess

import pytest

import flows
import internet
import packets
from anytls import PASSWORD
from bed import FAMILIES, GATEWAY_PORT, LAN, TUNNEL_PORT, V4
from daemon import ROOT, listening, wait_until
from odd import ODD, throw_odd_packets

@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
def test_forwarding_alone(bed, f):
    flows.all_tcp(bed, f)
    flows.all_udp(bed, f, largest=20000)
    flows.udp_cone(bed.client, f.target)
    flows.half_close(bed.client, f.target)
    data = flows.ends_apart(bed.client, f.target)
    wait_until(lambda: bed.internet.heard, 10, "the server heard the rest")
    assert bed.internet.heard == [(data, "eof")]
    assert flows.seen(bed, f) == {f.client}
    kinds = {(p.protocol, p.fragment is not None) for p in bed.leaks() if p.src == f.client}
    assert kinds == {(packets.TCP, False), (packets.UDP, False), (packets.UDP, True)}


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
def test_packets_by_hand_arrive_and_are_read_as_what_they_are(bed, f):
    wire, here, there = bed.wire(), (f.client, 4000), (f.target, 5000)
    for flags in (packets.ACK, packets.FIN | packets.ACK, packets.RST, packets.SYN | packets.ACK):
        wire.send(packets.ip(f.client, f.target, packets.TCP, packets.tcp(here, there, flags)))
        bed.capture.wait(lambda p, flags=flags: p.flags == flags and (p.sport, p.dport) == (4000, 5000))
    data = b"in pieces" * 400
    for piece in packets.fragments(f.client, f.target, packets.UDP, packets.udp(here, (f.target, 7), data)):
        wire.send(piece)
    wait_until(lambda: any(got == data for got, _ in bed.internet.udp[f.target].seen), 5, "the datagram came whole")
    # in any order: who sends may be moved to another processor
    assert sorted(p.fragment for p in bed.leaks() if p.protocol == packets.UDP) == [0, 1400, 2800]


def test_odd_packets_pass_a_gateway_that_only_forwards(bed):
    """Or else that none gets past the daemon says nothing."""
    throw_odd_packets(bed)
    seen = bed.leaks()
    for f in FAMILIES:
        mine = [p for p in seen if p.src == f.client]
        assert {p.flags for p in mine if p.sport == 4000} == set(ODD.values())
        found = {kind: collections.Counter(p.fragment for p in mine if p.protocol == kind)
                 for kind in (packets.TCP, packets.UDP)}
        del found[packets.TCP][None]
        assert found[packets.TCP] == collections.Counter([0, 1400, 2800])
        pieces = [0, 1400, 2800, 4200]
        assert found[packets.UDP] == collections.Counter([None, None, *pieces, *pieces[1:]])


SING_BOX_NFT = """table inet sing {
 chain pre { type filter hook prerouting priority mangle
  iifname != "%(lan)s" return
  ip daddr 10.77.0.0/16 return
  ip6 daddr fd77:1::/32 return
  meta l4proto { tcp, udp } meta mark set 1 tproxy to :%(port)d accept
  meta l4proto { tcp, udp } counter drop
 }
}
"""


def sing_box(bed):
    """Its tproxy inbound at the gateway, with the rules that it wants."""
    programs = subprocess.run([ROOT / "tests" / "interop" / "programs", "sing-box"], capture_output=True, text=True)
    if programs.returncode != 0:
        pytest.skip(f"no sing-box: {programs.stderr.strip().splitlines()[-1:]}")
    config = bed.folder / "sing-box.json"
    outbound = {"type": "anytls", "tag": "tunnel", "server": V4.server, "server_port": TUNNEL_PORT,
                "password": PASSWORD, "tls": {"enabled": True, "insecure": True}}
    config.write_text(json.dumps({"log": {"level": "debug"}, "outbounds": [outbound],
                                  "inbounds": [{"type": "tproxy", "listen": "::", "listen_port": GATEWAY_PORT}]}))
    bed.gateway.nft(SING_BOX_NFT % {"lan": LAN, "port": GATEWAY_PORT})
    for v in ("", "-6 "):
        bed.gateway.ip(f"{v}rule add fwmark 1 lookup 100 pref 100", f"{v}route add local default dev lo table 100")
    process = bed.process(bed.gateway, programs.stdout.strip() + "/sing-box", "run", "-c", config, "-D", bed.folder)

    def ready():
        assert process.poll() is None, process.log_path.read_text()
        with bed.gateway:
            return listening(GATEWAY_PORT)
    wait_until(ready, 20, "sing-box listens")
    return process


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
def test_another_proxy_in_the_daemons_place(bed, f):
    bed.tunnel_server()
    process = sing_box(bed)
    flows.all_tcp(bed, f)
    flows.all_udp(bed, f)                   # it cuts what is larger
    assert flows.seen(bed, f) == {f.server}
    assert bed.leaks() == []
    throw_odd_packets(bed)
    process.kill()
    process.wait()
    throw_odd_packets(bed)
    assert flows.fails(bed.client, (f.target, internet.ECHO))
    assert bed.leaks() == []
