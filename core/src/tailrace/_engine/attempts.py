"""Attempts: one batch is written, again where that is harmless, split where it is refused."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from tailrace._engine.clock import Clock
from tailrace._engine.flow import AllDelivered
from tailrace._engine.http import Client
from tailrace._engine.refusals import fingerprint
from tailrace._engine.retry import ATTEMPTS, PATIENCE, backoff
from tailrace.components import DestinationSpec
from tailrace.errors import (
    FatalError,
    PendingError,
    RejectedError,
    RetryableError,
    StateError,
    UnansweredError,
    UnsentError,
    WriteError,
)
from tailrace.outcomes import Outcome, Status
from tailrace.records import Batch, Record
from tailrace.secret import Hide
from tailrace.text import cut

_log = logging.getLogger("tailrace")

KEY_WINDOW = 0.8 * 24 * 3600.0
"""Seconds for which an idempotency key is sure to be remembered: four fifths of Stripe's day."""


GAVE_UP = "gave_up"
"""The reason of records that the engine itself calls failed."""

MANY = 20
"""Records of one batch, and per cent of it, that may be refused for one reason before the run
stops: more than that is a mistake in the mapping, which splitting would only make expensive."""


@attrs.define
class Trouble:
    """Note what a batch met beyond its records' own fates.

    unclear: a request of it has no answer, and may be carried out later. refused: records that
    were refused by splitting, by the kind of refusal. taken: the writer took all of it, and said
    nothing of single records. interrupted: somebody has interrupted the process meanwhile.
    unheard: why a batch that a run that died may have sent got no answer this time either, or one
    that the service is at work on. asks: the last attempt was told to ask again. pending: some
    attempt was, and none since has told what became of it.
    """

    fatal: BaseException | None = None
    bug: str | None = None
    throttled: bool = False
    unclear: bool = False
    refused: Counter[str] = attrs.field(factory=Counter)
    taken: bool = False
    interrupted: bool = False
    unheard: str | None = None
    asks: bool = False
    pending: bool = False
    size: int = 0
    split: frozenset[str] = frozenset()


MESSAGE, REASON = 700, 100
"""Characters of what is kept of a message, and of a reason."""


