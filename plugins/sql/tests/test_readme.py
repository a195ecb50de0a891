"""The README says what the code does."""

import re
from pathlib import Path

import tailrace
from tailrace.options import definitions
from tailrace_sql import Options, SourceOptions, tailrace_destination

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def section(title):
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_options_is_the_options():
    shown = re.findall(
        r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", section("Options"), re.MULTILINE
    )
    wanted = [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`" if each.default else "",
            each.help,
        )
        for each in definitions(Options)
    ]

    assert wanted == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_modes_are_the_specs():
    named = re.findall(r"^\| `(\w+)` \|", section("Modes"), re.MULTILINE)

    assert {str(mode) for mode in tailrace_destination(None).modes} == set(named)


def test_the_delivery_classes_are_the_specs():
    lines = re.findall(r"^\| (`.*?`) \| `(\w+)` \|", section("What a repeat does"), re.MULTILINE)
    told = {name: each for names, each in lines for name in re.findall(r"`(\w+)`", names)}

    assert {str(k): v for k, v in tailrace_destination(None).delivery.items()} == told


def test_the_limits_are_the_specs():
    spec = tailrace_destination(None)

    assert f"{spec.batch_size:,} rows or {spec.max_bytes // 1_000_000} MB" in TEXT
    assert f"{spec.max_in_flight} transactions" in TEXT


def test_the_table_of_source_options_is_the_options():
    shown = re.findall(
        r"^\| `(\w+)` \| (.*?) \|(.*?)\| (.*?) \|$", section("Source options"), re.MULTILINE
    )
    wanted = [
        (
            each.name,
            each.type_name,
            "needed" if each.required else f"`{each.default}`".lower() if each.default else "",
            each.help,
        )
        for each in definitions(SourceOptions)
    ]

    assert wanted == [(a, b, c.strip(), d) for a, b, c, d in shown]


def test_the_example_from_one_warehouse_into_another_runs(postgres, duck, tmp_path, monkeypatch):
    text = re.search(r"<!-- example: warehouse.toml.*?```toml\n(.*?)```", TEXT, re.DOTALL)[1]
    project = tmp_path / "tailrace.toml"
    project.write_text(f"state = '{tmp_path / 'state'}'\n{text}")
    monkeypatch.setenv("WAREHOUSE_URL", postgres.url)
    monkeypatch.setenv("REPORTS_URL", duck.url)
    postgres.do(
        "CREATE TABLE customers (id INTEGER, name TEXT, balance NUMERIC(9, 2), seen TIMESTAMPTZ,"
        " country TEXT)",
        "INSERT INTO customers VALUES (1, 'Åsa', 12.5, '2026-01-01 00:00+02', 'NO'),"
        " (2, 'Bo', 9, NULL, 'NO'), (3, 'Cy', 99, NULL, 'SE')",
    )
    (sync,) = tailrace.load(project)
    first = sync.run()
    postgres.do("DELETE FROM customers WHERE id = 1", "UPDATE customers SET balance = 10")
    second = sync.run()

    assert (0, 1) == (first.exit_code, first.delivered), first.problem
    assert (1, 1) == (second.delivered - second.removed, second.removed), second.problem
    assert [(2, "Bo")] == duck.do("SELECT id, name FROM customers")
