"""Formulas: read them, move their references, find out which text is one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

import attrs

from tailrace_sandbox.sheets import a1

MAX_NESTING = 64
_SHEET = r"(?:(?P<title>'(?:[^']|'')+'|[A-Za-z_][A-Za-z0-9_.]*)!)?"
_REF = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)(?![A-Za-z:])"
    rf'|(?P<string>"(?:[^"]|"")*")'
    rf"|(?P<ref>{_SHEET}(?P<cells>{_REF}:{_REF}|{_REF}:[A-Za-z]{{1,3}}|{_REF}|[A-Za-z]{{1,3}}:[A-Za-z]{{1,3}}|\d+:\d+))(?![A-Za-z0-9_(])"
    rf"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"
    rf"|(?P<operator><=|>=|<>|[-+*/^&=<>%(),;]))"
)
_BINARY = {
    "=": 1,
    "<>": 1,
    "<": 1,
    ">": 1,
    "<=": 1,
    ">=": 1,
    "&": 2,
    "+": 3,
    "-": 3,
    "*": 4,
    "/": 4,
    "^": 6,
}
_UNARY = 5


@attrs.frozen
class Constant:
    """Hold a number, a text or a boolean that stands in a formula."""

    value: str | float | bool


@attrs.frozen
class Reference:
    """Hold the cells that a formula names; a tab's title only where it is written."""

    title: str | None
    area: a1.Area

    @property
    def single(self) -> bool:
        return self.area.height == 1 and self.area.width == 1


@attrs.frozen
class Call:
    """Hold a function or an operator with what it is applied to."""

    name: str
    arguments: tuple[Node, ...]


Node = Constant | Reference | Call


class _Parser:
    """Read one formula by precedence climbing."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._expression(0)
        if self._at < len(self._tokens):
            _refuse()
        return node

    def _peek(self) -> str:
        if self._at < len(self._tokens):
            kind, text, _ = self._tokens[self._at]
            return text if kind == "operator" else ""
        return ""

    def _take(self, text: str) -> None:
        if self._peek() != text:
            _refuse()
        self._at += 1

    def _expression(self, floor: int) -> Node:
        self._depth += 1
        if self._depth > MAX_NESTING:
            _refuse()
        left = self._operand()
        while True:
            operator = self._peek()
            if operator == "%":
                self._at += 1
                left = Call("%", (left,))
                continue
            level = _BINARY.get(operator, 0)
            if level <= floor:
                break
            self._at += 1
            left = Call(operator, (left, self._expression(level)))
        self._depth -= 1
        return left

    def _operand(self) -> Node:
        operator = self._peek()
        if operator in ("-", "+"):
            self._at += 1
            inner = self._expression(_UNARY)
            return Call("negate", (inner,)) if operator == "-" else inner
        if operator == "(":
            self._at += 1
            inner = self._expression(0)
            self._take(")")
            return inner
        if self._at >= len(self._tokens):
            _refuse()
        kind, text, title = self._tokens[self._at]
        self._at += 1
        return self._atom(kind, text, title)

    def _atom(self, kind: str, text: str, title: str | None) -> Node:
        if kind == "number":
            return Constant(float(text))
        if kind == "string":
            return Constant(text[1:-1].replace('""', '"'))
        if kind == "ref":
            cells = a1.area(text)
            if cells is None:
                _refuse()
            return Reference(title, cells)
        if kind == "name" and self._peek() == "(":
            return Call(text.upper(), self._arguments())
        if kind == "name" and text.upper() in ("TRUE", "FALSE"):
            return Constant(text.upper() == "TRUE")
        if kind == "name":
            return Call("name", (Constant(text),))
        return _refuse()

    def _arguments(self) -> tuple[Node, ...]:
        self._take("(")
        found: list[Node] = []
        if self._peek() != ")":
            found.append(self._expression(0))
            while self._peek() in (",", ";"):
                self._at += 1
                found.append(self._expression(0))
        self._take(")")
        return tuple(found)


def _refuse() -> NoReturn:
    raise ValueError("Formula parse error.")


def _tokens(text: str) -> list[tuple[str, str, str | None]]:
    tokens: list[tuple[str, str, str | None]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            _refuse()
        at = match.end()
        if match["ref"]:
            title = match["title"]
            if title and title.startswith("'"):
                title = title[1:-1].replace("''", "'")
            tokens.append(("ref", match["cells"], title))
        else:
            kind = match.lastgroup or ""
            tokens.append((kind, match[kind], None))
    return tokens


@lru_cache(maxsize=4096)
def parse(formula: str) -> Node:
    """Read a formula, with its equals sign; raises ValueError when it is none."""
    return _Parser(formula[1:]).parse()


def looks_like_formula(text: str) -> bool:
    """Tell whether typed text is taken for a formula."""
    if text.startswith("="):
        return len(text) > 1
    if text[:1] not in ("+", "-") or _is_number(text):
        return False
    try:
        parse("=" + text)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]\s*\$?\s*[\d,]*\.?\d*(?:[eE][-+]?\d+)?\s*%?\s*", text) is not None


_SHIFTED = re.compile(
    r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')+\'!'
    r"|(?<![A-Za-z0-9_.])(\$?)([A-Za-z]{1,3})(\$?)([1-9][0-9]*)(?![A-Za-z0-9_(!])"
)


def shift(formula: str, rows: int, columns: int) -> str:
    """Return a formula as it reads after it was copied so many cells down and to the right."""

    def moved(match: re.Match[str]) -> str:
        if match[4] is None:
            return match[0]
        row = int(match[4]) + (0 if match[3] else rows)
        column = a1.column(match[2]) + (0 if match[1] else columns)
        if row < 1 or not 0 <= column < a1.MAX_COLUMNS:
            return "#REF!"
        return f"{match[1]}{a1.letters(column)}{match[3]}{row}"

    return _SHIFTED.sub(moved, formula) if rows or columns else formula
