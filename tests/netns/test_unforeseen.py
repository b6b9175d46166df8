# SPDX-License-Identifier: GPL-2.0-or-later
"""What a gateway meets that its set-up did not foresee: lost rights, other tools, other times."""

import os
import shutil
import socket
import struct
import tempfile

import pytest

import flows
import internet
from bed import FAMILIES, GUEST, GUEST_GATEWAY, LAN, V4, V6, WAN
from daemon import PROGRAM, wait_until
from gateway import DATAGRAMS, MODES, REDIRECT, SK_LOOKUP, TPROXY
from test_guard import flush
from test_links import lay_guest

USER, SSH = "nobody", 22


@pytest.fixture
def open_folder():
    """A folder that any user can look into."""
    path = tempfile.mkdtemp(prefix="anytlsd-netns-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def meanwhile(bed, f):
    return flows.while_changing(flows.peers, bed, bed.client, f, f.other)


def greets(space, dest, patience=20):
    """Whether a service of the router's answers there, and not somebody else, or nobody."""
    try:
        with flows.connect(space, dest, patience) as sock:
            return sock.recv(100) == internet.GREETING
    except OSError:
        return False


@pytest.mark.parametrize("mode", MODES)
def test_lists_and_addresses_change_after_root_is_left(open_folder, bed, gateway, mode):
    listed = os.path.join(open_folder, "direct.txt")
    with open(listed, "w") as f:
        f.write("11.30.0.0/16\n")
    made = gateway.make(mode, inbound={"bypass_files": [listed]}, user=USER)
    made.config["steering"]["directory"] = os.path.join(open_folder, "steering")
    made.config["state"]["directory"] = os.path.join(open_folder, "state")
    os.mkdir(made.config["state"]["directory"], 0o777)
    os.chmod(made.config["state"]["directory"], 0o777)
    made.start()
    for text, peer in ((f"{V4.other}\n{V6.other}\n", 0), ("\n", 6)):
        with open(listed, "w") as f:
            f.write(text)
        for f in FAMILIES:
            wait_until(lambda f=f, peer=peer: meanwhile(bed, f) == {f[peer]}, 20, "the file is read")
    greet(bed)
    for address in (("", "11.2.0.99/32"), ("-6 ", "2a07:2::99/128")):
        bed.gateway.ip(f"{address[0]}addr add {address[1]} dev {WAN}")
        wait_until(lambda a=address[1].split("/")[0]: greets(bed.client, (a, SSH), 1), 20, "the address is known")
        bed.gateway.ip(f"{address[0]}addr del {address[1]} dev {WAN}")
    flush(bed)
    wait_until(lambda: not made.problems(), 20, "the rules stand again")
    made.stop()
    made.start()


def test_what_others_have_is_named_in_the_log(bed, gateway):
    """At the level that operators have."""
    bed.gateway.ip("rule add from 10.98.0.1 lookup main pref 4801")
    bed.before = bed.snapshot()
    made = gateway.make(MODES[0], log={"level": "info"})
    made.start(ready=False)
    assert made.daemon.process.wait(20) != 0
    made.daemon.expected_exit = None
    assert "rule of priority 4801" in made.daemon.log()


def greet(bed):
    """A service of the router's on all its addresses."""
    with bed.gateway:
        return bed.keep(internet.Service(internet.greeter, SSH))


def test_daemon_of_another_namespace_leaves_the_program_alone(bed, gateway):
    """With the same configuration, so for the same pins."""
    made = gateway(SK_LOOKUP)
    greet(bed)
    for kind in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        bed.guest.sysctl(f"net.{kind}", 1)
    other = bed.guest.run(PROGRAM, "run", "-c", made.path, check=False)
    assert other.returncode != 0 and "another network namespace" in other.stderr
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
        assert not greets(bed.client, (f.target, SSH), 1)


@pytest.mark.parametrize("mode", MODES)
def test_services_that_conntrack_does_not_see(bed, gateway, mode):
    bed.gateway.nft("""table inet raw {
 chain pre { type filter hook prerouting priority raw
  tcp dport 22 notrack
  udp dport 5353 notrack
 }
 chain out { type filter hook output priority raw
  tcp sport 22 notrack
  udp sport 5353 notrack
 }
}
""")
    bed.before = bed.snapshot()
    greet(bed)
    with bed.gateway:
        for f in FAMILIES:
            bed.keep(internet.Udp(f.wan, port=5353))
    gateway(mode, inbound={"local": True, "bypass_private": False})
    for f in FAMILIES:
        for space in (bed.client, bed.inet):
            assert greets(space, (f.wan, SSH)), (space.name, f.wan)
            with space.socket(flows.family(f.wan), socket.SOCK_DGRAM) as sock:
                sock.settimeout(10)
                sock.connect((f.wan, 5353))
                assert flows.exchange(sock, b"who") == b"who"


@pytest.mark.parametrize("mode", MODES)
def test_set_up_of_a_configuration_that_is_gone_can_be_removed(bed, gateway, mode):
    """The inbound has another name now, and a list that is not there."""
    made = gateway(mode)
    made.stop()
    old = made.name
    made.inbound.update({"tag": "lan"})
    made.write()
    done = made.rules("install", check=False)
    if mode != REDIRECT:            # which needs no table or priority
        assert done.returncode != 0 and f"rules remove -n {old}" in done.stdout
    made.inbound["bypass_files"] = [str(bed.folder / "none.txt")]
    made.write()
    assert made.rules("remove", check=False).returncode != 0
    done = made.ctl("rules", "remove", "-n", "other", "-d", str(made.folder), check=False)
    assert done.returncode != 0 and old in done.stderr
    made.ctl("rules", "remove", "-n", old, "-d", str(made.folder))
    del made.inbound["bypass_files"]
    made.start()
    for f in FAMILIES:
        flows.tcp_echo(bed.client, f.target)
        assert bed.internet.echo.peers() == {f.server}
        flows.forget(bed)


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_lease_of_the_routers_own_address_is_renewed(bed, gateway, mode):
    """By unicast, with a server that is no neighbour."""
    gateway(mode, inbound={"local": True})
    for f, port in ((V4, 67), (V6, 547)):
        with bed.inet:
            server = bed.keep(internet.Udp(f.target, port=port))
        with bed.gateway.socket(flows.family(f.target), socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.bind(("", port + (1 if f is V4 else -1)))
            sock.connect((f.target, port))
            assert flows.exchange(sock, b"may I keep it") == b"may I keep it"
        assert server.peers() == {f.wan}


def test_program_is_missed_and_goes_when_it_is_not_needed(bed, gateway):
    made = gateway.make(SK_LOOKUP)
    made.rules("install")
    assert "no program is loaded" in made.rules("check").stdout
    made.start()
    assert "no program is loaded" not in made.rules("check").stdout
    made.stop()
    made.inbound["steering"] = TPROXY
    assert list(bed.pins.rglob("steer_own"))
    made.start()
    assert not list(bed.pins.rglob("steer_own"))


def peer(bed, f, port):
    """Somebody in the internet with a socket of his own."""
    sock = bed.keep(bed.inet.socket(flows.family(f.target), socket.SOCK_DGRAM))
    sock.settimeout(20)
    sock.bind((f.target, port))
    return sock


@pytest.mark.parametrize("mode", DATAGRAMS)
def test_peer_that_speaks_first_is_answered_through_the_tunnel_or_not_at_all(bed, gateway, mode):
    """To conntrack it is he who begins the flow, and the client's answers are replies."""
    made = gateway(mode, inbound={"spare_replies": True})
    clients = {}
    for f in FAMILIES:
        asked, other = peer(bed, f, 6001), peer(bed, f, 6002)
        sock = clients[f] = bed.keep(flows.udp_socket(bed.client, f.target, connected=False))
        sock.sendto(b"I am here", (f.target, 6001))
        _, where = asked.recvfrom(100)
        other.sendto(b"who are you", where)
        data, who = sock.recvfrom(100)
        assert (data, who[:2]) == (b"who are you", (f.target, 6002))
        for _ in range(2):
            sock.sendto(b"it is me", who)
            assert other.recvfrom(100) == (b"it is me", where)
    made.kill()
    for f in FAMILIES:
        clients[f].sendto(b"are you there", (f.target, 6002))
    assert bed.leaks() == []


def test_another_chain_that_sets_the_whole_mark(bed, gateway):
    """As those for several uplinks do."""
    bed.gateway.nft(f"""table inet operator {{
 chain pre {{ type filter hook prerouting priority 0
  iifname "{LAN}" meta mark set 0x10
 }}
}}
""")
    bed.before = bed.snapshot()
    gateway(SK_LOOKUP, inbound={"spare_replies": True})
    for f in FAMILIES:
        assert flows.peers(bed, bed.client, f, f.target) == {f.server}
    assert bed.leaks() == []


def forget_flows(space):
    """Empties conntrack's table, as scripts do when an uplink comes back; their routes change, too."""
    with space.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as sock:
        sock.sendto(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0), (0, 0))
        answer = sock.recv(100)
    assert struct.unpack_from("=i", answer, 16) == (0,)
    for v, to in (("", "11.40.0.0/16"), ("-6 ", "2a07:40::/32")):
        space.ip(f"{v}route add {to} dev {WAN}", f"{v}route del {to} dev {WAN}")


@pytest.mark.parametrize("early_demux", [0, 1])
@pytest.mark.parametrize("mode", DATAGRAMS)
def test_connections_live_on_when_conntrack_forgets_them(bed, gateway, mode, early_demux):
    """Whoever of the two speaks first then."""
    bed.gateway.sysctl("net.ipv4.ip_early_demux", early_demux)
    gateway(mode, inbound={"spare_replies": True})
    for f in FAMILIES:
        with bed.inet.socket(flows.family(f.target), socket.SOCK_STREAM) as listener:
            listener.bind((f.target, 6005))
            listener.listen()
            listener.settimeout(20)
            near = bed.keep(flows.connect(bed.client, (f.target, 6005)))
            far = bed.keep(listener.accept()[0])
        for first, second in ((far, near), (near, far)) * 2:
            forget_flows(bed.gateway)
            for says, hears in ((first, second), (second, first)) * 2:
                says.sendall(b"is anybody there")
                assert flows.recv_exact(hears, 16) == b"is anybody there"
    assert bed.leaks() == []


def test_what_changes_while_no_daemon_runs_is_no_leak(bed, gateway):
    """The program knows neither the new interface nor the new address."""
    made = gateway(SK_LOOKUP, inbound={"interfaces": [LAN, GUEST]})
    greet(bed)
    made.kill()
    bed.gateway.ip(f"link del {GUEST}", f"addr add 11.2.0.99/32 dev {WAN}")
    lay_guest(bed)
    bed.before["routes"] = bed.before["routes6"] = None
    for f, own in zip(FAMILIES, GUEST_GATEWAY):
        assert flows.fails(bed.guest, (f.target, internet.ECHO))
        with flows.udp_socket(bed.guest, f.target, timeout=0.3) as sock, pytest.raises(OSError):
            flows.exchange(sock, b"anybody")
        assert greets(bed.guest, (own, SSH)) and greets(bed.client, (f.gateway, SSH))
    assert flows.fails(bed.client, ("11.2.0.99", SSH))
    assert bed.leaks() == []
    made.start()
    for f in FAMILIES:
        assert flows.peers(bed, bed.guest, f, f.target) == {f.server}
    assert greets(bed.client, ("11.2.0.99", SSH))
    bed.gateway.ip(f"addr del 11.2.0.99/32 dev {WAN}")
