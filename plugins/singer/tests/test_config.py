"""A tap's configuration reaches it, and nobody else."""

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from shutil import copytree

import attrs
import pytest

import tailrace
from tailrace.testing import MemoryDestination
from tailrace_singer._folder import folder

from .conftest import record, schema

CANARY = 'kana"rien/1&2 + é'


def test_a_table_reaches_the_tap_as_a_file_of_its_own(tap, run):
    config = {
        "start_date": datetime(2026, 1, 1, tzinfo=UTC),
        "rate": Decimal("0.12345678901234567890"),
        "nested": {"flag": True},
        "password": tailrace.Secret(CANARY),
    }
    tap.writes(schema(), record(id=1))
    run(tap, config=config)
    (asked, read) = tap.seen

    assert read["config"] == asked["config"]
    assert {
        "start_date": "2026-01-01T00:00:00+00:00",
        "rate": 0.12345678901234568,
        "nested": {"flag": True},
        "password": CANARY,
    } == read["config"]
    assert {each for name, each in read.items() if name.startswith("mode of")} == {"0o600"}
    assert CANARY not in json.dumps(read["arguments"])


def test_a_file_reaches_it_with_secrets_put_in(tap, run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"user": "me", "auth": {"kind": "password"}}')
    secrets = {"auth.password": CANARY, "tokens.a.b": "x", "key": "y"}
    tap.writes(schema(), record(id=1))
    run(tap, config=path, secrets=secrets)

    assert tap.seen[-1]["config"] == {
        "user": "me",
        "auth": {"kind": "password", "password": CANARY},
        "tokens": {"a": {"b": "x"}},
        "key": "y",
    }


def test_a_file_alone_is_given_as_it_lies_so_that_new_tokens_stay(tap, run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"refresh_token": "old"}')
    renews = "Path(given['--config']).write_text('{\"refresh_token\": \"new\"}')"
    run(tap.writes(schema(), record(id=1), code=renews), config=path)

    assert json.loads(path.read_text()) == {"refresh_token": "new"}
    assert tap.seen[-1]["arguments"][1] == str(path)


def test_what_a_killed_run_has_left_is_removed_and_nothing_else(tap, run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with folder() as held, folder() as left:
        (held / "config.json").write_text(CANARY)
        copy = left.with_name("tailrace-singer-of-the-dead")
        copytree(left, copy)
        run(tap.writes(schema(), record(id=1)))

        assert held.is_dir() and left.is_dir()
        assert not copy.exists()
    assert list(tmp_path.glob("tailrace-singer*")) == []


def test_secrets_come_from_where_secrets_come_from(tap, tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", CANARY)
    tap.writes(schema(), record(id=1))
    (tmp_path / "tailrace.toml").write_text(
        "[sync.it]\n"
        f"source = {{ plugin = 'singer', tap = '{tap.command}', config = {{ a = {{ b = 1 }} }},"
        " secrets = { 'a.token' = { env = 'CRM_TOKEN' } } }\n"
        "destination = { plugin = 'any' }\n"
    )
    (sync,) = tailrace.load(tmp_path / "tailrace.toml")
    attrs.evolve(sync, destination=MemoryDestination().spec, options=None).run()

    assert tap.seen[-1]["config"] == {"a": {"b": 1, "token": CANARY}}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"config": {"a": {"token": {"env": "CRM_TOKEN"}}}},
            "config.a.token: this is secret: put it under `secrets`, as 'a.token'",
        ),
        ({"config": {"a": 1}, "secrets": {"a.b": "x"}}, "secrets.a.b: 'a' is no table in `config`"),
        ({"config": {"a": object()}}, "config: JSON cannot hold it"),
        ({"config": {"a": 1}, "timeout": 0.0}, "timeout: is a number above 0"),
    ],
)
def test_what_goes_wrong_with_a_table_is_told(tap, refused, options, why):
    assert why in refused(tap.writes(), **options)


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "No such file"), ("[1]", "holds no table"), ('{"a": "kanarie', "is no JSON")],
)
def test_what_goes_wrong_with_a_file_is_told_without_what_it_holds(
    tap, refused, tmp_path, text, why
):
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    told = refused(tap.writes(), config=path)

    assert told.startswith("source_options.config: ") and why in told
    assert "kanarie" not in told


PRINTS = """
import base64, urllib.parse
text = json.dumps(seen["config"])
secret = seen["config"].get("secret") or seen["config"]["nested"]["api_key"]
encoded = base64.b64encode(secret.encode()).decode()
print(text, secret, repr(secret), urllib.parse.quote(secret, ""), encoded, file=sys.stderr)
"""


@pytest.mark.parametrize("way", ["secrets", "config", "file"])
def test_what_is_secret_is_in_no_log_and_no_error(tap, run, caplog, tmp_path, way):
    caplog.set_level(logging.DEBUG)
    options = {"secrets": {"secret": CANARY}}
    if way != "secrets":
        options = {"config": {"nested": {"api_key": CANARY}}}
    if way == "file":
        (tmp_path / "config.json").write_text(json.dumps(options["config"]))
        options = {"config": tmp_path / "config.json"}
    tap.writes(schema(), code=PRINTS, after="sys.exit(1)")
    report, _ = run(tap, **options)
    shown = report.problem + caplog.text

    assert "***" in report.problem and "***" in caplog.text
    for part in ('kana"rien', 'kana\\"rien', "kana%22rien", "1&2", "%262", "a2FuYSJyaWVu"):
        assert part not in shown


def test_each_line_of_a_key_is_hidden(tap, run):
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----"
    tap.writes(
        code="print(*seen['config']['key'].splitlines(), sep='\\n', file=sys.stderr); sys.exit(1)"
    )
    report, _ = run(tap, secrets={"key": key})

    assert report.problem.endswith("; it said: *** | *** | *** | ***")


def test_the_password_of_an_address_is_hidden(tap, run):
    tap.writes(code="sys.exit('no answer from ' + seen['config']['host'])")
    report, _ = run(tap, config={"host": "postgresql://me:hunter2@db/x"})

    assert report.problem.endswith("no answer from ***")
