"""Queries: a user's text with values bound in it, and where in that text an error lies."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

import tailrace

if TYPE_CHECKING:
    from tailrace_sql._source import Since, SourceOptions

_PARTS = re.compile(
    r"""
    [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
    | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | :: | (?<![\w:]):(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)
_CURSOR = "tailrace_cursor"
"""The name of the parameter that holds the cursor's value."""
_SHOWN = 60
"""Characters of a line that an error shows."""


@attrs.frozen
class Query:
    """Hold a query as texts and names of parameters in turn, and the values of these.

    shift: how much of the first text is not the user's.
    """

    parts: Sequence[str]
    values: Mapping[str, Any] = attrs.field(repr=False)
    text: str
    shift: int = 0

    @classmethod
    def of(cls, text: str, values: Mapping[str, Any]) -> "Query":
        """Find the parameters in a text; what stands in quotes or comments is none."""
        text = text.rstrip("; \t\r\n")
        parts, begin = [], 0
        for found in _PARTS.finditer(text):
            if found["name"] in values:
                parts += [text[begin : found.start()], found["name"]]
                begin = found.end()
        unused = sorted(set(values) - set(parts[1::2]))
        problems = [
            tailrace.Problem(f"parameters.{each}", f"the query has no :{each}") for each in unused
        ]
        if _CURSOR in values:
            problems.append(tailrace.Problem(f"parameters.{_CURSOR}", "the name is taken"))
        if problems:
            raise tailrace.ConfigError(*problems)
        return cls([*parts, text[begin:]], values, text)

    def since(self, column: str, value: Any) -> "Query":
        """Give what has a value from there on in a column, whose name is quoted."""
        head, *rest = self.parts
        begin = "SELECT * FROM (\n"
        parts = [begin + head, *rest]
        parts[-1] += f"\n) AS tailrace_rows WHERE {column} >= "
        values = {**self.values, _CURSOR: value}
        return attrs.evolve(self, parts=[*parts, _CURSOR, ""], values=values, shift=len(begin))

    def spelled(
        self, mark: Callable[[str], str], escape: Callable[[str], str] = lambda text: text
    ) -> str:
        """Write it out, with a mark for each parameter."""
        return "".join(
            mark(part) if place % 2 else escape(part) for place, part in enumerate(self.parts)
        )

    @property
    def numbered(self) -> str:
        """Write it as PostgreSQL sees it, with $1 and so on."""
        names = list(dict.fromkeys(self.parts[1::2]))
        return self.spelled(lambda name: f"${names.index(name) + 1}")

    def place(self, position: int) -> str:
        """Say where a position of `numbered`, from 1, lies in the user's text."""
        names = list(dict.fromkeys(self.parts[1::2]))
        left, own = position - 1, -self.shift
        for at, part in enumerate(self.parts):
            length = len(f"${names.index(part) + 1}") if at % 2 else len(part)
            if left < length:
                own += 0 if at % 2 else left
                break
            left -= length
            own += len(part) + at % 2  # with the colon
        if not 0 <= own <= len(self.text):
            return ""
        line = self.text.count("\n", 0, own) + 1
        begin = self.text.rfind("\n", 0, own) + 1
        shown = self.text[begin:].split("\n", 1)[0][:_SHOWN]
        return f" (line {line}, column {own - begin + 1} of the query: {shown})"


def quoted(name: str) -> str:
    """Quote a name as most databases want it."""
    return '"' + name.replace('"', '""') + '"'


def query_of(
    options: "SourceOptions", since: "Since | None" = None, quote: Callable[[str], str] = quoted
) -> Query:
    """Give the query that options mean, from the cursor on."""
    if options.table is not None:
        names = [each for each in (options.schema, options.table) if each is not None]
        query = Query.of(f"SELECT * FROM {'.'.join(map(quote, names))}", {})  # noqa: S608  # quoted
    else:
        given = {
            name: value.reveal() if isinstance(value, tailrace.Secret) else value
            for name, value in options.parameters.items()
        }
        query = Query.of(options.query or "", given)
    if since is not None and since.value is not None:
        return query.since(quote(since.field), since.value)
    return query
