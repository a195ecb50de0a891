"""What formulas come to: arithmetic, references and a few functions; nothing else is run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import attrs

from tailrace_sandbox.sheets.a1 import Area
from tailrace_sandbox.sheets.cells import Cell, Content, Row, number
from tailrace_sandbox.sheets.formats import general
from tailrace_sandbox.sheets.formulas import Call, Constant, Node, Reference, parse
from tailrace_sandbox.sheets.grid import Grid

MAX_DEPTH = 100


@attrs.frozen
class CellError:
    """Hold the error that a formula comes to."""

    type: str
    text: str
    message: str


Value = str | int | float | bool | None | CellError

BROKEN = CellError("ERROR", "#ERROR!", "Formula parse error.")
DIVISION = CellError("DIVIDE_BY_ZERO", "#DIV/0!", "Function DIVIDE parameter 2 cannot be zero.")
CIRCLE = CellError(
    "REF",
    "#REF!",
    "Circular dependency detected. To resolve with iterative calculation, see File > Settings.",
)
TOO_BIG = CellError("NUM", "#NUM!", "The number is too big.")


class Tab(Protocol):
    """Say what evaluation needs to know of a tab."""

    @property
    def id(self) -> int: ...

    @property
    def grid(self) -> Grid: ...


class _Failure(Exception):  # noqa: N818 - carries a value, reports nothing
    def __init__(self, error: CellError) -> None:
        super().__init__(error.text)
        self.error = error


class Evaluator:
    """Compute formulas, each cell once; one evaluator lives as long as one request."""

    def __init__(self, find: Callable[[str], Tab | None]) -> None:
        self._find = find
        self._known: dict[tuple[int, int, int], Value] = {}
        self._open: set[tuple[int, int, int]] = set()

    def value(self, tab: Tab, row: int, column: int, content: Content) -> Value:
        """Return what a cell comes to."""
        if not isinstance(content, Cell):
            return content
        if content.formula is None:
            return content.value
        place = (tab.id, row, column)
        if place in self._known:
            return self._known[place]
        if place in self._open or len(self._open) > MAX_DEPTH:
            return CIRCLE
        self._open.add(place)
        try:
            found = self._formula(tab, content.formula)
        finally:
            self._open.discard(place)
        self._known[place] = found
        return found

    def _formula(self, tab: Tab, formula: str) -> Value:
        try:
            found = self._node(parse(formula), tab)
        except _Failure as failure:
            return failure.error
        except (ValueError, RecursionError):
            return BROKEN
        except OverflowError:
            return TOO_BIG
        if isinstance(found, float) and not math.isfinite(found):
            return TOO_BIG
        return number(found) if isinstance(found, float) else found

    def _node(self, node: Node, tab: Tab) -> Value:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Reference):
            if not node.single:
                raise _wrong("An array value could not be found.")
            return next(iter(self._cells(node, tab)), None)
        if node.name in _OPERATORS:
            return _OPERATORS[node.name](*(self._checked(part, tab) for part in node.arguments))
        if node.name == "IF":
            return self._branch(node, tab)
        if node.name in _FUNCTIONS:
            return _FUNCTIONS[node.name](list(self._flat(node, tab)))
        raise _Failure(
            CellError("NAME", "#NAME?", f"Unknown function: '{node.name}' (to the sandbox).")
        )

    def _checked(self, node: Node, tab: Tab) -> Value:
        found = self._node(node, tab)
        if isinstance(found, CellError):
            raise _Failure(found)
        return found

    def _branch(self, node: Call, tab: Tab) -> Value:
        if not 2 <= len(node.arguments) <= 3:
            raise _wrong("Wrong number of arguments to IF.")
        if _double(self._checked(node.arguments[0], tab)):
            return self._node(node.arguments[1], tab)
        return self._node(node.arguments[2], tab) if len(node.arguments) > 2 else False

    def _flat(self, node: Call, tab: Tab) -> Iterator[Value]:
        for part in node.arguments:
            cells = (
                self._cells(part, tab) if isinstance(part, Reference) else [self._node(part, tab)]
            )
            for found in cells:
                if isinstance(found, CellError):
                    raise _Failure(found)
                yield found

    def _cells(self, reference: Reference, tab: Tab) -> Iterator[Value]:
        if reference.title is not None:
            other = self._find(reference.title)
            if other is None:
                message = f"Unresolved sheet name '{reference.title}'."
                raise _Failure(CellError("REF", "#REF!", message))
            tab = other
        area = reference.area
        rows: Iterator[Row] = tab.grid.slices(Area(area.top, area.bottom, area.left, area.right))
        for down, cells in enumerate(rows):
            for across, content in enumerate(cells):
                yield self.value(tab, area.top + down, area.left + across, content)


def _wrong(message: str) -> _Failure:
    return _Failure(CellError("VALUE", "#VALUE!", message))


def _double(value: Value) -> float:
    if value is None:
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        raise _wrong(f"Function expects number values, but '{value}' is a text.") from None


def as_text(value: Value) -> str:
    """Return a value as text, the way a cell without a format shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, CellError):
        return value.text
    return general(value) if isinstance(value, (int, float)) else value


