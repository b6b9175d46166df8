# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of memory: with many streams, with many idle sessions, after them, and after many waves."""
import time

import measure
from procs import Failure, Held, run_load

MIB = 1 << 20


def resident(contender):
    return {role: p.rss() for role, p in contender.processes.items()}


def sockets(contender):
    return {role: p.sockets() for role, p in contender.processes.items()}


def base(contender, s, **outbound):
    """Starts it and moves one stream. What it holds then is no stream's."""
    contender.start(**outbound)
    run_load(s.load, "new", contender, "--count", 1)
    time.sleep(1)
    return resident(contender), sockets(contender)


def hold(contender, s):
    """Opens as many streams as the settings say and closes them; returns what was resident meanwhile."""
    held = Held(s.load, contender, s.held)
    try:
        time.sleep(2)
        active = resident(contender)
        held.release()
    finally:
        held.stop()
    return active


def idle_sessions(contender, before, wanted):
    """Counted, not assumed."""
    out = {role: n - before[role] for role, n in sockets(contender).items()}
    for role, sessions in out.items():
        if sessions < wanted * 0.9:
            raise Failure(f"{contender.name}: {role} kept {sessions} idle sessions of {wanted}")
    return out


def memory(contender, s):
    rss, before = base(contender, s)
    active = hold(contender, s)
    time.sleep(s.idle_s)
    sessions = idle_sessions(contender, before, s.held)
    figures = {}
    for role, now in resident(contender).items():
        figures[f"{role}_base"] = rss[role] / MIB
        figures[f"{role}_active"] = (active[role] - rss[role]) / s.held / 1024
        figures[f"{role}_idle"] = (now - rss[role]) / sessions[role] / 1024
    return figures


def wait_for_sessions_to_end(contender, before, timeout=60):
    limit = time.monotonic() + timeout
    while any(n > before[role] + 8 for role, n in sockets(contender).items()):
        if time.monotonic() > limit:
            raise Failure(f"{contender.name}: sessions stay open: {sockets(contender)}")
        time.sleep(0.2)


def peak(contender, s):
    """After many sessions that are closed again, not only idle."""
    rss, before = base(contender, s, idle_session_check_interval="5s", idle_session_timeout="5s")
    active = hold(contender, s)
    wait_for_sessions_to_end(contender, before)
    time.sleep(s.back_s)
    figures = {}
    for role, now in resident(contender).items():
        figures[f"{role}_peak"] = (active[role] - rss[role]) / MIB
        figures[f"{role}_back"] = (now - rss[role]) / MIB
    return figures


def waves(contender, s):
    """Streams opened together and closed together, many times over the same sessions."""
    base(contender, s)
    few, many = s.waves
    figures, done = {}, 0
    for name, upto in (("few", few), ("many", many)):
        run_load(s.load, "waves", contender, "--streams", s.wave, "--count", upto - done, timeout=600)
        done = upto
        time.sleep(s.idle_s)
        for role, now in resident(contender).items():
            figures[f"{role}_{name}"] = now / MIB
    return figures


def transfers(order, crowded, s):
    """CPU seconds per GiB of the same transfer through the two."""
    figures = {}
    for contender in order:
        got = measure.bulk("down", 1)(contender, s)
        for role in contender.processes:
            figures[f"{role}_{'many' if contender is crowded else 'one'}"] = got[f"{role}_cpu"]
    for role in crowded.processes:
        figures[f"{role}_ratio"] = figures[f"{role}_many"] / figures[f"{role}_one"]
    return figures


def idle(contender, s):
    """Two of them side by side, one with thousands of idle sessions; transfers in turn."""
    other = type(contender)(f"{contender.name}-idle", contender.program, contender.folder)
    try:
        base(contender, s)
        before = base(other, s)[1]
        hold(other, s)
        time.sleep(1)
        idle_sessions(other, before, s.held)
        out = []
        for n in range(s.pairs + 1):
            order = (contender, other) if n % 2 else (other, contender)
            out.append(transfers(order, other, s))
        return out[1:]  # the first one warms up
    finally:
        other.stop()


ROWS = {"memory": memory, "idle": idle}
LONG = {"peak": peak, "waves": waves}
