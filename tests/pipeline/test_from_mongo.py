"""From MongoDB to Slack: the README's story from Python, and a project file from the command line."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pymongo
import pytest
from bson import Decimal128, ObjectId

pytestmark = pytest.mark.once

PLUGIN = Path(__file__).parents[2] / "plugins" / "mongo"
TEXT = (PLUGIN / "README.md").read_text(encoding="utf-8")
STORY = re.search(r"<!-- example: story.py -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
PROJECT = """
[sync.paid]
mode = "insert"
key = "_id"

[sync.paid.source]
plugin = "mongo"
uri = { env = "MONGODB_URI" }
database = "shop"
collection = "orders"
filter = { paid = true, seller = { "$oid" = "65a000000000000000000001" } }
projection = { amount = 1 }

[sync.paid.destination]
plugin = "slack"
channel = "#general"
base_url = "BASE_URL"
text = "paid: {amount}"
"""


@pytest.fixture
def double():
    """The server that the plugin's own tests have."""
    spec = importlib.util.spec_from_file_location("mongo_double", PLUGIN / "tests" / "double.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.Double() as running:
        yield running


@pytest.fixture
def orders(double):
    with pymongo.MongoClient(double.uri) as client:
        yield client.shop.orders


def told(sandbox):
    return [each["text"] for each in sandbox.slack.messages("general")]


def test_odd_orders_are_scored_and_told_of_once(double, orders, sandbox, tmp_path):
    usual = [Decimal128(f"{20 + n % 5}.50") for n in range(40)]
    amounts = [*usual, Decimal128("999.99")]
    orders.insert_many([{"customer": f"c{n}", "amount": each} for n, each in enumerate(amounts)])
    names = {}
    exec(compile(STORY, "story.py", "exec"), names)
    how = {"base_url": sandbox.url("slack")}
    mongo = {"uri": double.uri}
    report = names["tell"](mongo, how, tmp_path)
    orders.insert_one({"customer": "late", "amount": Decimal128("2000.00")})
    again = names["tell"](mongo, how, tmp_path)

    assert ["c40: odd by 6.3", "late: odd by 5.7"] == told(sandbox)
    assert (1, 1) == (report.delivered, again.delivered)


def test_a_project_file_brings_documents_from_the_command_line(double, orders, sandbox, tmp_path):
    seller = ObjectId("65a000000000000000000001")
    orders.insert_many(
        [
            {"paid": True, "seller": seller, "amount": Decimal128("12.35")},
            {"paid": False, "seller": seller, "amount": Decimal128("1.00")},
            {"paid": True, "seller": ObjectId(), "amount": Decimal128("2.00")},
        ]
    )
    project = tmp_path / "tailrace.toml"
    project.write_text(PROJECT.replace("BASE_URL", sandbox.url("slack")))
    runs = [
        subprocess.run(
            [sys.executable, "-m", "tailrace", "run"],
            cwd=tmp_path,
            env={"MONGODB_URI": double.uri, "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    ]

    assert [0, 0] == [each.returncode for each in runs], runs
    assert ["paid: 12.35"] == told(sandbox)
