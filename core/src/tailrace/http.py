"""What a plugin may ask of the engine's HTTP client."""

import json as jsonlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, Protocol, TypedDict, Unpack
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import attrs

from tailrace.errors import ConfigError, RejectedError, UnansweredError
from tailrace.secret import Secret


@attrs.frozen
class Answer:
    """Hold what the service answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)

    @property
    def text(self) -> str:
        """Give the body as text, with what is no UTF-8 replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Give the body as JSON; raises UnansweredError when it is none, since it tells nothing."""
        import orjson

        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise UnansweredError("the answer is no JSON", status=self.status) from None


class Auth(Protocol):
    """Sign requests; kept by the plugin, asked by the engine from several threads."""

    def headers(self) -> Mapping[str, str]:
        """Give the headers that a request needs now."""

    def refresh(self) -> bool:
        """Get a new token after a 401; False when there is no way to."""


@attrs.frozen
class Bearer:
    """Sign with a token that never changes."""

    token: Secret

    def headers(self) -> Mapping[str, str]:
        """Give the Authorization header."""
        return {"Authorization": f"Bearer {self.token.reveal()}"}

    def refresh(self) -> bool:
        """Tell that a fixed token cannot be renewed."""
        return False


@attrs.frozen
class Request:
    """Hold one request as the engine's client takes it."""

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    auth: Auth | None = attrs.field(default=None, repr=False, kw_only=True)
    scope: str = attrs.field(default="account", kw_only=True)
    safe: bool = attrs.field(default=False, kw_only=True)
    repeat: bool | None = attrs.field(default=None, kw_only=True)
    keyed: bool = attrs.field(default=False, kw_only=True)
    not_executed: frozenset[int] = attrs.field(default=frozenset(), kw_only=True)
    private: bool = attrs.field(default=True, kw_only=True)
    refusal: "Refusal | None" = attrs.field(default=None, repr=False, kw_only=True)


Refusal = Callable[[Answer], None]
"""Look at an answer of 400 to 499 and raise what it means, or leave it to the engine."""

Exchange = Callable[[Request, bool], Answer]
"""Carry out a request; judge the answer if told to."""


class Sending(TypedDict, total=False):
    """Name what a request may be given.

    json: the body, as a value. data: the body as bytes or text, or a mapping for a form.
    params: what is None is left out. idempotency_key: makes it harmless to send this request twice. safe: its loss puts nothing in
    doubt (a token, a query); GET is always safe. repeat: it does no harm when it is sent twice, or
    does, whatever the plugin's delivery class says. scope: the `Rate` that it counts against.
    """

    json: Any
    data: bytes | str | Mapping[str, Any] | None
    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    idempotency_key: str | None
    safe: bool
    repeat: bool | None
    scope: str


