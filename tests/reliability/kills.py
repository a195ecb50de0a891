"""Kill real runs at random moments, and look at what is there in the end.

python tests/reliability/kills.py --kills 1000 --seed 1
"""

import argparse
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing import Pool

from collector import Collector
from victim import rows

HERE = pathlib.Path(__file__).parent

KINDS = (
    ("idempotent", "upsert"),
    ("idempotent", "mirror"),
    ("keyed", "append"),
    ("keyed", "upsert"),
    ("probe", "append"),
    ("at_most_once", "append"),
    ("at_most_once", "insert"),
)


class Case:
    """One sync that is run and killed a few times, until it comes to an end."""

    count, kills_a_version = 200, 3

    def __init__(self, seed, kind=None):
        self.seed = seed
        self.chance = random.Random(seed)
        self.delivery, self.mode = kind or KINDS[seed % len(KINDS)]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kills-"))
        self.kills = 0
        self.problems = []

    def __str__(self):
        return f"seed {self.seed}: {self.delivery} {self.mode}"

    def play(self):
        """Run, kill and run again; give the kills and what was violated."""
        try:
            with Collector(self.seed) as service:
                self._version(service, 1)
                if self.mode in ("upsert", "mirror") and not self.problems:
                    self._version(service, 2)
        finally:
            shutil.rmtree(self.folder)
        return self.kills, [f"{self}: {each}" for each in self.problems]

    def _version(self, service, version):
        for turn in range(self.kills_a_version + 12):
            kills = turn < self.kills_a_version
            code = self._run(service, version, kills=kills, ahead=200.0 * (turn + 20 * version))
            if code == -signal.SIGKILL and self._closed():
                return
            if code in (0, 4):
                break
            if code not in (-signal.SIGKILL, 9, 10):
                self.problems.append(f"it ended with {code}: {self._report().get('problem')}")
                return
        else:
            self.problems.append("it did not come to an end")
            return
        self._judge(service, version, code)

    def _run(self, service, version, *, kills, ahead):
        (self.folder / "report").unlink(missing_ok=True)
        arguments = [service.url, self.folder, self.delivery, self.mode, self.count, version, ahead]
        died = threading.Event()
        at = service.count + self.chance.randrange(0, self.count // 5 + 8)
        by_time = self.chance.random() < 0.4
        process = subprocess.Popen(
            [sys.executable, str(HERE / "victim.py"), *map(str, arguments)],
            stderr=subprocess.DEVNULL,
        )
        pause = self.chance.uniform(0.0, 0.02)
        if kills and by_time:
            threading.Timer(self.chance.uniform(0.1, 1.2), died.set).start()
        elif kills:
            service.heard = lambda count: died.set() if count >= at else None
        while process.poll() is None:
            if died.wait(0.01) and kills:
                time.sleep(pause)
                process.send_signal(signal.SIGKILL)
                break
        code = process.wait()
        service.heard = lambda count: None
        self.kills += code == -signal.SIGKILL
        return code

    def _report(self):
        path = self.folder / "report"
        return json.loads(path.read_text()) if path.exists() else {}

    def _closed(self):
        """Tell whether an append that was killed had ended already: the next would be a new one."""
        return self.mode == "append" and kept(self.folder)["closed"]

    def _judge(self, service, version, code):
        report, state = self._report(), kept(self.folder)
        wanted = {row["id"]: row for row in rows(self.count, version)}
        doubts, times = set(state["doubts"]), service.times()
        if self.mode == "append":
            lost = [key for key in wanted if not times[key] and key not in doubts]
        else:
            held = service.held()
            same = (
                held.keys()
                if self.mode == "insert"
                else {k for k in held if held[k] == wanted.get(k)}
            )
            lost = [key for key in wanted if key not in same and key not in doubts]
            if self.mode == "mirror" and held.keys() - wanted.keys():
                self.problems.append(f"not removed: {sorted(held.keys() - wanted.keys())}")
        if lost:
            self.problems.append(f"lost: {lost[:5]}")
        twice = [key for key, count in times.items() if count > version]
        if self.delivery != "idempotent" and twice:
            self.problems.append(f"doubled: {twice[:5]}")
        if (code == 4) != bool(doubts) or (code == 4) != bool(report["in_doubt"]):
            self.problems.append(
                f"exit {code} with {len(doubts)} doubts, {report['in_doubt']} told"
            )
        counts = ("delivered", "skipped", "rejected", "failed", "in_doubt")
        if sum(report[name] for name in counts) != report["read"] + report["removed"]:
            self.problems.append("counts that do not add up")
        if doubts and self.delivery == "idempotent":
            self.problems.append("a doubt where a repeat does no harm")


def kept(folder):
    """Tell what the ledger holds."""
    from tailrace._engine.state import read_state

    with read_state(folder / "state", "victim") as state:
        if state is None:
            return {"doubts": [], "closed": False}
        runs = state.store.rows("runs", "1 ORDER BY number")
        ended = bool(runs) and runs[-1]["state"] == "closed"
        return {
            "doubts": [json.loads(row["key"]) for row in state.store.rows("doubts")],
            "closed": ended and state.store.meta("stream") is None,
        }


def play(seed):
    """Play one case."""
    return seed, *Case(seed).play()


def main(arguments=None):
    """Kill as often as is asked for, and tell of every violation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args(arguments)
    began, kills, cases, violations = time.monotonic(), 0, Counter(), []
    seeds = itertools.count(asked.seed)
    with Pool(asked.processes) as pool:
        while kills < asked.kills:
            share = list(itertools.islice(seeds, 4 * asked.processes))
            for seed, killed, problems in pool.imap_unordered(play, share):
                kills += killed
                cases[" ".join(KINDS[seed % len(KINDS)])] += 1
                violations += problems
                for each in problems:
                    print("VIOLATION", each, flush=True)
    for kind, count in sorted(cases.items()):
        print(f"{count:6}  {kind}")
    seconds = time.monotonic() - began
    total = sum(cases.values())
    print(f"{total} cases, {kills} kills, {len(violations)} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
