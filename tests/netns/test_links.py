# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces that come, go and are renamed; and traffic that must not go round in circles."""

import errno
import socket
import subprocess

import pytest

import flows
import internet
from bed import FAMILIES, GUEST, GUEST_GATEWAY, LAN, LAN4, LAN6, TUNNEL_PORT, V4, V6
from daemon import wait_until
from gateway import DATAGRAMS, MODES, REDIRECT, SK_LOOKUP


def captured(bed, space, f, mode, patience=1):
    """Whether what a host says goes through the tunnel; a moment's delay may be, a leak not."""
    flows.forget(bed)
    try:
        with flows.connect(space, (f.target, internet.ECHO), patience) as sock:
            flows.echoes(sock, b"again")
        if mode in DATAGRAMS:
            flows.udp_echo(space, f.target, [100])
    except OSError:
        return False
    return flows.seen(bed, f) == {f.server}


def lay_guest(bed):
    """The guest's link with its addresses."""
    bed.gateway.ip(f"link add {GUEST} type veth peer name eth0 netns {bed.guest.path}", f"link set {GUEST} up",
                   f"addr add 10.77.2.1/24 dev {GUEST}", f"-6 addr add fd77:1:2::1/64 dev {GUEST} nodad")
    bed.host(bed.guest, V4.guest, V6.guest, "10.77.2.1", "fd77:1:2::1")


def lay_guest_again(bed):
    """While a client has no link, what the daemon still tells it goes by the default route. The internet knows no way
    back meanwhile, as the real one: or conntrack would see a flow that the internet began, and spare its replies."""
    ways = (f"route %s blackhole {LAN4}/16", f"-6 route %s blackhole {LAN6}/32")
    bed.inet.ip(*(way % "add" for way in ways))
    bed.gateway.ip(f"link del {GUEST}")
    lay_guest(bed)
    bed.inet.ip(*(way % "del" for way in ways))


@pytest.mark.parametrize("mode", MODES)
def test_interface_that_is_deleted_and_made_again(bed, gateway, mode):
    made = gateway(mode, inbound={"interfaces": [GUEST]})
    for f in FAMILIES:
        assert captured(bed, bed.guest, f, mode, 20)
    for _ in range(2):
        lay_guest_again(bed)
        for f in FAMILIES:
            wait_until(lambda f=f: captured(bed, bed.guest, f, mode), 20, "it is captured again")
    assert [p for p in bed.leaks() if p.protocol == 6 or mode in DATAGRAMS] == []
    wait_until(lambda: not made.problems(), 20, "all rules are there")
    made.stop()
    bed.before["routes"] = bed.before["routes6"] = None     # link-local addresses are others now


def change(pins, name, word, keys, value=""):
    """Elements of a pinned map, whose keys are texts of hexadecimal bytes; those that fit in."""
    lines = "".join(f"map {word} pinned {pins}/{name} key hex {key} {value}\n" for key in keys)
    subprocess.run(["bpftool", "batch", "file", "-"], input=lines, capture_output=True, text=True, timeout=60)


