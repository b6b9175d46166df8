# SPDX-License-Identifier: GPL-2.0-or-later
"""Payload through one daemon, between the two sides of the bench peer, and what it cost the daemon."""
import os
import subprocess
import time

import contenders
import engines
import guest
from procs import Failure, die_with_parent, explain

LARGE = 512 << 10  # bytes of a burst: two reads of the daemon
REST_US = 200  # between single pieces: whether the daemon sees the next one before it sleeps would be chance
ROWS = {f"{role}-{way}-{piece}": (role, way, piece)
        for role in ("server", "client") for way in ("up", "down") for piece in (1400, 65529)}


def to_wire(role, way):
    """Whether the daemon sends it as records, or receives records."""
    return (role == "server") == (way == "down")


def burst(role, way, piece):
    """A write of a small piece becomes a frame by itself only where nothing follows it at once."""
    if to_wire(role, way) and piece < 16384:
        return piece
    return LARGE // piece * piece


def before_all_others():
    """The peer fills a burst before the daemon sees its beginning."""
    die_with_parent()
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


class Peer:
    """The bench peer, which waits for a line at each step it names."""

    def __init__(self, seat, way, options, first=die_with_parent):
        cert, key = contenders.pair_paths(seat.folder)
        argv = [f"{seat.build}/bench/peer", seat.role, way, *seat.route(), "--password", contenders.PASSWORD,
                "--cert", cert, "--key", key, "--patient", *map(str, options)]
        self.seat = seat
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, preexec_fn=first)

    def reaches(self, step):
        if self.child.stdout.readline().strip() != step:
            text = self.child.stderr.read().strip()
            raise explain(self.seat, f"up to {step}", self.child.wait(), text)
        time.sleep(0.05)  # the daemon has nothing left to do

    def goes_on(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def ends(self):
        self.goes_on()
        if self.child.wait():
            raise explain(self.seat, "to the end", self.child.returncode, self.child.stderr.read().strip())

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            pipe.close()


def instructions(seat):
    """1 ns is one: of the daemon and of the kernel's threads, so far."""
    return seat.cpu()[seat.role] * 1e9, guest.kernel_threads_ns()


def cost(seat, row, suite, kib):
    """Instructions per KiB of payload, or why there are none to tell."""
    role, way, piece = ROWS[row]
    size = burst(role, way, piece)
    count = max(kib * 1024 // size, 1)
    options = ["--piece", piece, "--burst", size, "--warm", max(count // 4, 1), "--bursts", count,
               "--suite", engines.SUITES[suite]]
    if size == piece:
        options += ["--rest", REST_US]
    peer = Peer(seat, way, options, before_all_others)
    try:
        peer.reaches("warm")
        before = instructions(seat)
        peer.goes_on()
        peer.reaches("moved")
        after = instructions(seat)
        seen(seat)
        why = moved_by(seat, piece)
        peer.ends()
    finally:
        peer.stop()
    moved = size * count / 1024
    if why:
        return {"why": why}
    return {"cpu": (after[0] - before[0]) / moved, "threads": (after[1] - before[1]) / moved}


def seen(seat):
    """While sessions are open: the figure is worthless where the engine is not the one that it is for."""
    wanted, works = seat.engine.get("kernel", (False, False)), engines.kernel_tls()
    if wanted is not None and works != wanted:
        raise Failure(f"{seat.name}, {seat.role}: kernel TLS (sends, receives) is {works}")


def moved_by(seat, piece):
    """The same for who moves what an engine other than copying is for. Returns why it does not."""
    by = seat.engine.get("by", "copied")
    if seat.name == engines.GO or by is None or by != "copied" and piece < 8192:
        return None
    moved, why = seat.moved()
    if moved[by] >= 0.8 * sum(moved.values()):
        return None
    if not why:
        raise Failure(f"{seat.name}, {seat.role}: moved {moved}, and does not say why")
    return why


def all_rows(build, name, folder, o):
    """Every row of one engine: the daemon is the same one for all rows of a role."""
    out = {}
    for role in ("server", "client"):
        rows = [row for row in o.rows if ROWS[row][0] == role and applies(name, row)]
        if not rows:
            continue
        seat = engines.Seat(name, role, build, folder)
        try:
            seat.start()
            for row in rows:
                out[row] = cost(seat, row, o.suite, o.kib // 2 if "1400" in row else o.kib)
                shown = " ".join(f"{k}={v}" if k == "why" else f"{k}={v:.0f}" for k, v in out[row].items())
                print(f"  {row:18} {name:12} {shown}", flush=True)
        finally:
            seat.stop()
    return out


def applies(name, row):
    """Where the engine is no other one under its name."""
    return row.startswith(engines.ENGINES.get(name, {}).get("rows", ""))
