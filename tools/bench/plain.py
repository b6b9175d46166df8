# SPDX-License-Identifier: GPL-2.0-or-later
"""The row of a server without TLS, with each of its engines: between the two sides of the bench peer."""
import os
import time

import engines
import passage

PIECE = 65529
BURST = 32 * PIECE  # bytes under way: more than a read takes, less than sockets hold
WAYS = {"copy": ("up", "down"), "splice": ("up", "down"), "sockmap": ("up",)}
LABELS = {f"{engine}_{way}": f"{way}load, {engine}" for way in ("up", "down")
          for engine, ways in WAYS.items() if way in ways}


def transfer(seat, way, s):
    """CPU seconds per GiB, or nothing where the daemon says that this kernel cannot do it."""
    count = max((s.mib << 20) // BURST, 1)
    options = ["--plain", "--piece", PIECE, "--burst", BURST, "--warm", max(count // 16, 1), "--bursts", count]
    peer = passage.Peer(seat, way, options)
    try:
        peer.reaches("warm")
        before = seat.cpu()["server"]
        peer.goes_on()
        peer.reaches("moved")
        spent = seat.cpu()["server"] - before
        why = passage.moved_by(seat, PIECE)
        peer.ends()
    finally:
        peer.stop()
    return None if why else spent / (count * BURST) * (1 << 30)


def plain(contender, s):
    figures = {}
    for engine, ways in WAYS.items():
        seat = engines.PlainSeat(engine, os.path.dirname(contender.program), contender.folder)
        try:
            seat.start()
            for way in ways:
                figures[f"{engine}_{way}"] = transfer(seat, way, s)
                time.sleep(0.2)  # its session is gone
        finally:
            seat.stop()
    return {name: value for name, value in figures.items() if value is not None}


ROWS = {"plain": plain}
