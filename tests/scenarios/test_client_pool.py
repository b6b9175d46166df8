# SPDX-License-Identifier: GPL-2.0-or-later
"""The session pool of a client: reuse, idle sessions, stale ones, heartbeats (scenarios 48, 51, 58, 59)."""

import time

import pytest

import anytls
from anytls import FIN, frame, psh
from daemon import wait_until
from targets import reset
from test_client_streams import DEST, first_stream, next_stream

QUICK = {"idle_session_check_interval": "1s", "idle_session_timeout": "1s"}


@pytest.fixture
def server(world):
    return world.scripted()


def finished(app, session, sid):
    """Ends a stream from the server's side, so that its session is idle."""
    session.send(frame(FIN, sid))
    app.recv_all()
    app.close()


def fresh(world, server, daemon, app=None):
    """A request that must come on a new session: (application, session, id)."""
    app = app or world.socks(daemon).start(DEST)
    session = world.keep(server.accept())
    session.hello()
    sid = session.accepted()
    return app.finish(), session, sid


def test_sequential_streams_share_a_session_with_rising_ids(world, server):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    for want in range(2, 30):
        finished(app, session, sid)
        app, sid = next_stream(world, session, daemon)
        assert sid == want
    assert server.pending(0.2) == 0


def test_concurrent_streams_have_a_session_each(world, server):
    daemon = world.client(server.port)
    parts = [fresh(world, server, daemon) for _ in range(4)]
    for app, session, sid in parts:
        assert sid == 1
        session.send(psh(1, b"x"))
        assert app.recv(1) == b"x"


def test_session_that_is_made_for_one_who_left_serves_the_next(world, server):
    daemon = world.client(server.port, workers=1)
    idle = daemon.fds()
    leaves = world.socks(daemon).start(DEST)
    wait_until(lambda: daemon.fds() == idle + 2, what="the application's connection and the session's")
    reset(leaves.sock)
    wait_until(lambda: daemon.fds() == idle + 1, what="the application has left")
    app, session, sid = fresh(world, server, daemon, world.socks(daemon).start(DEST))
    session.send(psh(sid, b"x"))
    assert app.recv(1) == b"x"
    assert server.pending(0.3) == 0


def test_newest_idle_session_is_taken_first(world, server):
    daemon = world.client(server.port, workers=1)
    parts = [fresh(world, server, daemon) for _ in range(3)]
    for app, session, sid in (parts[2], parts[0], parts[1]):
        finished(app, session, sid)
        session.sync()
    world.socks(daemon).start(DEST)
    assert parts[2][1].accept()[0] == 2


def test_pool_is_one_over_all_workers(world, server):
    daemon = world.client(server.port, workers=2)
    app, session, sid = first_stream(world, server, daemon)
    for _ in range(20):
        finished(app, session, sid)
        app, sid = next_stream(world, session, daemon)
    assert sid == 21 and server.pending(0.2) == 0


def test_fin_of_an_old_server_in_answer_to_ours_pools_the_session_once(world, server):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    session.send(psh(sid, b"x"), frame(FIN, sid), frame(FIN, sid))
    app.recv_all()
    app.close()
    session.sync()
    one, sid = next_stream(world, session, daemon)
    two, other, _ = fresh(world, server, daemon)
    other.send(psh(1, b"other"))
    session.send(psh(sid, b"this"))
    assert one.recv(4) == b"this" and two.recv(5) == b"other"


def test_session_with_an_aborted_download_does_not_disturb_the_next_stream(world, server):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    session.send(psh(sid, anytls.pattern(1 << 20)))
    app.recv(100)
    app.close()
    session.wait_end(5)                                 # what is still to come would be in the way
    app, session, sid = fresh(world, server, daemon)
    session.send(psh(sid, b"clean"))
    assert app.recv(5) == b"clean"


def test_reuse_switched_off(world, server):
    daemon = world.client(server.port, disable_session_reuse=True)
    for _ in range(3):
        app, session, sid = fresh(world, server, daemon)
        app.send(b"bye")
        assert session.read(sid, 3) == b"bye"
        session.send(psh(sid, b"answer"))
        assert app.recv(6) == b"answer"
        reset(app.sock)
        session.expect(FIN, sid, 5)
        assert session.wait_end(5) == "notify"


def test_reuse_switched_off_and_server_ends(world, server):
    daemon = world.client(server.port, disable_session_reuse=True)
    app, session, sid = fresh(world, server, daemon)
    session.send(psh(sid, b"all"), frame(FIN, sid))
    assert app.recv_all() == (b"all", "eof")
    session.wait_end(5)


def use(world, daemon, count):
    """So many streams at once, each used and then ended by its application."""
    apps = [world.socks(daemon).connect(DEST) for _ in range(count)]
    for app in apps:
        app.send(b"x")
        app.recv(1)
    for app in apps:
        reset(app.sock)


