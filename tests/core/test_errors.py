import pytest

from tailrace import errors
from tailrace.errors import ConfigError, MissingOption, Problem, several


def test_all_problems_are_shown_each_with_its_path():
    error = ConfigError(Problem("sync.a.key", "missing"), "no file")

    assert "sync.a.key: missing\nno file" == str(error)
    assert (Problem("sync.a.key", "missing"), Problem("", "no file")) == error.problems


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ConfigError", 2),
        ("PluginError", 2),
        ("UnknownPlugin", 2),
        ("PreflightError", 3),
        ("SourceError", 3),
        ("InternalError", 1),
        ("FatalError", 9),
    ],
)
def test_an_error_has_the_exit_code_that_it_leads_to(name, code):
    assert code == getattr(errors, name).exit_code


def test_the_docstring_draws_every_error():
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    named = [each.__name__ for each in kinds if issubclass(each, errors.TailraceError)]

    assert [] == [name for name in named if name not in errors.__doc__]


def test_an_option_that_is_missed_late_names_itself():
    error = MissingOption("token", "needed for a public address")

    assert ("token", "token: needed for a public address") == (error.option, str(error))


def test_no_problem_is_no_error():
    assert several([]) is None
    with pytest.raises(ConfigError, match="a\nb"):
        several(["a", "b"])
