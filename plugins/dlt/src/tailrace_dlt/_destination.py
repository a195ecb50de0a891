"""A destination function of dlt, called by tailrace."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
from dlt.common.configuration import (
    ConfigFieldMissingException,
    is_secret_hint,
    known_sections,
    resolve_configuration,
)
from dlt.common.configuration.inject import create_resolved_partial
from dlt.common.destination.exceptions import (
    DestinationTerminalException,
    DestinationTransientException,
)
from dlt.destinations.impl.destination.configuration import CustomDestinationClientConfiguration
from dlt.destinations.impl.destination.factory import destination as Factory  # noqa: N812  # dlt's class
from dlt.extract import DltResource

import tailrace
from tailrace_dlt._formats import described, items
from tailrace_dlt._hints import Hints
from tailrace_dlt._source import Source

_ROWS_OF_A_FILE = 10_000


class Destination:
    """Be a decorated function as a destination of tailrace."""

    def __init__(
        self,
        function: Any,
        table: Any,
        *,
        modes: Iterable[str],
        delivery: str | Mapping[str, str],
        max_in_flight: int,
    ) -> None:
        self._factory = _factory(function)
        self.__name__ = str(self._factory.destination_name)
        declared = _resolved(self._factory, {}, partly=True)
        self._table = _table(table, self.__name__)
        self._parquet = _is_parquet(declared.loader_file_format)
        self._as_file = declared.batch_size == 0
        self.spec = tailrace.DestinationSpec(
            options=_options(self._factory, self.__name__),
            open=self._open,
            modes=modes,
            batch_size=declared.batch_size or _ROWS_OF_A_FILE,
            max_in_flight=max_in_flight,
            delivery=delivery,
        )

    def __repr__(self) -> str:
        return f"tailrace_dlt.destination({self.__name__})"

    @tailrace.hookimpl
    def tailrace_destination(self) -> tailrace.DestinationSpec:
        """Give the destination's spec."""
        return self.spec

    @contextmanager
    def _open(self, options: Any) -> Iterator["FunctionWriter"]:
        given = {field.name: getattr(options, field.name) for field in attrs.fields(type(options))}
        with self.opened(given) as writer:
            yield writer

    @contextmanager
    def opened(self, options: Mapping[str, Any]) -> Iterator["FunctionWriter"]:
        """Give the writer, with the function's arguments; dlt is asked for those that are None."""
        given = {
            name: value.reveal() if isinstance(value, tailrace.Secret) else value
            for name, value in options.items()
            if value is not None
        }
        try:
            config = _resolved(self._factory, given)
        except ConfigFieldMissingException as error:
            option = error.fields[0]
            place = f"DESTINATION__{self.__name__}__{option}".upper()
            told = f"missing, also in dlt's configuration ({place})"
            raise tailrace.MissingOption(option, told) from None
        function = create_resolved_partial(config.destination_callable, config)
        harmless = self.spec.delivery
        yield FunctionWriter(function, self._table, self._parquet, self._as_file, harmless)


@attrs.frozen
class FunctionWriter:
    """Call the function with each batch."""

    function: Callable[..., Any]
    table: Mapping[str, Any]
    parquet: bool
    as_file: bool
    delivery: Mapping[tailrace.Action, str]

    def write(self, batch: tailrace.Batch) -> None:
        """Call it; that it returns says that all of the batch was delivered."""
        with items(batch, self.parquet, self.as_file) as given:
            try:
                self.function(given, described(batch, self.table))
            except DestinationTransientException as error:
                raise tailrace.RetryableError(str(error)) from error
            except DestinationTerminalException as error:
                raise tailrace.RejectedError(str(error)) from error
            except Exception as error:
                self._judge(error, batch)
                raise

    def _judge(self, error: Exception, batch: tailrace.Batch) -> None:
        """Raise what an answer of a service means, where the whole batch is what it answers for."""
        answer = getattr(error, "response", None)
        status = getattr(answer, "status_code", None)
        if type(status) is not int:
            return
        # Of a function that sends row by row, the rows before this one have arrived.
        if len(batch) > 1 and self.delivery[batch.action] != "idempotent":
            return
        if status in (401, 402, 403):
            raise tailrace.FatalError(str(error), status=status) from error
        if status == 429:
            wait = _seconds(getattr(answer, "headers", {}))
            raise tailrace.RetryableError(str(error), wait, status=status) from error
        if 400 <= status < 500 and status not in (408, 425):
            raise tailrace.RejectedError(str(error), status=status) from error


def _seconds(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After")))
    except (TypeError, ValueError, AttributeError):
        return None


def _factory(function: Any) -> Factory:
    made = getattr(function, "_factory", None)
    factory = made() if isinstance(made, type) else function
    if not isinstance(factory, Factory):
        name = getattr(function, "__name__", None) or type(function).__name__
        told = f"{name} is no function that @dlt.destination has decorated"
        raise tailrace.ConfigError(tailrace.Problem("destination", told))
    return factory


def _table(table: Any, name: str) -> Mapping[str, Any]:
    if isinstance(table, Source):
        return table.hints.table
    if isinstance(table, DltResource):
        return Hints.of(table).table
    if isinstance(table, Mapping):
        return {"name": name, **table}
    return {"name": name if table is None else str(table)}


def _is_parquet(form: str) -> bool:
    if form not in ("typed-jsonl", "jsonl", "parquet"):
        told = f"its loader_file_format is {form}; there are typed-jsonl and parquet"
        raise tailrace.ConfigError(tailrace.Problem("destination", told))
    return form == "parquet"


def _resolved(factory: Factory, given: Mapping[str, Any], *, partly: bool = False) -> Any:
    """Let dlt find what is not given where it looks for it: environment, secrets.toml, defaults."""
    return resolve_configuration(
        factory.spec(),
        sections=(known_sections.DESTINATION, factory.destination_name),
        explicit_value={**factory.config_params, **given},
        accept_partial=partly,
    )


def _options(factory: Factory, name: str) -> type:
    """Make a class of options of the function's arguments; None leaves one to dlt."""
    ours = CustomDestinationClientConfiguration().get_resolvable_fields()
    secret: Any = tailrace.Secret | Any
    fields = {
        each: attrs.field(
            default=attrs.Factory(partial(_of_dlt, factory, each)),
            type=secret if is_secret_hint(hint) else Any,
            alias=each,
            kw_only=True,
        )
        for each, hint in factory.spec.get_resolvable_fields().items()
        if ours.get(each) != hint
    }
    made = attrs.make_class(f"{name}_options", fields, frozen=True)
    made.__module__ = __name__
    return made


def _of_dlt(factory: Factory, name: str) -> Any:
    """Give what dlt knows of an option, secrets as such; None for what only dlt can hold."""
    value = getattr(_resolved(factory, {}, partly=True), name, None)
    if is_secret_hint(factory.spec.get_resolvable_fields()[name]):
        return tailrace.Secret(value) if isinstance(value, str) else None
    return value if isinstance(value, (str, int, float)) else None
