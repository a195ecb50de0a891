"""S9: a row's value stays one part of a path, one value of a query, one line of a header."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from .corpus import FORMULAS, HEADERS, MARKUP, MENTIONS, PATHS, SQL
from .endpoint import send

TEXTS = [*PATHS, *HEADERS, *MARKUP, *SQL, *MENTIONS, *FORMULAS]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_paths_and_queries_keep_their_form(method, service):
    url = f"{service.url}/in/{{x}}/of?a=1&q={{x}}&z=2"
    report = send(url, [{"x": text} for text in TEXTS], method=method)
    sent = [urlsplit(each.path) for each in service.seen]
    refused = {each.key: each.message for each in report.rejections}

    assert len(TEXTS) == report.delivered + report.rejected
    # A part of a path that is dots means another path, however it is written.
    assert {".", ".."} == {TEXTS[key - 1] for key in refused}
    kept = [text for text in TEXTS if text not in (".", "..")]
    assert {("", "")} == {(each.scheme, each.netloc) for each in sent}
    assert [["", "in", "of"]] * len(kept) == [
        [part for at, part in enumerate(each.path.split("/")) if at != 2] for each in sent
    ]
    assert kept == [unquote(each.path.split("/")[2]) for each in sent]
    assert [[("a", "1"), ("q", text), ("z", "2")] for text in kept] == [
        parse_qsl(each.query, keep_blank_values=True) for each in sent
    ]


def test_headers_stay_one_line_and_no_other_comes_in(service):
    report = send(f"{service.url}/in", [{"x": text} for text in TEXTS], headers={"X-Of": "a {x}"})
    names = {frozenset(each.headers) for each in service.seen}

    assert len(TEXTS) == report.delivered + report.rejected
    assert report.delivered == len(service.seen)
    assert 1 == len(names)
    assert "X-Evil" not in next(iter(names))
    assert {"POST /in"} == {f"{each.method} {each.path}" for each in service.seen}
    broken = [text for text in TEXTS if any(each in text for each in "\r\n\x00")]
    assert broken
    assert set(broken) <= {TEXTS[each.key - 1] for each in report.rejections}


def test_a_body_keeps_its_form(service):
    import orjson

    shape = {"a": {"{x}": "no name", "b": ["{x}", "x{x}"]}, "c": "{row}"}
    send(f"{service.url}/in", [{"x": text} for text in TEXTS], body=shape)
    bodies = [orjson.loads(each.body) for each in service.seen]

    assert [
        {"a": {"{x}": "no name", "b": [text, f"x{text}"]}, "c": {"x": text}} for text in TEXTS
    ] == (bodies)
