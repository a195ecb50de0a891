"""Search: filters, sorting and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tailrace_sandbox.hubspot.errors import ApiError
from tailrace_sandbox.hubspot.objects import ObjectType, Record

MOST_IN_ALL = 10_000
MOST_ON_A_PAGE = 200


def search(kind: ObjectType, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the records that one of the filter groups lets through, a page of them."""
    groups = body.get("filterGroups") or []
    found = [
        record
        for record in kind.living()
        if not groups or any(_passes(kind, record, group) for group in groups)
    ]
    for sort in reversed(body.get("sorts") or []):
        name = sort if isinstance(sort, str) else sort["propertyName"]
        falling = isinstance(sort, dict) and sort.get("direction") == "DESCENDING"
        found.sort(key=lambda record: _rank(record.values.get(name, "")), reverse=falling)
    limit, first = _whole(body.get("limit", 10)), _whole(body.get("after") or 0)
    if limit > MOST_ON_A_PAGE or first + limit > MOST_IN_ALL:
        raise ApiError(400, f"A page has {MOST_ON_A_PAGE} records at most, all pages {MOST_IN_ALL}")
    names = body.get("properties") or []
    page = [record.shown((*names, "hs_object_id")) for record in found[first : first + limit]]
    answer: dict[str, Any] = {"total": len(found), "results": page}
    if first + limit < len(found):
        answer["paging"] = {"next": {"after": str(first + limit)}}
    return answer


def _passes(kind: ObjectType, record: Record, group: Mapping[str, Any]) -> bool:
    for each in group.get("filters") or []:
        name, operator = each.get("propertyName"), each.get("operator")
        if name not in kind.properties:
            raise ApiError(400, f"There was a problem with the request: no property {name}")
        if operator not in _OPERATORS:
            raise ApiError(400, f"The sandbox does not know the operator {operator}")
        if not _OPERATORS[operator](record.values.get(name, ""), each):
            return False
    return True


def _rank(value: str) -> tuple[bool, float, str]:
    try:
        return False, float(value), ""
    except ValueError:
        return True, 0.0, value


def _given(each: Mapping[str, Any]) -> str:
    return str(each.get("value", ""))


def _whole(given: Any) -> int:
    try:
        return max(0, int(given))
    except (TypeError, ValueError):
        raise ApiError(400, f"{given!r} is no whole number") from None


_OPERATORS: Mapping[str, Callable[[str, Mapping[str, Any]], bool]] = {
    "EQ": lambda value, each: value.lower() == _given(each).lower(),
    "NEQ": lambda value, each: value.lower() != _given(each).lower(),
    "LT": lambda value, each: value != "" and _rank(value) < _rank(_given(each)),
    "LTE": lambda value, each: value != "" and _rank(value) <= _rank(_given(each)),
    "GT": lambda value, each: value != "" and _rank(value) > _rank(_given(each)),
    "GTE": lambda value, each: value != "" and _rank(value) >= _rank(_given(each)),
    "IN": lambda value, each: value.lower() in [str(v).lower() for v in each.get("values") or ()],
    "NOT_IN": lambda value, each: (
        value.lower() not in [str(v).lower() for v in each.get("values") or ()]
    ),
    "HAS_PROPERTY": lambda value, each: value != "",
    "NOT_HAS_PROPERTY": lambda value, each: value == "",
    "CONTAINS_TOKEN": lambda value, each: _given(each).strip("*").lower() in value.lower(),
}
