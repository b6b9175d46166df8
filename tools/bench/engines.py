# SPDX-License-Identifier: GPL-2.0-or-later
"""The engines that can carry a session's payload, and the configuration that asks for each."""
import json
import os
import subprocess
import time

import contenders
from procs import Failure, Process, free_port

KERNEL = {"kernel_tx": True, "kernel_rx": True}

# tls, side: keys of the tls object, and of the inbound or outbound around it
# kernel: whether kernel TLS (sends, receives) must be seen at work
# by: how large frames must have moved, as the daemon's own account says
# preload: what the daemon is started with
# rows: the beginning of those that it is for
ENGINES = {
    "auto": {"kernel": None, "by": None},
    "wire_ssl": {"tls": {"min_version": "1.2", "max_version": "1.2"}},
    "wire_record": {"tls": {"kernel_tx": False, "kernel_rx": False}, "side": {"datapath": "copy"}},
    "ktls": {"tls": KERNEL, "side": {"datapath": "copy"}, "kernel": (True, True),
             "preload": "refuse_no_pad.so"},
    "ktls-no-pad": {"tls": KERNEL, "side": {"datapath": "copy"}, "kernel": (True, True)},
    "splice": {"tls": KERNEL, "side": {"datapath": "splice"}, "kernel": (True, True), "by": "spliced"},
    "sockmap": {"tls": KERNEL, "side": {"datapath": "sockmap"}, "kernel": (True, True), "by": "sockmap",
                "rows": "server-up"},
}
GO = "sing-box"
SUITES = {"aes-128": "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
          "aes-256": "TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384"}


def kernel_tls():
    """Whether open sockets send, and whether they receive, with kernel TLS in software."""
    try:
        with open("/proc/net/tls_stat") as f:
            counts = dict(line.split() for line in f)
    except FileNotFoundError:
        return False, False
    return int(counts["TlsCurrTxSw"]) > 0, int(counts["TlsCurrRxSw"]) > 0


class Seat(contenders.Proxy):
    """One daemon of one role; the bench peer sits on both sides of it."""

    def __init__(self, name, role, build, folder):
        program = contenders.find_singbox() if name == GO else f"{build}/anytlsd"
        super().__init__(name, program, folder)
        self.role, self.engine = role, ENGINES.get(name, {})
        self.own, self.build = 0, build
        self.shown = f"bench-{os.getpid()}"  # to anytlsctl

    def config(self):
        if self.role == "server":
            config = contenders.server_config(self.folder, self.port)
            side = config["inbounds"][0]
        else:
            config = contenders.client_config(self.folder, self.port, self.own)
            side = config["outbounds"][0]
        if self.name != GO:
            config["limits"] = {"handshake_timeout": "10m", "auth_timeout": "10m"}  # see guest.read_ahead()
            config["state"] = {"name": self.shown}
            config["log"]["level"] = "info"
        side["tls"].update(self.engine.get("tls", {}))
        side.update(self.engine.get("side", {}))
        return config

    def run(self, role, config, port):
        path = f"{self.folder}/{role}.json"
        with open(path, "w") as f:
            json.dump(config, f, indent=1)
        environment = dict(os.environ)
        if "preload" in self.engine:
            environment["LD_PRELOAD"] = f"{self.build}/bench/{self.engine['preload']}"
        self.processes[role] = Process([self.program, "run", "-c", path], f"{self.folder}/{role}.log", port,
                                       environment)
        while self.name != GO and " listening on " not in self.processes[role].tail():
            time.sleep(0.02)  # it tries the kernel first
            self.cpu()  # it lives

    def tells(self, what):
        """What the daemon shows of its only session or stream."""
        done = subprocess.run([f"{self.build}/anytlsctl", what, "-j", "-n", self.shown], capture_output=True, text=True)
        those = json.loads(done.stdout or "{}").get(what, [])
        if done.returncode or len(those) != 1:
            raise Failure(f"anytlsctl knows {len(those)} {what} ({done.returncode}): {done.stderr}")
        return those[0]

    def moved(self):
        """Bytes of the open stream by engine, and why it is no faster one."""
        stream = self.tells("streams")
        moved = {by: stream[f"{by}_up"] + stream[f"{by}_down"] for by in ("copied", "spliced", "sockmap")}
        return moved, stream["why"] or self.tells("sessions")["why"]

    def start(self):
        self.port, self.own = free_port(), free_port()
        self.run(self.role, self.config(), self.port)

    def route(self):
        return ["--port", str(self.port), "--own", str(self.own)]


class PlainSeat(Seat):
    """A server without TLS."""

    def __init__(self, datapath, build, folder):
        super().__init__(datapath, "server", build, folder)
        self.engine = {"by": {"copy": "copied", "splice": "spliced", "sockmap": "sockmap"}[datapath]}

    def config(self):
        config = contenders.server_config(self.folder, self.port, None, state={"name": self.shown})
        config["inbounds"][0]["datapath"] = self.name
        config["log"]["level"] = "info"
        return config
