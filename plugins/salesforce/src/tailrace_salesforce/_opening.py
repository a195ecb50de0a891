"""Opening: what is looked at before anything is sent."""

import re
from typing import TYPE_CHECKING

import tailrace
from tailrace_salesforce._api import Api, Usage, refused
from tailrace_salesforce._bulk import BulkWriter
from tailrace_salesforce._fields import NAME, RECORD_ID, Column, Object, read_columns
from tailrace_salesforce._login import address, find_login, is_loopback, is_sound
from tailrace_salesforce._writer import Writer

if TYPE_CHECKING:
    from tailrace_salesforce import Options

_VERSION = re.compile(r"\d{2,3}\.0", re.ASCII)
_MOST_ROWS = 1_000_000
_KEYS = ("text", "number", "int")


def problems(options: "Options") -> list[tailrace.Problem]:
    """Find what is wrong with options by themselves."""
    found = []
    if not NAME.fullmatch(options.object):
        found.append(tailrace.Problem("object", f"{options.object!r} is no API name of an object"))
    if not _VERSION.fullmatch(options.api_version):
        told = f"{options.api_version!r} is no version such as '62.0'"
        found.append(tailrace.Problem("api_version", told))
    if not 0 <= options.keep_calls <= 100:
        found.append(tailrace.Problem("keep_calls", "is not between 0 and 100 per cent"))
    if not 1 <= options.job_rows <= _MOST_ROWS:
        found.append(tailrace.Problem("job_rows", f"is not between 1 and {_MOST_ROWS:,}"))
    if not isinstance(options.bulk, bool) and options.bulk < 0:
        found.append(tailrace.Problem("bulk", "is below 0; false turns jobs off"))
    return found


def open_writer(options: "Options", http: tailrace.Http, mode: str, key: tuple[str, ...]) -> Writer:
    """Give the writer; raises ConfigError and PreflightError for what cannot work."""
    api = _connect(options, http)
    of = Object(api, options.object, read_columns(api, options.object))
    named = _named(options, of, mode, key)
    identity = f"Salesforce org {_org(api)}, {of.name}"
    if options.bulk is False:
        return Writer(api, of, named, mode, identity)
    return BulkWriter(api, of, named, mode, identity, 0 if options.bulk is True else options.bulk)


def _connect(options: "Options", http: tailrace.Http) -> Api:
    base = address(options)
    login = find_login(options, base, http)
    headers = {"Accept": "application/json"}
    if options.allow_duplicates:
        headers["Sforce-Duplicate-Rule-Header"] = "allowSave=true"
    if login is not None:
        login.headers()
        if login.instance is not None:
            base = _trusted(login.instance, base)
    ours = http.using(
        base_url=base,
        auth=login,
        bearer=options.token if login is None else None,
        headers=headers,
        refusal=refused,
    )
    return Api(ours, options.api_version, Usage(options.keep_calls))


def _trusted(instance: str, base: str) -> str:
    """Give the address that a login was answered with, unless somebody could read along there."""
    if not is_sound(instance) or is_loopback(instance) != is_loopback(base):
        told = f"Salesforce says that the org is at {instance!r}, which is no https address"
        raise tailrace.FatalError(told)
    return instance.rstrip("/")


def _org(api: Api) -> str:
    found = [str(each.get("Id")) for each in api.query("SELECT Id FROM Organization LIMIT 1")]
    if not found:
        raise tailrace.PreflightError("this user may not see which org it is (Organization)")
    return found[0][:15]


def _named(options: "Options", of: Object, mode: str, key: tuple[str, ...]) -> Column | None:
    """Give the field by which records are found; raises where it cannot be."""
    name = options.external_id or (key[0] if len(key) == 1 else "")
    if options.external_id and mode != "append" and key != (name,):
        told = f"is {name!r}, and the sync's key is {', '.join(key)!r}; both name the record"
        raise tailrace.ConfigError(tailrace.Problem("external_id", told))
    found = of.columns.get(name)
    if found is not None and found.kind in _KEYS:
        if mode == "update" and (found.finds or name == RECORD_ID):
            return found
        if name != RECORD_ID and found.finds and (mode != "insert" or found.unique):
            return found
    if mode == "append" and not options.external_id:
        return None
    known = [e for e in of.columns.values() if e.finds and e.name != RECORD_ID]
    fitting = ", ".join(e.name for e in known if mode != "insert" or e.unique)
    needs = "a unique external id" if mode == "insert" else "an external id"
    raise tailrace.PreflightError(
        f"key: the mode {mode} needs a key of one field that is {needs} in Salesforce (of {of.name}:"
        f" {fitting or 'none; make one under Object Manager, Fields'}); {name or ', '.join(key)!r}"
        " is none"
    )
