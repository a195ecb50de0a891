"""`tailrace demo`: a real sync of sample data into the local twin of Google Sheets, twice."""

import csv
import json
import sys
import tempfile
import threading
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

import tailrace
from tailrace_sandbox.sandbox import Sandbox

_MAPPING = {
    "Customer": "name",
    "Email": "email",
    "Company": "company",
    "Plan": "plan",
    "MRR": "mrr",
    "Churn risk": "churn_risk",
    "Renews on": "renews_on",
    "Active": "active",
}

_PROJECT = """\
  [sync.customers]
  mode = "upsert"
  key = "id"
  source = { plugin = "file", path = "customers.csv" }
  destination = { plugin = "sheets", spreadsheet = "...", tab = "Customers" }

  [sync.customers.mapping]
  Customer = "name"
  "Churn risk" = "churn_risk"      # and so on"""


@click.command(name="demo")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The sandbox's port.")
@click.option(
    "--keep/--no-keep", default=None, help="Keep the sandbox up; by default only on a terminal."
)
def demo(port: int, keep: bool | None) -> int:
    """Bring sample customers into a sandbox sheet, change a few, and bring only those again."""
    with Sandbox(port) as sandbox, tempfile.TemporaryDirectory(prefix="tailrace-demo-") as folder:
        code = _play(sandbox, Path(folder) / "customers.csv")
        stay = sys.stdout.isatty() if keep is None else keep
        if stay and code == 0:
            print(f"\nThe sheet, as it is now: {sandbox.url()}")
            print("Ctrl-C ends the demo; nothing of it stays.", flush=True)
            _wait()
    return code


def _play(sandbox: Sandbox, source: Path) -> int:
    print(f"A sandbox is up at {sandbox.url()}: a local twin of Google Sheets.")
    print("What follows is a real sync, through Google's own client, over HTTP:\n")
    print(_PROJECT)
    spreadsheet = _spreadsheet(sandbox)
    source.write_bytes(files("tailrace_sandbox").joinpath("data/customers.csv").read_bytes())
    print("\nFirst run: the sheet is empty, so that everything goes out.")
    first = _sync(sandbox, source, spreadsheet)
    if not first.ok:
        return first.exit_code
    _change(source)
    print("\nNow three customers' risk has changed in the source, and one customer is new.")
    print("Second run: only those four go out.")
    second = _sync(sandbox, source, spreadsheet)
    if not second.ok:
        return second.exit_code
    print(f"\n{_table(sandbox, spreadsheet)}")
    print(f"\n{len(sandbox.requests('sheets'))} requests went to the twin in all.", flush=True)
    return 0


def _sync(sandbox: Sandbox, source: Path, spreadsheet: str) -> tailrace.Report:
    report = tailrace.run(
        "file",
        "sheets",
        name="customers",
        mode="upsert",
        key="id",
        source_options={"path": source},
        options={
            "spreadsheet": spreadsheet,
            "tab": "Customers",
            "base_url": sandbox.url("sheets"),
        },
        mapping=_MAPPING,
        state=source.parent / "state",
    )
    print(f"  {report.summary()}")
    return report


def _spreadsheet(sandbox: Sandbox) -> str:
    made = _call(
        f"{sandbox.url('sheets')}/v4/spreadsheets",
        {
            "properties": {"title": "Customer success"},
            "sheets": [{"properties": {"title": "Customers"}}],
        },
    )
    return str(made["spreadsheetId"])


def _table(sandbox: Sandbox, spreadsheet: str) -> str:
    """Draw the first and last rows of the sheet, as its API gives them."""
    url = f"{sandbox.url('sheets')}/v4/spreadsheets/{spreadsheet}/values/Customers"
    values = _call(url)["values"]
    rows = [row[:7] for row in (*values[:5], ["..."], *values[-2:])]
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(7)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        for row in rows
    ]
    return "\n".join(f"  {line.rstrip()}" for line in lines)


def _call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310  # our own twin on loopback
        url, data, {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        return json.load(answer)


def _change(source: Path) -> None:
    """Change three customers of the source and add one."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[10:160:50]:
        row["churn_risk"] = "0.99"
    rows.append(rows[-1] | {"id": "1201", "name": "Kim Newcomer", "email": "kim@newcomer.example"})
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _wait() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
