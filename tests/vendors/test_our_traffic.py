"""What our Google Sheets plugin sends, and what the twin answers, is what Google describes."""

from datetime import UTC, date, datetime

import pytest

import tailrace
from tailrace_sandbox import Sandbox

ROWS = [
    {"id": n, "name": f"n{n}", "day": date(2026, 1, 1), "seen": datetime(2026, 1, 1, tzinfo=UTC)}
    for n in range(1500)
]


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
def test_every_request_and_answer_fits_the_discovery_document(mode, discovery):
    with Sandbox() as sandbox:
        sandbox.sheets.add("book", "Book")
        options = {"spreadsheet": "book", "base_url": sandbox.url("sheets"), "formulas": ["name"]}
        for rows in (ROWS[:1200], [*ROWS[:5], {"id": 3000, "new": True}, *ROWS[10:]]):
            report = tailrace.run(
                rows,
                "sheets",
                mode=mode,
                key="id" if mode == "upsert" else None,
                options=options,
                limits={"batch_size": 500},
                state=None,
            )
            assert report.ok, report.summary()
        seen = sandbox.requests("sheets")

    assert len(seen) > 5
    assert [problem for each in seen for problem in discovery.check(each)] == []
