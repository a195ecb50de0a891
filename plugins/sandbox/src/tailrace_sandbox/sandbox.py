"""Put the twins, the faults, the log and the page on one port."""

from __future__ import annotations

import time
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tailrace_sandbox.endpoint import HttpTwin
from tailrace_sandbox.exchange import Case
from tailrace_sandbox.faults import Faults
from tailrace_sandbox.hubspot.twin import HubSpotTwin
from tailrace_sandbox.log import Exchange, Feed, Log
from tailrace_sandbox.notion.twin import NotionTwin
from tailrace_sandbox.page import Page
from tailrace_sandbox.salesforce.twin import SalesforceTwin
from tailrace_sandbox.server import HOST, Server
from tailrace_sandbox.sheets.twin import SheetsTwin
from tailrace_sandbox.slack.twin import SlackTwin
from tailrace_sandbox.stripe.twin import StripeTwin
from tailrace_sandbox.twin import Twin
from tailrace_sandbox.wire import Answer, Connection, Request

ALLOWED_HOSTS = frozenset({HOST, "localhost"})


class Sandbox:
    """Serve local twins of services on loopback, from `with` or `start` until `stop`.

    `port=0` takes a free one. `quotas=True` makes the twins enforce their services' rate limits.
    `sheets`, `http`, `slack`, `hubspot`, `notion`, `salesforce` and `stripe` are the twins
    themselves, for what no API call can arrange.
    """

    def __init__(self, port: int = 0, quotas: bool = False) -> None:
        self._port = port
        self._server: Server | None = None
        self._feed = Feed()
        self._log = Log(self._feed)
        self.sheets = SheetsTwin(quotas=quotas)
        self.http = HttpTwin()
        self.slack = SlackTwin(quotas=quotas)
        self.hubspot = HubSpotTwin(quotas=quotas)
        self.notion = NotionTwin(quotas=quotas)
        self.salesforce = SalesforceTwin()
        self.stripe = StripeTwin(quotas=quotas)
        every: tuple[Twin, ...] = (
            self.sheets,
            self.http,
            self.slack,
            self.hubspot,
            self.notion,
            self.salesforce,
            self.stripe,
        )
        self.twins: dict[str, Twin] = {twin.name: twin for twin in every}
        self.faults = Faults(tuple(self.twins))
        self._page = Page(self.twins, self._log, self._feed)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Take the port and begin to serve; raises OSError when the port is taken."""
        if self._server is None:
            self._server = Server(self._port, self._respond)

    def stop(self) -> None:
        """Stop serving, at once; what a fault holds back is dropped."""
        server, self._server = self._server, None
        self.faults.drop()
        if server is not None:
            server.stopping.set()
            self._feed.touch()
            server.stop()

    def url(self, twin: str | None = None) -> str:
        """Return what stands for a service's scheme and host; without a name, the page."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running: use it in a with block")
        base = f"http://{HOST}:{self._server.port}"
        return f"{base}/{self._known(twin).name}" if twin else f"{base}/"

    def requests(self, twin: str) -> list[Exchange]:
        """Return what has arrived at a twin, oldest first."""
        return self._log.of(self._known(twin).name)

    def reset(self) -> None:
        """Empty all twins, the log, the faults and what they hold back."""
        self.faults.clear()
        self.faults.drop()
        for twin in self.twins.values():
            twin.reset()
        self._log.clear()

    def _known(self, twin: str) -> Twin:
        try:
            return self.twins[twin]
        except KeyError:
            raise ValueError(f"no twin {twin!r}; there are: {', '.join(self.twins)}") from None

    def _respond(self, request: Request, connection: Connection) -> None:
        server = self._server
        if server is None:
            connection.hang_up()
            return
        began = time.perf_counter()
        refusal = _foreign(request)
        if refusal is not None:
            connection.send(refusal)
            return
        name = request.raw_path[1:].partition("/")[0]
        twin = self.twins.get(name)
        if twin is None:
            self._page.respond(request, connection, server.stopping)
            return
        inner = request.below(f"/{name}")
        faults = self.faults.draw(twin.name, inner)
        case = Case(twin=twin, request=inner, log=self._log, began=began, faults=faults)
        try:
            case.play(connection, self.faults, server.stopping)
        except OSError:
            raise
        except Exception:
            connection.hang_up()
            connection.send(twin.refuse(inner, HTTPStatus.INTERNAL_SERVER_ERROR))
            raise


def _foreign(request: Request) -> Answer | None:
    host = request.headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in ALLOWED_HOSTS:
        return _refusal(f"The sandbox serves {HOST} and localhost only, not the host {host!r}.\n")
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return _refusal("The sandbox takes no requests from other web pages.\n")
    return None


def _refusal(text: str) -> Answer:
    return Answer(
        status=HTTPStatus.FORBIDDEN, body=text.encode(), content_type="text/plain; charset=UTF-8"
    )
