"""Uses of the public surface that a type checker has to accept; never run.

A line that a checker has to refuse carries the error that it has to give: mypy reports an ignore
that is not needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

import tailrace


@attrs.frozen(kw_only=True)
class Options:
    base_url: str
    token: tailrace.Secret
    page: int = tailrace.option(100, help="Rows a page.")


Options(base_url="https://crm.example", token=tailrace.Secret("t"))
Options(base_url=1, token=tailrace.Secret("t"))  # type: ignore[arg-type]
Options(base_url="https://crm.example", token="t")  # type: ignore[arg-type]
Options(base_url="https://crm.example", tokn=tailrace.Secret("t"))  # type: ignore[call-arg]


@attrs.frozen
class Contacts:
    http: tailrace.Http

    def write(self, batch: tailrace.Batch) -> list[tailrace.Outcome]:
        answer = self.http.post("/contacts", json=batch.rows(), idempotency_key=batch.id)
        refused: dict[Any, str] = {e["id"]: e["message"] for e in answer.json()["errors"]}
        return [batch.outcome(r, rejected=refused.get(r.key)) for r in batch]


writer: tailrace.Writer = Contacts(http=None)  # type: ignore[arg-type]


@contextmanager
def open_crm(options: Options, http: tailrace.Http) -> Iterator[Contacts]:
    yield Contacts(http.using(base_url=options.base_url, bearer=options.token))


@tailrace.hookimpl
def tailrace_destination() -> tailrace.DestinationSpec:
    return tailrace.DestinationSpec(options=Options, open=open_crm, modes={"upsert"})


@tailrace.destination(batch_size=100, max_in_flight=4, rate=tailrace.Rate(10, 1.0))
def webhook(batch: tailrace.Batch, http: tailrace.Http, *, url: str) -> None:
    http.post(url, json=batch.rows(), idempotency_key=batch.id)
    http.post(url, jsn=batch.rows())  # type: ignore[call-arg]


@tailrace.source
def people(*, count: int = 3) -> Iterator[dict[str, Any]]:
    yield from ({"id": number} for number in range(count))


rows: Iterator[dict[str, Any]] = people(count=2)
people(cnt=2)  # type: ignore[call-arg]

report: tailrace.Report = tailrace.run(
    people, webhook, name="people", options={"url": "https://example.com"}
)
delivered: int = report.delivered
for key, reason, message in report.rejections:
    print(key, reason.upper(), message.upper())

sync = tailrace.Sync(source=people, destination=webhook, mode="append")
sync.mode = "upsert"  # type: ignore[misc]
reports: list[tailrace.Report] = tailrace.run_all([sync])
