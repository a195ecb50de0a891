"""What holds for any stream of messages, in whatever pieces it comes."""

import json
import logging
import os
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from tailrace_singer import _process
from tailrace_singer._catalog import Stream
from tailrace_singer._config import Hide
from tailrace_singer._process import Process, Tap
from tailrace_singer._reader import _Reading

from .conftest import record, schema, state

TAP = Tap(["tap-made"], Path(), Hide(()), logging.getLogger("tailrace.singer"), 60.0)


class Ended:
    """A process that has written all that it had to say."""

    def __init__(self, text):
        read, write = os.pipe()
        os.write(write, text)
        os.close(write)
        self.stdout, self.stderr = os.fdopen(read, "rb", 0), BytesIO()

    def poll(self):
        return 0


def lines(text, chunk):
    ended = Ended(text)
    before, _process._CHUNK = _process._CHUNK, chunk
    try:
        process = Process(TAP, ended)
        return [each for each in process.lines() if each is not None], process.cut
    finally:
        _process._CHUNK = before
        process._listener.join()
        ended.stdout.close()


@given(st.lists(st.binary(max_size=20), max_size=8), st.integers(1, 30))
def test_lines_are_the_same_in_whatever_pieces_they_come(parts, chunk):
    text = b"\n".join(parts)
    whole, _, rest = text.rpartition(b"\n")
    wanted = whole.split(b"\n") if b"\n" in text else []

    assert (wanted + [rest] * bool(rest), bool(rest)) == lines(text, chunk)


KINDS = ["people", "pets", "state", "schema", "version", "silence"]


def message(kind, at):
    made = {
        "people": record(id=at),
        "pets": record("pets", id=at),
        "state": state({"at": at}),
        "schema": schema(),
        "version": {"type": "ACTIVATE_VERSION", "stream": "people", "version": 1},
    }
    return None if kind == "silence" else json.dumps(made[kind]).encode()


@given(st.lists(st.sampled_from(KINDS), max_size=40))
def test_each_record_is_a_row_and_a_position_stands_behind_all_before_it(kinds):
    written = [message(kind, at) for at, kind in enumerate(kinds)]
    process = SimpleNamespace(lines=lambda: iter(written), finish=lambda: None, cut=False)
    stream = Stream(frozenset({"people"}), frozenset({"pets"}))
    pages = list(_Reading(TAP, stream).pages(process))

    places = [at for at, kind in enumerate(kinds) if kind == "people"]
    states = [{"at": at} for at, kind in enumerate(kinds) if kind == "state"]
    came = []
    for page in pages:
        came += [row["id"] for row in page.rows]
        if page.position is not None:
            assert {at for at in places if at < page.position["at"]} <= set(came)
    assert came == places
    assert pages[-1].position == (states[-1] if states else None)
