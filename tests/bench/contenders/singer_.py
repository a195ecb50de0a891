"""singer-sdk: a target with a BatchSink; the tap's messages are made in the same process."""

import json

import task

SCHEMA = {
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "score": {"type": "number"},
        "active": {"type": "boolean"},
    }
}
NO_CONFIG = {"properties": {}}


def messages(job):
    """Write what a tap would: the schema, then a line a row."""
    schema = {"type": "SCHEMA", "stream": "people", "schema": SCHEMA, "key_properties": ["id"]}
    yield json.dumps(schema)
    for row in job.rows():
        yield json.dumps({"type": "RECORD", "stream": "people", "record": row})
    yield json.dumps({"type": "STATE", "value": {"read": job.rows_wanted}})


def target(job, write):
    from singer_sdk import Target
    from singer_sdk.sinks import BatchSink

    class Service(BatchSink):
        def process_batch(self, context):
            write(context["records"])

    class Bench(Target):
        name = "target-bench"
        config_jsonschema = NO_CONFIG
        default_sink_class = Service

    reader = None
    if job.setting.get("reader") == "msgspec":
        from singer_sdk.contrib.msgspec import MsgSpecReader

        reader = MsgSpecReader()
    config = {"batch_size_rows": job.batch, **job.setting.get("config", {})}
    job.begin()
    Bench(config=config, message_reader=reader).listen(messages(job))
    return {}


def noop(job):
    return target(job, lambda records: None)


def post(job):
    import requests

    session = requests.Session()
    left = []

    def write(records):
        answer = session.post(f"{job.url}/rows", data=json.dumps(records, default=float))
        if answer.status_code == 400 and job.setting.get("skip_refused"):
            left.append(len(records))
            return
        answer.raise_for_status()

    return target(job, write)


if __name__ == "__main__":
    task.run(noop=noop, post=post)
