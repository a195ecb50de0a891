"""What tests of syncs and plugins need: fakes of clock and destination, and strategies.

`tailrace.testing.strategies` needs the package hypothesis, and nothing else here does.
"""

from tailrace.testing.fakes import FakeClock, MemoryDestination

__all__ = ["FakeClock", "MemoryDestination"]
