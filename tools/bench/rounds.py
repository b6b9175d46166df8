# SPDX-License-Identifier: GPL-2.0-or-later
"""Rounds over rows and contenders: who takes part, whose turn it is, and the samples that come out."""
import contenders
import handshake
import measure
import memory
import plain
import tap

EACH_ROUND = {**handshake.ROWS, **plain.ROWS}
FRESH = {**EACH_ROUND, **memory.ROWS, **memory.LONG}  # each starts what it needs
ROWS = [*measure.SHARED, *FRESH]
USUAL = [row for row in ROWS if row not in memory.LONG]
ONCE = ("idle",)  # rows that do their own rounds
FLOOR_OF = {"TLS_AES_256_GCM_SHA384": "floor-aes-256", "TLS_CHACHA20_POLY1305_SHA256": "floor-chacha20"}


def take_part(names, results, build, folder, load):
    """Makes the contenders, asks the proxies for version and cipher, and settles which cipher the
    floor called floor-agreed has: the one of the first contender's roles. With AES-128 that is the
    floor itself."""
    those, versions = [], {}
    for name in names:
        if name == "floor-agreed":
            name = FLOOR_OF.get(results.get("agreed"), "")
        if not name:
            continue
        c, = contenders.make([name], build, folder)
        if isinstance(c, contenders.Proxy):
            suite = tap.negotiated(load, c)
            results.setdefault("agreed", suite)
            versions[name] = f"{c.version()}; roles agree on {suite}"
        those.append(c)
    results["contenders"], results["versions"] = [c.name for c in those], versions
    return those


def applies(row, c):
    """openssl is there for handshakes; the floors have no sessions; the relay is there for bulk."""
    if row in handshake.ROWS:
        return c.name in ("anytlsd", "openssl")
    if c.name == "openssl" or row in FRESH and c.name in contenders.CIPHERS:
        return False
    if row in ("idle", "plain"):
        return c.name == "anytlsd"
    return c.name != "relay" or not row.startswith("new")


def measure_once(row, action, c, settings, results):
    got = action(c, settings)
    many = got if isinstance(got, list) else [got]
    results["samples"].setdefault(row, {}).setdefault(c.name, []).extend(many)
    for one in many:
        shown = " ".join(f"{k}={v:.5g}" for k, v in one.items())
        print(f"  {row:8} {c.name:9} {shown}", flush=True)


def rotated(those, n):
    """No contender is always the first one: that place has the emptier caches."""
    n %= len(those)
    return those[n:] + those[:n]


def shared(n, those, rows, settings, results):
    """One round of rows for which all contenders run side by side."""
    those = [c for c in those if any(applies(row, c) for row in rows)]
    try:
        for c in those:
            c.start()
            measure.warm_up(c, settings)
        for row in rows:
            for c in rotated(those, n):
                if applies(row, c):
                    measure_once(row, measure.SHARED[row], c, settings, results)
    finally:
        for c in those:
            c.stop()


def fresh(n, those, rows, settings, results):
    """One round of rows for which each contender is alone."""
    for row in rows:
        for c in rotated(those, n):
            if not applies(row, c):
                continue
            try:
                measure_once(row, FRESH[row], c, settings, results)
            finally:
                c.stop()


def run(o, those, settings, results):
    """All rounds of all rows that the options name."""
    of = {"round": [row for row in o.only if row in measure.SHARED],
          "alone, round": [row for row in o.only if row in EACH_ROUND],
          "memory, round": [row for row in o.only if row in FRESH and row not in EACH_ROUND
                            and row not in ONCE],
          "once, round": [row for row in o.only if row in ONCE]}
    for what, rows in of.items():
        count = {"memory, round": o.memory_rounds, "once, round": 1}.get(what, o.rounds)
        for n in range(count if rows else 0):
            print(f"{what} {n + 1} of {count}", flush=True)
            (shared if what == "round" else fresh)(n, those, rows, settings, results)
