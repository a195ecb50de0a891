"""The one HTTP client: sends, waits, tries again where that is harmless, and judges answers."""

import logging
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import attrs
import orjson

from tailrace._engine.clock import Clock
from tailrace._engine.losses import Barred, Lost, Unsent
from tailrace._engine.ratelimit import Pace
from tailrace._engine.retry import ATTEMPTS, PATIENCE, backoff, retry_after, slow_down
from tailrace.errors import FatalError, RejectedError, UnansweredError, UnsentError, WriteError
from tailrace.http import Answer, Http, Request, check_headers, titled
from tailrace.text import plain

if TYPE_CHECKING:
    from tailrace._engine.wire import Wire

_log = logging.getLogger("tailrace.http")

_HARMLESS = frozenset({"Content-Type", "Accept", "Idempotency-Key"})
_STOPPING = frozenset({401, 402, 403})
_ELSEWHERE = frozenset({301, 307, 308})
"""Redirects that say that nothing was done here; after the others, something may have been."""


@attrs.define
class Attempt:
    """Note what the requests of one attempt at a batch may have done."""

    delivery: str = "at_most_once"
    begun: int = 0
    throttled: int = 0
    unclear: bool = False


@attrs.define
class Counters:
    """Count the requests of a run; guarded by the client's lock."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0


@attrs.frozen
class Client:
    """Carry out requests for all threads of one run."""

    pace: Pace
    clock: Clock
    counters: Counters = attrs.field(factory=Counters)
    permit: Callable[[], None] = lambda: None
    _local: threading.local = attrs.field(factory=threading.local, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _wires: "list[Wire]" = attrs.field(factory=list, init=False)

    def http(self, ahead: str = "") -> Http:
        """Give the face that plugins see; `ahead` goes before the scopes of its requests."""
        if not ahead:
            return Http(self.exchange)
        return Http(
            lambda request, judged: self.exchange(
                attrs.evolve(request, scope=ahead + request.scope), judged
            )
        )

    def close(self) -> None:
        """Close all connections."""
        for wire in self._wires:
            wire.close()

    def _wire(self) -> "Wire":
        """Give the one wire; a run that sends nothing imports no HTTP library."""
        if self._wires:
            return self._wires[0]
        with self._lock:
            if not self._wires:
                from tailrace._engine.wire import Wire

                self._wires.append(Wire())
            return self._wires[0]

    @property
    def waited(self) -> float:
        """Give the seconds for which this thread was held back so far: by pace, or to try again."""
        return getattr(self._local, "waited", 0.0)

    def waited_since(self, began: float) -> None:
        """Count the seconds since a moment among those for which this thread was held back."""
        self._local.waited = self.waited + self.clock.monotonic() - began

    @contextmanager
    def attempt(self, delivery: str) -> Iterator[Attempt]:
        """Note what requests of this thread do from here on; `delivery` is the batch's class."""
        outer = getattr(self._local, "attempt", None)
        self._local.attempt = attempt = Attempt(delivery)
        try:
            yield attempt
        finally:
            self._local.attempt = outer

    def exchange(self, request: Request, judged: bool) -> Answer:
        """Carry out one request; see `tailrace.Http` for what is judged."""
        attempt: Attempt | None = getattr(self._local, "attempt", None)
        tries = _Tries(self, request, attempt, _repeatable(request, attempt) and judged)
        while True:
            headers = request.headers
            if request.auth is not None:
                headers = titled(headers, request.auth.headers())
                check_headers(headers)
            wire = self._wire()  # which takes longer to import than a slot lasts
            began = self.clock.monotonic()
            try:
                slot = self.pace.acquire(request.scope)
            finally:
                self.waited_since(began)
            if self.clock.stopping and not request.safe and attempt is not None:
                raise UnsentError("not sent: the run was asked to stop")
            self.permit()
            try:
                answer = self._send(wire, request, headers, slot)
            except Barred as error:
                raise FatalError(f"{_place(request)}: {error}") from None
            except Unsent as error:
                if judged and tries.again(str(error)):
                    continue
                raise UnsentError(f"{_place(request)}: {error}") from None
            except Lost as error:
                tries.unclear(f"{_place(request)}: {error}")
                continue
            if not judged:
                tries.note()
                return answer
            if 200 <= answer.status < 300 and not _garbled(headers, answer):
                tries.note()
                return answer
            self._judge(request, answer, tries, headers)

    def _judge(
        self, request: Request, answer: Answer, tries: "_Tries", headers: Mapping[str, str]
    ) -> None:
        """Return when the request is to be sent again, and else raise what the answer means."""
        status = answer.status
        if status < 300:
            return tries.unclear(f"{_place(request)}: the answer is no whole JSON", status)
        _offer(request, answer, headers)
        message = _message(request, answer, headers)
        wait = retry_after(answer.headers, self.clock.wall())
        if status == 429:
            self._throttled(tries.attempt)
            tries.wait(wait, message)
        elif status == 401 and tries.refresh(request.auth):
            pass
        elif status in _STOPPING:
            raise FatalError(message, status=status)
        elif status in request.not_executed:
            if not tries.again(message, wait):
                raise UnsentError(message, status=status)
        elif status in (408, 425) or status >= 500:
            tries.unclear(message, status, wait)
        elif status < 400:
            if status not in _ELSEWHERE:
                tries.note()
            raise FatalError(
                f"{message}: redirects are not followed; give the final address", status=status
            )
        else:
            raise RejectedError(message, reason=f"http_{status}", status=status)
        return None

    def _send(
        self, wire: "Wire", request: Request, headers: Mapping[str, str], slot: float
    ) -> Answer:
        with self._lock:
            self.counters.requests += 1
        began = self.clock.monotonic()
        try:
            answer = wire.send(request.method, request.url, headers, request.body, request.private)
        except (Barred, Unsent, Lost) as error:
            _log.debug("%s: %s", _place(request), error)
            raise
        self.pace.left(request.scope, slot, began - slot + wire.late)
        self.pace.answered(request.scope, began, answer.status, answer.headers)
        if _log.isEnabledFor(logging.DEBUG):
            seconds = self.clock.monotonic() - began
            _log.debug("%s: %d in %.3f s", _place(request), answer.status, seconds)
        return answer

    def _throttled(self, attempt: Attempt | None) -> None:
        with self._lock:
            self.counters.throttled += 1
        if attempt is not None:
            attempt.throttled += 1

    def retried(self) -> None:
        """Count something that is done again."""
        with self._lock:
            self.counters.retries += 1


