"""What a twin is: a service's name, its answers, its state, its errors and its look."""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from tailrace_sandbox.wire import Answer, Request


@attrs.frozen(kw_only=True)
class Part:
    """Name one part of a thing that the page can show: a tab, a channel, an object type."""

    id: str
    title: str
    detail: str = ""


@attrs.frozen(kw_only=True)
class Thing:
    """Name one thing in a twin that the page lists: a spreadsheet, a workspace, an account."""

    id: str
    title: str
    parts: tuple[Part, ...] = ()


class Twin(Protocol):
    """Stand in for one service.

    A twin answers many threads at once and guards its own state. `answer` acts on a request and
    never raises for what a client did wrong; `refuse` makes an answer with a given status in the
    service's own error shape and touches nothing. `things` and `look` feed the page: `look`
    returns a JSON value whose `kind` names the renderer in `web/page.js`.
    """

    name: str
    title: str

    def answer(self, request: Request) -> Answer: ...

    def refuse(self, request: Request, status: int) -> Answer: ...

    def reset(self) -> None: ...

    def things(self) -> list[Thing]: ...

    def look(self, thing: str, part: str, first: int, count: int) -> dict[str, Any] | None: ...
