# SPDX-License-Identifier: GPL-2.0-or-later
"""One picture of the comparison: horizontal bars, a scale for each group, hand-written SVG."""
from html import escape

from figures import comparisons, groups, ratio, value

COLOURS = {"anytlsd": "#1a66c2", "sing-box": "#a3adb8", "floor": "#2f3a45",
           "openssl": "#7a8f6a"}
WIDTH, LEFT, BARS = 1085, 315, 440  # the bars begin at LEFT and are at most BARS long
BAR, GAP = 10, 9
STYLE = ("text{font:12px system-ui,sans-serif;fill:#1f2730}.h{font-size:13px;font-weight:600}"
         ".n{font-size:10px;fill:#4a5663}.t{font-size:16px;font-weight:600}")


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def rect(x, y, width, height, fill):
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height}" fill="{fill}" rx="1.5"/>'


def whisker(low, high, y):
    middle = y + BAR / 2
    return (f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {y + 2}v{BAR - 4}'
            f'M{high:.1f} {y + 2}v{BAR - 4}" stroke="#c2410c" fill="none"/>')


def bars(results, figure, names, scale, y):
    """The bars of one figure, from y downwards, and the y below them."""
    out, start = [], y
    for name in names:
        e = value(results, figure, name)
        if not e:
            continue
        end = LEFT + max(e.median, 0) * scale
        out.append(rect(LEFT, y, end - LEFT, BAR, COLOURS[name]))
        if e.high > e.low:
            out.append(whisker(LEFT + max(e.low, 0) * scale, LEFT + max(e.high, 0) * scale, y))
        at = max(end, LEFT + max(e.high, 0) * scale) + 6
        out.append(text(f"{at:.1f}", y + BAR - 1, f"{e.median:.{figure.digits}f}", "n"))
        y += BAR + 2
    out.append(text(LEFT - 10, (start + y) // 2 + 3, figure.label, anchor="end"))
    notes = [(other, ratio(results, figure, a, other)) for a, other in comparisons(results)]
    words = ", ".join(f"{e.median:.2f} of {other}" for other, e in notes if e)
    out.append(text(WIDTH - 16, (start + y) // 2 + 3, words, "n", "end"))
    return out, y + GAP


def scales(figures, results, names):
    """Units differ within a group when the label ends in one; each unit has its own scale."""
    top = {}
    for f in figures:
        unit = f.label.split(", ", 1)[-1] if f.row in ("memory", "new-64") else ""
        found = [e.high for e in (value(results, f, n) for n in names) if e]
        top[unit] = max([top.get(unit, 0), *found])
    for f in figures:
        unit = f.label.split(", ", 1)[-1] if f.row in ("memory", "new-64") else ""
        yield f, BARS / top[unit] if top[unit] > 0 else 0


def legend(names, rounds, y):
    out, x = [], LEFT
    words = "95 % interval of the median" if rounds >= 6 else f"range of {rounds} rounds"
    for name in names:
        out += [rect(x, y - BAR + 1, 18, BAR, COLOURS[name]), text(x + 24, y, name)]
        x += 110
    out += [whisker(x, x + 18, y - BAR + 1), text(x + 24, y, words)]
    return out


def draw(results):
    names = [n for n in results["contenders"] if n in COLOURS]
    out, y = [text(16, 28, f"{names[0]} beside its peer and the floor", "t")], 52
    out += legend(names, results["rounds"], y)
    y += 16
    for group, figures in groups():
        body, at = [], y + 28
        for figure, scale in scales(figures, results, names):
            if any(value(results, figure, n) for n in names):
                more, at = bars(results, figure, names, scale, at)
                body += more
        if body:
            out += [text(16, y + 16, group, "h"), *body]
            y = at + 4
    out.append(text(16, y + 14, results["machine"], "n"))
    height = y + 28
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                      f'viewBox="0 0 {WIDTH} {height}" role="img">',
                      "<title>Cost of anytlsd beside sing-box and the floor</title>",
                      f"<style>{STYLE}</style>", rect(0, 0, WIDTH, height, "#ffffff"), *out,
                      "</svg>", ""])
