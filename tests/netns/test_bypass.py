# SPDX-License-Identifier: GPL-2.0-or-later
"""What is never captured: the servers see the client itself."""

import socket

import pytest

import flows
import internet
from anytls import pattern
from bed import FAMILIES, V4, V6
from daemon import wait_until
from gateway import DATAGRAMS, MODES

OTHERS = [V4.other, "2a07:20::/32"]


def ask(bed, space, f, host, mode, port=internet.ECHO, patience=60):
    """Whom the services of that port saw."""
    flows.forget(bed)
    if port == internet.ECHO:
        flows.tcp_echo(space, host, patience=patience)
    else:
        flows.speaks_first(space, host)
    if mode in DATAGRAMS and port == internet.ECHO:
        flows.udp_echo(space, host, [0, 100, 3000])
    return flows.seen(bed, f)


def asked(bed, f, mode):
    return flows.while_changing(ask, bed, bed.client, f, f.other, mode)


@pytest.mark.parametrize("mode", MODES)
def test_destinations(bed, gateway, mode):
    gateway(mode, inbound={"bypass": OTHERS})
    for f in FAMILIES:
        assert ask(bed, bed.client, f, f.target, mode) == {f.server}
        assert ask(bed, bed.client, f, f.other, mode) == {f.client}
        flows.forget(bed)
        flows.bulk_down(bed.client, f.other, 4 * flows.MIB)
        flows.udp_cone(bed.client, f.other)
        assert flows.seen(bed, f) == {f.client}


@pytest.mark.parametrize("mode", MODES)
def test_destinations_by_a_rule(bed, gateway, mode):
    rules = [{"ip_cidr": OTHERS, "action": "bypass"}]
    gateway(mode, route={"rules": rules, "final": "tunnel"})
    for f in FAMILIES:
        assert ask(bed, bed.client, f, f.target, mode) == {f.server}
        assert ask(bed, bed.client, f, f.other, mode) == {f.client}


@pytest.mark.parametrize("mode", MODES)
def test_private_destinations_unless_told_otherwise(bed, gateway, mode):
    made = gateway(mode)
    with bed.guest:
        service = bed.keep(internet.Service(internet.echo, internet.ECHO))
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.guest)
    assert service.peers() == {V4.client, V6.client}
    made.stop()
    made.inbound["bypass_private"] = False
    made.start()
    service.seen.clear()
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.guest)
    assert service.peers() == {V4.server, V6.server}


@pytest.mark.parametrize("mode", MODES)
def test_ports(bed, gateway, mode):
    gateway(mode, inbound={"bypass_ports": [f"tcp:{internet.ECHO}", "20-30"]})
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
        assert bed.internet.echo.peers() == {f.client}
        assert ask(bed, bed.client, f, f.target, mode, internet.GREETER) == {f.client}
        flows.forget(bed)
        flows.dns_tcp(bed.client, f.target)
        if mode in DATAGRAMS:
            flows.udp_echo(bed.client, f.target, [100])
        assert flows.seen(bed, f) == {f.server}


@pytest.mark.parametrize("mode", MODES)
def test_sources(bed, gateway, mode):
    gateway(mode, inbound={"bypass_sources": [V4.lan, V6.lan, f"{V4.client} tcp:5000-5010", f"{V6.client} 5005"]})
    for f in FAMILIES:
        assert ask(bed, bed.lan, f, f.target, mode) == {f.lan}
        assert ask(bed, bed.client, f, f.target, mode) == {f.server}
        flows.forget(bed)
        with flows.connect(bed.client, (f.target, internet.ECHO), port=5005) as sock:
            flows.echoes(sock, b"from a port")
        assert flows.seen(bed, f) == {f.client}


@pytest.mark.parametrize("mode", MODES)
def test_files_are_read_again(bed, gateway, mode):
    listed = bed.folder / "direct.txt"
    listed.write_text("# nothing yet\n11.30.0.0/16\n")
    made = gateway(mode, inbound={"bypass_files": [str(listed)]})
    underway = {f: flows.connect(bed.client, (f.second, internet.ECHO)) for f in FAMILIES}
    for f in FAMILIES:
        assert ask(bed, bed.client, f, f.other, mode) == {f.server}
    listed.write_text(f"{V4.other}/32 # one\n\n{V6.other}\n")
    for f in FAMILIES:
        wait_until(lambda f=f: asked(bed, f, mode) == {f.client}, 60, "the file is read")
        assert ask(bed, bed.client, f, f.target, mode) == {f.server}
        flows.echoes(underway[f], pattern(50000))
    listed.write_text("no prefix at all\n")
    made.daemon.wait_log("direct.txt")
    listed.write_text("\n")
    for f in FAMILIES:
        wait_until(lambda f=f: asked(bed, f, mode) == {f.server}, 60, "the file is read again")
        flows.echoes(underway[f], pattern(50000))
        underway[f].close()