@pytest.fixture
def full_maps(bed):
    """Until it is called again nothing more goes into the maps of interfaces and own addresses."""
    pins = bed.pins and bed.pins / "anytlsd"
    places = {"steer_ifaces": ([f"{i & 255:02x} {i >> 8:02x} 00 40" for i in range(1024)], "00 " * 8),
              "steer_own": ([f"80 00 00 00 20 01 0d b8 {'00 ' * 9}{i >> 16:02x} {i >> 8 & 255:02x} {i & 255:02x}"
                             for i in range(65536)], "01 00 00 00")}

    def fill(full):
        for name, (keys, value) in places.items():
            change(pins, name, *(("update", keys, f"value hex {value}") if full else ("delete", keys)))
    try:
        subprocess.run(["bpftool", "version"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no bpftool")
    return fill


def is_refused(space, address):
    with space, socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.settimeout(2)
        return sock.connect_ex((address, 4999)) == errno.ECONNREFUSED


def is_settled(space, link):
    """Whether the link is up, and its addresses are known to be nobody else's."""
    text = space.run("ip", "addr", "show", "dev", link).stdout
    return "LOWER_UP" in text and "fe80:" in text and "tentative" not in text


def test_maps_without_room_are_filled_later(bed, gateway, full_maps):
    made = gateway(SK_LOOKUP, inbound={"interfaces": [LAN, GUEST]})
    bed.gateway.ip(f"link del {GUEST}")
    full_maps(True)
    lay_guest(bed)
    for what in ("captured interfaces", "this machine's addresses"):
        made.daemon.wait_log(f"{what} cannot be brought up to date", 20)
    wait_until(lambda: is_settled(bed.gateway, GUEST), 20, "no more news of the link are to come")
    full_maps(False)
    for what in ("captured interfaces", "this machine's addresses"):
        made.daemon.wait_log(f"{what} are up to date again", 20)
        assert made.daemon.log().count(f"{what} cannot") == 1
    for f, own in zip(FAMILIES, GUEST_GATEWAY):
        assert captured(bed, bed.guest, f, SK_LOOKUP)
        assert is_refused(bed.guest, own), "an address of its own is nobody else's"
    bed.before["routes"] = bed.before["routes6"] = None


@pytest.mark.parametrize("mode", MODES)
def test_interface_that_is_not_there_yet(bed, gateway, mode):
    bed.gateway.ip(f"link del {GUEST}")
    gateway(mode, inbound={"interfaces": [GUEST]})
    lay_guest(bed)
    for f in FAMILIES:
        wait_until(lambda f=f: captured(bed, bed.guest, f, mode), 20, "it is captured")
    assert [p for p in bed.leaks() if p.protocol == 6 or mode in DATAGRAMS] == []
    bed.before["routes"] = bed.before["routes6"] = None


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_interface_that_is_renamed(bed, gateway, mode):
    made = gateway(mode, inbound={"interfaces": ["lan9"]})
    for f in FAMILIES:
        flows.tcp_echo(bed.guest, f.target)
        assert flows.seen(bed, f) == {f.guest}
    bed.gateway.ip(f"link set {GUEST} down", f"link set {GUEST} name lan9", "link set lan9 up",
                   "-6 addr add fd77:1:2::1/64 dev lan9 nodad")
    for f in FAMILIES:
        wait_until(lambda f=f: captured(bed, bed.guest, f, mode), 20, "it is captured under its new name")
    made.stop()
    bed.before["routes"] = bed.before["routes6"] = None


def tunnel_in_the_lan(bed):
    """The tunnel's server beside the client, where the gateway captures."""
    bed.start_in(bed.lan, {"inbounds": [bed.anytls_in(listen="::", listen_port=TUNNEL_PORT)]})


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
@pytest.mark.parametrize("mode", MODES)
def test_tunnel_through_the_captured_interface(bed, gateway, mode, f):
    """Its server is reachable only there; what that sends on is its own traffic, and spared by its address."""
    tunnel_in_the_lan(bed)
    made = gateway.make(mode, inbound={"local": True, "bypass_private": False, "bypass_sources": [V4.lan, V6.lan]},
                        tunnel={"server": f.lan})
    made.start()
    for g in FAMILIES:
        flows.all_tcp(bed, g, flows.MIB)
        if mode in DATAGRAMS:
            flows.all_udp(bed, g)
        assert flows.seen(bed, g) == {g.lan}
        assert flows.curl(bed.gateway, g.target) == f"{g.target} to {g.lan}\n"
    assert len(made.figures("sessions")) < 100


@pytest.mark.parametrize("f", FAMILIES, ids=["v4", "v6"])
@pytest.mark.parametrize("mode", MODES)
def test_circle_ends(bed, gateway, mode, f):
    """The way to the server leads to a host that sends it back."""
    for kind in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        bed.lan.sysctl(f"net.{kind}", 1)
    v, server = ("", f"{V4.server}/32") if f is V4 else ("-6 ", f"{V6.server}/128")
    bed.gateway.ip(f"{v}route add {server} via {f.lan} dev {LAN}")
    bed.before = bed.snapshot()
    made = gateway(mode, tunnel={"server": f.server, "connect_timeout": "1s"})
    before = made.daemon.fds()
    for g in FAMILIES:
        assert flows.fails(bed.client, (g.target, internet.ECHO), 10)
    assert made.daemon.fds() - before < 20
    assert made.daemon.log().count("session") < 60
    if mode == SK_LOOKUP and f is V6:
        assert made.counters()["loops"] > 0         # IPv4 drops what has an address of its own by itself
    made.kill()
    assert mode == REDIRECT or bed.leaks() == []


@pytest.mark.parametrize("mode", MODES)
def test_own_traffic_that_an_operator_sends_through_lo(bed, gateway, mode):
    """The direct outbound with `local`: marked, or each connection would be captured for ever."""
    made = gateway(mode, inbound={"local": True}, route={"final": "direct"})
    before = made.daemon.fds()
    for f in FAMILIES:
        flows.all_tcp(bed, f, flows.MIB, count=20)
        assert flows.curl(bed.gateway, f.target) == f"{f.target} to {f.wan}\n"
        if mode in DATAGRAMS:
            flows.all_udp(bed, f)
    wait_until(lambda: made.daemon.fds() - before < 30, 20, "all connections are closed")
