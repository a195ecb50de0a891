"""The process that forks runs, each of which kills itself at a step of its own (SIGKILL).

It reads cases from its input, one JSON object a line, and answers each with one. It starts before
anything in it has threads, and imports what all its runs need once. The services that runs talk to
are in the process of the tests.
"""

import importlib
import json
import os
import random
import signal
import sys
import traceback
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "reliability"))

from points import instrument, stepped  # from the folder that was just added
from worlds import Clock

import tailrace
from tailrace._engine.clock import SystemClock
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace._engine.wire import Wire


class Steps:
    """Count steps, and die at one of them."""

    def __init__(self, last):
        self.count, self.last = 0, last
        self.told = []

    def __call__(self):
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_requests(self):
        """Be a step that is one of those around what is asked of the service."""
        self()
        self.told.append(self.count)


def step_at_requests(step):
    """Make a step before and after each request, and each statement and commit of a database."""
    Wire.send = stepped(Wire.send, step)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
        from sqlalchemy.engine.default import DefaultDialect

        from tailrace_sql._served import Session

        Session.run = stepped(Session.run, step)
        for dialect in (DefaultDialect, PGDialect_psycopg):
            dialect.do_commit = stepped(dialect.do_commit, step)


def run(case):
    """Run a case's sync, and leave its report behind."""
    steps = Steps(case["last"])
    clock = Clock(chance=random.Random())
    clock.epoch = SystemClock().wall() - clock.now + case["later"]
    if case["last"]:
        instrument(steps)
        step_at_requests(steps.at_requests)
    options = {
        name: tailrace.Secret(value) if name in case["secrets"] else value
        for name, value in case["options"].items()
    }
    sync = tailrace.Sync(
        source=case["rows"],
        destination=case["plugin"],
        name="it",
        mode=case["mode"],
        key=case["key"],
        limits=case["limits"],
        options=options,
        state=case["state"],
    )
    report = execute(prepare(sync), clock)
    told = {
        **report.as_json(),
        "problem": report.problem,
        "steps": steps.count,
        "asking": steps.told,
    }
    Path(case["report"]).write_text(json.dumps(told, default=str))


def learn(case):
    """Import what a run imports, so that those after it need not."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        with ending():
            run(case)
            os.write(theirs, "\n".join(sys.modules).encode())
    os.close(theirs)
    with os.fdopen(ours) as told:
        names = told.read().split("\n")
    os.waitpid(child, 0)
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


@contextmanager
def ending():
    """End a process with a block."""
    code = 1
    try:
        yield
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main(plugin):
    """Fork a run for each case."""
    around = nullcontext
    if plugin == "sheets":
        from discovered import built
        from discovered import built_once as around
    with around():
        for number, line in enumerate(sys.stdin):
            case = json.loads(line)
            if plugin == "sheets":
                built(case["options"]["base_url"])
            if number == 0:
                learn({**case, "state": f"{case['state']} learnt"})
            child = os.fork()
            if child == 0:
                with ending():
                    run(case)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(json.dumps(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
