"""dlt: a pipeline into a custom destination, with its own requests client."""

import os

import task

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")


def pipeline(job, resource, write):
    """Run rows into a function; what the setting says goes where dlt's documents say it goes."""
    for name, value in job.setting.get("config", {}).items():
        os.environ[name] = str(value)
    import dlt

    declared = job.setting.get("destination", {})
    arrow = declared.get("loader_file_format") == "parquet"

    def service(items, table):
        write(items.to_pylist() if arrow else items)

    destination = dlt.destination(service, batch_size=job.batch, **declared)
    job.begin()
    line = dlt.pipeline(
        "bench", destination=destination, pipelines_dir=str(job.folder / "pipelines")
    )
    line.run(dlt.resource(resource, name="people"))
    return {}


def source(job):
    """Yield rows one by one, in pages, or as Arrow tables."""
    kind = job.setting.get("source", "rows")
    if kind == "rows":
        return job.rows()
    if kind == "pages":
        return job.pages(1000)
    import pyarrow

    return (pyarrow.Table.from_pylist(page) for page in job.pages(5000))


def parquet_source(job, path):
    """Yield a Parquet file's rows as pages of dicts, or its record batches as they are."""
    import pyarrow.parquet

    pages = pyarrow.parquet.ParquetFile(path).iter_batches(10_000)
    if job.setting.get("source") == "arrow":
        return (pyarrow.Table.from_batches([page]) for page in pages)
    return (page.to_pylist() for page in pages)


def noop(job):
    return pipeline(job, source(job), lambda items: None)


def parquet(job):
    return pipeline(job, parquet_source(job, job.files["parquet"]), lambda items: None)


def writer(job):
    """Give a function that posts; its client tries again as dlt's documents say it does."""
    from dlt.sources.helpers.requests import Client

    client = Client(max_connections=job.setting.get("connections", 50), raise_for_status=False)
    refused = []

    def write(items):
        answer = client.post(f"{job.url}/rows", json=items)
        if answer.status_code == 400 and job.setting.get("skip_refused"):
            refused.append(len(items))
            return
        answer.raise_for_status()

    return write


def post(job):
    return pipeline(job, source(job), writer(job))


def second(job):
    return pipeline(job, parquet_source(job, job.files["after"]), writer(job))


if __name__ == "__main__":
    task.run(noop=noop, parquet=parquet, post=post, second=second)
