"""The API: its addresses, who calls, and what its refusals mean."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

import attrs
import orjson

import tailrace
from tailrace_notion._ids import identifier

VERSION = "2025-09-03"
_NOT_EXECUTED = (409, 529)
"""A conflict while saving, and an overload: the same may be asked again."""
_SAID = 500
_CURES = {
    401: "Notion does not take this token; copy the integration's secret anew",
    403: "the integration may not do this; give it the capabilities to read, insert and update"
    " content, and access to the database",
}
_SOURCE = re.compile("could not find (a )?data.?(base|source)", re.IGNORECASE)
_TRASHED = re.compile(r"edit .*\b(archived|in trash|trashed)", re.IGNORECASE)
_SLIM = 40
"""Properties that are asked for one by one; of more, a page is given whole."""


class MissingPageError(Exception):
    """Tell that a page cannot be changed: it is in the trash, or is not there at all."""

    def __init__(self, refused: tailrace.RejectedError, *, trashed: bool) -> None:
        super().__init__(str(refused))
        self.reason = refused.reason
        self.trashed = trashed


@attrs.frozen
class Page:
    """Hold a page as a query gives it; `values` are by the properties' ids, and names."""

    id: str
    author: str
    created: str
    values: Mapping[str, Mapping[str, Any]]


@attrs.define
class Api:
    """Call the endpoints; `heard` is when the newest answer was made, by Notion's own clock."""

    http: tailrace.Http
    heard: datetime | None = None

    def get(self, path: str) -> Mapping[str, Any]:
        """Read something."""
        return self._object(self.http.get(f"v1/{path}"))

    def query(
        self, source: str, asked: Mapping[str, Any], properties: Sequence[str]
    ) -> Mapping[str, Any]:
        """Ask for pages of a data source, with some of their properties, or all if none is named."""
        # Ids are told as an address has them, and are escaped once more on their way into one.
        slim = [unquote(each) for each in properties] if len(properties) <= _SLIM else ()
        path = f"v1/data_sources/{source}/query"
        params = {"filter_properties": slim}
        try:
            return self._object(self.http.post(path, json=asked, params=params, safe=True))
        except tailrace.RejectedError as error:
            raise (_lost(error) if error.status == 404 else error) from None

    def create(self, source: str, properties: Mapping[str, Any]) -> str:
        """Make a page and give its id; raises UnansweredError where it may have been made."""
        parent = {"type": "data_source_id", "data_source_id": source}
        once = self.http.using(not_executed=(529,), refusal=partial(refused, once=True))
        body = {"parent": parent, "properties": properties}
        try:
            return self._named(self._object(once.post("v1/pages", json=body)))
        except tailrace.RejectedError as error:
            # A page that a relation leads to may be missing as well, and is its record's affair.
            lost = error.status == 404 and _SOURCE.search(str(error))
            raise (_lost(error) if lost else error) from None

    def change(self, page: str, body: Mapping[str, Any]) -> str:
        """Change a page, which may be done twice; raises MissingPageError where it cannot be."""
        try:
            answer = self.http.patch(f"v1/pages/{page}", json=body, repeat=True)
        except tailrace.RejectedError as error:
            said = str(error)
            gone = error.status == 404 and page.replace("-", "") in said.replace("-", "")
            trashed = error.status == 400 and _TRASHED.search(said) is not None
            if gone or trashed:
                raise MissingPageError(error, trashed=trashed) from None
            raise
        return self._named(self._object(answer))

    def _object(self, answer: tailrace.Answer) -> Mapping[str, Any]:
        told = answer.json()
        if not isinstance(told, Mapping):
            raise tailrace.UnansweredError("Notion's answer is no object", status=answer.status)
        self.heard = _moment(answer) or self.heard
        return told

    def _named(self, told: Mapping[str, Any]) -> str:
        if not isinstance(told.get("id"), str):
            raise tailrace.UnansweredError("Notion's answer tells no page's id")
        return str(told["id"])


def connect(token: tailrace.Secret | None, base_url: str, http: tailrace.Http) -> Api:
    """Give what calls the API at an address."""
    return Api(
        http.using(
            base_url=base_url,
            bearer=token,
            headers={"Accept": "application/json", "Notion-Version": VERSION},
            not_executed=_NOT_EXECUTED,
            refusal=refused,
        )
    )


def refused(answer: tailrace.Answer, *, once: bool = False) -> None:
    """Raise what a refusal means; what passes is left to the engine.

    once: a conflict may have been one after the page was made, so that it is not sent again.
    """
    told = _told(answer)
    message = str(told.get("message") or "")[:_SAID]
    said = "".join(each if each.isprintable() else " " for each in message)
    if answer.status in _CURES:
        cure = _CURES[answer.status]
        raise tailrace.FatalError(
            f"{cure} (Notion says: {said or answer.status})", status=answer.status
        )
    if answer.status == 409 and once:
        raise tailrace.UnansweredError(f"a conflict while it was made: {said}", status=409)
    if said and answer.status not in (402, 408, 409, 425, 429):
        reason = str(told.get("code") or "rejected")[:50]
        raise tailrace.RejectedError(said, reason=reason, status=answer.status)


def _lost(error: tailrace.RejectedError) -> tailrace.FatalError:
    told = f"the data source is not there any more, or not shared with the integration: {error}"
    return tailrace.FatalError(told, status=error.status)


def pages_of(told: Mapping[str, Any]) -> list[Page]:
    """Give the pages in an answer; raises UnansweredError where it is no list of such."""
    results = told.get("results")
    if not isinstance(results, list):
        raise tailrace.UnansweredError("Notion's answer has no list of results")
    found = []
    for each in results:
        if not isinstance(each, Mapping) or each.get("object") != "page":
            continue  # a data source may hold others of its kind
        values = each.get("properties")
        given = values if isinstance(values, Mapping) else {}
        by_name = {name: value for name, value in given.items() if isinstance(value, Mapping)}
        by_id = {str(value.get("id")): value for value in by_name.values()}
        author = each.get("created_by")
        name = author.get("id") if isinstance(author, Mapping) else ""
        made = str(each.get("created_time"))
        found.append(Page(str(each.get("id")), str(name), made, {**by_name, **by_id}))
    return found


def same(one: str | None, other: str | None) -> bool:
    """Tell whether two ids are one, however they are written."""
    return one is not None and other is not None and identifier(one) == identifier(other)


def _told(answer: tailrace.Answer) -> Mapping[str, Any]:
    """Give the body of a refusal; those of the edge are HTML."""
    try:
        told = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, Mapping) else {}


def _moment(answer: tailrace.Answer) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError):
        return None
