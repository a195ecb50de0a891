import copy
import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ConfigError
from tailrace.options import Places, Secret, definitions, option, read_options


@attrs.frozen(kw_only=True)
class Login:
    user: str
    token: Secret


@attrs.frozen(kw_only=True)
class Options:
    name: str = option("x", help="A name.")
    count: int = option(1)
    ratio: float = option(1.0)
    on: bool = option(False)
    path: Path = option(Path("default"))
    maybe: str | None = option(None)
    either: int | str = option(0)
    mode: Literal["a", "b", 1] = option("a")
    names: list[str] = option(factory=list)
    pair: tuple[int, str] = option((1, "a"))
    numbers: Sequence[int] = option(())
    table: dict[str, int] = option(factory=dict)
    anything: Any = option(None)
    login: Login | None = option(None)
    logins: list[Login] = option(factory=list)
    paths: list[Path] = option(factory=list)
    day: date | None = option(None)
    token: Secret | None = option(None)


def read(given=None, options=Options, environ=None, **places):
    return read_options(options, given, Places(environ=environ or {}, **places))


def problems(given=None, options=Options, environ=None, **places):
    with pytest.raises(ConfigError) as told:
        read(given, options, environ, **places)
    return {problem.path: problem.message for problem in told.value.problems}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("count", -1),
        ("ratio", 2.5),
        ("on", True),
        ("maybe", None),
        ("maybe", "x"),
        ("either", 5),
        ("either", "5"),
        ("mode", "b"),
        ("mode", 1),
        ("names", ["a", "b"]),
        ("table", {"a": 1}),
        ("anything", {"any": [1, None]}),
        ("login", None),
        ("day", date(2024, 1, 1)),
    ],
)
def test_a_value_of_the_right_kind_is_taken_as_it_is(name, value):
    taken = getattr(read({name: value}), name)

    assert (value, type(value)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", 5, "5 is not text"),
        ("name", None, "nothing (None) is not text"),
        ("name", True, "True is not text"),
        ("count", 2.9, "2.9 is not a whole number"),
        ("count", True, "True is not a whole number"),
        ("count", "5", "'5' is not a whole number"),
        ("count", None, "nothing (None) is not a whole number"),
        ("ratio", "1.5", "'1.5' is not a number"),
        ("ratio", True, "True is not a number"),
        ("on", "false", "'false' is not true or false"),
        ("on", 0, "0 is not true or false"),
        ("path", 5, "5 is no path"),
        ("maybe", 5, "5 is not text"),
        ("either", 2.5, "2.5 is not a whole number or text"),
        ("mode", "c", "'c' is not one of 'a', 'b', 1"),
        ("mode", True, "True is not one of 'a', 'b', 1"),
        ("names", "abc", "'abc' is not a list of text"),
        ("names", {"a": 1}, "{'a': 1} is not a list of text"),
        ("names", None, "nothing (None) is not a list of text"),
        ("numbers", "12", "'12' is not a list of whole number"),
        ("table", [("a", 1)], "[('a', 1)] is not a table"),
        ("login", "ada", "a value of type str is not a table"),
        ("day", "2024-01-01", "'2024-01-01' is not a date"),
        ("token", 5, "a secret is text, not a value of type int"),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value, said):
    found = problems({name: value})

    assert [f"options.{name}"] == list(found)
    assert said in found[f"options.{name}"]


def test_a_whole_number_is_a_number():
    assert (2.0, float) == (read({"ratio": 2}).ratio, type(read({"ratio": 2}).ratio))


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"names": ["a", 5, None]}, ["options.names[1]", "options.names[2]"]),
        ({"table": {"a": "x"}}, ["options.table['a']"]),
        ({"login": {"user": 5, "token": "t"}}, ["options.login.user"]),
        ({"login": {"user": "a", "token": "t", "extra": 1}}, ["options.login"]),
        ({"login": {"token": "t"}}, ["options.login.user"]),
        ({"logins": [{"user": "a", "token": "t"}, {"user": 1, "token": 2}]},
         ["options.logins[1].user", "options.logins[1].token"]),
        ({"logins": [{"user": "a", "token": {"env": "NONE"}}]}, ["options.logins[0].token"]),
        ({"pair": [1]}, ["options.pair"]),
        ({"pair": ["a", 1]}, ["options.pair[0]", "options.pair[1]"]),
    ],
)  # fmt: skip
def test_a_problem_inside_has_its_whole_path(given, paths):
    found = list(problems(given))

    assert len(paths) == len(found)
    assert all(path in place for path, place in zip(paths, found, strict=True))


