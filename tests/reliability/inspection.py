"""What is to be seen after each step of a simulated life: reports, the ledger, what has arrived."""

from pathlib import Path

import attrs
import orjson
from depot import root_of

from tailrace._engine.codec import decode_value
from tailrace._engine.lines import read
from tailrace._engine.state import read_state

COUNTS = ("delivered", "skipped", "rejected", "failed", "in_doubt")
WORST_FIRST = (7, 1, 3, 4, 5, 9, 10, 8, 6, 2, 0)


def worst(codes):
    """Give the exit code that stands for several."""
    return min(codes, key=WORST_FIRST.index)


@attrs.frozen
class Ledger:
    """Hold what the ledger says of single records, and of its runs.

    streamed: the last stream that has ended. open: a stream's records are to be known again.
    """

    doubts: list = attrs.field(factory=list)
    refusals: list = attrs.field(factory=list)
    unfinished: bool = False
    runs: int = 0
    streamed: int = 0
    open: bool = False
    stopped: list = attrs.field(factory=list)
    version: int = 0

    @property
    def doubtful(self):
        """Name what is in doubt."""
        return {each["id"] for each in self.doubts}


@attrs.frozen
class Ran:
    """Hold what a run told, what the service saw of it, and what was held before.

    plain: no fault was meant for it, and nothing was left to finish. whole: the source was read.
    """

    told: dict
    requests: list
    answers: list
    held: dict
    plain: bool
    whole: bool

    @property
    def code(self):
        """Give the exit code of all that it did."""
        codes = [each["exit_code"] for each in (*self.told.get("earlier", ()), self.told)]
        return worst(codes)


def ledger_of(root):
    """Give what the ledger says."""
    with read_state(Path(root), "sync") as state:
        if state is None:
            return Ledger()
        store = state.store
        runs = store.rows("runs")
        closed = [each for each in runs if each["state"] == "closed"]
        streams = [e["number"] for e in closed if orjson.loads(e["facts"]).get("stream")]
        stopped = store.rows("files", "kind = 'stopped'")
        return Ledger(
            [_doubt(store, each) for each in store.rows("doubts")],
            [_entry(each) | {"print": each["fingerprint"]} for each in store.rows("refusals")],
            any(each["state"] in ("reading", "delivering") for each in runs),
            max((each["number"] for each in runs), default=0),
            max(streams, default=0),
            store.meta("stream") is not None,
            [orjson.loads(each["facts"])["hash"] for each in stopped],
            store.meta("version") or 0,
        )


def _entry(row):
    values = read(row["line"].encode()).values if "\t" in row["line"] else orjson.loads(row["line"])
    key, action = decode_value(row["key"]), row["action"]
    return {"id": values["id"], "row": values, "key": key, "action": action, "run": row["run"]}


def _doubt(store, row):
    entry = _entry(row)
    batch = store.one("batches", "run = ? AND place = ?", row["run"], row["place"])
    return entry | {"mark": (root_of(batch["id"]), entry["id"]) if batch else None}


def inspect(world, ran):
    """Give all that is wrong; `ran` is None after a process that died."""
    state = world.ledger()
    if not state.unfinished:
        world.note({"event": "closed"})
    found = [*of_ledger(world, state)]
    if ran is not None:
        found += [*of_reports(ran.told), *of_counts(ran), *of_arrival(world, ran, state)]
        found += of_values(world, state)
    found += of_stream(world, state)
    return [*found, *world.judge.heard().violations]


def of_reports(told):
    """Check that each report adds up, and that its exit code is true."""
    for each in (*told.get("earlier", ()), told):
        code, asked = each["exit_code"], each["read"] + each["removed"]
        if sum(each[name] for name in COUNTS) != asked or min(each[name] for name in COUNTS) < 0:
            yield f"counts that do not add up: {each}"
        due = {"in_doubt": 4, "failed": 10, "rejected": 8}
        least = [due[name] for name in due if each[name]]
        untold = worst([code, *least]) != code
        unmeant = code in due.values() and code not in least
        if untold or unmeant or code == 1:
            yield f"exit code {code} with {each}"


def of_counts(ran):
    """Check that a run without misfortune counts what the service has told it."""
    if not ran.plain or "earlier" in ran.told or ran.code not in (0, 4, 5, 8):
        return
    for name in ("delivered", "rejected"):
        count = sum(list(each["told"].values()).count(name) for each in ran.answers)
        if ran.told[name] != count:
            yield f"{count} {name}, and the report says {ran.told[name]}"
    deleted = any(each["action"] == "delete" for each in ran.requests)
    if deleted and ran.whole and not ran.told["read"]:
        yield "an empty source has deleted records"


