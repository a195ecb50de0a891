"""Runs from Python, with functions as source and destination."""

from contextlib import contextmanager

import pyarrow
import pytest

import tailrace

CLASSIC = [
    {"row": 1, "a": "a"},
    {"row": 2, "b": "b"},
    {"row": 3, "c": "c"},
    {"row": 1, "a": 1},
    {"row": 2, "b": 2},
    {"row": 3, "c": 3},
]


def test_the_classic_example_reaches_a_function_with_rows_and_schema():
    seen = []

    @tailrace.destination(batch_size=100)
    def google_sheets(rows, schema, *, sheets_id: str, tab: str = "Sheet1"):
        seen.append((rows, [field.name for field in schema.fields], sheets_id, tab))

    report = tailrace.run(
        (row for row in CLASSIC), google_sheets, name="people", options={"sheets_id": "x"}
    )

    assert seen == [(CLASSIC, ["row", "a", "b", "c"], "x", "Sheet1")]
    assert (report.ok, report.read, report.delivered) == (True, 6, 6)


def test_the_decorated_function_stays_callable():
    @tailrace.destination()
    def double(rows, *, times: int = 2):
        return len(rows) * times

    assert double([{}, {}], times=3) == 6


def test_a_decorated_source_takes_options_and_is_read_page_by_page():
    seen = []

    @tailrace.source
    def numbers(*, count: int):
        yield from ({"n": n} for n in range(count))

    @tailrace.destination(batch_size=400, max_in_flight=1)
    def collect(rows):
        seen.append(len(rows))

    report = tailrace.run(numbers, collect, source_options={"count": 1000}, state=None)

    assert report.delivered == 1000
    assert seen == [400, 400, 200]


def test_a_class_form_destination_answers_for_each_record():
    from contextlib import contextmanager

    class Writer:
        def write(self, batch):
            return [
                batch.outcome(r, rejected="odd" if r.key % 2 else None, remote_id=f"x{r.key}")
                for r in batch
            ]

    @contextmanager
    def opened(options, *, mode, key):
        assert (mode, key) == ("upsert", ("id",))
        yield Writer()

    spec = tailrace.DestinationSpec(open=opened, modes={"upsert"}, batch_size=3)
    report = tailrace.run([{"id": n} for n in range(10)], spec, mode="upsert", key="id", state=None)

    assert (report.delivered, report.rejected, report.exit_code) == (5, 5, 8)
    assert report.rejections[0] == (1, "rejected", "odd")


def test_mapping_renames_and_carries_the_key_ahead():
    seen = []

    @tailrace.destination(modes={"upsert"}, delivery="idempotent")
    def collect(rows, schema):
        seen.append((schema.names, schema.key, rows))

    tailrace.run(
        [{"id": 7, "name": "Ada", "score": 0.5}],
        collect,
        mode="upsert",
        key="id",
        mapping={
            "Full name": "name",
            "Line": {"template": "{name} <{score}>"},
            "From": {"constant": "warehouse"},
        },
        state=None,
    )

    assert seen == [
        (
            ("id", "Full name", "Line", "From"),
            ("id",),
            [{"id": 7, "Full name": "Ada", "Line": "Ada <0.5>", "From": "warehouse"}],
        )
    ]


def test_observers_see_the_run_and_one_that_raises_stops_nothing():
    events = []

    class Watching:
        @tailrace.hookimpl
        def tailrace_run_started(self, run):
            events.append(("started", run.sync))

        @tailrace.hookimpl
        def tailrace_batch_delivered(self, batch, outcomes):
            events.append(("batch", len(batch), [str(each.status) for each in outcomes]))

        @tailrace.hookimpl
        def tailrace_run_finished(self, report):
            events.append(("finished", report.delivered))

    class Failing:
        @tailrace.hookimpl
        def tailrace_run_started(self, run):
            raise ValueError("no")

    @tailrace.destination(batch_size=2)
    def collect(rows):
        pass

    report = tailrace.run(
        [{"a": 1}, {"a": 2}, {"a": 3}],
        collect,
        name="watched",
        observers=[Failing(), Watching()],
        state=None,
    )

    assert events == [
        ("started", "watched"),
        ("batch", 2, ["delivered", "delivered"]),
        ("batch", 1, ["delivered"]),
        ("finished", 3),
    ]
    assert report.ok
    assert report.warnings == ("the observer Failing-0 failed: ValueError: no",)


def test_an_options_object_of_the_plugins_own_class_is_taken_as_it_is():
    import attrs

    @attrs.frozen(kw_only=True)
    class Options:
        greeting: str

    seen = []

    class Writer:
        def __init__(self, options):
            self.options = options

        def write(self, batch):
            seen.append(self.options.greeting)

    from contextlib import contextmanager

    @contextmanager
    def opened(options):
        yield Writer(options)

    spec = tailrace.DestinationSpec(options=Options, open=opened)
    tailrace.run([{"a": 1}], spec, options=Options(greeting="hello"), state=None)

    assert seen == ["hello"]


