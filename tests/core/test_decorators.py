from typing import Any

import pytest

from tailrace import decorators
from tailrace.components import Rate
from tailrace.errors import ConfigError
from tailrace.options import Places, Secret, definitions, read_options
from tailrace.records import Action, Batch, Record
from tailrace.schema import Field, Schema

RECORDS = [Record(1, {"a": 1}), Record(2, {"a": 2})]
BATCH = Batch("b-1", Action.APPEND, Schema([Field("a")]), records=RECORDS)


def options_of(plugin, **given):
    return read_options(plugin.spec.options, given, Places(environ={}))


def write(plugin, **given):
    with plugin.spec.open(options_of(plugin, **given), http="http", log="log") as writer:
        return writer.write(BATCH)


def test_a_function_gets_by_name_what_it_asks_for_and_its_options():
    got = {}

    @decorators.destination()
    def everything(log, http, schema, batch, rows, *, url: str, tries: int = 3):
        got.update(locals())

    assert write(everything, url="u") is None
    assert {
        "log": "log",
        "http": "http",
        "schema": BATCH.schema,
        "batch": BATCH,
        "rows": [{"a": 1}, {"a": 2}],
        "url": "u",
        "tries": 3,
    } == {name: value for name, value in got.items() if name != "got"}


def test_a_function_gets_nothing_that_it_does_not_ask_for():
    @decorators.destination()
    def nothing():
        return []

    assert [] == write(nothing)


def test_rows_are_made_anew_for_each_call():
    @decorators.destination()
    def careless(rows):
        rows[0].clear()

    write(careless)

    assert [{"a": 1}, {"a": 2}] == BATCH.rows()


def test_a_decorated_function_is_still_callable_and_keeps_its_name():
    @decorators.destination(batch_size=5)
    def hook(rows, *, url: str = "x") -> str:
        """Send it."""
        return f"{len(rows)} to {url}"

    assert "2 to y" == hook([1, 2], url="y")
    assert ("hook", "Send it.") == (hook.__name__, hook.__doc__)


def test_what_is_declared_becomes_the_spec():
    @decorators.destination(
        batch_size=5,
        max_bytes=100,
        max_in_flight=2,
        rate=Rate(3),
        modes={"upsert"},
        delivery="idempotent",
    )
    def hook(rows):
        """Send it."""

    spec = hook.tailrace_destination()
    assert spec is hook.spec
    assert (5, 100, 2, (Rate(3),), {"upsert"}, "idempotent") == (
        spec.batch_size,
        spec.max_bytes,
        spec.max_in_flight,
        spec.rate,
        spec.modes,
        spec.delivery[Action.UPSERT],
    )


def test_keyword_only_parameters_are_options_with_their_types():
    @decorators.destination()
    def hook(rows, *, token: Secret, count: int = 3, anything=None):
        """Send it."""

    assert [("token", Secret, True), ("count", int, False), ("anything", Any, False)] == [
        (each.name, each.type, each.required) for each in definitions(hook.spec.options)
    ]
    with pytest.raises(ConfigError, match="whole number"):
        options_of(hook, token="t", count="5")
    assert Secret("t") == options_of(hook, token="t").token


def test_whether_a_function_takes_http_is_known():
    takes = decorators.destination()(lambda http: None)
    lacks = decorators.destination()(lambda rows: None)

    assert (True, False) == (takes.spec.open.takes_http, lacks.spec.open.takes_http)


def positional(rows, url):
    """Take an option in the wrong place."""


def variable(rows, **options):
    """Take options that nobody can know."""


def several(*rows):
    """Take arguments that nobody gives."""


def unnamed(rows, /):
    """Take what is given by name by its place."""


def misplaced(*, rows, url: str):
    """Take the rows among the options."""


def generator(rows):
    """Do nothing when it is called."""
    yield


async def later(rows):
    """Do nothing when it is called."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (positional, "'url' is none of rows, batch, schema, http, log"),
        (variable, r"\*options says nothing"),
        (several, r"\*rows says nothing"),
        (unnamed, "leave out the /"),
        (misplaced, "'rows' stands among the options"),
        (generator, "returns and does not yield"),
        (later, "async"),
        (print, "is no function"),
        (MISSING := object(), "is no function"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_refused_at_once(function, said):
    with pytest.raises(ConfigError, match=said):
        decorators.destination()(function)


def test_a_source_yields_rows_and_takes_what_it_asks_for():
    @decorators.source
    def people(log, *, count: int = 2):
        for number in range(count):
            yield {"id": number, "log": log}

    with people.spec.open(options_of(people, count=1), http=None, log="log") as rows:
        assert [{"id": 0, "log": "log"}] == list(rows)
    assert [{"id": 0, "log": None}] == list(people(None, count=1))
    assert people.spec is people.tailrace_source()


def test_a_source_may_declare_a_rate():
    @decorators.source(rate=Rate(5))
    def people(http):
        return []

    assert (Rate(5),) == people.spec.rate


def test_a_source_is_not_given_rows():
    with pytest.raises(ConfigError, match="'rows' is none of http, log"):
        decorators.source(positional)


def test_an_option_may_have_any_name():
    @decorators.destination()
    def hook(rows, *, _hidden: int = 1, options: str = "", function: str = ""):
        return [_hidden, options, function]

    assert [1, "b", "c"] == write(hook, options="b", function="c")
