"""The results as Markdown: one table a scenario, and one of what was to be reached."""

import re

import results as measured
from scenarios import SCENARIOS

SPAN = re.compile(r"(<!-- results -->\n).*?(\n<!-- end of results -->)", re.DOTALL)
CURVES = {
    "rows": ("rows", "small rows into a no-op, batches of 100"),
    "in flight": ("in flight", "batches of 100 at 100 ms, `max_in_flight` told"),
    "latency": ("ms", "batches of 100, no setting given; the loop has 200 threads"),
}


def number(value, digits=3):
    """Show a number with so many digits that matter."""
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    shown = f"{value:.{digits}g}"
    return f"{float(shown):g}" if "e" in shown else shown


def times(value, of):
    return f"{value / of:.2f}" if value is not None and of else ""


def row(name, entry, us, limit, ideal, served):
    if "missing" in entry:
        return f"| {name} | {entry['missing']} |" + " |" * (6 + 6 * served)
    about = "≈ " if entry.get("scaled") else ""
    over = "> " if "bound" in entry else ""
    best = limit.get("wall")
    compared, seconds = (entry["run"], ideal) if ideal else (entry["wall"], best)
    cells = [
        name,
        f"{over}{about}{number(entry['wall'])}",
        times(entry["wall"], us.get("wall")),
        times(compared, seconds),
        f"{about}{number(entry['cpu'])}",
        times(entry["cpu"], us.get("cpu")),
        times(entry["cpu"], limit.get("cpu")),
        number(entry["memory"]),
    ]
    if served:
        cells += [
            number(int(entry[each])) if each in entry else ""
            for each in ("rows", "requests", "throttled", "stored", "lost", "doubled")
        ]
    return f"| {' | '.join(cells)} |"


def scenario_table(scenario, result):
    entries = result["contenders"]
    served = scenario.service == "collector"
    us, limit = entries.get(scenario.us, {}), entries.get(scenario.limit, {})
    ideal = scenario.ideal(result["rows"]) if scenario.ideal else None
    head = ["", "wall s", "of us", "of limit", "CPU s", "of us", "of limit", "peak MB"]
    if served:
        head += ["rows", "requests", "429s", "stored", "lost", "doubled"]
    runs = max((each.get("runs", 0) for each in entries.values()), default=0)
    limited = f"the limit is {number(ideal)} s for the run" if ideal else f"limit: {scenario.limit}"
    lines = [
        f"#### {scenario.title}",
        "",
        f"{result['rows']:,} rows, {runs} run{'s' * (runs != 1)}, {result['date']}; us: {scenario.us}; {limited}.",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *(row(name, entry, us, limit, ideal, served) for name, entry in entries.items()),
    ]
    said = [
        f"- {name}: {text}"
        for name, entry in entries.items()
        if (text := remark(scenario, name, entry))
    ]
    return "\n".join([*lines, *(["", *said] if said else [])])


def remark(scenario, name, entry):
    """Say what a row of numbers does not."""
    parts = []
    if entry.get("scaled"):
        parts.append(f"ran {entry['rows']:,} rows; times are scaled")
    if "bound" in entry:
        parts.append(f"stopped after {entry['bound']:g} s")
    if "ended" in entry:
        parts.append(entry["ended"])
    if entry.get("named"):
        parts.append(f"refused {entry['named']:,} poisoned rows by name")
    if entry.get("exit"):
        parts.append(f"exit code {entry['exit']}")
    if "implied by 2 MB" in entry:
        parts.append(f"{entry['implied by 2 MB']} requests are implied by 2 MB each")
    return "; ".join(parts)


def shown_goal(goal, value):
    if value is None:
        return "not measured"
    if goal.than:
        return f"{value:.3f}"
    if "share" in goal.figure:
        return f"{value:.2%}"
    if goal.per_batch:
        return f"{value * 1000:.3f} ms"
    unit = {"wall": " s", "run": " s", "cpu": " s", "memory": " MB", "rate": "/s"}
    return number(value) + unit.get(goal.figure, "")


def goals_table(results):
    lines = ["| scenario | rows | to be reached | measured | reached |", "|---|---|---|---|---|"]
    for scenario in SCENARIOS:
        result = results["scenarios"].get(scenario.name)
        for goal in scenario.goals if result else ():
            value, good = measured.reached(goal, scenario, result)
            verdict = "yes" if good else "no"
            cells = (f"{result['rows']:,}", goal.says, shown_goal(goal, value), verdict)
            lines.append(f"| {scenario.title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def curve_table(name, points):
    axis, title = CURVES[name]
    columns = ("ours wall", "hand wall", "ours cpu", "hand cpu", "ours memory")
    lines = [
        f"#### Curve: {title}",
        "",
        f"| {axis} | tailrace, wall s | hand | tailrace, CPU s | hand | tailrace, peak MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {point['at']:,} | " + " | ".join(number(point.get(c)) for c in columns) + " |"
        for point in points
    ]
    return "\n".join(lines)


def whole(results):
    """Give everything that stands between the README's two marks."""
    world = results.get("world", {})
    versions = ", ".join(f"{name} {version}" for name, version in world.get("versions", {}).items())
    parts = [f"{world.get('machine', '')}; {versions}.", goals_table(results)]
    for scenario in SCENARIOS:
        if result := results["scenarios"].get(scenario.name):
            parts.append(scenario_table(scenario, result))
    parts += [curve_table(n, results["curves"][n]) for n in CURVES if n in results["curves"]]
    return "\n\n".join(parts)


def put_into(document, results):
    """Give a document with its results as they are now."""
    return SPAN.sub(lambda found: f"{found[1]}\n{whole(results)}\n{found[2]}", document)
