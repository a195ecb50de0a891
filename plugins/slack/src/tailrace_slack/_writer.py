"""The writer of channels: rows become messages, and changed rows change them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

import tailrace
from tailrace_slack._api import Api
from tailrace_slack._draft import MAX_CHARS, Draft
from tailrace_slack._history import History, row_marks
from tailrace_slack._places import STILL, Places, was_cut
from tailrace_slack._template import Values

MAX_UPDATED = 4_000
"""Characters of a text that takes the place of another."""


@attrs.frozen
class Messages:
    """Write to the channels of a workspace; a `remote_id` is `channel:ts`."""

    api: Api
    draft: Draft
    places: Places
    history: History | None
    strikes: bool
    identity: str

    def write(self, batch: tailrace.Batch) -> Sequence[tailrace.Outcome]:
        """Send one message for the rows of a batch, or take messages away."""
        if batch.action == "delete":
            return [self._gone(batch, record) for record in batch]
        if self.draft.rows == 1:
            return [self._kept(batch, record) for record in batch]
        rows = [Values(record.values, batch.schema) for record in batch]
        remote_id = self._post(batch.id, None, rows)
        return [batch.outcome(record, remote_id=remote_id) for record in batch]

    def moves(self, record: Any) -> bool:
        """Tell whether a changed record belongs somewhere else, where no message can be moved."""
        return bool(record.changed) and not record.changed.isdisjoint(self.places.names)

    def _kept(self, batch: tailrace.Batch, record: Any) -> tailrace.Outcome:
        """Make a record's message what it should be."""
        values = Values(record.values, batch.schema)
        if record.remote_id is not None:
            if batch.action == "update" or not self.moves(record):
                done = self._change(batch, record, values)
                if done is not None:
                    return done
            elif batch.action != "update":
                self.draft.compose([values])  # or a message would go for one that is refused
                self.places.delete(*_split(record.remote_id))
        if batch.action == "update":
            told = "there is no message of it to change"
            return batch.outcome(record, skipped=told, reason="not_found")
        return batch.outcome(record, remote_id=self._post(batch.id, record.key, [values]))

    def _change(
        self, batch: tailrace.Batch, record: Any, values: Values
    ) -> tailrace.Outcome | None:
        """Change a record's message; None if there is none any more."""
        names = self.draft.names
        if names is not None and record.changed and record.changed.isdisjoint(names):
            return batch.outcome(record, remote_id=record.remote_id)  # it says nothing of these
        channel, ts = _split(record.remote_id)
        said = {"blocks": [], **self.draft.compose([values], MAX_UPDATED)}
        try:
            answer = self._update(channel, ts, {**said, **self._marks(batch.id, record.key)})
        except tailrace.UnansweredError as error:
            # Made again by the next run, at the latest: it does no harm when it is made twice.
            return batch.outcome(record, failed=str(error), remote_id=record.remote_id)
        if not answer["ok"]:
            return None
        if was_cut(answer):
            told = "Slack cut the message"
            raise tailrace.RejectedError(told, reason="message_truncated")
        return batch.outcome(record, remote_id=record.remote_id)

    def _post(self, batch_id: str, key: Any, rows: Sequence[Values]) -> str:
        said = self.draft.compose(rows, MAX_CHARS)
        channel, title = self.places.channel_of(rows[0]), self.places.title_of(rows[0])
        where = {} if title is None else {"thread_ts": self.places.head(channel, title)}
        marks = self._marks(batch_id, key)
        return ":".join(self.places.post(channel, {**said, **where, **marks}))

    def _gone(self, batch: tailrace.Batch, record: Any) -> tailrace.Outcome:
        """Take away the message of a record that the source no longer has."""
        told = "its message was not there"
        if record.remote_id is None:
            return batch.outcome(record, skipped=told, reason="not_found")
        channel, ts = _split(record.remote_id)
        there = self._strike(channel, ts) if self.strikes else self.places.delete(channel, ts)
        return batch.outcome(record, skipped=None if there else told, reason="not_found")

    def _strike(self, channel: str, ts: str) -> bool:
        """Strike a message through; tell whether it was there."""
        assert self.history is not None  # or the options were refused
        text = self.history.text(channel, ts)
        if text is None:
            return False
        struck = "\n".join(map(_struck, text.split("\n")))
        if struck == text:
            return True
        if len(struck) > MAX_UPDATED:
            told = f"struck through it has {len(struck):,} characters, and may have {MAX_UPDATED:,}"
            raise tailrace.RejectedError(told, reason="too_long")
        return bool(self._update(channel, ts, {"text": struck, "blocks": []})["ok"])

    def _update(self, channel: str, ts: str, message: Mapping[str, Any]) -> dict[str, Any]:
        still = {name: STILL[name] for name in ("link_names", "parse")}
        given = {"channel": channel, "ts": ts, **message, **still}
        return self.api.write("chat.update", given, again=True, expected=("message_not_found",))

    def _marks(self, batch_id: str, key: Any) -> dict[str, Any]:
        return {} if self.history is None else {"metadata": row_marks(batch_id, key)}


def _split(remote_id: str) -> tuple[str, str]:
    channel, _, ts = remote_id.partition(":")
    return channel, ts


def _struck(line: str) -> str:
    if not line.strip() or (line.startswith("~") and line.endswith("~")):
        return line
    return f"~{line.strip()}~"
