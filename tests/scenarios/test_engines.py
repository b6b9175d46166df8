# SPDX-License-Identifier: GPL-2.0-or-later
"""Relay engines: whatever moves the bytes, they arrive complete, in order, and nobody waits for others."""

import os
import random
import signal
import threading

import pytest

import anytls
from anytls import FIN, HEART, PSH, SYN, frame, psh
from daemon import wait_until
from socks import recv_exact
from targets import reset
from test_state import sessions, streams

BULK = 4 << 20


@pytest.fixture(params=["copy", "splice", "sockmap"])
def peer(world, request):
    return world.login(world.server(tls=False, datapath=request.param), tls=False)


def mixed_frames(sid, data, rng):
    """Frames of all sizes, with some that mean nothing in between."""
    frames, pos = [], 0
    while pos < len(data):
        size = rng.choice((0, 1, 700, 1400, 8191, 8192, 8193, 16377, 40000, 65529, 65535))
        frames.append(frame(PSH, sid, data[pos:pos + size]))
        pos += size
        if rng.random() < 0.2:
            frames.append(frame(anytls.WASTE, 0, bytes(rng.randrange(3000))))
    return frames


def in_background(work, *args):
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("size", [1393, 8192, 16377, 65529, 65535])
def test_upload_in_frames_of_one_size(world, peer, size):
    target, data = world.listener(), anytls.pattern(BULK)
    peer.opened(1, target.dest)
    conn = target.accept()
    writer = in_background(peer.send, psh(1, data, size))
    assert recv_exact(conn, BULK) == data
    writer.join()
    assert peer.sync() == []


def test_upload_in_frames_of_all_sizes(world, peer):
    target, data, rng = world.listener(), anytls.pattern(BULK), random.Random(5)
    peer.opened(1, target.dest)
    conn = target.accept()
    writer = in_background(peer.send, *mixed_frames(1, data, rng))
    assert recv_exact(conn, BULK) == data
    writer.join()
    assert peer.sync() == []


