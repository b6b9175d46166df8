# SPDX-License-Identifier: GPL-2.0-or-later
"""The bed itself: with plain forwarding, and with another proxy in the daemon's place."""

import json
import subprocess

import pytest

import flows
import internet
import packets
from anytls import PASSWORD
from bed import FAMILIES, GATEWAY_PORT, LAN, TUNNEL_PORT, V4
from daemon import ROOT, listening, wait_until

MIB = 1 << 20


def everything(bed, f, largest=20000):
    """All that a client does with the internet."""
    flows.tcp_echo(bed.client, f.target, 200000)
    flows.bulk_up(bed.client, f.target, 8 * MIB)
    flows.bulk_down(bed.client, f.target, 8 * MIB)
    flows.speaks_first(bed.client, f.target)
    flows.parallel(bed.client, f.second, 50)
    assert flows.curl(bed.client, f.second).startswith(f"{f.second} to ")
    flows.udp_echo(bed.client, f.target, [size for size in (0, *flows.SIZES) if size <= largest])
    flows.dns_udp(bed.client, f.target)
    flows.dns_tcp(bed.client, f.target)
    assert flows.ping(bed.client, f.target)


def seen_by_all(bed, f):
    """Whom the servers saw."""
    net = bed.internet
    named = [net.echo, net.sink, net.source, net.greeter, net.dns_tcp, net.udp[f.target]]
    return set().union(*(one.peers() for one in named), {peer for peer, _, _ in net.http.seen})


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
def test_forwarding_alone(bed, f):
    everything(bed, f)
    flows.udp_cone(bed.client, f.target)
    flows.half_close(bed.client, f.target)
    data = flows.ends_apart(bed.client, f.target)
    wait_until(lambda: bed.internet.heard, 10, "the server heard the rest")
    assert bed.internet.heard == [(data, "eof")]
    assert seen_by_all(bed, f) == {f.client}
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
    assert [p.fragment for p in bed.leaks() if p.protocol == packets.UDP] == [0, 1400, 2800]


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
    everything(bed, f, largest=3000)        # it cuts datagrams at 16 KiB
    assert seen_by_all(bed, f) == {f.server}
    assert bed.leaks() == []
    process.kill()
    process.wait()
    assert flows.fails(bed.client, (f.target, internet.ECHO))
    assert bed.leaks() == []
