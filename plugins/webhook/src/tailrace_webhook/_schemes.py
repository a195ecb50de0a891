"""Schemes: how each sender signs a request, and by what it is known when it comes again.

A signature is compared as the text that it has to be, in constant time, over the bytes of the body
as they came; nothing of the body is looked at before.
"""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

WINDOW = 300.0
"""Seconds that a signed time may differ from ours, either way."""

_SECONDS = re.compile(r"[0-9]{1,11}")
_MILLISECONDS = re.compile(r"[0-9]{1,14}")
_MOST = 16
"""Signatures of one request that are looked at."""
_ESCAPES = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot writes out in an address before it signs it."""


class Refused(Exception):  # noqa: N818  # an answer, not a failure
    """Answer a request with a status other than 2xx, and why."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers or {}


@attrs.frozen
class Request:
    """Hold a request as it came; names of headers are in small letters.

    target: the path and query of its first line.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""

    def find(self, name: str) -> str | None:
        """Give a header's value; one that is there twice could be read in two ways."""
        found = [value for each, value in self.headers if each == name]
        if len(found) > 1:
            raise Refused(401, f"the header {name} is there twice")
        return found[0] if found else None

    def header(self, name: str) -> str:
        """Give a header that has to be there."""
        value = self.find(name)
        if not value:
            raise Refused(401, f"the header {name} is missing")
        return value


@attrs.frozen
class Signed:
    """Hold what is signed, the signatures that came, and how one is written.

    time: when it was signed, in seconds, where the scheme tells.
    """

    content: Sequence[bytes]
    given: Sequence[str]
    written: Callable[[bytes], str]
    time: float | None = None


Keys = Sequence[bytes]
Id = str | int


def verify(scheme: str, request: Request, keys: Keys, now: float, url: str | None = None) -> bytes:
    """Refuse a request that nobody with one of the keys has signed just now; give its signature."""
    signed = _SCHEMES[scheme](request, url)
    found = b""
    for key in keys:
        for content in signed.content:
            digest = hmac.digest(key, content, "sha256")
            wanted = signed.written(digest).encode()
            for given in signed.given[:_MOST]:
                if hmac.compare_digest(wanted, given.encode("latin-1")):
                    found = digest
    if not found:
        raise Refused(401, "the signature does not fit")
    if signed.time is not None and abs(now - signed.time) > WINDOW:
        raise Refused(401, "it was signed more than five minutes ago, or ahead of time")
    return found


def key_of(scheme: str, secret: str) -> bytes:
    """Give the bytes of a secret as the scheme takes it; raises ValueError where there are none."""
    if scheme == "standard":
        text = secret.removeprefix("whsec_")
        try:
            key = b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            raise ValueError("is no base64, as Standard Webhooks has it (whsec_...)") from None
    else:
        key = secret.encode()
    if not key.strip():
        raise ValueError("is empty")
    return key


def _hex(digest: bytes) -> str:
    return digest.hex()


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode()


def _standard(request: Request, url: str | None) -> Signed:
    # Svix, whose scheme became the standard, and its users still say svix.
    name = "webhook" if request.find("webhook-id") is not None else "svix"
    if request.find(f"{name}-id") is None:
        raise Refused(401, "the header webhook-id is missing")
    each = [request.header(f"{name}-{part}") for part in ("id", "timestamp", "signature")]
    given = [text[3:] for text in each[2].split(" ") if text.startswith("v1,")]
    content = f"{each[0]}.{each[1]}.".encode("latin-1") + request.body
    return Signed([content], given, _base64, _time(each[1], _SECONDS))


def _stripe(request: Request, url: str | None) -> Signed:
    parts = [part.strip().partition("=") for part in request.header("stripe-signature").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise Refused(401, "the header stripe-signature has no time")
    given = [value for name, _, value in parts if name == "v1"]
    content = f"{times[0]}.".encode("latin-1") + request.body
    return Signed([content], given, _hex, _time(times[0], _SECONDS))


def _slack(request: Request, url: str | None) -> Signed:
    time = request.header("x-slack-request-timestamp")
    given = _after(request.header("x-slack-signature"), "v0=")
    return Signed(
        [f"v0:{time}:".encode("latin-1") + request.body], given, _hex, _time(time, _SECONDS)
    )


def _hubspot(request: Request, url: str | None) -> Signed:
    time = request.header("x-hubspot-request-timestamp")
    given = [request.header("x-hubspot-signature-v3")]
    if url is None:
        address = f"https://{request.header('host')}{request.target}"
    else:
        query = request.target.partition("?")[2]
        address = f"{url}?{query}" if query else url
    addresses = dict.fromkeys([address, _ESCAPES.sub(_written_out, address)])
    content = [
        f"{request.method}{each}".encode("latin-1") + request.body + time.encode("latin-1")
        for each in addresses
    ]
    return Signed(content, given, _base64, _time(time, _MILLISECONDS) / 1000)


def _github(request: Request, url: str | None) -> Signed:
    given = _after(request.header("x-hub-signature-256"), "sha256=")
    return Signed([request.body], given, _hex)


def _typeform(request: Request, url: str | None) -> Signed:
    given = _after(request.header("typeform-signature"), "sha256=")
    return Signed([request.body], given, _base64)


_SCHEMES: Mapping[str, Callable[[Request, str | None], Signed]] = {
    "standard": _standard,
    "stripe": _stripe,
    "github": _github,
    "slack": _slack,
    "hubspot": _hubspot,
    "typeform": _typeform,
}


def _after(text: str, prefix: str) -> list[str]:
    return [text.removeprefix(prefix)] if text.startswith(prefix) else []


def _written_out(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def _time(text: str, form: re.Pattern[str]) -> float:
    if not form.fullmatch(text):
        raise Refused(401, "the time that was signed is no number")
    return float(text)


def known_by(
    scheme: str, request: Request, body: Any, rows: Sequence[Any], signature: bytes
) -> Id | list[Id] | None:
    """Give the id of a request, or of each of its rows, as the scheme tells it; None: it tells none."""
    if scheme == "standard":
        return request.find("webhook-id") or request.find("svix-id")
    if scheme == "github":
        return _told(request.find("x-github-delivery"), "the header x-github-delivery")
    if scheme == "stripe":
        return _told(_in(body, "id"), "the field id")
    if scheme == "typeform":
        return _told(_in(body, "event_id"), "the field event_id")
    # A command or a click has no id; but what was signed at the same time with the same body is one.
    once = f"signature {signature.hex()}"
    if scheme == "slack":
        return id_of(_in(body, "event_id")) or once
    if scheme == "hubspot":
        return [_hubspot_event(each) or f"{once} {at}" for at, each in enumerate(rows)]
    return None


def _hubspot_event(event: Any) -> str:
    """Name one of a batch's events: eventId alone is not unique, and a repeat counts attempts."""
    parts = [_in(event, name) for name in ("eventId", "subscriptionId", "objectId", "occurredAt")]
    return "" if parts[0] is None else repr(parts)


def _in(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None


def _told(value: Any, place: str) -> Id:
    found = id_of(value)
    if found is None:
        raise Refused(400, f"it has no id: {place} is missing")
    return found


def id_of(value: Any) -> Id | None:
    """Take a value for an id: text, or a whole number."""
    return value if type(value) is int or (isinstance(value, str) and value) else None
