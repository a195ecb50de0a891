"""A plain loop that does the same without any safety: no state, no outcome of a record."""

import time
from concurrent.futures import ThreadPoolExecutor, wait

import task


def noop(job):
    def nothing(batch):
        pass

    job.begin()
    sent, batch = 0, []
    for row in job.rows():
        batch.append(row)
        if len(batch) == job.batch:
            nothing(batch)
            sent += len(batch)
            batch = []
    if batch:
        nothing(batch)
    return {"delivered": sent + len(batch)}


def parquet(job):
    import duckdb

    job.begin()
    connection = duckdb.connect()
    connection.execute(f"SET enable_progress_bar = false; FROM '{job.files['parquet']}'")
    names, sent = [each[0] for each in connection.description], 0
    while found := connection.fetchmany(job.batch):
        sent += len([dict(zip(names, row, strict=True)) for row in found])
    return {"delivered": sent}


def hashing(job):
    """Decode and hash all columns of all rows, which any comparison has to do at least."""
    import duckdb

    job.begin()
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    path = job.files["after"]
    count, _ = connection.execute(
        f"SELECT count(*), bit_xor(hash(id, name, score, active)) FROM '{path}'"
    ).fetchone()
    return {"hashed": count}


def post(job):
    """Post from as many threads as told, at a rate if one is told, and again as often as told."""
    import orjson
    import urllib3

    threads, again = job.setting["threads"], job.setting.get("again", 0)
    apart = 1 / job.setting["rate"] if "rate" in job.setting else 0
    kind = {"Content-Type": "application/json"}
    pool = urllib3.PoolManager(maxsize=threads, block=True, retries=False)
    told = {"given up": 0}

    def send(batch):
        body = orjson.dumps(batch)
        for _ in range(again + 1):
            try:
                answer = pool.request("POST", f"{job.url}/rows", body=body, headers=kind)
            except urllib3.exceptions.HTTPError:
                continue
            if answer.status == 200:
                return
        told["given up"] += 1

    job.begin()
    with ThreadPoolExecutor(threads) as executor:
        open_ones, due = set(), time.monotonic()
        for page in job.pages(job.batch):
            time.sleep(max(0, due - time.monotonic()))
            due += apart
            if len(open_ones) >= 2 * threads:
                open_ones = wait(open_ones, return_when="FIRST_COMPLETED").not_done
            open_ones.add(executor.submit(send, page))
    return told


def sheet(job):
    """Write a sheet with Google's client: the grid sized beforehand, 2 MB a request."""
    import json

    from google.auth.credentials import AnonymousCredentials
    from googleapiclient.discovery import build

    made = job.setting["spreadsheet"]
    service = build(
        "sheets",
        "v4",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": job.url},
    )
    job.begin()
    tabs = service.spreadsheets().get(spreadsheetId=made).execute()["sheets"]
    grid = {
        "sheetId": tabs[0]["properties"]["sheetId"],
        "gridProperties": {"rowCount": job.rows_wanted + 1},
    }
    change = {"properties": grid, "fields": "gridProperties.rowCount"}
    service.spreadsheets().batchUpdate(
        spreadsheetId=made, body={"requests": [{"updateSheetProperties": change}]}
    ).execute()
    values = service.spreadsheets().values()
    requests, at, block, size = 2, 2, [], 0
    for row in [*job.rows(), None]:
        cells = list(row.values()) if row else []
        weight = len(json.dumps(cells)) + 2
        if block and (row is None or size + weight > 2_000_000):
            where = f"Sheet1!A{at}"
            values.update(
                spreadsheetId=made, range=where, valueInputOption="RAW", body={"values": block}
            ).execute()
            requests, at, block, size = requests + 1, at + len(block), [], 0
        block.append(cells)
        size += weight
    return {"requests": requests, "delivered": job.rows_wanted}


if __name__ == "__main__":
    task.run(noop=noop, parquet=parquet, hashing=hashing, post=post, sheet=sheet)
