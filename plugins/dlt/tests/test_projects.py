"""Project files name resources and functions in Python files."""

import subprocess
import sys

import pytest

import tailrace
from tailrace_dlt._files import found_in

PIPELINE = """
import dlt
from things import LOG

@dlt.resource(primary_key="id")
def people(first: int = 1):
    yield [{"id": first}, {"id": first + 1}]

@dlt.source
def crm(account: str = dlt.config.value):
    return people, dlt.resource([{"account": account}], name="accounts")

@dlt.destination(batch_size=1)
def note(items, table, url: str = dlt.config.value, token: str = dlt.secrets.value):
    LOG.append((items, table["name"], url, token))
    if "broken" in url:
        raise RuntimeError(f"no entry with {token}")

number = 5

if __name__ == "__main__":
    raise SystemExit("the pipeline ran")
"""
DESTINATION = """
[sync.it.destination]
plugin = "dlt"
file = "pipeline.py"
function = "note"
arguments = { url = "https://a.example" }
secrets = { token = { env = "CRM_TOKEN" } }
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Run a project file beside a pipeline; gives the report, and what the function was called with."""
    monkeypatch.setenv("CRM_TOKEN", "hunter22")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "things.py").write_text("LOG = []\n")

    def run(source, destination=DESTINATION, **sync):
        told = "".join(f"{name} = {value!r}\n" for name, value in sync.items())
        (folder / "tailrace.toml").write_text(f"[sync.it]\n{told}source = {source}\n{destination}")
        (loaded,) = tailrace.load(folder / "tailrace.toml")
        report = loaded.run()
        return report, sys.modules["things"].LOG

    return run


def test_a_project_names_both(project):
    source = (
        '{ plugin = "dlt", file = "pipeline.py", resource = "people", arguments = { first = 7 } }'
    )
    report, log = project(source)

    assert report.exit_code == 0, report.problem
    assert log == [([{"id": n}], "note", "https://a.example", "hunter22") for n in (7, 8)]


def test_only_changes_are_sent_with_a_key(project):
    source = '{ plugin = "dlt", file = "pipeline.py", resource = "people" }'
    destination = DESTINATION + 'delivery = "idempotent"\ntable = "people"\n'
    project(source, destination, mode="upsert", key="id")
    report, log = project(source, destination, mode="upsert", key="id")

    assert (report.delivered, report.skipped) == (0, 2)
    assert {table for _, table, *_ in log} == {"people"}


def test_a_resource_of_a_source_is_named_too(project):
    told = 'resource = "crm", name = "accounts", arguments = { account = "a-17" }'
    _, log = project(f'{{ plugin = "dlt", file = "pipeline.py", {told} }}')

    assert [items for items, *_ in log] == [[{"account": "a-17"}]]


def test_secrets_are_not_shown(project, caplog):
    source = '{ plugin = "dlt", file = "pipeline.py", resource = "people" }'
    report, _ = project(source, DESTINATION.replace("a.example", "broken.example"))

    assert report.in_doubt == 2
    assert "no entry with ***" in caplog.text
    assert "hunter22" not in caplog.text


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ('file = "pipe.py", resource = "people"', "source.file: "),
        ('file = "pipeline.py", resource = "peple"', "has no 'peple'; did you mean 'people'?"),
        ('file = "pipeline.py", resource = "number"', "'number' in"),
        (
            'file = "pipeline.py", resource = "people", arguments = { last = 1 }',
            "source.arguments: ",
        ),
        ('file = "pipeline.py", resource = "crm"', "source.arguments: account: missing"),
        (
            'file = "pipeline.py", resource = "crm", arguments = { account = "a" }',
            "crm has people, accounts; name one of them",
        ),
        ('file = "pipeline.py"', "source.resource: missing"),
    ],
)
def test_what_is_not_there_is_told(project, told, why):
    with pytest.raises(tailrace.ConfigError) as caught:
        project(f'{{ plugin = "dlt", {told} }}')

    assert why in str(caught.value)


def test_a_file_that_fails_is_told_and_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    file = tmp_path / "broken_pipeline.py"
    file.write_text("1 / 0")
    with pytest.raises(tailrace.ConfigError, match="cannot be imported: ZeroDivisionError"):
        found_in(file, "x", "function")
    file.write_text("x = 1")

    assert found_in(file, "x", "function") == 1
    del sys.modules["broken_pipeline"]


def test_a_file_may_be_called_like_a_module_of_others(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    file = tmp_path / "tailrace.py"
    file.write_text("x = 1")

    assert [found_in(file, "x", "function") for _ in range(2)] == [1, 1]
    assert sys.modules["tailrace"] is tailrace


def test_dlt_is_imported_when_it_is_needed():
    told = "import sys, tailrace_dlt; tailrace_dlt.tailrace_destination(None); print('dlt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
