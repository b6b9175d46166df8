# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of sessions, the kernel's included: with a stream open on each, and with none."""
import glob
import os
import re
import time

import engines
import passage


def guest_settings():
    """Ended connections leave nothing behind; and memory does not come two megabytes at a time."""
    for path, value in (("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0"),
                        ("/sys/kernel/mm/transparent_hugepage/enabled", "never")):
        with open(path, "w") as f:
            f.write(value)


def objects():
    """Bytes of the kernel's objects that are in use. What processors keep at hand is given back before, since
    the counters take it for used."""
    for path in glob.glob("/sys/kernel/slab/*/shrink"):
        if not os.path.islink(os.path.dirname(path)):
            with open(path, "w") as f:
                f.write("1")
    with open("/proc/slabinfo") as f:
        return sum(int(line.split()[1]) * int(line.split()[3]) for line in f.readlines()[2:])


def pages():
    """Bytes of whole pages that a session could have a part in. Sockets hold none while nothing is under way."""
    with open("/proc/meminfo") as f:
        return 1024 * sum(int(n) for n in re.findall(r"^(?:VmallocUsed|Percpu):\s+(\d+)", f.read(), re.M))


def state(seat):
    time.sleep(1)  # RCU has given back what was freed
    return {"rss": seat.processes[seat.role].rss(), "kernel": objects() + pages()}


def each(now, before, count):
    """KiB of one session."""
    return {name: (now[name] - before[name]) / count / 1024 for name in now}


def hold(seat, suite, count):
    options = ["--piece", 1400, "--burst", 1400, "--suite", engines.SUITES[suite], "--sessions", count]
    peer = passage.Peer(seat, "hold", options)
    try:
        peer.reaches("ready")
        base = state(seat)
        peer.goes_on()
        peer.reaches("active")
        active = state(seat)
        peer.goes_on()
        peer.reaches("idle")
        idle = state(seat)
        passage.seen(seat)
        peer.ends()
    finally:
        peer.stop()
    return {"active": each(active, base, count), "idle": each(idle, base, count)}


def both_roles(build, name, folder, o):
    out = {}
    for role in ("server", "client"):
        if not passage.applies(name, f"{role}-up"):
            continue
        seat = engines.Seat(name, role, build, folder)
        try:
            seat.start()
            hold(seat, o.suite, o.sessions // 10)  # caches of all kinds are filled
            found = hold(seat, o.suite, o.sessions)
        finally:
            seat.stop()
        for what, sample in found.items():
            out[f"{role}-{what}"] = sample
            shown = " ".join(f"{k}={v:.2f}" for k, v in sample.items())
            print(f"  {role}-{what:8} {name:13} {shown}", flush=True)
    return out
