"""The catalog: which stream is read, with which of its fields."""

import difflib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import attrs

import tailrace
from tailrace_singer import Options


@attrs.frozen
class Stream:
    """Be the stream that is read.

    names: what its messages may call it; empty where the first one tells. others: those of other
    streams. catalog: what the tap is given, None for a tap that knows none. schema: what the catalog
    tells of the fields that are read. fields: those that are let through, None for all.
    """

    names: frozenset[str]
    others: frozenset[str] = frozenset()
    catalog: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
    key: tuple[str, ...] = ()
    fields: frozenset[str] | None = None

    def is_ours(self, name: str) -> bool:
        """Tell whether a message is of this stream.

        Taps of databases call `db-schema-table` of their catalog `schema-table` in messages.
        """
        tail = any(each.endswith(f"-{name}") for each in self.names)
        return name in self.names or (tail and name not in self.others and self.catalog is not None)


def uncatalogued(options: Options) -> Stream:
    """Make the stream of a tap that knows no catalog."""
    names = frozenset(() if options.stream is None else (options.stream,))
    return Stream(names, fields=frozenset(options.select) or None)


def choose(catalog: Any, options: Options) -> Stream:
    """Choose the stream, and its fields, in a copy of the catalog."""
    entries = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(entries, list) or not all(_is_entry(each) for each in entries):
        told = "it is no catalog: there is no list of streams with a name and a schema each"
        raise tailrace.ConfigError(tailrace.Problem("catalog", told))
    place = _place(entries, options.stream)
    made = deepcopy(catalog)
    chosen = made["streams"].pop(place)
    for entry in made["streams"]:
        _mark(entry, selected=False)
    made["streams"].insert(place, chosen)
    fields, key = _mark(chosen, selected=True, options=options)
    names = _names(chosen)
    others = {name for at, each in enumerate(entries) if at != place for name in _names(each)}
    schema = chosen["schema"]
    properties = schema.get("properties") or {}
    return Stream(
        names,
        frozenset(others) - names,
        made,
        {
            **schema,
            "properties": {name: each for name, each in properties.items() if name in fields},
        },
        key,
        frozenset((*fields, *options.select, *key)) if options.select else None,
    )


def known(schema: Mapping[str, Any] | None, stream: Stream) -> dict[str, Any]:
    """Give the properties of a schema that are going to be read."""
    properties = (schema or {}).get("properties") or {}
    return {
        name: each
        for name, each in properties.items()
        if stream.fields is None or name in stream.fields
    }


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and bool(_names(entry)) and isinstance(entry.get("schema"), dict)


def _names(entry: Mapping[str, Any]) -> frozenset[str]:
    told = (entry.get(each) for each in ("tap_stream_id", "stream", "stream_alias"))
    return frozenset(each for each in told if isinstance(each, str))


def _is_selected(entry: Mapping[str, Any]) -> bool:
    told = (
        entry,
        *(
            each.get("metadata") or {}
            for each in entry.get("metadata") or ()
            if not each.get("breadcrumb")
        ),
    )
    return any(each.get("selected") is True for each in told)


def _place(entries: Sequence[Mapping[str, Any]], name: str | None) -> int:
    ids = [entry.get("tap_stream_id") or entry["stream"] for entry in entries]
    if name is None:
        chosen = [at for at, entry in enumerate(entries) if _is_selected(entry)]
        if len(chosen) == 1 or len(ids) == 1:
            return (chosen or [0])[0]
    for told in (ids, [entry.get("stream") for entry in entries]):
        if told.count(name) == 1:
            return told.index(name)
    there = ", ".join(ids[:30]) + (", ..." if len(ids) > 30 else "")
    if name is None:
        problem = f"missing; the tap has {there}" if ids else "the tap has no stream"
    else:
        near = difflib.get_close_matches(name, ids, 1)
        problem = f"no stream {name!r}" + (
            f"; did you mean {near[0]!r}?" if near else f" in {there}"
        )
    raise tailrace.ConfigError(tailrace.Problem("stream", problem))


def _mark(
    entry: dict[str, Any], *, selected: bool, options: Options | None = None
) -> tuple[set[str], tuple[str, ...]]:
    """Say in each of the ways that taps know whether a stream is read; name its fields and key."""
    facts = {
        tuple(each.get("breadcrumb") or ()): dict(each.get("metadata") or {})
        for each in entry.get("metadata") or ()
    }
    if not facts:
        entry["schema"]["selected"] = selected
    entry["selected"] = selected
    stream = facts.setdefault((), {})
    stream["selected"] = selected
    fields: set[str] = set()
    if options is not None:
        for name in ("replication_method", "replication_key"):
            if getattr(options, name) is not None:
                entry[name] = stream[name.replace("_", "-")] = getattr(options, name)
        fields = _select(entry["schema"].get("properties") or {}, facts, options.select)
    entry["metadata"] = [
        {"breadcrumb": list(breadcrumb), "metadata": told} for breadcrumb, told in facts.items()
    ]
    key = entry.get("key_properties") or stream.get("table-key-properties") or ()
    return fields, tuple(map(str, key))


def _select(
    properties: Mapping[str, Any],
    facts: dict[tuple[str, ...], dict[str, Any]],
    select: Sequence[str],
) -> set[str]:
    """Mark the fields that are read, and name them."""
    problems = []
    for name in select:
        if properties and name not in properties:
            near = difflib.get_close_matches(name, properties, 1)
            there = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(properties)}"
            problems.append(tailrace.Problem("select", f"no field {name!r}; {there}"))
        elif facts.get(("properties", name), {}).get("inclusion") == "unsupported":
            problems.append(tailrace.Problem("select", f"the tap cannot give the field {name!r}"))
    if problems:
        raise tailrace.ConfigError(*problems)
    fields = set()
    for name in properties:
        told = facts.setdefault(("properties", name), {})
        inclusion = told.get("inclusion")
        if inclusion == "automatic":
            chosen = True
        elif select:
            chosen = name in select
        else:
            by_default = told.get("selected-by-default", True)
            chosen = inclusion != "unsupported" and bool(told.get("selected", by_default))
        told["selected"] = chosen
        if chosen:
            fields.add(name)
    return fields