def test_describe_is_checked_before_the_first_write():
    from contextlib import contextmanager

    written = []

    class Writer:
        def describe(self):
            return tailrace.Schema(
                (
                    tailrace.Field("email", "string", required=True),
                    tailrace.Field("id", "integer", read_only=True),
                    tailrace.Field("plan", "string", options=("free", "team"), max_length=4),
                )
            )

        def write(self, batch):
            written.extend(batch.rows())

    @contextmanager
    def opened(options):
        yield Writer()

    spec = tailrace.DestinationSpec(open=opened)
    refused = tailrace.run([{"id": 1, "shoe": 2}], spec, state=None)
    report = tailrace.run(
        [{"email": "a@b.c", "plan": "free"}, {"email": "d@e.f", "plan": "gold"}], spec, state=None
    )

    assert refused.exit_code == 3
    assert refused.problem.splitlines() == [
        "id: the destination does not let this field be written",
        "shoe: the destination has no such field",
        "email: the destination needs this field",
    ]
    assert (refused.read, refused.failed) == (1, 1)
    assert written == [{"email": "a@b.c", "plan": "free"}]
    assert report.rejections == (
        (2, "no_option", "field 'plan': 'gold' is none of 'free', 'team'"),
    )


def _opening(writer_or_error):
    from contextlib import contextmanager

    @contextmanager
    def opened(options):
        if isinstance(writer_or_error, Exception):
            raise writer_or_error
        yield writer_or_error

    return tailrace.DestinationSpec(open=opened, modes={"append", "replace"})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (tailrace.FatalError("the login was refused"), 3),
        (tailrace.RejectedError("no such table"), 3),
        (tailrace.UnsentError("no connection"), 9),
        (tailrace.RetryableError("busy"), 9),
    ],
)
def test_a_destination_that_cannot_be_opened_ends_with_a_report(error, code):
    report = tailrace.run([{"a": 1}], _opening(error), state=None)

    assert (report.exit_code, report.problem, report.read) == (code, str(error), 0)


def test_describe_that_fails_ends_with_a_report():
    class Writer:
        def describe(self):
            raise tailrace.FatalError("the fields cannot be read")

        def write(self, batch):
            raise AssertionError("never")

    report = tailrace.run([{"a": 1}], _opening(Writer()), state=None)

    assert (report.exit_code, report.problem) == (3, "the fields cannot be read")


@pytest.mark.parametrize(
    ("error", "code"), [(tailrace.FatalError("no"), 9), (ZeroDivisionError("oops"), 1)]
)
def test_a_replacement_that_cannot_be_shown_delivers_nothing(error, code):
    class Writer:
        def write(self, batch):
            return None

        def commit(self):
            raise error

    report = tailrace.run([{"a": 1}], _opening(Writer()), mode="replace", state=None)

    assert (report.exit_code, report.delivered, report.failed) == (code, 0, 1)


def test_a_source_that_fails_when_it_is_opened_is_told():
    @tailrace.source
    def broken(*, table: str):
        raise LookupError(f"no table {table}")

    @tailrace.destination()
    def collect(rows):
        raise AssertionError("never")

    report = tailrace.run(broken, collect, source_options={"table": "people"}, state=None)

    assert report.exit_code == 3
    assert report.problem.startswith(
        "the source broke off before its first record: LookupError: no table people"
    )


def test_several_syncs_run_and_problems_of_all_are_told_before_the_first():
    seen = []

    @tailrace.destination()
    def collect(rows):
        seen.extend(rows)

    good = tailrace.Sync(source=[{"a": 1}], destination=collect, name="good", state=None)
    bad = tailrace.Sync(source=[{"a": 2}], destination=collect, mode="upsert", state=None)
    with pytest.raises(tailrace.ConfigError):
        tailrace.run_all([good, bad])
    assert seen == []
    assert [report.sync for report in tailrace.run_all([good, good])] == ["good", "good"]
    assert seen == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize(("error", "code"), [(tailrace.FatalError("no"), 9), (KeyError("x"), 1)])
def test_a_destination_that_fails_while_it_is_closed_keeps_its_report(error, code):
    from contextlib import contextmanager

    class Writer:
        def write(self, batch):
            return None

    @contextmanager
    def opened(options):
        yield Writer()
        raise error

    spec = tailrace.DestinationSpec(open=opened)
    report = tailrace.run([{"a": 1}], spec, state=None)

    assert (report.exit_code, report.delivered) == (code, 1)


def test_what_opening_one_of_several_syncs_brings_up_holds_back_none_of_the_others():
    from contextlib import contextmanager

    seen = []

    @tailrace.destination()
    def collect(rows):
        seen.extend(rows)

    @contextmanager
    def opened(options):
        raise tailrace.MissingOption("token", "is needed here")
        yield

    good = tailrace.Sync(source=[{"a": 1}], destination=collect, state=None)
    bad = tailrace.Sync(
        source=[{"a": 2}], destination=tailrace.DestinationSpec(open=opened), state=None
    )
    reports = tailrace.run_all([good, bad, good])

    assert [report.exit_code for report in reports] == [0, 2, 0]
    assert "options.token: is needed here" in reports[1].problem
    assert seen == [{"a": 1}, {"a": 1}]


