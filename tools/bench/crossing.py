# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of gateways: traffic that crosses one, captured or let through, and what it costs."""
import functools
import json
import os
import subprocess
import time

from procs import Failure, Held, beginning, explain, load_argv, run_load

GIB, MIB = 1 << 30, 1 << 20
LIMIT_OF_LOSS = 0.05


class Settings:
    def __init__(self, build, quick):
        self.load, self.packets = f"{build}/bench/load", f"{build}/bench/packets"
        self.mib = 256 if quick else 1024
        self.warm_streams, self.warm_mib = 512, 64
        self.one_by_one = 500 if quick else 2000
        self.at_once = 2000 if quick else 10000
        self.datagrams = 20000 if quick else 100000  # there and back
        self.flows = 1000
        self.new_flows = 2000
        self.left_s = (1, 15) if quick else (1, 15, 30, 60)
        self.held_flows, self.held_streams = (200, 400) if quick else (1000, 4000)


class Account:
    """CPU seconds since it was opened: of the gateway's process, and of the whole path but the load, which tells its
    own. The kernel's part of forwarding runs in whatever process sends or in ksoftirqd, so that only the path has it."""

    def __init__(self, gateway):
        self.gateway, self.before = gateway, self.now(gateway)

    @staticmethod
    def now(gateway):
        return {**gateway.cpu(), "softirq": softirq_threads()}

    def close(self, load_cpu):
        now = self.now(self.gateway)
        used = {role: now[role] - before for role, before in self.before.items()}
        return {"gateway": used.get("gateway", 0.0), "path": sum(used.values()) + load_cpu}


