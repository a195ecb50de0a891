"""S4: no text becomes a formula, a number or a date; only columns that are named are entered."""

import json

import pytest

from ..destinations.on_sheets import Sheets
from .corpus import FORMULAS, HEADERS, MARKUP, SQL

TEXTS = [*FORMULAS, *MARKUP, *HEADERS, *SQL]


@pytest.fixture
def sheets(sandbox, tmp_path):
    return Sheets(sandbox, tmp_path)


def entered(sheets):
    """Give all that was written in another way than as what it is."""
    seen = [each for each in sheets.sandbox.requests("sheets") if each.method != "GET"]
    return [
        each.path
        for each in seen
        if b"USER_ENTERED" in each.body
        or b"formulaValue" in each.body
        or "USER_ENTERED" in each.target
        or (":append" in each.path and "RAW" not in each.target)
    ]


def cells(sheets, render):
    path = f"/{sheets.options['spreadsheet']}/values/Sheet1?valueRenderOption={render}"
    return sheets.call(path).get("values", [])


@pytest.mark.parametrize("mode", ["append", "insert", "upsert", "mirror", "replace"])
def test_every_text_stays_a_text_in_keys_names_and_values(sheets, mode):
    rows = [{"id": n, "name": text} for n, text in enumerate(TEXTS)]
    report = sheets.run(rows, mode=mode)
    again = sheets.run(rows, mode="upsert", state=False)
    wanted = [["id", "name"], *([n, text] for n, text in enumerate(TEXTS))]

    assert len(TEXTS) == report.delivered
    assert {"skipped": len(TEXTS)} == {"skipped": again.skipped}
    assert [] == entered(sheets)
    for render in ("FORMULA", "UNFORMATTED_VALUE", "FORMATTED_VALUE"):
        assert json.loads(json.dumps(wanted if render != "FORMATTED_VALUE" else texts(wanted))) == (
            cells(sheets, render)
        )


def test_every_text_is_a_key(sheets):
    sheets.key = "name"
    keys = [text for text in dict.fromkeys(TEXTS) if text.strip()]
    report = sheets.run([{"name": text, "id": n} for n, text in enumerate(keys)], mode="upsert")

    assert len(keys) == report.delivered + report.rejected
    assert [] == entered(sheets)
    assert {row[0] for row in cells(sheets, "FORMULA")[1:]} <= set(keys)


def test_a_field_may_be_called_as_a_formula_and_is_none(sheets):
    names = [text for text in FORMULAS[:20] if text.isprintable() and text == text.strip()]
    report = sheets.run([{"id": 1, **dict.fromkeys(names, "x")}], mode="append")

    assert 1 == report.delivered
    assert ["id", *names] == cells(sheets, "FORMULA")[0]


def test_only_a_column_that_is_named_is_entered(sheets):
    rows = [{"id": 1, "name": "=1+1", "sum": "=1+1"}]
    report = sheets.run(rows, mode="append", formulas=["sum"])

    assert 1 == report.delivered
    assert [1, "=1+1", 2] == cells(sheets, "UNFORMATTED_VALUE")[1]
    assert [1, "=1+1", "=1+1"] == cells(sheets, "FORMULA")[1]


def texts(rows):
    return [[str(each) for each in row] for row in rows]
