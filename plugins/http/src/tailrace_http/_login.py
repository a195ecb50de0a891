"""Logins and signatures: what a request carries to be believed, made anew for each time it is sent."""

import hmac
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

import attrs

import tailrace

if TYPE_CHECKING:
    from tailrace_http import OAuth, Options, Signature

_EARLY = 30.0
"""Seconds before its end that a token is renewed."""


@attrs.define(eq=False)
class Tokens:
    """Get tokens by client credentials, one for all threads."""

    oauth: "OAuth"
    http: tailrace.Http
    now: Callable[[], float] = time.monotonic
    _token: str = attrs.field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = attrs.field(factory=threading.Lock, repr=False)

    def get(self) -> str:
        """Give the token, a new one where it is about to end."""
        with self._lock:
            if not self._token or self.now() >= self._until:
                self._renew()
            return self._token

    def drop(self) -> None:
        """Forget a token that was not taken."""
        with self._lock:
            self._token = ""

    def _renew(self) -> None:
        oauth = self.oauth
        who = _basic(oauth.client_id, oauth.client_secret.reveal())
        asked = {"grant_type": "client_credentials"}
        if oauth.scope:
            asked["scope"] = oauth.scope
        answer = self.http.post(
            oauth.token_url, data=asked, headers={"Authorization": who}, safe=True, scope="token"
        ).json()
        token = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(token, str) or not token:
            raise tailrace.FatalError(f"{oauth.token_url} gave no access_token")
        seconds = answer.get("expires_in")
        lasts = float(seconds) if isinstance(seconds, (int, float)) else 300.0
        self._token, self._until = token, self.now() + max(lasts - _EARLY, lasts / 2)


@attrs.frozen
class Login:
    """Log requests in: by a token, a password, secret headers, or client credentials."""

    options: "Options" = attrs.field(repr=False)
    tokens: Tokens | None = None

    def headers(self) -> Mapping[str, str]:
        """Give the headers of a request that is sent now."""
        options = self.options
        made = {name: value.reveal() for name, value in options.secret_headers.items()}
        if options.token is not None:
            made["Authorization"] = f"Bearer {options.token.reveal()}"
        elif options.username is not None and options.password is not None:
            made["Authorization"] = _basic(options.username, options.password.reveal())
        elif self.tokens is not None:
            made["Authorization"] = f"Bearer {self.tokens.get()}"
        return made

    def refresh(self) -> bool:
        """Drop a token that was not taken; nothing else can be renewed."""
        if self.tokens is None:
            return False
        self.tokens.drop()
        return True


@attrs.frozen
class Signed:
    """Log one request in, and sign its body for the moment when it is sent."""

    login: Login
    signature: "Signature" = attrs.field(repr=False)
    id: str
    body: bytes = attrs.field(repr=False)
    now: Callable[[], float] = time.time

    def headers(self) -> Mapping[str, str]:
        """Give the headers of a request that is sent now."""
        signature = self.signature
        made = dict(self.login.headers())
        if signature.scheme == "hmac":
            found = hmac.digest(signature.secret.reveal().encode(), self.body, sha256)
            text = found.hex() if signature.encoding == "hex" else b64encode(found).decode()
            return {**made, signature.header: signature.prefix + text}
        moment = str(int(self.now()))
        content = f"{self.id}.{moment}.".encode() + self.body
        found = hmac.digest(standard_key(signature.secret) or b"", content, sha256)
        return {
            **made,
            "Webhook-Id": self.id,
            "Webhook-Timestamp": moment,
            "Webhook-Signature": f"v1,{b64encode(found).decode()}",
        }

    def refresh(self) -> bool:
        """Renew the login."""
        return self.login.refresh()


def standard_key(secret: tailrace.Secret) -> bytes | None:
    """Give the key of a secret as Standard Webhooks writes it; None for what is none."""
    try:
        return b64decode(secret.reveal().removeprefix("whsec_"), validate=True)
    except ValueError:
        return None


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
