"""The scaling curves: how figures grow with the rows, what is in flight, and the latency."""

import sys

import attrs
import measure
import results
from scenarios import LATENCY, SMALL, hand, ours

ROWS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MILLISECONDS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
BATCHES = 2_000
PATIENT = 20  # seconds that a point with few in flight may take: fewer batches, scaled


def points():
    """Give, for each point of each curve: its place, scenario, contenders and rows."""
    for rows in ROWS:
        yield "rows", rows, SMALL, (ours("ours"), hand("hand")), rows
    for many in IN_FLIGHT:
        pair = (
            ours("ours", setting={"max_in_flight": many}),
            hand("hand", setting={"threads": many}),
        )
        batches = min(BATCHES, many * PATIENT * 10)
        yield "in flight", many, LATENCY, pair, batches * 100
    for milliseconds in MILLISECONDS:
        how = attrs.evolve(
            LATENCY, server=lambda rows, seconds=milliseconds / 1000: {"latency": seconds}
        )
        pair = (ours("ours"), hand("hand", setting={"threads": 200}))
        yield "latency", milliseconds, how, pair, BATCHES * 100


def measured(chosen, world):
    found = {}
    for curve, at, scenario, pair, rows in points():
        if chosen.only and not curve.startswith(chosen.only):
            continue
        batches = max(round(rows * chosen.scale / scenario.batch), 1)
        point = {"at": batches * scenario.batch if curve == "rows" else at}
        whole = max(round(BATCHES * chosen.scale), 1) if curve != "rows" else batches
        for each in pair:
            runs = [
                measure.measure(scenario, each, batches * scenario.batch, world)
                for _ in range(min(chosen.runs, 3))
            ]
            entry = results.settle(runs, whole * scenario.batch)
            name = each.name.removeprefix("tailrace, ")
            point |= {f"{name} {figure}": entry[figure] for figure in ("wall", "cpu", "memory")}
            print(f"  {curve} {at}: {name}: {entry['wall']:.2f} s", file=sys.stderr)
        found.setdefault(curve, []).append(point)
    return found
