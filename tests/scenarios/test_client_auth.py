# SPDX-License-Identifier: GPL-2.0-or-later
"""A client whose server refuses it: hints, back-off, alerts (scenarios 52, 54)."""

import hashlib
import re
import time

from anytls import ALERT, SYNACK, frame
from socks import Socks
from test_client_streams import DEST, first_stream


def failed(app):
    """Waits for the refusal of a request, whatever its form."""
    try:
        assert app.reply()[0] != 0 or app.recv_all()[1] == "reset"
    except (AssertionError, ConnectionResetError):
        pass
    app.close()


def refuse(server):
    """Takes one session and closes it as a server does that does not know the password."""
    session = server.accept()
    session.close()
    return session


def test_password_is_sent_as_its_hash(world):
    server = world.scripted()
    world.socks(world.client(server.port, password="пароль")).start(DEST)
    session = world.keep(server.accept())
    assert session.hash == hashlib.sha256("пароль".encode()).digest()
    assert session.hash.hex() == "2dbc574daca52689a24fb60e835f8c19a36400830df7350859dd32d1abaaec5d"


def test_preamble_leaves_before_any_byte_of_the_server_in_one_record(world):
    server = world.scripted()
    world.socks(world.client(server.port)).start(DEST)
    session = world.keep(server.accept())
    assert session.records == [64]


def test_close_after_the_preamble_hints_at_the_password_and_never_shows_it(world):
    server = world.scripted()
    daemon = world.client(server.port, password="correct-horse-battery")
    app = world.socks(daemon).start(DEST)
    refuse(server)
    daemon.wait_log("password")
    assert "correct-horse-battery" not in daemon.log()
    server.close()
    failed(app)


def test_an_answer_in_http_hints_at_the_password_and_is_no_invitation_to_redial(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app = world.socks(daemon).start(DEST)
    session = world.keep(server.accept())
    session.conn.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    daemon.wait_log("password")
    session.wait_end(5)
    for _ in range(5):
        failed(world.socks(daemon).start(DEST))
    assert server.pending(0.3) == 0
    failed(app)


def test_requests_after_a_refusal_do_not_become_a_storm(world):
    server = world.scripted()
    daemon = world.client(server.port)
    first = world.socks(daemon).start(DEST)
    refuse(server)
    apps = [world.socks(daemon).start(DEST) for _ in range(20)]
    assert server.pending(3) <= 6
    server.close()
    for app in [first, *apps]:
        failed(app)


def test_back_off_ends_and_a_repaired_server_is_used_again(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app = world.socks(daemon).start(DEST)
    refuse(server)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        app = world.socks(daemon).start(DEST)
        try:
            session = world.keep(server.accept(1))
            session.hello()
            session.accepted()
            app.finish()
            return
        except (TimeoutError, AssertionError, OSError):
            app.close()
    raise AssertionError("no request got through within 20 s after one refusal")


def test_a_minimum_of_sessions_does_not_redial_a_refusing_server_tightly(world):
    server = world.scripted()
    daemon = world.client(server.port, min_idle_session=3, idle_session_check_interval="1s")
    app = world.socks(daemon).start(DEST)
    refuse(server)
    assert server.pending(4) <= 6
    server.close()
    failed(app)


def test_alert_text_is_shown_and_made_harmless(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app, session, _ = first_stream(world, server, daemon)
    session.send(frame(ALERT, 0, "update your client ü\nerror forged\x1b[31m\x9b".encode("latin-1")))
    session.close()
    assert app.recv_all()[1] == "reset"
    daemon.wait_log("update your client")
    assert not any(line.startswith("error forged") for line in daemon.log().splitlines())
    assert b"\x1b" not in daemon.log_path.read_bytes()
    assert server.pending(1) == 0, "redialled though nobody asked for anything"


def test_long_alert_is_cut_in_the_log(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app, session, _ = first_stream(world, server, daemon)
    size = len(daemon.log())
    session.send(frame(ALERT, 0, b"A" * 65535))
    app.recv_all()
    daemon.wait_log("AAAA")
    assert len(daemon.log()) - size < 8000


def test_alerts_with_a_minimum_of_sessions_do_not_become_a_storm(world):
    server = world.scripted()
    daemon = world.client(server.port, min_idle_session=2, idle_session_check_interval="1s")
    world.socks(daemon).start(DEST)
    count, deadline = 0, time.monotonic() + 4
    while time.monotonic() < deadline:
        try:
            session = server.accept(0.5)
            session.hello()
            session.send(frame(ALERT, 0, b"client too old"))
            session.close()
            count += 1
        except (TimeoutError, OSError, AssertionError):
            continue
    assert 1 <= count <= 8


def test_refused_server_is_reported_to_the_application_quickly(world):
    host, port = world.refused()
    daemon = world.client(port)
    app = world.socks(daemon).start(DEST)
    start = time.monotonic()
    failed(app)
    assert time.monotonic() - start < 8
    assert re.search(rf"{host}:{port}|refused", daemon.log(), re.I)


def test_server_that_never_answers_the_handshake_does_not_hold_the_application_forever(world):
    server = world.scripted()
    daemon = world.client(server.port, connect_timeout="2s", limits={"handshake_timeout": "2s"})
    app = world.socks(daemon).start(DEST)
    world.keep(server.accept_raw())
    start = time.monotonic()
    failed(app)
    assert time.monotonic() - start < 10


def test_server_that_is_no_tls_server(world):
    server = world.scripted()
    daemon = world.client(server.port)
    app = world.socks(daemon).start(DEST)
    raw = server.accept_raw()
    raw.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    raw.close()
    server.close()
    failed(app)


def test_application_that_gives_up_early_does_no_harm(world):
    server = world.scripted()
    daemon = world.client(server.port)
    for _ in range(3):
        app = Socks(daemon.port).start(DEST)
        session = world.keep(server.accept())
        session.hello()
        sid = session.accept()[0]
        app.close()
        session.send(frame(SYNACK, sid))
        session.close()
