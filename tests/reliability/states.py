"""States to be altered: folders of syncs that have a past, and the service that they sent to."""

import json
import os
import shutil
import sqlite3
import warnings
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import attrs

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.errors import UnansweredError
from tailrace.testing import FakeClock

FULL = os.environ.get("TAILRACE_SIZE") == "full"
"""Whether the whole programme runs, or as much of it as an ordinary run has time for."""

DIED = 137
MANY = 20_500
"""Records of a state that is too large to be kept in memory."""


def nothing(moment, batch):
    """Be no hook at all."""


@attrs.define(eq=False)
class Desk:
    """Be a service whose memory is a file, a line for each batch that it took.

    refuses: keys that it refuses one by one. silent: keys whose batch it takes, without a word.
    remote: it gives records names of its own. hook: is called before and after a batch is taken,
    and before a look-up.
    """

    path: Path
    delivery: str = "keyed"
    refuses: tuple = ()
    silent: tuple = ()
    remote: bool = True
    hook: object = nothing
    asked: int = 0
    batch_size: int = 3
    max_in_flight: int = 1

    def lines(self):
        """Give all that it took."""
        return self.path.read_text().splitlines() if self.path.exists() else []

    def taken(self):
        """Give the records that it took, in their order: action, key and values."""
        for line in self.lines():
            told = json.loads(line)
            for key, values, *_ in told["records"]:
                yield told["action"], key, values

    def held(self):
        """Give what it holds by key."""
        held = {}
        for action, key, values in self.taken():
            held[key] = values
            if action == "delete":
                del held[key]
        return held

    def doubled(self):
        """Name the keys that it took more than once."""
        return [
            key for key, count in Counter(key for _, key, _ in self.taken()).items() if count > 1
        ]

    def write(self, batch):
        """Take a batch."""
        self.asked += 1
        self.hook("before", batch)
        known = {json.loads(line)["batch"] for line in self.lines()}
        if self.delivery != "keyed" or batch.id not in known:
            self._take(batch)
        self.hook("after", batch)
        if any(each.key in self.silent for each in batch):
            raise UnansweredError("no answer")
        return [
            batch.outcome(each, rejected="not this one", reason="bad")
            if each.key in self.refuses
            else batch.outcome(each, remote_id=f"r{each.key}" if self.remote else None)
            for each in batch
        ]

    def lookup(self, batch):
        """Tell which records of a batch it took."""
        self.asked += 1
        self.hook("lookup", batch)
        there = {
            (told["batch"].partition("/")[0].rstrip("+"), key)
            for told in map(json.loads, self.lines())
            for key, *_ in told["records"]
        }
        name = batch.id.partition("/")[0].rstrip("+")
        return [
            batch.outcome(each, failed=None if (name, each.key) in there else "not there")
            for each in batch
        ]

    def _take(self, batch):
        records = [
            [each.key, dict(each.values), sorted(each.changed or ()), each.remote_id]
            for each in batch
            if each.key not in self.refuses
        ]
        told = {"batch": batch.id, "action": str(batch.action), "records": records}
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(handle, json.dumps(told, default=str).encode() + b"\n")
        finally:
            os.close(handle)

    def spec(self, **declared):
        """Give the destination that it is."""
        face = self if self.delivery == "probe" else SimpleNamespace(write=self.write)

        @contextmanager
        def opened(options):
            yield face

        return tailrace.DestinationSpec(
            open=opened,
            modes={"append", "insert", "update", "upsert", "mirror", "replace"},
            batch_size=self.batch_size,
            max_in_flight=self.max_in_flight,
            delivery=self.delivery,
            **declared,
        )


