"""Entries: what the ledger says: of runs, batches, and records that were not plainly delivered."""

from hashlib import blake2b
from typing import Any

import orjson

from tailrace._engine.codec import decode_value, encode_value, name_of
from tailrace._engine.flow import Parcel, schema_as_json
from tailrace._engine.known import Refused
from tailrace._engine.lines import Change
from tailrace._engine.refusals import fingerprint
from tailrace._engine.store import Row
from tailrace.errors import InternalError
from tailrace.outcomes import Outcome, Rejection, Status
from tailrace.schema import Schema

OPEN = "open"
"""In a batch's tally: records that had failed, and are being sent once more."""


def beginning(number: int, run_id: str, mode: str, now: float, facts: dict[str, Any]) -> Row:
    """Give the entry of a run that begins."""
    return {
        "number": number,
        "run_id": run_id,
        "mode": mode,
        "state": "reading",
        "started": now,
        "ended": None,
        "exit_code": None,
        "facts": orjson.dumps(facts).decode(),
        "report": None,
    }


def intent(run: int, place: int, parcel: Parcel, schema: str, now: float) -> Row:
    """Give the entry of a batch that is about to be sent."""
    batch = parcel.batch
    return {
        "run": run,
        "place": place,
        "id": batch.id,
        "file": parcel.file,
        "action": str(batch.action),
        "offset": parcel.offset,
        "length": len(parcel.body),
        "count": len(batch),
        "digest": blake2b(parcel.body, digest_size=16).hexdigest(),
        "schema": schema,
        "reservation": reservation(batch.reservation),
        "read": parcel.read,
        "prefix": parcel.prefix,
        "intended": now,
        "settled": None,
        "late": None,
        "split": None,
        "tally": None,
    }


def schema(schema: Schema) -> Row:
    """Give the entry of a schema, under the digest of what it says."""
    body = orjson.dumps(schema_as_json(schema))
    return {"digest": blake2b(body, digest_size=8).hexdigest(), "body": body.decode()}


def again(batch: Row) -> str | None:
    """Give the tally of a batch of which what had failed is sent once more; None if nothing had."""
    tally = orjson.loads(batch["tally"] or "{}")
    failed = tally.pop("failed", 0)
    return orjson.dumps({**tally, OPEN: failed}).decode() if failed else None


def answer(batch: Row, change: Change, outcome: Outcome) -> Row:
    """Give the entry of a record of a batch."""
    return {
        "run": batch["run"],
        "file": batch["file"],
        "number": change.number,
        "place": batch["place"],
        "name": change.name,
        **_told(outcome),
    }


def early(run: int, number: int, outcome: Outcome) -> Row:
    """Give the entry of a record that came into no batch; its number only keeps it apart."""
    return {
        "run": run,
        "file": "",
        "number": -number,
        "place": None,
        "name": "" if outcome.key is None else name_of(outcome.key),
        **_told(outcome),
    }


def _told(outcome: Outcome) -> Row:
    return {
        "key": encode_value(outcome.key),
        "status": str(outcome.status),
        "reason": outcome.reason,
        "message": outcome.message,
        "remote_id": outcome.remote_id,
    }


def doubt(batch: Row, change: Change, line: bytes, message: str | None, now: float) -> Row:
    """Give the entry of a record in doubt, with all that was sent."""
    return {
        "run": batch["run"],
        "file": batch["file"],
        "number": change.number,
        "place": batch["place"],
        "name": change.name,
        "key": encode_value(change.key),
        "action": change.action,
        "since": now,
        "message": message or "unanswered",
        "cursor": change.cursor,
        "line": line.decode(),
    }


def refusal(
    change: Change, outcome: Outcome, known: Refused | None, *, run: int, config: str, now: float
) -> Row:
    """Give the entry of a refused record, with its values; `known` is an earlier refusal of it."""
    reason, message = outcome.reason or "rejected", outcome.message or "rejected"
    return {
        "name": change.name,
        "key": encode_value(change.key),
        "action": change.action,
        "hash": change.hash,
        "config": config,
        "reason": reason,
        "message": message,
        "fingerprint": fingerprint(reason, message),
        "first_seen": known.first_seen if known is not None else now,
        "last_seen": now,
        "attempts": 1 + (known.attempts if known is not None else 0),
        "due": 0,
        "run": run,
        "cursor": change.cursor,
        "line": change.line.decode(),
    }


def refused(row: Row) -> Refused:
    """Give what the diff needs of a refusal's entry."""
    return Refused(
        row["hash"],
        row["action"],
        row["config"],
        bool(row["due"]),
        row["message"],
        row["first_seen"],
        row["attempts"],
    )


def rejection(row: Row) -> Rejection:
    """Give what a report tells of an answer's entry."""
    return Rejection(decode_value(row["key"]), row["reason"], row["message"])


def unsent(parcel: Parcel, status: Status, message: str) -> list[Outcome]:
    """Answer alike for all records of a parcel that is not sent."""
    return [Outcome(each.key, status, reason="not_sent", message=message) for each in parcel.batch]


def reservation(value: Any) -> str | None:
    """Give what a writer reserved as JSON."""
    if value is None:
        return None
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise InternalError(f"the destination's reserve() gave what is no JSON: {error}") from None
