"""The process that is killed: one run of a sync into the collector, with several batches at once."""

import json
import pathlib
import sys
from contextlib import contextmanager

import tailrace
from tailrace._engine.clock import SystemClock
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute

BATCH, IN_FLIGHT = 5, 4


class LaterClock(SystemClock):
    """Be the system's clock, some time ahead: what was unanswered before is no longer on its way."""

    ahead = 0.0

    def wall(self):
        """Give seconds since 1970, ahead of time."""
        return super().wall() + self.ahead


class Writer:
    """Send batches over HTTP."""

    def __init__(self, http, delivery):
        self.http, self.delivery = http, delivery
        if delivery == "probe":
            self.lookup = self._lookup

    def write(self, batch):
        """Send one batch."""
        records = [{"key": each.key, "row": dict(each.values)} for each in batch]
        body = {"action": batch.action, "batch": root(batch), "records": records}
        key = batch.id if self.delivery == "keyed" else None
        self.http.post("/write", json=body, idempotency_key=key).json()

    def _lookup(self, batch):
        body = {"batch": root(batch), "keys": [each.key for each in batch]}
        there = self.http.post("/lookup", json=body, safe=True).json()["there"]
        return [
            batch.outcome(each, failed=None if each.key in there else "not there") for each in batch
        ]


def root(batch):
    """Name a batch as it was before it was split."""
    return batch.id.partition("/")[0].rstrip("+")


def rows(count, version):
    """Give the source's rows; some differ between versions, and some are gone in the second."""
    for each in range(1, count + 1):
        if version > 1 and each % 23 == 0:
            continue
        yield {"id": each, "value": version if each % 3 == 0 else 0}


def main(url, folder, delivery, mode, count, version, ahead):
    """Run once, and leave the report behind."""

    @contextmanager
    def opened(options, *, http):
        yield Writer(http.using(base_url=url), delivery)

    spec = tailrace.DestinationSpec(
        open=opened,
        modes={"append", "upsert", "insert", "mirror"},
        delivery=delivery,
        batch_size=BATCH,
        max_in_flight=IN_FLIGHT,
    )
    sync = tailrace.Sync(
        source=lambda: rows(int(count), int(version)),
        destination=spec,
        name="victim",
        mode=mode,
        key=None if mode == "append" else "id",
        state=pathlib.Path(folder) / "state",
    )
    clock = LaterClock()
    LaterClock.ahead = float(ahead)
    report = execute(prepare(sync), clock)
    told = pathlib.Path(folder) / "report.new"
    told.write_text(json.dumps(report.as_json(), default=str))
    told.replace(pathlib.Path(folder) / "report")
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
