"""An endpoint: what its options mean, and what becomes of a request that was read."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

import tailrace
from tailrace_webhook._bodies import kind_of, parse, rows_of, value_at
from tailrace_webhook._inbox import Kept
from tailrace_webhook._schemes import (
    WINDOW,
    Id,
    Keys,
    Refused,
    Request,
    id_of,
    key_of,
    known_by,
    verify,
)

if TYPE_CHECKING:
    from tailrace_webhook import Options

_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_FIELD = re.compile(r"id|received_at|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_BOUNDS = (
    ("port", 0, 65_535),
    ("max_inbox", 1, inf),
    ("remember", 2 * WINDOW, inf),
    ("batch_size", 1, inf),
    ("max_wait", 0, inf),
    ("max_body", 1, inf),
    ("read_timeout", 0.01, inf),
    ("max_connections", 1, inf),
)


@attrs.frozen
class Endpoint:
    """Take the requests of one path."""

    options: "Options"
    keys: Keys = attrs.field(repr=False)

    def take(self, request: Request, now: float) -> Kept | str:
        """Give what is to be kept of a request, or the text that answers it; else raise Refused."""
        options = self.options
        signature = b""
        if options.scheme == "none":
            _from_here(request)
        else:
            signature = verify(options.scheme, request, self.keys, now, options.public_url)
        kind = kind_of(options.scheme, request.find("content-type"))
        body = parse(kind, request.body)
        if options.scheme == "slack" and value_at(body, "type") == "url_verification":
            return str(value_at(body, "challenge"))
        rows = rows_of(body, options.rows)
        return Kept(
            endpoint=options.path,
            received=now,
            kind=kind,
            body=request.body,
            rows=len(rows),
            rows_at=options.rows,
            ids=self._ids(request, body, rows, signature),
            headers=dict(self._headers(request)),
        )

    def _ids(
        self, request: Request, body: Any, rows: Sequence[Any], signature: bytes
    ) -> Id | Sequence[Id] | None:
        options = self.options
        if options.id_header is not None:
            found = request.find(options.id_header.lower())
            if not found:
                raise Refused(400, f"it has no id: the header {options.id_header} is missing")
            return found
        if options.id_field is not None:
            ids = [id_of(value_at(row, options.id_field)) for row in rows]
            if None in ids:
                raise Refused(400, f"a row has no id at {options.id_field}")
            return [each for each in ids if each is not None]
        return known_by(options.scheme, request, body, rows, signature)

    def _headers(self, request: Request) -> Iterator[tuple[str, str]]:
        """Give those headers that become fields; of one that is there twice, all that it says."""
        for told in self.options.fields.values():
            name = told.removeprefix("header:").lower()
            values = [value for each, value in request.headers if each == name]
            if told.startswith("header:") and values:
                yield name, ", ".join(values)


def open_endpoint(options: "Options") -> Endpoint:
    """Make an endpoint; raises ConfigError of all that its options leave open."""
    return Endpoint(options, check(options))


def check(options: "Options") -> Keys:
    """Give the keys that signatures may have; raises ConfigError of all that cannot work."""
    problems = [tailrace.Problem(name, f"{why} ({options.path})") for name, why in _wrong(options)]
    keys = []
    secrets = [options.secret] if options.secret is not None else []
    for each in [*secrets, *options.old_secrets] if options.scheme != "none" else []:
        try:
            keys.append(key_of(options.scheme, each.reveal()))
        except ValueError as error:
            name = "secret" if each is options.secret else "old_secrets"
            problems.append(tailrace.Problem(name, f"{error} ({options.path})"))
    if problems:
        raise tailrace.ConfigError(*problems)
    return keys


def _wrong(options: "Options") -> Iterator[tuple[str, str]]:
    yield from _unsigned(options)
    if not _PATH.fullmatch(options.path):
        yield "path", "is the path of an address, such as /form"
    if options.id_header is not None and options.id_field is not None:
        yield "id_header", "and id_field are two places for one thing; leave one out"
    for name, told in options.fields.items():
        if not _FIELD.fullmatch(told):
            yield f"fields.{name}", "is id, received_at or header:NAME"
    for name, least, most in _BOUNDS:
        if not least <= getattr(options, name) <= most:
            yield name, f"is a number from {least:g}" + (f" to {most:g}" if most < inf else "")


def _unsigned(options: "Options") -> Iterator[tuple[str, str]]:
    if options.scheme == "none" and (options.secret is not None or options.old_secrets):
        yield "scheme", "none looks at no signature, and there is a secret: name its scheme"
    if options.scheme == "none" and not is_loopback(options.host):
        yield "scheme", f"none is for a loopback address, and {options.host} is not one"
    if options.scheme != "none" and options.secret is None:
        yield "secret", 'is missing; without one, scheme = "none" takes what this machine sends'
    if options.scheme != "hubspot" and options.public_url is not None:
        yield "public_url", "is for the scheme hubspot, which alone signs an address"


def is_loopback(host: str | None) -> bool:
    """Tell whether a host's name or address is that of this machine to itself."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address((host or "").strip("[]")).is_loopback
    return False


def _from_here(request: Request) -> None:
    """Refuse what a web page of somewhere else has a browser send to an unsigned endpoint."""
    origin = request.find("origin")
    places = [f"//{request.find('host') or ''}", *([] if origin is None else [origin])]
    if not all(is_loopback(_host_of(each)) for each in places):
        raise Refused(403, "without signatures, only what this machine itself sends is taken")


def _host_of(address: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(address).hostname
    return None
