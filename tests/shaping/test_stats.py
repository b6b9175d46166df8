# SPDX-License-Identifier: GPL-2.0-or-later
"""The test of the distribution test: right samples pass, every wrong one is refused."""

import math
import random

import pytest

import stats

N = 12000
RANGES = [(100, 400), (500, 1000), (30, 31), (400, 500), (1, 3)]


def sample(draw, n=N, seed=1):
    rng = random.Random(seed)
    return [draw(rng) for _ in range(n)]


# Wrong ways to draw from [lo, hi).
BIASED = {
    "upper bound included": lambda r, lo, hi: r.randint(lo, hi),
    "lower bound excluded": lambda r, lo, hi: r.randrange(lo + 1, hi),
    "last value left out": lambda r, lo, hi: r.randrange(lo, hi - 1),
    "one too small": lambda r, lo, hi: r.randrange(lo, hi) - 1,
    "even values only": lambda r, lo, hi: r.randrange(lo, hi) & ~1,
    "one value twice as often": lambda r, lo, hi: r.choice((*range(lo, hi), *[(lo + hi) // 2] * ((hi - lo) // 20))),
    "one byte for the draw": lambda r, lo, hi: lo + r.randrange(256) % (hi - lo),
    "two draws averaged": lambda r, lo, hi: (r.randrange(lo, hi) + r.randrange(lo, hi)) // 2,
    "the smaller of two, one time in five":
        lambda r, lo, hi: min(r.randrange(lo, hi), r.randrange(lo, hi) if r.random() < .2 else hi),
    "always the middle": lambda r, lo, hi: (lo + hi) // 2,
}


@pytest.mark.parametrize("lo, hi", [(100, 400), (500, 1000)])
@pytest.mark.parametrize("draw", BIASED.values(), ids=BIASED.keys())
def test_a_biased_sample_is_refused(draw, lo, hi):
    assert stats.uniform(sample(lambda rng: draw(rng, lo, hi)), lo, hi)


@pytest.mark.parametrize("lo, hi", RANGES)
def test_right_samples_pass(lo, hi):
    for seed in range(20):
        assert stats.uniform(sample(lambda rng: rng.randrange(lo, hi), N, seed), lo, hi) is None


def test_the_statistic_is_chi_square():
    """How often a p below 0.01 comes of right samples: 20 of 2000 +- 4.5, so far from 50."""
    low = 0
    for seed in range(2000):
        drawn = sample(lambda rng: rng.randrange(25), 500, seed)
        low += stats.chi_square_p(stats.counts(drawn, range(26)), [20] * 25) < 0.01
    assert 4 <= low <= 50


@pytest.mark.parametrize("a, x, q", [(0.5, 0.5, math.erfc(math.sqrt(0.5))), (1, 40, math.exp(-40)),
                                     (2, 3, 4 * math.exp(-3)), (150, 150, 0.489143), (0.5, 20, math.erfc(math.sqrt(20)))])
def test_incomplete_gamma(a, x, q):
    assert stats.gamma_q(a, x) == pytest.approx(q, rel=1e-4)


def test_a_bound_off_by_one_cannot_hide():
    """After so many draws the ends of the range have been seen, and so would a wrong end have been."""
    for lo, hi in RANGES[:2]:
        assert stats.needed(lo, hi) <= N
        assert (1 - 1 / (hi - lo + 1)) ** stats.needed(lo, hi) < 1.1 * stats.ALARM


def test_draws_that_repeat_are_refused():
    rng = random.Random(1)
    drawn = [rng.randrange(500, 1000) for _ in range(2 * N)]
    pairs = list(zip(drawn[::2], drawn[1::2]))
    assert stats.independent(pairs, (500, 1000), (500, 1000)) is None
    assert stats.independent([(a, a) for a, _ in pairs], (500, 1000), (500, 1000))
    tenth = [(a, a if rng.random() < .1 else b) for a, b in pairs]
    assert stats.independent(tenth, (500, 1000), (500, 1000))
