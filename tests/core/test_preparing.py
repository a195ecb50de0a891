import attrs
import pytest

import tailrace
from tailrace import hookspecs
from tailrace._engine.preparing import prepare, prepare_all
from tailrace._engine.ratelimit import EVERY
from tailrace.components import DestinationSpec, Rate, SourceSpec
from tailrace.errors import ConfigError
from tailrace.records import Mode
from tailrace.sync import Sync


@attrs.frozen(kw_only=True)
class Options:
    url: str
    count: int = 1


SPEC = DestinationSpec(
    open=print,
    options=Options,
    modes={"append", "upsert", "mirror"},
    batch_size=100,
    max_in_flight=4,
    rate=Rate(10),
)


def sync(**fields):
    return Sync(**{"source": [{"a": 1}], "destination": SPEC, "options": {"url": "u"}, **fields})


def problems(*syncs):
    with pytest.raises(ConfigError) as told:
        prepare_all(syncs) if len(syncs) != 1 else prepare(syncs[0])
    return {problem.path: problem.message for problem in told.value.problems}


def test_words_become_things():
    prepared = prepare(sync(mode="upsert", key="id", name="people"))

    assert ("people", Mode.UPSERT, ("id",), Options(url="u")) == (
        prepared.name,
        prepared.mode,
        prepared.key,
        prepared.options,
    )
    assert (SPEC, (Rate(10),)) == (prepared.destination, prepared.rates)


def test_all_problems_are_told_at_once():
    found = problems(
        sync(
            mode="upsrt",
            key=["id", "id"],
            options={"count": "x"},
            source_options={"a": 1},
            mapping={"a": 1},
            cursor=5,
            max_delete=5,
            limits={"batch_size": 0},
            observers=["no-such-plugin"],
        )
    )

    assert {
        "mode", "key", "options.url", "options.count", "source_options", "mapping.a",
        "cursor", "max_delete", "limits.batch_size", "observers",
    } == set(found)  # fmt: skip


def test_the_problems_of_several_syncs_are_told_together():
    found = problems(
        sync(path="sync.a", mode="x"), sync(path="sync.b", options={}), sync(path="sync.c")
    )

    assert {"sync.a.mode", "sync.b.destination.url"} == set(found)


@pytest.mark.parametrize(
    ("mode", "key", "path"),
    [
        ("x", None, "mode"),
        (5, None, "mode"),
        (None, None, "mode"),
        ("insert", "id", "mode"),
        ("upsert", None, "key"),
        ("upsert", [], "key"),
        ("upsert", "", "key"),
        ("upsert", ["id", "id"], "key"),
        ("upsert", [5], "key"),
        ("upsert", 5, "key"),
        ("upsert", b"id", "key"),
    ],
)
def test_mode_and_key_are_checked(mode, key, path):
    assert [path] == list(problems(sync(mode=mode, key=key)))


@pytest.mark.parametrize(
    ("key", "names"), [("id", ("id",)), (["a", "b"], ("a", "b")), (("a",), ("a",)), (None, ())]
)
def test_a_key_is_a_name_or_several(key, names):
    assert names == prepare(sync(key=key)).key


def test_limits_lower_what_the_plugin_declares():
    prepared = prepare(sync(limits={"batch_size": 50, "max_in_flight": 2, "max_bytes": 1000}))

    assert (50, 2, 1000) == (
        prepared.destination.batch_size,
        prepared.destination.max_in_flight,
        prepared.destination.max_bytes,
    )


@pytest.mark.parametrize(
    ("limits", "path", "said"),
    [
        ({"batch_size": 101}, "limits.batch_size", "above the plugin's own 100"),
        ({"batch_size": 2.5}, "limits.batch_size", "no whole number"),
        ({"batch_size": True}, "limits.batch_size", "no whole number"),
        ({"batch_sise": 5}, "limits.batch_sise", "no such limit"),
        ({"rate": 0}, "limits.rate", "above 0"),
        ({"rate": "5"}, "limits.rate", "'5' is no rate"),
        ({"rate": None}, "limits.rate", "None is no rate"),
        ({"rate": {"per": 1}}, "limits.rate", "a rate is"),
        ({"rate": {"count": 1, "every": 1}}, "limits.rate", "a rate is"),
        ({"rate": [1, "x"]}, "limits.rate", "'x' is no rate"),
        (5, "limits", "is a table"),
        ([("batch_size", 5)], "limits", "is a table"),
    ],
    ids=repr,
)
def test_limits_are_checked(limits, path, said):
    found = problems(sync(limits=limits))

    assert [path] == list(found)
    assert said in found[path]


