import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tailrace.text import cut, plain, shown


@given(st.text(st.characters()), st.integers(1, 50))
def test_foreign_text_is_short_and_cannot_steer_a_terminal(text, length):
    told = plain(text, length)

    assert len(told) <= length
    assert not [each for each in told if unicodedata.category(each) in ("Cc", "Cf", "Cs")]


@given(st.text("abc äöü", max_size=50))
def test_plain_text_keeps_its_words(text):
    assert " ".join(text.split()) == plain(text)


def test_escapes_and_bidirectional_marks_are_gone_and_lines_are_joined():
    assert "[31mred evil" == plain("\x1b[31mred\r\n\u202eevil\u200b")


def test_what_was_cut_shows_it():
    assert "aaaa…" == plain("a" * 10, 5)


def test_what_has_no_text_is_shown_by_its_type():
    assert "a value of type int" == shown(10**5000)
    assert "12" == shown(12)


def test_a_text_that_is_cut_shows_it_and_another_stays_as_it_is():
    assert "a\n b" == cut("a\n b", 4)
    assert "abc…" == cut("abcde", 4)
