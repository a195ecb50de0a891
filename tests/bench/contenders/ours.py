"""tailrace, by its public names alone; state is kept unless the setting says otherwise."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import task

import tailrace

LIMITS = ("delivery", "max_in_flight")


def declared(job):
    """Give what the setting has the destination declare."""
    said = {name: job.setting[name] for name in LIMITS if name in job.setting}
    if "rate" in job.setting:
        said["rate"] = tailrace.Rate(job.setting["rate"])
    return {"batch_size": job.batch, **said}


def state(job):
    return job.folder / "state" if job.setting.get("state", True) else None


def told(report):
    names = ("read", "delivered", "skipped", "rejected", "failed", "in_doubt", "requests")
    refused = [key for key, _, _ in report.rejections]
    heavy = [name for name in ("duckdb", "rich") if name in sys.modules]
    counts = {name: getattr(report, name) for name in names}
    if report.exit_code:
        print(report.summary(), file=sys.stderr)
    return {**counts, "refused": refused, "exit": report.exit_code, "imported": heavy}


def noop(job):
    @tailrace.destination(**declared(job))
    def nothing(rows):
        pass

    if job.setting.get("warm"):  # what a batch costs, not what is imported for the first
        tailrace.run(job.rows(of=job.rows_wanted), nothing, name="warm", state=state(job))
    job.begin()
    return told(tailrace.run(job.rows(), nothing, name="bench", state=state(job)))


def parquet(job):
    @tailrace.destination(**declared(job))
    def nothing(rows):
        pass

    job.begin()
    options = {"path": job.files["parquet"]}
    report = tailrace.run("file", nothing, name="bench", source_options=options, state=state(job))
    return told(report)


def post(job):
    keyed = job.setting.get("delivery") == "keyed"

    @tailrace.destination(**declared(job))
    def service(batch, http, *, url: str):
        http.post(url, json=batch.rows(), idempotency_key=batch.id if keyed else None)

    part, of = job.setting.get("part", (0, 1))
    job.begin()
    report = tailrace.run(
        job.rows(part, of),
        service,
        name=f"bench{part}",
        key="id" if job.setting.get("named") else None,
        options={"url": f"{job.url}/rows"},
        state=state(job),
    )
    return told(report)


class LookingWriter:
    """Write rows, and ask the service which of them it holds when an answer was lost."""

    def __init__(self, url, http):
        self.url, self.http = url, http

    def write(self, batch):
        self.http.post(f"{self.url}/rows", json=batch.rows())

    def lookup(self, batch):
        ids = [record.key for record in batch]
        held = set(self.http.post(f"{self.url}/held", json=ids, safe=True).json())
        missing = "the service does not hold it"
        return [batch.outcome(r, failed=None if r.key in held else missing) for r in batch]


def lookup(job):
    @contextmanager
    def open_service(options, http):
        yield LookingWriter(job.url, http)

    spec = tailrace.DestinationSpec(open=open_service, **declared(job))
    job.begin()
    return told(tailrace.run(job.rows(), spec, name="bench", key="id", state=state(job)))


def second(job, path="after"):
    """Read all again, and send what has changed."""
    silent = path == "before"

    @tailrace.destination(modes={"upsert"}, **declared(job))
    def service(rows, http):
        if not silent:
            http.post(f"{job.url}/rows", json=rows)

    source, options = "file", {"path": job.files[path]}
    if job.setting.get("source") == "duckdb":
        import duckdb

        options = None
        source = duckdb.connect(job.files[f"{path}_duckdb"], read_only=True).table("people")
    job.begin()
    report = tailrace.run(
        source,
        service,
        name="bench",
        mode="upsert",
        key="id",
        source_options=options,
        state=state(job),
    )
    return told(report)


def first(job):
    """Deliver all for the first time, into nothing: the state is what counts."""
    return second(job, "before")


def quota(job):
    """Run two processes at once that share one declared quota through their state folder."""
    command, running = Path(sys.argv[1]), []
    asked = json.loads(command.read_text())
    for part in range(2):
        setting = {**job.setting, "part": [part, 2]}
        out = str(job.folder / f"told-{part}.json")
        one = {**asked, "does": "post", "setting": setting, "out": out}
        path = job.folder / f"task-{part}.json"
        path.write_text(json.dumps(one))
        running.append(subprocess.Popen([sys.executable, __file__, str(path)]))
    return {"ended": [each.wait() for each in running]}


def sheet(job):
    spreadsheet = job.setting["spreadsheet"]
    job.begin()
    report = tailrace.run(
        job.rows(),
        "sheets",
        name="bench",
        options={"spreadsheet": spreadsheet, "base_url": job.url},
        state=state(job),
    )
    size = sum(len(json.dumps(list(row.values()))) + 2 for row in job.rows())
    return {**told(report), "implied by 2 MB": -(-size // 2_000_000)}


if __name__ == "__main__":
    task.run(
        noop=noop,
        parquet=parquet,
        post=post,
        lookup=lookup,
        first=first,
        second=second,
        quota=quota,
        sheet=sheet,
    )
