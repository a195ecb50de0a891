"""The charts, as SVG for light and for dark pages, drawn from results.json by hand."""

import math
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent / "charts"
SHADES = {
    "light": {
        "text": "#1f2328",
        "soft": "#59636e",
        "line": "#d1d9e0",
        "ours": "#0969da",
        "hand": "#818b98",
        "peer": "#c2a878",
        "lost": "#cf222e",
        "doubled": "#e16f24",
    },
    "dark": {
        "text": "#e6edf3",
        "soft": "#9198a1",
        "line": "#3d444d",
        "ours": "#4493f8",
        "hand": "#7d8590",
        "peer": "#8a7343",
        "lost": "#f85149",
        "doubled": "#f0883e",
    },
}
WIDTH, LEFT, RIGHT, BAR, STEP = 840, 200, 120, 15, 23
FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
NAMES = {"drt": "drt-core", "singer": "singer-sdk"}


class Canvas:
    """Collect what is drawn, in the colours of one shade."""

    def __init__(self, shade):
        self.colours = SHADES[shade]
        self.parts = []

    def text(self, x, y, words, *, colour="text", size=13, anchor="start", bold=False):
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{self.colours[colour]}" font-size="{size}"'
            f' text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def bar(self, x, y, width, colour, height=BAR):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height}"'
            f' rx="2" fill="{self.colours[colour]}"/>'
        )

    def line(self, points, colour, width=1.0, dashed=False):
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<polyline points="{told}" fill="none" stroke="{self.colours[colour]}"'
            f' stroke-width="{width}" stroke-linejoin="round"{dash}/>'
        )

    def dot(self, x, y, colour):
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{self.colours[colour]}"/>'
        )

    def drawn(self, height, title):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}"'
            f' viewBox="0 0 {WIDTH} {height:.0f}" font-family="{escape(FONT)}" role="img">\n'
            f"<title>{escape(title)}</title>\n" + "\n".join(self.parts) + "\n</svg>\n"
        )


def shown(name):
    head, comma, rest = name.partition(",")
    return NAMES.get(head, head) + comma + rest


def kind(name):
    head = name.partition(",")[0]
    return {"tailrace": "ours", "hand": "hand"}.get(head, "peer")


def seconds(value):
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.0f} ms"


def head(canvas, y, title, result, note):
    canvas.text(0, y, title, size=15, bold=True)
    canvas.text(0, y + 18, f"{note}; {result['rows']:,} rows", colour="soft", size=12)
    return y + 32


def bars(canvas, y, title, result, figure, note):
    """Draw one bar a contender; gives where the next thing may begin."""
    y = head(canvas, y, title, result, note)
    entries = {n: e for n, e in result["contenders"].items() if "missing" not in e}
    most = max((each[figure] for each in entries.values()), default=1)
    for name, entry in entries.items():
        width = (WIDTH - LEFT - RIGHT) * entry[figure] / most
        mark = "> " if "bound" in entry else "≈ " if entry.get("scaled") else ""
        mark += seconds(entry[figure]) + (" (failed)" if "ended" in entry else "")
        ours = kind(name) == "ours"
        canvas.text(LEFT - 10, y + 12, shown(name), anchor="end", bold=ours)
        canvas.bar(LEFT, y, width, kind(name))
        canvas.text(LEFT + width + 8, y + 12, mark, colour="soft", size=12)
        y += STEP
    return y + 28


def damage(canvas, y, title, result, note):
    """Draw what was lost and doubled, as shares of the rows that each contender had."""
    y = head(canvas, y, title, result, note)
    entries = {
        name: entry
        for name, entry in result["contenders"].items()
        if "lost" in entry and not name.endswith("no faults")
    }
    space = WIDTH - LEFT - RIGHT - 70
    most = max(((e["lost"] + e["doubled"]) / e["rows"] for e in entries.values()), default=0)
    for name, entry in entries.items():
        canvas.text(LEFT - 10, y + 12, shown(name), anchor="end", bold=kind(name) == "ours")
        x = LEFT
        for colour in ("lost", "doubled"):
            if entry[colour]:
                width = max(space * entry[colour] / entry["rows"] / most, 2)
                canvas.bar(x, y, width, colour)
                x += width
        of = f" of {entry['rows']:,}" if entry.get("scaled") else ""
        said = [f"{entry[c]:,}{of} {c}" for c in ("lost", "doubled") if entry[c]]
        canvas.text(x + 8, y + 12, ", ".join(said) or "none", colour="soft", size=12)
        y += STEP
    return y + 28


