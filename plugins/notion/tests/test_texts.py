"""Texts are cut into parts that fit, between what a reader sees as signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace_notion._texts import split, units

SIGNS = [
    "a",
    "ü",
    "e\u0301",
    "\r\n",
    "\U0001f600",
    "\U0001f44d\U0001f3fd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea",
    "❤\ufe0f",
    "한",
    "\u1112\u1161\u11ab",
    "क्ष",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
]


@given(st.lists(st.sampled_from(SIGNS)).map("".join) | st.text(), st.integers(2, 30))
def test_parts_are_the_text_and_fit(text, most):
    parts = list(split(text, most))

    assert text == "".join(parts)
    assert all(0 < units(each) <= most for each in parts)


@given(st.lists(st.sampled_from(SIGNS), min_size=1), st.integers(10, 30))
def test_no_sign_is_cut(signs, most):
    ends, at = set(), 0
    for sign in signs:
        at += len(sign)
        ends.add(at)
    at = 0
    for part in split("".join(signs), most):
        at += len(part)

        assert at in ends


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(2, 9))
def test_no_part_holds_half_a_character(text, most):
    for part in split(text, most):
        part.encode()


def test_length_is_that_of_utf_16():
    assert [0, 3, 2, 4] == [units(each) for each in ("", "abc", "\U0001f600", "\U0001f600ab")]


@pytest.mark.parametrize("sign", ["a", "\U0001f600", "\U0001f468\u200d\U0001f469"])
def test_parts_are_as_long_as_they_may_be(sign):
    most = 2_000 // units(sign) * len(sign)

    assert [most, most, 3 * len(sign)] == [
        len(each) for each in split(sign * (2 * most // len(sign) + 3))
    ]


def test_what_is_longer_than_a_sign_can_be_is_cut_all_the_same():
    text = "e" + "\u0301" * 5_000

    assert [2_000, 2_000, 1_001] == [len(each) for each in split(text)]
