"""What a person gets wrong: one clear message, nothing lost, the right exit code."""

import json

import pytest

import tailrace

PEOPLE = "id,name\n1,Ada\n2,Grace\n"


def _project(command, destination='plugin = "sheets", spreadsheet = "x"', sync="", source=None):
    command.write("people.csv", PEOPLE)
    source = source or '{ plugin = "file", path = "people.csv" }'
    command.write(
        "tailrace.toml",
        f"[sync.people]\n{sync}\nsource = {source}\ndestination = {{ {destination} }}\n",
    )


def _told(command, *arguments, **environment):
    done = command(*(arguments or ("run",)), **environment)

    assert "Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stderr.splitlines(), done.stdout.splitlines()


def test_no_project_file(command):
    assert _told(command) == (
        2,
        ["tailrace: there is no tailrace.toml; `tailrace init` writes one, --config names another"],
        [],
    )


def test_a_project_file_that_is_no_toml_names_the_line(command):
    command.write("tailrace.toml", '[sync.people]\nmode = "append\n')
    code, told, _ = _told(command)

    assert code == 2
    assert told[0].startswith("tailrace: tailrace.toml is no TOML: ")
    assert "line 2" in told[0]


def test_an_unknown_plugin_is_named_with_the_nearest(command):
    _project(command, 'plugin = "sheet"')
    code, told, _ = _told(command)

    assert code == 2
    assert "no plugin 'sheet'" in told[0]
    assert "entry point 'sheet'" in told[0]
    assert "did you mean 'sheets'?" in told[0]


def test_misspelt_options_are_told_all_at_once_with_their_paths(command):
    _project(
        command,
        'plugin = "sheets", spreadsheat = "x", tab = 3, formulas = "no"',
        'mode = "upserd"\nlimits = { batch_size = 0, rows = 4 }',
        '{ plugin = "file", path = "people.csv", infer = "false" }',
    )
    code, told, _ = _told(command)

    assert code == 2
    assert [line.removeprefix("tailrace: sync.people.").split(":")[0] for line in told] == [
        "source.infer",
        "destination.spreadsheet",
        "destination.tab",
        "destination.formulas",
        "destination.spreadsheat",
        "mode",
        "limits.batch_size",
        "limits.rows",
    ]
    assert "tailrace: sync.people.source.infer: 'false' is not true or false" in told
    assert (
        "tailrace: sync.people.destination.spreadsheat: no such option; did you mean"
        " 'spreadsheet'?" in told
    )


def test_the_envelopes_problems_are_told_all_at_once(command):
    command.write(
        "tailrace.toml",
        'stat = "x"\n[sync.a]\nmod = "append"\nsource = "forms"\n[sync.b]\nkey = 3\n',
    )
    code, told, _ = _told(command)

    assert code == 2
    assert [line.removeprefix("tailrace: ").split(":")[0] for line in told] == [
        "stat",
        "sync.a.mod",
        "sync.a.source",
        "sync.a.destination",
        "sync.b.key",
        "sync.b.source",
        "sync.b.destination",
    ]


def test_a_missing_option_names_every_place_where_it_was_looked_for(command):
    _project(command, 'plugin = "sheets"')
    code, told, _ = _told(command)

    assert (code, told) == (
        2,
        [
            "tailrace: sync.people.destination.spreadsheet: missing; looked in"
            " sync.people.destination.spreadsheet in tailrace.toml,"
            " sync.people.destination.spreadsheet in secrets.toml,"
            " the environment variable TAILRACE_SHEETS_SPREADSHEET"
        ],
    )


def test_a_missing_secret_names_every_place_where_it_was_looked_for(command):
    _project(command)
    code, told, _ = _told(
        command, GOOGLE_APPLICATION_CREDENTIALS="", HOME=str(command.folder), NO_GCE_CHECK="true"
    )

    assert code == 2
    assert "sync.people.destination.credentials" in told[0]
    for place in ("tailrace.toml", "secrets.toml", "TAILRACE_SHEETS_CREDENTIALS", "default"):
        assert place in told[0]


def test_secrets_that_others_may_read_are_refused(command):
    _project(command)
    path = command.write("secrets.toml", '[sync.people.destination]\ncredentials = "x"\n')
    path.chmod(0o644)
    code, told, _ = _told(command)

    assert code == 2
    assert told == [
        "tailrace: secrets.toml can be read by other users (mode 644); do: chmod 600 secrets.toml"
    ]


def test_a_secret_that_refers_to_nothing(command):
    _project(command, 'plugin = "sheets", spreadsheet = "x", credentials = { env = "NOT_SET" }')
    code, told, _ = _told(command)

    assert code == 2
    assert told == [
        "tailrace: sync.people.destination.credentials: the environment variable NOT_SET is not set"
    ]


def test_an_unknown_sync_is_named_with_the_nearest(command):
    _project(command)

    assert _told(command, "run", "peple") == (
        2,
        ["tailrace: there is no sync 'peple' in tailrace.toml; did you mean 'people'?"],
        [],
    )


def test_an_unknown_command_or_flag_is_a_usage_error(command):
    unknown = command("rum")

    assert unknown.returncode == 2
    assert "there is no command 'rum'; did you mean 'run'?" in unknown.stderr
    assert command("run", "--jsn").returncode == 2


LINES = """
import tailrace

@tailrace.destination(modes={"append", "upsert"}, delivery="idempotent")
def lines(rows):
    print(len(rows), "rows")
"""


@pytest.fixture
def lines(command, pip_install):
    command.paths.append(
        pip_install("tailrace-lines", ["lines = lines_plugin:lines"], {"lines_plugin.py": LINES})
    )