def scale(values):
    """Give a function from values to 0..1 on a logarithmic axis, and the powers of ten in it."""
    low, high = math.log10(min(values)), math.log10(max(values))
    high = max(high, low + 0.5)
    powers = [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)]
    low, high = min(low, high), high + (high - low) * 0.05
    marks = [each for each in powers if low - 1e-9 <= math.log10(each) <= high]
    return (lambda value: (math.log10(value) - low) / (high - low)), marks


def short(value):
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{letter}"
    return f"{value:g}"


def curve(canvas, left, points, title, axis, figure, unit):
    """Draw ours and the loop over one axis, both axes logarithmic."""
    top, width, height = 62, 220, 190
    canvas.text(left, 16, title, size=14, bold=True)
    canvas.text(left, 34, f"{unit} over {axis}", colour="soft", size=12)
    series = {
        name: [(p["at"], p[f"{name} {figure}"]) for p in points if f"{name} {figure}" in p]
        for name in ("hand", "ours")
    }
    across, at_x = scale([p["at"] for p in points])
    up, at_y = scale([max(value, 1e-4) for each in series.values() for _, value in each])
    for mark in at_y:
        y = top + height * (1 - up(mark))
        canvas.line([(left + 34, y), (left + 34 + width - 10, y)], "line")
        canvas.text(left + 28, y + 4, short(mark), colour="soft", size=11, anchor="end")
    for mark in at_x:
        x = left + 34 + (width - 10) * across(mark)
        canvas.text(x, top + height + 18, short(mark), colour="soft", size=11, anchor="middle")
    canvas.line([(left + 34, top + height), (left + 24 + width, top + height)], "soft")
    for name, each in series.items():
        places = [
            (left + 34 + (width - 10) * across(x), top + height * (1 - up(max(value, 1e-4))))
            for x, value in each
        ]
        canvas.line(places, name, width=2.0, dashed=name == "hand")
        for x, y in places:
            canvas.dot(x, y, name)


def peers(canvas, found):
    y = 16
    panels = (
        ("small rows", "cpu", "CPU seconds, state on for tailrace"),
        ("parquet", "cpu", "CPU seconds, state on for tailrace"),
        ("latency", "wall", "seconds from start to end"),
    )
    for name, figure, note in panels:
        if name in found:
            y = bars(canvas, y, title_of(name), found[name], figure, note)
    return y, "What the same work costs each contender"


def faults(canvas, found):
    y = 16
    note = "rows lost and doubled, by the service's own count"
    for name in ("faults", "poison"):
        if name in found:
            y = damage(canvas, y, title_of(name), found[name], note)
    return y, "What is lost and doubled"


def title_of(name):
    from scenarios import SCENARIOS

    return next(each.title for each in SCENARIOS if each.name == name)


def growth(canvas, curves):
    panels = (
        ("rows", "More rows", "rows", "cpu", "CPU s"),
        ("in flight", "More in flight", "batches in flight", "wall", "wall s"),
        ("latency", "Slower answers", "latency in ms", "wall", "wall s"),
    )
    for place, (name, title, axis, figure, unit) in enumerate(panels):
        if curves.get(name):
            curve(canvas, place * 285, curves[name], title, axis, figure, unit)
    for x, name, words in ((0, "ours", "tailrace"), (95, "hand", "a loop by hand")):
        canvas.line([(x, 300), (x + 22, 300)], name, width=2.0, dashed=name == "hand")
        canvas.text(x + 28, 304, words, size=12)
    return 316, "How it grows"


def drawn(results):
    """Give each chart's text by its path."""
    made = {}
    for shade in SHADES:
        for name, draw, data in (
            ("peers", peers, results["scenarios"]),
            ("faults", faults, results["scenarios"]),
            ("curves", growth, results["curves"]),
        ):
            canvas = Canvas(shade)
            height, title = draw(canvas, data)
            made[FOLDER / f"{name}-{shade}.svg"] = canvas.drawn(height, title)
    return made
