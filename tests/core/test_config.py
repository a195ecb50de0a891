import os

import pytest

from tailrace._engine import config
from tailrace.errors import ConfigError

GOOD = """
[sync.people]
mode = "upsert"
key = "id"
source = { plugin = "file", path = "people.csv" }
destination = { plugin = "crm", token = { env = "TOKEN" } }

[sync.people.mapping]
"Full name" = "name"
"""


@pytest.fixture
def project(tmp_path):
    def project(text, secrets=None, mode=0o600):
        path = tmp_path / "tailrace.toml"
        path.write_text(text, encoding="utf-8")
        if secrets is not None:
            beside = tmp_path / "secrets.toml"
            beside.write_text(secrets, encoding="utf-8")
            beside.chmod(mode)
        return path

    return project


def problems(path):
    with pytest.raises(ConfigError) as told:
        config.read(path)
    return {problem.path: problem.message for problem in told.value.problems}


def test_a_file_becomes_the_fields_of_its_syncs(project, tmp_path):
    assert [
        {
            "name": "people",
            "path": "sync.people",
            "mode": "upsert",
            "key": "id",
            "source": "file",
            "source_options": {"path": "people.csv"},
            "source_path": "sync.people.source",
            "destination": "crm",
            "options": {"token": {"env": "TOKEN"}},
            "mapping": {"Full name": "name"},
            "state": tmp_path / ".tailrace",
            "files": ("tailrace.toml", "secrets.toml"),
            "folder": tmp_path,
        }
    ] == config.read(project(GOOD))


def test_syncs_keep_their_order(project):
    text = "".join(
        GOOD.replace("people]", f"{name}]").replace("people.m", f"{name}.m") for name in "zab"
    )

    assert ["z", "a", "b"] == [each["name"] for each in config.read(project(text))]


def test_a_source_may_be_shared(project):
    text = """
    [source.form]
    plugin = "webhook"
    port = 8080
    [sync.a]
    source = "form"
    destination = { plugin = "x" }
    [sync.b]
    source = "form"
    destination = { plugin = "y" }
    """
    one, other = config.read(project(text))

    assert ("webhook", {"port": 8080}) == (one["source"], one["source_options"])
    assert one["source_options"] is other["source_options"]
    assert one["source_path"] == other["source_path"] == "source.form"


def test_secrets_are_merged_over_the_project(project):
    secrets = """
    [sync.people.destination]
    token = "s3cret"
    [source.form]
    key = "s3cret"
    """
    text = GOOD + '[source.form]\nplugin = "webhook"\n'
    (read,) = config.read(project(text, secrets))

    assert {"token": "s3cret"} == read["options"]


@pytest.mark.skipif(os.name != "posix", reason="there are no modes to check")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_secrets_that_others_may_read_are_refused(project, mode):
    with pytest.raises(ConfigError, match=f"mode {mode:o}.*chmod 600"):
        config.read(project(GOOD, "", mode))


def test_all_problems_are_told_at_once(project):
    text = """
    stat = "x"
    state = 5

    [sources.x]

    [sync.a]
    mode = 5
    keys = "id"
    key = 7
    source = "frm"
    destination = "crm"
    mapping = ["a"]
    max_delete = true
    observers = "otel"

    [sync.b]
    source = { path = "x" }

    [source.form]
    plugin = "webhook"
    """

    assert {
        "stat": "is not known here; did you mean 'state'?",
        "sources": "is not known here; did you mean 'source'?",
        "state": "is the path of a folder",
        "sync.a.keys": "is not known here; did you mean 'key'?",
        "sync.a.mode": "is text",
        "sync.a.key": "is text or a list",
        "sync.a.destination": "is a table",
        "sync.a.mapping": "is a table",
        "sync.a.max_delete": "is a number or a table",
        "sync.a.observers": "is a list",
        "sync.a.source": "there is no [source.frm]; did you mean 'form'?",
        "sync.b.source.plugin": "missing: the name of an installed plugin",
        "sync.b.destination": 'missing: { plugin = "NAME", ... }',
    } == problems(project(text))


def test_a_shared_source_is_named_by_its_own_table(project):
    text = """
    [source.form]
    port = 1
    [sync.a]
    source = "form"
    destination = { plugin = "x" }
    """

    assert {"source.form.plugin": "missing: the name of an installed plugin"} == problems(
        project(text)
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "sync"),
        ("[source.a]\nplugin = 'x'\n", "sync"),
        ("sync = 5\n", "sync"),
        ("[[sync]]\nmode = 'x'\n", "sync"),
        ("[sync]\na = 5\n", "sync"),
        ("[sync.a]\n[source]\nb = 5\n", "source"),
    ],
)
def test_a_file_without_syncs_is_told_of(project, text, path):
    assert path in problems(project(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sync.a]\nmode = \n", "line 2"),
        ("[sync.a]\nkey = 'a'\nkey = 'b'\n", "line 3"),
        ("[sync.a]\n[sync.a]\n", "line 2"),
        ("just words", "line 1"),
    ],
)
def test_what_is_no_toml_is_told_of_with_its_line(project, text, said):
    with pytest.raises(ConfigError, match=rf"tailrace\.toml is no TOML: .*{said}"):
        config.read(project(text))


def test_secrets_that_are_no_toml_are_told_of_and_not_shown(project):
    with pytest.raises(ConfigError, match=r"secrets\.toml is no TOML") as told:
        config.read(project(GOOD, 'token = "s3cret'))

    assert "s3cret" not in str(told.value)


def test_bytes_that_are_no_text_are_told_of(project):
    path = project(GOOD)
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="is no TOML"):
        config.read(path)


def test_a_mark_at_the_beginning_of_a_file_does_no_harm(project):
    assert "people" == config.read(project("\ufeff" + GOOD))[0]["name"]


def test_a_file_that_is_missing_or_a_folder_is_told_of(tmp_path):
    with pytest.raises(ConfigError, match="tailrace init"):
        config.read(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.read(tmp_path)
