# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP over TCP at a server: v2 in both modes and the legacy form (scenarios 36, 37)."""

import socket
import time

import pytest

import anytls
from anytls import (FIN, PSH, SYN, SYNACK, UOT_V1, UOT_V2, addr, frame, psh, take_uot_packet, uot_addr, uot_packet,
                    uot_request)
from daemon import wait_until


class Association:
    """One UoT stream: packets out of the frames that come in."""

    def __init__(self, peer, sid, connect):
        self.peer, self.sid, self.connect, self.buf = peer, sid, connect, bytearray()

    def packet(self, timeout=10):
        deadline = time.monotonic() + timeout
        while (found := take_uot_packet(self.buf, self.connect)) is None:
            self.buf += self.peer.expect(PSH, self.sid, deadline - time.monotonic()).data
        return found


@pytest.fixture
def peer(world):
    return world.login(world.server())


def opened(peer, dest, connect, sid=1, name=UOT_V2, port=0, first=b""):
    peer.send(frame(SYN, sid), frame(PSH, sid, addr(name, port)))
    if name.lower() == UOT_V2:
        peer.send(frame(PSH, sid, uot_request(*dest, connect) + first))
    return Association(peer, sid, connect)


@pytest.mark.parametrize("port", [0, 443, 53])
@pytest.mark.parametrize("connect", [True, False], ids=["connect", "packets"])
def test_packets_travel_both_ways_whatever_the_magic_port(world, peer, port, connect):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, connect, port=port)
    to = None if connect else echo.dest
    for data in (b"a", b"bc" * 300, bytes(1400)):
        peer.send(frame(PSH, 1, uot_packet(data, to)))
        assert uot.packet() == (to, data)
    assert peer.expect(SYNACK, 1).data == b""


def test_synack_does_not_wait_for_the_request(world, peer):
    echo = world.udp_echo()
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(UOT_V2, 0)))
    assert peer.expect(SYNACK, 1).data == b""
    time.sleep(0.5)
    peer.send(frame(PSH, 1, uot_request(*echo.dest, False) + uot_packet(b"late", echo.dest)))
    assert Association(peer, 1, False).packet() == (echo.dest, b"late")


def test_name_in_upper_case(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, True, name="SP.v2.UDP-over-tcp.ARPA")
    peer.send(frame(PSH, 1, uot_packet(b"hello")))
    assert uot.packet() == (None, b"hello")


def test_everything_in_one_frame(world, peer):
    echo = world.udp_echo()
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(UOT_V2, 0) + uot_request(*echo.dest, True) + uot_packet(b"one") +
                                   uot_packet(b"two")))
    uot = Association(peer, 1, True)
    assert sorted([uot.packet()[1], uot.packet()[1]]) == [b"one", b"two"]


@pytest.mark.parametrize("connect", [True, False], ids=["connect", "packets"])
def test_everything_one_byte_per_frame(world, peer, connect):
    echo = world.udp_echo()
    data = (addr(UOT_V2, 0) + uot_request(*echo.dest, connect) +
            uot_packet(b"slow but sure", None if connect else echo.dest))
    peer.send(frame(SYN, 1))
    for byte in data:
        peer.send(frame(PSH, 1, bytes([byte])))
    assert Association(peer, 1, connect).packet()[1] == b"slow but sure"


def test_header_and_body_in_different_frames(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, False)
    packet = uot_packet(b"body", echo.dest)
    peer.send(frame(PSH, 1, packet[:-4]))
    peer.send(frame(PSH, 1, packet[-4:] + uot_packet(b"second", echo.dest)))
    assert sorted([uot.packet()[1], uot.packet()[1]]) == [b"body", b"second"]


@pytest.mark.parametrize("size", [0, 1, 1472, 16384])
def test_sizes(world, peer, size):
    echo, data = world.udp_echo(), anytls.pattern(size)
    uot = opened(peer, echo.dest, False)
    peer.send(frame(PSH, 1, uot_packet(data, echo.dest)))
    assert uot.packet() == (echo.dest, data)


def test_more_than_a_datagram_can_hold_is_dropped_and_the_association_lives(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, False)
    peer.send(psh(1, uot_packet(bytes(65535), echo.dest)))
    peer.send(frame(PSH, 1, uot_packet(b"fits", echo.dest)))
    assert uot.packet() == (echo.dest, b"fits")


def test_answer_longer_than_peers_can_read_is_not_sent(world, peer):
    echo = world.udp_echo(answer=lambda data: bytes(20000) if data == b"big" else data)
    uot = opened(peer, echo.dest, False)
    peer.send(frame(PSH, 1, uot_packet(b"big", echo.dest)))
    wait_until(lambda: echo.seen, what="the target got it")
    peer.send(frame(PSH, 1, uot_packet(b"small", echo.dest)))
    assert uot.packet() == (echo.dest, b"small")


