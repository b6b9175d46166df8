# SPDX-License-Identifier: GPL-2.0-or-later
"""Shaped records while the server does not read, and whatever else could move their bounds."""

import hashlib
import itertools
import random
import socket
import struct
import threading

import pytest

import anytls
import scheme
from anytls import FIN, SERVER_SETTINGS, SETTINGS, SYNACK, UPDATE, frame, psh
from narrow import OWN_NETWORK, Narrow, Wide, everything, gone, judge, paused, stalled, taken, taught

DEST = ("127.0.0.1", 80)
STOP = 300

needs_network = pytest.mark.skipif(not OWN_NETWORK, reason="no network namespace of its own, and so no small buffers")
both = pytest.mark.parametrize("kind", [pytest.param(Narrow, marks=needs_network), Wide])


def repeat(*items):
    """A scheme whose packets use the items in turn."""
    rows = [f"{n}={items[n % len(items)]}" for n in range(1, STOP)]
    return "\n".join([f"stop={STOP}", "0=30-60", *rows])


SMALL = repeat("900-1400,c,300-600,c,50-60", "9-9,500-1000", "100-200,100-200,3-4")
LARGE = repeat("20000-30000", "5000-16384,c,17000-20000", "1-3,16383-16384,16385-16386")


def opened(world, daemon, server, v="2"):
    """(application, session) on a fresh session, its first stream open."""
    app = world.socks(daemon).start(DEST)
    session = world.keep(server.accept())
    session.hello(v)
    sid = session.accept()[0]
    if v == "2":
        session.send(frame(SYNACK, sid))
    return app.finish(), session


def reset(daemon, app):
    """Ends an application with RST; returns once the daemon has closed its end."""
    port = app.sock.getsockname()[1]
    app.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    app.close()
    gone(daemon, port)


@needs_network
@pytest.mark.parametrize("text, most, count, least", [(SMALL, 2500, 60, 1), (SMALL, 30, 100, 0), (LARGE, 4000, 6, 1)],
                         ids=["small", "tiny", "large"])
def test_records_keep_their_sizes_while_the_server_does_not_read(world, text, most, count, least):
    """Many packets wait; the kernel has taken a record in part at least once, and in the end all sizes are exact."""
    server = world.keep(Narrow(world.cert))
    daemon = taught(world, server, text, disable_session_reuse=True)
    inside = 0
    for seed in range(4):
        app, session = opened(world, daemon, server)
        rng = random.Random(seed)
        pieces = [rng.randbytes(rng.randint(1, most)) for _ in range(count)]
        for one in pieces:
            app.send(one)
            taken(daemon, app)
        kernel = stalled(server, session.conn)
        if seed % 2:    # read in large pieces for once
            session.conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sent = b"".join(pieces)
        assert session.read(1, len(sent)) == sent
        everything(session)
        ends = list(itertools.accumulate(session.conn.lengths))
        assert kernel < ends[-1] // 2, "hardly anything had to wait"
        inside += kernel not in ends
        # before them settings, SYN and address in one; after them a HeartResponse
        assert judge(text, session)[1:] == [7 + len(one) for one in pieces] + [7]
        session.send(frame(FIN, 1))
        app.recv_all()
    assert inside >= least, "no short write fell inside a record"


@needs_network
def test_a_flood_that_has_to_wait_is_cut_as_the_scheme_says(world):
    """More than a session queues: reading the application pauses and goes on."""
    server = world.keep(Narrow(world.cert))
    daemon = taught(world, server, SMALL)
    app, session = opened(world, daemon, server)
    data = anytls.pattern(600000)
    sender = threading.Thread(target=app.send, args=(data,))
    sender.start()
    paused(daemon, app)
    assert session.read(1, len(data), 60) == data
    sender.join()
    everything(session)
    judge(SMALL, session)


