# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows: what is done to a contender once, and the figures that come out of it."""
from procs import Failure, run_load

GIB = 1 << 30


class Settings:
    def __init__(self, load, quick, mib):
        self.load = load
        self.mib = mib or (256 if quick else 1024)
        self.one_by_one = 500 if quick else 2000
        self.at_once = 2000 if quick else 10000
        self.held = 1000 if quick else 8000
        self.idle_s = 5 if quick else 20
        self.back_s = 10 if quick else 60
        self.waves = (10, 50) if quick else (100, 1000)
        self.wave = 50 if quick else 200
        self.pairs = 3 if quick else 9
        self.handshakes = 100 if quick else 500
        self.handshake_s = 1 if quick else 2


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


def warm_up(contender, s):
    """Sessions for every stream to come, and code and buffers in the caches."""
    run_load(s.load, "new", contender, "--streams", 64, "--count", 256)
    for direction in ("--down", "--up"):
        run_load(s.load, "bulk", contender, direction, "--streams", 64, "--mib", 64)


# Rows for which all contenders run side by side; the other ones start what they need.
SHARED = {
    "down-1": bulk("down", 1), "down-64": bulk("down", 64),
    "up-1": bulk("up", 1), "up-64": bulk("up", 64),
    "new-1": new_one_by_one, "new-64": new_at_once,
}
