# SPDX-License-Identifier: GPL-2.0-or-later
"""What anytlsctl and bpftool see of a daemon: sessions, streams, life and death; and its switch."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

import anytls
from anytls import psh
from daemon import PROGRAM, wait_until

CTL = str(pathlib.Path(PROGRAM).with_name("anytlsctl"))
OK, PROBLEM, USAGE, DEAD = range(4)


def run(*args, env=None):
    return subprocess.run([CTL, *args], capture_output=True, text=True, timeout=20, env=env)


def folder(daemon):
    return daemon.wait_log(r"\[state\] shown in ([^,\s]+)")[1]


def ctl(daemon, *args, status=OK):
    done = run(*args, "-d", folder(daemon))
    assert done.returncode == status, done.stderr
    assert "Sanitizer" not in done.stderr
    return done


def read(daemon, command, status=OK):
    return json.loads(ctl(daemon, command, "-j", status=status).stdout)


def sessions(daemon):
    return read(daemon, "sessions")["sessions"]


def streams(daemon):
    return read(daemon, "streams")["streams"]


def wait_copied(daemon, size):
    """Until its one stream shows that so many bytes went each way: they are noted after they were sent."""
    def copied():
        [stream] = streams(daemon)
        return stream["copied_up"] == stream["copied_down"] == size
    wait_until(copied, 5, f"{size} bytes are shown")


def test_session_and_stream_of_a_server(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"x" * 1000)
    wait_copied(daemon, 1000)
    wait_until(lambda: min(sessions(daemon)[0][way] for way in ("bytes_in", "bytes_out")) >= 1000, 5, "the session's")
    [session], [stream] = sessions(daemon), streams(daemon)
    assert session["role"] == "server" and session["user"] == "alice" and session["bound"] == "in"
    assert session["peer"] == re.search(r"session of alice from (\S+) on in", daemon.log())[1]
    assert session["wire_in"] == session["wire_out"] == "records"
    assert session["cipher"].startswith("TLS_") and session["engine"] == "copy"
    assert session["streams_now"] == session["streams_ever"] == 1
    assert re.search(rf"\[{session['tag']}\] session of alice", daemon.log())
    assert stream["session"] == session["tag"] and stream["id"] == 1 and stream["source"] == session["peer"]
    assert stream["destination"] == "127.0.0.1:%d" % echo.dest[1]
    assert stream["copied_up"] == stream["copied_down"] == 1000
    assert stream["engine"] == "copy" and stream["queued"] == 0


def test_what_ends_is_gone(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    for number in (1, 2):
        peer.opened(number, echo.dest)
    assert len(streams(daemon)) == 2
    peer.send(anytls.frame(anytls.FIN, 2))
    wait_until(lambda: [s["id"] for s in streams(daemon)] == [1], 5, "the second stream is gone")
    wait_until(lambda: [s["streams_now"] for s in sessions(daemon)] == [1], 5, "the session has one stream")
    assert sessions(daemon)[0]["streams_ever"] == 2
    peer.close()
    wait_until(lambda: sessions(daemon) == [] and streams(daemon) == [], 5, "all is gone")
    raw = b"".join((pathlib.Path(folder(daemon)) / name).read_bytes() for name in ("sessions", "streams"))
    assert b"alice" not in raw and b"127.0.0.1" not in raw


def test_session_and_stream_of_a_client(world):
    far, echo = world.server(), world.echo()
    near = world.client(far.port)
    app = world.socks(near).connect(echo.dest)
    app.send(b"y" * 500)
    assert app.recv(500)
    wait_copied(near, 500)
    [session], [stream] = sessions(near), streams(near)
    assert session["role"] == "client" and session["peer"] == f"127.0.0.1:{far.port}"
    assert session["bound"] == "out" and session["user"] == ""
    assert stream["source"] == "%s:%d" % app.sock.getsockname()
    assert stream["copied_up"] == stream["copied_down"] == 500
    assert stream["destination"] == streams(far)[0]["destination"] == "127.0.0.1:%d" % echo.dest[1]


def test_plain_wire_and_tls_1_2(world):
    plain = world.server(tls=False)
    world.login(plain, tls=False)
    [session] = wait_until(lambda: sessions(plain), 5, "a session")
    assert session["wire_in"] == "plain" and session["cipher"] == ""
    old = world.server(tls={"enabled": True, "certificate_path": world.cert.cert, "key_path": world.cert.key,
                            "max_version": "1.2"})
    world.login(old)
    [session] = wait_until(lambda: sessions(old), 5, "a session")
    assert session["wire_out"] == "ssl" and "ECDHE" in session["cipher"]


def test_queue_of_a_slow_destination(world):
    daemon, sink = world.server(), world.listener()
    peer = world.login(daemon)
    peer.opened(1, sink.dest)
    conn = sink.accept()
    data = anytls.pattern(16384)
    sent = 0
    while not (streams(daemon)[0]["queued"]) and sent < 64 << 20:
        for _ in range(16):
            peer.send(psh(1, data))
            sent += len(data)

    def the_same():
        [stream], [session] = streams(daemon), sessions(daemon)
        return session["queued"] == stream["queued"] > 0
    wait_until(the_same, 5, "what waits for the one stream is all that waits for the session")
    got = 0
    while got < sent:
        got += len(conn.recv(1 << 20))
    wait_until(lambda: streams(daemon)[0]["queued"] == 0, 5, "the queue is empty")
    wait_until(lambda: streams(daemon)[0]["copied_up"] == sent, 5, "all is counted")


def test_counters_are_at_most_a_second_old(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"x" * 700)

    def counted():
        counters = read(daemon, "status")["counters"]
        return (counters["sessions"], counters["streams"], counters["bytes_copied_up"],
                counters["bytes_copied_down"]) == (1, 1, 700, 700)
    wait_until(counted, 3, "the counters")
    status = read(daemon, "status")
    assert status["now"]["server_sessions"] == status["now"]["streams"] == 1
    assert status["now"]["connections"] == 1 and status["now"]["busy"] >= 1
    assert status["daemon"]["live"] and status["daemon"]["pid"] == daemon.pid


def test_tables_for_people(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    head, row = ctl(daemon, "sessions").stdout.splitlines()
    assert head.split()[:4] == ["TAG", "ROLE", "USER", "PEER"] and "alice" in row
    head, row = ctl(daemon, "streams").stdout.splitlines()
    assert head.split()[:3] == ["STREAM", "SOURCE", "DESTINATION"] and "127.0.0.1:%d" % echo.dest[1] in row
    text = ctl(daemon, "status").stdout
    assert f"pid {daemon.pid}" in text and re.search(r"sessions +1 as a server", text)


def test_hostile_destination_is_escaped(world):
    daemon = world.server()
    peer = world.login(daemon)
    name = "\x1b]0;x\x07\u009b\u202e\\a.test"
    peer.open(1, (name, 80))
    line = wait_until(lambda: [row for row in ctl(daemon, "streams").stdout.splitlines() if ".test" in row]
                      or re.search(r"\.test:80", daemon.log()), 5, "the stream")
    if isinstance(line, list):
        assert not re.search(r"[\x00-\x1f\x7f\x80-\x9f\u202e]", line[0])
        assert r"\x1b]0;x\x07\xc2\x9b\xe2\x80\xae\\a.test:80" in line[0]
    assert re.fullmatch(r"[\x20-\x7e\n]*", ctl(daemon, "streams", "-j").stdout)


def test_more_than_there_are_slots(world):
    daemon = world.start({"inbounds": [world.anytls_in()], "workers": 1, "state": {"sessions": 2, "streams": 1}})
    daemon.port = daemon.ports[0]
    echo = world.echo()
    peers = [world.login(daemon) for _ in range(3)]
    for peer in peers:
        peer.opened(1, echo.dest)
        peer.echo(1, b"works")
    assert len(sessions(daemon)) == 2 and len(streams(daemon)) == 1

    def counted():
        counters = read(daemon, "status")["counters"]
        return (counters["sessions_not_shown"], counters["streams_not_shown"]) == (1, 2)
    wait_until(counted, 3, "what is not shown is counted")


def test_clean_end_leaves_nothing(world):
    daemon = world.server()
    world.login(daemon)
    where = folder(daemon)
    assert daemon.terminate() == 0
    assert not os.path.exists(where)
    done = run("status", "-d", where)
    assert done.returncode == DEAD and "no daemon" in done.stderr


def test_crash_leaves_what_was_there_until_the_next_start(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"z" * 300)
    wait_copied(daemon, 300)
    pid, where = daemon.pid, folder(daemon)
    daemon.kill()
    done = ctl(daemon, "streams", "-j", status=DEAD)
    answer = json.loads(done.stdout)
    assert not answer["daemon"]["live"] and answer["streams"][0]["copied_up"] == 300
    assert f"process {pid}" in done.stderr
    assert "dead after" in ctl(daemon, "status", status=DEAD).stdout
    assert "no daemon takes commands" in ctl(daemon, "ktls", "off", status=DEAD).stderr
    again = world.start({"inbounds": [world.anytls_in()], "state": {"directory": where}})
    assert folder(again) == where
    assert sessions(again) == [] and read(again, "status")["daemon"]["pid"] == again.pid


def test_name_that_is_taken(world):
    first = world.server()
    second = world.start({"inbounds": [world.anytls_in()], "state": {"directory": folder(first)}})
    assert folder(second) == f"{folder(first)}-{second.pid}"
    assert read(first, "status")["daemon"]["pid"] == first.pid
    assert read(second, "status")["daemon"]["pid"] == second.pid


def test_drain_is_shown(world):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: read(daemon, "status")["now"]["draining"], 3, "draining is shown")
    peer.close()
    assert daemon.process.wait(10) == 0


def test_switch_for_kernel_tls(world):
    daemon = world.server()
    assert read(daemon, "status")["now"]["kernel_tls"]
    assert "keep away" in ctl(daemon, "ktls", "off").stdout
    wait_until(lambda: not read(daemon, "status")["now"]["kernel_tls"], 3, "it is off")
    ctl(daemon, "ktls", "on")
    wait_until(lambda: read(daemon, "status")["now"]["kernel_tls"], 3, "it is on")
    assert "kernel TLS is off for new sessions" in daemon.log()


def test_folder_socket_and_files_are_the_owners_alone(world):
    where = pathlib.Path(folder(world.server()))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [where, *where.iterdir()]}
    assert modes.pop(where.name) == 0o700
    assert modes.pop("control.sock") == 0o600
    assert modes == {"header": 0o600, "workers": 0o600, "sessions": 0o600, "streams": 0o600}


def test_other_users_are_refused(world):
    if os.geteuid() != 0:
        pytest.skip("not root")
    daemon = world.server()
    for path in [world.folder, *world.folder.parents][:4]:
        os.chmod(path, 0o755)
    os.chmod(folder(daemon), 0o755)
    os.chmod(folder(daemon) + "/control.sock", 0o666)
    script = (f"import socket; s = socket.socket(socket.AF_UNIX); "
              f"s.connect('{os.path.relpath(folder(daemon))}/control.sock'); print(s.recv(100).decode())")
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/python3",
                           "-c", script], capture_output=True, text=True, timeout=10)
    assert done.stdout.strip() == "error only root and the daemon's user may", done.stderr


def test_dropped_user_clears_its_folder(world):
    if os.geteuid() != 0:
        pytest.skip("not root")
    daemon = world.start({"user": "nobody", "inbounds": [world.anytls_in()]})
    daemon.wait_log("is ready")
    where = folder(daemon)
    assert sorted(os.listdir(where)) == ["control.sock", "header", "sessions", "streams", "workers"]
    ctl(daemon, "ktls", "off")
    assert daemon.terminate() == 0
    assert os.listdir(where) == []
    assert run("status", "-d", where).returncode == DEAD


def test_dropped_user_may_look_and_command(world):
    if os.geteuid() != 0:
        pytest.skip("not root")
    daemon = world.start({"user": "nobody", "inbounds": [world.anytls_in()]})
    daemon.wait_log("is ready")
    for path in [world.folder, *world.folder.parents][:4]:
        os.chmod(path, 0o755)
    program = shutil.copy(CTL, world.folder)
    for args in (["status"], ["sessions"], ["ktls", "off"]):
        done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", program, *args,
                               "-d", folder(daemon)], capture_output=True, text=True, timeout=20)
        assert done.returncode == OK, done.stderr


def test_nowhere_to_show_is_said_once_and_no_failure(world):
    daemon = world.start({"inbounds": [world.anytls_in()], "state": {"directory": "/proc/nowhere"}})
    daemon.wait_log("is ready")
    assert len(re.findall(r"\[state\] not shown: ", daemon.log())) == 1
    daemon.port, echo = daemon.ports[0], world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    peer.echo(1, b"works")


def test_state_can_be_switched_off(world):
    daemon = world.start({"inbounds": [world.anytls_in()],
                          "state": {"enabled": False, "directory": str(world.folder / "off")}})
    daemon.wait_log("is ready")
    assert "[state]" not in daemon.log() and not (world.folder / "off").exists()


def test_default_folder_of_a_user(world):
    env = {"XDG_RUNTIME_DIR": str(world.folder), "RUNTIME_DIRECTORY": ""}
    service = {"RUNTIME_DIRECTORY": f"{world.folder}/svc:/elsewhere"}
    config = {"inbounds": [world.anytls_in()], "state": {"directory": None, "name": "mine"}}
    daemon = world.start(config, env=service)
    assert folder(daemon) == f"{world.folder}/svc"
    if os.geteuid() != 0:
        daemon = world.start({**config, "inbounds": [world.anytls_in()]}, env=env)
        assert folder(daemon) == f"{world.folder}/mine"
        assert run("status", "-n", "mine", env={**os.environ, **env}).returncode == OK


def test_usage():
    assert "usage" in run("--help").stdout
    assert re.match(r"anytlsctl \d", run("--version").stdout)
    for args in ([], ["nonsense"], ["sessions", "more"], ["sessions", "-x"], ["ktls"], ["ktls", "maybe"],
                 ["status", "-n", "../etc"]):
        done = run(*args)
        assert done.returncode == USAGE and done.stderr, args


def test_kernel_needs_no_daemon():
    text, answer = run("kernel"), json.loads(run("kernel", "-j").stdout)
    assert text.returncode == OK and os.uname().release in text.stdout
    assert answer["kernel"] == os.uname().release and answer["features"]


def spoil(path, how, rng):
    """Damages one file of a region."""
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[:rng.randrange(len(data) + 1)]
    elif how == "noise":
        for _ in range(rng.randrange(1, 200)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    else:
        data = bytearray(rng.randbytes(len(data)))
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["cut", "noise", "random"])
def test_damaged_leftovers_do_not_crash_it(world, how):
    daemon, echo = world.server(), world.echo()
    peer = world.login(daemon)
    peer.opened(1, echo.dest)
    where, copy, rng = pathlib.Path(folder(daemon)), world.folder / "copy", random.Random(how)
    daemon.kill()
    for number in range(25):
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        names = ["header", "workers", "sessions", "streams"]
        for name in names:
            shutil.copy(where / name, copy / name)
        spoil(copy / names[1 + number % 3] if how == "random" else copy / names[number % 4], how, rng)
        for command in ("status", "sessions", "streams"):
            for option in ([], ["-j"]):
                done = subprocess.run([CTL, command, *option, "-d", str(copy)], capture_output=True, timeout=20)
                assert done.returncode in (PROBLEM, DEAD), (number, command, done.stderr)
                assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stdout + done.stderr)


BPF_SCRIPT = """
mount -t bpf bpf /sys/fs/bpf || exit 77
"$1" run -c "$2" 2>"$3" &
daemon=$!
for i in $(seq 100); do grep -q 'is ready' "$3" && break; sleep 0.1; done
bpftool -j map dump pinned /sys/fs/bpf/bpf-test/header
echo
bpftool map dump pinned /sys/fs/bpf/bpf-test/sessions | head -n 30
"$4" status -d "$5" -j | tr -d '\\n'
echo
kill $daemon
wait $daemon
ls /sys/fs/bpf/
"""


def test_bpftool_prints_names(world):
    if os.geteuid() != 0 or not shutil.which("bpftool"):
        pytest.skip("not root, or no bpftool")
    config, log, where = world.folder / "bpf.json", world.folder / "bpf.log", world.folder / "bpf"
    config.write_text(json.dumps({"inbounds": [world.anytls_in()],
                                  "state": {"name": "bpf-test", "backing": "bpf", "directory": str(where)}}))
    done = subprocess.run(["unshare", "-m", "sh", "-c", BPF_SCRIPT, "sh", PROGRAM, config, log, CTL, where],
                          capture_output=True, text=True, timeout=60)
    said = log.read_text() if log.exists() else ""     # there is none where unshare or mount may not
    if not said or "not shown" in said:
        pytest.skip(f"no BPF here: {done.stderr} {said}")
    header, rest = done.stdout.split("\n", 1)
    shown = json.loads(header)[0]["formatted"]["value"]
    assert shown["backing"] == "STATE_BACKING_BPF" and shown["live"] == 1 and shown["name"] == "bpf"
    for word in ('"role": "STATE_UNUSED"', '"wire_in": "STATE_WIRE_PLAIN"', '"engine": "STATE_ENGINE_AUTO"',
                 '"bytes_out": 0', '"peer": ""'):
        assert word in rest, rest
    status = json.loads(next(line for line in rest.splitlines() if line.startswith("{ ") or line.startswith('{"')))
    assert status["daemon"]["backing"] == "bpf" and status["daemon"]["live"]
    assert "bpf-test" not in rest.splitlines()[-1] and not where.exists()
    assert time.time() - status["daemon"]["start_wall_ms"] / 1000 < 60
