"""A tap's package has an environment of its own, made once."""

import sys
from zipfile import ZipFile

import pytest

from tailrace_singer._environment import name_of


@pytest.fixture
def package(tmp_path):
    """A wheel of a tap that writes one record, with the Python that it runs in."""
    path = tmp_path / "tap_made-1.0-py3-none-any.whl"
    code = (
        "import json, sys\n"
        "def main():\n"
        "    row = {'prefix': sys.prefix}\n"
        "    stream = {'stream': 's', 'tap_stream_id': 's', 'schema': {}}\n"
        "    if '--discover' in sys.argv: return print(json.dumps({'streams': [stream]}))\n"
        "    print(json.dumps({'type': 'RECORD', 'stream': 's', 'record': row}))\n"
    )
    info = "tap_made-1.0.dist-info"
    with ZipFile(path, "w") as wheel:
        wheel.writestr("tap_made.py", code)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tap-made\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\ntap-made = tap_made:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_a_package_is_installed_once_and_runs_apart(run, package, tmp_path):
    options = {"pip": f"tap-made @ {package.as_uri()}", "environments": tmp_path / "taps"}
    report, destination = run(None, **options)
    (home,) = [each for each in (tmp_path / "taps").iterdir() if each.is_dir()]
    made = home.stat().st_mtime_ns
    package.unlink()
    again, _ = run(None, **options, destination=destination)

    assert (report.exit_code, again.exit_code) == (0, 0), report.problem
    assert destination.rows == [{"prefix": str(home)}] * 2
    assert str(home) != sys.prefix
    assert home.stat().st_mtime_ns == made
    assert "tap-made" in (home / "installed.txt").read_text()


def test_an_environment_that_was_not_finished_is_made_anew(run, refused, package, tmp_path):
    options = {"pip": f"tap-made @ {package.as_uri()}", "environments": tmp_path / "taps"}
    away = package.rename(tmp_path / "away")
    told = refused(None, **options)
    away.rename(package)
    (home,) = [each for each in (tmp_path / "taps").iterdir() if each.is_dir()]
    (home / "left over").write_text("")
    report, _ = run(None, **options)

    assert told.startswith("source_options.pip: pip could not install it: ")
    assert "No such file" in told
    assert report.exit_code == 0
    assert not (home / "left over").exists()


@pytest.mark.parametrize("pip", ["--index-url=https://evil.example", "-r x", "", ["tap-a", "-e ."]])
def test_what_is_no_requirement_is_refused(refused, pip, tmp_path):
    told = refused(None, pip=pip, environments=tmp_path / "taps")

    assert told.startswith("source_options.pip: ") and "is no requirement" in told
    assert not (tmp_path / "taps").exists()


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("tap-x", "tap-x"),
        ("tap-x==1.2.0", "tap-x"),
        ("tap_x[s3]>=1,<2", "tap-x"),
        ("tap-x @ git+https://example.com/x", "tap-x"),
        ("meltanolabs-tap-x ~= 1.0", "meltanolabs-tap-x"),
    ],
)
def test_a_command_is_named_like_its_package(requirement, name):
    assert name_of(requirement) == name


@pytest.mark.parametrize("requirement", ["git+https://example.com/x", "./folder", "/a/b.whl"])
def test_what_has_no_name_needs_a_command(refused, requirement, tmp_path):
    told = refused(None, pip=requirement, environments=tmp_path)

    assert "source_options.tap: " in told and "give its command" in told
