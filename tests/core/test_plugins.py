"""From a name to a spec, with small packages of strangers on the path."""

import importlib
import sys

import pytest

from tailrace import hookspecs
from tailrace._engine import plugins
from tailrace.components import DestinationSpec, SourceSpec
from tailrace.errors import AmbiguousPlugin, BrokenPlugin, UnknownPlugin, WrongKind

DESTINATION = """
import tailrace

@tailrace.hookimpl
def tailrace_destination():
    return tailrace.DestinationSpec(open=print, batch_size=7)
"""
SOURCE = DESTINATION.replace("tailrace_destination", "tailrace_source").replace(
    "DestinationSpec(open=print, batch_size=7)", "SourceSpec(open=print)"
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Give a function that puts a distribution with one module on the path."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    plugins._entries.cache_clear()

    def install(name, code, *, package=None, value=None, group="tailrace"):
        package = package or f"tailrace-{name}"
        module = package.replace("-", "_")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value or module}\n")
        (tmp_path / f"{module}.py").write_text(code)
        importlib.invalidate_caches()
        plugins._entries.cache_clear()
        return module

    yield install
    plugins._entries.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("tailrace_"):
            del sys.modules[name]


def destination(name):
    return plugins.destination_spec(plugins.load(name), name)


def source(name):
    return plugins.source_spec(plugins.load(name), name)


def test_a_name_leads_to_a_spec(install):
    install("crm", DESTINATION)

    assert 7 == destination("crm").batch_size


def test_an_entry_point_may_name_an_object(install):
    install(
        "hook",
        "import tailrace\n@tailrace.destination(batch_size=3)\ndef hook(rows, *, url: str): ...\n",
        value="tailrace_hook:hook",
    )

    assert 3 == destination("hook").batch_size


def test_only_the_plugin_that_was_named_is_imported(install):
    named = install("crm", DESTINATION)
    other = install("other", DESTINATION)
    broken = install("broken", "raise RuntimeError('never')")
    destination("crm")

    assert (True, False, False) == (
        named in sys.modules,
        other in sys.modules,
        broken in sys.modules,
    )


def test_listing_imports_nothing(install):
    broken = install("broken", "raise RuntimeError('never')")
    listed = {each.name: each for each in plugins.installed()}

    assert ("tailrace-broken", "1.0", broken) == (
        listed["broken"].package,
        listed["broken"].version,
        listed["broken"].module,
    )
    assert broken not in sys.modules


def test_an_unknown_name_tells_the_missing_entry_point_and_the_nearest(install):
    install("hubspot", DESTINATION)

    with pytest.raises(UnknownPlugin) as told:
        plugins.load("hubspto")
    assert "entry point 'hubspto' in the group 'tailrace'" in str(told.value)
    assert "did you mean 'hubspot'?" in str(told.value)
    with pytest.raises(UnknownPlugin, match="try: pip install tailrace-zzz"):
        plugins.load("zzz")


def test_a_name_that_two_packages_claim_is_refused(install):
    install("crm", DESTINATION)
    install("crm", DESTINATION, package="tailrace-crm-again")

    with pytest.raises(AmbiguousPlugin, match="tailrace-crm and tailrace-crm-again"):
        plugins.load("crm")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_told_of(install, code, said):
    install("crm", code)

    with pytest.raises(BrokenPlugin, match=rf"'crm' \(tailrace_crm\) cannot be imported: {said}"):
        plugins.load("crm")


def test_an_entry_point_that_leads_nowhere_is_told_of(install):
    install("crm", DESTINATION, value="tailrace_crm:missing")

    with pytest.raises(BrokenPlugin, match="AttributeError"):
        plugins.load("crm")


def test_a_broken_plugin_does_no_harm_to_the_next(install):
    install("bad", DESTINATION.replace("tailrace_destination", "tailrace_destinaton"))
    install("crm", DESTINATION)
    for _ in range(2):
        with pytest.raises(BrokenPlugin, match="a hook that does not exist"):
            destination("bad")

    assert 7 == destination("crm").batch_size


def test_the_wrong_kind_is_told_of(install):
    install("crm", DESTINATION)
    install("form", SOURCE)

    with pytest.raises(WrongKind, match="'crm' is no source"):
        source("crm")
    with pytest.raises(WrongKind, match="'form' is no destination"):
        destination("form")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (DESTINATION.replace("return", "1 / 0 #"), "failed: ZeroDivisionError"),
        (DESTINATION.replace("return", "return 5 #"), "gave a int, not a DestinationSpec"),
        (DESTINATION.replace("return", "return #"), "is no destination"),
        (DESTINATION.replace("()", "(other)", 1), "does not fit the contract"),
        (DESTINATION.replace("batch_size=7", "batch_size=0"), "failed: ConfigError"),
        ("", "is no destination"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_told_of(install, code, said):
    install("crm", code)

    with pytest.raises((BrokenPlugin, WrongKind), match=said):
        destination("crm")


def test_an_object_without_hooks_is_neither_kind(install):
    install("crm", "plugin = []", value="tailrace_crm:plugin")

    with pytest.raises(WrongKind, match="'crm' is no destination"):
        destination("crm")


def test_a_plugin_may_be_both(install):
    install("both", DESTINATION + SOURCE)
    found = plugins.kinds(plugins.load("both"), "both")

    assert {"source": SourceSpec, "destination": DestinationSpec} == {
        kind: type(spec) for kind, spec in found.items()
    }


def test_a_plugin_whose_kinds_cannot_be_told_is_broken(install):
    install("crm", DESTINATION.replace("return", "1 / 0 #"))

    with pytest.raises(BrokenPlugin, match="ZeroDivisionError"):
        plugins.kinds(plugins.load("crm"), "crm")


def test_other_groups_are_apart(install):
    install("crm", DESTINATION, group="tailrace.commands")

    assert "crm" not in {each.name for each in plugins.installed()}
    assert "crm" in {each.name for each in plugins.installed(plugins.COMMANDS)}


def test_the_built_in_source_is_an_entry_point_like_any_other():
    assert isinstance(source("file"), SourceSpec)


class Watching:
    """An observer."""

    def __init__(self):
        self.seen = []

    @hookspecs.hookimpl
    def tailrace_run_started(self, run):
        self.seen.append(run)


def test_observers_are_told():
    one, other = Watching(), Watching()
    plugins.observers({"one": one, "other": other}).hook.tailrace_run_started(run="r")

    assert (["r"], ["r"]) == (one.seen, other.seen)


def test_observers_that_do_not_fit_are_told_of():
    class Misspelt:
        @hookspecs.hookimpl
        def tailrace_run_begun(self, run):
            """Never be called."""

    class Wrong:
        @hookspecs.hookimpl
        def tailrace_run_started(self, runn):
            """Never be called."""

    same = Watching()
    for wrong in ({"a": Misspelt()}, {"a": Wrong()}, {"a": same, "b": same}):
        with pytest.raises(BrokenPlugin):
            plugins.observers(wrong)
