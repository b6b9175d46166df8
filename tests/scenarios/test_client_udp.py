# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP through a client: SOCKS5 UDP ASSOCIATE in front, UDP over TCP v2 behind (scenario 55)."""

import socket
import time

import pytest

import anytls
from anytls import (FIN, SYNACK, UOT_V2, frame, parse_addr, psh, take_uot_packet, uot_packet)

TARGET = ("192.0.2.1", 53)


class Tunnel:
    """The server's side of a UDP association."""

    def __init__(self, world, server, daemon, first=b"query", dest=TARGET):
        self.udp = world.socks_udp(daemon)
        self.udp.send(first, dest)
        self.session = world.keep(server.accept())
        self.session.hello()
        self.sid, *where = self.session.accept()
        assert where == [UOT_V2, 0]
        self.buf = bytearray()
        self.connect = self.pull(1)[0]
        self.request = self.address()

    def pull(self, size):
        """The next bytes of the stream; no SYNACK was sent so far."""
        return self.session.read(self.sid, size)

    def address(self):
        raw = bytearray()
        while parse_addr(raw) is None:
            raw += self.pull(1)
        return parse_addr(raw)[:2]

    def packet(self):
        while (found := take_uot_packet(self.buf, bool(self.connect))) is None:
            self.buf += self.session.read(self.sid, 1)
        return found

    def answer(self, data, source):
        self.session.send(psh(self.sid, uot_packet(data, source)))


@pytest.fixture
def server(world):
    return world.scripted()


@pytest.fixture
def daemon(world, server):
    return world.client(server.port)


def test_request_and_first_packet_do_not_wait_for_synack(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    assert tunnel.connect == 0, "packet mode"
    assert tunnel.packet() == (TARGET, b"query")
    tunnel.session.send(frame(SYNACK, tunnel.sid))
    tunnel.answer(b"reply", TARGET)
    assert tunnel.udp.recv() == (b"reply", *TARGET)


def test_many_targets_share_one_association(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    assert tunnel.packet() == (TARGET, b"query")
    targets = [("198.51.100.7", 443), ("2001:db8::1", 5353), ("name.test", 1)]
    for i, dest in enumerate(targets):
        tunnel.udp.send(b"%d" % i, dest)
        assert tunnel.packet() == (dest, b"%d" % i)
    for dest in targets:
        tunnel.answer(b"from there", dest)
        assert tunnel.udp.recv() == (b"from there", *dest)
    assert server.pending(0.2) == 0


@pytest.mark.parametrize("size", [0, 1, 1472, 9000, 16384])
def test_sizes(world, server, daemon, size):
    data = anytls.pattern(size)
    tunnel = Tunnel(world, server, daemon, first=data)
    assert tunnel.packet() == (TARGET, data)
    tunnel.answer(data, TARGET)
    assert tunnel.udp.recv() == (data, *TARGET)


def test_longer_than_peers_can_read_is_dropped(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    tunnel.packet()
    tunnel.udp.send(bytes(16385), TARGET)
    tunnel.udp.send(b"fits", TARGET)
    assert tunnel.packet() == (TARGET, b"fits")


def test_answer_split_and_joined(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    tunnel.packet()
    data = uot_packet(b"one", TARGET) + uot_packet(b"two", TARGET)
    for i in range(len(data)):
        tunnel.session.send(psh(tunnel.sid, data[i:i + 1]))
    assert tunnel.udp.recv()[0] == b"one" and tunnel.udp.recv()[0] == b"two"


def test_fragments_and_reserved_bytes_are_dropped(world, server, daemon):
    udp = world.socks_udp(daemon)
    for frag, reserved in ((1, 0), (0x80, 0), (0, 1)):
        udp.send(b"bad", TARGET, frag, reserved)
    for raw in (b"", b"\0\0\0", b"\0\0\0\x01\x7f", b"\0\0\0\x09abcdefgh", b"\0\0\0\x03\xffabc"):
        udp.sock.sendto(raw, udp.relay)
    udp.send(b"good", TARGET)
    session = world.keep(server.accept())
    session.hello()
    sid, *_ = session.accept()
    raw = session.read(sid, 1 + 7 + 9 + 4)
    assert raw.endswith(uot_packet(b"good", TARGET))
    session.drain()
    assert not session.left.get(sid) and not session.inbox


def test_datagrams_of_a_stranger_are_not_accepted(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    tunnel.packet()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.sendto(b"\0\0\0" + anytls.addr(*TARGET) + b"stranger", tunnel.udp.relay)
        tunnel.udp.send(b"mine", TARGET)
        assert tunnel.packet() == (TARGET, b"mine")
        tunnel.answer(b"for me", TARGET)
        assert tunnel.udp.recv()[0] == b"for me"


def test_end_of_the_control_connection_ends_the_association(world, server, daemon):
    tunnel = Tunnel(world, server, daemon)
    tunnel.packet()
    tunnel.udp.control.close()
    tunnel.session.expect(FIN, tunnel.sid, 5)


def test_end_of_the_stream_does_not_break_later_datagrams(world, server, daemon):
    """The server ends the stream; the application either loses the association or gets a new stream."""
    tunnel = Tunnel(world, server, daemon)
    tunnel.packet()
    tunnel.session.send(frame(FIN, tunnel.sid))
    deadline = time.monotonic() + 5
    tunnel.udp.control.sock.settimeout(0.2)
    while time.monotonic() < deadline:
        try:
            assert tunnel.udp.control.sock.recv(1) == b""
            return
        except TimeoutError:
            pass
        except ConnectionResetError:
            return
        tunnel.udp.send(b"again", TARGET)
        if any(one.cmd == anytls.SYN for one in tunnel.session.sync()):
            return
    raise AssertionError("neither was the association ended nor a new stream opened")


def test_both_roles_in_a_row(world):
    echo = world.udp_echo()
    near = world.client(world.server().port)
    udp = world.socks_udp(near)
    for size in (0, 1, 1400, 16384):
        data = anytls.pattern(size)
        udp.send(data, echo.dest)
        assert udp.recv() == (data, *echo.dest)
    udp.send(b"by name", ("localhost", echo.dest[1]))
    assert udp.recv()[0] == b"by name"


def test_many_associations(world):
    echo = world.udp_echo()
    near = world.client(world.server().port)
    every = [world.socks_udp(near) for _ in range(30)]
    for i, udp in enumerate(every):
        udp.send(b"%d" % i, echo.dest)
    for i, udp in enumerate(every):
        assert udp.recv()[0] == b"%d" % i