@attrs.frozen
class Http:
    """Send requests through the engine: paced, recorded, with a time limit, never redirected.

    `get` to `delete` judge the answer: 2xx is returned; 429 waits and is sent again; 401 is signed
    anew once; 401, 402 and 403 stop the run (FatalError); any other 4xx refuses the batch
    (RejectedError); 5xx and a lost answer are sent again where that does no harm, else they leave
    the batch in doubt (UnansweredError). `send` judges nothing but a lost answer.
    """

    _exchange: Exchange = attrs.field(repr=False)
    _base_url: str = attrs.field(default="", kw_only=True)
    _headers: Mapping[str, str] = attrs.field(factory=dict, repr=False, kw_only=True)
    _auth: Auth | None = attrs.field(default=None, repr=False, kw_only=True)
    _not_executed: frozenset[int] = attrs.field(default=frozenset(), kw_only=True)
    _private: bool = attrs.field(default=True, kw_only=True)
    _refusal: Refusal | None = attrs.field(default=None, repr=False, kw_only=True)

    def using(
        self,
        *,
        base_url: str | None = None,
        bearer: Secret | None = None,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        not_executed: tuple[int, ...] | None = None,
        private: bool | None = None,
        refusal: Refusal | None = None,
    ) -> "Http":
        """Give a client that also has this base URL, login and these headers.

        Where there is a base URL, the login goes to its host alone.

        not_executed: statuses that, from this service, mean that nothing was done. private: whether
        an address may be one of this machine or its network; where not, the run stops before a byte
        leaves. refusal: is shown each judged answer of 400 to 499 before the engine goes by its
        status, and may raise what such an answer means here: a WriteError, since nothing was done.
        """
        return Http(
            self._exchange,
            base_url=self._base_url if base_url is None else base_url.rstrip("/"),
            headers={**self._headers, **(headers or {})},
            auth=Bearer(bearer) if bearer is not None else (auth or self._auth),
            not_executed=self._not_executed if not_executed is None else frozenset(not_executed),
            private=self._private if private is None else private,
            refusal=refusal or self._refusal,
        )

    def get(self, url: str, **how: Unpack[Sending]) -> Answer:
        """Read something."""
        return self.request("GET", url, **how)

    def post(self, url: str, **how: Unpack[Sending]) -> Answer:
        """Post something."""
        return self.request("POST", url, **how)

    def put(self, url: str, **how: Unpack[Sending]) -> Answer:
        """Put something."""
        return self.request("PUT", url, **how)

    def patch(self, url: str, **how: Unpack[Sending]) -> Answer:
        """Change something."""
        return self.request("PATCH", url, **how)

    def delete(self, url: str, **how: Unpack[Sending]) -> Answer:
        """Delete something."""
        return self.request("DELETE", url, **how)

    def request(self, method: str, url: str, **how: Unpack[Sending]) -> Answer:
        """Send a request and judge its answer."""
        return self._exchange(self._prepare(method, url, **how), True)

    def send(self, method: str, url: str, **how: Unpack[Sending]) -> Answer:
        """Send a request once and give the answer as it is."""
        return self._exchange(self._prepare(method, url, **how), False)

    def _prepare(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: bytes | str | Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        safe: bool = False,
        repeat: bool | None = None,
        scope: str = "account",
    ) -> Request:
        every = titled(self._headers, headers or {})
        body, kind = _body(json, data)
        if kind is not None:
            every.setdefault("Content-Type", kind)
        if idempotency_key is not None:
            every["Idempotency-Key"] = idempotency_key
        check_headers(every)
        return Request(
            method,
            self._join(url) + _query(url, params),
            every,
            body,
            auth=self._auth if self._is_home(url) else None,
            scope=scope,
            safe=safe or method in ("GET", "HEAD"),
            repeat=repeat,
            keyed=idempotency_key is not None,
            not_executed=self._not_executed,
            private=self._private,
            refusal=self._refusal,
        )

    def _is_home(self, url: str) -> bool:
        """Tell whether a request goes where the login belongs."""
        if not self._base_url or not url.startswith(("http://", "https://")):
            return True
        there, home = urlsplit(url), urlsplit(self._base_url)
        return (there.scheme, there.netloc) == (home.scheme, home.netloc)

    def _join(self, url: str) -> str:
        whole = url
        if not url.startswith(("http://", "https://")):
            whole = f"{self._base_url}/{url.lstrip('/')}" if url else self._base_url
        if not _is_address(whole):
            raise ConfigError(f"{whole.partition('?')[0]!r} is no http or https URL")
        return whole


@lru_cache(maxsize=16)
def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return False
    return known and bool(parts.hostname) and not any(map(str.isspace, parts.netloc))


def _body(
    json: Any, data: bytes | str | Mapping[str, Any] | None
) -> tuple[bytes | None, str | None]:
    if json is not None:
        return encode_json(json), "application/json"
    if isinstance(data, Mapping):
        return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    return data.encode() if isinstance(data, str) else data, None


def _query(url: str, params: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if not given:
        return ""
    return ("&" if "?" in url else "?") + urlencode(given, doseq=True)


def titled(*several: Mapping[str, str]) -> dict[str, str]:
    """Put headers together; a name means the same in capitals and without, and the last one wins."""
    return {name.title(): str(value) for headers in several for name, value in headers.items()}


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise a ConfigError for a header that would not stay one line; its value is not shown."""
    if not _UNFIT.search("".join(map("".join, headers.items()))):
        return
    for name, value in headers.items():
        found = _UNFIT.search(name + value)
        if found and found[0] in "\r\n\0":
            raise ConfigError(f"header {name!r} holds a line break or a zero byte")
        if found:
            raise ConfigError(f"header {name!r} holds a character that no header can")


_UNFIT = re.compile("[\r\n\0]|[^\0-\xff]")


def encode_json(value: Any) -> bytes:
    """Write JSON: dates as RFC 3339, Decimals and integers with all their digits.

    A Decimal becomes a number where a double holds all its digits, else text. Raises RejectedError
    for what JSON cannot hold, NaN among it, so that only the records that hold such are refused.
    """
    import orjson

    try:
        body = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        if b"null" not in body or not _holds_nan(value):
            return body
    except orjson.JSONEncodeError:
        pass
    try:
        body = jsonlib.dumps(value, default=_plain, allow_nan=False, separators=(",", ":")).encode()
        orjson.loads(body)  # which knows a lone surrogate for what it is
    except (TypeError, ValueError, RecursionError) as error:
        raise RejectedError(f"JSON cannot hold this: {error}", reason="value") from None
    return body


def _holds_nan(value: Any) -> bool:
    if isinstance(value, float):
        return not isfinite(value)
    if isinstance(value, Mapping):
        return any(_holds_nan(each) for each in value.values())
    return isinstance(value, (list, tuple)) and any(_holds_nan(each) for each in value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no number")
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__} has no form in JSON")
