"""An environment of its own for a tap's package, made once."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import Logger
from pathlib import Path

import tailrace
from tailrace_singer._process import environment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?![A-Za-z0-9._/:+-])")
_DONE = "installed.txt"


def install(requirements: Sequence[str], folder: Path, log: Logger) -> Path:
    """Give the folder of the commands of an environment that has all of these installed."""
    for each in requirements:
        if not each.strip() or each.startswith("-"):
            told = (
                f"{each!r} is no requirement; what else pip should know goes into its own settings"
            )
            raise tailrace.ConfigError(tailrace.Problem("pip", told))
    home = folder.absolute() / _folder_of(requirements)
    commands = home / "bin"
    with _alone(home):
        if (home / _DONE).is_file() and (commands / "python").exists():
            return commands
        log.info("installing %s into %s", " ".join(requirements), home)
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)], "no environment could be made")
        pip = [str(commands / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", "--quiet", "--", *requirements], "pip could not install it")
        frozen = _run([*pip, "freeze"], "pip could not tell what it installed")
        (home / _DONE).write_text(frozen, encoding="utf-8")
    return commands


def checked(pip: str | Sequence[str]) -> tuple[str, ...]:
    """Give an option's requirements, once none of them says something else to pip."""
    requirements = (pip,) if isinstance(pip, str) else tuple(pip)
    for each in requirements:
        if not each.strip() or each.startswith("-"):
            told = f"{each!r} is no requirement; what else pip is to know stands in its settings"
            raise tailrace.ConfigError(tailrace.Problem("pip", told))
    return requirements


def name_of(requirement: str) -> str:
    """Give the name of a requirement's package, which taps also give their command."""
    found = _NAME.match(requirement)
    if found is None:
        told = (
            f"{requirement!r} does not begin with the name of a package; give its command as `tap`"
        )
        raise tailrace.ConfigError(tailrace.Problem("tap", told))
    return re.sub(r"[._]+", "-", found[0])


def _folder_of(requirements: Sequence[str]) -> str:
    python = "py{}.{}".format(*sys.version_info)
    told = "\n".join((*requirements, sys.base_prefix))
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", requirements[0]).strip("-.")[:60]
    return f"{slug}-{python}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one process at a time look for an environment, or make it."""
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        lock = home.with_name(f"{home.name}.lock").open("w")
    except OSError as error:
        told = f"{home.parent} cannot be written: {error.strerror}"
        raise tailrace.ConfigError(tailrace.Problem("environments", told)) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], failed: str) -> str:
    done = subprocess.run(  # noqa: S603  # no shell, and no argument begins with a dash
        command, capture_output=True, text=True, check=False, env=environment()
    )
    if done.returncode:
        lines = [each.strip() for each in (done.stderr or done.stdout).splitlines() if each.strip()]
        why = " | ".join(lines[-5:]) or f"exit code {done.returncode}"
        raise tailrace.ConfigError(tailrace.Problem("pip", f"{failed}: {why[:1000]}"))
    return done.stdout