@attrs.frozen
class Scene:
    """Hold a place with a state folder and a desk, and a sync between them; `turn` is the time."""

    root: Path
    delivery: str = "keyed"
    mode: str = "upsert"
    name: str = "case"
    later: list = attrs.field(factory=list, repr=False)
    """The source's rows when it runs again."""

    @property
    def folder(self):
        """Give the folder of the state."""
        return self.root / "state" / self.name

    def desk(self, **told):
        """Give the service."""
        return Desk(self.root / "desk", self.delivery, **told)

    def sync(self, rows, desk, **told):
        """Give the sync."""
        key = None if self.mode == "append" else "id"
        given = {"name": self.name, "mode": self.mode, "key": key, **told}
        return tailrace.Sync(
            source=rows, destination=desk.spec(), state=self.root / "state", **given
        )

    def __attrs_post_init__(self):
        self.root.mkdir(exist_ok=True)

    def run(self, rows, turn, desk=None, wishes=None, **told):
        """Run once; give the report. Turns are far enough apart for late answers to be over."""
        clock = FakeClock(now=1000.0 * turn)
        return execute(prepare(self.sync(rows, desk or self.desk(), **told)), clock, wishes)

    def dies(self, rows, turn, at, moment="after", **told):
        """Run in a process that dies at the `at`-th batch."""

        def hook(now, batch):
            if desk.asked == at and now == moment:
                os._exit(DIED)

        desk = self.desk(hook=hook, **told)
        assert in_child(lambda: self.run(rows, turn, desk)) == DIED
        return self

    def copied(self, root):
        """Give the same at another place."""
        shutil.copytree(self.root, root)
        return attrs.evolve(self, root=root)


def in_child(work):
    """Do something in a child process; give its exit code, which is 0 if it came to its end."""
    with warnings.catch_warnings():
        # Threads of libraries may be left, none of which the child needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def rows_of(version, count=14):
    """Give a source's rows: a third of them differ from version to version."""
    return [
        {"id": each, "text": f"{version}.{each}" if each % 3 == 0 else "same", "n": each / 2}
        for each in range(count)
    ]


# Pasts


def rich(root, name="case", turns=3):
    """Make a past of all kinds: deliveries, refusals, doubts, and removals that were stopped."""
    scene = Scene(root, "at_most_once", "mirror", name, rows_of(3, 30))
    runs = (
        (rows_of(1), scene.desk(refuses=(4,), silent=(7,))),
        (rows_of(2, 40), scene.desk(refuses=(4, 33), silent=(21,))),
        (rows_of(2, 12), scene.desk()),
    )
    for turn, (rows, desk) in enumerate(runs[:turns], 1):
        scene.run(rows, turn, desk)
    return scene


def died_upsert(root, name="case", at=4):
    """Make a past that ends with a run that died between two answers."""
    scene = Scene(root, "keyed", "upsert", name, rows_of(3, 30))
    scene.run(rows_of(1), 1, scene.desk(refuses=(4,)))
    return scene.dies(rows_of(2, 30), 2, at)


def died_append(root, name="case", at=4):
    """Make a past that ends with a stream that broke off."""
    scene = Scene(root, "keyed", "append", name, rows_of(1, 30))
    return scene.dies(rows_of(1, 20), 1, at, refuses=(4,))


def large(root, name="case"):
    """Make a past whose snapshot is too large for memory."""
    scene = Scene(root, "idempotent", "upsert", name, rows_of(2, 10))
    desk = scene.desk(remote=False, batch_size=MANY)
    scene.run(rows_of(1, MANY), 1, desk)
    return scene


# What is looked at


def picture(folder):
    """Give all files of a folder by name; what SQLite makes anew each time is left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.endswith("-shm") and name != "lock":
            found[name] = path.read_bytes()
    return {name: body for name, body in found.items() if body or not name.endswith("-wal")}


def told_of(report):
    """Give what a report says, without how long it took."""
    told = report.as_json()
    for each in (told, *told.get("earlier", ())):
        del each["seconds"]
    return told


def shortcomings(scene, rows, report):
    """Say what of the source's rows was lost, and what was doubled where that must not be."""
    if report.exit_code not in (0, 4):
        return [f"exit code {report.exit_code}: {report.problem}"]
    desk, place = scene.desk(), f"file:{scene.folder / 'ledger.db'}?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as connection:
        doubts = {json.loads(key) for (key,) in connection.execute("SELECT key FROM doubts")}
    named = {at if scene.mode == "append" else row["id"]: row for at, row in enumerate(rows, 1)}
    held = desk.held()
    lost = [key for key, row in named.items() if held.get(key) != row and key not in doubts]
    found = [f"lost {lost}"] if lost else []
    if scene.delivery != "idempotent" and desk.doubled():
        found.append(f"doubled {desk.doubled()}")
    if doubts and scene.delivery != "at_most_once":
        found.append(f"in doubt {doubts}")
    if report.exit_code != (4 if doubts else 0):
        found.append(f"exit code {report.exit_code}")
    return found
