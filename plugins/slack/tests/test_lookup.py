"""What is looked for in a channel, and what is said where it cannot be told."""

import attrs
import pytest

import tailrace
from tailrace_slack import Options
from tailrace_slack._draft import Draft
from tailrace_slack._history import History, row_marks
from tailrace_slack._opening import FoundMessages
from tailrace_slack._places import Places

CHANNEL = "C00000000"


@attrs.define
class Channel:
    """Answer calls with pages of messages that never end, or with those that are given."""

    messages: list = attrs.field(factory=list)
    endless: bool = False
    asked: list = attrs.field(factory=list)

    def read(self, method, given, *, expected=()):
        self.asked.append((method, given))
        cursor = "more" if self.endless else ""
        return {"messages": self.messages, "response_metadata": {"next_cursor": cursor}}


def message(batch, ts="1.000001"):
    return {"ts": ts, "text": "a", "metadata": row_marks(batch, 1)}


def writer(channel, text="{id}"):
    options = Options(channel=CHANNEL, text=text, history=True)
    places = Places.of(options, channel)
    return FoundMessages(
        api=channel,
        draft=Draft.of(options),
        places=places,
        history=History(channel),
        strikes=False,
        identity="it",
        now=lambda: 5_000.0,
    )


def batch(*records, action="upsert", reservation=5_000.0):
    schema = tailrace.Schema([tailrace.Field("id", "integer")], ["id"])
    return tailrace.Batch("run-1", action, schema, records=records, reservation=reservation)


def fates(outcomes):
    return [(each.key, str(each.status), each.remote_id) for each in outcomes]


def test_a_message_of_the_batch_is_its_own():
    channel = Channel([{"ts": "3.0", "text": "b"}, message("run-2"), message("run-1", "2.000002")])
    found = writer(channel).lookup(batch(tailrace.Record(1, {"id": 1})))

    assert [(1, "delivered", f"{CHANNEL}:2.000002")] == fates(found)


def test_no_message_of_the_batch_says_that_it_is_not_there():
    found = writer(Channel([message("run-2")])).lookup(batch(tailrace.Record(1, {"id": 1})))

    assert [(1, "failed", None)] == fates(found)


def test_a_part_of_the_batch_tells_nothing_of_the_rest():
    found = writer(Channel([message("run-1/0")])).lookup(batch(tailrace.Record(1, {"id": 1})))

    assert [] == fates(found)


def test_a_channel_that_cannot_be_read_to_its_end_tells_nothing():
    channel = Channel([message("run-2")], endless=True)
    found = writer(channel).lookup(batch(tailrace.Record(1, {"id": 1})))

    assert [] == fates(found)


def test_only_what_came_after_the_intent_is_looked_through():
    channel = Channel()
    kept = writer(channel)
    record = tailrace.Record(1, {"id": 1})
    kept.lookup(batch(record, reservation=kept.reserve(batch(record))))
    [(method, given)] = channel.asked

    assert "conversations.history" == method
    assert 4_000.0 < float(given["oldest"]) < 5_000.0


@pytest.mark.parametrize("changed", [None, frozenset({"id"})])
def test_a_change_in_doubt_is_made_again_without_a_look(changed):
    channel = Channel()
    record = tailrace.Record(1, {"id": 1}, changed, f"{CHANNEL}:1.0")
    found = writer(channel).lookup(batch(record))

    assert [(1, "failed", None)] == fates(found)
    assert [] == channel.asked
