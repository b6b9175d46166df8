# SPDX-License-Identifier: GPL-2.0-or-later
"""The test of the judge: what the protocol notes work out is accepted, and every change to it refused."""

import pytest

import scheme
from anytls import DEFAULT_SCHEME
from scheme import Violation, judge, parse

DEFAULT = parse(DEFAULT_SCHEME.decode())
FIXED = parse("stop=4\n0=30-30\n1=250-250\n2=400-400,c,700-700,c,600-600\n3=9-9,600-600")

# Packets of a session and its records after the preamble: the examples of protocol notes 4.8.
EXAMPLES = [
    (DEFAULT, [103], [100, 3]),
    (DEFAULT, [103], [103]),
    (DEFAULT, [103], [111]),
    (DEFAULT, [103], [399]),
    (DEFAULT, [103, 524], [250, 430, 700]),
    (DEFAULT, [103, 107], [250, 430]),
    (DEFAULT, [103, 5007], [250, 430, 700, 600, 800, 900, 1577]),
    (DEFAULT, [103, 107, 87], [250, 430, 9, 600]),
    (DEFAULT, [103, 107, 7], [250, 430, 7, 607]),
    (DEFAULT, [103, 107, 8], [250, 430, 8, 607]),
    (DEFAULT, [103, 107, 9], [250, 430, 9, 607]),
    (DEFAULT, [103, 107, 10], [250, 430, 9, 600]),
    (DEFAULT, [103, 107, 10, 7, 7, 7, 7, 7], [250, 430, 9, 600, 500, 999, 500, 999, 7]),
    (FIXED, [103, 524, 87, 4000], [250, 400, 700, 9, 600, 4000]),
    (FIXED, [245, 100, 7, 40000], [245, 400, 7, 607, 16384, 16384, 7232]),
]
REFUSED = [
    (DEFAULT, [103], [99, 4], "below the range"),
    (DEFAULT, [103], [400], "the upper bound"),
    (DEFAULT, [103], [104], "no room for a Waste frame"),
    (DEFAULT, [103], [110], "no room for a Waste frame"),
    (DEFAULT, [103, 107, 7], [250, 430, 7, 600 - 101], "below, with nothing left"),
    (DEFAULT, [103, 107, 7], [250, 430, 7, 1007], "the upper bound, with nothing left"),
    (DEFAULT, [103, 107], [250, 430, 700], "a write after the check"),
    (DEFAULT, [103, 524], [250, 430], "a packet that is not finished"),
    (DEFAULT, [103, 107, 10], [250, 1039], "two packets in one record"),
]


@pytest.mark.parametrize("rules, packets, records", EXAMPLES)
def test_worked_examples_are_accepted(rules, packets, records):
    assert judge(rules, packets, [64] + records)


@pytest.mark.parametrize("rules, packets, records, why", REFUSED)
def test_what_the_algorithm_cannot_make_is_refused(rules, packets, records, why):
    with pytest.raises(Violation):
        judge(rules, packets, [64] + records)


def changes(records):
    """Every way to lose, add, merge, cut or resize one record."""
    for i, size in enumerate(records):
        head, tail = records[:i], records[i + 1:]
        yield head + tail
        yield head + [size, 1] + tail
        yield head + [size - 1] + tail
        yield head + [size + 1] + tail
        yield head + [size - 3, 3] + tail
        if tail:
            yield head + [size + tail[0]] + tail[1:]


@pytest.mark.parametrize("packets, records", [one[1:] for one in EXAMPLES if one[0] is FIXED])
def test_no_change_to_fixed_sizes_is_missed(packets, records):
    records = [64] + records
    for changed in changes(records):
        with pytest.raises(Violation):
            judge(FIXED, packets, changed)


def test_draws_are_what_was_drawn():
    draws = judge(DEFAULT, [103, 107, 7], [64, 250, 430, 7, 607])
    assert [scheme.drawn(one) for one in draws] == [30, 250, 430, 9, 600]
    assert scheme.drawn(judge(DEFAULT, [103], [64, 103])[1]) is None
