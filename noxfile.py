"""The project's sessions: `nox` runs what has to pass; `nox -l` lists them all."""

import os
import shutil
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CORE = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text())
WORKSPACE = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(CORE)
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
WHEELS = ROOT / ".nox" / "wheels"
APART = ("destinations", "reliability", "security")
"""Folders of tests that have sessions of their own, on one Python."""
ELSEWHERE = [
    "tests/core",
    "tests/packaging",
    *(f"tests/pipeline/test_{each}.py" for each in ("bad_input", "cli", "functions", "sheets")),
]
"""What tells whether another Python makes a difference."""
PARALLEL = ["-n", "auto", "--dist", "worksteal"]

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "lint",
    "types",
    "build",
    "tests",
    "destinations",
    "reliability",
    "plugins",
]
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(WORKSPACE, name))


def wheels() -> list[str]:
    """Find core's wheel and those of all plugins, as `build` left them."""
    return [str(path) for path in sorted(WHEELS.glob("*.whl"))]


def build_wheels(session: nox.Session) -> None:
    """Build what tests install: they never see the working tree."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    for folder in ["core", *(f"plugins/{name}" for name in PLUGINS)]:
        session.run("uv", "build", "--quiet", "--wheel", "-o", str(WHEELS), folder, external=True)


def install(session: nox.Session, *names: str) -> None:
    """Install wheels of ours (core and the named plugins, or all) and what tests need."""
    if not wheels():
        build_wheels(session)
    chosen = [
        wheel
        for wheel in wheels()
        if not names or Path(wheel).name.split("-")[0] in {"tailrace", *names}
    ]
    session.install(*chosen, *group("test"))


def scaffolds(session: nox.Session) -> list[str]:
    """Write what `tailrace new` writes, to be looked at like our own."""
    folder = Path(session.create_tmp())
    shutil.rmtree(folder, ignore_errors=True)
    for style in ("plain", "crm", "source"):
        chosen = [] if style == "plain" else [f"--{style}"]
        session.run("tailrace", "new", f"my-{style}", *chosen, "--into", str(folder), silent=True)
    return [str(path) for path in sorted(folder.iterdir())]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, formatting, and the layers of the tree."""
    session.install("-e", "core", *(f"./plugins/{name}" for name in PLUGINS), *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    for folder in scaffolds(session):
        session.run("ruff", "check", folder)
        session.run("ruff", "format", "--check", folder)


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, over all that is shipped, and over the use of it in tests/typing."""
    session.install("-e", "core", *(f"./plugins/{name}" for name in PLUGINS), *group("types"))
    for folder in ["core/src", *(f"plugins/{name}/src" for name in PLUGINS), "tests/typing"]:
        session.run("mypy", folder)
    for folder in scaffolds(session):
        session.run("mypy", "--config-file", f"{folder}/pyproject.toml", f"{folder}/src")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels, and source distributions that build the same."""
    build_wheels(session)
    for folder in ["core", *(f"plugins/{name}" for name in PLUGINS)]:
        out = session.create_tmp()
        session.run("uv", "build", "--quiet", "--sdist", "-o", out, folder, external=True)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests of core and of whole runs, on every Python that is found."""
    install(session)
    if session.python == PYTHONS[0]:
        chosen = ["tests", *(f"--ignore=tests/{each}" for each in APART)]
        session.run("pytest", *PARALLEL, *(session.posargs or chosen))
    else:
        # Properties are gone through thoroughly on one of them, and some things told by one.
        size = {"CI": "", "TAILRACE_SIZE": "small"}
        chosen = session.posargs or ELSEWHERE
        session.run("pytest", *PARALLEL, "-m", "not once", *chosen, env=size)


@nox.session
def reliability(session: nox.Session) -> None:
    """Run crashes, faults, races and damaged states, as many as an ordinary run has time for."""
    install(session)
    session.run("pytest", *PARALLEL, "tests/reliability", *session.posargs)


@nox.session
def destinations(session: nox.Session) -> None:
    """Run the laws that hold for every destination, and the threats to each."""
    install(session)
    session.run("pytest", *PARALLEL, "tests/destinations", "tests/security", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Run all of them: every crash point, 1,000 kills, every call as the last, all damage."""
    install(session)
    folder = "tests/reliability"
    every, kills = session.posargs or ["8", "1000"]
    session.run("python", f"{folder}/points.py", "--every", every)
    session.run("python", f"{folder}/kills.py", "--kills", kills)
    session.run("python", f"{folder}/syscalls.py", success_codes=[0, 3])
    folders = [folder, "tests/destinations"]
    session.run("pytest", *PARALLEL, *folders, env={"TAILRACE_SIZE": "full"})


@nox.session
def simulate(session: nox.Session) -> None:
    """Simulate syncs over many runs: changes, faults, crashes and people, against a model."""
    install(session)
    session.run("python", "tests/reliability/simulate.py", *session.posargs)


@nox.session
@nox.parametrize("plugin", PLUGINS)
def plugins(session: nox.Session, plugin: str) -> None:
    """Run a plugin's own tests, against core's wheel and its own."""
    install(session, f"tailrace_{plugin}", "tailrace_sandbox")
    session.run("pytest", *PARALLEL, f"plugins/{plugin}/tests", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure cost, speed and safety, beside the peers and a loop by hand."""
    install(session)
    session.run("python", "tests/bench", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of core the tests reach."""
    install(session)
    session.install("coverage[toml]>=7.6")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests", *session.posargs)
    session.run("coverage", "report")
