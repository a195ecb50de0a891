"""Every crash point of a run x every fault x every delivery class, each in a process that dies.

A step is whatever changes something that outlasts the process: a commit, a file's name or content,
a record that the service applies. A case lets the process die at the n-th step of a run, looks at
what is there, runs again until the matter is ended, and checks the promise of the delivery class.

    python tests/reliability/points.py --cases 10000
"""

import argparse
import itertools
import json
import logging
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing import Pool

from ledgered import CLASSES, FAULTS, Service

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace._engine.store import Store
from tailrace.testing import FakeClock

DIED = 137
ROWS = 8


class Steps:
    """Count steps, and die at one of them."""

    def __init__(self, last=0):
        self.count, self.last = 0, last

    def __call__(self):
        self.count += 1
        if self.count == self.last:
            os._exit(DIED)


def instrument(step):
    """Make a step before and after everything that lasts; for the rest of this process."""
    for place, name in ((os, "fsync"), (os, "replace"), (os, "pwrite"), (pathlib.Path, "replace")):
        setattr(place, name, stepped(getattr(place, name), step))
    pathlib.Path.unlink = stepped(pathlib.Path.unlink, step)
    put, transaction = Store.put, Store.transaction

    def counted(self):
        step()
        block = transaction(self)

        class Around:
            def __enter__(self):
                return block.__enter__()

            def __exit__(self, *error):
                step()
                try:
                    return block.__exit__(*error)
                finally:
                    step()

        return Around()

    Store.transaction, Store.put = counted, put


def stepped(function, step):
    """Give a function with a step before and after it."""

    def around(*arguments, **named):
        step()
        try:
            return function(*arguments, **named)
        finally:
            step()

    return around


def rows_of(version, mode):
    """Give the source: a few rows differ between versions, and in mirror some are gone."""
    rows = [
        {"id": each, "a": f"{version}.{each}" if each % 3 == 0 else "same"} for each in range(ROWS)
    ]
    return rows[:-2] if mode == "mirror" and version > 1 else rows


class Case:
    """One class, mode, fault and position; `dies` tells the step."""

    def __init__(self, delivery, mode, fault, position, in_flight=1):
        self.delivery, self.mode, self.fault = delivery, mode, fault
        self.position, self.in_flight = position, in_flight

    def __str__(self):
        told = (self.delivery, self.mode, self.fault, self.position, self.in_flight)
        return " ".join(map(str, told))

    def run(self, folder, version, *, last=0, fault=True, later=0.0):
        """Run once in a child; give its report, or None if it died."""
        out = pathlib.Path(folder) / "report"
        out.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            self._child(folder, version, last, fault, later, out)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == DIED:
            return None
        assert status == 0, f"the child ended with {status}"
        return json.loads(out.read_text())

    def _child(self, folder, version, last, fault, later, out):
        try:
            if not os.environ.get("TELL"):
                logging.disable(logging.CRITICAL)
            steps = Steps(last)
            if last:
                instrument(steps)
            service = Service(
                folder,
                self.delivery,
                self.fault if fault else "none",
                self.position,
                steps if last else lambda: None,
                poison={3} if self.fault == "poison" else (),
            )
            clock = FakeClock()
            clock.sleep(later)
            sync = tailrace.Sync(
                source=rows_of(version, self.mode),
                destination=service.spec(max_in_flight=self.in_flight),
                name="case",
                mode=self.mode,
                key=None if self.mode == "append" else "id",
                state=pathlib.Path(folder) / "state",
            )
            report = execute(prepare(sync), clock)
            told = report.as_json() | {"steps": steps.count, **kept(sync)}
            out.write_text(json.dumps(told))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)


def kept(sync):
    """Name the records that the ledger holds as in doubt, and as refused."""
    from tailrace._engine.state import read_state

    with read_state(pathlib.Path(sync.state), sync.name) as state:
        return {
            name: [json.loads(row["key"]) for row in state.store.rows(name)]
            for name in ("doubts", "refusals")
        }


def closed(folder):
    """Tell whether the last run has ended, as far as its ledger goes."""
    from tailrace._engine.state import read_state

    with read_state(pathlib.Path(folder) / "state", "case") as state:
        runs = [] if state is None else state.store.rows("runs", "1 ORDER BY number")
        return bool(runs) and runs[-1]["state"] == "closed" and state.store.meta("stream") is None


def examine(case, last):
    """Do one case; give what was violated, or None where the run has fewer steps."""
    folder = tempfile.mkdtemp(prefix="case-")
    try:
        version = 1
        if case.mode in ("upsert", "mirror", "update", "insert") and case.position > 1:
            # What was delivered before, so that there is something to compare with.
            case.run(folder, 1, fault=False)
            version = 2
        before = len(Service(folder, case.delivery).log())
        report = case.run(folder, version, last=last, later=1000.0)
        died = report is None
        reports = [] if died else [report]
        # A process that dies after its last commit has ended its run: an append would be a new one.
        ended = died and case.mode == "append" and closed(folder)
        for turn in range(0 if ended else 4):
            if reports and reports[-1]["exit_code"] in (0, 4, 8):
                break
            reports.append(case.run(folder, version, fault=False, later=2000.0 + 200.0 * turn))
        problems = [] if ended else verdict(case, folder, version, reports, before)
        if ended:
            return died, problems
        again = case.run(folder, version, fault=False, later=9000.0)
        problems += settled(case, folder, version, again, reports)
        return died, problems
    finally:
        shutil.rmtree(folder)


