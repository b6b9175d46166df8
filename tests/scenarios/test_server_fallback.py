# SPDX-License-Identifier: GPL-2.0-or-later
"""Where connections of strangers go when a fallback is configured (protocol notes 1.3)."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

import anytls
from anytls import preamble
from daemon import wait_until
from socks import recv_all, recv_exact
from targets import reset


def with_fallback(world, **keys):
    """(server, listener that plays the fallback)"""
    behind = world.listener()
    return world.server(fallback={"server": "127.0.0.1", "server_port": behind.port}, **keys), behind


@pytest.mark.parametrize("first", [b"GET / HTTP", b"\x11" * 64, preamble()[:31], preamble("wrong", 500), b"\0"],
                         ids=["short", "64 bytes", "31 right bytes", "wrong password", "one byte"])
def test_fallback_gets_exactly_the_bytes_and_what_follows(world, first):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    peer.send(first)
    conn = behind.accept()
    assert recv_exact(conn, len(first)) == first
    more = anytls.pattern(200000)
    for i in range(0, len(more), 16000):
        peer.conn.send(more[i:i + 16000])
    assert recv_exact(conn, len(more)) == more
    conn.sendall(more)
    got = bytearray()
    while len(got) < len(more):
        got += peer.conn.recv(5)
    assert bytes(got) == more


def test_fallback_end_reaches_the_client_after_all_data(world):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    conn = behind.accept()
    recv_exact(conn, 18)
    page = anytls.pattern(1 << 20)
    conn.sendall(page)
    conn.close()
    got = bytearray()
    while data := peer.conn.recv(5):
        got += data
    assert len(got) == len(page) and bytes(got) == page
    assert peer.conn.end == "notify"


def test_client_end_reaches_the_fallback(world):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    conn = behind.accept()
    peer.conn.close_notify()
    peer.close()
    assert recv_all(conn)[0] == b"GET / HTTP/1.1\r\n\r\n"


def test_silent_client_is_connected_after_half_a_second(world):
    daemon, behind = with_fallback(world)
    start = time.monotonic()
    peer = world.dial(daemon)
    conn = behind.accept()
    assert time.monotonic() - start > 0.4
    conn.sendall(b"220 good morning\r\n")
    assert peer.conn.recv(5) == b"220 good morning\r\n"


def test_fallback_decides_how_long_silence_lasts(world):
    daemon, behind = with_fallback(world, limits={"auth_timeout": "1s"})
    peer = world.dial(daemon)
    conn = behind.accept()
    with pytest.raises(TimeoutError):
        peer.wait_end(2.5)
    conn.close()
    peer.wait_end(3)


def test_late_login_still_wins(world):
    daemon, behind = with_fallback(world)
    echo, peer = world.echo(), world.dial(daemon)
    conn = behind.accept()
    peer.login()
    assert recv_all(conn, 5)[0] == b""
    peer.opened(1, echo.dest, b"hello")
    assert peer.read(1, 5) == b"hello"


def test_late_stranger_goes_to_the_waiting_fallback(world):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    conn = behind.accept()
    peer.send(preamble("wrong"))
    assert recv_exact(conn, 64) == preamble("wrong")


def test_right_hash_never_reaches_the_fallback(world):
    daemon, behind = with_fallback(world, limits={"auth_timeout": "2s"})
    peer = world.dial(daemon)
    peer.send(preamble()[:32])
    with pytest.raises(TimeoutError):
        behind.accept(1.2)
    peer.wait_end(5)


def test_dead_fallback_closes_the_connection(world):
    host, port = world.refused()
    daemon = world.server(fallback={"server": host, "server_port": port})
    peer = world.dial(daemon)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    peer.wait_end(5)
    assert peer.records == []


def test_fallback_that_resets_does_not_look_like_a_clean_end(world):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    conn = behind.accept()
    recv_exact(conn, 18)
    reset(conn)
    assert peer.wait_end(5) != "notify"


def test_fallback_by_alpn(world):
    plain, h2 = world.listener(), world.listener()
    daemon = world.server(
        tls={"enabled": True, "certificate_path": world.cert.cert, "key_path": world.cert.key,
             "alpn": ["h2", "http/1.1"]},
        fallback={"server": "127.0.0.1", "server_port": plain.port},
        fallback_for_alpn={"h2": {"server": "127.0.0.1", "server_port": h2.port}})
    for alpn, target in ((["h2"], h2), (["http/1.1"], plain), (None, plain)):
        peer = world.dial(daemon, alpn=alpn)
        peer.send(b"PRI * HTTP/2.0\r\n")
        assert recv_exact(target.accept(), 16) == b"PRI * HTTP/2.0\r\n"


def test_fallback_alone_for_one_alpn_closes_the_others(world):
    h2 = world.listener()
    daemon = world.server(
        tls={"enabled": True, "certificate_path": world.cert.cert, "key_path": world.cert.key, "alpn": ["h2", "x"]},
        fallback_for_alpn={"h2": {"server": "127.0.0.1", "server_port": h2.port}})
    peer = world.dial(daemon, alpn=["x"])
    peer.send(b"PRI * HTTP/2.0\r\n")
    peer.wait_end(5)
    assert peer.records == []


def with_both(world, **keys):
    """(server, listener for what is no TLS, listener for strangers inside of TLS)"""
    raw, behind = world.listener(), world.listener()
    daemon = world.server(fallback={"server": "127.0.0.1", "server_port": behind.port},
                          fallback_tls={"server": "127.0.0.1", "server_port": raw.port}, **keys)
    return daemon, raw, behind


@pytest.mark.parametrize("first", [b"G", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\1\3\1", b"\x17\3\3", b"\0"])
def test_what_is_no_tls_goes_to_the_tls_port_untouched(world, first):
    daemon, raw, _ = with_both(world)
    peer = world.dial(daemon, tls=False)
    peer.conn.send_raw(first)
    conn = raw.accept()
    assert recv_exact(conn, len(first)) == first
    more = anytls.pattern(300000)
    peer.conn.send_raw(more)
    assert recv_exact(conn, len(more)) == more
    conn.sendall(more)
    conn.close()
    got = bytearray()
    while data := peer.conn.recv(5):
        got += data
    assert bytes(got) == more and peer.conn.end == "eof"


def test_tls_is_not_passed_on_raw(world):
    daemon, raw, behind = with_both(world)
    echo, user = world.echo(), world.login(daemon)
    user.opened(1, echo.dest, b"hello")
    assert user.read(1, 5) == b"hello"
    stranger = world.dial(daemon)
    stranger.send(b"GET / HTTP/1.0\r\n\r\n")
    assert recv_exact(behind.accept(), 18) == b"GET / HTTP/1.0\r\n\r\n"
    with pytest.raises(TimeoutError):
        raw.accept(0.3)


def test_reset_of_the_tls_port_is_passed_on(world):
    daemon, raw, _ = with_both(world)
    peer = world.dial(daemon, tls=False)
    peer.conn.send_raw(b"hello")
    conn = raw.accept()
    recv_exact(conn, 5)
    reset(conn)
    assert peer.wait_end(5) == "reset"


def test_silent_connections_before_the_first_byte_end_at_the_deadline(world):
    daemon, raw, _ = with_both(world, limits={"handshake_timeout": "1s"})
    start, peers = time.monotonic(), [world.dial(daemon, tls=False) for _ in range(20)]
    for peer in peers:
        assert peer.wait_end() == "eof"
    assert 0.8 < time.monotonic() - start < 5
    with pytest.raises(TimeoutError):
        raw.accept(0.1)


def test_connections_that_are_no_tls_take_places_of_sessions(world):
    daemon, raw, _ = with_both(world, limits={"sessions": 2})
    peers = []
    for _ in range(2):
        peers.append(world.dial(daemon, tls=False))
        peers[-1].conn.send_raw(b"a")
        raw.accept()
    world.dial(daemon, tls=False).wait_end(3)
    daemon.wait_log("limits.sessions is reached")
    peers[0].reset()

    def served():
        peer = world.dial(daemon, tls=False)
        peer.conn.send_raw(b"b")
        try:
            raw.accept(1)
        except TimeoutError:
            return False
        return True
    wait_until(served, 10, "the place is given back")


def test_head_of_a_request_is_bounded_and_its_body_is_not(world):
    daemon, behind = with_fallback(world, limits={"handshake_timeout": "1s"})
    start, halves, whole = time.monotonic(), world.dial(daemon), world.dial(daemon)
    halves.send(b"GET / HTTP/1.1\r\n")
    whole.send(b"\r\nPUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    assert halves.wait_end() == "eof" and 0.7 < time.monotonic() - start < 5
    with pytest.raises(TimeoutError):
        whole.wait_end(1)


def test_a_target_that_speaks_first_has_no_deadline(world):
    daemon, behind = with_fallback(world, limits={"handshake_timeout": "1s"})
    peer = world.dial(daemon)
    conn = behind.accept()
    conn.sendall(b"220 good morning\r\n")
    assert peer.conn.recv(5) == b"220 good morning\r\n"
    with pytest.raises(TimeoutError):
        peer.wait_end(2)


def test_an_answer_is_followed_by_close_notify_and_silence_by_fin(world):
    daemon, behind = with_fallback(world)
    for answer, end in ((b"hello", "notify"), (b"", "eof")):
        peer = world.dial(daemon)
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        conn = behind.accept()
        recv_exact(conn, 18)
        conn.sendall(answer)
        conn.close()
        while peer.conn.recv(5):
            pass
        assert peer.conn.end == end


def test_an_answer_arrives_whole_where_the_client_spoke_last(world):
    daemon, behind = with_fallback(world)
    peer, page = world.dial(daemon, rcvbuf=8192), anytls.pattern(200000)  # the daemon's kernel holds it
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    conn = behind.accept()
    recv_exact(conn, 18)
    conn.sendall(page)
    for when in range(2):
        peer.conn.obj.write(b"more")
        peer.conn.send_raw(peer.conn.outgoing.read(), read_too=False)
        if when == 0:
            recv_exact(conn, 4)
            conn.shutdown(socket.SHUT_WR)
    got = bytearray()
    while data := peer.conn.recv(5):
        got += data
    assert bytes(got) == page


def test_a_slow_reader_gets_what_a_closed_target_has_sent(world):
    daemon, behind = with_fallback(world)
    peer, page = world.dial(daemon, rcvbuf=8192), anytls.pattern(400000)
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    conn = behind.accept()
    recv_exact(conn, 18)
    conn.sendall(page)
    conn.close()
    got = bytearray()
    while data := peer.conn.recv(5):
        got += data
        time.sleep(len(data) / 10000)  # 40 s in all: longer than a client without progress is waited for
    assert bytes(got) == page


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_the_shortest_fragments_of_tls_1_2_carry_a_long_answer(world, cipher):
    daemon, behind = with_fallback(world)
    page = anytls.pattern(4 << 20)
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port}", "-tls1_2", "-cipher", cipher,
            "-maxfraglen", "512", "-quiet"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
        client.stdin.flush()
        conn = behind.accept(20)
        recv_exact(conn, 18)

        def answer():
            with contextlib.suppress(OSError):
                conn.sendall(page)
                conn.shutdown(socket.SHUT_WR)

        feeder = threading.Thread(target=answer)
        feeder.start()
        got = client.stdout.read()
        feeder.join()
    assert got == page


def test_a_login_after_the_target_gave_up_gets_nothing(world):
    daemon, behind = with_fallback(world)
    peer = world.dial(daemon)
    behind.accept().close()
    with contextlib.suppress(OSError, ssl.SSLError):
        while peer.conn.recv(5):
            pass
        peer.send(preamble() + anytls.settings())
        peer.wait_end(2)
    assert "session of" not in daemon.log()


def test_fallback_tls_alone_spares_nobody_the_limit_on_failures(world):
    daemon = world.server(fallback_tls={"server": "127.0.0.1", "server_port": 9},
                          limits={"auth_failures_per_minute": 2})
    with pytest.raises((OSError, ssl.SSLError, EOFError)):
        for _ in range(12):
            peer = world.dial(daemon)
            peer.send(b"x" * 64)
            peer.wait_end(3)