def _divide(left: Value, right: Value) -> Value:
    divisor = _double(right)
    if divisor == 0:
        raise _Failure(DIVISION)
    return _double(left) / divisor


def _power(left: Value, right: Value) -> Value:
    found = _double(left) ** _double(right)
    if isinstance(found, complex):
        raise _Failure(CellError("NUM", "#NUM!", "The power of a negative number is no number."))
    return float(found)


def _order(value: Value) -> tuple[int, float | str]:
    if isinstance(value, str):
        return 1, value.casefold()
    if isinstance(value, bool):
        return 2, float(value)
    return 0, _double(value)


def _numbers(values: list[Value]) -> list[float]:
    return [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]


def _average(values: list[Value]) -> Value:
    found = _numbers(values)
    if not found:
        raise _Failure(DIVISION)
    return math.fsum(found) / len(found)


def _round(values: list[Value]) -> Value:
    places = int(_double(values[1])) if len(values) > 1 else 0
    scaled = abs(_double(values[0])) * 10**places
    return math.copysign(math.floor(scaled + 0.5) / 10**places, _double(values[0]))


def _first(values: list[Value]) -> Value:
    if not values:
        raise _wrong("Wrong number of arguments.")
    return values[0]


_OPERATORS: dict[str, Callable[..., Value]] = {
    "+": lambda a, b: _double(a) + _double(b),
    "-": lambda a, b: _double(a) - _double(b),
    "*": lambda a, b: _double(a) * _double(b),
    "/": _divide,
    "^": _power,
    "&": lambda a, b: as_text(a) + as_text(b),
    "%": lambda a: _double(a) / 100,
    "negate": lambda a: -_double(a),
    "=": lambda a, b: _order(a) == _order(b),
    "<>": lambda a, b: _order(a) != _order(b),
    "<": lambda a, b: _order(a) < _order(b),
    ">": lambda a, b: _order(a) > _order(b),
    "<=": lambda a, b: _order(a) <= _order(b),
    ">=": lambda a, b: _order(a) >= _order(b),
}
_FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "SUM": lambda values: math.fsum(_numbers(values)),
    "AVERAGE": _average,
    "MIN": lambda values: min(_numbers(values), default=0.0),
    "MAX": lambda values: max(_numbers(values), default=0.0),
    "COUNT": lambda values: float(len(_numbers(values))),
    "COUNTA": lambda values: float(sum(value is not None for value in values)),
    "ABS": lambda values: abs(_double(_first(values))),
    "ROUND": _round,
    "CONCATENATE": lambda values: "".join(map(as_text, values)),
    "LEN": lambda values: float(len(as_text(_first(values)))),
    "UPPER": lambda values: as_text(_first(values)).upper(),
    "LOWER": lambda values: as_text(_first(values)).lower(),
    "HYPERLINK": lambda values: as_text(values[-1]) if values else "",
}
