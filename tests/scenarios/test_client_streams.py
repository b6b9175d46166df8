# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams of a client against a scripted server (scenarios 45-50, 53, 56, 57)."""

import threading
import time

import pytest

import anytls
from anytls import (FIN, HEART, HEART_REPLY, PSH, SETTINGS, SYN, SYNACK, WASTE, frame, psh)
from targets import reset

DEST = ("127.0.0.1", 80)


@pytest.fixture
def server(world):
    return world.scripted()


@pytest.fixture
def daemon(world, server):
    return world.client(server.port)


def first_stream(world, server, daemon, dest=DEST, v="2"):
    """(application, session, id) with the first stream of a session open."""
    app = world.socks(daemon).start(dest)
    session = world.keep(server.accept())
    session.hello(v)
    sid = session.accept()[0]
    if v == "2":
        session.send(frame(SYNACK, sid))
    return app.finish(), session, sid


def next_stream(world, session, daemon, dest=DEST, synack=True):
    app = world.socks(daemon).start(dest)
    sid = session.accept()[0]
    if synack:
        session.send(frame(SYNACK, sid))
    return app.finish(), sid


def test_first_write_is_settings_syn_and_address(world, server, daemon):
    app = world.socks(daemon).start(("example.com", 443))
    session = world.keep(server.accept())
    keys = session.hello()
    assert set(keys) == {"v", "client", "padding-md5"}
    assert keys["v"] == "2" and keys["padding-md5"] == anytls.DEFAULT_MD5
    assert session.expect(SYN).sid == 1
    assert session.expect(PSH, 1).data == b"\x03\x0bexample.com\x01\xbb", "the whole address in one frame"
    session.send(frame(SYNACK, 1))
    app.finish()


def test_client_metadata_is_what_the_configuration_says(world, server):
    daemon = world.client(server.port, client_metadata="")
    world.socks(daemon).start(DEST)
    assert world.keep(server.accept()).hello()["client"] == ""


@pytest.mark.parametrize("dest", [DEST, ("2001:db8::1", 443), ("name.test", 65535), ("x" * 255, 1)])
def test_destination_is_passed_on(world, server, daemon, dest):
    world.socks(daemon).start(dest)
    session = world.keep(server.accept())
    session.hello()
    assert session.accept()[1:] == dest


def test_v1_server_never_sends_synack_and_reuse_works(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon, v="1")
    for want in range(1, 21):
        assert sid == want
        app.send(b"ping")
        assert session.read(sid, 4) == b"ping"
        session.send(psh(sid, b"pong"), frame(FIN, sid))
        assert app.recv(4) == b"pong" and app.recv_all() == (b"", "eof")
        app.close()
        if want < 20:
            app, sid = next_stream(world, session, daemon, synack=False)
    assert server.pending(0.2) == 0


def test_v2_server_without_synack_keeps_its_streams(world, server, daemon):
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(FIN, 1))
    app.recv_all()
    app = world.socks(daemon).start(DEST)
    sid = session.accept()[0]
    session.send(psh(sid, b"data in place of SYNACK"))
    assert app.finish().recv(23) == b"data in place of SYNACK"
    with pytest.raises(TimeoutError):
        session.wait_end(3.5)
    session.send(psh(sid, b"more"))
    assert app.recv(4) == b"more"


def test_refusal_of_the_server_reaches_the_application(world, server, daemon):
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(FIN, 1))
    app.recv_all()
    app = world.socks(daemon).start(DEST)
    sid = session.accept()[0]
    session.send(frame(SYNACK, sid, b"connection refused\n\x1b[31mforged"), frame(FIN, sid))
    try:
        code = app.reply()[0]
    except (AssertionError, ConnectionResetError):
        code = None
    if code == 0:
        assert app.recv_all()[1] == "reset", "success was reported early, so failure must not look like an end"
    assert b"\x1b" not in daemon.log_path.read_bytes()
    app, sid = next_stream(world, session, daemon)
    app.send(b"ok")
    assert session.read(sid, 2) == b"ok"


