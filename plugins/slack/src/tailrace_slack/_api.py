"""The Web API: one call, and what its answer means, whatever the status says."""

from collections.abc import Collection, Mapping
from typing import Any

import attrs

import tailrace

_BARRED = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "app_access_restricted",
        "as_user_not_supported",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "metadata_must_be_sent_from_app",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Codes that every further call would meet."""
_OF_CHANNEL = (
    "cannot_reply_to_message",
    "channel_not_found",
    "is_archived",
    "messages_tab_disabled",
    "not_in_channel",
    "posting_to_channel_denied",
    "restricted_action",
)
"""Codes, or their beginnings, that every further message to the same channel would meet."""
_LATER = frozenset(
    {
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "team_added_to_org",
    }
)
"""Codes that say that nothing was done, and may be another time."""
_UNCLEAR = frozenset({"fatal_error", "internal_error", "service_unavailable"})
"""Codes after which a part may have been done."""


@attrs.define(eq=False)
class Api:
    """Call methods; used by several threads at once.

    one_channel: all messages go to the same one, so that its refusals are the run's.
    """

    http: tailrace.Http
    one_channel: bool = False
    granted: frozenset[str] | None = attrs.field(default=None, init=False)
    """The token's scopes, where Slack has told them."""
    _stopped: str | None = attrs.field(default=None, init=False)

    def read(
        self, method: str, given: Mapping[str, Any], *, expected: Collection[str] = ()
    ) -> dict[str, Any]:
        """Call a method whose loss puts nothing in doubt.

        As a form, since not all of them take JSON, and by POST, which keeps addresses of people
        out of logs of URLs.
        """
        form = {name: _formed(value) for name, value in given.items()}
        answer = self.http.post(method, data=form, safe=True, scope=method)
        return self._judged(method, answer, expected, harmless=True, stops=True)

    def write(
        self,
        method: str,
        given: Mapping[str, Any],
        *,
        scope: str = "",
        again: bool = False,
        expected: Collection[str] = (),
    ) -> dict[str, Any]:
        """Call a method that changes something.

        again: it does no harm when it is sent twice. expected: codes that the caller looks at.
        """
        if self._stopped is not None:
            raise tailrace.FatalError(self._stopped)
        answer = self.http.post(
            method, json=given, repeat=True if again else None, scope=scope or method
        )
        return self._judged(method, answer, expected, harmless=again, stops=False)

    def _judged(
        self,
        method: str,
        answer: Any,
        expected: Collection[str],
        *,
        harmless: bool,
        stops: bool,
    ) -> dict[str, Any]:
        scopes = answer.headers.get("x-oauth-scopes")
        if scopes is not None:
            self.granted = frozenset(each.strip() for each in scopes.split(",") if each.strip())
        found = answer.json()
        if not isinstance(found, dict) or not isinstance(found.get("ok"), bool):
            raise tailrace.UnansweredError(f"{method}: the answer is none of Slack's")
        code = str(found.get("error"))
        if found["ok"] or code in expected:
            return found
        told = f"{method}: {_told(found, code)}"
        if code in _BARRED or (self.one_channel and code.startswith(_OF_CHANNEL)):
            if stops:
                raise tailrace.FatalError(told)
            # An end of the run after an answer would leave this record in doubt, and Slack has
            # said that it did nothing: it counts as such, and the next call ends the run.
            self._stopped = told
            raise tailrace.RetryableError(told)
        if code in _LATER or (harmless and code in _UNCLEAR):
            after = answer.headers.get("retry-after", "")
            raise tailrace.RetryableError(told, float(after) if after.isdecimal() else None)
        if code in _UNCLEAR:
            raise tailrace.UnansweredError(told)
        raise tailrace.RejectedError(told, reason=code)


def _formed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told(found: Mapping[str, Any], code: str) -> str:
    """Say what Slack says: the code, the scope that is missing, the places that are wrong."""
    beside = found.get("response_metadata")
    messages = beside.get("messages") if isinstance(beside, Mapping) else None
    told = [code]
    if isinstance(messages, list):
        told += map(str, messages)
    if found.get("needed"):
        told.append(f"the token needs the scope {found['needed']}")
    if code == "not_in_channel":
        told.append("invite the app to the channel, or set the option join")
    return "; ".join(told)
