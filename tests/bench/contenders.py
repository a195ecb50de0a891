"""The contenders: each does one thing in a process of its own, and tells what it counted."""

import json
import os
import resource
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

MB = 1_000_000


def rows(count):
    for number in range(count):
        yield {"id": number, "name": f"name {number}", "score": number * 0.5, "active": True}


def bare(count):
    return {}


def import_tailrace(count):
    import tailrace  # noqa: F401

    return {}


def hand(count):
    batch, sent = [], 0
    for row in rows(count):
        batch.append(row)
        if len(batch) == 100:
            sent += len(batch)
            batch = []
    return {"delivered": sent + len(batch)}


def _run(source, mode="append", **how):
    import tailrace

    @tailrace.destination(batch_size=100, modes={"append", "upsert"}, delivery="idempotent")
    def nothing(rows):
        pass

    report = tailrace.run(source, nothing, mode=mode, state=None, **how)
    return {"delivered": report.delivered}


def function(count):
    return _run(rows(count))


def upsert(count):
    return _run(rows(count), mode="upsert", key="id")


def _parquet(count):
    import duckdb

    path = Path(os.environ["BENCH_FOLDER"]) / f"{count}.parquet"
    if not path.exists():
        duckdb.sql(
            "SELECT i AS id, 'name ' || i AS name, i * 0.5 AS score, true AS active"
            f" FROM range({count}) t(i)"
        ).write_parquet(str(path))
    return path


def hand_parquet(count):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET enable_progress_bar = false; FROM '{_parquet(count)}'")
    names, sent = [each[0] for each in connection.description], 0
    while found := connection.fetchmany(1000):
        sent += len([dict(zip(names, row, strict=True)) for row in found])
    return {"delivered": sent}


def parquet(count):
    return _run("file", source_options={"path": str(_parquet(count))})


@contextmanager
def _sandbox():
    """Serve the twin from a process of its own, so that its memory is not counted."""
    command = [sys.executable, "-m", "tailrace", "sandbox", "--port", "0", "--json", "--for", "600"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(server.stdout.readline())["sheets"]
    finally:
        server.terminate()
        server.wait()


def _spreadsheet(base):
    request = urllib.request.Request(
        f"{base}/v4/spreadsheets", b'{"sheets":[{"properties":{"title":"Sheet1"}}]}'
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["spreadsheetId"]


def hand_sheet(count):
    from google.auth.credentials import AnonymousCredentials
    from googleapiclient.discovery import build

    with _sandbox() as base:
        made = _spreadsheet(base)
        service = build(
            "sheets",
            "v4",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": base},
        )
        grid = {"sheetId": 0, "gridProperties": {"rowCount": count + 1}}
        tabs = service.spreadsheets().get(spreadsheetId=made).execute()["sheets"]
        grid["sheetId"] = tabs[0]["properties"]["sheetId"]
        body = {
            "requests": [
                {"updateSheetProperties": {"properties": grid, "fields": "gridProperties.rowCount"}}
            ]
        }
        service.spreadsheets().batchUpdate(spreadsheetId=made, body=body).execute()
        values = service.spreadsheets().values()
        requests, at, block, size = 2, 2, [], 0
        for row in [*rows(count), None]:
            cells = list(row.values()) if row else []
            weight = len(json.dumps(cells)) + 2
            if block and (row is None or size + weight > 2 * MB):
                where = f"Sheet1!A{at}"
                values.update(
                    spreadsheetId=made, range=where, valueInputOption="RAW", body={"values": block}
                ).execute()
                requests, at, block, size = requests + 1, at + len(block), [], 0
            block.append(cells)
            size += weight
    return {"requests": requests, "delivered": count}


def sheet(count):
    import tailrace

    with _sandbox() as base:
        report = tailrace.run(
            rows(count),
            "sheets",
            options={"spreadsheet": _spreadsheet(base), "base_url": base},
            state=None,
        )
    size = sum(len(json.dumps(list(row.values()))) + 2 for row in rows(count))
    return {
        "requests": report.requests,
        "implied by 2 MB": -(-size // (2 * MB)),
        "delivered": report.delivered,
    }


if __name__ == "__main__":
    told = globals()[sys.argv[1]](int(sys.argv[2]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    own = {"memory": used.ru_maxrss, "cpu": used.ru_utime + used.ru_stime}
    Path(sys.argv[3]).write_text(json.dumps({"own": own, "told": told}))