def test_a_source_file_that_is_not_there(command, lines):
    _project(command, 'plugin = "lines"', source='{ plugin = "file", path = "peple.csv" }')

    assert _told(command)[:2] == (
        2,
        ["tailrace: sync.people.source.path: peple.csv: there is no such file"],
    )


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bad.csv", "id,name\n1,a\n2,b,c\n", "bad.csv, line 3: 3 values where the header has 2"),
        ("bad.csv", "id,id\n1,a\n", "bad.csv, line 1: the column 'id' stands there twice"),
        ("bad.csv", "", "bad.csv, line 1: there is no header"),
        ("bad.jsonl", '{"id": 1}\n{"id": \n', "bad.jsonl, line 2: this is no JSON"),
        ("bad.parquet", "no parquet", "bad.parquet: "),
    ],
)
def test_a_malformed_source_file_names_file_and_line(command, lines, name, text, told):
    _project(command, 'plugin = "lines"', source=f'{{ plugin = "file", path = "{name}" }}')
    command.write(name, text)
    code, _, shown = _told(command)

    assert code in (3, 9)
    assert told in "\n".join(shown)


def test_a_key_field_that_the_source_does_not_have(command, lines):
    _project(command, 'plugin = "lines"', 'mode = "upsert"\nkey = "idd"')
    code, _, shown = _told(command)

    assert code == 3
    assert "key: no field 'idd' (there are: id, name)" in shown[2]


def test_a_mapped_field_that_the_source_does_not_have(command, lines):
    _project(command, 'plugin = "lines"', 'mapping = { Name = "nam", Id = "id", X = "y" }')
    code, _, shown = _told(command)

    assert code == 3
    assert shown[2:] == [
        "  mapping.Name: the source has no field 'nam'",
        "  mapping.X: the source has no field 'y'",
    ]


def test_null_doubled_and_conflicting_keys_are_refused_by_name(command, lines):
    _project(command, 'plugin = "lines"', 'mode = "upsert"\nkey = "id"')
    command.write("people.csv", "id,name\n1,Ada\n,Nobody\n2,Grace\n2,Grace\n3,Edgar\n3,Ted\n")
    done = command("run", "--json")
    report = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == report["exit_code"] == 8
    assert {name: report[name] for name in ("read", "delivered", "skipped", "rejected")} == {
        "read": 6,
        "delivered": 2,
        "skipped": 1,
        "rejected": 3,
    }
    assert [(each["key"], each["reason"]) for each in report["rejections"]] == [
        (None, "no_key"),
        (3, "double_key"),
        (3, "double_key"),
    ]
    assert report["rejections"][0]["message"] == "record 2: the key field 'id' is null"


def _deliver(rows, **how):
    seen = []

    @tailrace.destination(modes={"append", "upsert"}, delivery="idempotent")
    def collect(rows):
        seen.extend(rows)

    return tailrace.run(rows, collect, state=None, **how), seen


def test_a_row_that_is_no_mapping_is_refused_and_the_others_arrive():
    report, seen = _deliver([{"a": 1}, ["b", 2], {"a": 3}])

    assert seen == [{"a": 1}, {"a": 3}]
    assert (report.exit_code, report.read, report.delivered, report.rejected) == (8, 3, 2, 1)
    assert report.rejections == (
        (2, "no_mapping", "record 2 is no mapping of fields but of type list"),
    )


def test_a_read_without_any_key_sends_nothing():
    report, seen = _deliver([{"name": "a"}, {"name": "b"}], mode="upsert", key="id")

    assert (seen, report.exit_code, report.rejected) == ([], 3, 2)
    assert "the key field 'id' is missing" in report.problem


def test_many_missing_keys_stop_the_run_and_few_do_not():
    many, seen = _deliver(
        [{"id": n if n % 4 else None} for n in range(100)], mode="upsert", key="id"
    )

    assert (seen, many.exit_code) == ([], 3)
    assert (many.rejected, many.failed) == (25, 75)
    few, seen = _deliver([{"id": n or None} for n in range(100)], mode="upsert", key="id")

    assert (few.exit_code, few.rejected, few.delivered) == (8, 1, 99)


def test_a_source_that_breaks_off_loses_nothing_that_it_gave():
    def rows():
        yield from ({"id": n} for n in range(2500))
        raise OSError("the warehouse went away")

    report, seen = _deliver(rows)

    assert len(seen) == report.delivered == report.read == 2500
    assert report.exit_code == 9
    assert "the source broke off after 2,500 records: OSError: the warehouse went away" in (
        report.problem
    )


def test_a_source_that_breaks_off_sends_nothing_in_a_keyed_mode():
    def rows():
        yield from ({"id": n} for n in range(10))
        raise OSError("the warehouse went away")

    report, seen = _deliver(rows, mode="upsert", key="id")

    assert (seen, report.exit_code, report.failed) == ([], 3, 10)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"a": 1}, "put it into a list"),
        (7, "a value of type int is no source"),
        (None, "source: missing"),
    ],
)
def test_what_is_no_source_is_told(source, told):
    with pytest.raises(tailrace.ConfigError, match=told) as raised:
        _deliver(source)

    assert raised.value.exit_code == 2


def test_what_is_no_destination_is_told():
    with pytest.raises(tailrace.ConfigError, match="decorate it with @tailrace.destination"):
        tailrace.run([{"a": 1}], lambda rows: None, state=None)


def test_a_mode_needs_its_key_and_a_destination_its_mode():
    with pytest.raises(tailrace.ConfigError, match="key: missing: the mode upsert needs"):
        _deliver([{"a": 1}], mode="upsert")
    with pytest.raises(tailrace.ConfigError, match="does not serve replace; it serves: append"):
        _deliver([{"a": 1}], mode="replace")
