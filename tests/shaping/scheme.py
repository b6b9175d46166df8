# SPDX-License-Identifier: GPL-2.0-or-later
"""A padding scheme as a judge: whether a session's records are what the scheme can make of its packets."""

import collections

HEADER = 7              # of a frame; a Waste frame needs one
PREAMBLE = 34           # hash and length
RECORD_MAX = 16384

# An item of which a size was drawn: `size` is the write that came of it, with `left` bytes still in the packet.
Draw = collections.namedtuple("Draw", "packet item lo hi left size")


class Violation(AssertionError):
    """The records are not what the scheme asks for."""


def parse(text):
    """(stop, {packet: items}); an item is "c" or (lo, hi), both as drawn: lo <= size < hi."""
    lines = dict(line.split("=", 1) for line in text.split("\n"))
    stop = int(lines.pop("stop"))
    return stop, {int(key): [parse_item(item) for item in value.split(",")] for key, value in lines.items()}


def parse_item(text):
    if text == "c":
        return text
    lo, hi = sorted(int(part) for part in text.split("-"))
    return lo, max(hi, lo + 1)


def outcome(size, left):
    """How long a write is for which `size` was drawn while the packet has `left` bytes."""
    if left == 0:
        return size + HEADER
    if size < left or size > left + HEADER:
        return size
    return left


def possible(lo, hi, left, size):
    """Whether a draw out of [lo, hi) can have made a write of that size."""
    if left == 0:
        return lo <= size - HEADER < hi
    if size == left:        # up to 7 bytes short of what was drawn
        return lo <= left + HEADER and left < hi
    return lo <= size < hi and not left < size <= left + HEADER


def drawn(draw):
    """The size that was drawn, or None where several make the same write."""
    if draw.hi - draw.lo == 1:
        return draw.lo
    if draw.left == 0:
        return draw.size - HEADER
    return None if draw.size == draw.left else draw.size


class Records:
    """A session's records, taken write by write: what is longer than a record fills whole ones."""

    def __init__(self, sizes):
        self.sizes, self.at = sizes, 0

    def write(self):
        total = 0
        while self.at < len(self.sizes):
            size = self.sizes[self.at]
            self.at += 1
            total += size
            if size > RECORD_MAX:
                raise Violation(f"a record of {size}")
            if size < RECORD_MAX:
                return total
        raise Violation(f"the records end inside a packet: {self.sizes}")


def judge_packet(number, items, left, records, draws):
    for at, item in enumerate(items):
        if item == "c":
            if left == 0:
                return
            continue
        size = records.write()
        if not possible(*item, left, size):
            raise Violation(f"packet {number}, item {at} {item}: a write of {size} with {left} bytes left; "
                            f"records {records.sizes}")
        draws.append(Draw(number, at, *item, left, size))
        left = max(0, left - size)
    if left:
        size = records.write()
        if size != left:
            raise Violation(f"packet {number}: the rest is {left} bytes, but {size} came; {records.sizes}")


def judge(scheme, packets, sizes, more=False):
    """Follows a session's plaintext record sizes, preamble first, given its packets; returns the draws.

    With `more`, further packets may have begun.
    """
    stop, items = scheme
    records, draws = Records(sizes), []
    first = items.get(0, ["c"])[0]
    lo, hi = (0, 1) if first == "c" else first
    padding = records.write() - PREAMBLE
    if not lo <= padding < hi:
        raise Violation(f"padding of {padding} in the preamble, drawn from [{lo}, {hi}); records {sizes}")
    draws.append(Draw(0, 0, lo, hi, 0, padding + HEADER))
    for number, left in enumerate(packets, 1):
        judge_packet(number, items.get(number, []) if number < stop else [], left, records, draws)
    if records.at != len(sizes) and not more:
        raise Violation(f"{len(sizes) - records.at} records too many: {sizes}")
    return draws
