"""Google's client and Google's logins, over the engine's HTTP client."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

import tailrace

SCOPE = "https://www.googleapis.com/auth/spreadsheets"


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@attrs.frozen
class Transport:
    """Stand in for httplib2.Http: one request, through the engine, judged there."""

    http: tailrace.Http

    def request(  # noqa: PLR0917  # httplib2's signature
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[Any, bytes]:
        """Send what Google's client has prepared; raises what `tailrace.Http` raises."""
        import httplib2

        del redirections, connection_type
        headers = dict(headers or {})
        # Google's client sends a long GET as a POST that says so.
        reads = "GET" in (method, headers.get("x-http-method-override"))
        structural = not reads and uri.partition("?")[0].endswith(":batchUpdate")
        structural = structural and "/values:" not in uri
        answer = self.http.request(
            method,
            uri,
            data=body,
            headers=headers,
            scope="read" if reads else "write",
            safe=reads,
            repeat=not structural,
        )
        answer.json()
        return httplib2.Response({"status": str(answer.status), **answer.headers}), answer.content

    def close(self) -> None:
        """Leave the connections to the engine."""


@attrs.frozen
class Login:
    """Sign requests with Google's credentials, for all threads."""

    credentials: Any
    http: tailrace.Http
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def headers(self) -> Mapping[str, str]:
        """Give the Authorization header, with a token that is still good."""
        headers: dict[str, str] = {}
        with self._lock:
            if not self.credentials.valid:
                self._renew()
            self.credentials.apply(headers)
        return headers

    def refresh(self) -> bool:
        """Get a new token."""
        with self._lock:
            self._renew()
        return True

    @property
    def email(self) -> str | None:
        """Give the service account's address, to which a sheet is shared."""
        email = getattr(self.credentials, "service_account_email", None)
        return email if isinstance(email, str) and "@" in email else None

    def _renew(self) -> None:
        from google.auth.exceptions import GoogleAuthError

        try:
            self.credentials.refresh(TokenRequest(self.http))
        except GoogleAuthError as error:
            told = str(error.args[0]) if error.args else type(error).__name__
            raise tailrace.FatalError(
                f"Google gave no token for these credentials: {told}"
            ) from None


@attrs.frozen
class TokenAnswer:
    """Hold an answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@attrs.frozen
class TokenRequest:
    """Carry google-auth's own requests."""

    http: tailrace.Http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> TokenAnswer:
        answer = self.http.send(method, url, data=body, headers=headers, safe=True, scope="token")
        return TokenAnswer(answer.status, answer.headers, answer.content)


def login(credentials: tailrace.Secret | None, base_url: str, http: tailrace.Http) -> Login | None:
    """Find the login: the credentials given, else none on loopback, else Google's defaults."""
    if not base_url.startswith("https://") and not is_loopback(base_url):
        raise tailrace.ConfigError(
            tailrace.Problem("base_url", "must be https, or an address of this machine")
        )
    if credentials is None and is_loopback(base_url):
        return None
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    if credentials is None:
        try:
            request: Any = TokenRequest(http)
            found, _ = google.auth.default(scopes=[SCOPE], request=request)
        except DefaultCredentialsError:
            raise tailrace.MissingOption(
                "credentials",
                "missing, and Google's application default credentials are not set up",
            ) from None
        return Login(found, http)
    info = _info(credentials)
    try:
        found, _ = google.auth.load_credentials_from_dict(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # google-auth leaves it untyped
    except (GoogleAuthError, ValueError, KeyError):
        message = "is no service account's key and no authorized user's file that Google accepts"
        raise tailrace.ConfigError(tailrace.Problem("credentials", message)) from None
    return Login(found, http)


def _info(credentials: tailrace.Secret) -> dict[str, Any]:
    text = credentials.reveal().strip()
    if not text.startswith("{"):
        try:
            text = Path(text).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError):
            message = "is neither JSON nor the path of a file that can be read"
            raise tailrace.ConfigError(tailrace.Problem("credentials", message)) from None
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise tailrace.ConfigError(tailrace.Problem("credentials", "is no JSON object"))
    return info


@attrs.frozen
class Api:
    """Call the few methods that are needed, for one spreadsheet; used by several threads."""

    resource: Any
    spreadsheet: str
    email: str | None = None

    def describe(self, fields: str, ranges: tuple[str, ...] = ()) -> dict[str, Any]:
        """Read the spreadsheet's properties, and cells where ranges are given."""
        with self._told():
            call = self.resource.spreadsheets().get(
                spreadsheetId=self.spreadsheet,
                ranges=list(ranges),
                includeGridData=bool(ranges),
                fields=fields,
            )
            return dict(call.execute())

    def read(self, ranges: list[str], *, formulas: bool = False) -> list[list[list[Any]]]:
        """Read the values of several ranges; rows are ragged, as Google leaves empty ends out."""
        with self._told():
            call = (
                self.resource.spreadsheets()
                .values()
                .batchGet(
                    spreadsheetId=self.spreadsheet,
                    ranges=ranges,
                    valueRenderOption="FORMULA" if formulas else "UNFORMATTED_VALUE",
                    dateTimeRenderOption="SERIAL_NUMBER",
                )
            )
            return [each.get("values", []) for each in call.execute()["valueRanges"]]

    def write(self, data: list[dict[str, Any]], *, parsed: bool = False) -> None:
        """Write values to explicit ranges, all or nothing; `parsed` lets the sheet read formulas."""
        body = {"valueInputOption": "USER_ENTERED" if parsed else "RAW", "data": data}
        with self._told():
            self.resource.spreadsheets().values().batchUpdate(
                spreadsheetId=self.spreadsheet, body=body
            ).execute()

    def change(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Change the structure, all or nothing; raises UnansweredError where it may have been done."""
        with self._told():
            answer = (
                self.resource.spreadsheets()
                .batchUpdate(spreadsheetId=self.spreadsheet, body={"requests": requests})
                .execute()
            )
            return list(answer.get("replies", []))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (tailrace.FatalError, tailrace.RejectedError) as error:
            told = self._cure(error.status, str(error))
            if told is None:
                raise
            raise tailrace.FatalError(told, status=error.status) from None

    def _cure(self, status: int | None, message: str) -> str | None:
        if status == 404:
            return f"there is no spreadsheet {self.spreadsheet!r}: take the id from its address"
        if status == 403 and ("SERVICE_DISABLED" in message or "has not been used" in message):
            return (
                f"the Google Sheets API is switched off in this project; switch it on ({message})"
            )
        if status == 403 and "protected" in message:
            return f"the sheet is protected against this account ({message})"
        if status == 403:
            who = self.email or "the account that these credentials are of"
            return f"spreadsheet {self.spreadsheet!r} is not shared with {who}: share it as Editor"
        if status == 401:
            return f"Google does not accept the credentials ({message})"
        if status == 400 and "limit of 10000000 cells" in message:
            return (
                f"the spreadsheet would hold more than 10,000,000 cells ({message}); remove empty"
                " rows, columns and tabs, or use another spreadsheet"
            )
        return None


def connect(
    spreadsheet: str, credentials: tailrace.Secret | None, base_url: str, http: tailrace.Http
) -> Api:
    """Make the client; nothing is sent."""
    from googleapiclient.discovery import build

    who = login(credentials, base_url, http)
    signed = http if who is None else http.using(auth=who)
    resource = build(
        "sheets",
        "v4",
        http=Transport(signed),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": base_url},
    )
    return Api(resource, spreadsheet, who.email if who else None)
