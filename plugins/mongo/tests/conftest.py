"""A server with a collection in it, and whole runs from it into memory."""

import os
import shutil
import subprocess
import uuid

import pymongo
import pytest

import tailrace
from tailrace._engine.preparing import prepare
from tailrace._engine.runner import execute
from tailrace.testing import FakeClock, MemoryDestination

from .double import Double

MODES = {"modes": ["append", "upsert", "mirror"], "delivery": "idempotent"}


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """The uri of a real server, where MONGODB_URI names one or mongod is installed; else None."""
    if "MONGODB_URI" in os.environ or shutil.which("mongod") is None:
        yield os.environ.get("MONGODB_URI")
        return
    folder = tmp_path_factory.mktemp("mongod")
    socket = f"{folder}/mongodb-27917.sock".replace("/", "%2F")
    where = ["--dbpath", str(folder), "--port", "27917", "--unixSocketPrefix", str(folder)]
    with subprocess.Popen(["mongod", "--replSet", "rs", *where], stdout=subprocess.DEVNULL) as it:
        uri = f"mongodb://{socket}/?directConnection=true"
        with pymongo.MongoClient(uri) as client:
            members = [{"_id": 0, "host": "127.0.0.1:27917"}]
            client.admin.command("replSetInitiate", {"_id": "rs", "members": members})
        yield "mongodb://127.0.0.1:27917/?replicaSet=rs"
        it.terminate()


@pytest.fixture
def double():
    with Double() as running:
        yield running


@pytest.fixture(params=["double", "real"])
def uri(request):
    if request.param == "double":
        return request.getfixturevalue("double").uri
    found = request.getfixturevalue("real")
    if found is None:
        pytest.skip("there is no mongod on the PATH, and MONGODB_URI names no server")
    return found


@pytest.fixture
def people(uri):
    """The collection `people` of a database of its own, as a program that writes sees it."""
    with pymongo.MongoClient(uri, uuidRepresentation="standard", tz_aware=True) as client:
        name = f"tailrace_{uuid.uuid4().hex[:12]}"
        yield client[name].people
        client.drop_database(name)


@pytest.fixture
def read(uri, people, tmp_path):
    """Run a sync of the collection into memory, with no real waits; give its report and rows."""

    def run(destination=None, *, mode="append", cursor=None, restart=False, field=None, **options):
        options |= {"cursor": field} if field is not None else {}
        memory = destination or MemoryDestination(**MODES)
        given = {"uri": uri, "database": people.database.name, "collection": "people"}
        sync = tailrace.Sync(
            source="mongo",
            source_options={**given, **options},
            destination=memory.spec,
            name="it",
            mode=mode,
            cursor=cursor,
            key="_id" if mode != "append" else None,
            state=tmp_path / "state",
        )
        if restart:
            return sync.run(restart=True), memory.rows
        return execute(prepare(sync), FakeClock()), memory.rows

    return run


@pytest.fixture
def keep_reading(read):
    """Read on by a field, run after run; give the `_id`s of what each has read."""

    def run(field, **how):
        _, rows = read(MemoryDestination(**MODES), field=field, **how)
        return ids(rows)

    return run


def ids(rows):
    return [row["_id"] for row in rows]