def test_refusal_without_fin_is_answered_with_fin(world, server, daemon):
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(SYNACK, 1, b"changed my mind"))
    session.expect(FIN, 1)
    assert app.recv_all() == (b"", "reset")


def test_late_data_of_a_finished_stream_is_dropped(world, server, daemon):
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(FIN, 1))
    app.recv_all()
    app, sid = next_stream(world, session, daemon)
    session.send(psh(1, anytls.pattern(100000)), frame(FIN, 1), psh(sid, b"clean"), psh(1, b"x"), frame(FIN, sid))
    assert app.recv_all() == (b"clean", "eof")


def test_everything_before_fin_is_delivered_to_a_slow_application(world, server, daemon):
    app = world.socks(daemon, rcvbuf=8192).start(DEST)
    session = world.keep(server.accept())
    session.hello()
    session.accepted()
    app.finish()
    data = anytls.pattern(3 << 20)
    sender = threading.Thread(target=session.send, args=(psh(1, data), frame(FIN, 1)))
    sender.start()
    time.sleep(0.5)
    assert app.recv_all() == (data, "eof")
    sender.join(20)


def test_server_that_takes_nothing_for_long_acknowledges(world, server):
    daemon = world.client(server.port, limits={"ack_timeout": "1s"})
    app, session, sid = first_stream(world, server, daemon)
    data = anytls.pattern(40 << 20)                 # more than the buffers on the way
    sender = threading.Thread(target=app.send, args=(data,))
    sender.start()
    time.sleep(3)                                   # is what this is about: the server's window is closed
    assert sender.is_alive() and session.read(sid, len(data), 60) == data
    sender.join(20)


