import logging

import attrs

from tailrace.secret import Secret, hidden_in, hide


@attrs.frozen
class Login:
    user: str
    password: Secret


def test_every_secret_of_some_options_is_hidden_the_longest_first():
    hiding = hide(Login("ada", Secret("swordfish")), {"tokens": [Secret("swordfish-2")]}, None)

    assert "ada: ***, ***" == hiding("ada: swordfish, swordfish-2")
    assert "swordfish" not in repr(hiding)


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
