"""The API of one org: its calls, what its refusals mean, and how many calls are left."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import orjson

import tailrace

LARGEST = 200
"""Records of one collection."""
PASSING = frozenset(
    {
        "UNABLE_TO_LOCK_ROW",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "REQUEST_RUNNING_TOO_LONG",
        "QUERY_TIMEOUT",
        "TXN_SECURITY_METERING_ERROR",
    }
)
"""Codes that a later try may not meet."""
_CROWDED = 5.0
"""Seconds until one of the long requests of others may have ended."""
_SAID = 500
_USED = re.compile(r"((?:per-app-)?api-usage)=(\d+)/(\d+)")


@attrs.define
class Usage:
    """Watch how many calls of 24 hours are used; `keep` per cent of them are left to others."""

    keep: int
    _told: Sequence[tuple[str, int, int]] = ()

    def note(self, answer: tailrace.Answer) -> None:
        """Read what an answer tells of them."""
        found = _USED.findall(answer.headers.get("sforce-limit-info", ""))
        if found:
            self._told = [(name, int(used), int(most)) for name, used, most in found]

    def check(self) -> None:
        """Raise a FatalError where so few are left that they belong to others."""
        for name, used, most in self._told:
            if (most - used) * 100 < most * self.keep:
                whose = "this app's" if name.startswith("per-app") else "the org's"
                raise tailrace.FatalError(
                    f"{used:,} of {whose} {most:,} calls of 24 hours are used, and keep_calls"
                    f" leaves {self.keep} % of them to others; run again later"
                )


@attrs.frozen
class Api:
    """Call the endpoints of one org."""

    http: tailrace.Http
    version: str
    usage: Usage

    def path(self, path: str) -> str:
        """Give a resource's path."""
        return f"services/data/v{self.version}/{path}"

    def get(self, path: str, **params: str) -> Any:
        """Read something."""
        answer = self.http.get(path if path[:1] == "/" else self.path(path), params=params)
        self.usage.note(answer)
        return answer.json()

    def text(self, path: str) -> str:
        """Read a file of comma-separated values."""
        answer = self.http.get(self.path(path), headers={"Accept": "text/csv"})
        self.usage.note(answer)
        return answer.text

    def do(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """Change something."""
        if body is not None:
            how["json"] = body
        answer = self.http.request(method, self.path(path), **how)
        self.usage.note(answer)
        return answer.json() if answer.content else None

    def collection(
        self, method: str, path: str, records: Sequence[Mapping[str, Any]]
    ) -> list[Mapping[str, Any]]:
        """Do something to records, if the calls that are left allow it; results are in their order."""
        self.usage.check()
        told = self.do(method, path, {"allOrNone": False, "records": records})
        return _results(told, len(records))

    def delete(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        """Delete records by their ids, if the calls that are left allow it."""
        self.usage.check()
        params = {"ids": ",".join(names), "allOrNone": "false"}
        return _results(self.do("DELETE", "composite/sobjects", params=params), len(names))

    def query(self, soql: str) -> Iterator[Mapping[str, Any]]:
        """Give the records that a query finds."""
        told = self.get("query/", q=soql)
        while True:
            records = told.get("records") if isinstance(told, Mapping) else None
            if not isinstance(records, list):
                raise tailrace.UnansweredError("Salesforce's answer to a query has no records")
            yield from records
            more = told.get("nextRecordsUrl")
            if told.get("done") is not False or not isinstance(more, str):
                return
            told = self.get(f"/{more.lstrip('/')}")


def _results(told: Any, count: int) -> list[Mapping[str, Any]]:
    if not isinstance(told, list) or not all(isinstance(each, Mapping) for each in told):
        raise tailrace.UnansweredError("Salesforce's answer is no list of results")
    if len(told) != count:
        raise tailrace.UnansweredError(f"Salesforce answers for {len(told)} of {count} records")
    return told


def refused(answer: tailrace.Answer) -> None:
    """Raise what a refusal means; a session that has ended is left to the engine."""
    if answer.status in (401, 402, 408, 425, 429):
        return
    code, said = _told(answer)
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "concurrent" in said.lower():
            raise tailrace.RetryableError(said, _CROWDED, status=answer.status)
        raise tailrace.FatalError(
            "the org's calls are used up, which are counted over the last 24 hours; run again later"
            f" (Salesforce says: {said})",
            status=answer.status,
        )
    if code in PASSING:
        raise tailrace.RetryableError(said, status=answer.status)
    if code and answer.status != 403:
        raise tailrace.RejectedError(said, reason=code.lower(), status=answer.status)


def _told(answer: tailrace.Answer) -> tuple[str, str]:
    """Give code and message of a refusal; at the edge of Salesforce some are HTML."""
    try:
        told = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return "", ""
    first = told[0] if isinstance(told, list) and told else told
    if not isinstance(first, Mapping):
        return "", ""
    code = str(first.get("errorCode") or "")
    return code, str(first.get("message") or code)[:_SAID]
