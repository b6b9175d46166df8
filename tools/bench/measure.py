# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows: what is done to a contender once, and the figures that come out of it."""
import time

import contenders
from procs import Failure, Held, run_load

GIB = 1 << 30


class Settings:
    def __init__(self, load, quick, mib):
        self.load = load
        self.mib = mib or (256 if quick else 1024)
        self.one_by_one = 500 if quick else 2000
        self.at_once = 2000 if quick else 10000
        self.held = 1000 if quick else 8000
        self.idle_s = 5 if quick else 20


def spent(contender, action):
    """CPU seconds of each role while action() runs, and its result."""
    before = contender.cpu()
    result = action()
    after = contender.cpu()
    return {role: after[role] - before[role] for role in after}, result


def bulk(direction, streams):
    def run(contender, s):
        options = [f"--{direction}", "--streams", streams, "--mib", s.mib]
        cpu, got = spent(contender, lambda: run_load(s.load, "bulk", contender, *options))
        if got["bytes"] != s.mib << 20:
            raise Failure(f"{contender.name}: {got['bytes']} bytes moved of {s.mib} MiB")
        gib = got["bytes"] / GIB
        return {"server_cpu": cpu["server"] / gib, "client_cpu": cpu["client"] / gib,
                "rate": gib / got["seconds"]}
    return run


def new_one_by_one(contender, s):
    got = run_load(s.load, "new", contender, "--streams", 1, "--count", s.one_by_one)
    return {"p50": got["p50_us"] / 1e3, "p99": got["p99_us"] / 1e3}


def new_at_once(contender, s):
    options = ["--streams", 64, "--count", s.at_once]
    cpu, got = spent(contender, lambda: run_load(s.load, "new", contender, *options))
    return {"rate": got["streams"] / got["seconds"],
            "server_cpu": cpu["server"] / got["streams"] * 1e6,
            "client_cpu": cpu["client"] / got["streams"] * 1e6}


def memory(contender, s):
    """For a contender that was just started. Idle sessions are counted, not assumed."""
    run_load(s.load, "new", contender, "--count", 1)
    time.sleep(1)
    roles = contender.processes
    base = {role: (p.rss(), p.sockets()) for role, p in roles.items()}
    held = Held(s.load, contender, s.held, timeout=120 + s.idle_s)
    try:
        time.sleep(2)
        active = {role: p.rss() for role, p in roles.items()}
        held.release()
    finally:
        held.stop()
    time.sleep(s.idle_s)
    figures = {}
    for role, process in roles.items():
        rss, sockets = base[role]
        sessions = process.sockets() - sockets
        if sessions < s.held * 0.9:
            raise Failure(f"{contender.name}: {role} kept {sessions} idle sessions of {s.held}")
        figures[f"{role}_base"] = rss / (1 << 20)
        figures[f"{role}_active"] = (active[role] - rss) / s.held / 1024
        figures[f"{role}_idle"] = (process.rss() - rss) / sessions / 1024
    return figures


def warm_up(contender, s):
    """Sessions for every stream to come, and code and buffers in the caches."""
    run_load(s.load, "new", contender, "--streams", 64, "--count", 256)
    for direction in ("--down", "--up"):
        run_load(s.load, "bulk", contender, direction, "--streams", 64, "--mib", 64)


# Rows that share one start of the daemons, and those that need a fresh one.
SHARED = {
    "down-1": bulk("down", 1), "down-64": bulk("down", 64),
    "up-1": bulk("up", 1), "up-64": bulk("up", 64),
    "new-1": new_one_by_one, "new-64": new_at_once,
}
FRESH = {"memory": memory}
ROWS = [*SHARED, *FRESH]


def applies(row, contender):
    """The floor has no sessions and so no memory row; the relay is there for bulk alone."""
    if row == "memory":
        return contender.name not in contenders.CIPHERS
    return contender.name != "relay" or not row.startswith("new")