def test_headers_cut_anywhere(world, peer):
    target, data = world.listener(), anytls.pattern(600000)
    peer.opened(1, target.dest)
    conn, stream = target.accept(), psh(1, data, 20000)
    got = bytearray()
    for pos in range(0, len(stream), 20003):        # each cut is 4 bytes further into a frame
        peer.conn.send(stream[pos:pos + 20003])
        whole = min(len(data), max(0, (pos + 20003) // 20007 * 20000))
        got += recv_exact(conn, whole - len(got)) if whole > len(got) else b""
    got += recv_exact(conn, len(data) - len(got))
    assert got == data


def test_streams_side_by_side(world, peer):
    count, rng = 8, random.Random(7)
    targets = [world.listener() for _ in range(count)]
    data = [bytes([i]) + anytls.pattern(BULK // count - 1) for i in range(count)]
    for i in range(count):
        peer.opened(i + 1, targets[i].dest)
    conns = [target.accept() for target in targets]
    queues = [mixed_frames(i + 1, data[i], rng) for i in range(count)]
    shuffled = []
    while any(queues):
        shuffled.append(rng.choice([q for q in queues if q]).pop(0))
    writer = in_background(peer.send, *shuffled)
    got = [None] * count

    def read(i):
        got[i] = recv_exact(conns[i], len(data[i]))

    readers = [in_background(read, i) for i in range(count)]
    for thread in readers + [writer]:
        thread.join(60)
    assert got == data


def test_destination_that_does_not_read_holds_up_nobody_else(world, peer):
    stuck, echo = world.listener(rcvbuf=4096), world.echo()
    peer.opened(1, stuck.dest)
    peer.opened(2, echo.dest)
    conn, data = stuck.accept(), anytls.pattern(1 << 20)
    peer.send(psh(1, data, 65529))
    peer.echo(2, anytls.pattern(200000))
    assert recv_exact(conn, len(data)) == data


def test_destination_that_pauses_gets_everything(world, peer):
    target, data = world.listener(rcvbuf=4096), anytls.pattern(BULK)
    peer.opened(1, target.dest)
    conn, got = target.accept(), bytearray()
    writer = in_background(peer.send, psh(1, data, 65529))
    while len(got) < BULK:
        got += recv_exact(conn, min(100000, BULK - len(got)))
    writer.join()
    assert got == data


def test_reset_in_the_middle_of_a_frame_ends_that_stream_alone(world, peer):
    target, echo = world.listener(), world.echo()
    peer.opened(1, target.dest)
    peer.opened(2, echo.dest)
    conn = target.accept()
    whole = frame(PSH, 1, anytls.pattern(65000))
    peer.send(whole[:40000])
    recv_exact(conn, 20000)
    reset(conn)
    peer.wait_over(1)
    peer.send(whole[40000:], whole)
    peer.echo(2, anytls.pattern(300000))


def test_fin_behind_a_large_frame_comes_after_it(world, peer):
    target, data = world.listener(), anytls.pattern(500000)
    peer.opened(1, target.dest)
    conn = target.accept()
    peer.send(psh(1, data, 65529), frame(FIN, 1))
    assert recv_exact(conn, len(data)) == data
    assert conn.recv(1) == b""


def test_session_cut_in_the_middle_of_a_frame_resets_its_streams(world, peer):
    target = world.listener()
    peer.opened(1, target.dest)
    conn = target.accept()
    peer.send(frame(PSH, 1, bytes(65000))[:30000])
    recv_exact(conn, 29993)
    peer.close()
    with pytest.raises(ConnectionResetError):
        conn.recv(1)


def test_large_frame_of_a_closed_stream_is_dropped(world, peer):
    echo = world.echo()
    peer.opened(1, echo.dest)
    peer.send(frame(PSH, 7, bytes(65000)), frame(SYN, 2), frame(PSH, 2, anytls.addr(*echo.dest)))
    peer.echo(1, anytls.pattern(100000))


def test_heartbeat_between_large_frames_is_answered(world, peer):
    target, data = world.listener(), anytls.pattern(65529)
    peer.opened(1, target.dest)
    conn = target.accept()
    for beat in range(20):
        peer.send(frame(PSH, 1, data), frame(HEART, beat))
        assert peer.expect(anytls.HEART_REPLY, beat)
    assert recv_exact(conn, 20 * len(data)) == 20 * data


def test_download(world, peer):
    data = anytls.pattern(BULK)
    source = world.source(data)
    peer.opened(1, source.dest)
    assert peer.read(1, BULK) == data
    peer.expect(FIN, 1)


def test_download_to_a_peer_that_pauses(world, peer):
    data, echo = anytls.pattern(BULK), world.echo()
    source = world.source(data)
    peer.opened(1, source.dest)
    peer.opened(2, echo.dest)
    for part in range(0, BULK, BULK // 8):
        assert peer.read(1, BULK // 8) == data[part:part + BULK // 8]
        peer.echo(2, b"still there")


@pytest.mark.parametrize("engine", ["copy", "splice"])
def test_socks_to_direct(world, engine):
    socks, echo = world.socks(world.socks_only(datapath=engine)), world.echo()
    data = anytls.pattern(BULK)
    socks.connect(echo.dest)
    writer = in_background(socks.send, data)
    assert socks.recv(BULK) == data
    writer.join()


def test_engines_leave_no_descriptor_behind(world):
    daemon, echo = world.server(tls=False, datapath="splice"), world.echo()
    peer = world.login(daemon, tls=False)

    def exchange():
        peer.opened(1, echo.dest)
        peer.echo(1, anytls.pattern(200000))
        peer.send(frame(FIN, 1))

    exchange()
    wait_until(lambda: daemon.fds() > 0)
    peer.sync()
    before = daemon.fds()
    for _ in range(200):
        exchange()
    peer.sync()
    wait_until(lambda: daemon.fds() <= before, 10)


@pytest.mark.parametrize("engine", ["splice", "sockmap"])
def test_peer_that_vanishes_leaves_nothing_for_others(world, engine):
    daemon = world.start({"workers": 1, "inbounds": [world.anytls_in(tls=False, datapath=engine)]})
    daemon.port = daemon.ports[0]
    target, data = world.listener(), anytls.pattern(400000)
    gone, stays = (world.login(daemon, tls=False) for _ in range(2))
    ends = []
    for number, peer in enumerate((gone, stays)):
        peer.opened(1, target.dest)
        ends.append(target.accept())
        ends[-1].sendall(bytes([number]) * 100000)      # so that what comes next goes by pipe
        assert peer.read(1, 100000) == bytes([number]) * 100000
    os.kill(daemon.pid, signal.SIGSTOP)                 # so that it writes before it sees the reset
    ends[0].sendall(bytes(100000))
    gone.reset()
    os.kill(daemon.pid, signal.SIGCONT)
    daemon.wait_log(r"session of alice .* ended")
    ends[1].sendall(data)
    assert stays.read(1, len(data)) == data


@pytest.mark.parametrize("inbound, outbound", [("auto", "splice"), ("splice", "auto")])
def test_one_end_that_asks_is_enough_for_both_directions(world, inbound, outbound):
    daemon, echo = world.server(tls=False, datapath=inbound, outbound={"datapath": outbound}), world.echo()
    peer = world.login(daemon, tls=False)
    peer.opened(1, echo.dest)
    peer.send(psh(1, anytls.pattern(BULK), 65529))
    assert peer.read(1, BULK) == anytls.pattern(BULK)
    [stream] = streams(daemon)     # what a slow reader leaves in the pipe is copied, however much that is
    assert stream["spliced_up"] > 0 and stream["spliced_down"] > 0


@pytest.mark.parametrize("engine", ["copy", "splice", "sockmap"])
def test_it_is_the_engine_that_was_asked_for(world, engine):
    daemon, target, data = world.server(tls=False, datapath=engine), world.listener(), anytls.pattern(BULK)
    peer = world.login(daemon, tls=False)
    if engine == "sockmap" and sessions(daemon)[0]["engine"] != "sockmap":
        pytest.skip(sessions(daemon)[0]["why"])
    peer.opened(1, target.dest)
    conn = target.accept()
    writer = in_background(peer.send, psh(1, data, 65529))
    assert recv_exact(conn, BULK) == data
    writer.join()
    [stream] = streams(daemon)     # it shows the fast engine that moved the last: slow readers have others at work too
    moved = {"copy": "copied_up", "splice": "spliced_up", "sockmap": "sockmap_up"}[engine]
    assert stream[moved] > 0 and (stream["engine"] == "copy") == (engine == "copy")


@pytest.mark.parametrize("engine", ["splice", "sockmap"])
def test_frames_that_come_whole_are_large_all_the_same(world, engine):
    daemon, echo, data = world.server(tls=False, datapath=engine), world.echo(), anytls.pattern(9000)
    peer = world.login(daemon, tls=False)
    if engine == "sockmap" and sessions(daemon)[0]["engine"] != "sockmap":
        pytest.skip(sessions(daemon)[0]["why"])
    peer.opened(1, echo.dest)
    for _ in range(20):
        peer.echo(1, data)
    [stream] = streams(daemon)
    assert stream["spliced_up" if engine == "splice" else "sockmap_up"] > 10 * len(data)


def chained(world):
    """A server whose streams go on to another server, which the test plays: daemon, that server."""
    far = world.scripted()
    out = {"type": "anytls", "tag": "out", "server": "127.0.0.1", "server_port": far.port, "password": anytls.PASSWORD,
           "tls": {"enabled": True, "insecure": True}}
    daemon = world.start({"inbounds": [world.anytls_in(tls=False)], "outbounds": [out]})
    daemon.port = daemon.ports[0]
    return daemon, far


def test_next_server_that_does_not_read_stops_the_client(world):
    daemon, far = chained(world)
    peer, offered = world.login(daemon, tls=False), 0
    peer.open(1, ("127.0.0.1", 7))
    session = far.accept()
    session.hello()
    session.accepted()
    peer.conn.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        while offered < 100 << 20:
            peer.conn.sock.sendall(psh(1, bytes(65529)))
            offered += 65529
    assert offered < 48 << 20       # kernels' buffers, and ours


def test_bytes_through_two_servers_all_arrive(world):
    daemon, far = chained(world)
    peer, data = world.login(daemon, tls=False), anytls.pattern(BULK)
    peer.open(1, ("127.0.0.1", 7))
    session = far.accept()
    session.hello()
    sid = session.accepted()
    writer = in_background(peer.send, psh(1, data, 65529), frame(FIN, 1))
    assert session.read(sid, BULK, 60) == data
    session.expect(FIN, sid)
    writer.join()
