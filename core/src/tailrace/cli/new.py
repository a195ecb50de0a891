"""`tailrace new`."""

import re
from importlib.resources import files
from pathlib import Path

import click

from tailrace.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HOMES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
    "workflow.yml.txt": ".github/workflows/test.yml",
    "plugin.py.txt": "src/{module}/__init__.py",
    "test_plugin.py.txt": "tests/test_{python}.py",
}
_DESTINATION = """\
[sync.people]
source = {{ plugin = "file", path = "people.csv" }}{more}
destination = {{ plugin = "{name}", base_url = "https://...", token = {{ env = "TOKEN" }} }}"""
_SOURCE = """\
[sync.people]
source = {{ plugin = "{name}", base_url = "https://...", token = {{ env = "TOKEN" }} }}
destination = {{ plugin = "..." }}"""
_KIT = "The tests are tailrace's kit, against a service of a few lines; it ends with a table of what was checked."
_READ = "The tests read from a service of a few lines."


@click.command()
@click.argument("name")
@click.option("--crm", is_flag=True, help="A destination with an answer for each record.")
@click.option("--source", is_flag=True, help="A source in place of a destination.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder that the package is put into.",
)
def new(name: str, crm: bool, source: bool, into: Path) -> None:
    """Write a plugin package, tailrace-NAME, with its tests; it passes them as it is."""
    if crm and source:
        raise ConfigError("--crm is a destination; leave one of --crm and --source out")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for a plugin: small letters and digits, parts with a - between"
        )
    folder = into / f"tailrace-{name}"
    if folder.exists():
        raise ConfigError(f"{folder} is there already; nothing was written")
    style = "source" if source else "crm" if crm else "function"
    for home, text in _texts(name, style):
        path = folder / home
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"wrote {folder}")
    print(f'next: cd {folder}; pip install -e ".[test]"; pytest')


def _texts(name: str, style: str) -> list[tuple[str, str]]:
    python = name.replace("-", "_")
    more = '\nmode = "upsert"\nkey = "id"' if style == "crm" else ""
    values = {
        "name": name,
        "python": python,
        "module": f"tailrace_{python}",
        "object": "" if style == "crm" else f":{python}",
        "title": "".join(part.capitalize() for part in name.split("-")),
        "kind": "source" if style == "source" else "destination",
        "project": (_SOURCE if style == "source" else _DESTINATION).format(name=name, more=more),
        "tests": _READ if style == "source" else _KIT,
    }
    texts = []
    for folder in ("common", style):
        for each in files("tailrace.scaffold").joinpath(folder).iterdir():
            text = each.read_text(encoding="utf-8")
            for word, value in values.items():
                text = text.replace("{{" + word + "}}", value)
            if each.name == "plugin.py.txt":
                texts.append((f"src/{values['module']}/py.typed", ""))
            texts.append((_HOMES[each.name].format(**values), text))
    return texts
