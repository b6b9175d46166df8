# SPDX-License-Identifier: GPL-2.0-or-later
"""Rounds over rows and gateways: whose turn it is, and the samples that come out."""
import crossing
from rounds import rotated


def take(row, gateway, s, n, results):
    got = crossing.ROWS[row](gateway, s, n)
    results["samples"].setdefault(row, {}).setdefault(gateway.name, []).append(got)
    shown = " ".join(f"{k}={v:.4g}" for k, v in got.items())
    print(f"  {row:14} {gateway.name:17} {shown}", flush=True)


def side_by_side(n, those, rows, s, results):
    """One round of rows for which all gateways are there, each with namespaces of its own."""
    those = [g for g in those if any(crossing.applies(row, g) for row in rows)]
    try:
        for g in those:
            g.start()
            crossing.warm_up(g, s)
        for row in rows:
            for g in rotated(those, n):
                if crossing.applies(row, g):
                    take(row, g, s, n, results)
    finally:
        for g in those:
            g.stop()


def alone(n, those, rows, s, results):
    """One round of rows for which each gateway starts afresh."""
    for row in rows:
        for g in rotated(those, n):
            if not crossing.applies(row, g):
                continue
            try:
                g.start()
                take(row, g, s, n, results)
            finally:
                g.stop()


def run(count, those, only, s, results):
    for rows, one_round in ((crossing.SHARED, side_by_side), (crossing.FRESH, alone)):
        wanted = [row for row in rows if row in only]
        for n in range(count if wanted else 0):
            print(f"round {n + 1} of {count}", flush=True)
            one_round(n, those, wanted, s, results)