@pytest.mark.parametrize("mode", MODES)
def test_captured_flow_whose_destination_is_bypassed_meanwhile(bed, gateway, mode):
    """It goes on or it ends, so that the client tries again; it does not hang."""
    listed = bed.folder / "direct.txt"
    listed.write_text("11.30.0.0/16\n")
    gateway(mode, inbound={"bypass_files": [str(listed)]})
    old = {f: flows.connect(bed.client, (f.other, internet.ECHO)) for f in FAMILIES}
    asks = {f: flows.udp_socket(bed.client, f.other, timeout=1) for f in FAMILIES if mode in DATAGRAMS}
    for f in FAMILIES:
        flows.echoes(old[f], b"before")
        if mode in DATAGRAMS:
            assert flows.exchange(asks[f], b"before") == b"before"
    listed.write_text(f"{V4.other}\n{V6.other}\n")
    for f in FAMILIES:
        wait_until(lambda f=f: flows.while_changing(flows.peers, bed, bed.client, f, f.other) == {f.client}, 20,
                   "the file is read")
        old[f].settimeout(10)
        try:
            old[f].sendall(b"after")
            assert b"after".startswith(old[f].recv(100))        # or the end
        except ConnectionError:
            pass
        old[f].close()
    for sock in asks.values():
        wait_until(lambda sock=sock: answered(sock), 10, "datagrams pass again")
        sock.close()


def answered(sock):
    try:
        return flows.exchange(sock, b"after") == b"after"
    except OSError:
        return False


def serve_lan(bed):
    """A server in the LAN, and the gateway's forwarding of its own port 8080 to it."""
    with bed.lan:
        service = bed.keep(internet.Service(internet.echo, 8000))
    bed.gateway.nft(f"""table inet operator {{
 chain pre {{ type nat hook prerouting priority dstnat
  iifname "wan0" tcp dport 8080 dnat ip to {V4.lan}:8000
  iifname "wan0" tcp dport 8080 dnat ip6 to [{V6.lan}]:8000
 }}
}}
""")
    bed.before = bed.snapshot()
    return service


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", [{"spare_replies": "auto"}, {"spare_replies": True},
                                 {"spare_replies": False, "bypass_sources": [f"{V4.lan} tcp:8000",
                                                                             f"{V6.lan} tcp:8000"]}],
                         ids=["auto", "conntrack", "source"])
def test_replies_of_a_server_in_the_lan(bed, gateway, mode, how):
    service = serve_lan(bed)
    gateway(mode, inbound=how)
    for f in FAMILIES:
        with flows.connect(bed.inet, (f.wan, 8080)) as sock:
            flows.echoes(sock, pattern(300000))
        with flows.connect(bed.inet, (f.lan, 8000)) as sock:
            flows.echoes(sock, pattern(300000))
        assert service.peers() == {f.uplink}
        service.seen.clear()
        flows.tcp_echo(bed.lan, f.target)
        assert bed.internet.echo.peers() == {f.server}, "what it asks itself is captured"
        flows.forget(bed)


@pytest.mark.parametrize("mode", MODES)
def test_flows_that_are_older_than_the_rules(bed, gateway, mode):
    """Spared where conntrack knows them."""
    bed.gateway.nft("table inet operator {\n chain forwarded { type filter hook forward priority 0\n"
                    "  ct state established accept\n }\n}\n")
    bed.before = bed.snapshot()
    old = {f: flows.connect(bed.client, (f.target, internet.ECHO)) for f in FAMILIES}
    for f in FAMILIES:
        flows.echoes(old[f], b"before")
    made = gateway(mode, inbound={"spare_replies": True})
    for f in FAMILIES:
        flows.echoes(old[f], pattern(100000))
        assert ask(bed, bed.client, f, f.target, mode) == {f.server}
    made.stop()
    made.start()
    for f in FAMILIES:
        flows.echoes(old[f], pattern(100000))
        old[f].close()


@pytest.mark.parametrize("mode", MODES)
def test_icmp_and_other_protocols_are_forwarded(bed, gateway, mode):
    gateway(mode)
    for f in FAMILIES:
        assert flows.ping(bed.client, f.target)
        raw = bed.inet.socket(flows.family(f.target), socket.SOCK_RAW, 253)
        sender = bed.keep(bed.client.socket(flows.family(f.target), socket.SOCK_RAW, 253))
        raw.settimeout(10)
        sender.sendto(b"an experiment", (f.target, 0))
        data, who = raw.recvfrom(2048)
        assert data.endswith(b"an experiment") and who[0] == f.client
        raw.close()
