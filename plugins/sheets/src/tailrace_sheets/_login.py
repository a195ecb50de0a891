"""Who writes: a service account, an authorized user, application default credentials, or nobody."""

import json
import logging
import threading
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

import tailrace

SCOPE = "https://www.googleapis.com/auth/spreadsheets"
_TRIES = 3
"""How often a token is asked for; google-auth itself asks again only after an answer."""
_KINDS = "type is neither service_account nor authorized_user"


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@attrs.frozen
class _Reply:
    """Hold an answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@attrs.frozen
class _Requests:
    """Carry google-auth's own requests through the engine's client."""

    http: tailrace.Http

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> _Reply:
        from google.auth.exceptions import TransportError

        told = ""
        for _attempt in range(_TRIES):
            try:
                answer = self.http.send(
                    method, url, data=body, headers=headers, safe=True, scope="token"
                )
            except (tailrace.UnsentError, tailrace.UnansweredError) as error:
                told = str(error)
            else:
                return _Reply(answer.status, answer.headers, answer.content)
        raise TransportError(told)  # type: ignore[no-untyped-call]  # google-auth leaves it untyped


@attrs.frozen
class Login:
    """Sign requests for all threads; a token is fetched once for all of them."""

    credentials: Any
    _http: tailrace.Http
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)
    _mine: threading.local = attrs.field(factory=threading.local, init=False, repr=False)

    @property
    def email(self) -> str | None:
        """Give the address that a spreadsheet has to be shared with, where it is known."""
        email = getattr(self.credentials, "service_account_email", None)
        return email if isinstance(email, str) and "@" in email else None

    def headers(self) -> Mapping[str, str]:
        """Give the Authorization header, with a token that is still good."""
        headers: dict[str, str] = {}
        with self._lock:
            if not self.credentials.valid:
                self._fetch()
            self._mine.token = self.credentials.token
            self.credentials.apply(headers)
        return headers

    def refresh(self) -> bool:
        """Get a new token, unless another thread has done so since this one signed."""
        with self._lock:
            if self.credentials.token == getattr(self._mine, "token", None):
                self._fetch()
        return True

    def _fetch(self) -> None:
        from google.auth.exceptions import GoogleAuthError, TransportError

        try:
            self.credentials.refresh(_Requests(self._http))
        except TransportError as error:
            raise tailrace.RetryableError(f"Google gave no token: {error.args[0]}") from None
        except GoogleAuthError as error:
            told = str(error.args[0]) if error.args else type(error).__name__
            raise tailrace.FatalError(
                f"Google gives no token for these credentials: {told}"
            ) from None


def find_login(given: tailrace.Secret | None, base_url: str, http: tailrace.Http) -> Login | None:
    """Find out who writes; None is nobody, which only a loopback address takes."""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        raise tailrace.ConfigError(
            tailrace.Problem("base_url", f"{base_url!r} is no address")
        ) from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(base_url))
    if not secure or not parts.hostname:
        told = f"{base_url!r} is neither https nor a loopback address; a login would be readable"
        raise tailrace.ConfigError(tailrace.Problem("base_url", told))
    if given is not None:
        return Login(_made(_info(given)), http)
    return None if is_loopback(base_url) else Login(_default(), http)


def _problem(message: str) -> tailrace.ConfigError:
    return tailrace.ConfigError(tailrace.Problem("credentials", message))


def _info(given: tailrace.Secret) -> dict[str, Any]:
    """Read the JSON that a secret is, or is the path of; says nothing of what it holds."""
    text = given.reveal().strip()
    if not text.startswith("{"):
        try:
            text = Path(text).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError, RuntimeError):
            raise _problem("is neither JSON, nor the path of a file that can be read") from None
    try:
        info = json.loads(text)
    except ValueError:
        raise _problem("holds no whole JSON") from None
    if not isinstance(info, dict):
        raise _problem("holds no JSON object")
    return info


def _made(info: dict[str, Any]) -> Any:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2 import credentials, service_account

    makers: dict[str, Any] = {
        "service_account": service_account.Credentials.from_service_account_info,
        "authorized_user": credentials.Credentials.from_authorized_user_info,
    }
    make = makers.get(str(info.get("type")))
    if make is None:
        raise _problem(f"the {_KINDS}; it needs a service account's key")
    where = info.get("token_uri")
    if where is not None and not (str(where).startswith("https://") or is_loopback(str(where))):
        raise _problem("its token_uri is neither https nor a loopback address")
    try:
        return make(info, scopes=[SCOPE])
    except (ValueError, TypeError, KeyError, GoogleAuthError):
        missing = [name for name in _NEEDED[str(info["type"])] if not info.get(name)]
        told = f"lacks {', '.join(missing)}" if missing else "holds a private_key that is none"
        raise _problem(f"the JSON {told}; download the key anew") from None


_NEEDED = {
    "service_account": ("client_email", "private_key", "token_uri"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


def _default() -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    # It would warn of every place where there is nothing, and we say so ourselves.
    chatter = logging.getLogger("google.auth._default")
    before, chatter.disabled = chatter.disabled, True
    try:
        found, _ = google.auth.default(scopes=[SCOPE])
    except DefaultCredentialsError:
        raise tailrace.MissingOption(
            "credentials",
            "missing, and there are also no application default credentials"
            " (GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, or the"
            " service account of a machine at Google)",
        ) from None
    finally:
        chatter.disabled = before
    return found