@both
def test_a_session_that_is_used_again_stays_shaped(world, kind):
    """SYN with address, data and FIN of ten streams, one after the other, while nothing is read."""
    server = world.keep(kind(world.cert))
    daemon = taught(world, server, SMALL)
    app, session = opened(world, daemon, server, v="1")     # a version 1 client does not wait for SYNACK
    rng, sent = random.Random(1), []
    for sid in range(1, 11):
        app = app or world.socks(daemon).connect(DEST)
        sent.append(rng.randbytes(rng.randint(1, 3000)))
        app.send(sent[-1])
        taken(daemon, app)
        session.send(psh(sid, b"x"))
        app.recv(1)
        reset(daemon, app)
        app = None
    for sid, data in enumerate(sent, 1):
        if sid > 1:
            session.accept(sid)
        assert session.read(sid, len(data)) == data
        session.expect(FIN, sid)
    everything(session)
    assert len(judge(SMALL, session)) == 1 + 9 + 10 + 10 + 1
    assert server.pending(0.05) == 0


@both
def test_single_bytes_are_a_packet_each(world, kind):
    server = world.keep(kind(world.cert))
    app, session = opened(world, taught(world, server, SMALL), server)
    for i in range(50):
        app.send(bytes([i]))
        assert session.read(1, 1) == bytes([i])
    everything(session)
    assert judge(SMALL, session)[1:] == [8] * 50 + [7]


@both
@pytest.mark.parametrize("most", [1, 100, 5000])
def test_bursts_are_cut_however_they_are_read(world, kind, most):
    server = world.keep(kind(world.cert))
    app, session = opened(world, taught(world, server, SMALL), server)
    rng = random.Random(most)
    pieces = [rng.randbytes(rng.randint(1, most)) for _ in range(100)]
    for one in pieces:
        app.send(one)
    data = b"".join(pieces)
    assert session.read(1, len(data)) == data
    everything(session)
    judge(SMALL, session)


@both
def test_an_update_in_mid_session_is_for_the_next_one(world, kind):
    """Packets that are queued when it comes, and later ones, keep the scheme that the session began with."""
    server = world.keep(kind(world.cert))
    daemon = taught(world, server, SMALL, disable_session_reuse=True)
    for text, fresh in ((SMALL, LARGE), (LARGE, SMALL), (SMALL, SMALL + "\n")):
        app, session = opened(world, daemon, server)
        before, after = random.Random(1).randbytes(9000), random.Random(2).randbytes(3000)
        app.send(before)
        taken(daemon, app)
        session.send(frame(UPDATE, 0, fresh.encode()), psh(1, b"x"))
        app.recv(1)
        for i in range(0, len(after), 1000):
            app.send(after[i:i + 1000])
            taken(daemon, app)
        assert session.read(1, 12000) == before + after
        everything(session)
        judge(text, session)
        session.send(frame(FIN, 1))
        app.recv_all()
    app = world.socks(daemon).start(DEST)
    last = world.keep(server.accept())
    assert last.hello()["padding-md5"] == hashlib.md5((SMALL + "\n").encode()).hexdigest()


@both
def test_sizes_are_free_from_stop_on(world, kind):
    """The judge is not blind to `stop`: the last shaped packet is padded, the one after it is as long as its frame."""
    text = "stop=4\n0=30-60\n1=500-500\n2=500-500\n3=600-600"
    server = world.keep(kind(world.cert))
    app, session = opened(world, taught(world, server, text), server)
    for _ in range(3):
        app.send(b"x")
        assert session.read(1, 1) == b"x"
    everything(session)
    assert judge(text, session, stopped=True)[1:] == [8, 8, 8, 7]
    assert [len(one) for one in session.conn.plain[1:]] == [500, 500, 600, 8, 7, 7]


@both
def test_a_session_opened_ahead_of_need_shapes_its_settings(world, kind):
    """Packet 1 is Settings alone then; SYN and address are packet 2."""
    server = world.keep(kind(world.cert))
    daemon = world.client(server.port, workers=1, min_idle_session=1)   # another worker might not know of it yet
    world.socks(daemon).start(DEST)
    world.keep(server.accept()).hello()
    ahead = world.keep(server.accept())
    first = 7 + len(ahead.expect(SETTINGS).data)
    ahead.send(frame(SERVER_SETTINGS, 0, b"v=1"))
    app = world.socks(daemon).start(DEST)
    ahead.accept(1)
    ahead.send(frame(SYNACK, 1))
    app.finish()
    everything(ahead)
    sizes = [len(one) for one in ahead.conn.plain]
    scheme.judge(scheme.parse(anytls.DEFAULT_SCHEME.decode()), [first, 7 + 7 + 7, 7], sizes, True)
