"""What pytest is told of the kits: a table at the end, which an author can paste into a README."""

from collections.abc import Generator
from typing import Any

import pytest

_results: dict[str, dict[str, str]] = {}
_ORDER = ("failed", "passed", "exempt", "does not apply")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, Any]:
    """Note what became of a kit's check."""
    report = yield
    kit = getattr(getattr(item, "cls", None), "__tailrace_kit__", None)
    if kit is not None and (report.when == "call" or report.outcome != "passed"):
        checks = _results.setdefault(item.cls.__name__, {})
        name = item.originalname.removeprefix("test_").replace("_", " ")
        result = _result(report)
        checks[name] = min(checks.get(name, result), result, key=_rank)
    return report


def _result(report: Any) -> str:
    if report.outcome != "skipped":
        return str(report.outcome)
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(reason).removeprefix("Skipped: ")


def _rank(result: str) -> int:
    return next((at for at, word in enumerate(_ORDER) if result.startswith(word)), len(_ORDER))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of each kit that ran."""
    for kit, checks in _results.items():
        terminalreporter.write_sep("-", f"{kit}: what was checked")
        terminalreporter.write_line("| check | result |")
        terminalreporter.write_line("|---|---|")
        for name, result in checks.items():
            terminalreporter.write_line(f"| {name} | {result} |")
