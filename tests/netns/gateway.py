# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon in the gateway's namespace: its configuration, its commands, what they leave behind."""

import json
import os
import pathlib
import subprocess

import pytest

from anytls import PASSWORD
from bed import GATEWAY_PORT, LAN, TUNNEL_PORT, V4
from daemon import PROGRAM

CTL = str(pathlib.Path(PROGRAM).with_name("anytlsctl"))
SK_LOOKUP, TPROXY, REDIRECT = "sk_lookup", "tproxy", "redirect"
MODES = (SK_LOOKUP, TPROXY, REDIRECT)
DATAGRAMS = (SK_LOOKUP, TPROXY)
OWN_MARK, CAPTURE_MARK = 0x08000000, 0x04000000


class Gateway:
    """One daemon with one transparent inbound `gw`, an outbound `tunnel` and one `direct`."""

    def __init__(self, bed, mode, name="anytlsd", inbound=None, route=None, tunnel=None, limits=None, **top):
        if mode == SK_LOOKUP and bed.pins is None:
            pytest.skip(bed.no_pins)
        self.bed, self.mode, self.daemon = bed, mode, None
        self.name = f"{name}-gw"                # of the nft table and the journal
        self.folder = bed.folder / "steering"
        tcp_only = {"network": "tcp"} if mode == REDIRECT else {}
        self.config = {
            "log": {"level": "debug"},
            "state": {"name": name, "backing": "file", "directory": str(bed.folder / f"state-{name}")},
            "steering": {"directory": str(self.folder), **({"pins": str(bed.pins)} if bed.pins else {})},
            "inbounds": [{"type": "transparent", "tag": "gw", "steering": mode, "interfaces": [LAN],
                          "listen_port": GATEWAY_PORT, **tcp_only, **(inbound or {})}],
            "outbounds": [{"type": "anytls", "tag": "tunnel", "server": V4.server, "server_port": TUNNEL_PORT,
                           "password": PASSWORD, "tls": {"enabled": True, "insecure": True}, **(tunnel or {})},
                          {"type": "direct", "tag": "direct"}],
            "limits": {"drain_timeout": "1s", **(limits or {})}, **({"route": route} if route else {}), **top}
        self.path = bed.folder / f"{name}.json"
        self.write()
        bed.gateways.append(self)

    def write(self):
        self.path.write_text(json.dumps(self.config, indent=1))

    @property
    def inbound(self):
        return self.config["inbounds"][0]

    def start(self, ready=True):
        """The daemon, once it captures."""
        self.write()
        ports = [] if self.inbound.get("network") == "udp" else [self.inbound["listen_port"]]
        self.daemon = self.bed.start_in(self.bed.gateway, text=self.path.read_text(), ready=ready, ports=ports)
        return self

    def stop(self):
        assert self.daemon.terminate() == 0, self.daemon.log()[-3000:]
        self.daemon = None

    def kill(self):
        self.daemon.kill()
        self.daemon = None

    def ctl(self, *words, check=True):
        """anytlsctl at the gateway."""
        with self.bed.gateway:
            done = subprocess.run([CTL, *words], capture_output=True, text=True, timeout=60)
        assert "Sanitizer" not in done.stderr, done.stderr
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def rules(self, command, *options, check=True):
        return self.ctl("rules", command, *options, "-c", str(self.path), check=check)

    def check(self):
        """Whether `rules check` is content, and all that it says."""
        done = self.rules("check", check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def said(self):
        return self.check()[1]

    def problems(self):
        """What `rules check` finds."""
        content, text = self.check()
        return "" if content else text

    def counters(self):
        name = self.config["state"]["name"]
        return json.loads(self.ctl("steering", "-j", "-n", name, "-p", str(self.bed.pins)).stdout)

    def figures(self, what):
        """Sessions or streams that the daemon has."""
        where = str(self.bed.folder / f"state-{self.config['state']['name']}")
        return json.loads(self.ctl(what, "-j", "-d", where).stdout)[what]

    def count(self, name):
        """One of the daemon's counters."""
        where = str(self.bed.folder / f"state-{self.config['state']['name']}")
        return json.loads(self.ctl("status", "-j", "-d", where).stdout)["counters"][name]

    def undo(self):
        """Removes the rules, after the daemon; what was wrong with that."""
        done = self.rules("remove", check=False)
        return f"rules remove: {done.stdout}{done.stderr}" if done.returncode else None


def unpin(folder):
    """Whatever is still pinned below the folder goes; what that was."""
    found = []
    for at, folders, files in os.walk(folder, topdown=False):
        found += [os.path.join(at, name) for name in files]
        for name in files:
            os.unlink(os.path.join(at, name))
        for name in folders:
            os.rmdir(os.path.join(at, name))
    if os.path.isdir(folder):
        os.rmdir(folder)
    return found