def test_name_as_target(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, ("localhost", echo.dest[1]), False)
    peer.send(frame(PSH, 1, uot_packet(b"hello", ("localhost", echo.dest[1]))))
    (host, port), data = uot.packet()
    assert data == b"hello" and port == echo.dest[1] and host in ("localhost", "127.0.0.1")


def test_unknown_name_drops_one_packet_only(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, False)
    peer.send(frame(PSH, 1, uot_packet(b"lost", ("no-such-host.invalid", 53)) + uot_packet(b"kept", echo.dest)))
    assert uot.packet() == (echo.dest, b"kept")


def test_ipv6_source_has_type_1(world, peer):
    try:
        echo = world.udp_echo(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback")
    opened(peer, echo.dest, False)
    peer.send(frame(PSH, 1, uot_packet(b"six", echo.dest)))
    assert peer.read(1, 24) == uot_addr(*echo.dest) + b"\0\3six"


def test_ipv4_source_has_type_0(world, peer):
    echo = world.udp_echo()
    opened(peer, echo.dest, False)
    peer.send(frame(PSH, 1, uot_packet(b"four", echo.dest)))
    assert peer.read(1, 13) == b"\0\x7f\0\0\1" + echo.dest[1].to_bytes(2, "big") + b"\0\4four"


def test_two_targets_in_one_association(world, peer):
    one, two = world.udp_echo(), world.udp_echo(answer=lambda data: b"two:" + data)
    uot = opened(peer, one.dest, False)
    peer.send(frame(PSH, 1, uot_packet(b"x", one.dest) + uot_packet(b"x", two.dest)))
    assert dict([uot.packet(), uot.packet()]) == {one.dest: b"x", two.dest: b"two:x"}
    assert one.seen[0][1] == two.seen[0][1], "one source port for all targets"


def test_connect_mode_takes_datagrams_of_its_target_only(world, peer):
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, True)
    peer.send(frame(PSH, 1, uot_packet(b"first")))
    assert uot.packet()[1] == b"first"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"forged", ("127.0.0.1", echo.seen[0][1][1]))
    peer.send(frame(PSH, 1, uot_packet(b"second")))
    assert uot.packet()[1] == b"second"


@pytest.mark.parametrize("port", [0, 443])
def test_legacy_version_has_no_request(world, peer, port):
    echo = world.udp_echo()
    uot = opened(peer, None, False, name=UOT_V1, port=port)
    peer.send(frame(PSH, 1, uot_packet(b"old", echo.dest)))
    assert uot.packet() == (echo.dest, b"old")


@pytest.mark.parametrize("bad", [b"\0\x09", b"\1\xff\0", uot_request("127.0.0.1", 53, False) + b"\x07abc"])
def test_malformed_framing_ends_the_stream_and_not_the_session(world, peer, bad):
    peer.send(frame(SYN, 1), frame(PSH, 1, addr(UOT_V2, 0) + bad))
    peer.expect(FIN, 1)
    echo = world.echo()
    peer.opened(2, echo.dest)
    peer.echo(2, b"alive")


def test_v1_client_can_use_udp(world):
    peer = world.login(world.server(), v="1")
    echo = world.udp_echo()
    uot = opened(peer, echo.dest, True)
    peer.send(frame(PSH, 1, uot_packet(b"hello")))
    assert uot.packet()[1] == b"hello"
    assert peer.sync() == []


def test_dead_udp_target_does_not_end_the_association(world, peer):
    echo = world.udp_echo()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        dead = unused.getsockname()
    uot = opened(peer, echo.dest, False)
    for _ in range(3):
        peer.send(frame(PSH, 1, uot_packet(b"nobody", dead)))
        peer.sync()
    peer.send(frame(PSH, 1, uot_packet(b"somebody", echo.dest)))
    assert uot.packet() == (echo.dest, b"somebody")


def test_fin_closes_the_socket(world):
    daemon, echo = world.server(), world.udp_echo()
    peer = world.login(daemon)
    peer.sync()
    before = daemon.fds()
    uot = opened(peer, echo.dest, True)
    peer.send(frame(PSH, 1, uot_packet(b"x")))
    uot.packet()
    assert daemon.fds() > before
    peer.send(frame(FIN, 1))
    wait_until(lambda: daemon.fds() <= before, what="the UDP socket is closed")


def test_idle_association_ends_after_udp_timeout(world):
    peer, echo = world.login(world.server(udp_timeout="1s")), world.udp_echo()
    uot = opened(peer, echo.dest, True)
    peer.send(frame(PSH, 1, uot_packet(b"x")))
    uot.packet()
    peer.expect(FIN, 1)
