"""Processes that are killed, and new ones that find out what they have done.

A `Process` is a writer alone. It speaks to the sandbox through a client of its own, judged as
`tailrace.Http` says, so that a request can be cut off before it is sent, or after it was carried
out. `Runs` are whole runs through the engine, in processes that really end.
"""

import functools
import http.client
import itertools
import json
import logging
import os
import traceback
import warnings
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import attrs
import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.http import Answer
from tailrace.schema import type_of
from tailrace.testing import FakeClock
from tailrace_sandbox import Sandbox
from tailrace_sheets import Options, open_sheet, tailrace_destination

TRIES = 4
DIED = 137
WHEN = ("before", "after")
OUTAGES = ("answer", "lose", "reset_before", "reset_after")


class Killed(BaseException):
    """End a process in the middle of a request."""


@attrs.define
class Process:
    """A writer, with what befalls its n-th change: kill, lose, deny, or what people do before.

    befall: by the count of the requests that change something, from 0: `kill` before it is sent,
    `lose` it and die, `cut` its answer off, `deny` it with a 503, `refuse` it, or call something.
    """

    sheet: object
    mode: str
    key: tuple = ()
    befall: dict = attrs.field(factory=dict)
    formulas: tuple = ()
    writer: object = None
    changes: int = 0
    denied: list = attrs.field(factory=list)
    dead: bool = False
    stack: ExitStack = attrs.field(factory=ExitStack)

    def __enter__(self):
        options = Options(**self.sheet.options, formulas=self.formulas)
        log = logging.getLogger("tailrace.sheets")
        opening = open_sheet(
            options, http=tailrace.Http(self.exchange), mode=self.mode, key=self.key, log=log
        )
        self.writer = self.stack.enter_context(opening)
        return self

    def __exit__(self, kind, *_):
        with suppress(Killed):
            self.stack.close()
        return kind is Killed

    def exchange(self, request, judged):
        for tried in range(TRIES):
            told = self.once(request)
            if isinstance(told, Answer):
                return told
            if not (request.safe or request.repeat) or tried == TRIES - 1:
                raise tailrace.UnansweredError(told)
        raise AssertionError

    def once(self, request):
        """Send a request once; give its answer, or say why there is none."""
        if self.dead:
            raise Killed
        what = None
        if not request.safe:
            what = self.befall.get(self.changes)
            self.changes += 1
        if callable(what):
            what()
        if what == "kill":
            self.die()
        if what == "refuse":
            raise tailrace.RejectedError("refused", status=400)
        if what == "deny":
            self.denied = json.loads(request.body).get("requests", [])
            return "503"
        answer = send(request)
        if what == "lose":
            self.die()
        if what == "cut":
            return "reset"
        if answer.status >= 500:
            return str(answer.status)
        if answer.status in (401, 402, 403):
            raise tailrace.FatalError(answer.text, status=answer.status)
        if answer.status >= 400:
            raise tailrace.RejectedError(answer.text, status=answer.status)
        return answer

    def die(self):
        self.dead = True
        raise Killed

    def reserve(self, batch):
        """Reserve, with the reservation as it is read back from a file."""
        return attrs.evolve(batch, reservation=json.loads(json.dumps(self.writer.reserve(batch))))

    def deliver(self, batch):
        """Write as the engine does; give the outcomes by key."""
        return self.go_on(batch if batch.reservation else self.reserve(batch), {})

    def recover(self, batch):
        """Find out what a dead process has done, and send what did not arrive."""
        if self.delivery(batch) == "idempotent":
            return self.go_on(batch, {})
        found = {}
        return self.again(batch, self.looked_up(batch, found), found)

    def delivery(self, batch):
        return tailrace_destination().delivery[batch.action]

    def go_on(self, batch, found):
        for _ in range(TRIES):
            try:
                found |= matched(batch, self.writer.write(batch))
            except tailrace.RetryableError:
                continue
            except tailrace.UnansweredError:
                if self.delivery(batch) == "idempotent":
                    continue
                batch = self.looked_up(batch, found)
            else:
                batch = part(batch, found, "failed")
            if not len(batch):
                break
        return found

    def again(self, batch, left, found):
        return self.go_on(left, found) if len(left) else found

    def looked_up(self, batch, found):
        """Look a batch up; give the part of it that did not arrive."""
        try:
            found |= matched(batch, self.writer.lookup(batch))
        except tailrace.WriteError:
            found |= matched(batch, [])
        return part(batch, found, "failed")


@attrs.define
class Runs:
    """The runs of one sync, each some minutes after the one before it."""

    sheet: object
    folder: object
    mode: str
    key: str | None = None
    options: dict = attrs.field(factory=dict)
    batch_size: int = 2
    turn: int = 0

    def run(self, rows, destination=None):
        """Run in this process."""
        self.turn += 1
        made = tailrace.Sync(
            source=rows,
            destination=destination or tailrace_destination(),
            name="people",
            mode=self.mode,
            key=self.key,
            options={**self.sheet.options, **self.options},
            limits={"batch_size": self.batch_size},
            state=self.folder,
        )
        return execute(prepare(made), FakeClock(now=1_000.0 * self.turn))

    def die(self, rows, at, when, changes=False):
        """Run in a process of its own that dies at a request; tell whether it came to that."""
        ended = in_child(lambda: self.run(rows, mortal(at, when, changes)))
        self.turn += 1
        assert ended in (0, DIED)
        return ended == DIED