@pytest.mark.parametrize(
    ("rate", "rates"),
    [
        (5, (Rate(5, 1.0, EVERY),)),
        (0.5, (Rate(0.5, 1.0, EVERY),)),
        ({"count": 5, "per": 60}, (Rate(5, 60, EVERY),)),
        ({"count": 5, "scope": "token"}, (Rate(5, 1.0, "token"),)),
        (Rate(5), (Rate(5),)),
        ([5, {"count": 6}], (Rate(5, 1.0, EVERY), Rate(6, 1.0, EVERY))),
    ],
    ids=repr,
)
def test_a_rate_comes_beside_the_plugins_own(rate, rates):
    assert (Rate(10), *rates) == prepare(sync(limits={"rate": rate})).rates


@tailrace.destination()
def decorated(rows, *, url: str):
    """Take rows."""


@tailrace.source
def people(*, count: int = 1):
    """Give rows."""
    yield {}


def test_a_decorated_function_is_a_plugin_as_it_stands():
    prepared = prepare(sync(source=people, destination=decorated))

    assert (people.spec, decorated.spec, "people-to-decorated") == (
        prepared.source,
        prepared.destination,
        prepared.name,
    )


def test_a_spec_is_a_source_too():
    spec = SourceSpec(open=print)

    assert spec is prepare(sync(source=spec)).source


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (None, "NoneType is no plugin's name"),
        (lambda rows: None, "decorate it with @tailrace.destination"),
        (people, "'people' is no destination"),
        ("no-such-plugin", "no plugin 'no-such-plugin'"),
        (5, "int is no plugin's name"),
    ],
    ids=["none", "function", "source", "name", "number"],
)
def test_what_is_no_destination_is_told_of(destination, said):
    (message,) = problems(sync(destination=destination, options=None)).values()

    assert said in message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "missing"),
        (decorated, "'decorated' is no source"),
        ("no-such-plugin", "no plugin 'no-such-plugin'"),
    ],
    ids=["none", "destination", "name"],
)
def test_what_is_no_source_is_told_of(source, said):
    (message,) = problems(sync(source=source)).values()

    assert said in message


def test_a_wrong_option_of_a_source_has_its_path():
    assert ["source_options.count"] == list(
        problems(sync(source=people, source_options={"count": "x"}))
    )
    assert ["sync.a.source.count"] == list(
        problems(sync(source=people, source_options={"count": "x"}, path="sync.a"))
    )


class Watching:
    @hookspecs.hookimpl
    def tailrace_run_started(self, run):
        """See nothing."""


def test_observers_are_objects_or_names():
    one, other = Watching(), Watching()

    assert [one, other] == list(prepare(sync(observers=[one, other])).observers.values())


@pytest.mark.parametrize("observers", ["otel", 5, None])
def test_observers_are_a_list(observers):
    assert ["observers"] == list(problems(sync(observers=observers)))


@attrs.frozen
class Wide:
    wide: bool = False


class Choosing:
    """A destination that declares more or less, as its options say."""

    __name__ = "choosing"

    @hookspecs.hookimpl
    def tailrace_destination(self, options):
        if options is not None and options.wide is None:
            raise ConfigError("neither wide nor narrow")
        wide = options is not None and options.wide
        return DestinationSpec(
            options=Wide,
            open=lambda options: None,
            modes={"append", "upsert"} if wide else {"append"},
            delivery="idempotent" if wide else "at_most_once",
        )


def test_what_a_destination_declares_may_depend_on_its_options():
    wide = prepare(
        Sync(source=[], destination=Choosing(), mode="upsert", key="id", options={"wide": True})
    )

    assert "idempotent" == wide.destination.delivery["upsert"]
    with pytest.raises(ConfigError, match="does not serve upsert; it serves: append"):
        prepare(Sync(source=[], destination=Choosing(), mode="upsert", key="id"))


def test_options_that_do_not_go_together_are_the_users_mistake():
    with pytest.raises(ConfigError) as told:
        prepare(Sync(source=[], destination=Choosing(), options=Wide(wide=None)))

    assert "options: neither wide nor narrow" == str(told.value)
