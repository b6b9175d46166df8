# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture: the daemon's two roles with the tap between them, and what the tap noted."""

import collections
import hashlib
import os
import pathlib
import subprocess

import anytls
import load
import scheme
from anytls import PASSWORD
from daemon import listening, wait_until

TAP = os.environ.get("SHAPING_TAP", str(pathlib.Path(__file__).resolve().parents[2] / "build/tests/shaping/tap"))

# A run that has been judged: its sessions as the tap noted them, and every draw of each.
Capture = collections.namedtuple("Capture", "run sessions draws")

# Sessions of one plan against a server with that scheme; the client calls itself `name`.
Run = collections.namedtuple("Run", "text name plan count")


class Tap:
    """The relay as a process."""

    def __init__(self, port, server_port, path):
        self.path = path
        with open(path, "wb") as notes:
            self.process = subprocess.Popen([TAP, str(port), str(server_port)], stdin=subprocess.PIPE, stdout=notes)
        wait_until(lambda: listening(port), 10, "the tap listens")

    def notes(self, count):
        """Its lines, once it has seen the end of so many connections."""
        wait_until(lambda: self.path.read_bytes().count(b"\n") >= count or self.process.poll() is not None, 30,
                   f"{count} sessions have ended")
        return [load.noted(line) for line in self.path.read_text().splitlines()]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0


def packets(run, text):
    """The sizes of a session's packets after the preamble (protocol notes 4.4)."""
    md5 = hashlib.md5(text.encode()).hexdigest()
    first = len(anytls.settings(md5=md5, client=run.name)) + 7 + 7 + len(anytls.addr("127.0.0.1", 1))
    fin = [7] if run.plan.end == "reset" else []
    return [first] + [7 + size for size in run.plan.payloads] + fin


def record(world, run):
    """Makes the sessions of a run and judges them; the first one is before the scheme came."""
    quiet = {"log": {"level": "warn"}}
    inbound = world.anytls_in(padding_scheme=run.text.split("\n"))
    world.start({**quiet, "inbounds": [inbound], "outbounds": [{"type": "direct", "tag": "direct"}]})
    tap_port = world.port()
    tap = world.keep(Tap(tap_port, inbound["listen_port"], world.folder / f"tap-{tap_port}"))
    socks = {"type": "socks", "tag": "socks", "listen": "127.0.0.1", "listen_port": world.port()}
    outbound = {"type": "anytls", "tag": "out", "server": "127.0.0.1", "server_port": tap_port,
                "password": PASSWORD, "tls": {"enabled": True, "insecure": True},
                "disable_session_reuse": True, "client_metadata": run.name}
    world.start({**quiet, "inbounds": [socks], "outbounds": [outbound]})
    load.run(run.plan, socks["listen_port"], run.count)
    sessions = tap.notes(run.count)
    assert len(sessions) == run.count, "a session for each stream"
    return Capture(run, sessions, judged(run, sessions))


def judged(run, sessions):
    draws, default = [], anytls.DEFAULT_SCHEME.decode()
    for text, some in ((default, sessions[:1]), (run.text, sessions[1:])):
        rules, sizes = scheme.parse(text), packets(run, text)
        draws += [scheme.judge(rules, sizes, load.plaintext(one)) for one in some]
    return draws
