"""What tests of syncs and plugins need: fakes, a kit for destinations, a fake service, strategies.

`tailrace.testing.DestinationKit` needs the package pytest, `tailrace.testing.strategies` needs
hypothesis, and nothing else here does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailrace.testing.fakes import FakeClock as FakeClock
    from tailrace.testing.fakes import MemoryDestination as MemoryDestination
    from tailrace.testing.kit import DestinationKit as DestinationKit
    from tailrace.testing.service import FakeService as FakeService

_HOMES = {
    "DestinationKit": "kit",
    "FakeClock": "fakes",
    "FakeService": "service",
    "MemoryDestination": "fakes",
}

__all__ = ["DestinationKit", "FakeClock", "FakeService", "MemoryDestination"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