def test_a_secret_in_an_exception_of_a_plugin_is_told_nowhere(caplog):
    @tailrace.destination()
    def careless(rows, log, *, token: tailrace.Secret):
        log.warning("signing with %s", token.reveal())
        raise ValueError(f"{token.reveal()} was refused")

    report = tailrace.run([{"a": 1}], careless, options={"token": "swordfish"}, state=None)

    assert report.problem == "ValueError: *** was refused"
    assert "swordfish" not in caplog.text
    assert "*** was refused" in caplog.text


def test_the_rate_of_a_source_is_kept_apart_from_the_destinations():
    from tailrace._engine.preparing import prepare

    @tailrace.source(rate=tailrace.Rate(1, 60))
    def source(http):
        return [{"a": 1}]

    @tailrace.destination(rate=tailrace.Rate(2))
    def collect(rows):
        pass

    rates = prepare(tailrace.Sync(source=source, destination=collect)).rates

    assert rates == (tailrace.Rate(2), tailrace.Rate(1, 60, "source account"))


def test_an_observer_that_fails_on_every_batch_is_told_of_once():
    class Broken:
        @tailrace.hookimpl
        def tailrace_batch_delivered(self, run, batch, outcomes):
            raise ValueError("no")

    @tailrace.destination(batch_size=1)
    def collect(rows):
        pass

    report = tailrace.run([{"a": 1}] * 50, collect, observers=[Broken()], state=None)

    assert len(report.warnings) == 1


def test_a_key_that_breaks_a_stage_costs_no_record_its_answer():
    class Unhashable(str):
        __slots__ = ()
        __hash__ = None

    @tailrace.destination(batch_size=1)
    def collect(rows):
        pass

    rows = [{"k": "a"}, {"k": Unhashable("b")}, {"k": "c"}]
    report = tailrace.run(rows, collect, key="k", state=None)

    assert report.exit_code == 1
    assert report.read == report.delivered + report.failed == 3


def test_a_summary_shows_what_a_terminal_can_and_json_what_json_can():
    import json

    def broken():
        raise ValueError("\x1b[31mred\udc80")
        yield

    @tailrace.destination(modes={"upsert"})
    def collect(rows):
        pass

    huge = [{"id": 10**5000, "v": 1}, {"id": 10**5000, "v": 2}]
    report = tailrace.run(huge, collect, mode="upsert", key="id", state=None)
    failed = tailrace.run(broken, collect, mode="upsert", key="id", state=None)

    assert "\x1b" not in failed.summary()
    assert failed.summary().encode()
    assert report.summary().encode()
    assert json.loads(json.dumps(report.as_json()))["rejections"][0]["key"] == "a value of type int"


def test_a_refusal_of_the_first_room_is_one_of_the_whole_run():
    from contextlib import contextmanager

    class Writer:
        def __init__(self, fails_at):
            self.fails_at = fails_at
            self.asked = 0

        def reserve(self, batch):
            self.asked += 1
            if self.asked == self.fails_at:
                raise tailrace.FatalError("the header stands there twice")

        def write(self, batch):
            return None

    def run(fails_at):
        @contextmanager
        def opened(options):
            yield Writer(fails_at)

        spec = tailrace.DestinationSpec(open=opened, batch_size=1)
        return tailrace.run([{"a": 1}, {"a": 2}], spec, state=None)

    first, second = run(1), run(2)

    assert (first.exit_code, first.delivered, first.failed) == (3, 0, 2)
    assert (second.exit_code, second.delivered, second.failed) == (9, 1, 1)


def test_a_source_learns_where_to_read_on_and_of_which_field(tmp_path):
    asked = []

    @contextmanager
    def open_numbers(options, *, cursor, cursor_field):
        asked.append((cursor_field, cursor))
        yield [{"n": 1}, {"n": 2}]

    @tailrace.destination(modes={"upsert"})
    def nowhere(rows):
        pass

    spec = tailrace.SourceSpec(open=open_numbers)
    for cursor in ("n", "n", None):
        tailrace.run(
            spec,
            nowhere,
            name=f"by {cursor}",
            mode="upsert",
            key="n",
            cursor=cursor,
            state=tmp_path,
        )

    assert [("n", None), ("n", 2), (None, None)] == asked


def test_a_stream_says_itself_what_it_broke_off_with():
    table = pyarrow.table({"n": [1]})

    class Stream:
        schema = table.schema

        def __arrow_c_stream__(self, requested_schema=None):
            def batches():
                yield from table.to_batches()
                raise OSError("unreadable words")

            reader = pyarrow.RecordBatchReader.from_batches(table.schema, batches())
            return reader.__arrow_c_stream__(requested_schema)

        def failed(self, error):
            return tailrace.SourceError("the power went out")

    @tailrace.destination()
    def nowhere(rows):
        pass

    report = tailrace.run(Stream(), nowhere, name="it", state=None)

    assert "the power went out" == report.problem