@attrs.frozen
class Attempts:
    """Write single batches; used by several threads at once."""

    writer: Any
    spec: DestinationSpec
    client: Client
    clock: Clock
    takes_http: bool
    permit: Callable[[], None] = lambda: None
    split: Callable[[str], None] = lambda _: None
    hiding: Hide = Hide()

    def deliver(
        self, batch: Batch, tried_at: float | None = None, split: frozenset[str] = frozenset()
    ) -> tuple[Sequence[Outcome], Trouble]:
        """Give exactly one outcome for each record, in the batch's order.

        tried_at: when a run that died may have sent it, in seconds since 1970. split: the parts of
        it that had been refused whole by then.
        """
        trouble = Trouble(size=len(batch), split=split)
        found: dict[Any, Outcome] = {}
        left: Batch | None = batch
        if tried_at is not None:
            trouble.unclear = True
            left = self._recalled(batch, found, tried_at)
        if left is not None:
            self._write(left, found, trouble)
            if tried_at is not None and self.spec.delivery[batch.action] == "keyed":
                self._unheard(batch, found, trouble)
        if trouble.pending:
            trouble.unheard = found[batch.records[0].key].message
            self._all(batch, found, Status.IN_DOUBT, trouble.unheard or "")
        if trouble.taken:
            return AllDelivered(batch.records), trouble
        return [self._hidden(found[record.key]) for record in batch], trouble

    def _unheard(self, batch: Batch, found: dict[Any, Outcome], trouble: Trouble) -> None:
        """See that what may have arrived before does not count as failed for not being sent now."""
        given_up = [found[each.key] for each in batch if found and _gave_up(found[each.key])]
        if given_up and len(given_up) == len(batch):
            trouble.unheard = given_up[0].message
        for outcome in given_up:
            found[outcome.key] = attrs.evolve(outcome, status=Status.IN_DOUBT)

    def _hidden(self, outcome: Outcome) -> Outcome:
        """Take secrets out of what a plugin, or a service, says of a record, and cut it then."""
        if outcome.message is None:
            return outcome
        reason = None if outcome.reason is None else cut(self.hiding(outcome.reason), REASON)
        message = cut(self.hiding(outcome.message), MESSAGE)
        return attrs.evolve(outcome, reason=reason, message=message)

    def _recalled(self, batch: Batch, found: dict[Any, Outcome], tried_at: float) -> Batch | None:
        """Find out what became of a batch whose answer nobody kept; give what is to be sent."""
        delivery = self.spec.delivery[batch.action]
        if delivery == "idempotent":
            return batch
        if delivery == "keyed" and self.clock.wall() - tried_at < KEY_WINDOW:
            return batch
        self._all(batch, found, Status.IN_DOUBT, "the run died while it was being sent")
        if delivery == "at_most_once" or not hasattr(self.writer, "lookup"):
            return None
        self._looked_up(batch, found)
        return self._failed_alone(batch, found)

    def _write(self, batch: Batch, found: dict[Any, Outcome], trouble: Trouble) -> None:
        """Write until each record has an outcome; those that failed alone are tried again alone."""
        if batch.id in trouble.split:
            self._halved(batch, found, trouble)
            return
        tried = 0
        while True:
            trouble.asks = False
            again, asked = self._once(batch, found, trouble)
            tried += not trouble.asks
            if again is None or tried == ATTEMPTS or trouble.fatal or self.clock.stopping:
                return
            if trouble.asks:
                began = self.clock.monotonic()
                self.clock.sleep(max(asked, 1.0))
                self.client.waited_since(began)
            else:
                self.client.retried()
                self.clock.sleep(max(asked, backoff(tried, self.clock.random())))
            batch = again

    def _once(  # noqa: C901, PLR0915  # one branch a kind of ending
        self, batch: Batch, found: dict[Any, Outcome], trouble: Trouble
    ) -> tuple[Batch | None, float]:
        """Write once; give what is worth another try, and the seconds that the service asks for."""
        delivery = self.spec.delivery[batch.action]
        refused: RejectedError | None = None
        with self.client.attempt(delivery) as attempt:
            try:
                self.permit()
                written = self.writer.write(batch)
                trouble.pending = False
                trouble.taken = written is None and len(batch) == trouble.size
                if not trouble.taken:
                    found.update(self._matched(batch, written))
                    trouble.unclear |= self._doubtful(batch, found)
            except RejectedError as error:
                refused = error
                trouble.pending = False
            except PendingError as error:
                trouble.asks = trouble.pending = True
                self._all(batch, found, Status.FAILED, str(error))
                return batch, _seconds(error.retry_after)
            except RetryableError as error:
                self._all(batch, found, Status.FAILED, str(error))
                asked = _seconds(error.retry_after)
                if asked > PATIENCE:
                    why = f"{error}: it asks to wait {asked / 60:.0f} minutes; run again after that"
                    trouble.fatal = FatalError(why)
                return batch, asked
            except (FatalError, StateError) as error:
                trouble.fatal = error
                self._broke_off(batch, found, str(error), harmless=not attempt.begun)
                return None, 0.0
            except UnsentError as error:
                self._broke_off(batch, found, str(error), harmless=not attempt.begun)
                return None, 0.0
            except UnansweredError as error:
                trouble.unclear = True
                self._broke_off(batch, found, str(error), harmless=False)
                if delivery == "probe":
                    return self._failed_alone(batch, found), 0.0
                return (batch if delivery == "idempotent" and not error.spent else None), 0.0
            except BaseException as error:  # noqa: BLE001  # a plugin's bug, its sys.exit() or panic too
                _log.exception("the destination failed on batch %s", batch.id)
                trouble.bug = f"{type(error).__name__}: {error}"
                trouble.interrupted = isinstance(error, KeyboardInterrupt)
                harmless = self.takes_http and not attempt.begun
                trouble.unclear |= not harmless
                self._broke_off(batch, found, trouble.bug, harmless=harmless)
                return None, 0.0
            finally:
                trouble.throttled |= bool(attempt.throttled)
                trouble.unclear |= attempt.unclear
        if refused is not None:
            # Its own halves would repeat what was accepted before the refusal.
            accepted = attempt.begun - (1 if refused.status is None else 0)
            if accepted > 0 and len(batch) > 1 and delivery != "idempotent":
                self._broke_off(batch, found, str(refused), harmless=False)
            else:
                self._refused(batch, refused, found, trouble)
            return None, 0.0
        return None if trouble.taken else self._failed_alone(batch, found), 0.0

    def _matched(self, batch: Batch, written: Any) -> dict[Any, Outcome]:
        """Match outcomes to records by key; a record without one is in doubt."""
        if written is None:
            return {record.key: Outcome(record.key, Status.DELIVERED) for record in batch}
        if not isinstance(written, Sequence):
            raise TypeError(f"write() gave a {type(written).__name__}, not a list of outcomes")
        given: dict[Any, Outcome] = {}
        for outcome in written:
            if not isinstance(outcome, Outcome):
                raise TypeError(f"write() gave a {type(outcome).__name__} among its outcomes")
            known = given.setdefault(outcome.key, outcome)
            if known.status is not outcome.status:
                both = f"the destination called it {known.status} and {outcome.status}"
                given[outcome.key] = Outcome(
                    outcome.key, Status.IN_DOUBT, reason="two_outcomes", message=both
                )
        strange = given.keys() - {record.key for record in batch}
        if strange:
            _log.warning("the destination answered for records that batch %s lacks", batch.id)
        nothing = "the destination gave no outcome for this record"
        return {
            record.key: given.get(
                record.key,
                Outcome(record.key, Status.IN_DOUBT, reason="no_outcome", message=nothing),
            )
            for record in batch
        }

    def _doubtful(self, batch: Batch, found: dict[Any, Outcome]) -> bool:
        """Make of single records in doubt what can be made: send again, or look them up.

        Tell whether some that count as failed may have arrived.
        """
        doubtful = [each for each in batch if found[each.key].status is Status.IN_DOUBT]
        delivery = self.spec.delivery[batch.action]
        if doubtful and delivery == "idempotent":
            for record in doubtful:
                found[record.key] = attrs.evolve(found[record.key], status=Status.FAILED)
        elif doubtful and delivery == "probe":
            self._looked_up(_part(batch, doubtful, batch.id), found)
        return bool(doubtful) and delivery == "idempotent"

    def _refused(
        self, batch: Batch, error: RejectedError, found: dict[Any, Outcome], trouble: Trouble
    ) -> None:
        """Split a refused batch until only the bad records are refused."""
        if len(batch) == 1:
            key = batch.records[0].key
            reason = error.reason or "rejected"
            found[key] = Outcome(key, Status.REJECTED, reason=reason, message=str(error))
            self._count(reason, str(error), trouble)
            return
        if self.spec.delivery[batch.action] == "keyed":
            try:
                self.split(batch.id)
            except StateError as wrong:
                trouble.fatal = wrong
        self._halved(batch, found, trouble)

    def _halved(self, batch: Batch, found: dict[Any, Outcome], trouble: Trouble) -> None:
        """Write a batch that was refused whole in two parts, each under a name of its own."""
        middle = len(batch) // 2
        for half, records in enumerate((batch.records[:middle], batch.records[middle:])):
            part = _part(batch, records, f"{batch.id}/{half}")
            if trouble.fatal is not None:
                self._all(part, found, Status.FAILED, f"not sent: {trouble.fatal}")
            elif self.clock.stopping:
                self._all(part, found, Status.FAILED, "not sent: the run was asked to stop")
            else:
                self._write(part, found, trouble)

    def _count(self, reason: str, message: str, trouble: Trouble) -> None:
        """Stop where so many are refused for one reason that the mapping must be wrong."""
        kind = fingerprint(reason, message)
        trouble.refused[kind] += 1
        count = trouble.refused[kind]
        if count > MANY and count * 100 > MANY * trouble.size and trouble.fatal is None:
            told = (
                f"{count} of {trouble.size} records of one batch were refused for one reason, which"
                f" looks like a mistake in the mapping or the options: {message}"
            )
            trouble.fatal = FatalError(told)

    def _broke_off(
        self, batch: Batch, found: dict[Any, Outcome], message: str, *, harmless: bool
    ) -> None:
        """Settle a batch that broke off: failed where a repeat does no harm, else in doubt."""
        delivery = self.spec.delivery[batch.action]
        if harmless or delivery == "idempotent":
            self._all(batch, found, Status.FAILED, message)
            return
        self._all(batch, found, Status.IN_DOUBT, message)
        if delivery == "probe":
            self._looked_up(batch, found)

    def _looked_up(self, batch: Batch, found: dict[Any, Outcome]) -> None:
        """Ask the writer what became of records in doubt; what it does not tell stays so."""
        if not hasattr(self.writer, "lookup"):
            return
        try:
            answered = self._matched(batch, list(self.writer.lookup(batch)))
        except WriteError as error:
            _log.warning("batch %s stays in doubt: %s", batch.id, error)
        except BaseException:  # noqa: BLE001  # a plugin's bug, its sys.exit() or panic too
            _log.exception("batch %s stays in doubt: the destination's lookup() failed", batch.id)
        else:
            known = {key: each for key, each in answered.items() if each.status != "in_doubt"}
            found.update(known)

    def _failed_alone(self, batch: Batch, found: dict[Any, Outcome]) -> Batch | None:
        """Give the records that the writer itself reported as failed, to be tried again."""
        failed = [record for record in batch if found[record.key].status is Status.FAILED]
        if not failed:
            return None
        return batch if len(failed) == len(batch) else _part(batch, failed, f"{batch.id}+")

    def _all(self, batch: Batch, found: dict[Any, Outcome], status: Status, message: str) -> None:
        reason = GAVE_UP if status is Status.FAILED else "unanswered"
        for record in batch:
            found[record.key] = Outcome(record.key, status, reason=reason, message=message)


def _gave_up(outcome: Outcome) -> bool:
    return outcome.status is Status.FAILED and outcome.reason == GAVE_UP


def _seconds(asked: Any) -> float:
    """Take what a plugin passes on of a service's wish, which may be anything."""
    try:
        seconds = float(asked or 0.0)
    except (TypeError, ValueError):
        return 0.0
    return seconds if seconds > 0 else 0.0


def _part(batch: Batch, records: Sequence[Record], name: str) -> Batch:
    return attrs.evolve(batch, id=name, records=records)