def stays(condition, seconds, what):
    """Asserts that something remains true for a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(0.05)


def test_idle_sessions_end_and_the_minimum_stays(world):
    server = world.auto()
    daemon = world.client(server.port, min_idle_session=1, **QUICK)
    use(world, daemon, 3)
    assert len(server.sessions) >= 3
    wait_until(lambda: len(server.live()) == 1, 10, "one session is left of three")
    total = len(server.sessions)
    stays(lambda: len(server.live()) == 1 and len(server.sessions) == total, 3, "the last one was not kept")


def test_idle_sessions_all_end_without_a_minimum(world, server):
    daemon = world.client(server.port, **QUICK)
    parts = [fresh(world, server, daemon) for _ in range(2)]
    for app, session, sid in parts:
        finished(app, session, sid)
    for _, session, _ in parts:
        session.wait_end()
    assert server.pending(0.5) == 0


def test_idle_session_in_use_is_not_ended(world, server):
    daemon = world.client(server.port, **QUICK)
    app, session, sid = first_stream(world, server, daemon)
    with pytest.raises(TimeoutError):
        session.wait_end(3.5)
    session.send(psh(sid, b"still open"))
    assert app.recv(10) == b"still open"


def test_minimum_is_opened_ahead_of_need_after_the_first_use(world):
    server = world.auto()
    daemon = world.client(server.port, min_idle_session=2, workers=2)
    stays(lambda: not server.sessions, 1, "a session was opened before the first use")
    app = world.socks(daemon).connect(DEST)
    wait_until(lambda: len(server.idle()) == 2, 10, "two idle sessions beside the one in use")
    stays(lambda: len(server.sessions) == 3, 1, "more than the minimum: it is meant over all workers")
    app.send(b"x")
    assert app.recv(1) == b"x"


def test_silent_session_fails_over_to_a_new_one(world, server):
    """Scenario 48: the server stopped answering on the session that is reused."""
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    finished(app, session, sid)
    start = time.monotonic()
    app = world.socks(daemon).start(DEST)
    app, other, sid = fresh(world, server, daemon, app)
    assert time.monotonic() - start < 8
    app.send(b"hello")
    assert other.read(sid, 5) == b"hello"
    other.send(psh(sid, b"there"))
    assert app.recv(5) == b"there"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_session_that_ended_while_idle_is_never_seen_by_the_user(world, server, how):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    finished(app, session, sid)
    getattr(session, how)()
    app, other, sid = fresh(world, server, daemon)
    other.send(psh(sid, b"fine"))
    assert app.recv(4) == b"fine"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_session_that_ends_on_the_next_syn_is_retried_once(world, server, how):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    finished(app, session, sid)
    app = world.socks(daemon).start(DEST)
    session.expect(anytls.SYN, 2)
    getattr(session, how)()
    app, other, sid = fresh(world, server, daemon, app)
    other.send(psh(sid, b"fine"))
    assert app.recv(4) == b"fine"


def test_stream_that_carries_data_is_not_killed_by_the_watchdog(world, server):
    daemon = world.client(server.port)
    app, session, sid = first_stream(world, server, daemon)
    finished(app, session, sid)
    app = world.socks(daemon).start(DEST)
    sid = session.accept()[0]
    session.send(psh(sid, b"x"))
    app.finish()
    time.sleep(3.5)
    session.send(psh(sid, b"y"))
    assert app.recv(2) == b"xy"


def test_warm_session_is_probed_and_kept(world):
    server = world.auto()
    daemon = world.client(server.port, min_idle_session=1, **QUICK)
    use(world, daemon, 1)
    wait_until(lambda: len(server.live()) == 1 and server.live()[0].beats >= 2, 25, "two heartbeats")
    total = len(server.sessions)
    use(world, daemon, 1)
    assert len(server.sessions) <= total + 1


def leave_one_warm(world, server, daemon):
    """While a session is in use another one is made ahead; that only one is left later means that none is to come."""
    app = world.socks(daemon).connect(DEST)
    app.send(b"x")
    app.recv(1)
    wait_until(lambda: len(server.idle()) == 1, 10, "a session ahead of need")
    reset(app.sock)
    wait_until(lambda: len(server.live()) == 1, 10, "one warm session")


def test_warm_session_that_does_not_answer_is_replaced(world):
    server = world.auto()
    daemon = world.client(server.port, min_idle_session=1, **QUICK)
    leave_one_warm(world, server, daemon)
    dead = list(server.sessions)
    for one in dead:
        one.mute = True
    wait_until(lambda: all(one.ended for one in dead), 25, "the dead warm session was dropped")
    wait_until(server.live, 10, "a new one took its place")
    use(world, daemon, 1)


def test_warm_session_of_a_v1_server_is_not_dropped_for_silence(world):
    server = world.auto(v="1")
    daemon = world.client(server.port, min_idle_session=1, **QUICK)
    leave_one_warm(world, server, daemon)
    total = len(server.sessions)
    stays(lambda: len(server.live()) == 1 and len(server.sessions) == total, 8, "dropped: v1 servers never answer")


def test_many_applications_at_once(world):
    server = world.auto()
    daemon = world.client(server.port)
    apps = [world.socks(daemon).connect(DEST) for _ in range(60)]
    for i, app in enumerate(apps):
        app.send(anytls.pattern(5000, i))
    for i, app in enumerate(apps):
        assert app.recv(5000) == anytls.pattern(5000, i)
    wait_until(lambda: len(server.sessions) == 60, 10, "each on a session of its own")