def of_ledger(world, state):
    """Check that doubts are told of, and that nobody is in doubt without a reason."""
    delivery, doubtful = world.kind.delivery, state.doubtful
    if doubtful and (delivery == "idempotent" or not world.accidents):
        yield f"in doubt without a reason: {doubtful}"
    unanswered = world.judge.heard().unanswered.keys() - doubtful
    kept = delivery == "at_most_once" and world.mode != "replace"
    if kept and unanswered and not state.unfinished:
        yield f"unanswered, and not in doubt: {unanswered}"


def of_values(world, state):
    """Check that values are kept only of what is refused, in doubt, or not settled."""
    if state.unfinished:
        return
    folder = world.folder / "state" / "sync"
    kept = [str(each["row"].get("text")) for each in (*state.doubts, *state.refusals)]
    texts = {each["text"] for each in world.past} - set(kept)
    for path in folder.iterdir() if folder.exists() else ():
        if path.name not in ("ledger.copy", "ledger.db-wal"):
            body = path.read_bytes()
            if b"canary" in body and any(text.encode() in body for text in texts):
                yield f"{path.name} keeps values of settled records"


def of_arrival(world, ran, state):
    """Check that what is not where it belongs is told of."""
    if ran.code in (3, 7) or not ran.whole or (ran.code == 9 and not ran.told["read"]):
        return
    lost, left = missing(world, state), strangers(world, state)
    if world.mode == "replace":
        yield from _of_replacement(world, ran)
    elif world.streams:
        reports = [*ran.told.get("earlier", ()), ran.told]
        read = ran.told["read"] >= len(world.source) and ran.code in (0, 4, 8)
        read = read and not any(each["failed"] for each in reports)
        if read and lost:
            yield f"lost: {lost}"
    elif len(lost) + len(left) > ran.told["failed"]:
        yield f"exit {ran.code}: lost {lost}, left {left}, failed {ran.told['failed']}"
    read = world.mode != "replace" and not world.kind.cursor
    if read and ran.code == 0 and state.doubtful & world.source.keys():
        yield f"exit code 0, and in doubt: {state.doubtful}"


def missing(world, state):
    """Name the records of the source that are neither there, nor refused, nor in doubt."""
    judge, doubtful = world.judge.heard(), state.doubtful
    refused = {(each["id"], _content(each["row"])) for each in state.refusals}
    lost = []
    for name, row in world.wanted().items():
        there = {
            "append": name in judge.held,
            "insert": name in judge.held,
            "update": judge.held.get(name, row) == row,
        }.get(world.mode, judge.held.get(name) == row)
        if world.mode in ("insert", "append"):
            excused = name in judge.excused
        else:
            excused = judge.excused.get(name, (None, None))[1] == row
        held_back = name in doubtful or (name, _content(row)) in refused
        if not (there or excused or held_back):
            lost.append(name)
    return lost


def _content(row):
    return tuple(sorted(row.items()))


def strangers(world, state):
    """Name what a mirror should have deleted."""
    judge = world.judge.heard()
    if world.mode != "mirror":
        return []
    refused = {each["id"] for each in state.refusals if each["action"] == "delete"}
    excused = {name for name, (action, _) in judge.excused.items() if action == "delete"}
    there = judge.held.keys() - world.source.keys() - judge.foreign
    return sorted(there - refused - excused - state.doubtful)


def of_stream(world, state):
    """Where a stream has come to its end nothing of it is lost; what is read later is new."""
    if not world.streams or state.unfinished or state.open or state.streamed <= world.since:
        return []
    lost = missing(world, state)
    world.source.clear()
    world.since = state.runs
    return [f"lost of a stream: {lost}"] if lost else []


def _of_replacement(world, ran):
    held, wanted = world.judge.held, world.wanted()
    if ran.code == 0 or (ran.code == 8 and ran.told["delivered"]):
        rest = {name: row for name, row in wanted.items() if name in held}
        if held != rest or len(wanted) - len(held) != ran.told["rejected"]:
            yield f"exit code {ran.code}, and not all of it is shown"
    elif held != ran.held:
        yield f"exit code {ran.code}, and something new is shown"
