"""Opening: what is looked at before anything is sent."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tailrace
from tailrace_notion._api import Api, connect
from tailrace_notion._ids import identifier, is_loopback
from tailrace_notion._properties import KEYS, Property, read_properties
from tailrace_notion._search import Search
from tailrace_notion._writer import Writer

if TYPE_CHECKING:
    from tailrace_notion import Options

_SHARE = (
    "share the page it is on with the integration: there, under ••• and Connections. Notion says the"
    " same of what is not shared and of what is not there"
)


def open_writer(options: "Options", http: tailrace.Http, mode: str, key: tuple[str, ...]) -> Writer:
    """Give the writer; raises ConfigError and PreflightError for what cannot work."""
    if options.token is None and not is_loopback(options.base_url):
        raise tailrace.MissingOption("token", "missing: the secret of an internal integration")
    api = connect(options.token, options.base_url, http)
    me = api.get("users/me")
    source = identifier(options.data_source or "") or _only(api, options.database or "")
    try:
        told = api.get(f"data_sources/{source}")
    except tailrace.RejectedError as error:
        hint = "; if it is a database's id, give it as the option database"
        raise _unfit(
            "data_source", f"{error} {_SHARE}{hint if options.data_source else ''}"
        ) from None
    properties = read_properties(told, create_options=options.create_options)
    bot = me.get("bot")
    workspace = bot.get("workspace_id") if isinstance(bot, Mapping) else None
    by = _named(properties, mode, key)
    slim = not any(each.by_name for each in properties.values())
    return Writer(
        api,
        source,
        properties,
        None if by is None else Search(api, source, by, slim),
        str(me.get("id")),
        # The workspace, and not the integration, since a new one of these writes to the same pages.
        f"Notion workspace {workspace or me.get('id')}, data source {source}",
    )


def _only(api: Api, database: str) -> str:
    """Give the one data source of a database; raises a ConfigError that names several."""
    name = identifier(database)
    try:
        told = api.get(f"databases/{name}").get("data_sources")
    except tailrace.RejectedError as error:
        raise _unfit("database", f"{error} {_SHARE}") from None
    found = told if isinstance(told, list) else []
    if len(found) == 1:
        return str(found[0].get("id"))
    names = ", ".join(f"{each.get('id')} ({each.get('name')})" for each in found)
    why = f"it has {len(found)} data sources; give one as the option data_source: {names}"
    raise _unfit("database", why if found else "it has no data source")


def _named(properties: Mapping[str, Property], mode: str, key: tuple[str, ...]) -> Property | None:
    """Give the property by which pages are found; raises PreflightError where it cannot be."""
    found = properties.get(key[0]) if len(key) == 1 else None
    if found is not None and found.kind in KEYS:
        return found
    if mode == "append":
        return None
    fit = ", ".join(each.name for each in properties.values() if each.kind in KEYS)
    why = f"needs a key of one property of the types {', '.join(KEYS)} (there are: {fit})"
    given = ", ".join(key)
    told = f"{given!r} is none" if found is None else f"{given!r} is a {found.kind}"
    raise tailrace.PreflightError(f"key: the mode {mode} {why}; {told}")


def _unfit(option: str, message: str) -> tailrace.ConfigError:
    return tailrace.ConfigError(tailrace.Problem(option, message))
