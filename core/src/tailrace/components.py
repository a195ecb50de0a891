"""What a plugin declares about itself, and what it opens."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from math import inf
from typing import Any, Literal, Protocol, get_args

import attrs

from tailrace.errors import ConfigError
from tailrace.outcomes import Outcome
from tailrace.records import Action, Batch, Mode

Delivery = Literal["idempotent", "keyed", "probe", "at_most_once"]
"""What a repeat does: no harm; no harm with the same idempotency key; the writer's `lookup` can
tell whether it is needed; or it doubles, so that it is never made."""


def _positive(instance: Any, attribute: Any, value: Any) -> None:
    if type(value) not in (int, float) or not 0 < value < inf:
        raise ConfigError(f"{attribute.name} is a number above 0, not {value!r}")


def _whole(instance: Any, attribute: Any, value: Any) -> None:
    if type(value) is not int or value <= 0:
        raise ConfigError(f"{attribute.name} is a whole number above 0, not {value!r}")


_ceiling = attrs.validators.optional(_whole)


@attrs.frozen
class Rate:
    """Allow `count` requests in `per` seconds to all requests of one scope together."""

    count: float = attrs.field(validator=_positive)
    per: float = attrs.field(default=1.0, validator=_positive)
    scope: str = "account"


def _rates(rate: Rate | Iterable[Rate] | None) -> tuple[Rate, ...]:
    if rate is None:
        return ()
    return (rate,) if isinstance(rate, Rate) else tuple(rate)


def _modes(modes: Iterable[str]) -> frozenset[Mode]:
    if isinstance(modes, str):
        raise ConfigError(f"modes is a set of modes, such as {{{modes!r}}}")
    try:
        return frozenset(Mode(mode) for mode in modes)
    except ValueError as error:
        raise ConfigError(f"{error}; modes are {', '.join(Mode)}") from None


def _deliveries(delivery: str | Mapping[str, str]) -> Mapping[Action, Delivery]:
    by_action = delivery if isinstance(delivery, Mapping) else dict.fromkeys(Action, delivery)
    strange = [action for action in by_action if action not in tuple(Action)]
    if strange:
        raise ConfigError(f"{strange[0]!r} is no action; actions are {', '.join(Action)}")
    unknown = sorted(set(by_action.values()) - set(get_args(Delivery)))
    if unknown:
        known = ", ".join(get_args(Delivery))
        raise ConfigError(f"{unknown[0]!r} is no delivery class; they are {known}")
    return {action: by_action.get(action, "at_most_once") for action in Action}  # type: ignore[misc]  # checked above


class Writer(Protocol):
    """Write batches; an opened destination.

    It may also have `describe() -> Schema`, `reserve(batch) -> JSON`, `lookup(batch) -> outcomes`
    and `commit() -> None`; core's README tells when each is called.
    """

    def write(self, batch: Batch, /) -> Sequence[Outcome] | None:
        """Write all records and answer for each; None says that all were delivered.

        May be called from several threads at once, up to `max_in_flight`.
        """


@attrs.frozen
class Page:
    """Hold some rows of a source and the position after them, as JSON."""

    rows: Iterable[Mapping[str, Any]]
    position: Any = None


class Reader(Protocol):
    """Read rows page by page; an opened source.

    It may also have `schema`, a Schema of the fields that it is going to give; `settled(position)`,
    which is told, before it is read on from there, that all before a position was settled for good;
    and `complete`, true only when the source was read to its end. Positions are kept for modes that
    do not need all of the source each time.
    """

    def read(self, position: Any, /) -> Iterator[Page]:
        """Read on from a position, or from the start when it is None.

        Where nothing comes for a while, empty pages let the engine see that the run is to stop.
        """


class Receiver(Protocol):
    """Receive rows and keep them, for a source that is read once some lie ready."""

    address: str
    """Where it listens."""

    def wait(self, seconds: float, /) -> bool:
        """Wait until rows lie ready that are worth a run; False when the seconds have passed first.

        Rows that are there from before, or that nobody has read yet, count.
        """


@attrs.frozen
class NoOptions:
    """Take no options."""


@attrs.frozen(kw_only=True)
class SourceSpec:
    """Declare a source.

    open: gives a reader for the time of a `with` block; it takes the options, and by name what it
    wants of `http`, `log`, `cursor` (the value to read on from, that one included), `cursor_field`
    (the field that it is a value of; None where the sync has no cursor) and `syncs` (the names of
    those that read). It may also give rows right away, in any form that `run` takes. What it gives
    as Arrow may have a method `failed(error)`: it gives the exception to raise where the stream
    breaks off.
    serve: receives for the time of a `with` block, in which it gives a Receiver for each of a list of
    options; it takes that list, and `log`. What was received is read by `open`.
    """

    options: type = NoOptions
    open: Callable[..., AbstractContextManager[Any]]
    rate: tuple[Rate, ...] = attrs.field(default=(), converter=_rates)
    serve: Callable[..., AbstractContextManager[Sequence["Receiver"]]] | None = None


@attrs.frozen(kw_only=True)
class DestinationSpec:
    """Declare a destination.

    open: gives a writer for the time of a `with` block; it takes the options, and by name what it
    wants of `http`, `log`, `mode` and `key`.
    batch_size, max_bytes: ceilings of one batch. max_in_flight: of batches at once; None lets the
    engine find out. weigh: the bytes that one row takes in a request; left out, its length as a
    JSON object.
    """

    options: type = NoOptions
    open: Callable[..., AbstractContextManager[Any]]
    modes: frozenset[Mode] = attrs.field(default=("append",), converter=_modes)
    batch_size: int = attrs.field(default=1000, validator=_whole)
    max_bytes: int | None = attrs.field(default=None, validator=_ceiling)
    max_in_flight: int | None = attrs.field(default=None, validator=_ceiling)
    rate: tuple[Rate, ...] = attrs.field(default=(), converter=_rates)
    delivery: Mapping[Action, Delivery] = attrs.field(default="at_most_once", converter=_deliveries)
    weigh: Callable[[Mapping[str, Any]], int] | None = None
