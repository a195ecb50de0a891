"""Reverse ETL that is pip-installed: the data you have, in the tools where people work."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailrace._engine.report import Report as Report
    from tailrace.components import DestinationSpec as DestinationSpec
    from tailrace.components import Page as Page
    from tailrace.components import Rate as Rate
    from tailrace.components import Reader as Reader
    from tailrace.components import SourceSpec as SourceSpec
    from tailrace.components import Writer as Writer
    from tailrace.decorators import destination as destination
    from tailrace.decorators import source as source
    from tailrace.errors import ConfigError as ConfigError
    from tailrace.errors import FatalError as FatalError
    from tailrace.errors import MissingOption as MissingOption
    from tailrace.errors import PreflightError as PreflightError
    from tailrace.errors import Problem as Problem
    from tailrace.errors import RejectedError as RejectedError
    from tailrace.errors import RetryableError as RetryableError
    from tailrace.errors import SourceError as SourceError
    from tailrace.errors import TailraceError as TailraceError
    from tailrace.errors import UnansweredError as UnansweredError
    from tailrace.errors import UnsentError as UnsentError
    from tailrace.errors import WriteError as WriteError
    from tailrace.hookspecs import hookimpl as hookimpl
    from tailrace.http import Answer as Answer
    from tailrace.http import Http as Http
    from tailrace.options import option as option
    from tailrace.outcomes import Outcome as Outcome
    from tailrace.outcomes import Rejection as Rejection
    from tailrace.outcomes import Status as Status
    from tailrace.records import Action as Action
    from tailrace.records import Batch as Batch
    from tailrace.records import Mode as Mode
    from tailrace.records import Record as Record
    from tailrace.schema import Field as Field
    from tailrace.schema import FieldType as FieldType
    from tailrace.schema import Schema as Schema
    from tailrace.secret import Secret as Secret
    from tailrace.sync import Sync as Sync
    from tailrace.sync import load as load
    from tailrace.sync import run as run
    from tailrace.sync import run_all as run_all

_HOMES = {
    "_engine.report": ("Report",),
    "components": ("DestinationSpec", "Page", "Rate", "Reader", "SourceSpec", "Writer"),
    "decorators": ("destination", "source"),
    "errors": (
        "ConfigError",
        "FatalError",
        "MissingOption",
        "PreflightError",
        "Problem",
        "RejectedError",
        "RetryableError",
        "SourceError",
        "TailraceError",
        "UnansweredError",
        "UnsentError",
        "WriteError",
    ),
    "hookspecs": ("hookimpl",),
    "http": ("Answer", "Http"),
    "options": ("option",),
    "outcomes": ("Outcome", "Rejection", "Status"),
    "records": ("Action", "Batch", "Mode", "Record"),
    "schema": ("Field", "FieldType", "Schema"),
    "secret": ("Secret",),
    "sync": ("Sync", "load", "run", "run_all"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604  # the names of _HOMES, sorted
    *sorted(_HOME),
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tailrace")
    if name not in _HOME:
        raise AttributeError(f"module 'tailrace' has no attribute {name!r}")
    value = getattr(import_module(f"tailrace.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
