"""The scenarios, as data: what is done, by whom, against what service, and when it is good enough."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Contender:
    """Name who runs, and in what setting.

    share: of the scenario's rows, where all would take too long. runs: at most so many. server:
    what the service does differently for it. command: arguments of the interpreter, in place of a
    script. plugins: how many are installed beside it. quiet: nothing is sent to the service.
    """

    name: str
    script: str = "ours"
    does: str | None = None
    setting: Mapping[str, Any] = attrs.field(factory=dict)
    share: float = 1.0
    runs: int = 99
    server: Mapping[str, Any] = attrs.field(factory=dict)
    command: tuple[str, ...] = ()
    plugins: int = 0
    quiet: bool = False

    @property
    def peer(self) -> str:
        """Say in whose environment it runs; a loop by hand runs in ours."""
        return {"dlt_": "dlt", "drt_": "drt", "singer_": "singer"}.get(self.script, "ours")


@attrs.frozen(kw_only=True)
class Goal:
    """Say what is to be reached: a figure of a contender, maybe in relation to another's.

    less: a contender whose figure is taken off first. than: a contender, or "ideal", that it is
    divided by. per_batch: it is divided by the number of batches.
    """

    says: str
    of: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None
    less: str | None = None
    than: str | None = None
    per_batch: bool = False


@attrs.frozen(kw_only=True)
class Scenario:
    """Hold one line of the suite.

    limit: the contender that does the same without any safety. ideal: seconds that no run can
    be faster than. first: whether a run is measured after another one that delivered all. often: so
    many times as many runs, where they are short.
    """

    name: str
    title: str
    does: str
    rows: int
    batch: int = 100
    contenders: tuple[Contender, ...]
    goals: tuple[Goal, ...] = ()
    limit: str = "hand"
    us: str = "tailrace"
    service: str | None = None
    server: Callable[[int], Mapping[str, Any]] = lambda rows: {}
    ideal: Callable[[int], float] | None = None
    first: bool = False
    files: bool = False
    scaled: bool = True
    often: int = 1
    bound: float = 300.0


def hand(name: str = "hand", **how: Any) -> Contender:
    return Contender(name=name, script="hand", **how)


def dlt(name: str, setting: Mapping[str, Any] | None = None, **how: Any) -> Contender:
    return Contender(name=f"dlt, {name}", script="dlt_", setting=setting or {}, **how)


def drt(name: str, setting: Mapping[str, Any] | None = None, **how: Any) -> Contender:
    return Contender(name=f"drt, {name}", script="drt_", setting=setting or {}, **how)


def singer(name: str, setting: Mapping[str, Any] | None = None, **how: Any) -> Contender:
    return Contender(name=f"singer, {name}", script="singer_", setting=setting or {}, **how)


def ours(name: str = "", **how: Any) -> Contender:
    return Contender(name=f"tailrace, {name}" if name else "tailrace", **how)


QUICK_SINGER = {
    "reader": "msgspec",
    "config": {"validate_records": False, "add_record_metadata": False},
}
ARROW = {"loader_file_format": "parquet"}
UNPACED = {"rate_limit": {"requests_per_second": 0}}
SKIPPING = {**UNPACED, "on_error": "skip"}
IDEMPOTENCY = {"native_idempotency_key": "{{ request_id }}"}
LOADERS = {  # one file a hundred batches or fewer, so that there are files for all workers
    "DATA_WRITER__BUFFER_MAX_ITEMS": 1000,
    "DATA_WRITER__FILE_MAX_ITEMS": 1000,
    "LOAD__WORKERS": 200,
}
PARALLEL_DLT = {"source": "pages", "config": LOADERS, "connections": 200}

SMALL = Scenario(
    name="small rows",
    title="1M small rows, generator to no-op",
    does="noop",
    rows=1_000_000,
    contenders=(
        hand(),
        ours(),
        ours("no state", setting={"state": False}),
        drt("default"),
        dlt("default", share=0.1, runs=3),
        dlt("best", {"source": "arrow", "destination": ARROW}, share=0.1, runs=3),
        singer("default", share=0.1, runs=3),
        singer("best", QUICK_SINGER, share=0.1, runs=3),
    ),
    goals=(
        Goal(
            says="CPU at most 2.5 times the loop",
            of="tailrace",
            figure="cpu",
            than="hand",
            at_most=2.5,
        ),
        Goal(says="memory under 120 MB", of="tailrace", figure="memory", at_most=120),
    ),
)

PARQUET = Scenario(
    name="parquet",
    title="1M rows from Parquet to no-op",
    does="parquet",
    rows=1_000_000,
    batch=1000,
    files=True,
    contenders=(
        hand(),
        ours(),
        ours("no state", setting={"state": False}),
        drt("default"),
        dlt("default", share=0.1, runs=3),
        dlt("best", {"source": "arrow", "destination": ARROW}, runs=3),
    ),
    goals=(
        Goal(
            says="CPU at most 1.3 times the loop",
            of="tailrace",
            figure="cpu",
            than="hand",
            at_most=1.3,
        ),
    ),
)

START = Scenario(
    name="start",
    title="import, help, ten rows",
    does="noop",
    rows=10,
    scaled=False,
    often=3,
    limit="bare interpreter",
    us="tailrace, ten rows",
    contenders=(
        hand("bare interpreter", command=("-c", "pass")),
        hand("import attrs, pluggy", command=("-c", "import attrs, pluggy")),
        ours("import", command=("-c", "import tailrace")),
        ours("help", command=("-m", "tailrace", "--help")),
        ours("ten rows"),
        ours("import, 50 plugins", command=("-c", "import tailrace"), plugins=50),
        ours("help, 50 plugins", command=("-m", "tailrace", "--help"), plugins=50),
        ours("ten rows, 50 plugins", plugins=50),
        dlt("import", command=("-c", "import dlt"), runs=3),
        dlt("ten rows", runs=3),
        drt("import", command=("-c", "import drt.engine.sync"), runs=3),
        drt("ten rows", runs=3),
        singer("import", command=("-c", "import singer_sdk"), runs=3),
        singer("ten rows", runs=3),
    ),
    goals=tuple(
        Goal(says=f"{what}{beside}: {says}", of=f"tailrace, {what}{beside}", **how)
        for beside in ("", ", 50 plugins")
        for what, says, how in (
            (
                "import",
                "attrs + pluggy + 20 ms",
                {"figure": "wall", "less": "import attrs, pluggy", "at_most": 0.020},
            ),
            (
                "help",
                "150 ms above a bare interpreter",
                {"figure": "wall", "less": "bare interpreter", "at_most": 0.150},
            ),
            (
                "ten rows",
                "250 ms above a bare interpreter",
                {"figure": "wall", "less": "bare interpreter", "at_most": 0.250},
            ),
        )
    )
    + (
        Goal(
            says="ten rows import neither DuckDB nor rich",
            of="tailrace, ten rows",
            figure="imported",
            at_most=0,
        ),
    ),
)

SLOW = {"latency": 0.1}
TENTH = {"share": 0.1, "runs": 1}
QUARTER = {"share": 0.25, "runs": 1}

LATENCY = Scenario(
    name="latency",
    title="2,000 batches of 100 at 100 ms",
    does="post",
    rows=200_000,
    service="collector",
    server=lambda rows: SLOW,
    limit="hand, 200 threads",
    contenders=(
        hand("hand, 200 threads", setting={"threads": 200}),
        hand("hand, one by one", setting={"threads": 1}, **TENTH),
        ours(),
        ours("200 told", setting={"max_in_flight": 200}),
        drt("default", **TENTH),
        drt("best", {"sync": UNPACED, "syncs": 16}, **QUARTER),
        dlt("default", **TENTH),
        dlt("best", PARALLEL_DLT, runs=3),
        singer("default", **TENTH),
        singer("best", QUICK_SINGER, **TENTH),
    ),
    goals=(
        Goal(
            says="no setting given: at most 6 s",
            of="tailrace",
            figure="run",
            at_most=6.0,
        ),
        Goal(
            says="200 told: 90 % of the threaded loop's throughput",
            of="tailrace, 200 told",
            figure="run",
            than="hand, 200 threads",
            at_most=1 / 0.9,
        ),
    ),
)


def limited(**how: Any) -> Callable[[int], Mapping[str, Any]]:
    return lambda rows: {"latency": 0.1, "rate": 50, "burst": 50, **how}


PACED = {"rate_limit": {"requests_per_second": 50}}
UNTOLD = Scenario(
    name="limit not told",
    title="the same at 50 requests/s, limit not told",
    does="post",
    rows=200_000,
    service="collector",
    server=limited(retry_after=1),
    ideal=lambda rows: rows / 100 / 50,
    limit="hand, 16 threads",
    contenders=(
        hand("hand, 16 threads", setting={"threads": 16, "again": 1000}, runs=1),
        ours(runs=3),
        drt("default", **TENTH),
        drt("best", {"sync": UNPACED, "syncs": 16}, runs=1),
        dlt("default", **TENTH),
        dlt("best", PARALLEL_DLT, runs=1),
        singer("default", **TENTH),
    ),
    goals=(
        Goal(
            says="at most 1.05 of the ideal",
            of="tailrace",
            figure="run",
            than="ideal",
            at_most=1.05,
        ),
        Goal(says="429s at most 2 %", of="tailrace", figure="throttled share", at_most=0.02),
    ),
)

TOLD = Scenario(
    name="limit told",
    title="the same, limit told or in headers",
    does="post",
    rows=200_000,
    service="collector",
    server=limited(retry_after=1),
    ideal=lambda rows: rows / 100 / 50,
    limit="hand, paced",
    us="tailrace, told",
    contenders=(
        hand("hand, paced", setting={"threads": 16, "rate": 50}, runs=1),
        ours("told", setting={"rate": 50}, runs=3),
        ours("headers", server={"headers": True}, runs=3),
        drt("told", {"sync": PACED, "syncs": 16}, runs=1),
    ),
    goals=tuple(
        goal
        for how in ("told", "headers")
        for goal in (
            Goal(
                says=f"{how}: at most 1.03 of the ideal",
                of=f"tailrace, {how}",
                figure="run",
                than="ideal",
                at_most=1.03,
            ),
            Goal(
                says=f"{how}: 429s at most 0.1 %",
                of=f"tailrace, {how}",
                figure="throttled share",
                at_most=0.001,
            ),
        )
    ),
)

QUOTA = Scenario(
    name="shared quota",
    title="two processes that share one declared quota of 300/s",
    does="quota",
    rows=600_000,
    service="collector",
    server=lambda rows: {"latency": 0.1, "rate": 300, "burst": 300},
    ideal=lambda rows: rows / 100 / 300,
    limit="hand, one process, paced",
    contenders=(
        hand("hand, one process, paced", does="post", setting={"threads": 64, "rate": 300}, runs=1),
        ours(setting={"rate": 300}, runs=3),
    ),
    goals=(
        Goal(says="at least 285/s together", of="tailrace", figure="rate", at_least=285),
        Goal(says="at most 300/s together", of="tailrace", figure="rate", at_most=300),
        Goal(says="429s at most 0.5 %", of="tailrace", figure="throttled share", at_most=0.005),
    ),
)

FAULTY = {"latency": 0.02, "faults": 0.05, "seed": 7, "keys": True}
CALM = {"faults": 0.0}
KEYED, PROBE = {"delivery": "keyed"}, {"delivery": "probe"}
FAULTS = Scenario(
    name="faults",
    title="5 % faults: 500, 503, resets before and after storing",
    does="post",
    rows=200_000,
    service="collector",
    server=lambda rows: FAULTY,
    limit="hand, 16 threads",
    us="tailrace, key",
    contenders=(
        hand("hand, 16 threads", setting={"threads": 16}),
        hand("hand, tries again", setting={"threads": 16, "again": 10}),
        ours("key", setting=KEYED),
        ours("key, no faults", setting=KEYED, server=CALM),
        ours("lookup", does="lookup", setting=PROBE),
        ours("lookup, no faults", does="lookup", setting=PROBE, server=CALM),
        drt("default", **TENTH),
        drt("best", {"sync": SKIPPING, "syncs": 16}, **QUARTER),
        drt(
            "best, idempotency key",
            {"sync": SKIPPING, "syncs": 16, "destination": IDEMPOTENCY},
            **QUARTER,
        ),
        dlt("default", **TENTH),
        dlt("best", PARALLEL_DLT, runs=1),
        singer("default", runs=1),
    ),
    goals=tuple(
        goal
        for how in ("key", "lookup")
        for goal in (
            Goal(says=f"{how}: nothing lost", of=f"tailrace, {how}", figure="lost", at_most=0),
            Goal(
                says=f"{how}: nothing doubled", of=f"tailrace, {how}", figure="doubled", at_most=0
            ),
            Goal(
                says=f"{how}: at most 1.3 times the run without faults",
                of=f"tailrace, {how}",
                figure="run",
                than=f"tailrace, {how}, no faults",
                at_most=1.3,
            ),
        )
    ),
)

POISON = Scenario(
    name="poison",
    title="0.1 % poisoned rows, the whole batch refused with 400",
    does="post",
    rows=200_000,
    service="collector",
    server=lambda rows: {"latency": 0.02, "poison": 1000},
    limit="hand, 16 threads",
    contenders=(
        hand("hand, 16 threads", setting={"threads": 16}),
        ours(setting={"named": True}),
        drt("default", **TENTH),
        drt("best", {"sync": SKIPPING, "syncs": 16}, **QUARTER),
        dlt("default", **TENTH),
        dlt("best", {**PARALLEL_DLT, "skip_refused": True}, runs=1),
        singer("default", runs=1),
        singer("best", {**QUICK_SINGER, "skip_refused": True}, runs=1),
    ),
    goals=(
        Goal(says="no good row lost", of="tailrace", figure="lost", at_most=0),
        Goal(
            says="all poisoned rows refused by name",
            of="tailrace",
            figure="named share",
            at_least=1.0,
        ),
    ),
)

CHANGED = Scenario(
    name="changed",
    title="second run, 1,000 of 1M changed, no cursor",
    does="second",
    rows=1_000_000,
    batch=1000,
    service="collector",
    server=lambda rows: {"every": 1000},
    files=True,
    first=True,
    limit="hand, hashing alone",
    us="tailrace, Parquet",
    contenders=(
        hand("hand, hashing alone", does="hashing", quiet=True),
        ours("Parquet", setting={"delivery": "idempotent"}),
        ours("DuckDB", setting={"delivery": "idempotent", "source": "duckdb"}),
        drt("default", **TENTH),
        drt("best", {"sync": UNPACED}, runs=1),
        dlt("default", share=0.1, runs=1),
        dlt("best", {"source": "arrow", "destination": ARROW}, share=0.1, runs=1),
    ),
    goals=tuple(
        goal
        for source in ("Parquet", "DuckDB")
        for goal in (
            Goal(
                says=f"{source}: exactly what changed is sent",
                of=f"tailrace, {source}",
                figure="wrong",
                at_most=0,
            ),
            Goal(
                says=f"{source}: CPU at most 2.5 s",
                of=f"tailrace, {source}",
                figure="cpu",
                at_most=2.5,
            ),
            Goal(
                says=f"{source}: memory at most 400 MB",
                of=f"tailrace, {source}",
                figure="memory",
                at_most=400,
            ),
        )
    ),
)

LARGE = Scenario(
    name="ten million",
    title="10M rows, 0.1 % changed",
    does="second",
    rows=10_000_000,
    batch=1000,
    service="collector",
    server=lambda rows: {"every": 1000},
    files=True,
    first=True,
    bound=900.0,
    limit="hand, hashing alone",
    contenders=(
        hand("hand, hashing alone", does="hashing", quiet=True, runs=3),
        ours(setting={"delivery": "idempotent"}, runs=3),
    ),
    goals=(
        Goal(says="exactly what changed is sent", of="tailrace", figure="wrong", at_most=0),
        *(
            Goal(
                says=f"{word} at most 3 times decoding and hashing alone",
                of="tailrace",
                figure=figure,
                than="hand, hashing alone",
                at_most=3,
            )
            for word, figure in (("CPU", "cpu"), ("wall", "run"))
        ),
        Goal(says="memory at most 1.2 GB", of="tailrace", figure="memory", at_most=1200),
    ),
)

LEDGER = Scenario(
    name="ledger",
    title="what the engine costs a batch of 100, ledger included",
    does="noop",
    rows=200_000,
    contenders=(
        hand(),
        ours(setting={"max_in_flight": 16, "warm": True}),
        ours("no state", setting={"max_in_flight": 16, "warm": True, "state": False}),
    ),
    goals=(
        Goal(
            says="0.1 ms CPU a batch above the loop",
            of="tailrace",
            figure="run cpu",
            less="hand",
            per_batch=True,
            at_most=0.0001,
        ),
    ),
)

SHEET = Scenario(
    name="sheet",
    title="append to a sheet, 100,000 rows",
    does="sheet",
    rows=100_000,
    service="sheets",
    contenders=(hand(), ours()),
)

SCENARIOS = (
    SMALL,
    PARQUET,
    START,
    LATENCY,
    UNTOLD,
    TOLD,
    QUOTA,
    FAULTS,
    POISON,
    CHANGED,
    LARGE,
    LEDGER,
    SHEET,
)