def softirq_threads():
    """CPU seconds of the ksoftirqd threads."""
    total = 0
    for pid in ksoftirqd():
        with open(f"/proc/{pid}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


@functools.cache
def ksoftirqd():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().startswith("ksoftirqd/"):
                    found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def per(count, used, scale=1e6):
    return {name: cpu / count * scale for name, cpu in used.items()}


def loaded(gateway, kind, way, s, *options):
    """What a run of the load generator says, and what it cost."""
    account = Account(gateway)
    got = run_load(s.load, kind, gateway.way(way), *options)
    return got, account.close(got["cpu"])


def bulk_cost(gateway, way, s, direction, streams):
    got, used = loaded(gateway, "bulk", way, s, f"--{direction}", "--streams", streams, "--mib", s.mib)
    if got["bytes"] != s.mib << 20:
        raise Failure(f"{gateway.name}: {got['bytes']} bytes moved of {s.mib} MiB")
    gib = got["bytes"] / GIB
    return {**per(gib, used, 1), "rate": gib / got["seconds"]}


def bulk(direction, streams):
    """Captured, and through the SOCKS inbound of the same process; who is first changes from round to round."""
    def run(gateway, s, nth):
        ways = ("captured", "socks") if nth % 2 else ("socks", "captured")
        got = {way: bulk_cost(gateway, way, s, direction, streams) for way in ways}
        return {**got["captured"], "socks": got["socks"]["gateway"],
                "ratio": got["captured"]["gateway"] / got["socks"]["gateway"]}
    return run


def bypassed_bulk(direction, streams):
    def run(gateway, s, _):
        return bulk_cost(gateway, "bypassed", s, direction, streams)
    return run


def new(way, at_once):
    def run(gateway, s, _):
        count = s.one_by_one if at_once == 1 else s.at_once
        got, used = loaded(gateway, "new", way, s, "--streams", at_once, "--count", count)
        return {**per(got["streams"], used), "rate": got["streams"] / got["seconds"],
                "p50": got["p50_us"] / 1e3, "p99": got["p99_us"] / 1e3}
    return run


class Datagrams:
    """Open flows of UDP: warm from the beginning; exchange() is what is measured."""

    def __init__(self, gateway, way, s, flows, window, count):
        self.way = gateway.way(way)
        argv = [s.packets, "flow", *self.way.route(), "--flows", str(flows), "--window", str(window),
                "--count", str(count)]
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, preexec_fn=beginning(self.way.netns))
        try:
            if self.line() != "warm":
                raise Failure(f"{gateway.name}: packets does not say that it is warm")
        except BaseException:
            self.stop()
            raise

    def line(self):
        text = self.child.stdout.readline().strip()
        if not text:
            raise explain(self.way, "packets", self.child.wait(), self.child.stderr.read().strip())
        return text

    def exchange(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return json.loads(self.line())

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            pipe.close()


def check_loss(gateway, got, total):
    if got["lost"] > total * LIMIT_OF_LOSS:
        raise Failure(f"{gateway.name}: {got['lost']} datagrams of {total} were lost")


def udp(way, flows, window):
    """flows: 0: as many as the settings say."""
    def run(gateway, s, _):
        datagrams = Datagrams(gateway, way, s, flows or s.flows, window, s.datagrams)
        try:
            account = Account(gateway)
            got = datagrams.exchange()
            used = account.close(got["cpu"])
        finally:
            datagrams.stop()
        check_loss(gateway, got, s.datagrams)
        return {**per(got["packets"], used), "rate": got["packets"] / got["seconds"] / 1e3,
                "lost": got["lost"] / s.datagrams * 1e3}
    return run


def new_flows(gateway, way, s, port=None):
    """`port`: other than the usual one."""
    at = gateway.way(way)
    more = ["--target", str(port)] if port else []
    account = Account(gateway)
    argv = load_argv(s.packets, "new", at, ["--window", 64, "--count", s.new_flows, *more], 120)
    done = subprocess.run(argv, capture_output=True, text=True, preexec_fn=beginning(at.netns))
    if done.returncode:
        raise explain(at, "packets new", done.returncode, done.stderr.strip())
    got = json.loads(done.stdout)
    check_loss(gateway, got, s.new_flows)
    return got, account.close(got["cpu"])


def udp_new(way):
    def run(gateway, s, _):
        got, used = new_flows(gateway, way, s)
        return {**per(got["flows"], used), "p50": got["p50_us"] / 1e3, "p99": got["p99_us"] / 1e3,
                "lost": got["lost"] / s.new_flows * 1e3}
    return run


def udp_left(gateway, s, _):
    """Short flows like those of DNS, and what is still open some time after the last one."""
    figures = {"files_before": gateway.files(), "sessions_before": gateway.sessions()}
    new_flows(gateway, "captured", s, 53)
    began = time.monotonic()
    for seconds in s.left_s:
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        figures[f"files_{seconds}"], figures[f"sessions_{seconds}"] = gateway.files(), gateway.sessions()
    return figures


def settled_rss(gateway):
    time.sleep(1)
    return gateway.processes["gateway"].rss()


def memory(gateway, s, _):
    """Of the gateway's process: after one connection, with connections, and with flows of UDP on top of it."""
    run_load(s.load, "new", gateway.way("captured"), "--count", 1)
    base = settled_rss(gateway)
    held = Held(s.load, gateway.way("captured"), s.held_streams)
    try:
        streams = settled_rss(gateway)
        figures = {"base": base / MIB, "stream": (streams - base) / s.held_streams / 1024}
        if "udp" in gateway.captures:
            datagrams = Datagrams(gateway, "captured", s, s.held_flows, 64, 1)
            try:
                figures["flow"] = (settled_rss(gateway) - streams) / s.held_flows / 1024
            finally:
                datagrams.stop()
        held.release()
    finally:
        held.stop()
    return figures


def warm_up(gateway, s):
    """Sessions for every stream to come, and code and buffers in the caches."""
    for way in ("captured", "socks", "bypassed") if gateway.captures else ("bypassed",):
        run_load(s.load, "new", gateway.way(way), "--streams", 64, "--count", s.warm_streams)
        for direction in ("--down", "--up"):
            run_load(s.load, "bulk", gateway.way(way), direction, "--streams", 8, "--mib", s.warm_mib)


# In this order: flows of UDP stay for minutes.
SHARED = {
    "new-1": new("captured", 1), "new-64": new("captured", 64),
    "down-1": bulk("down", 1), "down-8": bulk("down", 8), "up-1": bulk("up", 1), "up-8": bulk("up", 8),
    "bypass-new": new("bypassed", 64),
    "bypass-down": bypassed_bulk("down", 1), "bypass-up": bypassed_bulk("up", 1),
    "bypass-udp": udp("bypassed", 1, 32), "bypass-udp-new": udp_new("bypassed"),
    "udp-1": udp("captured", 1, 1), "udp-4": udp("captured", 1, 4), "udp-32": udp("captured", 1, 32),
    "udp-1000": udp("captured", 0, 64), "udp-new": udp_new("captured"),
}
FRESH = {"udp-left": udp_left, "memory": memory}  # a new process for each
ROWS = {**SHARED, **FRESH}


def applies(row, gateway):
    if row.startswith("bypass"):
        return True
    return ("udp" if row.startswith("udp") else "tcp") in gateway.captures
