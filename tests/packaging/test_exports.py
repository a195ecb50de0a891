"""What `import tailrace` offers, and what it costs."""

import subprocess
import sys

import pytest

import tailrace

FIXED = [
    "run",
    "run_all",
    "serve",
    "load",
    "Sync",
    "Report",
    "destination",
    "source",
    "hookimpl",
    "DestinationSpec",
    "SourceSpec",
    "Batch",
    "Schema",
    "Field",
    "Outcome",
    "Secret",
    "Http",
    "Rate",
    "option",
    "RetryableError",
    "RejectedError",
    "FatalError",
]

HEAVY = [
    "duckdb",
    "pyarrow",
    "pandas",
    "polars",
    "numpy",
    "googleapiclient",
    "google",
    "httplib2",
    "rich",
    "click",
    "urllib3",
    "orjson",
    "cattrs",
    "tailrace_sheets",
    "tailrace_sandbox",
]


def _modules_after(code: str) -> set[str]:
    told = f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_exports_are_sorted_and_all_there():
    assert sorted(tailrace.__all__) == list(tailrace.__all__)
    assert [name for name in tailrace.__all__ if not hasattr(tailrace, name)] == []


@pytest.mark.parametrize("name", FIXED)
def test_names_that_users_rely_on_are_exported(name):
    assert name in tailrace.__all__


def test_every_export_has_a_docstring():
    bare = [name for name in tailrace.__all__ if not getattr(tailrace, name).__doc__]

    assert bare == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        tailrace.runn  # noqa: B018


def test_version_is_the_distributions():
    from importlib.metadata import version

    assert tailrace.__version__ == version("tailrace")


def test_importing_tailrace_imports_nothing_heavy_and_no_plugin():
    assert _modules_after("import tailrace") & set(HEAVY) == set()


def test_help_imports_nothing_heavy_and_no_plugin():
    code = "from tailrace.cli import tailrace as t; t.main(['--help'], standalone_mode=False)"

    assert _modules_after(code) & (set(HEAVY) - {"click"}) == set()


def test_a_ten_row_run_imports_neither_duckdb_nor_rich_nor_an_http_client():
    code = (
        "import tailrace; d = tailrace.destination()(lambda rows: None);"
        " tailrace.run([{'a': n} for n in range(10)], d, state=None)"
    )

    assert _modules_after(code) & {"duckdb", "rich", "urllib3", "pyarrow"} == set()


def test_resolving_a_plugin_imports_no_other():
    code = "from tailrace._engine.plugins import load; load('sheets')"
    modules = _modules_after(code)

    assert "tailrace_sheets" in modules
    assert modules & {"tailrace_sandbox", "googleapiclient", "google", "httplib2"} == set()


def test_listing_plugins_imports_none():
    code = (
        "from tailrace.cli import tailrace as t;"
        " t.main(['plugins', '--json'], standalone_mode=False)"
    )

    assert _modules_after(code) & {"tailrace_sheets", "tailrace_sandbox", "duckdb"} == set()
