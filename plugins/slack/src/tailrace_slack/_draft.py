"""Drafts: what a message says of its rows, checked before it is sent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

import tailrace
from tailrace_slack._template import ROWS, Text, Values, build, escaped, names_in, spelled

if TYPE_CHECKING:
    from tailrace_slack import Options

MAX_CHARS = 40_000
"""Characters of a text; Slack cuts a longer one and posts it all the same."""
MAX_SECTION = 3_000
"""Characters of a block's text, which is where the rows of a digest with blocks stand."""


@attrs.frozen
class Draft:
    """Say how rows become a message."""

    text: Text | None
    title: str
    blocks: Any
    rows: int
    max_chars: int

    @classmethod
    def of(cls, options: "Options") -> "Draft":
        """Take the draft out of the options."""
        return cls(
            Text(options.text) if options.text else None,
            options.title,
            options.blocks,
            options.rows,
            options.max_chars,
        )

    @property
    def names(self) -> frozenset[str] | None:
        """Give the fields that a message shows; None where it shows all."""
        return None if self.text is None else self.text.names | names_in(self.blocks)

    def compose(self, rows: Sequence[Values], max_chars: int = MAX_CHARS) -> dict[str, Any]:
        """Give the text of a message, and its blocks if it has any.

        Raises RejectedError for one that Slack would refuse, or cut.
        """
        lines = "\n".join(map(self._line, rows))
        text = f"{self.title}\n{lines}" if self.title else lines
        if not text.strip():
            raise tailrace.RejectedError("the message would be empty", reason="no_text")
        most = min(self.max_chars, max_chars)
        if len(text) > most:
            told = f"the message has {len(text):,} characters, and may have {most:,}"
            raise tailrace.RejectedError(told, reason="too_long")
        if self.blocks is None:
            return {"text": text}
        if self.rows == 1:
            return {"text": text, "blocks": build(self.blocks, rows[0])}
        return {"text": text, "blocks": build(self.blocks, Values({}, (ROWS,)), lines)}

    def room(self) -> int:
        """Give the characters that the lines of a digest may have together."""
        most = self.max_chars - len(self.title) - 1
        return max(1, most if self.blocks is None else min(most, MAX_SECTION))

    def weigh(self, row: Mapping[str, Any]) -> int:
        """Give the characters that a row takes in a digest."""
        try:
            return len(self._line(Values(row, row))) + 1
        except tailrace.RejectedError:
            return 0  # writing it will tell, and refuse it alone

    def _line(self, values: Values) -> str:
        if self.text is not None:
            return self.text.fill(values)
        between = "\n" if self.rows == 1 else ", "
        said = (f"{spelled(name)}: {values.text(name)}" for name in values.row)
        return escaped(between.join(said))
