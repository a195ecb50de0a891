"""Who writes: a signed assertion, an app's own login, a refresh token, or a token as it is."""

import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import orjson

import tailrace

if TYPE_CHECKING:
    from tailrace_salesforce import Options

_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTED = 180
"""Seconds for which an assertion is good; Salesforce takes no more."""
_SAID = 300

Form = Mapping[str, str]


@attrs.define
class Login:
    """Sign requests for all threads; a token is fetched once for all of them.

    form: makes what is posted for a token. instance: where Salesforce says that the org is.
    """

    _http: tailrace.Http
    _url: str
    _form: Callable[[], Form] = attrs.field(repr=False)
    instance: str | None = None
    _token: str | None = attrs.field(default=None, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)
    _mine: threading.local = attrs.field(factory=threading.local, repr=False)

    def headers(self) -> Mapping[str, str]:
        """Give the Authorization header."""
        with self._lock:
            if self._token is None:
                self._fetch()
            self._mine.token = self._token
        return {"Authorization": f"Bearer {self._mine.token}"}

    def refresh(self) -> bool:
        """Get a new token, unless another thread has done so since this one signed."""
        with self._lock:
            if self._token == getattr(self._mine, "token", None):
                self._fetch()
        return True

    def _fetch(self) -> None:
        answer = self._http.post(self._url, data=self._form(), safe=True, scope="token")
        told = answer.json()
        token = told.get("access_token") if isinstance(told, Mapping) else None
        if not isinstance(token, str) or not token:
            raise tailrace.FatalError("Salesforce's answer to the login holds no access token")
        self._token = token
        self.instance = str(told.get("instance_url") or "") or None


def find_login(options: "Options", base: str, http: tailrace.Http) -> Login | None:
    """Find out who writes; None is nobody, or a token that never changes."""
    form = _form(options, base)
    if form is None:
        if options.token is None and not is_loopback(base):
            raise tailrace.MissingOption(
                "private_key",
                "missing: private_key with client_id and username, client_secret with client_id,"
                " or refresh_token with client_id",
            )
        return None
    ours = http.using(headers={"Accept": "application/json"}, refusal=_denied)
    return Login(ours, f"{base}/services/oauth2/token", form)


def _form(options: "Options", base: str) -> Callable[[], Form] | None:
    """Choose the flow by what is given."""
    app = {"client_id": options.client_id or ""}
    if options.client_secret is not None:
        app["client_secret"] = options.client_secret.reveal()
    if options.private_key is not None:
        _needs(options, "private_key", "client_id", "username")
        assertion = _signer(options, options.private_key, base)
        assertion()  # which tells of a key that is none before anything is sent
        return lambda: {"grant_type": _JWT, "assertion": assertion()}
    if options.refresh_token is not None:
        _needs(options, "refresh_token", "client_id")
        token = options.refresh_token.reveal()
        return lambda: {"grant_type": "refresh_token", "refresh_token": token, **app}
    if options.client_secret is not None:
        _needs(options, "client_secret", "client_id")
        return lambda: {"grant_type": "client_credentials", **app}
    return None


def _needs(options: "Options", what: str, *names: str) -> None:
    for name in names:
        if not getattr(options, name):
            raise tailrace.MissingOption(name, f"missing; {what} needs it")


def _signer(options: "Options", key: tailrace.Secret, base: str) -> Callable[[], str]:
    """Give what makes an assertion, which is good for some minutes, anew each time."""
    is_test = ".sandbox." in (urlsplit(base).hostname or "")
    claims: dict[str, Any] = {
        "iss": options.client_id,
        "sub": options.username,
        "aud": f"https://{'test' if is_test else 'login'}.salesforce.com",
    }

    # Places that keep secrets in one line write its line breaks as two characters.
    pem = key.reveal().replace("\\n", "\n")

    def sign() -> str:
        import jwt

        try:
            expires = int(time.time()) + _ASSERTED
            return jwt.encode({**claims, "exp": expires}, pem, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            told = "is no RSA private key in PEM form (-----BEGIN PRIVATE KEY----- ...)"
            raise tailrace.ConfigError(tailrace.Problem("private_key", told)) from None

    return sign


def _denied(answer: tailrace.Answer) -> None:
    """Raise why there is no token."""
    if answer.status in (408, 425, 429):
        return
    try:
        told = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        told = None
    told = told if isinstance(told, Mapping) else {}
    said = ": ".join(str(told[each]) for each in ("error", "error_description") if told.get(each))
    cure = _CURES.get(str(told.get("error")), "look at the app's policies and at the user")
    raise tailrace.FatalError(
        f"Salesforce gives no token ({said[:_SAID] or answer.status}); {cure}", status=answer.status
    )


_CURES = {
    "invalid_grant": "the app has to be pre-authorised for this user, and the certificate, the"
    " refresh token or the user has to be one that is still good",
    "invalid_client_id": "client_id is no consumer key of this org",
    "invalid_client": "client_secret is not the app's",
    "unsupported_grant_type": "the app's settings have to allow this flow",
    "inactive_user": "the user is inactive",
}


def address(options: "Options") -> str:
    """Give where the org is; raises a ConfigError for what no login may be sent to."""
    name = "instance_url" if options.base_url is None else "base_url"
    url = options.instance_url if options.base_url is None else options.base_url
    if not url:
        raise tailrace.MissingOption("instance_url", "missing: the org's My Domain address")
    if not is_sound(url):
        told = f"{url!r} is neither https nor a loopback address; a login would be readable"
        raise tailrace.ConfigError(tailrace.Problem(name, told))
    return url.rstrip("/")


def is_sound(url: str) -> bool:
    """Tell whether nobody can read along on the way to an address."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
        )
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Tell whether an address is on this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
