# SPDX-License-Identifier: GPL-2.0-or-later
"""Stalled readers, sessions that die, and what each end gets to see (scenarios 34, 35, 39)."""

import contextlib
import os
import signal
import ssl
import threading
import time

import pytest

import anytls
from anytls import FIN, HEART, HEART_REPLY, PSH, SYNACK, addr, frame, psh
from daemon import wait_until
from socks import recv_all, recv_exact
from targets import reset


def stalled_stream(world, peer, sid, size):
    """A stream whose target never reads, with `size` bytes on their way to it."""
    listener = world.listener(rcvbuf=4096)
    peer.opened(sid, listener.dest)
    conn = listener.accept()
    peer.send(psh(sid, bytes(size)))
    return conn


def test_a_stalled_target_does_not_stop_a_hundred_others(world):
    peer, echo = world.login(world.server()), world.echo()
    stalled_stream(world, peer, 1, 1500000)
    for sid in range(2, 102):
        peer.open(sid, echo.dest, anytls.pattern(10000, sid))
    for sid in range(2, 102):
        assert peer.read(sid, 10000) == anytls.pattern(10000, sid)
    assert not any(one.sid == 1 for one in peer.sync()), "the stalled stream was reset within its bound"


def test_what_a_stalled_target_was_sent_is_not_lost(world):
    peer = world.login(world.server())
    listener, data = world.listener(rcvbuf=4096), anytls.pattern(1500000)
    peer.opened(1, listener.dest)
    conn = listener.accept()
    peer.send(psh(1, data))
    peer.sync()
    peer.send(frame(FIN, 1))
    assert recv_all(conn) == (data, "eof")


def test_heartbeat_is_answered_while_a_stream_is_backed_up(world):
    peer = world.login(world.server())
    stalled_stream(world, peer, 1, 1500000)
    peer.send(frame(HEART, 7))
    assert peer.expect(HEART_REPLY).sid == 7


def test_stream_over_its_bound_is_reset_and_the_session_lives(world):
    daemon = world.server(limits={"stream_buffer": 262144, "stall_timeout": "1s"})
    peer, echo = world.login(daemon), world.echo()
    peer.opened(2, echo.dest)
    conn = stalled_stream(world, peer, 1, 0)
    sender = threading.Thread(target=peer.conn.send_raw, args=(sealed(peer, psh(1, bytes(12 << 20)) +
                                                                      psh(2, b"behind it")),))
    sender.start()
    sender.join(30)
    assert peer.read(2, 9) == b"behind it"
    peer.expect(FIN, 1)
    assert recv_all(conn)[1] == "reset"
    peer.echo(2, b"alive")


def sealed(peer, data):
    """Data as TLS records, to be written in one go."""
    for i in range(0, len(data), 16384):
        peer.conn.obj.write(data[i:i + 16384])
    return peer.conn.outgoing.read()


def test_a_single_stream_is_held_back_and_never_reset(world):
    daemon = world.server(limits={"stream_buffer": 262144, "stall_timeout": "1s"})
    peer, listener = world.login(daemon), world.listener(rcvbuf=4096)
    peer.opened(1, listener.dest)
    conn, data = listener.accept(), anytls.pattern(32 << 20)
    raw = sealed(peer, psh(1, data) + frame(FIN, 1))
    sender = threading.Thread(target=peer.conn.send_raw, args=(raw, 60))
    sender.start()
    time.sleep(2.5)
    assert sender.is_alive(), "32 MiB went into a stream that nobody reads"
    assert daemon.rss_kib() < 200 << 10
    got, end = recv_all(conn)
    sender.join(30)
    assert end == "eof" and got == data


def test_client_that_does_not_read_holds_the_target_back(world):
    listener, daemon = world.listener(), world.server()
    peer = world.login(daemon, rcvbuf=65536)
    peer.opened(1, listener.dest)
    conn, sent, data = listener.accept(), 0, bytes(1 << 20)
    conn.settimeout(1)
    before = daemon.rss_kib()
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            sent += conn.send(data)
    assert sent < 64 << 20
    assert daemon.rss_kib() - before < 32 << 10
    conn.settimeout(20)
    assert len(peer.read(1, sent, 30)) == sent


