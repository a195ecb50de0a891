"""Measure, beside a hand-written loop that does the same without any safety.

Each contender is a process of its own, so that CPU and peak memory are the system's own figures
(the sandbox's, where one serves, are not counted); contenders take turns, and medians are shown. `nox -s bench -- --runs 5 --scale 0.1`.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import attrs

HERE = Path(__file__).parent


@attrs.frozen
class Scenario:
    name: str
    contenders: tuple[str, ...]
    rows: int
    service: bool = False


SCENARIOS = (
    Scenario("import", ("bare", "import_tailrace"), 0),
    Scenario("ten rows", ("bare", "function"), 10),
    Scenario("generator to a function", ("hand", "function"), 1_000_000),
    Scenario("Parquet to a function", ("hand_parquet", "parquet"), 1_000_000),
    Scenario("upsert of all, into a function", ("hand", "upsert"), 1_000_000),
    Scenario("append to a sheet, 100,000", ("hand_sheet", "sheet"), 100_000, service=True),
    Scenario("append to a sheet, 1,000,000", ("sheet",), 1_000_000, service=True),
)


@attrs.frozen
class Figures:
    wall: float
    cpu: float
    memory: float
    told: dict[str, int]


def measure(contender: str, rows: int, folder: Path) -> Figures:
    """Run one contender to its end; memory is the peak in MB."""
    out = folder / "told.json"
    out.unlink(missing_ok=True)
    began = time.perf_counter()
    arguments = [sys.executable, str(HERE / "contenders.py"), contender, str(rows), str(out)]
    child = os.posix_spawn(sys.executable, arguments, {**os.environ, "BENCH_FOLDER": str(folder)})
    _, status = os.waitpid(child, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(f"{contender} ended with {os.waitstatus_to_exitcode(status)}")
    kilobyte = 1024 if platform.system() == "Linux" else 1024 * 1024
    found = json.loads(out.read_text())
    return Figures(wall, found["own"]["cpu"], found["own"]["memory"] / kilobyte, found["told"])


def median(figures: list[Figures]) -> Figures:
    return Figures(
        *(
            statistics.median(getattr(each, name) for each in figures)
            for name in ("wall", "cpu", "memory")
        ),
        figures[-1].told,
    )


def compare(scenario: Scenario, runs: int, scale: float, folder: Path) -> None:
    rows = int(scenario.rows * scale) if scenario.rows > 1000 else scenario.rows
    found: dict[str, list[Figures]] = {name: [] for name in scenario.contenders}
    for _ in range(runs):
        for name in scenario.contenders:
            found[name].append(measure(name, rows, folder))
    print(f"\n### {scenario.name} ({rows:,} rows, {runs} runs)\n")
    print("| | wall s | CPU s | peak MB | CPU, of the first | |")
    print("|---|---|---|---|---|---|")
    first = median(found[scenario.contenders[0]])
    for name, figures in found.items():
        middle = median(figures)
        told = ", ".join(f"{key} {value:,}" for key, value in middle.told.items())
        ratio = middle.cpu / first.cpu if first.cpu else 0
        print(
            f"| {name} | {middle.wall:.2f} | {middle.cpu:.2f} | {middle.memory:.0f}"
            f" | {ratio:.2f} | {told} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("tailrace", "duckdb", "urllib3")
    )
    print(f"Python {platform.python_version()}, {versions}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        for scenario in SCENARIOS:
            if chosen.only in scenario.name:
                compare(scenario, chosen.runs, chosen.scale, Path(folder))


if __name__ == "__main__":
    main()
