"""A spreadsheet through Google's own client, which sends through the engine's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import attrs

import tailrace
from tailrace_sheets._login import find_login

Json = dict[str, Any]
BOUNDARY = "exceeds grid limits"
UNPARSED = "Unable to parse range"
FULL = "10000000 cells"


@attrs.frozen
class Transport:
    """Be the `http=` object of Google's client: httplib2's face, the engine's client behind it.

    repeat: whether it does no harm when a request arrives twice.
    """

    http: tailrace.Http
    repeat: bool = False

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, bytes]:
        """Send one request; raises what the engine makes of any answer but 2xx."""
        from httplib2 import Response

        sent = {name.lower(): value for name, value in (headers or {}).items()}
        sent.pop("content-length", None)
        # Google's client sends a read whose address is too long as a POST that says so.
        reads = "GET" in (method, sent.get("x-http-method-override"))
        answer = self.http.request(
            method,
            uri,
            data=body,
            headers=sent,
            scope="read" if reads else "write",
            safe=reads,
            repeat=self.repeat,
        )
        return Response({"status": str(answer.status), **answer.headers}), answer.content

    def close(self) -> None:
        """Leave connections to the engine."""


@attrs.frozen
class Book:
    """Make the few calls that are needed, for one spreadsheet; used by several threads."""

    id: str
    base_url: str
    email: str | None
    http: tailrace.Http = attrs.field(repr=False)
    _methods: Any = attrs.field(repr=False)

    @cached_property
    def _values(self) -> Any:
        # Google's client makes these methods anew, from their descriptions, each time it is asked.
        return self._methods.values()

    def describe(self, fields: str, *ranges: str) -> Json:
        """Give the spreadsheet's properties, and those cells' data."""
        call = self._methods.get(
            spreadsheetId=self.id, ranges=list(ranges), includeGridData=bool(ranges), fields=fields
        )
        return self._done(call)

    def read(self, *ranges: str, formulas: bool = False) -> list[list[list[Any]]]:
        """Give the values of ranges; rows are ragged, empty ones at the end are missing."""
        call = self._values.batchGet(
            spreadsheetId=self.id,
            ranges=list(ranges),
            valueRenderOption="FORMULA" if formulas else "UNFORMATTED_VALUE",
            dateTimeRenderOption="SERIAL_NUMBER",
            fields="valueRanges(range,values)",
        )
        return [each.get("values", []) for each in self._done(call)["valueRanges"]]

    def write(self, data: Sequence[Json], *, parsed: bool = False, repeat: bool = False) -> None:
        """Write values to explicit ranges, all or none.

        repeat: nobody moves rows meanwhile, so that sending it twice does no harm.
        """
        how = "USER_ENTERED" if parsed else "RAW"
        self._done(
            self._values.batchUpdate(
                spreadsheetId=self.id,
                body={"valueInputOption": how, "data": data},
                fields="totalUpdatedCells",
            ),
            repeat=repeat,
        )

    def change(self, requests: Sequence[Json], *, repeat: bool = False) -> None:
        """Change the structure, all or nothing.

        repeat: sending it twice does no harm. If it does, a lost answer is an UnansweredError.
        """
        call = self._methods.batchUpdate(
            spreadsheetId=self.id, body={"requests": requests}, fields="spreadsheetId"
        )
        self._done(call, repeat=repeat)

    def _done(self, call: Any, *, repeat: bool = False) -> Json:
        with self._told():
            return dict(call.execute(http=Transport(self.http, repeat), num_retries=0))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (tailrace.FatalError, tailrace.RejectedError) as error:
            said = str(error)
            for status, word, tell in _CURES:
                if error.status == status and word in said:
                    told = f"{tell(self)} (Google says: {said})"
                    raise tailrace.FatalError(told, status=status) from None
            raise

    def whom(self) -> str:
        """Name whom the spreadsheet has to be shared with."""
        return self.email or "the account that these credentials are of"


Cure = Callable[[Book], str]
_OFF: Cure = lambda _: (  # noqa: E731  # one of a table
    "the Google Sheets API is not enabled in the project of these credentials; enable it, and wait"
    " a minute"
)
_CURES: tuple[tuple[int, str, Cure], ...] = (
    (
        404,
        "",
        lambda book: (
            f"there is no spreadsheet {book.id!r}; its id stands in its address, after /d/"
        ),
    ),
    (403, "has not been used in project", _OFF),
    (403, "SERVICE_DISABLED", _OFF),
    (403, "is disabled", _OFF),
    (
        403,
        "insufficient authentication scopes",
        lambda _: "these credentials were made without the scope for spreadsheets; make them anew",
    ),
    (
        403,
        "rotected",
        lambda book: f"someone has protected cells of it; allow {book.whom()} to edit them",
    ),
    (
        403,
        "",
        lambda book: f"the spreadsheet is not shared with {book.whom()}: share it as Editor",
    ),
    (401, "", lambda _: "Google does not accept these credentials; make a new key"),
    (
        400,
        "protected cell",
        lambda book: f"someone has protected cells of it; allow {book.whom()} to edit them",
    ),
    (
        400,
        UNPARSED,
        lambda _: "the tab is not there; was it renamed or deleted?",
    ),
    (
        400,
        FULL,
        lambda _: (
            "the spreadsheet would have more than 10,000,000 cells, empty ones and all tabs"
            " counted; delete empty rows, columns or tabs, or use another spreadsheet"
        ),
    ),
)
"""What to do, by status and a word of the answer; the first that fits."""


def open_book(
    spreadsheet: str, credentials: tailrace.Secret | None, base_url: str, http: tailrace.Http
) -> Book:
    """Prepare Google's client for a spreadsheet; nothing is sent."""
    login = find_login(credentials, base_url, http)
    from googleapiclient.discovery import build

    signed = http if login is None else http.using(auth=login)
    address = base_url.rstrip("/")
    service = build(
        "sheets",
        "v4",
        http=Transport(signed),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": address},
    )
    email = login.email if login else None
    return Book(spreadsheet, address, email, signed, service.spreadsheets())
