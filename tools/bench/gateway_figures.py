# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of gateways: their names and units, and whose ratios are shown."""
from figures import Figure, groups, interval, ratio, value

TCP, FIRST = "New connections, captured", "First byte of a new connection, captured: ms"
UDP = "UDP, captured"
BULK = "Bulk, captured: CPU seconds per GiB of the gateway"
BYPASS = "Let through: CPU of the whole path"
LEFT, MEMORY = "After 2,000 short flows of UDP", "Memory (RSS) of the gateway"
BULKS = {"down-1": "download, 1 stream", "down-8": "download, 8 streams",
         "up-1": "upload, 1 stream", "up-8": "upload, 8 streams"}
PACKETS = {"udp-1": "1 flow, 1 under way", "udp-4": "1 flow, 4 under way", "udp-32": "1 flow, 32 under way",
           "udp-1000": "1,000 flows, 64 under way"}

FIGURES = [
    *(Figure(TCP, f"gateway, CPU us, {text}", row, "gateway", 0)
      for row, text in (("new-1", "one at a time"), ("new-64", "64 at once"))),
    Figure(TCP, "whole path, CPU us, 64 at once", "new-64", "path", 0),
    Figure(TCP, "per second, 64 at once (more is better)", "new-64", "rate", 0),
    Figure(FIRST, "p50, one at a time", "new-1", "p50", 3), Figure(FIRST, "p99, one at a time", "new-1", "p99", 3),
    *(Figure(UDP, f"gateway, CPU us per packet, {text}", row, "gateway", 2) for row, text in PACKETS.items()),
    *(Figure(UDP, f"whole path, CPU us per packet, {text}", row, "path", 2) for row, text in PACKETS.items()),
    *(Figure(UDP, f"thousand packets per second, {text} (more is better)", row, "rate", 1)
      for row, text in PACKETS.items()),
    Figure(UDP, "gateway, CPU us per new flow", "udp-new", "gateway", 0),
    Figure(UDP, "whole path, CPU us per new flow", "udp-new", "path", 0),
    Figure(UDP, "first answer of a new flow, 64 at once, p50, ms", "udp-new", "p50", 2),
    Figure(UDP, "first answer of a new flow, 64 at once, p99, ms", "udp-new", "p99", 2),
    *(Figure(UDP, f"lost of 1,000 datagrams, {text}", row, "lost", 1)
      for row, text in (*PACKETS.items(), ("udp-new", "new flows"))),
    *(Figure(BULK, text, row, "gateway", 2) for row, text in BULKS.items()),
    *(Figure(BULK, f"{text}, through SOCKS", row, "socks", 2) for row, text in BULKS.items()),
    *(Figure(BULK, f"{text}, captured / SOCKS", row, "ratio", 2) for row, text in BULKS.items()),
    *(Figure(BULK, f"{text}, GiB/s (more is better)", row, "rate", 2) for row, text in BULKS.items()),
]

FIGURES += [
    Figure(BYPASS, "us per new connection", "bypass-new", "path", 1),
    Figure(BYPASS, "us per packet of UDP, 1 flow", "bypass-udp", "path", 2),
    Figure(BYPASS, "us per new flow of UDP", "bypass-udp-new", "path", 1),
    Figure(BYPASS, "seconds per GiB, download", "bypass-down", "path", 3),
    Figure(BYPASS, "seconds per GiB, upload", "bypass-up", "path", 3),
    Figure(BYPASS, "GiB/s, download (more is better)", "bypass-down", "rate", 2),
    Figure(BYPASS, "GiB/s, upload (more is better)", "bypass-up", "rate", 2),
    Figure(BYPASS, "thousand packets of UDP per second (more is better)", "bypass-udp", "rate", 1),
    *(Figure(LEFT, f"{what}, {when}", "udp-left", f"{what.split()[-1]}_{key}", 0)
      for what in ("open files", "sessions")
      for key, when in (("before", "before"), (1, "1 s later"), (15, "15 s later"), (30, "30 s later"),
                        (60, "60 s later"))),
    Figure(MEMORY, "base, MiB", "memory", "base", 1),
    Figure(MEMORY, "KiB per idle connection, of 4,000", "memory", "stream", 1),
    Figure(MEMORY, "KiB per flow of UDP, of 1,000", "memory", "flow", 1),
]

# Ours against the one whose ratio to it is shown.
PEERS = (("sk_lookup", "sing-box-tproxy"), ("tproxy", "sing-box-tproxy"), ("redirect", "sing-box-redirect"))
PLAIN = tuple((name, "forward") for name in ("sk_lookup", "tproxy", "redirect", "sing-box-tproxy", "forward-conntrack"))


def row(results, figure, names, pairs):
    cells = [interval(value(results, figure, name), figure.digits) for name in names]
    no_ratio = figure.metric in ("ratio", "lost") or figure.row == "udp-left"
    cells += [interval(None if no_ratio else ratio(results, figure, *pair), 2) for pair in pairs]
    return f"| {' | '.join([figure.label, *cells])} |"


def tables(results, figures):
    for group, members in groups(figures):
        names = [n for n in results["contenders"] if any(value(results, f, n) for f in members)]
        pairs = [pair for pair in (PLAIN if members[0].row.startswith("bypass") else PEERS) if set(pair) <= set(names)]
        shown = [f for f in members if any(value(results, f, n) for n in names)]
        if shown:
            yield "| " + " | ".join([group, *names, *(f"{a} / {b}" for a, b in pairs)]) + " |"
            yield "|---" * (1 + len(names) + len(pairs)) + "|"
            for figure in shown:
                yield row(results, figure, names, pairs)
            yield ""


def markdown(results):
    lines = [f"{results['machine']}, IPv{results['family']}; other processes took {results['others']:.0%} meanwhile", "",
             *(f"- {name}: {text}" for name, text in results["versions"].items()), "",
             f"Medians of {results['rounds']} rounds with their 95 % intervals (the range where there are fewer than 6 "
             "rounds); ratios are medians of the ratios within each round.", ""]
    return "\n".join([*lines, *tables(results, FIGURES)])


def counted():
    """The figures of CPU, as instructions."""
    for f in FIGURES:
        if f.metric in ("gateway", "path", "socks", "ratio") and f.row != "memory":
            kib = "bulk" in f.group.lower() or "per GiB" in f.label
            label = f.label.replace("CPU us", "thousands").replace("us per", "thousands per")
            label = label.replace("seconds per GiB", "instructions per KiB").replace("1,000 flows", "many flows")
            group = f.group.replace("CPU seconds per GiB", "instructions per KiB").replace("CPU", "instructions")
            digits = f.digits if f.metric == "ratio" else 0 if kib else 1
            yield f._replace(group=group, label=label, digits=digits)


def instructions(results):
    lines = [f"{results['machine']}, IPv{results['family']}; libcrypto found {results['cipher_code']}", "",
             *(f"- {name}: {text}" for name, text in results["versions"].items()), "",
             f"Means of {results['runs']} guests with their range.", ""]
    return "\n".join([*lines, *tables(results, list(counted()))])
