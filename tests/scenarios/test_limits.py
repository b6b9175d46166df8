# SPDX-License-Identifier: GPL-2.0-or-later
"""Every limit: what happens beyond it, and that nobody else notices."""

import os
import time

import pytest

from anytls import FIN, PSH, SYN, SYNACK, UOT_V2, addr, frame, preamble, psh, uot_packet, uot_request
from daemon import wait_until
from peers import Client
from socks import OK, UDP_ASSOCIATE, Socks


def check_alive(world, daemon):
    echo, peer = world.echo(), world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"alive")


def test_syn_flood_without_addresses_costs_little_memory(world):
    daemon = world.server(limits={"streams_per_session": 20000})
    check_alive(world, daemon)
    before, peer = daemon.rss_kib(), world.login(daemon)
    flood = b"".join(frame(SYN, sid) for sid in range(1, 20001))
    for i in range(0, len(flood), 14000):
        peer.send(flood[i:i + 14000])
    peer.sync(30)
    assert daemon.rss_kib() - before < 64 << 10
    check_alive(world, daemon)


def test_syn_flood_beyond_the_default_limit_keeps_the_session(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    before = daemon.rss_kib()
    peer.send(b"".join(frame(SYN, sid) for sid in range(1, 20001)))
    peer.sync(30)
    assert daemon.rss_kib() - before < 64 << 10
    refused = [one for one in peer.inbox if one.cmd == SYNACK and one.data]
    assert len(refused) > 15000
    peer.inbox.clear()
    peer.send(*(frame(FIN, sid) for sid in range(1, 20001)))
    peer.opened(20001, echo.dest)
    peer.echo(20001, b"alive")


@pytest.mark.parametrize("v", ["1", "2"])
def test_streams_per_session(world, v):
    daemon, echo = world.server(limits={"streams_per_session": 3}), world.echo()
    peer = world.login(daemon, v=v)
    for sid in (1, 2, 3):
        peer.open(sid, echo.dest)
    peer.open(4, echo.dest, b"too many")
    if v == "2":
        assert peer.expect(SYNACK, 4).data
    peer.expect(FIN, 4)
    peer.echo(1, b"alive")
    peer.send(frame(FIN, 1))
    peer.open(5, echo.dest, b"room again")
    assert peer.read(5, 10) == b"room again"
    if v == "1":
        assert peer.sync() == []


def test_sessions(world):
    daemon, echo = world.server(limits={"sessions": 3}), world.echo()
    peers = [world.login(daemon) for _ in range(3)]
    peers[0].opened(1, echo.dest)
    with pytest.raises((OSError, AssertionError, TimeoutError)):
        extra = world.login(daemon, timeout=5)
        extra.opened(1, echo.dest, timeout=3)
    peers[0].echo(1, b"alive")
    peers[2].close()

    def room():
        try:
            Client.dial(daemon.port).login().close()
        except (OSError, AssertionError):
            return False
        return True
    wait_until(room, 10, "a session that ended makes room")


def test_silent_handshakes_end_at_the_deadline(world):
    daemon = world.server(limits={"handshake_timeout": "1s"})
    check_alive(world, daemon)
    before, start = daemon.fds(), time.monotonic()
    peers = [world.dial(daemon, tls=False) for _ in range(50)]
    for i, peer in enumerate(peers):
        peer.conn.send_raw(b"\x16\x03\x01"[:i % 4])
    check_alive(world, daemon)
    for peer in peers:
        peer.wait_end(5)
    assert 0.8 < time.monotonic() - start < 6
    wait_until(lambda: daemon.fds() <= before + 3, 10, what="descriptors are given back")


def test_trickled_handshake_ends_at_the_deadline(world):
    daemon = world.server(limits={"handshake_timeout": "1s"})
    peer, start = world.dial(daemon, tls=False), time.monotonic()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    with pytest.raises((OSError, AssertionError)):
        for byte in hello:
            peer.conn.send_raw(bytes([byte]))
            assert peer.is_open()
    assert time.monotonic() - start < 4


def test_handshakes_in_flight_beyond_the_limit_push_out_the_oldest(world):
    daemon = world.server(limits={"handshakes": 4})
    peers = []
    for _ in range(8):
        peers.append(world.dial(daemon, tls=False))
        peers[-1].conn.send_raw(b"\x16")
        time.sleep(0.05)
    for peer in peers[:2]:
        peer.wait_end(3)
    assert peers[-1].is_open()
    check_alive(world, daemon)


def test_idle_session_ends_after_session_idle_timeout(world):
    daemon, echo = world.server(limits={"session_idle_timeout": "1s"}), world.echo()
    busy = world.login(daemon)
    busy.opened(1, echo.dest)
    start = time.monotonic()
    idle = world.login(daemon)
    idle.wait_end()
    assert time.monotonic() - start > 0.7
    busy.sync()
    time.sleep(1)
    busy.echo(1, b"a stream is open: not idle")
    busy.send(frame(FIN, 1))
    busy.wait_end()


def test_local_connections(world):
    daemon, echo = world.socks_only(limits={"local_connections": 3}), world.echo()
    apps = [world.socks(daemon).connect(echo.dest) for _ in range(3)]
    try:
        extra = Socks(daemon.port)
        extra.start(echo.dest)
        extra.sock.settimeout(2)
        code = extra.reply(2)[0]
    except (OSError, AssertionError):
        code = None
    assert code != OK
    apps[0].send(b"alive")
    assert apps[0].recv(5) == b"alive"
    apps[1].close()

    def room():
        try:
            Socks(daemon.port).connect(echo.dest).close()
        except (OSError, AssertionError):
            return False
        return True
    wait_until(room, 10, "a connection that ended makes room")


def test_udp_associations_of_a_server(world):
    daemon, echo = world.server(limits={"udp_associations": 2}), world.udp_echo()
    peer = world.login(daemon)
    start = addr(UOT_V2, 0) + uot_request(*echo.dest, True) + uot_packet(b"x")
    for sid in (1, 2):
        peer.send(frame(SYN, sid), frame(PSH, sid, start))
        assert peer.read(sid, 3) == uot_packet(b"x")
    peer.send(frame(SYN, 3), frame(PSH, 3, start))
    peer.expect(FIN, 3)
    peer.send(frame(FIN, 1), frame(SYN, 4), frame(PSH, 4, start))
    assert peer.read(4, 3) == uot_packet(b"x")


def test_udp_associations_of_a_socks_inbound(world):
    daemon = world.socks_only(limits={"udp_associations": 2})
    every = [world.socks(daemon).start(("0.0.0.0", 0), UDP_ASSOCIATE) for _ in range(3)]
    assert sorted(app.reply()[0] == OK for app in every) == [False, True, True]


def test_memory_of_many_stalled_streams_is_bounded(world):
    daemon = world.server(limits={"worker_buffer": 16 << 20, "session_buffer": 4 << 20, "stall_timeout": "1s"})
    check_alive(world, daemon)
    before = daemon.rss_kib()
    listener = world.listener(rcvbuf=4096)
    for _ in range(8):
        peer = world.login(daemon)
        for sid in (1, 2, 3, 4):
            peer.opened(sid, listener.dest)
        for sid in (1, 2, 3, 4):
            try:
                peer.conn.send_raw(seal(peer, psh(sid, bytes(6 << 20))), 1)
            except TimeoutError:
                break                           # held back: as it should be
            except OSError:
                break
    assert daemon.rss_kib() - before < 96 << 10
    check_alive(world, daemon)


def seal(peer, data):
    for i in range(0, len(data), 16384):
        peer.conn.obj.write(data[i:i + 16384])
    return peer.conn.outgoing.read()


def test_sessions_without_login_do_not_use_up_the_sessions(world):
    daemon = world.server(limits={"auth_timeout": "1s"})
    peers = [world.dial(daemon) for _ in range(30)]
    for peer in peers:
        peer.send(preamble()[:32])
    check_alive(world, daemon)
    for peer in peers:
        peer.wait_end(5)


def test_an_idle_session_costs_less_than_6_kib(world):
    sanitized = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ
    daemon = world.server()
    check_alive(world, daemon)
    before, peers = daemon.rss_kib(), []
    for _ in range(200 if sanitized else 800):
        peers.append(world.login(daemon))
    assert (daemon.rss_kib() - before) / len(peers) < (100 if sanitized else 6)


def test_server_session_that_gets_no_answer_to_its_dial_is_bounded_in_memory(world):
    hole = world.blackhole()
    daemon = world.server(outbound={"connect_timeout": "20s"}, limits={"stream_buffer": 1 << 20})
    check_alive(world, daemon)
    before, peer = daemon.rss_kib(), world.login(daemon)
    peer.opened(1, hole.dest)
    try:
        peer.conn.send_raw(seal(peer, psh(1, bytes(40 << 20))), 2)
    except (TimeoutError, OSError):
        pass
    assert daemon.rss_kib() - before < 24 << 10
    check_alive(world, daemon)
