"""A report as people read it."""

from tailrace._engine.report import EXIT_CODES, Report
from tailrace.text import plain

_SHOWN = 20


def summary(report: Report) -> str:
    """Give a line of counts, and below it what a person should look at."""
    counts = [
        f"{getattr(report, name):,} {name.replace('_', ' ')}"
        for name in ("delivered", "skipped", "rejected", "failed", "in_doubt")
        if getattr(report, name) or name == "delivered"
    ]
    mark = "ok" if report.ok else f"exit {report.exit_code}"
    cost = [f"{report.seconds:.1f} s", f"{report.requests:,} requests"]
    cost += [f"{report.throttled:,} times slowed down"] if report.throttled else []
    cost += [f"{report.retries:,} sent again"] if report.retries else []
    lines = [
        f"{report.sync}: {mark}: {report.read:,} read, {', '.join(counts)} ({', '.join(cost)})"
    ]
    if not report.ok:
        lines.append(f"  {EXIT_CODES[report.exit_code]}")
    if report.problem:
        lines += [f"  {line}" for line in report.problem.splitlines()]
    lines += [f"  warning: {warning}" for warning in report.warnings]
    for key, reason, message in report.rejections[:_SHOWN]:
        name = "" if key is None else f" {plain(str(key), 60)}"
        lines.append(f"  rejected{name}: {plain(message, 300)} [{reason}]")
    if len(report.rejections) > _SHOWN:
        lines.append(f"  ... and {len(report.rejections) - _SHOWN:,} more")
    return "\n".join(lines)
