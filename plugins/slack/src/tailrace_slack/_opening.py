"""Opening: options become a writer; where the app may read, one that finds what it has sent."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

import tailrace
from tailrace_slack._api import Api
from tailrace_slack._draft import Draft
from tailrace_slack._places import Places
from tailrace_slack._template import Values
from tailrace_slack._writer import Messages

if TYPE_CHECKING:
    from tailrace_slack import Options


@attrs.frozen
class FoundMessages(Messages):
    """Write to channels, and find there what got no answer."""

    now: Callable[[], float] = time.time

    def reserve(self, batch: tailrace.Batch) -> float:
        """Note the time, before which a message of this batch need not be looked for."""
        return self.now()

    def lookup(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Look for the message of a batch among those that the channel holds."""
        assert self.history is not None  # or this would be Messages
        record = batch.records[0]
        if record.remote_id is not None and not self.moves(record):
            # It was a change of a message that is there, which may be made again.
            return [batch.outcome(record, failed="its change got no answer")]
        missing = [batch.outcome(each, failed="Slack does not hold its message") for each in batch]
        values = Values(record.values, batch.schema)
        channel, title = self.places.channel_of(values), self.places.title_of(values)
        thread = None
        if title is not None:
            self.places.forget_heads()
            thread = self.places.find_head(channel, title)
            if thread is None:
                return missing
        where = self.places.id_of(channel)
        found = self.history.find(where, thread, batch.id, batch.reservation or 0.0)
        if found.ts is None:
            return missing if found.sure else []
        remote_id = f"{where}:{found.ts}"
        return [batch.outcome(each, remote_id=remote_id) for each in batch]


def open_messages(options: "Options", http: tailrace.Http) -> Messages:
    """Give the writer, once Slack has said who writes."""
    given = options.base_url.rstrip("/").removesuffix("/api")
    http = http.using(base_url=f"{given}/api", headers={"Accept": "application/json"})
    if options.token is not None:
        http = http.using(bearer=options.token)
    api = Api(http)
    who = api.read("auth.test", {})
    _check_scopes(options, api.granted)
    places = Places.of(options, api)
    api.one_channel = not places.names and options.email is None
    place = options.channel if options.email is None else options.email
    kind = Messages if places.history is None else FoundMessages
    return kind(
        api=api,
        draft=Draft.of(options),
        places=places,
        history=places.history,
        strikes=options.gone == "strike",
        identity=f"{place} of workspace {who.get('team_id')}, as {who.get('user_id')}",
    )


def _check_scopes(options: "Options", granted: frozenset[str] | None) -> None:
    """Raise a PreflightError for a scope that the token lacks, where its scopes are known."""
    if granted is None or "bot" in granted:  # an app of old has one that is all
        return
    missing = [" or ".join(each) for each in _needed(options) if granted.isdisjoint(each)]
    if missing:
        told = f"the token lacks the scope {', '.join(missing)}"
        cure = "add it under OAuth & Permissions, and install the app again"
        raise tailrace.PreflightError(f"token: {told}; {cure}")


def _needed(options: "Options") -> list[tuple[str, ...]]:
    """Give the scopes that options need, each with those that do as well."""
    needed: list[tuple[str, ...]] = [("chat:write",)]
    if options.join:
        needed += [("channels:join",), ("channels:read",)]
    if options.email is not None:
        needed += [("users:read.email",), ("im:write",)]
    if options.history:
        needed.append(("channels:history", "groups:history", "im:history", "mpim:history"))
    return needed