def test_all_problems_are_told_at_once():
    @attrs.frozen(kw_only=True)
    class Needy:
        needed: str
        also: int
        count: int = 1

    found = problems({"count": "x", "extra": 1}, Needy)

    assert {"options.needed", "options.also", "options.count", "options.extra"} == set(found)


def test_a_misspelt_option_is_told_of_with_the_nearest():
    assert "no such option; did you mean 'count'?" == problems({"cuont": 1})["options.cuont"]
    assert "there are: name, count" in problems({"zzz": 1})["options.zzz"]


def test_where_an_option_was_looked_for_is_told():
    @attrs.frozen(kw_only=True)
    class Needy:
        api_key: Secret

    found = problems(
        {}, Needy, path="sync.a.destination", plugin="my-crm", files=("t.toml", "secrets.toml")
    )

    assert {
        "sync.a.destination.api_key": "missing; looked in sync.a.destination.api_key in t.toml,"
        " sync.a.destination.api_key in secrets.toml, the environment variable"
        " TAILRACE_MY_CRM_API_KEY"
    } == found


def test_an_object_of_the_class_passes_through():
    made = Options(name="y")
    login = Login(user="a", token=Secret("t"))

    assert made is read(made)
    assert login is read({"login": login}).login


@pytest.mark.parametrize("given", [5, "text", [("name", "x")], Login(user="a", token=Secret("t"))])
def test_what_is_neither_a_mapping_nor_the_class_is_refused(given):
    (message,) = problems(given).values()

    assert "neither a mapping nor Options" in message


def test_given_values_are_not_changed():
    given = {"token": {"env": "T"}, "path": "p", "logins": [{"user": "a", "token": {"env": "T"}}]}
    before = copy.deepcopy(given)
    read(given, environ={"T": "x"})

    assert before == given


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "x", "x"),
        ("day", "2024-01-31", date(2024, 1, 31)),
        ("name", "5", "5"),
        ("count", "-5", -5),
        ("ratio", "2.5", 2.5),
        ("ratio", "2", 2.0),
        ("on", "True", True),
        ("on", "false", False),
        ("maybe", "x", "x"),
        ("either", "5", 5),
        ("either", "x", "x"),
        ("mode", "b", "b"),
        ("path", "p", Path("p")),
        ("token", "t", Secret("t")),
    ],
)
def test_text_is_parsed_where_it_comes_from_the_environment(name, text, value):
    taken = getattr(read(environ={f"TAILRACE_P_{name.upper()}": text}, plugin="p"), name)

    assert (value, type(value)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count", "2.9"),
        ("count", "1_000"),
        ("count", " 5"),
        ("count", "s3cret"),
        ("ratio", "nan"),
        ("ratio", "inf"),
        ("on", "yes"),
        ("on", "1"),
        ("mode", "s3cret"),
        ("names", "s3cret"),
        ("day", "s3cret"),
        ("login", "s3cret"),
        ("table", "s3cret"),
    ],
)
def test_text_of_the_environment_that_does_not_fit_is_refused_and_not_shown(name, text):
    found = problems(environ={f"TAILRACE_P_{name.upper()}": text}, plugin="p")

    assert ["options." + name] == list(found)
    assert "s3cret" not in str(found)


def test_what_is_given_comes_before_the_environment():
    assert "given" == read({"name": "given"}, environ={"TAILRACE_NAME": "environ"}).name


def test_a_secret_may_be_a_reference(tmp_path):
    (tmp_path / "token.txt").write_text("  from-file\n")

    assert [Secret("plain"), Secret("from-env"), Secret("from-file")] == [
        read({"token": token}, environ={"T": "from-env"}, folder=tmp_path).token
        for token in ("plain", {"env": "T"}, {"file": "token.txt"})
    ]


