"""drt-core: its sync engine with its own REST destination, DuckDB source and local state."""

from concurrent.futures import ThreadPoolExecutor

import task
from drt.config.credentials import DuckDBProfile
from drt.config.models import SyncConfig
from drt.destinations.base import SyncResult
from drt.destinations.rest_api import RestApiDestination
from drt.engine.observer import StatePersistingObserver
from drt.engine.sync import run_sync
from drt.sources.duckdb import DuckDBSource
from drt.state.manager import LocalStateManager


class Rows:
    """A source that makes the rows."""

    def __init__(self, rows):
        self.rows = rows

    def extract(self, query, config, *, query_tags=None):
        yield from self.rows

    def test_connection(self, config):
        return True


class Nothing:
    """A destination that takes all and does nothing."""

    def load(self, records, config, sync_options):
        return SyncResult(success=len(records))


def sync(job, source, destination, name="bench"):
    config = SyncConfig(
        name=name,
        model=job.setting.get("model", "SELECT 1"),
        destination={
            "type": "rest_api",
            "url": f"{job.url or 'http://127.0.0.1'}/rows",
            "headers": {"Content-Type": "application/json"},
            "body_mode": "batch",
            "batch_template": "{{ rows | tojson_safe }}",
            **job.setting.get("destination", {}),
        },
        sync={"batch_size": job.batch, **job.setting.get("sync", {})},
    )
    state = LocalStateManager(job.folder)
    result = run_sync(
        config,
        source,
        destination,
        DuckDBProfile(type="duckdb"),
        job.folder,
        state_manager=state,
        observer=StatePersistingObserver(state, None),
    )
    return {"delivered": result.success, "failed": result.failed}


def noop(job):
    job.begin()
    return sync(job, Rows(job.rows()), Nothing())


def parquet(job):
    job.begin()
    job.setting["model"] = f"SELECT * FROM '{job.files['parquet']}'"
    return sync(job, DuckDBSource(), Nothing())


def post(job):
    """Post; where the setting says so, as several syncs of a part each, as `--threads` runs them."""
    parts = job.setting.get("syncs", 1)
    job.begin()
    with ThreadPoolExecutor(parts) as executor:
        every = [
            executor.submit(
                sync, job, Rows(job.rows(part, parts)), RestApiDestination(), f"bench{part}"
            )
            for part in range(parts)
        ]
    told = [each.result() for each in every]
    return {name: sum(each[name] for each in told) for name in told[0]}


def second(job):
    job.begin()
    job.setting["model"] = f"SELECT * FROM '{job.files['after']}'"
    return sync(job, DuckDBSource(), RestApiDestination())


if __name__ == "__main__":
    task.run(noop=noop, parquet=parquet, post=post, second=second)
