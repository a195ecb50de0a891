"""SOQL: the part of it that looks records up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from tailrace_sandbox.salesforce.errors import ApiError
from tailrace_sandbox.salesforce.objects import SObject, Values

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>[+-]?\d+(?:\.\d+)?(?![\w:-]))"
    r"|(?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?)"
    r"|(?P<word>[A-Za-z][\w.]*)|(?P<sign><=|>=|!=|<>|[=<>(),]))",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
Test = Callable[[Values], bool]


@attrs.frozen
class Query:
    """Hold a query: which fields of which object, and of which records."""

    fields: tuple[str, ...]
    of: str
    keep: Test
    order: str | None
    limit: int | None


def literal(text: str) -> str:
    """Return the value that a literal in quotes stands for."""
    return re.sub(r"\\(u[0-9A-Fa-f]{4}|.)", _unescaped, text[1:-1], flags=re.DOTALL)


def _unescaped(found: re.Match[str]) -> str:
    what = found[1]
    if len(what) == 5:
        return chr(int(what[1:], 16))
    if what not in "\\'\"" and what not in _ESCAPES:
        raise malformed(f"illegal escape \\{what}")
    return _ESCAPES.get(what, what)


def malformed(why: str) -> ApiError:
    """Return the refusal of a query that is none."""
    return ApiError(400, "MALFORMED_QUERY", why)


def parse(text: str, find: Callable[[str], SObject]) -> Query:
    """Read a query; raises ApiError for what is none."""
    return _Parser(_tokens(text), find).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise malformed(f"unexpected token at column {at}: {text[at : at + 20]!r}")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    return found


@attrs.define
class _Parser:
    tokens: Sequence[tuple[str, str]]
    find: Callable[[str], SObject]
    at: int = 0
    kind: SObject | None = None

    def query(self) -> Query:
        self._want("select")
        fields = [self._next("word")]
        if fields[0].lower() == "count" and self._take("("):
            self._want(")")
            fields = ["COUNT()"]
        while self._take(","):
            fields.append(self._next("word"))
        self._want("from")
        of = self._next("word")
        self.kind = self.find(of)
        names = tuple(self._field(each) for each in fields) if fields != ["COUNT()"] else ()
        keep = self._either() if self._take("where") else lambda _: True
        order, limit = None, None
        if self._take("order"):
            self._want("by")
            order = self._field(self._next("word"))
            self._take("asc")
        if self._take("limit"):
            limit = int(self._next("number"))
        if self.at < len(self.tokens):
            raise malformed(f"unexpected token: {self.tokens[self.at][1]!r}")
        return Query(names, self.kind.name, keep, order, limit)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            inner = self._either()
            self._want(")")
            return inner
        name = self._field(self._next("word"))
        if self._take("in"):
            self._want("(")
            several = [self._value(name)]
            while self._take(","):
                several.append(self._value(name))
            self._want(")")
            wanted = set(several)
            return lambda record: self._folded(name, record.get(name)) in wanted
        sign = self._next("sign")
        value = self._value(name)
        compare = _SIGNS.get(sign)
        if compare is None:
            raise malformed(f"unexpected token: {sign!r}")
        return lambda record: compare(self._folded(name, record.get(name)), value)

    def _value(self, name: str) -> Any:
        kind, token = self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")
        self.at += 1
        if kind == "text":
            return self._folded(name, literal(token))
        if kind == "number":
            return float(token)
        if kind == "moment":
            return token
        if kind == "word" and token.lower() in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[token.lower()]
        raise malformed(f"unexpected token: {token!r}")

    def _folded(self, name: str, value: Any) -> Any:
        assert self.kind is not None
        return self.kind.fields[name].folded(value)

    def _field(self, name: str) -> str:
        assert self.kind is not None
        field = self.kind.field(name)
        if field is None:
            said = f"No such column '{name}' on entity '{self.kind.name}'."
            raise ApiError(400, "INVALID_FIELD", said)
        return field.name

    def _take(self, word: str) -> bool:
        if self.at < len(self.tokens):
            kind, token = self.tokens[self.at]
            if kind in ("word", "sign") and token.lower() == word:
                self.at += 1
                return True
        return False

    def _want(self, word: str) -> None:
        if not self._take(word):
            raise malformed(f"expecting {word!r}")

    def _next(self, kind: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == kind:
            self.at += 1
            return self.tokens[self.at - 1][1]
        raise malformed(f"expecting a {kind}")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: one is not None and other is not None and compare(one, other)


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<>": lambda one, other: bool(one != other),
    "<": _ordered(lambda one, other: one < other),
    ">": _ordered(lambda one, other: one > other),
    "<=": _ordered(lambda one, other: one <= other),
    ">=": _ordered(lambda one, other: one >= other),
}
