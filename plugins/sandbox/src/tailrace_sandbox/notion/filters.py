"""Filters: which pages a query means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tailrace_sandbox.notion import texts
from tailrace_sandbox.notion.errors import ApiError, invalid
from tailrace_sandbox.notion.pages import Page
from tailrace_sandbox.notion.properties import Property, named
from tailrace_sandbox.notion.texts import checked_list

Test = Callable[[Page], bool]
DEEPEST = 2
"""Levels of filters in filters."""
_TIMES = ("created_time", "last_edited_time")


def compiled(given: Any, properties: Mapping[str, Property], depth: int = 0) -> Test:
    """Return what tells whether a page is meant; raises ApiError for a filter that is none."""
    if not isinstance(given, Mapping):
        raise invalid("body.filter", "should be an object.")
    for word, judge in (("or", any), ("and", all)):
        if word in given:
            if depth >= DEEPEST:
                raise invalid(f"body.filter.{word}", "is nested too deeply.")
            several = checked_list(given[word], f"body.filter.{word}")
            same = _one_of(several, properties) if word == "or" else None
            if same is not None:
                return same
            tests = [compiled(each, properties, depth + 1) for each in several]
            return lambda page: judge(test(page) for test in tests)
    if given.get("timestamp") in _TIMES:
        name = given["timestamp"]
        return _timed(name, given.get(name))
    return _of_property(given, properties)


def _of_property(given: Mapping[str, Any], properties: Mapping[str, Property]) -> Test:
    of = named(properties, str(given.get("property")))
    kind = "title" if of.type == "title" and "title" in given else of.type
    condition = given.get(kind, given.get("rich_text") if of.type == "title" else None)
    if not isinstance(condition, Mapping) or len(condition) != 1:
        raise invalid(f"body.filter.{kind}", "should be defined, instead was `undefined`.")
    ((word, wanted),) = condition.items()
    if word == "is_empty":
        return lambda page: page.values.get(of.id) in (None, [], False)
    if word == "is_not_empty":
        return lambda page: page.values.get(of.id) not in (None, [], False)
    if word not in ("equals", "does_not_equal", "contains"):
        raise invalid(f"body.filter.{kind}.{word}", "is not known to the sandbox.")
    sought = _folded(wanted)
    if word == "contains":
        return lambda page: sought in _inner(of, page)
    return lambda page: (_held(of, page) == sought) is (word == "equals")


def _one_of(several: Sequence[Any], properties: Mapping[str, Property]) -> Test | None:
    """Return a quick test where all filters ask one property for what it equals."""
    wanted, asked = set(), set()
    for each in several:
        if not isinstance(each, Mapping) or set(each) & {"or", "and", "timestamp"}:
            return None
        of = named(properties, str(each.get("property")))
        condition = each.get(of.type)
        if not isinstance(condition, Mapping) or set(condition) != {"equals"}:
            return None
        asked.add(of.id)
        wanted.add(_folded(condition["equals"]))
    if len(asked) != 1:
        return None
    return lambda page: _held(of, page) in wanted


def _held(of: Property, page: Page) -> Any:
    """Return a value as filters compare it; capitals do not count."""
    value = page.values.get(of.id)
    if of.type in ("title", "rich_text"):
        return _folded(texts.plain(value or ()))
    if of.type in ("select", "status"):
        return _folded(None if value is None else value["name"])
    if of.type == "date":
        return None if value is None else value["start"]
    if of.type == "unique_id":
        return page.number
    return _folded(value) if not isinstance(value, list) else None


def _inner(of: Property, page: Page) -> Any:
    value = page.values.get(of.id)
    if isinstance(value, list) and of.type not in ("title", "rich_text"):
        return {_folded(each.get("name", each.get("id"))) for each in value}
    return _held(of, page) or ""


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _timed(name: str, condition: Any) -> Test:
    if not isinstance(condition, Mapping) or len(condition) != 1:
        raise invalid(f"body.filter.{name}", "should be defined, instead was `undefined`.")
    ((word, text),) = condition.items()
    judges: Mapping[str, Callable[[datetime, datetime], bool]] = {
        "on_or_after": lambda at, bound: at >= bound,
        "after": lambda at, bound: at > bound,
        "on_or_before": lambda at, bound: at <= bound,
        "before": lambda at, bound: at < bound,
    }
    if word not in judges:
        raise invalid(f"body.filter.{name}.{word}", "is not known to the sandbox.")
    try:
        bound = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ApiError(400, f"body.filter.{name}.{word} should be a date.") from None
    judge = judges[word]
    return lambda page: judge(getattr(page, name), bound)
