"""Where our time goes: a scenario's own run under the profiler, by CPU in each function itself."""

import json
import pstats
import subprocess
import sys
from pathlib import Path

import measure

HERE = Path(__file__).parent
SHOWN = 30
PROFILED = """
import cProfile, contextlib, pstats, runpy, sys, threading, time

profiles = []

def begin(*_):
    profile = cProfile.Profile(time.thread_time)
    with contextlib.suppress(ValueError):  # from Python 3.12 on there can be only one
        profile.enable()
        profiles.append(profile)

out, script, task = sys.argv[1:]
sys.argv = [script, task]
sys.path.insert(0, script.rpartition("/")[0])
threading.setprofile(begin)
begin()
runpy.run_path(script, run_name="__main__")
sys.setprofile(None)
stats = pstats.Stats(profiles[0])
for profile in profiles[1:]:
    with contextlib.suppress(TypeError):  # a thread that did nothing
        stats.add(profile)
stats.dump_stats(out)
"""


def show(scenario, rows, world):
    """Profile the scenario's own contender in all its threads, and print what took longest."""
    ours = next(each for each in scenario.contenders if each.name == scenario.us)
    out = world.folder / "profile"
    job = measure.job(scenario, ours, rows, world)
    script = str(HERE / "contenders" / "ours.py")
    environment = world.environment(ours)
    folder = measure.folder(scenario, ours, rows, world, job)
    path = measure.task(world, job, ours.does or scenario.does, folder)
    if scenario.service == "collector":
        world.collector.behave({"rows": rows, **scenario.server(rows), **ours.server})
    command = [sys.executable, "-c", PROFILED, str(out), script, path]
    subprocess.run(command, env=environment, check=True)
    table(pstats.Stats(str(out)).stats, json.loads(Path(job["out"]).read_text())["run"])


def table(stats, seconds):
    found = []
    for (file, line, name), (_, calls, own, _, _) in stats.items():
        where = Path(file).name if file != "~" else ""
        found.append((own, calls, f"{where}:{line} {name}" if where else name))
    total = sum(own for own, _, _ in found)
    print(f"{seconds:.2f} s under the profiler, {total:.2f} s of CPU in all threads\n")
    print("| own CPU s | share | calls | function |\n|---|---|---|---|")
    for own, calls, name in sorted(found, reverse=True)[:SHOWN]:
        print(f"| {own:.3f} | {own / total:.1%} | {calls:,} | `{name}` |")
