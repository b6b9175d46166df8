# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients send goes through the tunnel, and comes back as if it had not."""

import signal
import subprocess

import pytest

import flows
import internet
from anytls import pattern
from bed import FAMILIES, LAN, V4, V6
from daemon import sanitized, wait_until
from gateway import DATAGRAMS, MODES, SK_LOOKUP, TPROXY

SLOW = 4 if sanitized() else 1


def both(f):
    return "v6" if f is V6 else "v4"


def tcp_leaks(bed):
    return [p for p in bed.leaks() if p.protocol == 6]


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", MODES)
def test_tcp_goes_through_the_tunnel(bed, gateway, mode, f):
    made = gateway(mode)
    flows.all_tcp(bed, f, 16 * flows.MIB // SLOW)
    flows.half_close(bed.client, f.target)
    assert flows.seen(bed, f) == {f.server}
    assert tcp_leaks(bed) == []
    wait_until(lambda: not made.figures("streams"), 15, "no stream is left")


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_udp_goes_through_the_tunnel(bed, gateway, mode, f):
    gateway(mode)
    flows.all_udp(bed, f)
    flows.udp_cone(bed.client, f.target)
    assert flows.seen(bed, f) == {f.server}
    assert bed.leaks() == []


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", MODES)
def test_without_a_tunnel_both_ends_hear_of_each_other(bed, gateway, mode, f):
    gateway(mode, route={"final": "direct"})
    data = flows.ends_apart(bed.client, f.target)
    wait_until(lambda: bed.internet.heard, 10, "the server heard the rest")
    assert bed.internet.heard == [(data, "eof")]
    assert flows.seen(bed, f) == {f.wan}


@pytest.mark.parametrize("mode", MODES)
def test_many_at_once_of_two_clients(bed, gateway, mode):
    made = gateway(mode)
    socks = [flows.connect(space, (f.target, internet.ECHO)) for _ in range(60) for f in FAMILIES
             for space in (bed.client, bed.lan)]
    for number, sock in enumerate(socks):
        sock.sendall(pattern(3000, number))
    for number, sock in enumerate(socks):
        assert flows.recv_exact(sock, 3000, 60) == pattern(3000, number)
    assert len(made.figures("streams")) == len(socks)
    for sock in socks:
        sock.close()
    wait_until(lambda: not made.figures("streams"), 10, "no stream is left")
    assert tcp_leaks(bed) == []


@pytest.mark.parametrize("mode", MODES)
def test_what_nobody_answers_fails_at_the_client_too(bed, gateway, mode):
    gateway(mode)
    for f in FAMILIES:
        assert flows.fails(bed.client, (f.target, 4444), 10)


@pytest.mark.parametrize("mode", MODES)
def test_only_captured_interfaces_and_sources(bed, gateway, mode):
    gateway(mode, inbound={"sources": [V4.client, V6.client]})
    for f in FAMILIES:
        for space, peer in ((bed.client, f.server), (bed.lan, f.lan), (bed.guest, f.guest)):
            flows.forget(bed)
            flows.tcp_echo(space, f.target)
            if mode in DATAGRAMS:
                flows.udp_echo(space, f.target, [100])
            assert flows.seen(bed, f) == {peer}


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_one_protocol_alone(bed, gateway, mode):
    made = gateway(mode, inbound={"network": "udp"})
    for f in FAMILIES:
        flows.forget(bed)
        flows.udp_echo(bed.client, f.target, [100])
        flows.tcp_echo(bed.client, f.target)
        assert bed.internet.udp[f.target].peers() == {f.server}
        assert bed.internet.echo.peers() == {f.client}
    made.stop()


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_two_thousand_short_udp_flows_leave_few_sessions(bed, gateway, mode):
    made = gateway(mode, limits={"udp_flows": 400, "udp_sessions": 40, "drain_timeout": "1s"})
    before = made.daemon.fds()
    for number in range(2000):
        f = FAMILIES[number % 2]
        with flows.udp_socket(bed.client, f.target) as sock:
            assert flows.exchange(sock, pattern(50, number)) == pattern(50, number)
    assert len(made.figures("sessions")) <= 41
    wait_until(lambda: len(made.figures("sessions")) <= 11, 15, "all but a quarter of the sessions end")
    assert made.daemon.fds() - before <= 400 + 4 * 41 + 20
    assert bed.leaks() == []


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_too_large_a_datagram_is_dropped_and_counted(bed, gateway, mode, f):
    """And never cut."""
    made = gateway(mode)
    with flows.udp_socket(bed.client, f.target) as sock:
        sock.send(pattern(flows.TUNNEL_MAX + 1))
        sock.send(pattern(60000))
        assert flows.exchange(sock, b"after it") == b"after it"
    assert [data for data, _ in bed.internet.udp[f.target].seen] == [b"after it"]
    wait_until(lambda: made.count("udp_dropped") == 2, 10, "both are counted")


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_without_a_tunnel_datagrams_may_be_as_large_as_they_can(bed, gateway, mode, f):
    gateway(mode, route={"final": "direct"})
    flows.all_udp(bed, f, largest=20000)
    flows.udp_echo(bed.client, f.target, [65000])
    assert flows.seen(bed, f) == {f.wan}


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_a_silent_udp_flow_is_forgotten(bed, gateway, mode):
    made = gateway(mode, inbound={"udp_timeout": "1s"})
    before = made.daemon.fds()
    with flows.udp_socket(bed.client, V4.target) as sock:
        assert flows.exchange(sock, b"one") == b"one"
        assert made.daemon.fds() > before
        wait_until(lambda: made.daemon.fds() <= before + 1, 20, "its sockets are closed")
        assert flows.exchange(sock, b"two") == b"two"


@pytest.mark.parametrize("f", FAMILIES, ids=both)
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_one_socket_many_destinations(bed, gateway, mode, f):
    gateway(mode)
    with flows.udp_socket(bed.client, f.target, connected=False) as sock:
        for number, host in enumerate((f.target, f.second, f.other) * 20):
            sock.sendto(pattern(200, number), (host, internet.ECHO))
            data, who = sock.recvfrom(2048)
            assert data == pattern(200, number) and who[:2] == (host, internet.ECHO)
    ports = {bed.internet.udp[host].seen[-1][1][1] for host in (f.target, f.second, f.other)}
    assert len(ports) == 1, "a socket has one address for all whom it asks"


@pytest.mark.parametrize("mode", MODES)
def test_dns_is_hijacked(bed, gateway, mode):
    gateway(mode, inbound={"hijack_dns": V4.second})
    for f in FAMILIES:
        for host in (f.target, "11.99.0.53" if f is V4 else "2a07:99::53"):
            if mode in DATAGRAMS:
                assert bed.internet.dns[V4.second].reply(flows.query("one.test")) == flows.dns_udp(bed.client, host)
            flows.dns_tcp(bed.client, host)
    assert bed.internet.dns_tcp.seen and {own for _, _, own in bed.internet.dns_tcp.seen} == {V4.second}
    assert bed.internet.dns_tcp.peers() == {V4.server}
    assert not any(bed.internet.dns[host].asked for f in FAMILIES for host in (f.other, f.second)
                   if host != V4.second)


SNIFFED = {"rules": [{"domain": ["one.test"], "outbound": "direct"},
                     {"domain_suffix": [".two.test"], "action": "reject"}], "final": "tunnel"}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("mode", MODES)
def test_a_name_in_the_first_bytes_chooses_the_outbound(bed, gateway, mode, scheme):
    made = gateway(mode, inbound={"sniff": True}, route=SNIFFED)

    def ask(name, f):
        """What curl says; its first bytes are there when the daemon looks, which waits no more than 100 ms for them."""
        address = f"[{f.target}]" if f is V6 else f.target
        port = internet.HTTPS if scheme == "https" else internet.HTTP
        made.daemon.process.send_signal(signal.SIGSTOP)
        with bed.client:
            asks = subprocess.Popen(["curl", "-sSk", "-m", "20", "--resolve", f"{name}:{port}:{address}",
                                     f"{scheme}://{name}/"], stdout=subprocess.PIPE, text=True)
        wait_until(lambda: waiting(bed, f), 10, "bytes of the client")
        made.daemon.process.send_signal(signal.SIGCONT)
        return asks.communicate()[0]
    for f in FAMILIES:
        assert ask("one.test", f) == f"{f.target} to {f.wan}\n"
        assert ask("three.test", f) == f"{f.target} to {f.server}\n"
        assert ask("www.two.test", f) == ""
        flows.speaks_first(bed.client, f.target)


def waiting(bed, f):
    """Whether the gateway's kernel has bytes of the client that nobody has read."""
    rows = [line.split() for line in bed.gateway.run("ss", "-Hnt", "state", "established").stdout.splitlines()]
    return any(int(row[0]) > 0 and f.client in row[3] for row in rows)


@pytest.mark.parametrize("mode", [SK_LOOKUP, TPROXY])
def test_rules_by_address_port_and_network(bed, gateway, mode):
    rules = [{"ip_cidr": [V4.second, V6.second], "outbound": "direct"},
             {"network": "udp", "port": [internet.CONE], "outbound": "direct"},
             {"source_ip_cidr": [V4.lan, V6.lan], "network": "tcp", "outbound": "direct"},
             {"port_range": ["4000:4999"], "action": "reject"}]
    gateway(mode, route={"rules": rules, "final": "tunnel"})
    for f in FAMILIES:
        assert flows.curl(bed.client, f.second) == f"{f.second} to {f.wan}\n"
        assert flows.curl(bed.client, f.target) == f"{f.target} to {f.server}\n"
        assert flows.curl(bed.lan, f.target) == f"{f.target} to {f.wan}\n"
        flows.udp_cone(bed.client, f.target)
        flows.udp_echo(bed.client, f.target, [100])
        assert bed.internet.cone[f.target].peers() == {f.wan}
        assert bed.internet.udp[f.target].peers() == {f.server}
        assert flows.fails(bed.client, (f.target, 4444), 5)


@pytest.mark.parametrize("mode", [TPROXY, "redirect"])
def test_rules_of_an_operator_with_the_other_programs_inbound(bed, gateway, mode):
    """The inbound types of sing-box: the same listener, the rules are made by hand."""
    made = gateway.make(mode)
    nft = OPERATOR[mode]
    bed.gateway.nft(nft)
    if mode == TPROXY:
        for v in ("", "-6 "):
            bed.gateway.ip(f"{v}rule add fwmark 1 lookup 100 pref 100",
                           f"{v}route add local default dev lo table 100")
    before = bed.snapshot()
    made.config["inbounds"] = [{"type": mode, "tag": "gw", "listen": "::", "listen_port": 7893}]
    made.start()
    for f in FAMILIES:
        flows.forget(bed)
        flows.all_tcp(bed, f, flows.MIB)
        if mode == TPROXY:
            flows.all_udp(bed, f)
        assert flows.seen(bed, f) == {f.server}
    assert bed.snapshot() == before
    bed.before = before


OPERATOR = {TPROXY: f"""table inet operator {{
 chain pre {{ type filter hook prerouting priority mangle
  iifname != "{LAN}" return
  meta l4proto {{ tcp, udp }} meta mark set 1 tproxy to :7893 accept
  meta l4proto {{ tcp, udp }} drop
 }}
}}
""", "redirect": f"""table inet operator {{
 chain pre {{ type nat hook prerouting priority dstnat
  iifname "{LAN}" meta l4proto tcp redirect to :7893
 }}
}}
"""}
