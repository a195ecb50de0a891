"""What `tailrace new` writes: it builds, installs, is found, and passes its own tests at once."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

STYLES = {"plain": [], "crm": ["--crm"], "source": ["--source"]}


def new(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tailrace", "new", *arguments, "--into", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("style", STYLES)
def test_it_passes_its_own_tests_as_it_is(tmp_path, style):
    made = new(tmp_path, f"my-{style}", *STYLES[style])
    assert made.returncode == 0, made.stderr
    package, site = tmp_path / f"tailrace-my-{style}", tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        + ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(site), str(package)],
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."],
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    if style != "source":
        assert "| trouble loses and doubles nothing | passed |" in done.stdout
        assert "| importing it does nothing | passed |" in done.stdout
    assert (site / f"tailrace_my_{style}" / "py.typed").exists()
    assert "{{" not in "".join(
        path.read_text() for path in package.rglob("*") if path.suffix in (".py", ".toml", ".md")
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["My CRM"], "'My CRM' is no name for a plugin"),
        (["../up"], "'../up' is no name for a plugin"),
        (["x", "--crm", "--source"], "leave one of --crm and --source out"),
        (["there"], "is there already; nothing was written"),
    ],
)
def test_what_it_does_not_write_it_says(tmp_path, arguments, said):
    (tmp_path / "tailrace-there").mkdir()
    made = new(tmp_path, *arguments)

    assert made.returncode == 2
    assert said in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tailrace-there"]
