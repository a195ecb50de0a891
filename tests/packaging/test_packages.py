"""Folder, distribution, import and entry point of every package agree."""

import tomllib
from importlib.metadata import distribution, entry_points
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "tailrace": ROOT / "core",
    **{
        f"tailrace-{each.parent.name}": each.parent
        for each in ROOT.glob("plugins/*/pyproject.toml")
    },
}


def _project(name):
    return tomllib.loads((FOLDERS[name] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("name", FOLDERS)
def test_names_agree(name):
    module = name.replace("-", "_")

    assert _project(name)["name"] == name
    assert (FOLDERS[name] / "src" / module / "__init__.py").is_file()


@pytest.mark.parametrize("name", FOLDERS)
def test_the_installed_package_is_typed_and_licensed(name):
    installed = distribution(name)
    carried = {Path(str(each)).name for each in installed.files or ()}

    assert installed.version == _project(name)["version"]
    assert files(name.replace("-", "_")).joinpath("py.typed").is_file()
    assert "LICENSE" in carried or "direct_url.json" in carried


@pytest.mark.parametrize("name", FOLDERS)
def test_documents_stand_beside_the_package(name):
    for document in ("README.md", "CHANGELOG.md"):
        assert (FOLDERS[name] / document).read_text().startswith("# ")


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "tailrace"])
def test_a_plugin_depends_on_a_range_of_core_and_on_no_other_plugin(name):
    ours = [each for each in _project(name)["dependencies"] if each.startswith("tailrace")]

    assert ours == ["tailrace>=0.1,<0.2"]


def test_entry_points_are_named_after_their_packages():
    ours = {
        entry.name: entry.value.split(":")[0].split(".")[0]
        for entry in entry_points(group="tailrace")
        if entry.dist is not None and entry.dist.name in FOLDERS
    }

    assert ours == {
        "file": "tailrace",
        **{
            name.removeprefix("tailrace-"): name.replace("-", "_")
            for name in FOLDERS
            if "tailrace" in _project(name).get("entry-points", {}) and name != "tailrace"
        },
    }


def test_the_pythons_of_all_packages_are_the_same():
    def pythons(name):
        return [each for each in _project(name)["classifiers"] if ":: Python :: 3." in each]

    assert {tuple(pythons(name)) for name in FOLDERS} == {tuple(pythons("tailrace"))}
