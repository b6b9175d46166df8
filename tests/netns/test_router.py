# SPDX-License-Identifier: GPL-2.0-or-later
"""The router's own services and its own traffic."""

import socket
import struct

import pytest

import flows
import internet
from anytls import pattern
from bed import FAMILIES, LAN, V4, V6, WAN
from daemon import wait_until
from gateway import DATAGRAMS, MODES
from internet import Service, Udp

SSH = 22


class Services:
    """An SSH-like server and a UDP server on the router."""

    def __init__(self, bed):
        with bed.gateway:
            self.ssh = bed.keep(Service(internet.greeter, SSH))
            self.udp = {host: bed.keep(Udp(host, port=5353)) for f in FAMILIES for host in (f.gateway, f.wan)}

    def answer(self, space, f, host):
        """Both answer whoever asks, and it is he himself who does."""
        peer = {"client": f.client, "lan": f.lan, "guest": f.guest, "internet": f.uplink}[space.name]
        self.ssh.seen.clear()
        with flows.connect(space, (host, SSH)) as sock:
            assert flows.recv_exact(sock, len(internet.GREETING)) == internet.GREETING
            flows.echoes(sock, pattern(50000))
        assert self.ssh.peers() == {peer}
        with space.socket(flows.family(host), socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect((host, 5353))
            for size in (0, 100, 3000):
                assert flows.exchange(sock, pattern(size)) == pattern(size)
        assert {internet.plain(who[0]) for _, who in self.udp[host].seen[-3:]} == {peer}

    def answer_all(self, bed):
        for f in FAMILIES:
            for space in (bed.client, bed.lan, bed.guest, bed.inet):
                for host in (f.gateway, f.wan):
                    self.answer(space, f, host)


@pytest.mark.parametrize("mode", MODES)
def test_services_are_reachable_from_everywhere_at_any_time(bed, gateway, mode):
    services = Services(bed)
    made = gateway(mode, inbound={"local": True, "bypass_private": False})
    services.answer_all(bed)
    made.kill()
    services.answer_all(bed)
    made.start()
    services.answer_all(bed)
    made.stop()
    services.answer_all(bed)
    made.rules("remove")
    services.answer_all(bed)


@pytest.mark.parametrize("mode", MODES)
def test_a_new_address_is_the_routers_own_at_once(bed, gateway, mode):
    service = Services(bed).ssh
    gateway(mode)
    for f, address in ((V4, "11.2.0.99"), (V6, "2a07:2::99")):
        v, rest = ("-6 ", "/128 nodad") if f is V6 else ("", "/32")
        bed.gateway.ip(f"{v}addr add {address}{rest} dev {WAN}")

        def own(f=f, address=address, patience=2):
            service.seen.clear()
            with flows.connect(bed.client, (address, SSH), patience) as sock:
                assert flows.recv_exact(sock, len(internet.GREETING), patience) == internet.GREETING
            return service.peers() == {f.client}
        wait_until(lambda own=own: flows.while_changing(own), 20, "the address is known")
        bed.gateway.ip(f"{v}addr del {address}{rest.split()[0]} dev {WAN}")


@pytest.mark.parametrize("mode", MODES)
def test_the_routers_own_traffic_is_captured_where_asked(bed, gateway, mode):
    made = gateway(mode, inbound={"local": True, "bypass": [V4.other, V6.other], "bypass_ports": ["tcp:25"]})
    for f in FAMILIES:
        assert flows.curl(bed.gateway, f.target) == f"{f.target} to {f.server}\n"
        assert flows.curl(bed.client, f.target) == f"{f.target} to {f.server}\n"
        flows.bulk_down(bed.gateway, f.target, 4 * flows.MIB)
        assert flows.seen(bed, f) == {f.server}
        if mode in DATAGRAMS:
            flows.udp_echo(bed.gateway, f.target)
            assert bed.internet.udp[f.target].peers() == {f.server}
        assert flows.curl(bed.gateway, f.other) == f"{f.other} to {f.wan}\n"
        flows.speaks_first(bed.gateway, f.target)
        assert bed.internet.greeter.seen[-1][0] == f.wan
        assert flows.ping(bed.gateway, f.target)
    made.kill()
    for f in FAMILIES:
        assert flows.fails(bed.gateway, (f.target, internet.ECHO)), "it goes out while nobody listens"
        assert f.wan not in bed.internet.echo.peers()


@pytest.mark.parametrize("mode", MODES)
def test_the_routers_own_traffic_is_left_alone_unless_asked(bed, gateway, mode):
    gateway(mode)
    for f in FAMILIES:
        assert flows.curl(bed.gateway, f.target) == f"{f.target} to {f.wan}\n"
        flows.udp_echo(bed.gateway, f.target, [100])
        assert bed.internet.udp[f.target].peers() == {f.wan}


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_broadcast_and_multicast_of_the_router_go_out(bed, gateway, mode):
    """What a DHCP server, router advertisements or mDNS send."""
    made = gateway(mode, inbound={"local": True, "bypass_private": False})
    index = bed.gateway.ip_json("link", "show", "dev", LAN)[0]["ifindex"]
    sends = [("255.255.255.255", V4), ("10.77.1.255", V4), ("224.0.0.251", V4), ("239.1.2.3", V4), ("ff02::fb", V6)]
    for host, f in sends:
        with bed.client.socket(flows.family(host), socket.SOCK_DGRAM) as hears, \
                bed.gateway.socket(flows.family(host), socket.SOCK_DGRAM) as says:
            hears.settimeout(10)
            join(bed, hears, host)
            hears.bind(("" if f is V4 else "::", 6868))
            says.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            says.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LAN.encode())
            says.sendto(b"an offer", (host, 6868, 0, index) if f is V6 else (host, 6868))
            data, who = hears.recvfrom(100)
            assert data == b"an offer" and (f is V6 or who[0] == V4.gateway)
    assert not made.figures("sessions"), "something of it was captured"


def join(bed, sock, host):
    """Makes the socket a member of a multicast group at the client's eth0."""
    index = bed.client.ip_json("link", "show", "dev", "eth0")[0]["ifindex"]
    if ":" in host:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        socket.inet_pton(socket.AF_INET6, host) + struct.pack("I", index))
    elif host.startswith(("224", "239")):
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(host) + struct.pack("4si", b"", index))


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_broadcast_of_clients_reaches_the_router(bed, gateway, mode):
    """What a DHCP client says, and a client that looks for the router's services."""
    gateway(mode, inbound={"bypass_private": False})
    for host in ("255.255.255.255", "10.77.1.255"):
        with bed.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as hears, \
                bed.client.socket(socket.AF_INET, socket.SOCK_DGRAM) as says:
            hears.settimeout(10)
            hears.bind(("", 67))
            says.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            says.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            says.sendto(b"discover", (host, 67))
            data, who = hears.recvfrom(100)
            assert data == b"discover" and who[0] == V4.client
            hears.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            hears.sendto(b"offer", who)
            assert says.recv(100) == b"offer"