@attrs.define
class _Tries:
    client: Client
    request: Request
    attempt: Attempt | None
    repeatable: bool
    made: int = 1
    throttles: int = 0
    refreshed: bool = False
    waited: float = 0.0

    def note(self) -> None:
        """Note that the service may have done what the request asks."""
        if self.attempt is not None and not self.request.safe:
            self.attempt.begun += 1

    def unclear(self, why: str, status: int | None = None, wait: float | None = None) -> None:
        """Wait to send again what may have been done, or raise where that could do it twice."""
        self.note()
        if self.attempt is not None and not self.request.safe:
            self.attempt.unclear = True
        if not (self.repeatable and self.again(why, wait)):
            raise UnansweredError(why, status=status, spent=self.repeatable) from None

    def again(self, why: str, wait: float | None = None) -> bool:
        """Wait and tell to send once more, or tell that all attempts were made."""
        clock = self.client.clock
        if self.made >= ATTEMPTS or clock.stopping:
            return False
        if wait is not None:
            _too_long(wait, why)
        seconds = max(wait or 0.0, backoff(self.made, clock.random()))
        self.made += 1
        _log.info("%s; again in %.1f s", why, seconds)
        began = clock.monotonic()
        try:
            clock.sleep(seconds)
        finally:
            self.client.waited_since(began)
        self.client.retried()
        return True

    def wait(self, wait: float | None, why: str) -> None:
        """Let the whole scope wait as long as the service asks, or as experience says."""
        clock = self.client.clock
        self.throttles += 1
        if clock.stopping:
            raise UnsentError(why, status=429)
        if wait is not None:
            _too_long(wait, why)
        seconds = slow_down(wait, self.throttles, clock.random())
        self.waited += seconds
        if self.waited > PATIENCE:
            raise FatalError(f"{why}: it kept asking to slow down for an hour", status=429)
        _log.info("%s; waiting %.1f s", why, seconds)
        self.client.pace.pause(self.request.scope, seconds)
        self.client.retried()

    def refresh(self, auth: Any) -> bool:
        """Get a new token, once."""
        if auth is None or self.refreshed:
            return False
        self.refreshed = True
        if not auth.refresh():
            return False
        self.client.retried()
        return True