def test_padding_from_the_server_is_ignored(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    for size in (0, 1, 65535, 7):
        session.send(frame(WASTE, 0, bytes(size)), psh(sid, b"ab"), frame(WASTE, size, bytes(size)))
    assert app.recv(8) == b"abababab"


def test_strange_frames_from_the_server_are_ignored(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    session.send(frame(SYN, 9), frame(SETTINGS, 0, b"v=2"), frame(PSH, sid), frame(77, sid, b"12345"), frame(FIN, 99),
                 frame(PSH, 99, b"x"), frame(SYNACK, 99, b"error"), frame(SYNACK, sid), frame(255), psh(sid, b"ok"))
    assert app.recv(2) == b"ok"
    assert not any(one.cmd == FIN for one in session.sync())


def test_heartbeat_of_the_server_is_answered_with_its_id(world, server, daemon):
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(HEART, 7), frame(HEART))
    assert [session.expect(HEART_REPLY).sid for _ in range(2)] == [7, 0]
    app.close()


def test_frames_cut_at_every_place(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    data = psh(sid, b"hello") + frame(WASTE, 0, b"xx") + psh(sid, b"world")
    session.send_each(*(data[i:i + 1] for i in range(len(data))))
    assert app.recv(10) == b"helloworld"


def test_half_close_of_the_application_does_not_end_the_download(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    app.send(b"GET")
    app.shutdown()
    assert session.read(sid, 3) == b"GET"
    data = anytls.pattern(5 << 20)
    sender = threading.Thread(target=lambda: (session.send(psh(sid, data[:1 << 20])), time.sleep(1),
                                              session.send(psh(sid, data[1 << 20:]), frame(FIN, sid))))
    sender.start()
    got = app.recv_all()
    sender.join(20)
    assert (len(got[0]), got[1]) == (len(data), "eof")
    assert got[0] == data


def test_half_close_behind_the_first_bytes_of_the_answer_does_not_end_the_download(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    app.send(b"GET")
    assert session.read(sid, 3) == b"GET"
    session.send(psh(sid, b"header"))
    assert app.recv(6) == b"header"
    app.shutdown()
    data = anytls.pattern(1 << 20)
    time.sleep(0.3)
    session.send(psh(sid, data), frame(FIN, sid))
    got = app.recv_all()
    assert (len(got[0]), got[1]) == (len(data), "eof")


def test_one_large_local_write_becomes_frames_of_at_most_65535(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    data = anytls.pattern(512 << 10)
    sender = threading.Thread(target=app.send, args=(data,))
    sender.start()
    assert session.read(sid, len(data)) == data
    sender.join(20)
    session.send(psh(sid, data))
    assert app.recv(len(data)) == data


def test_upload_and_download_at_once(world):
    app = world.socks(world.client(world.auto().port)).connect(DEST)
    data = anytls.pattern(8 << 20)
    sender = threading.Thread(target=app.send, args=(data,))
    sender.start()
    assert app.recv(len(data), 40) == data
    sender.join(20)


def test_application_end_sends_fin_once_nothing_more_can_come(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    app.send(b"bye")
    app.close()
    assert session.read(sid, 3) == b"bye"
    session.send(psh(sid, b"nobody reads this"))
    session.expect(FIN, sid, 15)


def test_ends_that_follow_each_other_closely_are_told_together(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    ended, start = [], time.monotonic()
    for _ in range(8):
        app.send(b"q")
        assert session.read(sid, 1) == b"q"
        session.send(psh(sid, b"a"))
        assert app.recv(1) == b"a"
        app.close()
        ended.append(sid)
        time.sleep(0.05)
        app, sid = next_stream(world, session, daemon)
    between, told = int((time.monotonic() - start) / 0.25) + 1, []
    for sid in ended:
        session.expect(FIN, sid)
        told.append(time.monotonic())
    pauses = sum(later - earlier > 0.03 for earlier, later in zip(told, told[1:]))
    assert pauses <= between + 2, "at the end of a quarter of a second each; two may be of who looks at the clock"


def test_application_reset_after_an_answer_ends_the_stream_at_once(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    session.send(psh(sid, b"answer"))
    assert app.recv(6) == b"answer"
    reset(app.sock)
    session.wait_over(sid, 3)


def test_application_reset_in_the_middle_is_no_clean_end_for_the_server(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    app.send(b"half of an upload")
    session.read(sid, 17)
    reset(app.sock)
    session.wait_end(3)
    assert not any(one.cmd == FIN for one in session.inbox)


@pytest.mark.parametrize("how", ["reset", "eof", "alert", "notify", "garbage"])
def test_death_of_the_session_resets_the_application(world, server, daemon, how):
    app, session, sid = first_stream(world, server, daemon)
    session.send(psh(sid, b"half of it"))
    assert app.recv(10) == b"half of it"
    if how == "reset":
        session.reset()
    elif how == "alert":
        session.send(frame(anytls.ALERT, 0, b"server is full"))
    elif how == "notify":
        session.conn.close_notify()
        session.close()
    elif how == "garbage":
        session.conn.send_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
    else:
        session.close()
    assert app.recv_all() == (b"", "reset")


def test_clean_fin_is_a_clean_end(world, server, daemon):
    app, session, sid = first_stream(world, server, daemon)
    session.send(psh(sid, b"all of it"), frame(FIN, sid))
    assert app.recv_all() == (b"all of it", "eof")


def test_application_that_does_not_read_holds_the_server_back(world, server, daemon):
    app = world.socks(daemon, rcvbuf=8192).start(DEST)
    session = world.keep(server.accept())
    session.hello()
    session.accepted()
    app.finish()
    before, sent = daemon.rss_kib(), 0
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            for _ in range(64):
                session.conn.obj.write(frame(PSH, 1, bytes(16377)))
            session.conn.send_raw(session.conn.outgoing.read(), 2)
            sent += 64 * 16377
    assert sent < 64 << 20
    assert daemon.rss_kib() - before < 32 << 10