def mortal(at, when, changes):
    """The destination, in a process that ends right before or after its n-th request, or change."""
    spec = tailrace_destination()
    count = itertools.count()

    @contextmanager
    def opened(options, *, http, mode, key, log):
        def exchange(request, judged):
            here = (not changes or not request.safe) and next(count) == at
            if here and when == "before":
                os._exit(DIED)
            try:
                return http._exchange(request, judged)
            finally:
                if here:
                    os._exit(DIED)

        with spec.open(
            options, http=attrs.evolve(http, exchange=exchange), mode=mode, key=key, log=log
        ) as writer:
            yield writer

    return attrs.evolve(spec, open=opened)


def in_child(work):
    """Do something in a child process; give its exit code, which is 0 if it came to its end."""
    with warnings.catch_warnings():
        # The sandbox's threads stay behind, and the child needs none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            logging.disable(logging.CRITICAL)
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def send(request):
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection(parts.netloc)
    path = f"{parts.path}?{parts.query}"
    connection.request(request.method, path, request.body, dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, headers, body)


def matched(batch, outcomes):
    """Give the outcomes by key; a record without one is in doubt."""
    doubt = {each.key: tailrace.Outcome(each.key, "in_doubt") for each in batch}
    return doubt | {each.key: each for each in outcomes}


def part(batch, found, status):
    """Give the records of a batch that have an outcome."""
    records = [each for each in batch if found[each.key].status == status]
    return attrs.evolve(batch, records=records)


def alike(exchange):
    """Tell what is the same for exchanges that differ in the spreadsheet's id alone."""
    name = (exchange.path.split("/") + [""] * 4)[3].partition(":")[0] or "none"
    answer = exchange.answer.replace(name.encode(), b"")
    return exchange.method, exchange.target.replace(name, ""), exchange.body, answer


@pytest.fixture(scope="session")
def sandbox(discovery):
    """One sandbox for all: each test makes a spreadsheet of its own."""
    with Sandbox() as box:
        yield box
        if discovery is not None:
            fair = {alike(each): each for each in box.requests("sheets") if each.fault is None}
            assert [problem for each in fair.values() for problem in discovery.check(each)] == []


@pytest.fixture
def process(sheet):
    return functools.partial(Process, sheet)


@pytest.fixture
def deaths(sandbox, sheet_in, tmp_path_factory):
    """Give, for each request of a run and for either side of it, a run that has died there.

    begun: makes a new sheet what it was before, by hand and with runs that live. changes: only at
    requests that change something. grid: the sheet's size.
    """

    def each(mode, key=None, *, begun, rows, changes=False, grid=(1000, 26), batch_size=2):
        for when in WHEN:
            for at in itertools.count():
                sheet = sheet_in(sandbox, rows=grid[0], columns=grid[1])
                folder = tmp_path_factory.mktemp("state")
                runs = Runs(sheet, folder, mode, key, batch_size=batch_size)
                begun(sheet, runs)
                if not runs.die(rows, at, when, changes):
                    break
                yield sheet, runs, f"{when} request {at}"

    return each


@pytest.fixture
def outages(sandbox, sheet_in, tmp_path_factory):
    """Give, for each request that changes something, a run whose request was not answered.

    Nothing is done, or only the answer is lost. times: for how many requests; None: from then on.
    """

    def each(mode, key=None, *, begun, rows, times):
        for kind in OUTAGES:
            for at in itertools.count():
                sheet = sheet_in(sandbox)
                runs = Runs(sheet, tmp_path_factory.mktemp("state"), mode, key)
                begun(sheet, runs)
                sandbox.faults.add(
                    "sheets", kind, method="POST", path=sheet.id, skip=at, times=times
                )
                report = runs.run(rows)
                sandbox.faults.clear()
                if all(each.fault is None for each in sheet.requests()):
                    break
                yield sheet, runs, report, f"{kind} at change {at}"

    return each


@pytest.fixture(scope="session")
def process_of():
    return Process


@pytest.fixture(scope="session")
def batch():
    """Make a batch of rows: their key is a field, or their place in the read."""

    def made(rows, action="append", key=None, first=1):
        schema = tailrace.Schema((), () if key is None else (key,))
        for row in rows:
            schema = schema.widen({name: type_of(value) for name, value in row.items()})
        records = [
            tailrace.Record(at if key is None else row[key], row)
            for at, row in enumerate(rows, first)
        ]
        return tailrace.Batch(f"{action}-{first}", tailrace.Action(action), schema, records=records)

    return made


@pytest.fixture(scope="session")
def statuses():
    return lambda found: {key: str(each.status) for key, each in found.items()}


@pytest.fixture(scope="session")
def runs_of():
    return Runs
