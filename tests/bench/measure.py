"""Run one contender to its end, as a process of its own, and take its figures.

CPU and peak memory are what the system says of that process and of the children it waited for;
the service is another process, and not counted.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
FIRST = 3600  # seconds that a first run may take, which nobody measures
MB = 1_000_000 if platform.system() == "Darwin" else 1_000  # of ru_maxrss: bytes or kilobytes


class Process:
    """A server that serves until its standard input is closed or it is terminated."""

    def __init__(self, command):
        self.running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said = self.running.stdout.readline().strip()

    def stop(self):
        self.running.stdin.close()
        self.running.terminate()
        self.running.wait()


class Collector(Process):
    """The service of server.py, spoken to from here."""

    def __init__(self):
        super().__init__([sys.executable, str(HERE / "server.py")])
        self.url = self.said

    def behave(self, behaviour):
        body = json.dumps(behaviour).encode()
        asked = urllib.request.Request(f"{self.url}/behaviour", body, method="PUT")
        urllib.request.urlopen(asked).close()

    def counts(self):
        with urllib.request.urlopen(f"{self.url}/counts") as answer:
            return json.load(answer)


class Sandbox(Process):
    """Our twin of Google Sheets, with a spreadsheet made anew for each run."""

    def __init__(self):
        module = [sys.executable, "-m", "tailrace", "sandbox"]
        super().__init__([*module, "--port", "0", "--json", "--for", "36000"])
        self.url = json.loads(self.said)["sheets"]

    def spreadsheet(self):
        body = b'{"sheets":[{"properties":{"title":"Sheet1"}}]}'
        asked = urllib.request.Request(f"{self.url}/v4/spreadsheets", body)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)["spreadsheetId"]


def spawn(command, environment, bound, errors):
    """Run a command; gives its end (None: it took longer than the bound), wall, CPU, memory."""
    launcher = [sys.executable, "-S", "-E", str(HERE / "launch.py"), str(bound), str(errors)]
    done = subprocess.run(
        [*launcher, *command], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return found["ended"], found["wall"], found["cpu"], found["peak"] / MB


def job(scenario, contender, rows, world):
    """Give what a contender is told, but for what it does and in which folder."""
    told = {
        "rows": rows,
        "batch": scenario.batch,
        "setting": dict(contender.setting),
        "files": world.files(scenario, rows),
        "out": str(world.folder / "told.json"),
    }
    if scenario.service == "collector":
        told["url"] = world.collector.url
    elif scenario.service == "sheets":
        told["url"] = world.sandbox.url
        told["setting"]["spreadsheet"] = world.sandbox.spreadsheet()
    return told


def task(world, told, does, at):
    path = world.folder / "task.json"
    path.write_text(json.dumps({**told, "does": does, "folder": str(at)}))
    return str(path)


def command(contender, world, told, does, at):
    interpreter = world.interpreters[contender.peer]
    if contender.command:
        return [interpreter, *contender.command]
    script = str(HERE / "contenders" / f"{contender.script}.py")
    return [interpreter, script, task(world, told, does, at)]


def folder(scenario, contender, rows, world, told):
    """Give an empty folder, or a copy of the one that a first run left, which is not measured."""
    target = world.folder / "run"
    shutil.rmtree(target, ignore_errors=True)
    if not scenario.first or contender.script != "ours":
        target.mkdir()
        return target
    kept = world.folder / f"first-{scenario.name}-{contender.name}-{rows}"
    if not kept.exists():
        kept.mkdir()
        errors = world.folder / "errors.txt"
        asked = command(contender, world, told, "first", kept)
        ended, *_ = spawn(asked, world.environment(contender), FIRST, errors)
        if ended != 0:
            raise SystemExit(f"{contender.name} could not prepare: {errors.read_text()[-2000:]}")
    shutil.copytree(kept, target)
    return target


def reason(said):
    """Find the line that tells why a process ended, without addresses and paths."""
    lines = said.strip().splitlines() or [""]
    told = [each for each in lines if re.match(r"[\w.]*(Error|Exception|Failed)\b", each)]
    return re.sub(r" for url.*|https?://\S+|(/[\w.-]+){2,}", "", (told or lines)[-1])[:160]


def measure(scenario, contender, rows, world):
    """Run one contender once; gives its figures as a mapping."""
    told = job(scenario, contender, rows, world)
    at = folder(scenario, contender, rows, world, told)
    how = {"rows": rows, **scenario.server(rows), **contender.server}
    served = scenario.service == "collector"
    if served:
        world.collector.behave(how)
    out, errors = Path(told["out"]), world.folder / "errors.txt"
    out.unlink(missing_ok=True)
    asked = command(contender, world, told, contender.does or scenario.does, at)
    bound = scenario.bound * world.patience
    ended, wall, cpu, memory = spawn(asked, world.environment(contender), bound, errors)
    found = {"wall": wall, "cpu": cpu, "memory": memory, "rows": rows}
    if ended is None:
        found["bound"] = bound
    elif ended:
        found["ended"] = f"ended with {ended}: {reason(errors.read_text(errors='replace'))}"
    if out.exists():
        found |= json.loads(out.read_text())
    if found.get("told", {}).get("exit"):
        print(errors.read_text(errors="replace").rstrip(), file=sys.stderr)
    if served and not contender.quiet:
        found["service"] = world.collector.counts()
        if every := how.get("poison"):
            named = found.get("told", {}).get("refused", [])
            found["named"] = len({key for key in named if key % every == every // 2})
    found.get("told", {}).pop("refused", None)
    return found
