"""Opening: what is looked at before anything is sent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

import tailrace
from tailrace_hubspot._api import connect
from tailrace_hubspot._links import open_link, unfit
from tailrace_hubspot._properties import RECORD_ID, Property, read_properties, read_required
from tailrace_hubspot._writer import Writer

if TYPE_CHECKING:
    from tailrace_hubspot import Options


def open_writer(options: "Options", http: tailrace.Http, mode: str, key: tuple[str, ...]) -> Writer:
    """Give the writer; raises ConfigError and PreflightError for what cannot work."""
    of = options.object
    if not of.strip("/. "):
        raise tailrace.ConfigError(tailrace.Problem("object", "is empty"))
    api, account = connect(options.token, options.base_url, http)
    properties = _with_html(of, read_properties(api, of), options.html)
    links = []
    for at, told in enumerate(options.associations):
        if told.field in properties:
            why = f"{told.field!r} is a property of {of}; call the mapped field otherwise"
            raise unfit(at, "field", why)
        links.append(open_link(api, of, told, at))
    return Writer(
        api,
        of,
        _named(of, properties, mode, key),
        mode,
        properties,
        read_required(api, of),
        links,
        f"HubSpot account {account.portal}, {of}",
    )


def _with_html(
    of: str, properties: Mapping[str, Property], names: Sequence[str]
) -> dict[str, Property]:
    """Let rows hold the HTML of some properties themselves."""
    strange = [each for each in names if each not in properties or properties[each].kind != "html"]
    if strange:
        why = f"{strange[0]!r} is no rich-text property of {of}"
        raise tailrace.ConfigError(tailrace.Problem("html", why))
    return {
        name: attrs.evolve(each, kind="string") if name in names else each
        for name, each in properties.items()
    }


def _named(
    of: str, properties: Mapping[str, Property], mode: str, key: tuple[str, ...]
) -> str | None:
    """Give the property by which records are found; raises PreflightError where it cannot be."""
    name = key[0] if len(key) == 1 else ""
    found = properties.get(name)
    if found is not None and (found.unique or (name == RECORD_ID and mode == "update")):
        return name
    if mode == "append":
        return None
    unique = ", ".join(each.name for each in properties.values() if each.unique)
    unique = unique or "none; make one in HubSpot, under Properties"
    why = f"needs a key of one field that is unique in HubSpot (of {of}: {unique})"
    if name == RECORD_ID:
        why = f"cannot go by {RECORD_ID}, which HubSpot itself gives; update can. It {why}"
    raise tailrace.PreflightError(f"key: the mode {mode} {why}; {', '.join(key)!r} is none")
