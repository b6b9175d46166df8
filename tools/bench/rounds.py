# SPDX-License-Identifier: GPL-2.0-or-later
"""Rounds over rows and contenders: who takes part, whose turn it is, and the samples that come out."""
import contenders
import measure
import tap

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


def measure_once(row, action, c, settings, results):
    got = action(c, settings)
    results["samples"].setdefault(row, {}).setdefault(c.name, []).append(got)
    shown = " ".join(f"{k}={v:.5g}" for k, v in got.items())
    print(f"  {row:8} {c.name:9} {shown}", flush=True)


def rotated(those, n):
    """No contender is always the first one: that place has the emptier caches."""
    n %= len(those)
    return those[n:] + those[:n]


def shared(n, those, rows, settings, results):
    """One round of rows for which all contenders run side by side."""
    try:
        for c in those:
            c.start()
            measure.warm_up(c, settings)
        for row in rows:
            for c in rotated(those, n):
                if measure.applies(row, c):
                    measure_once(row, measure.SHARED[row], c, settings, results)
    finally:
        for c in those:
            c.stop()


def fresh(n, those, rows, settings, results):
    """One round of rows for which each contender is started anew and alone."""
    for row in rows:
        for c in rotated(those, n):
            if not measure.applies(row, c):
                continue
            try:
                c.start()
                measure_once(row, measure.FRESH[row], c, settings, results)
            finally:
                c.stop()
