# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations that refuse, do not answer, or do so late (scenarios 27-29)."""

import time

import anytls
from anytls import FIN, PSH, SYNACK, frame, psh
from daemon import wait_until
from socks import recv_exact


def check_alive(world, peer, sid):
    echo = world.echo()
    peer.open(sid, echo.dest, b"alive")
    assert peer.read(sid, 5) == b"alive"


def test_refused_target_v2(world):
    peer = world.login(world.server())
    peer.open(1, world.refused())
    answer = peer.expect(SYNACK, 1)
    assert answer.data
    peer.expect(FIN, 1)
    peer.send(frame(FIN, 1))
    check_alive(world, peer, 2)


def test_refused_target_v1_gets_only_fin(world):
    peer = world.login(world.server(), v="1")
    peer.open(1, world.refused(), b"payload")
    peer.expect(FIN, 1)
    check_alive(world, peer, 2)
    assert peer.sync() == []


def test_unknown_name(world):
    peer = world.login(world.server())
    peer.open(1, ("no-such-host.invalid", 80))
    first = peer.expect(SYNACK, 1, 15)
    if not first.data:                  # said yes early, because the look-up took long
        assert peer.expect(SYNACK, 1, 15).data
    peer.expect(FIN, 1)
    check_alive(world, peer, 2)


def test_synack_does_not_wait_for_a_slow_dial(world):
    hole, peer = world.blackhole(), world.login(world.server(outbound={"connect_timeout": "10s"}))
    data = anytls.pattern(16384 + 65535)
    peer.open(1, hole.dest, data[:16000])
    assert peer.expect(SYNACK, 1, 5).data == b""
    peer.send(psh(1, data[16000:]))
    check_alive(world, peer, 2)
    hole.release()
    conn = hole.accept(10)
    assert recv_exact(conn, len(data)) == data
    conn.sendall(b"finally")
    assert peer.read(1, 7) == b"finally"
    assert not any(one.cmd == SYNACK and one.sid == 1 for one in peer.sync()), "success was sent twice"


def test_dial_that_fails_after_the_early_synack(world):
    hole, peer = world.blackhole(), world.login(world.server(outbound={"connect_timeout": "3s"}))
    start = time.monotonic()
    peer.open(1, hole.dest, b"payload")
    assert peer.expect(SYNACK, 1, 5).data == b""
    assert peer.expect(SYNACK, 1).data
    peer.expect(FIN, 1)
    assert 2.5 < time.monotonic() - start < 8
    check_alive(world, peer, 2)


def test_slow_dial_of_a_v1_client_ends_with_fin_alone(world):
    hole, peer = world.blackhole(), world.login(world.server(outbound={"connect_timeout": "2s"}), v="1")
    peer.open(1, hole.dest)
    peer.expect(FIN, 1)
    assert peer.sync() == []


def test_fin_during_a_dial_abandons_it(world):
    hole, daemon = world.blackhole(), world.server()
    peer = world.login(daemon)
    peer.sync()
    before = daemon.fds()
    peer.open(1, hole.dest)
    peer.send(frame(FIN, 1))
    check_alive(world, peer, 2)
    peer.send(frame(FIN, 2))
    peer.sync()
    wait_until(lambda: daemon.fds() <= before, what="both sockets are closed")
    assert not any(one.sid == 1 and one.cmd in (FIN, PSH) for one in peer.inbox)


def test_upload_then_fin_before_the_dial_finishes_is_delivered(world):
    hole, peer = world.blackhole(), world.login(world.server(outbound={"connect_timeout": "10s"}))
    peer.open(1, hole.dest, b"all of it")
    peer.send(frame(FIN, 1))
    peer.sync()
    hole.release()
    conn = hole.accept(10)
    assert recv_exact(conn, 9) == b"all of it"
    assert conn.recv(1) == b""


def test_many_streams_to_a_dead_host_do_not_disturb_a_live_one(world):
    hole, echo = world.blackhole(), world.echo()
    peer = world.login(world.server())
    peer.opened(1, echo.dest)
    for sid in range(2, 202):
        peer.open(sid, hole.dest, bytes(1000))
    start = time.monotonic()
    peer.echo(1, anytls.pattern(100000))
    assert time.monotonic() - start < 4


def test_address_without_a_port_to_speak_of(world):
    peer = world.login(world.server())
    peer.open(1, ("127.0.0.1", 0))
    assert peer.expect(SYNACK, 1).data
    peer.expect(FIN, 1)
    check_alive(world, peer, 2)
