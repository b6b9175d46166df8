# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures that are shown: their names and units, medians, intervals and paired ratios."""
import math
import statistics
from collections import namedtuple

import plain

# group: heading; label: line; row and metric: where the samples are; digits: after the point
Figure = namedtuple("Figure", "group label row metric digits")

CPU, RATE = "Bulk: CPU seconds per GiB", "Bulk: GiB/s through the whole chain (more is better)"
FIRST, OPEN = "First byte of a new stream: ms", "New streams, 64 at once"
MEMORY, BACK = "Memory (RSS)", "Memory given back: MiB"
IDLE = "Bulk beside idle sessions: CPU seconds per GiB"
PLAIN = "Server without TLS, one stream, by engine: CPU seconds per GiB"
SHAKE = "Full TLS 1.3 handshakes: CPU us"
BULK = {"down-1": "download, 1 stream", "down-64": "download, 64 streams",
        "up-1": "upload, 1 stream", "up-64": "upload, 64 streams"}
ROLES = ("server", "client")
PEERS = ("sing-box", "openssl")

FIGURES = [
    *(Figure(CPU, f"{role}, {text}", row, f"{role}_cpu", 2)
      for role in ROLES for row, text in BULK.items()),
    *(Figure(RATE, text, row, "rate", 2) for row, text in BULK.items()),
    Figure(FIRST, "p50, one at a time", "new-1", "p50", 3),
    Figure(FIRST, "p99, one at a time", "new-1", "p99", 3),
    *(Figure(OPEN, f"{role}, CPU us per stream", "new-64", f"{role}_cpu", 0) for role in ROLES),
    Figure(OPEN, "streams per second (more is better)", "new-64", "rate", 0),
    *(Figure(MEMORY, f"{role}, base, MiB", "memory", f"{role}_base", 1) for role in ROLES),
    *(Figure(MEMORY, f"{role}, KiB per active stream", "memory", f"{role}_active", 1)
      for role in ROLES),
    *(Figure(MEMORY, f"{role}, KiB per idle session", "memory", f"{role}_idle", 1)
      for role in ROLES),
]

FIGURES += [
    *(Figure(IDLE, f"{role}, {text}", "idle", f"{role}_{metric}", 2)
      for role in ROLES for metric, text in
      (("one", "one session"), ("many", "and 8,000 idle ones"), ("ratio", "ratio of the two"))),
    *(Figure(PLAIN, text, "plain", metric, 2) for metric, text in plain.LABELS.items()),
    *(Figure(SHAKE, f"{kind}, {text}", row, metric, 0)
      for row, kind in (("handshake-p256", "P-256"), ("handshake-rsa", "RSA-2048"))
      for metric, text in (("server_cpu", "server"), ("client_alone", "client, the handshake alone"),
                           ("client_cpu", "client, new session and stream"),
                           ("client_more", "client, less a stream on a warm session"))),
    *(Figure(BACK, f"{role}, {text}", row, f"{role}_{metric}", 1) for role in ROLES
      for row, metric, text in (
          ("peak", "peak", "8,000 streams, over base"), ("peak", "back", "60 s after all is closed, over base"),
          ("waves", "few", "after 100 waves of 200 streams"), ("waves", "many", "after 1,000 waves"))),
]

Estimate = namedtuple("Estimate", "median low high")


def estimate(values):
    """The median and its 95 % interval by order statistics; below 6 values, the range."""
    values = sorted(values)
    n, cut, tail = len(values), 0, 0.0
    while n >= 6:
        tail += math.comb(n, cut) / 2 ** n
        if 2 * tail > 0.05:
            break
        cut += 1
    cut = max(cut - 1, 0)
    return Estimate(statistics.median(values), values[cut], values[n - 1 - cut])


def samples(results, figure, contender):
    rounds = results["samples"].get(figure.row, {}).get(contender, [])
    return [one[figure.metric] for one in rounds if figure.metric in one]


def value(results, figure, contender):
    values = samples(results, figure, contender)
    return estimate(values) if values else None


def ratio(results, figure, contender, other):
    """Of figures of the same round: what slows the machine for a while slows both."""
    pairs = list(zip(samples(results, figure, contender), samples(results, figure, other)))
    return estimate([a / b for a, b in pairs]) if pairs and all(b > 0 for _, b in pairs) else None


def interval(e, digits):
    return f"{e.median:.{digits}f} ({e.low:.{digits}f}-{e.high:.{digits}f})" if e else ""


def groups(figures=None):
    out = {}
    for figure in figures or FIGURES:
        out.setdefault(figure.group, []).append(figure)
    return out.items()


def comparisons(results):
    """The first contender against sing-box and the floors, as far as they took part."""
    names = results["contenders"]
    return [(names[0], other) for other in names if other in PEERS or "floor" in other]


def tables(results, figures=None):
    lines = []
    for group, members in groups(figures):
        names = [n for n in results["contenders"] if any(value(results, f, n) for f in members)]
        pairs = [pair for pair in comparisons(results) if set(pair) <= set(names)]
        head = [group, *names, *(f"{a} / {b}" for a, b in pairs)]
        body = []
        for f in members:
            cells = [interval(value(results, f, name), f.digits) for name in names]
            cells += [interval(ratio(results, f, a, b), 2) for a, b in pairs]
            if any(cells):
                body.append("| " + " | ".join([f.label, *cells]) + " |")
        if body:
            lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *body, ""]
    return lines


def markdown(results):
    others = results["others"]  # unknown where results of several runs are put together
    lines = [results["machine"] + (f"; other processes took {others:.0%} meanwhile" if others is not None else ""), ""]
    lines += [f"- {name}: {text}" for name, text in results["versions"].items()]
    lines += ["", f"Medians of {results['rounds']} rounds ({results['memory_rounds']} for memory) "
              "with their 95 % intervals (the range where there are fewer than 6 rounds); ratios "
              "are medians of the ratios within each round.", ""]
    return "\n".join(lines + tables(results))