def verdict(case, folder, version, reports, before):
    """Check what the class promises once a run has come to its end."""
    problems = []
    service = Service(folder, case.delivery)
    last = reports[-1]
    if last["exit_code"] not in (0, 4, 8):
        problems.append(f"it does not end: {last['exit_code']}: {last['problem']}")
    for each in reports:
        whole = sum(
            each[name] for name in ("delivered", "skipped", "rejected", "failed", "in_doubt")
        )
        if whole != each["read"] + each["removed"]:
            problems.append("counts that do not add up")
    wanted = {row["id"]: row for row in rows_of(version, case.mode)}
    names = range(1, ROWS + 1) if case.mode == "append" else wanted
    refused = {key for each in reports for key in each["refusals"]}
    doubtful = set(last["doubts"])
    times = {}
    for entry in service.log()[before:]:
        if entry["op"] not in ("answer", "delete"):
            times[entry["key"]] = times.get(entry["key"], 0) + 1
    if case.mode == "append":
        lost = [each for each in names if not times.get(each) and each not in refused | doubtful]
    else:
        held = service.held()
        lost = [
            key
            for key, row in wanted.items()
            if (key not in held if case.mode == "insert" else held.get(key) != row)
            and key not in refused | doubtful
        ]
        strange = [key for key in held if key not in wanted and key not in doubtful | refused]
        if case.mode == "mirror" and strange:
            problems.append(f"not removed: {strange}")
    if lost:
        problems.append(f"lost {lost}")
    doubled = [key for key, count in times.items() if count > 1]
    if doubled and case.delivery != "idempotent" and case.fault != "late":
        problems.append(f"doubled {doubled}")
    if doubled and case.delivery == "at_most_once":
        problems.append(f"doubled at most once {doubled}")
    if (last["exit_code"] == 4) != bool(last["in_doubt"]):
        problems.append("exit 4 and doubts do not agree")
    if doubtful and last["exit_code"] != 4:
        problems.append(f"doubts {sorted(doubtful)} and exit {last['exit_code']}")
    if doubtful and case.delivery == "idempotent":
        problems.append("a doubt where a repeat does no harm")
    return problems


def settled(case, folder, version, again, reports):
    """Check that a run after the matter has ended sends nothing that was sent."""
    if case.mode == "append" and not reports[-1]["in_doubt"]:
        return []
    problems = []
    if again["delivered"]:
        problems.append(f"the run after that sent {again['delivered']} again")
    if again["exit_code"] != (4 if again["doubts"] else 0):
        problems.append(f"the run after that ended with {again['exit_code']}: {again['problem']}")
    return problems


def cases():
    """Give all combinations that mean something."""
    modes = {
        "idempotent": ("upsert", "mirror", "append", "update", "insert"),
        "keyed": ("append", "upsert", "insert", "mirror"),
        "probe": ("append", "upsert", "mirror"),
        "at_most_once": ("append", "insert", "upsert"),
    }
    for delivery in CLASSES:
        for mode, fault, position in itertools.product(modes[delivery], FAULTS, (1, 2, 3)):
            yield Case(delivery, mode, fault, position)


def all_of(case_and_every):
    """Do a case at every n-th of its crash points; give the count and the violations."""
    case, every, offset = case_and_every
    found, count, last = [], 0, 1 + offset
    while True:
        try:
            died, problems = examine(case, last)
        except Exception as error:
            died, problems = True, [f"{type(error).__name__}: {error}"]
        count += 1
        found += [f"{case} @{last}: {each}" for each in problems]
        if not died or last > 2000 or len(found) > 20:
            return count, found
        last += every


def kind_of(violation):
    """Leave the numbers out of a violation."""
    case, _, told = violation.partition(" @")
    delivery, mode, fault, *_ = case.split()
    return f"{delivery} {mode} {fault}: {re.sub(r'[0-9]+', 'n', told.partition(': ')[2])[:150]}"


def main(arguments=None):
    """Do as many cases as are asked for, spread over all, and tell of the violations."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1, help="take every n-th crash point")
    parser.add_argument("--only", default="", help="combinations whose name has this")
    parser.add_argument("--share", type=int, help="take so many combinations, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args(arguments)
    chosen = [each for each in cases() if asked.only in str(each)]
    chance = random.Random(asked.seed)
    chosen = chance.sample(chosen, min(asked.share or len(chosen), len(chosen)))
    work = [(each, asked.every, chance.randrange(asked.every)) for each in chosen]
    began, total, violations = time.monotonic(), 0, []
    with Pool(asked.processes, maxtasksperchild=50) as pool:
        for count, found in pool.imap_unordered(all_of, work):
            total += count
            violations += found
            for each in found[:1]:
                print("VIOLATION", each, flush=True)
    seconds = time.monotonic() - began
    kinds = Counter(kind_of(each) for each in violations)
    for kind, count in kinds.most_common(40):
        print(f"{count:6}  {kind}")
    print(
        f"{len(chosen)} combinations, {total} cases, {len(violations)} violations, {seconds:.0f} s"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
