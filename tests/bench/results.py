"""What was measured, from the runs of a contender to the figures that tables and charts show."""

import json
import statistics
from pathlib import Path

PATH = Path(__file__).parent / "results.json"
SERVED = ("requests", "throttled", "stored", "lookups", "in_flight", "rate")
WORST = ("lost", "doubled", "uncalled")


def load(path=PATH):
    return json.loads(path.read_text()) if path.exists() else {"scenarios": {}, "curves": {}}


def save(results, path=PATH):
    path.write_text(json.dumps(results, indent=1) + "\n")


def rounded(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


def settle(runs, whole):
    """Put a contender's runs together: medians, but the worst of what was lost or doubled.

    whole: the rows of the scenario. What ran fewer is scaled, without the time before its run.
    """
    times = whole / runs[0]["rows"]

    def wall(each):
        run = each.get("run", each["wall"])
        return each["wall"] + run * (times - 1)

    def run_cpu(each):
        return (each["cpu"] - each.get("before", 0.0)) * times

    def cpu(each):
        return each.get("before", 0.0) + run_cpu(each)

    middle = statistics.median
    found = {
        "rows": runs[0]["rows"],
        "runs": len(runs),
        "wall": middle(wall(each) for each in runs),
        "cpu": middle(cpu(each) for each in runs),
        "run cpu": middle(run_cpu(each) for each in runs),
        "run": middle(each.get("run", each["wall"]) * times for each in runs),
        "memory": middle(each["memory"] for each in runs),
        "least": min(wall(each) for each in runs),
        "most": max(wall(each) for each in runs),
    }
    served = [each["service"] for each in runs if "service" in each]
    if served:
        found |= {name: middle(each[name] for each in served) for name in SERVED}
        found |= {name: max(each[name] for each in served) for name in WORST}
    for name in ("bound", "ended"):
        said = [each[name] for each in runs if name in each]
        found |= {name: said[-1]} if said else {}
    if "named" in runs[0]:
        found["named"] = min(each["named"] for each in runs)
    told = runs[-1].get("told", {})
    found |= {name: told[name] for name in ("exit", "imported", "implied by 2 MB") if name in told}
    return {name: rounded(value) for name, value in found.items()}


def figure(entry, name):
    """Give a figure by its name; None where there is none."""
    if name == "throttled share":
        return entry["throttled"] / max(entry["requests"], 1)
    if name == "named share":
        return entry.get("named", 0) / max(entry["rows"] // 1000, 1)
    if name == "wrong":
        return sum(entry[each] for each in WORST)
    if name == "imported":
        return len(entry.get("imported", []))
    return entry.get(name)


def reached(goal, scenario, result):
    """Give what a goal's figure came to (None: nobody measured it), and whether that will do."""
    entries = {
        name: entry
        for name, entry in result["contenders"].items()
        if not {"missing", "ended", "bound"} & entry.keys()
    }
    if {goal.of, goal.less, goal.than} - {None, "ideal", *entries}:
        return None, False
    entry = entries[goal.of]
    less = figure(entries[goal.less], goal.figure) if goal.less else 0.0
    value = figure(entry, goal.figure) - less
    if goal.than == "ideal":
        value /= scenario.ideal(entry["rows"])
    elif goal.than:
        value /= figure(entries[goal.than], goal.figure) - less
    if goal.per_batch:
        value /= entry["rows"] / scenario.batch
    low = goal.at_least is None or value >= goal.at_least
    return value, low and (goal.at_most is None or value <= goal.at_most)
