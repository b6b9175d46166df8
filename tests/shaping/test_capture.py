# SPDX-License-Identifier: GPL-2.0-or-later
"""10,000 sessions of the default scheme and 5,000 of others, as they are on the wire."""

import collections
import itertools

import pytest

import capture
import scheme
import stats
from anytls import DEFAULT_SCHEME
from capture import Run
from load import Plan
from narrow import OWN_NETWORK
from world import World

DEFAULT = DEFAULT_SCHEME.decode()
MANY = "stop=4\n0=10-110\n1=200-300,c,50-60\n2=20000-20100,700-700,c,9-9\n3=300-200,1-3,20-20"
GAPS = "stop=6\n0=1-101\n2=50-150,50-150,50-150\n4=c,300-400,c,8-4\n5=60-61"

# Small packets, one that uses every item up, sizes at the edges of ranges, and a FIN in various places. A name of
# 8 letters or less makes packet 1 shorter than any draw for it.
RUNS = [
    Run(DEFAULT, "a", Plan((100, 80, 200, 300, 1, 400), "reset"), 3000),
    Run(DEFAULT, "ab", Plan((5000, 2, 1200, 993, 1100, 400), "close"), 3000),
    Run(DEFAULT, "abc", Plan((517,), "reset"), 1000),
    Run(DEFAULT, "x" * 19, Plan((16000, 485, 600, 700), "reset"), 1500),
    Run(DEFAULT, "x" * 255, Plan((450, 600, 498, 490, 986, 992), "close"), 1500),
    Run(MANY, "x" * 255, Plan((30000, 5, 1), "reset"), 2500),
    Run(GAPS, "abc", Plan((10, 90, 500, 1000, 1), "reset"), 2500),
]
OURS = [i for i, run in enumerate(RUNS) if run.text == DEFAULT]


@pytest.fixture(scope="module")
def captures(tmp_path_factory, cert):
    """All runs, every session judged record by record."""
    made = []
    for run in RUNS:
        world = World(tmp_path_factory.mktemp("run"), cert)
        try:
            made.append(capture.record(world, run))
        finally:
            for thing in reversed(world.things):
                thing.close()
            wrong = [found for found in (daemon.finish() for daemon in world.daemons) if found]
        assert not wrong, "\n".join(wrong)
    return made


def draws(captures):
    return [draw for one in captures for session in one.draws for draw in session]


def open_ones(found):
    """Draws out of a range, with nothing hidden: their packet was surely longer or shorter than each."""
    return [one for one in found if not one.lo <= one.left + 7 or not one.left < one.hi or one.left == 0]


def by(found, key):
    groups = collections.defaultdict(list)
    for one in found:
        groups[key(one)].append(one)
    return groups


def test_as_many_sessions_as_promised(captures):
    assert sum(len(captures[i].sessions) for i in OURS) == 10000
    assert all(len(one.draws) == one.run.count for one in captures)


def test_every_range_of_the_default_scheme_is_drawn_uniformly(captures):
    groups = by(open_ones(draws(captures[i] for i in OURS)), lambda one: (one.lo, one.hi))
    assert set(groups) == {(30, 31), (100, 400), (400, 500), (500, 1000), (9, 10)}
    for (lo, hi), found in groups.items():
        assert len(found) >= stats.needed(lo, hi), "too few for the ends of the range"
        assert stats.uniform([scheme.drawn(one) for one in found], lo, hi) is None


def test_every_item_is_drawn_uniformly(captures):
    for text in (DEFAULT, MANY, GAPS):
        some = [one for one in captures if one.run.text == text]
        # the first session of a run still has the default scheme
        found = [draw for one in some for session in one.draws[1:] for draw in session]
        items = sum(item != "c" for items in scheme.parse(text)[1].values() for item in items)
        groups = by(open_ones(found), lambda one: (one.packet, one.item))
        assert len(groups) == items, "an item of which nothing was seen"
        for key, group in groups.items():
            lo, hi = group[0].lo, group[0].hi
            reason = stats.uniform([scheme.drawn(one) for one in group], lo, hi)
            assert reason is None, f"item {key} of {text!r}: {reason}"


def hidden_fit(group, lo, hi, left):
    """What speaks against writes where the draws from `left` to `left` + 7 all give the same one, or None."""
    first, last = max(lo, left), min(hi - 1, left + 7)
    share = (last - first + 1) / (hi - lo)
    seen = [scheme.drawn(one) for one in group]
    rest = [size if size < first else size - (last - first + 1) for size in seen if size is not None]
    expected = [len(seen) * share, len(seen) * (1 - share)]
    if min(expected) >= 20 and stats.chi_square_p([seen.count(None), len(rest)], expected) < stats.ALARM:
        return f"{seen.count(None)} of {len(seen)} writes were as long as the packet, not {expected[0]:.0f}"
    return stats.uniform(rest, lo, hi - (last - first + 1)) if rest else None


def test_draws_that_the_packet_hides_are_as_frequent_as_they_should_be(captures):
    found = draws(captures)
    unhidden = set(open_ones(found))
    groups = by([one for one in found if one not in unhidden], lambda one: one[:5])
    assert len(groups) >= 8
    for key, group in groups.items():
        lo, hi, left = key[2:]
        if hi - lo > 8:
            reason = hidden_fit(group, lo, hi, left)
            assert reason is None, f"{key}: {reason}"


def test_draws_of_one_session_know_nothing_of_each_other(captures):
    sessions = [[one for one in session if one.hi - one.lo > 8 and scheme.drawn(one) is not None]
                for i in OURS for session in captures[i].draws]
    neighbours = by([pair for session in sessions for pair in itertools.pairwise(session)],
                    lambda pair: tuple(one[2:4] for one in pair))
    assert {((100, 400), (400, 500)), ((400, 500), (500, 1000)), ((500, 1000), (500, 1000))} <= set(neighbours)
    for ranges, pairs in neighbours.items():
        if len(pairs) >= 2000:
            assert stats.independent([tuple(map(scheme.drawn, pair)) for pair in pairs], *ranges) is None


def test_each_shaped_record_is_a_segment_of_its_own(captures):
    """ChangeCipherSpec and Finished share one. What is no longer shaped may share one with close_notify.

    The kernel repeats a segment where an acknowledgement was slow, unless that is switched off: then records that were
    sent together may be hidden in some sessions, not in all.
    """
    for one in (captures[i] for i in OURS):
        shaped = scheme.parse(DEFAULT)[0] > len(capture.packets(one.run, DEFAULT))
        extra = [noted.segments - (len(noted.records) - 1) for noted in one.sessions]
        assert not any(noted.torn for noted in one.sessions), "a record in pieces"
        assert min(extra) >= (0 if shaped else -1), "two records in one segment"
        assert max(extra) <= 0 or not OWN_NETWORK, "a record in two segments"
        assert extra.count(min(extra)) > len(extra) // 2, "hardly a session without repeated segments"
