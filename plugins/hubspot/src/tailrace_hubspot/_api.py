"""The API: its addresses, who calls, and what its refusals mean."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import orjson

import tailrace

LARGEST = 100
"""Records of one batch call."""
_NOT_EXECUTED = (423, 477)
"""Locked for a moment, and moving to another data centre."""
_SAID = 10_000


@attrs.frozen
class Account:
    """Hold what tells one HubSpot account from another, and when its day begins."""

    portal: str
    zone: str
    ahead: timedelta

    def midnight(self, now: datetime) -> datetime:
        """Give the moment when its daily limit starts anew."""
        local = now + self.ahead
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(1) - self.ahead


@attrs.frozen
class Api:
    """Call the endpoints of one account."""

    http: tailrace.Http

    def get(self, path: str) -> Mapping[str, Any]:
        """Read something."""
        return _object(self.http.get(path))

    def batch(
        self, of: str, what: str, inputs: Sequence[Mapping[str, Any]], **more: Any
    ) -> Mapping[str, Any]:
        """Do one thing to records of an object; HubSpot's answer need not be in their order."""
        path = f"crm/v3/objects/{quote(of, safe='')}/batch/{what}"
        answer = self.http.post(path, json={"inputs": inputs, **more}, safe=what == "read")
        return {} if answer.status == 204 else _object(answer)

    def associate(
        self, ends: tuple[str, str], inputs: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Associate records of two objects; a repeat does nothing more."""
        path = f"crm/v4/associations/{'/'.join(quote(end, safe='') for end in ends)}/batch/create"
        return _object(self.http.post(path, json={"inputs": inputs}, repeat=True))

    def named(self, of: str, by: str, names: Sequence[str]) -> dict[str, str]:
        """Give the ids of those records that have one of these values of a unique property.

        A record that HubSpot finds by another value, which it had before, is none of them.
        """
        found: dict[str, str] = {}
        for first in range(0, len(names), LARGEST):
            inputs = [{"id": name} for name in names[first : first + LARGEST]]
            more = {"idProperty": by, "properties": [by], "propertiesWithHistory": []}
            for record in results(self.batch(of, "read", inputs, **more)):
                name = record.get("properties", {}).get(by)
                if name is not None:
                    found[folded(of, by, name)] = str(record["id"])
        return found


def connect(
    token: tailrace.Secret | None, base_url: str, http: tailrace.Http
) -> tuple[Api, Account]:
    """Log in, and see which account it is; raises a ConfigError for a login that cannot be sent."""
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        raise _unfit(f"{base_url!r} is no address") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))):
        raise _unfit(f"{base_url!r} is neither https nor a loopback address")
    if token is None and not _is_here(host):
        raise tailrace.MissingOption("token", "missing: the access token of a private app")
    ours = http.using(
        base_url=base_url,
        bearer=token,
        headers={"Accept": "application/json"},
        not_executed=_NOT_EXECUTED,
        refusal=partial(refused, None),
    )
    told = Api(ours).get("account-info/v3/details")
    milliseconds = told.get("utcOffsetMilliseconds")
    ahead = timedelta(milliseconds=milliseconds if isinstance(milliseconds, int) else 0)
    account = Account(str(told.get("portalId")), str(told.get("timeZone") or "UTC"), ahead)
    return Api(ours.using(refusal=partial(refused, account))), account


def refused(account: Account | None, answer: tailrace.Answer) -> None:
    """Raise what a refusal means; a limit that passes in seconds is left to the engine."""
    told = _told(answer)
    said = str(told.get("message") or "")[:_SAID]
    if answer.status == 429:
        if _is_daily(answer, told):
            when = "; it starts anew at midnight in the account's time zone"
            if account is not None:
                at = account.midnight(_now(answer)).strftime("%Y-%m-%d %H:%M")
                when = f"; it starts anew at midnight in {account.zone}, which is {at} UTC"
            raise tailrace.FatalError(
                f"HubSpot's daily limit of calls is used up{when}", status=429
            )
    elif answer.status == 401:
        cure = "HubSpot does not take this token; copy it anew from the app's page, under Auth"
        raise tailrace.FatalError(f"{cure} (HubSpot says: {said})", status=401)
    elif answer.status == 403:
        scopes = sorted(_scopes(told))
        if scopes:
            cure = f"the token lacks the scope {' or '.join(scopes)}; add it to the app, under Auth"
            raise tailrace.FatalError(f"{cure} (HubSpot says: {said})", status=403)
    elif said and answer.status not in (402, 408, 425, *_NOT_EXECUTED):
        raise tailrace.RejectedError(said, reason=kind_of(told), status=answer.status)


def kind_of(error: Mapping[str, Any]) -> str:
    """Give a short word for an error: the code of its first detail, or its category."""
    details = error.get("errors")
    first = details[0] if isinstance(details, list) and details else {}
    code = first.get("code") if isinstance(first, Mapping) else None
    return str(code or error.get("category") or "rejected").lower()[:50]


def results(answer: Mapping[str, Any], of: str = "results") -> list[Mapping[str, Any]]:
    """Give the objects in a list of an answer; raises UnansweredError where it is no list of such."""
    found = answer.get(of) or []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise tailrace.UnansweredError(f"HubSpot's answer has no list of {of}")
    return found


def folded(of: str, name: str, value: Any) -> str:
    """Give a value as HubSpot compares it: it knows no capitals in a contact's e-mail."""
    return str(value).lower() if is_email(of, name) else str(value)


def is_email(of: str, name: str) -> bool:
    """Tell whether a property is the e-mail by which HubSpot tells contacts apart."""
    return name == "email" and of.lower() in ("contacts", "contact", "0-1")


def _object(answer: tailrace.Answer) -> Mapping[str, Any]:
    told = answer.json()
    if not isinstance(told, Mapping):
        raise tailrace.UnansweredError("HubSpot's answer is no object", status=answer.status)
    return told


def _told(answer: tailrace.Answer) -> Mapping[str, Any]:
    """Give the body of a refusal; some are HTML."""
    try:
        told = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, Mapping) else {}


def _is_daily(answer: tailrace.Answer, told: Mapping[str, Any]) -> bool:
    policy = told.get("policyName")
    left = answer.headers.get("x-hubspot-ratelimit-daily-remaining")
    return policy == "DAILY" if policy else left == "0" or "daily" in str(told.get("message"))


def _scopes(told: Mapping[str, Any]) -> set[str]:
    details = told.get("errors")
    several = [told, *(details if isinstance(details, list) else ())]
    contexts = [each.get("context") for each in several if isinstance(each, Mapping)]
    return {
        scope
        for context in contexts
        if isinstance(context, Mapping)
        for name, scopes in context.items()
        if "scope" in name.lower() and isinstance(scopes, list)
        for scope in map(str, scopes)
    }


def _now(answer: tailrace.Answer) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError):
        return datetime.fromtimestamp(time.time(), UTC)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _unfit(message: str) -> tailrace.ConfigError:
    return tailrace.ConfigError(tailrace.Problem("base_url", message))
