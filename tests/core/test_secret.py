import logging

import attrs
import pytest

from tailrace.secret import Secret, hidden_in, hide


@attrs.frozen
class Login:
    user: str
    password: Secret


def test_every_secret_of_some_options_is_hidden_the_longest_first():
    hiding = hide(Login("ada", Secret("swordfish")), {"tokens": [Secret("swordfish-2")]}, None)

    assert "ada: ***, ***" == hiding("ada: swordfish, swordfish-2")
    assert "swordfish" not in repr(hiding)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://hooks.example/services/T0/B0/XyZ123abcDEF", "no /services/T0/B0/XyZ123abcDEF"),
        ("https://hooks.example/services/T0/B0/XyZ123abcDEF", "no token XyZ123abcDEF here"),
        ("https://hooks.example/in?sig=XyZ123abcDEF%2F1", "no sig XyZ123abcDEF/1"),
        ("postgresql://ada:swordfish%40@db.example/it", "no login of ada with swordfish@"),
        ("postgresql://ada:swordfish%40@db.example/it", "no login of ada with swordfish%40"),
    ],
)
def test_of_a_secret_address_its_secret_parts_are_hidden_too(address, told):
    hidden = hide(Secret(address))(told)

    assert "***" in hidden
    assert "XyZ123abcDEF" not in hidden
    assert "swordfish" not in hidden


def test_of_a_secret_address_plain_words_are_left():
    hiding = hide(Secret("postgresql://ada@db.example/a_long_database_name"), Secret("http://[::"))

    assert "a_long_database_name of db.example" == hiding("a_long_database_name of db.example")


def test_a_secret_too_short_to_be_told_from_words_is_left():
    assert "a bad day" == hide(Secret("a"))("a bad day")


def test_a_log_and_its_tracebacks_hide_secrets_for_a_while(caplog):
    log = logging.getLogger("tailrace.test_secret")
    with hidden_in(log, hide(Secret("swordfish"))):
        try:
            raise ValueError("bad token swordfish")
        except ValueError:
            log.exception("signed with %s", "swordfish")

    assert "swordfish" not in caplog.text
    assert "ValueError: bad token ***" in caplog.text
    assert [] == log.filters
