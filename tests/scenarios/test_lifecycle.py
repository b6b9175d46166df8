# SPDX-License-Identifier: GPL-2.0-or-later
"""Start, stop, restart: ports, signals, readiness, privileges."""

import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import anytls
from anytls import frame, psh
from daemon import PROGRAM, wait_until
from socks import Socks


def test_sigterm_exits_0(world):
    daemon = world.server()
    assert daemon.terminate() == 0


def test_sigint_exits_0(world):
    daemon = world.server()
    daemon.process.send_signal(signal.SIGINT)
    assert daemon.process.wait(10) == 0


def test_sigterm_drains_a_transfer(world):
    daemon, listener = world.server(), world.listener()
    peer = world.login(daemon)
    peer.opened(1, listener.dest)
    conn, data = listener.accept(), anytls.pattern(4 << 20)
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert daemon.process.poll() is None, "exited with a stream open"
    sender = threading.Thread(target=lambda: (conn.sendall(data), conn.close()))
    sender.start()
    assert peer.read(1, len(data)) == data
    peer.expect(anytls.FIN, 1)
    sender.join(10)
    peer.close()
    assert daemon.process.wait(10) == 0


def test_sigterm_stops_listening_at_once(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    daemon.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            socket.create_connection(("127.0.0.1", daemon.port), 1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:        # it was still in the queue of the listener that closed
            return False
        return False
    wait_until(refused, 8, "the port is closed while the session drains")
    peer.echo(1, b"still served")


def test_drain_has_a_limit(world):
    daemon, echo = world.server(limits={"drain_timeout": "1s"}), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    start = time.monotonic()
    assert daemon.terminate(10) == 0
    assert 0.7 < time.monotonic() - start < 8
    peer.wait_end(3)


def test_drain_of_a_client(world):
    near, echo = world.client(world.server().port), world.echo()
    app = world.socks(near).connect(echo.dest)
    near.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    data = anytls.pattern(100000)
    sender = threading.Thread(target=app.send, args=(data,))
    sender.start()
    assert app.recv(len(data)) == data
    sender.join(10)
    app.close()
    assert near.process.wait(15) == 0


def test_idle_sessions_do_not_hold_up_the_exit(world):
    near = world.client(world.server().port)
    app = world.socks(near).connect(world.source(b"x").dest)
    assert app.recv_all() == (b"x", "eof")
    start = time.monotonic()
    assert near.terminate() == 0
    assert world.daemons[0].terminate() == 0
    assert time.monotonic() - start < 8


@pytest.mark.parametrize("kind", ["anytls", "socks"])
def test_port_in_use_is_named(world, kind):
    port = world.port()
    world.keep(socket.create_server(("127.0.0.1", port)))
    inbound = world.anytls_in(listen_port=port) if kind == "anytls" else {
        "type": "socks", "tag": "s", "listen": "127.0.0.1", "listen_port": port}
    daemon = world.start({"inbounds": [inbound]}, ready=False)
    assert daemon.process.wait(10) > 0
    daemon.expected_exit = None
    assert str(port) in daemon.log() and re.search("in use", daemon.log(), re.I)


def test_second_daemon_on_the_same_port_is_refused(world):
    daemon = world.server()
    inbound = world.anytls_in(listen_port=daemon.port)
    second = world.start({"inbounds": [inbound]}, ready=False)
    assert second.process.wait(10) > 0
    second.expected_exit = None
    assert str(daemon.port) in second.log()


def test_same_ports_bind_at_once_after_kill_9(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"x")
    daemon.kill()
    again = world.start({"inbounds": [world.anytls_in(listen_port=daemon.port)]})
    again.port = daemon.port
    peer = world.login(again)
    peer.opened(1, echo.dest)
    peer.echo(1, b"y")


def test_client_survives_the_restart_of_its_server(world):
    far, echo = world.server(), world.echo()
    near = world.client(far.port)
    app = world.socks(near).connect(echo.dest)
    app.send(b"x")
    app.recv(1)
    app.close()
    far.kill()
    world.start({"inbounds": [world.anytls_in(listen_port=far.port)]})
    app = world.socks(near).connect(echo.dest)
    app.send(b"y")
    assert app.recv(1) == b"y"


def test_readiness_is_told_to_the_service_manager(world):
    path = str(world.folder / "notify")
    sock = world.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    sock.bind(path)
    sock.settimeout(10)
    config = {"inbounds": [world.anytls_in()]}
    world.start(config, env={"NOTIFY_SOCKET": path})
    assert b"READY=1" in sock.recv(4096)


def test_drops_to_a_user(world):
    if os.geteuid() != 0:
        pytest.skip("not root")
    os.chmod(world.cert.key, 0o600)
    user = pwd.getpwnam("nobody")
    daemon = world.start({"user": "nobody", "inbounds": [world.anytls_in()]})
    daemon.wait_log("is ready")                 # the port listens before that
    status = open(f"/proc/{daemon.pid}/status", encoding="ascii").read()
    assert re.search(r"Uid:\s+(\d+)\s+(\d+)\s+(\d+)", status).groups() == (str(user.pw_uid),) * 3
    assert re.search(r"Gid:\s+(\d+)\s+(\d+)\s+(\d+)", status).groups() == (str(user.pw_gid),) * 3
    assert re.search(r"CapEff:\s+0+\n", status) and "NoNewPrivs:\t1" in status
    daemon.port = daemon.ports[0]
    echo, peer = world.echo(), world.login(daemon)
    peer.opened(1, echo.dest)


def test_unknown_user_is_an_error(world):
    daemon = world.start({"user": "no-such-user-here", "inbounds": [world.anytls_in()]}, ready=False)
    assert daemon.process.wait(10) > 0
    daemon.expected_exit = None
    assert "no-such-user-here" in daemon.log()


def test_sigpipe_and_sighup_do_not_end_it(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    for number in (signal.SIGPIPE, signal.SIGHUP):
        daemon.process.send_signal(number)
    time.sleep(0.2)
    peer.echo(1, b"alive")


def test_version_and_bad_usage(world):
    shown = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, timeout=10)
    assert shown.returncode == 0 and re.search(r"\d+\.\d+", shown.stdout)
    for args in ([], ["no-such-command"], ["run", "-c", str(world.folder / "missing.json")]):
        wrong = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=10)
        assert wrong.returncode > 0 and wrong.stderr


def test_neither_passwords_nor_payload_are_logged(world):
    far = world.server(users=[{"name": "alice", "password": "tr0ub4dor"}])
    near, echo = world.client(far.port, password="tr0ub4dor"), world.echo()
    app = Socks(near.port).connect(echo.dest)
    app.send(b"confidential payload")
    app.recv(20)
    app.close()
    far.wait_log("alice")
    for daemon in world.daemons:
        assert "tr0ub4dor" not in daemon.log() and "confidential" not in daemon.log()
        assert anytls.preamble("tr0ub4dor")[:6].hex() not in daemon.log().lower()


def test_secrets_are_not_dumped(world):
    """A process that is not dumpable has /proc files that belong to root; its core limit is 0."""
    daemon = world.server()
    limits = open(f"/proc/{daemon.pid}/limits", encoding="ascii").read()
    maps = open(f"/proc/{daemon.pid}/smaps", encoding="ascii").read() if os.geteuid() == 0 else "dd"
    no_core = re.search(r"Max core file size\s+0\s+0\s", limits)
    assert no_core or re.search(r"VmFlags:.*\bdd\b", maps)


def test_quiet_log_has_no_peer_noise(world):
    config = {"log": {"level": "error"}, "inbounds": [world.anytls_in()]}
    daemon = world.start(config)
    daemon.port = daemon.ports[0]
    peer = world.dial(daemon)
    peer.send(anytls.preamble("wrong"))
    peer.wait_end(5)
    world.login(daemon).send(frame(77, 0, b"x"), psh(9, b"x"))
    assert daemon.log() == ""
