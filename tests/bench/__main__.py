"""Measure us, the peers and a loop by hand, in the same scenarios, against the same service.

`nox -s bench`, or with arguments behind `--`: `--only faults --scale 0.01 --runs 1`.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import charts
import curves
import flame
import measure
import peers
import results as measured
import table
from scenarios import SCENARIOS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
README = HERE / "README.md"


class World:
    """Hold what scenarios share: environments, files, the service."""

    def __init__(self, folder, chosen, names):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.patience = chosen.patience
        self.interpreters, self.versions, self.missing = {"ours": sys.executable}, {}, {}
        for name in ("tailrace", "duckdb", "urllib3"):
            self.versions[name] = importlib.metadata.version(name)
        if chosen.peers:
            found, versions, self.missing = peers.interpreters(chosen.environments, names)
            self.interpreters |= found
            self.versions |= versions
        self._collector = self._sandbox = None
        self._made = {}

    @property
    def collector(self):
        self._collector = self._collector or measure.Collector()
        return self._collector

    @property
    def sandbox(self):
        self._sandbox = self._sandbox or measure.Sandbox()
        return self._sandbox

    def close(self):
        for server in (self._collector, self._sandbox):
            if server is not None:
                server.stop()

    def files(self, scenario, rows):
        """Make a scenario's files once, elsewhere: what this process imported would count."""
        if not scenario.files:
            return {}
        if rows not in self._made:
            command = [sys.executable, str(HERE / "files.py"), str(self.folder), str(rows)]
            made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            self._made[rows] = json.loads(made)
        return self._made[rows]

    def environment(self, contender):
        """Give a contender's variables; with plugins, a folder that holds so many of them."""
        found = peers.clean_environment(self.home)
        if contender.plugins:
            folder = self.folder / f"plugins-{contender.plugins}"
            for number in range(0 if folder.exists() else contender.plugins):
                about = folder / f"tailrace_other{number}-1.0.dist-info"
                about.mkdir(parents=True)
                name = f"tailrace-other{number}"
                (about / "METADATA").write_text(
                    f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
                )
                (about / "entry_points.txt").write_text(
                    f"[tailrace]\nother{number} = tailrace_other{number}\n"
                )
                (folder / f"tailrace_other{number}.py").write_text("raise ImportError\n")
            found["PYTHONPATH"] = str(folder)
        return found

    def described(self, before):
        """Give the machine and all versions; those measured before may be of peers left out now."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        about = Path("/proc/cpuinfo")
        models = re.findall(r"model name\s*: (.*)", about.read_text() if about.exists() else "")
        model = models[0] if models else platform.machine()
        machine = f"{platform.system()}, {model}, {os.cpu_count()} cores"
        python = f"Python {platform.python_version()}"
        return {
            "machine": f"{python}, {machine}, {memory:.0f} GB",
            "versions": {**before, **self.versions},
        }


def size(scenario, scale, share=1.0):
    """Give how many rows a scenario has, in whole batches."""
    if not scenario.scaled:
        return scenario.rows
    batches = max(round(scenario.rows * scale * share / scenario.batch), 1)
    return batches * scenario.batch


def compare(scenario, chosen, world):
    """Run a scenario's contenders in turns."""
    whole = size(scenario, chosen.scale)
    runs = {each.name: [] for each in scenario.contenders}
    entries = {}
    for turn in range(chosen.runs * scenario.often):
        for each in scenario.contenders:
            if each.peer != "ours" and not chosen.peers:
                continue
            if chosen.contender not in each.name or turn >= each.runs:
                continue
            if each.peer in world.missing:
                entries[each.name] = {"missing": world.missing[each.peer]}
                continue
            done = runs[each.name]
            if done and ("bound" in done[-1] or "ended" in done[-1]):
                continue
            found = measure.measure(scenario, each, size(scenario, chosen.scale, each.share), world)
            print(f"  {scenario.name}: {each.name}: {found['wall']:.2f} s", file=sys.stderr)
            done.append(found)
    for each in scenario.contenders:
        if runs[each.name]:
            entry = measured.settle(runs[each.name], whole)
            entries[each.name] = entry | ({"scaled": True} if entry["rows"] != whole else {})
    order = [each.name for each in scenario.contenders if each.name in entries]
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    contenders = {name: entries[name] for name in order}
    return {"rows": whole, "date": date, "contenders": contenders}


def render(results):
    """Put results into the README and draw the charts; gives which of them that changed."""
    fresh = {README: table.put_into(README.read_text(), results), **charts.drawn(results)}
    stale = [path for path, text in fresh.items() if not path.exists() or path.read_text() != text]
    return stale, fresh


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="medians of so many")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parser.add_argument("--only", default="", help="scenarios whose name begins so, by commas")
    parser.add_argument("--contender", default="", help="contenders whose name holds this")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--patience", type=float, default=1.0, help="times each time bound")
    parser.add_argument("--environments", type=Path, default=ROOT / ".nox" / "peers")
    parser.add_argument("--save", action="store_true", help="keep in results.json, README, charts")
    parser.add_argument("--curves", action="store_true", help="measure the scaling curves instead")
    parser.add_argument("--flame", metavar="SCENARIO", help="tell where our time goes in one")
    parser.add_argument("--render", action="store_true", help="README and charts from results.json")
    parser.add_argument("--check", action="store_true", help="fail where they are not up to date")
    return parser.parse_args()


def picked(only):
    names = [each.strip() for each in only.split(",")]
    return [each for each in SCENARIOS if any(each.name.startswith(name) for name in names)]


def main():
    chosen, results = arguments(), measured.load()
    if not (chosen.render or chosen.check):
        with tempfile.TemporaryDirectory() as folder:
            scenarios = picked(chosen.flame or chosen.only)
            wanted = {each.peer for scenario in scenarios for each in scenario.contenders}
            chosen.peers = chosen.peers and not (chosen.curves or chosen.flame)
            world = World(Path(folder), chosen, sorted(wanted - {"ours"}))
            before = results.get("world", {}).get("versions", {})
            results["world"] = world.described(before)
            try:
                go(chosen, scenarios, world, results)
            finally:
                world.close()
        if not chosen.save:
            return
        measured.save(results)
    stale, fresh = render(results)
    if chosen.check:
        sys.exit(f"not as results.json says: {[path.name for path in stale]}" if stale else 0)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(fresh[path])


def go(chosen, scenarios, world, results):
    print(f"{results['world']['machine']}; {world.versions}\n")
    if chosen.flame:
        return flame.show(scenarios[0], size(scenarios[0], chosen.scale), world)
    if chosen.curves:
        fresh = curves.measured(chosen, world)
        results["curves"] |= fresh
        for name, points in fresh.items():
            print(table.curve_table(name, points) + "\n", flush=True)
        return None
    for scenario in scenarios:
        result = compare(scenario, chosen, world)
        results["scenarios"][scenario.name] = result
        print(table.scenario_table(scenario, result) + "\n", flush=True)
    names = [each.name for each in scenarios]
    now = {"scenarios": {name: results["scenarios"][name] for name in names}}
    print(table.goals_table(now))
    return None


if __name__ == "__main__":
    main()