def _offer(request: Request, answer: Answer, headers: Mapping[str, str]) -> None:
    """Let the plugin raise what a refusal means to it; what it says of it shows no login."""
    if request.refusal is None or not 400 <= answer.status < 500:
        return
    try:
        request.refusal(answer)
    except WriteError as error:
        error.args = (plain(_without_logins(str(error), request, headers), 700),)
        raise


def _too_long(wait: float, why: str) -> None:
    if wait > PATIENCE:
        raise FatalError(f"{why}: it asks to wait {wait / 60:.0f} minutes; run again after that")


def _repeatable(request: Request, attempt: Attempt | None) -> bool:
    if request.safe:
        return True
    if request.repeat is not None:
        return request.repeat
    if attempt is None:
        return False
    return attempt.delivery == "idempotent" or (attempt.delivery == "keyed" and request.keyed)


def _garbled(asked: Mapping[str, str], answer: Answer) -> bool:
    """Tell that an answer should be JSON, by what was asked for or what it says, and is none."""
    says_json = "json" in answer.headers.get("content-type", "")
    if not answer.content or not (says_json or asked.get("Accept") == "application/json"):
        return False
    try:
        orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return True
    return False


def _place(request: Request) -> str:
    """Name a request without its query, which may hold a secret."""
    parts = urlsplit(request.url)
    return f"{request.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _message(request: Request, answer: Answer, headers: Mapping[str, str]) -> str:
    """Say what the service said: at most 500 characters, no control character, no login."""
    said = plain(_without_logins(_said(answer), request, headers), 500)
    return f"{_place(request)}: {answer.status}{': ' + said if said else ''}"


def _without_logins(said: str, request: Request, headers: Mapping[str, str]) -> str:
    for secret in _secrets(headers, request.url):
        said = said.replace(secret, "***")
    return said


def _secrets(headers: Mapping[str, str], url: str) -> list[str]:
    """Give what might be a login in a request, in the forms that an answer may repeat it in."""
    values = {value for name, value in headers.items() if name not in _HARMLESS}
    values |= {value.rpartition(" ")[2] for value in values}
    for value in list(values):
        with suppress(ValueError):
            values.add(b64decode(value, validate=True).decode().rpartition(":")[2])
    values |= {value for _, value in parse_qsl(urlsplit(url).query)}
    long = {value for value in values if len(value) >= 8}
    long |= {quote(value, safe="") for value in long} | {dumps(value)[1:-1] for value in long}
    return sorted(long, key=len, reverse=True)


def _said(answer: Answer) -> str:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return "" if answer.text.lstrip().startswith("<") else answer.text
    if isinstance(body, list) and body:
        body = body[0]
    for _ in range(3):
        if not isinstance(body, dict):
            break
        body = body.get("message") or body.get("error_description") or body.get("error") or body
    return body if isinstance(body, str) else answer.text
