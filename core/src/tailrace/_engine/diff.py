"""Diff: what of the read is to be sent, at most one change a key.

A keyed mode needs the whole read before its first write: records that are equal count once, and
records that share a key and differ are all refused, since none of them is the right one. A small
read is compared in memory with a small snapshot; else DuckDB compares the hashes of both, and only
records that may go out are looked at again. Rows of a columnar source that are settled do not even
come here: they are counted as `columnar` has passed them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import attrs

from tailrace._engine.arrow import PAGE, file_literal, literal
from tailrace._engine.codec import decode, decode_value, digest, encode, encode_value, name_of
from tailrace._engine.columnar import Columnar
from tailrace._engine.disk import create
from tailrace._engine.flow import Records
from tailrace._engine.known import Known, Verdicts
from tailrace._engine.lines import NO_HASH, Change, differing, hash_fields
from tailrace._engine.snapshot import (
    ABSENT,
    EXISTS,
    HELD,
    IN_MEMORY,
    Held,
    Snapshot,
    held_of,
    table_of,
)
from tailrace._engine.staging import Staged, index_of, lay_down, picked, taken_up
from tailrace.errors import PreflightError
from tailrace.records import Action, Mode
from tailrace.schema import Schema

ACTIONS: Mapping[Mode, Action] = {
    Mode.APPEND: Action.APPEND,
    Mode.REPLACE: Action.APPEND,
    Mode.INSERT: Action.INSERT,
    Mode.UPDATE: Action.UPDATE,
    Mode.UPSERT: Action.UPSERT,
    Mode.MIRROR: Action.UPSERT,
}

_DIFFER = "several records of this read have this key and differ; none was sent"
_EQUAL = "an equal record of this read has this key"


@attrs.define(eq=False)
class Diff:
    """Compare one read with a snapshot: `read`, then `changes`, then `removed`.

    Use it in a `with` block: what it lays down is removed at its end. seen: names of records that
    were read and refused before they came here. columnar: who picks the rows that come here, if
    they are not all.
    """

    mode: Mode
    snapshot: Snapshot
    known: Known
    verdicts: Verdicts
    in_memory: int = IN_MEMORY
    key: tuple[str, ...] = ()
    columnar: Columnar | None = None
    schema: Schema = attrs.field(factory=Schema)
    seen: set[str] = attrs.field(factory=set)
    superseded: list[str] = attrs.field(factory=list)
    gone: int = 0
    top: Any = None
    _held: list[Staged] = attrs.field(factory=list)
    _folder: TemporaryDirectory[str] | None = None
    _connection: Any = None
    _alike: Counter[str] = attrs.field(factory=Counter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """Give the folder for what is laid down."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="read-", dir=self.snapshot.temporary)
        return Path(self._folder.name)

    @property
    def _laid(self) -> bool:
        return self._connection is not None

    def read(self, pages: Iterable[Records]) -> None:
        """Take in all pages."""
        iterator = iter(pages)
        if self.columnar is not None and self.columnar.settled is not None:
            self._lay_down(iterator)
            return
        for page in iterator:
            self._held += self._staged(page)
            if len(self._held) > self.in_memory or not self.snapshot.small:
                self._lay_down(iterator)
                return

    def changes(self) -> Iterator[Change]:
        """Give what is to be sent, in the order of the read; keys that have to wait come last."""
        yield from self._ordered(self._large() if self._laid else self._small())

    def removed(self) -> Iterator[Change]:
        """Give the deletion of each record that was delivered once and was not read."""
        yield from self._ordered(self._removed())

    def _ordered(self, changes: Iterable[Change]) -> Iterator[Change]:
        last = []
        for change in changes:
            late = self.known.late.get(change.name)
            if late is not None and late.waits(change.version):
                last.append(change)
            else:
                yield change
        yield from last

    def _removed(self) -> Iterator[Change]:
        for held in self._unread():
            if held.name in self.seen or held.state != HELD or not held.owned:
                continue
            self.gone += 1
            if held.name in self.known.doubts:
                self.verdicts.doubt(held.key, self.known.doubts[held.name])
                continue
            refused = self.known.refusals.get(held.name)
            if refused is not None and refused.stands(held.hash, "delete", self.known.config):
                self.verdicts.skip(held.key, "refused", f"refused before: {refused.message}")
                continue
            yield Change(
                number=self.gone,
                action=Action.DELETE,
                name=held.name,
                key=held.key,
                hash=held.hash,
                fields=held.fields,
                owned=True,
                remote=held.remote,
                line=encode(_key_row(self.key, held.key)),
            )

    def owned(self) -> int:
        """Count the records that were delivered once and are there, as far as is known."""
        if not self._laid:
            held = self.snapshot.load().values()
            return sum(1 for each in held if each.owned and each.state == HELD)
        (count,) = self._connection.execute(
            "SELECT count(*) FROM held WHERE owned = '1' AND state = ?", [HELD]
        ).fetchone()
        return int(count)

    def _staged(self, page: Records) -> Iterator[Staged]:
        self.schema = page.schema
        cursors = page.cursors or [None] * len(page.rows)
        for number, key, row, cursor in zip(
            page.numbers, page.keys, page.rows, cursors, strict=True
        ):
            try:
                line = encode(row)
                told = "" if cursor is None else encode_value(cursor)
                self._rise(cursor)
                name = name_of(key)
            except TypeError as error:
                self._refuse(key, "value", f"{error} cannot be kept; give a plain value")
                continue
            hash_ = digest(line).hex()
            if self.mode is Mode.APPEND:
                # With a cursor, what tells records apart is all they hold, and which of equals.
                self._alike[hash_] += 1
                name = f'"{hash_}#{self._alike[hash_]}"'
            yield Staged(number, name, key, hash_, told, line)

    def _rise(self, cursor: Any) -> None:
        try:
            if cursor is not None and (self.top is None or cursor > self.top):
                self.top = cursor
        except TypeError:
            raise PreflightError(
                f"cursor: it holds values that cannot be compared ({type(self.top).__name__} and"
                f" {type(cursor).__name__}); name a field whose values only grow"
            ) from None

    def _refuse(self, key: Any, reason: str, message: str) -> None:
        self.verdicts.refuse(key, reason, message)

    def _small(self) -> Iterator[Change]:
        held = self.snapshot.load()
        first: dict[str, Staged] = {}
        differ: dict[str, bool] = {}
        for each in self._held:
            known = first.setdefault(each.name, each)
            if known is not each:
                differ[each.name] = differ.get(each.name, False) or known.hash != each.hash
        self.seen |= first.keys()
        for each in self._held:
            if self._stands(each, differ, first[each.name] is each):
                yield from self._decided(each, held.get(each.name))
        self._held = []

    def _stands(self, each: Staged, differ: Mapping[str, bool], first: bool) -> bool:
        if each.name not in differ:
            return True
        if differ[each.name]:
            self._refuse(each.key, "double_key", _DIFFER)
            return False
        if not first:
            self.verdicts.skip(each.key, "double", _EQUAL)
        return first

    def _decided(self, each: Staged, held: Held | None) -> Iterator[Change]:
        """Give the change that a record asks for, or answer for it."""
        action = ACTIONS[self.mode]
        if each.name in self.known.doubts:
            self.verdicts.doubt(each.key, self.known.doubts[each.name])
            return
        refused = self.known.refusals.get(each.name)
        same = self._unchanged(each, held)
        if same is not None:
            if refused is not None:
                self.superseded.append(each.name)
            self.verdicts.skip(each.key, *same)
            return
        if refused is not None and refused.stands(each.hash, action, self.known.config):
            self.verdicts.skip(each.key, "refused", f"refused before: {refused.message}")
            return
        yield self._change(each, held, action)

    def _unchanged(self, each: Staged, held: Held | None) -> tuple[str, str] | None:
        """Say why there is nothing to send, or None."""
        if held is None or held.hash == NO_HASH:
            return None
        if self.mode in (Mode.INSERT, Mode.APPEND):
            if held.state in (HELD, EXISTS):
                told = "it was there already" if held.state == EXISTS else "it was sent before"
                return "exists", told
            return None
        if held.hash != each.hash:
            return None
        if held.state == HELD:
            return "unchanged", "nothing has changed since it was delivered"
        if held.state == ABSENT and self.mode is Mode.UPDATE:
            return "not_found", "the destination did not have it, and it has not changed since"
        return None

    def _change(self, each: Staged, held: Held | None, action: Action) -> Change:
        row = decode(each.line)
        fields = hash_fields(row, {name: self.known.field(name) for name in row})
        delivered = held is not None and held.state == HELD and held.hash != NO_HASH
        changed = differing(held.fields, fields, self.known.names) if held and delivered else None
        return Change(
            number=each.number,
            action=action,
            name=each.name,
            key=each.key,
            hash=each.hash,
            fields=fields,
            changed=changed or None,
            owned=held is not None and held.owned,
            remote=None if held is None else held.remote,
            cursor=each.cursor,
            line=each.line,
        )

    def _unread(self) -> Iterator[Held]:
        if not self._laid:
            for name, held in self.snapshot.load().items():
                if name not in self.seen:
                    yield held
            return
        self._connection.execute(
            "FROM held h WHERE NOT EXISTS (FROM staged s WHERE s.name = h.name)"
            + " AND NOT EXISTS (FROM passed p WHERE p.name = h.name)" * self._passes
            + " ORDER BY run, name"
        )
        while rows := self._connection.fetchmany(PAGE):
            yield from map(held_of, rows)

    def _lay_down(self, pages: Iterator[Records]) -> None:
        """Lay a large read down."""
        following = (each for page in pages for each in self._staged(page))
        lay_down(self.folder, chain(self._held, following, self._doubles()))
        self._held = []
        self._connection = self.snapshot.connect()
        self._connection.execute(f"CREATE TEMP TABLE staged AS {index_of(self.folder)}")

    def _doubles(self) -> Iterator[Staged]:
        """Give the settled records whose key was read twice; their values are not needed."""
        for number, name, hash_ in () if self.columnar is None else self.columnar.doubles:
            key = decode_value(name)
            yield Staged(number, name, tuple(key) if len(self.key) > 1 else key, hash_, "", b"")

    @property
    def _passes(self) -> bool:
        return self.columnar is not None and self.columnar.passed > 0

    def settle(self, into: Path) -> int:
        """Lay down what the next read need not look at, once the changes were given; count it.

        It holds as soon as all of them have arrived, but for those that do not.
        """
        if self.columnar is None or not self._laid or not self.columnar.anew:
            return 0
        return self.columnar.write(self._connection, into)

    def _large(self) -> Iterator[Change]:
        connection = self._connection
        held = "held"
        if self.columnar is not None:
            self.columnar.view(connection)
            if self.columnar.settled is not None:
                # Few records come here then: the snapshot, which is large, is gone through once.
                held = "near"
                near = self.snapshot.held(connection, among="staged")
                connection.execute(f"CREATE TEMP TABLE near AS {near}")
        differ: dict[str, bool] = dict(
            connection.execute(
                "SELECT name, count(DISTINCT hash) > 1 FROM staged GROUP BY name"
                " HAVING count(*) > 1"
            ).fetchall()
        )
        special = self.folder / "special"
        names = self.known.special | differ.keys()
        with create(special) as file:
            file.writelines(f"{name}\n".encode() for name in sorted(names))
        connection.execute(f"CREATE TEMP TABLE special AS {table_of(special, ('name',))}")
        unchanged = self._same_in_sql()
        self._skip_in_sql(unchanged, held)
        first: set[str] = set()
        with (special.parent / "values").open("rb") as values:
            for row in picked(connection, held, unchanged):
                each = taken_up(values, row[:5])
                known = None if row[5] is None else held_of(row[5:])
                if self._stands(each, differ, each.name not in first):
                    yield from self._decided(each, known)
                if each.name in differ:
                    first.add(each.name)

    def _skip_in_sql(self, unchanged: str, held: str) -> None:
        """Count what is as it was, and name it for those who want to look at each."""
        reason = "exists" if self.mode is Mode.INSERT else "unchanged"
        # A record that has no key is named by its place in the read.
        name = "s.number::VARCHAR" if self.mode is Mode.APPEND else "s.name"
        found = (
            f"SELECT {name} AS name, {literal(reason)} AS reason, NULL::UBIGINT AS mark,"  # noqa: S608
            f" NULL::VARCHAR AS file FROM staged s JOIN {held} h"
            f" USING (name) WHERE {unchanged} AND NOT EXISTS (FROM special x WHERE x.name = s.name)"
        )
        picked = self.columnar
        passed = 0 if picked is None else picked.passed
        into = self.verdicts.skips
        if into is None:
            query = f"SELECT count(*) FROM ({found})"  # noqa: S608
        else:
            listed = found if picked is None else f"{found} {picked.listed(reason)}"
            create(into).close()
            self._connection.execute(
                f"COPY ({listed}) TO {literal(str(into))} (FORMAT parquet, USE_TMP_FILE false)"
            )
            query = f"SELECT count(name) FROM read_parquet({file_literal(into)})"  # noqa: S608
        (count,) = self._connection.execute(query).fetchone()
        if into is None or picked is None or not picked.anew:
            count += passed
        self.verdicts.skip_many(count, reason)

    def _same_in_sql(self) -> str:
        """Give the condition under which nothing is sent, as `_unchanged` has it."""
        known = f"h.hash <> '{NO_HASH}'"
        if self.mode in (Mode.INSERT, Mode.APPEND):
            return f"{known} AND h.state IN ('{HELD}', '{EXISTS}')"
        states = f"'{HELD}', '{ABSENT}'" if self.mode is Mode.UPDATE else f"'{HELD}'"
        return f"{known} AND h.hash = s.hash AND h.state IN ({states})"


def _key_row(key: tuple[str, ...], value: Any) -> dict[str, Any]:
    values = (value,) if len(key) == 1 else value
    return dict(zip(key, values, strict=True))
