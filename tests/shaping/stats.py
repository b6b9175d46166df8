# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether draws are uniform, with thresholds whose false alarms are counted before the draws are seen.

ALARM is the chance that one check refuses a right sample. A run makes fewer than a thousand checks, so it
is refused wrongly with less than 1e-6.
"""

import math

ALARM = 1e-9
GRID = 8        # cells a side where two draws are compared


def gamma_q(a, x):
    """The upper regularized incomplete gamma function."""
    scale = math.exp(a * math.log(x) - x - math.lgamma(a)) if x > 0 else 0
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, 10000):
            term *= x / (a + n)
            total += term
            if term < total * 1e-15:
                break
        return 1 - total * scale
    b, c = x + 1 - a, 1e300
    d = h = 1 / b
    for n in range(1, 10000):
        b += 2
        d = 1 / (b - n * (n - a) * d)
        c = b - n * (n - a) / c
        h *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return h * scale


def chi_square_p(observed, expected):
    """The chance of counts that fit no better, by Pearson's statistic."""
    x = sum((o - e) ** 2 / e for o, e in zip(observed, expected))
    return gamma_q((len(observed) - 1) / 2, x / 2)


def cells(lo, hi, n):
    """Bounds of so many cells that each expects 20 draws or more: the statistic is chi-square then."""
    count = max(1, min(hi - lo, n // 20))
    return [lo + (hi - lo) * i // count for i in range(count + 1)]


def counts(sample, bounds):
    found, at = [0] * (len(bounds) - 1), 0
    for value in sorted(sample):
        while value >= bounds[at + 1]:
            at += 1
        found[at] += 1
    return found


def needed(lo, hi):
    """The draws after which every single value has been seen, but for ALARM."""
    width = hi - lo
    return math.ceil(math.log(ALARM) / math.log1p(-1 / width)) if width > 1 else 1


def edges(sample, lo, hi):
    if min(sample) < lo or max(sample) >= hi:
        return f"drawn from {min(sample)} to {max(sample)}"
    if len(sample) >= needed(lo, hi) and (min(sample), max(sample)) != (lo, hi - 1):
        return f"only {min(sample)} to {max(sample)} were drawn in {len(sample)}"
    return None


def distance(sample, lo, hi):
    """Kolmogorov-Smirnov, with the bound of Dvoretzky, Kiefer, Wolfowitz and Massart: it holds for any size."""
    n, width, below, worst = len(sample), hi - lo, 0, 0.0
    found = counts(sample, range(lo, hi + 1))
    for i, one in enumerate(found, 1):
        below += one
        worst = max(worst, abs(below / n - i / width))
    limit = math.sqrt(math.log(2 / ALARM) / (2 * n))
    return f"the distance from uniform is {worst:.4f}, over {limit:.4f}" if worst > limit else None


def fit(sample, lo, hi):
    bounds = cells(lo, hi, len(sample))
    if len(bounds) < 3:
        return None
    share = [len(sample) * (b - a) / (hi - lo) for a, b in zip(bounds, bounds[1:])]
    p = chi_square_p(counts(sample, bounds), share)
    return f"chi-square over {len(share)} cells has p = {p:.2g}" if p < ALARM else None


def uniform(sample, lo, hi):
    """What speaks against draws that are uniform in [lo, hi), or None."""
    found = [edges(sample, lo, hi)]
    if not found[0] and hi - lo > 1:
        found += [distance(sample, lo, hi), fit(sample, lo, hi)]
    reasons = [one for one in found if one]
    return f"{len(sample)} draws from [{lo}, {hi}): " + "; ".join(reasons) if reasons else None


def expected_cells(lo, width):
    bounds = [lo + width * i // GRID for i in range(GRID + 1)]
    return bounds, [(b - a) / width for a, b in zip(bounds, bounds[1:])]


def independent(pairs, first, second):
    """What speaks against pairs whose halves know nothing of each other, or None; 20 expected in each cell."""
    (a_bounds, a_share), (b_bounds, b_share) = (expected_cells(lo, hi - lo) for lo, hi in (first, second))
    assert len(pairs) >= 25 * GRID ** 2, "too few pairs"
    observed = []
    for i in range(GRID):
        row = [b for a, b in pairs if a_bounds[i] <= a < a_bounds[i + 1]]
        observed += counts(row, b_bounds)
    p = chi_square_p(observed, [len(pairs) * a * b for a in a_share for b in b_share])
    return f"{len(pairs)} pairs: chi-square over {len(observed)} cells has p = {p:.2g}" if p < ALARM else None
