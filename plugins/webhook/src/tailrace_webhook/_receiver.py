"""Receivers: endpoints that listen, each of which tells when a run is worth it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from logging import Logger
from time import monotonic
from typing import TYPE_CHECKING

import attrs

import tailrace
from tailrace_webhook._app import App, Commits, Gate
from tailrace_webhook._endpoint import Endpoint, is_loopback, open_endpoint
from tailrace_webhook._file import open_file
from tailrace_webhook._server import Bounds, bind, running

if TYPE_CHECKING:
    from tailrace_webhook import Options


@attrs.define(eq=False)
class Receiver:
    """Tell when so many rows lie ready, or the first of them has waited long enough.

    Rows of before count, as many as they are, and want no waiting.
    """

    address: str
    batch_size: int
    max_wait: float
    now: Callable[[], float] = monotonic
    _rows: int = 0
    _first: float = 0.0
    _failure: BaseException | None = None
    _changed: threading.Condition = attrs.field(factory=threading.Condition)

    def arrived(self, rows: int, *, before: bool = False) -> None:
        """Count rows that are kept; those of before have waited."""
        with self._changed:
            if rows and not self._rows:
                self._first = self.now() - (self.max_wait if before else 0.0)
            self._rows += rows
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Have the next wait raise what ended the server."""
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until rows are worth a run; False when the seconds have passed first."""
        until = self.now() + seconds
        with self._changed:
            while True:
                if self._failure is not None:
                    raise self._failure
                now = self.now()
                due = self._first + self.max_wait if self._rows else until
                if self._rows >= self.batch_size or (self._rows and now >= due):
                    self._rows = 0
                    return True
                if now >= until:
                    return False
                self._changed.wait(min(due, until) - now)


@contextmanager
def listen(options: Sequence["Options"], log: Logger) -> Iterator[Sequence[Receiver]]:
    """Listen for all endpoints, and give a receiver for each."""
    endpoints = _endpoints(options)
    with ExitStack() as stack:
        commits = _commits(options, stack, log)
        receivers: dict[int, Receiver] = {}
        for places in _servers(options):
            host, port = options[places[0]].host, options[places[0]].port
            listening = stack.enter_context(bind(host, port))
            here, port = listening.getsockname()[:2]
            gates = {}
            for at in places:
                each = options[at]
                if each.scheme == "none" and not is_loopback(here):
                    told = f"none is for a loopback address, and {host} is {here} ({each.path})"
                    raise tailrace.ConfigError(tailrace.Problem("scheme", told))
                kept = commits[_where(each)]
                address = f"http://{f'[{host}]' if ':' in host else host}:{port}{each.path}"
                receivers[at] = Receiver(address, each.batch_size, each.max_wait)
                receivers[at].arrived(kept.inbox.waiting().get(each.path, 0), before=True)
                gates[each.path] = Gate(endpoints[at], kept, receivers[at].arrived)
            app = App(gates, log)
            bounds = Bounds(
                connections=max(options[at].max_connections for at in places),
                seconds=max(options[at].read_timeout for at in places),
                crowded=app.crowded,
            )
            failed = _all_fail([receivers[at] for at in places])
            stack.enter_context(running(app, listening, bounds, failed=failed))
        yield [receivers[at] for at in range(len(options))]


def _servers(options: Sequence["Options"]) -> Sequence[list[int]]:
    """Put the places of endpoints together that share an address."""
    servers: dict[tuple[str, int], list[int]] = {}
    for at, each in enumerate(options):
        servers.setdefault((each.host, each.port), []).append(at)
    return list(servers.values())


def _endpoints(options: Sequence["Options"]) -> list[Endpoint]:
    problems: list[tailrace.Problem] = []
    endpoints = []
    taken: set[tuple[object, ...]] = set()
    for each in options:
        try:
            endpoints.append(open_endpoint(each))
        except tailrace.ConfigError as error:
            problems += error.problems
        places = {(each.host, each.port, each.path), (each.inbox, each.path)}
        if places & taken:
            told = f"two sources have the path {each.path} on one server, or in one inbox"
            problems.append(tailrace.Problem("path", told))
        taken |= places
    if problems:
        raise tailrace.ConfigError(*problems)
    return endpoints


def _where(options: "Options") -> tuple[object, ...]:
    """Tell endpoints apart whose requests cannot be kept in one commit."""
    return options.host, options.port, options.inbox, options.remember, options.max_inbox


def _commits(
    options: Sequence["Options"], stack: ExitStack, log: Logger
) -> dict[tuple[object, ...], Commits]:
    """Open the inboxes; tell of what lies in one that no endpoint reads any more."""
    commits: dict[tuple[object, ...], Commits] = {}
    for each in options:
        if _where(each) not in commits:
            inbox = stack.enter_context(open_file(each.inbox))
            commits[_where(each)] = Commits(inbox, each.remember, each.max_inbox)
    for inbox in {each.inbox.path: each.inbox for each in commits.values()}.values():
        read = {each.path for each in options if each.inbox == inbox.path}
        for path, rows in inbox.waiting().items():
            if path not in read:
                log.warning(
                    "%s: %d rows of %s lie there, which nobody serves", inbox.path, rows, path
                )
    return commits


def _all_fail(receivers: Sequence[Receiver]) -> Callable[[BaseException], None]:
    def fail(error: BaseException) -> None:
        for each in receivers:
            each.fail(error)

    return fail
