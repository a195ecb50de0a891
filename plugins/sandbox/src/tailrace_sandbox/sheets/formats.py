"""Number formats: how a number looks in its cell."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from tailrace_sandbox.sheets.serial import to_datetime

DEFAULTS = {
    "DATE": "m/d/yyyy",
    "TIME": "h:mm:ss am/pm",
    "DATE_TIME": "m/d/yyyy h:mm:ss",
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "CURRENCY": '"$"#,##0.00',
    "SCIENTIFIC": "0.00E+00",
    "TEXT": "@",
}
TEMPORAL = frozenset({"DATE", "TIME", "DATE_TIME"})
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[(?P<elapsed>h+|m+|s+)\]|(?P<half>am/pm|a/p)'
    r"|(?P<word>y+|m+|d+|h+|s+)|\.(?P<fraction>0+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]+)?|\.[0#?]+")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|[_*].', re.DOTALL)
SIGNIFICANT = 10
WIDEST = 1e15
SMALLEST = 1e-5


def general(value: float) -> str:
    """Show a number without a format, as a cell does that nobody has formatted."""
    if isinstance(value, int) or (math.isfinite(value) and value.is_integer()):
        if abs(value) < WIDEST:
            return str(int(value))
    elif SMALLEST <= abs(value) < WIDEST:
        return f"{value:.{SIGNIFICANT}g}" if abs(value) < 1e10 else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.5E}".partition("E")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}E{exponent}"


def is_temporal(number_format: Mapping[str, Any] | None) -> bool:
    """Tell whether a format shows a date or a time."""
    return number_format is not None and number_format.get("type") in TEMPORAL


def show(value: float, number_format: Mapping[str, Any] | None) -> str:
    """Show a number in a format."""
    if not number_format:
        return general(value)
    kind = number_format.get("type", "")
    pattern = number_format.get("pattern") or DEFAULTS.get(kind, "")
    if kind in TEMPORAL:
        return _show_time(value, pattern)
    if not pattern or pattern == "@":
        return general(value)
    return _show_number(value, pattern)


@lru_cache(maxsize=256)
def _time_tokens(pattern: str) -> tuple[tuple[str, str], ...]:
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(pattern):
        kind = match.lastgroup or "other"
        text = match[kind]
        if kind == "word":
            tokens.append((text[0].lower(), text.lower()))
        else:
            tokens.append((kind, text.lower() if kind in ("elapsed", "half") else text))
    return tuple(_tell_minutes(tokens))


def _tell_minutes(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    words = [
        i
        for i, (kind, _) in enumerate(tokens)
        if kind in ("y", "m", "d", "h", "s") or kind == "elapsed"
    ]
    told = list(tokens)
    for position, i in enumerate(words):
        kind, text = tokens[i]
        if kind != "m" or len(text) > 2:
            if kind == "m":
                told[i] = ("month", text)
            continue
        before = tokens[words[position - 1]] if position else ("", "")
        after = tokens[words[position + 1]] if position + 1 < len(words) else ("", "")
        is_minute = before[0] == "h" or before[1].startswith("h") or after[0] == "s"
        told[i] = ("minute" if is_minute else "month", text)
    return told


def _show_time(value: float, pattern: str) -> str:
    moment = to_datetime(value)
    if moment is None:
        return general(value)
    tokens = _time_tokens(pattern)
    half = any(kind == "half" for kind, _ in tokens)
    if not any(kind == "fraction" for kind, _ in tokens):
        moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    return "".join(_show_token(kind, text, moment, value, half=half) for kind, text in tokens)


def _show_token(kind: str, text: str, moment: datetime, value: float, *, half: bool) -> str:
    padded = len(text) > 1
    match kind:
        case "y":
            return f"{moment.year:04d}" if len(text) > 2 else f"{moment.year % 100:02d}"
        case "month":
            return _name(moment, text, "%B", "%b") or _pad(moment.month, padded)
        case "d":
            return _name(moment, text, "%A", "%a") or _pad(moment.day, padded)
        case "h":
            return _pad((moment.hour + 11) % 12 + 1 if half else moment.hour, padded)
        case "minute":
            return _pad(moment.minute, padded)
        case "s":
            return _pad(moment.second, padded)
        case "fraction":
            return "." + f"{moment.microsecond:06d}"[: len(text)]
        case "half":
            word = "AM" if moment.hour < 12 else "PM"
            return word[: 1 if text == "a/p" else 2]
        case "elapsed":
            unit = {"h": 24, "m": 1440, "s": 86_400}[text[0]]
            return str(math.floor(value * unit + 1e-9)).zfill(len(text))
        case _:
            return text


def _name(moment: datetime, text: str, long: str, short: str) -> str:
    if len(text) < 3:
        return ""
    if len(text) == 5:
        return moment.strftime(long)[0]
    return moment.strftime(short if len(text) == 3 else long)


def _pad(value: int, padded: bool) -> str:
    return f"{value:02d}" if padded else str(value)


def _show_number(value: float, pattern: str) -> str:
    sections = pattern.split(";")
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section, value = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    match = _DIGITS.search(_LITERAL.sub(lambda m: "\0" * len(m[0]), section))
    if match is None:
        return _literal(section)
    before, digits, after = section[: match.start()], match[0], section[match.end() :]
    if "%" in before + after:
        value *= 100
    sign = "-" if value < 0 else ""
    exponent = re.match(r"[Ee]\+?(0+)", after)
    if exponent:
        text = _scientific(abs(value), digits, len(exponent[1]))
        after = after[exponent.end() :]
    else:
        text = _fixed(abs(value), digits)
    return sign + _literal(before) + text + _literal(after)


def _literal(text: str) -> str:
    return _LITERAL.sub(lambda m: m[1] or m[2] or "", text)


def _places(digits: str) -> tuple[int, int]:
    decimals = digits.partition(".")[2]
    return len(decimals.rstrip("#")), len(decimals)


def _fixed(value: float, digits: str) -> str:
    least, most = _places(digits)
    whole = digits.partition(".")[0]
    quantum = Decimal(1).scaleb(-most)
    rounded = (
        Decimal(repr(value)).quantize(quantum, ROUND_HALF_UP) if value < WIDEST else Decimal(value)
    )
    integer, _, decimals = f"{rounded:f}".partition(".")
    while len(decimals) > least and decimals.endswith("0"):
        decimals = decimals[:-1]
    integer = integer.lstrip("0").rjust(whole.replace(",", "").count("0"), "0")
    if "," in whole:
        integer = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", integer)
    return f"{integer}.{decimals}" if decimals else integer


def _scientific(value: float, digits: str, width: int) -> str:
    _, most = _places(digits)
    mantissa, _, exponent = f"{value:.{most}E}".partition("E")
    return f"{mantissa}E{exponent[0]}{exponent[1:].lstrip('0').rjust(width, '0')}"