@pytest.mark.parametrize("how", ["reset", "eof", "garbage"])
def test_death_of_a_session_resets_its_targets(world, how):
    daemon, listener = world.server(), world.listener()
    peer = world.login(daemon)
    peer.sync()
    before = daemon.fds()
    conns = []
    for sid in (1, 2, 3):
        peer.opened(sid, listener.dest, b"half a request")
        conns.append(listener.accept())
        assert recv_exact(conns[-1], 14) == b"half a request"
    if how == "reset":
        peer.reset()
    elif how == "eof":
        peer.close()
    else:
        peer.conn.send_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
    for conn in conns:
        assert recv_all(conn, 10) == (b"", "reset")
    wait_until(lambda: daemon.fds() < before, what="descriptors are given back")


def test_session_closed_with_close_notify_still_resets_open_streams(world):
    daemon, listener = world.server(), world.listener()
    peer = world.login(daemon)
    peer.opened(1, listener.dest)
    conn = listener.accept()
    peer.conn.close_notify()
    peer.close()
    assert recv_all(conn, 10) == (b"", "reset")


def test_data_before_the_death_of_a_session_is_delivered(world):
    """What was read before a clean FIN of another stream is not lost when the session then dies."""
    daemon, listener = world.server(), world.listener()
    peer = world.login(daemon)
    peer.opened(1, listener.dest)
    conn, data = listener.accept(), anytls.pattern(500000)
    got = []
    reader = threading.Thread(target=lambda: got.append(recv_all(conn)))
    reader.start()
    peer.send(psh(1, data), frame(FIN, 1))
    peer.conn.close_notify()
    peer.close()
    reader.join(20)
    assert got == [(data, "eof")]


def test_target_that_resets_ends_one_stream(world):
    daemon, listener, echo = world.server(), world.listener(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, listener.dest, b"x")
    peer.opened(2, echo.dest)
    conn = listener.accept()
    recv_exact(conn, 1)
    reset(conn)
    peer.expect(FIN, 1)
    peer.echo(2, b"alive")
    peer.send(psh(1, b"too late"))
    peer.echo(2, b"and well")


def test_two_sessions_do_not_affect_each_other(world):
    daemon, echo = world.server(), world.echo()
    one, two = world.login(daemon), world.login(daemon)
    one.opened(1, echo.dest)
    two.opened(1, echo.dest)
    one.conn.send_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
    one.wait_end(5)
    two.echo(1, anytls.pattern(100000))


def test_random_bytes_after_login_do_no_harm(world):
    daemon, echo = world.server(), world.echo()
    before = None
    for seed in range(30):
        peer = world.login(daemon)
        try:
            peer.send(anytls.pattern(40000, seed))
        except OSError:
            pass
        peer.reset()
        before = before or daemon.rss_kib()
    assert daemon.rss_kib() - before < 32 << 10
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"alive")


def test_reset_inside_every_phase_of_a_stream_leaks_nothing(world):
    daemon, echo = world.server(), world.echo()
    world.login(daemon).opened(1, echo.dest)
    before = daemon.fds()
    parts = [frame(anytls.SYN, 1), frame(PSH, 1, addr(*echo.dest))[:9], frame(PSH, 1, addr(*echo.dest))[9:],
             psh(1, b"payload"), frame(FIN, 1)]
    for count in range(len(parts) + 1):
        peer = world.login(daemon)
        if count:
            peer.send(*parts[:count])
        if count in (3, 4):     # with FIN behind it the stream may be gone before the answer
            peer.expect(SYNACK, 1)
        peer.reset()
    wait_until(lambda: daemon.fds() <= before, what="descriptors are given back")


def test_data_and_close_notify_in_one_segment_end_the_session(world):
    peer = world.login(world.server())
    peer.conn.obj.write(frame(HEART, 7))
    with contextlib.suppress(ssl.SSLError):
        peer.conn.obj.unwrap()
    peer.conn.send_raw(peer.conn.outgoing.read())
    assert peer.wait_end(3) == "notify"


def test_answer_of_a_target_that_then_resets_is_delivered(world):
    """A web server that refuses an upload: it answers, and closes with the upload unread, which is a reset."""
    daemon, listener = world.server(), world.listener(rcvbuf=4096)
    peer = world.login(daemon)
    peer.opened(1, listener.dest)
    conn, raw = listener.accept(), sealed(peer, psh(1, bytes(32 << 20)))
    sender = threading.Thread(target=peer.conn.send_raw, args=(raw, 60))
    sender.start()
    time.sleep(1)
    assert sender.is_alive(), "32 MiB went into a stream that nobody reads"
    os.kill(daemon.pid, signal.SIGSTOP)                 # so that it finds both at once
    conn.sendall(b"413 too large")
    conn.close()
    os.kill(daemon.pid, signal.SIGCONT)
    sender.join(30)
    assert peer.read(1, 13) == b"413 too large"
    peer.expect(FIN, 1)
