"""Lists: which objects, how many, from where, and what of them is expanded."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import attrs

from tailrace_sandbox.stripe.account import Account
from tailrace_sandbox.stripe.errors import ApiError
from tailrace_sandbox.stripe.kinds import Object, kind_of
from tailrace_sandbox.wire import Request

MOST, USUAL, DEEPEST = 100, 10, 4
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, {"gte": "ge", "lte": "le"}.get(name, name))
    for name in ("gt", "gte", "lt", "lte")
}
_ENDED = frozenset({"canceled", "incomplete_expired"})
_TAKEN = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})
_NAME = re.compile(r"(\w+)(?:\[(\w*)\])?")


@attrs.frozen
class Asked:
    """Hold the parameters of a request: `created[gte]` as a mapping, `expand[0]` as a list."""

    single: Mapping[str, str]
    nested: Mapping[str, Mapping[str, str]]
    lists: Mapping[str, list[str]]

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Take the parameters of a request apart."""
        single: dict[str, str] = {}
        nested: dict[str, dict[str, str]] = {}
        lists: dict[str, list[str]] = {}
        for name, values in request.query.items():
            found = _NAME.fullmatch(name)
            if found is None:
                raise _unknown(name)
            outer, inner = found.groups()
            if inner is None:
                single[outer] = values[-1]
            elif inner.isdigit() or not inner:
                lists.setdefault(outer, []).extend(values)
            else:
                nested.setdefault(outer, {})[inner] = values[-1]
        return cls(single, nested, lists)


def page_of(account: Account, name: str, request: Request) -> Object:
    """Return one page of a list."""
    asked = Asked.of(request)
    limit = _whole("limit", asked.single.get("limit", str(USUAL)))
    if not 1 <= limit <= MOST:
        raise ApiError(
            f"Invalid integer: this value must be between 1 and {MOST} inclusive.", param="limit"
        )
    filters = _filters(name, asked)
    fits = [each for each in account.newest_first(name) if _fits(name, each, asked, filters)]
    some, more = _cut(account, name, fits, asked, limit)
    shown = [expanded(account, deepcopy(each), asked, "data.") for each in some]
    return {"object": "list", "data": shown, "has_more": more, "url": f"/v1/{name}"}


def expanded(account: Account, subject: Object, asked: Asked, ahead: str = "") -> Object:
    """Put objects where their ids stand, as is asked for."""
    for path in asked.lists.get("expand", ()):
        parts = path.removeprefix(ahead).split(".")
        if not path.startswith(ahead) or len(path.split(".")) > DEEPEST:
            raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
        _expand(account, subject, parts, path)
    return subject


def _expand(account: Account, holder: Any, parts: list[str], path: str) -> None:
    if isinstance(holder, list):
        for each in holder:
            _expand(account, each, parts, path)
        return
    name, *rest = parts
    if not isinstance(holder, dict) or name not in holder:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(holder[name], str):
        found = account.anywhere(holder[name])
        holder[name] = holder[name] if found is None else deepcopy(found)
    if rest and holder[name] is not None:
        _expand(account, holder[name], rest, path)


def _cut(
    account: Account, name: str, fits: list[Object], asked: Asked, limit: int
) -> tuple[list[Object], bool]:
    order = [each["id"] for each in account.newest_first(name)]
    places = {id_: place for place, id_ in enumerate(order)}
    if (last := asked.single.get("starting_after")) is not None:
        account.find(name, last, "starting_after")
        fits = [each for each in fits if places[each["id"]] > places[last]]
    if (first := asked.single.get("ending_before")) is not None:
        account.find(name, first, "ending_before")
        fits = [each for each in fits if places[each["id"]] < places[first]]
        return fits[-limit:], len(fits) > limit
    return fits[:limit], len(fits) > limit


def _fits(name: str, subject: Object, asked: Asked, filters: Mapping[str, str]) -> bool:
    created = subject["created"]
    if "created" in asked.single and created != _whole("created", asked.single["created"]):
        return False
    for how, bound in asked.nested.get("created", {}).items():
        if not _COMPARED[how](created, _whole(f"created[{how}]", bound)):
            return False
    if name == "events" and not _is_of_type(subject["type"], asked):
        return False
    if name == "subscriptions" and not _is_of_status(subject["status"], asked):
        return False
    return all(_spelled(subject.get(field)) == value for field, value in filters.items())


def _filters(name: str, asked: Asked) -> Mapping[str, str]:
    """Return what fields have to be; raises the error of a parameter that the list does not have."""
    special = {"events": {"type", "types"}, "subscriptions": {"status"}}.get(name, set())
    known = kind_of(name).filters
    for field in (*asked.single, *asked.nested, *asked.lists):
        if known is not None and field not in (_TAKEN | known | special):
            raise _unknown(field)
    for how in asked.nested.get("created", {}):
        if how not in _COMPARED:
            raise _unknown(f"created[{how}]")
    ours = _TAKEN | special
    return {field: value for field, value in asked.single.items() if field not in ours}


def _is_of_type(kind: str, asked: Asked) -> bool:
    named = asked.lists.get("types")
    if named is not None:
        return kind in named
    return fnmatchcase(kind, asked.single.get("type", "*"))


def _is_of_status(status: str, asked: Asked) -> bool:
    wanted = asked.single.get("status")
    if wanted is None:
        return status not in _ENDED
    return wanted in ("all", status) or (wanted == "ended" and status in _ENDED)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        raise ApiError(f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    return int(text)


def _unknown(name: str) -> ApiError:
    told = f"Received unknown parameter: {name}"
    return ApiError(told, code="parameter_unknown", param=name)