def test_a_secret_inside_of_others_may_be_a_reference():
    made = read(
        {
            "login": {"user": "a", "token": {"env": "T"}},
            "logins": [{"user": "b", "token": {"env": "T"}}],
        },
        environ={"T": "x"},
    )

    assert [Secret("x")] * 2 == [made.login.token, made.logins[0].token]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"env": "NONE"}, "the environment variable NONE is not set"),
        ({"env": "EMPTY"}, "the environment variable EMPTY is empty"),
        ({"file": "none.txt"}, "none.txt cannot be read: No such file"),
        ({"file": "binary"}, "binary cannot be read: it is no text"),
        ({"file": "empty"}, "empty is empty"),
        ({"env": "T", "file": "x"}, "a secret is text, { env ="),
        ({"value": "s3cret"}, "a secret is text, { env ="),
        ({}, "a secret is text, { env ="),
        ({"env": 5}, "a secret is text, { env ="),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_of(tmp_path, reference, said):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n")
    found = problems({"token": reference}, environ={"EMPTY": ""}, folder=tmp_path)

    assert said in found["options.token"]
    assert "s3cret" not in str(found)


@given(st.text().map(lambda text: f"s3cret{text}"))
def test_a_secret_shows_itself_nowhere(text):
    secret = Secret(text)
    options = Options(token=secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret} {secret:>10} {secret!r}",
        repr({"a": [secret]}),
        repr(options),
        str(attrs.asdict(options)),
        pickle.loads(pickle.dumps(secret)).reveal(),
    ]

    assert text == secret.reveal() == copy.deepcopy(secret).reveal()
    assert "s3cret" not in "".join(shown)


def test_a_secret_has_no_form_in_json_and_none_in_a_log(caplog):
    secret = Secret("s3cret")
    with pytest.raises(TypeError):
        json.dumps({"a": secret})
    with pytest.raises(TypeError):
        orjson.dumps({"a": secret})
    logging.getLogger("tailrace").warning("%s %r", secret, [secret])

    assert "s3cret" not in caplog.text


def test_secrets_are_compared_by_what_they_hold():
    assert Secret("a") == Secret("a") != Secret("b")
    assert 1 == len({Secret("a"), Secret("a")})
    assert Secret("a") != "a"


@pytest.mark.parametrize(
    "value", [["s3cret"], {"s3cret": 1, "b": 2}, b"s3cret", ("s3cret",)], ids=repr
)
def test_a_bad_value_of_a_secret_is_not_shown(value):
    @attrs.frozen(kw_only=True)
    class Secrets:
        one: Secret
        either: Secret | int
        many: list[Secret]
        login: Login

    names = ["one", "either", "login", "many"]
    found = problems(dict.fromkeys(names, value) | {"many": "s3cret"}, Secrets)

    assert {f"options.{name}" for name in names[:2]} <= set(found)
    assert "s3cret" not in str(found).replace("no such option: b, s3cret", "")


def test_a_relative_path_starts_from_the_projects_folder(tmp_path):
    made = read({"path": "a/b", "paths": ["c", "/d"]}, folder=tmp_path)

    assert tmp_path / "a/b" == made.path
    assert [tmp_path / "c", Path("/d")] == made.paths


def test_a_path_that_is_a_default_starts_there_too(tmp_path):
    assert read({}, folder=tmp_path).path == tmp_path / "default"
    assert read({}).path == Path("default")


def test_a_class_may_refuse_values_itself():
    @attrs.frozen(kw_only=True)
    class Picky:
        count: int = attrs.field(validator=attrs.validators.gt(0))

    (found,) = problems({"count": -1}, Picky).items()

    assert "options" == found[0]
    assert "must be > 0" in found[1]


def test_options_describe_themselves():
    told = {each.name: each for each in definitions(Options)}

    assert ("A name.", "x", False, "text") == (
        told["name"].help,
        told["name"].default,
        told["name"].required,
        told["name"].type_name,
    )
    assert [True, True, True, False] == [
        told[name].secret for name in ("token", "login", "logins", "names")
    ]
    assert {
        "maybe": "text or nothing",
        "mode": "one of 'a', 'b', 1",
        "names": "a list of text",
        "table": "a table",
        "login": "a table or nothing",
        "day": "a date or nothing",
    } == {
        name: told[name].type_name for name in ("maybe", "mode", "names", "table", "login", "day")
    }


def test_names_of_variables_hold_letters_and_digits_only():
    assert "TAILRACE_MY_CRM_BASE_URL" == Places(plugin="my-crm").variable("base_url")
    assert "TAILRACE_URL" == Places().variable("url")


def test_a_mapping_of_any_kind_is_taken():
    class Frozen(Mapping):
        def __getitem__(self, name):
            return {"name": "y"}[name]

        def __iter__(self):
            return iter(["name"])

        def __len__(self):
            return 1

    assert "y" == read(Frozen()).name
