"""The destinations, and a service that answers as told, for whoever attacks them."""

import pytest

from ..core.conftest import Service
from ..destinations.conftest import (
    _built_once,
    place,
    pytest_generate_tests,
    sandbox,
    served,
    server,
)

__all__ = ["_built_once", "place", "pytest_generate_tests", "sandbox", "served", "server"]


@pytest.fixture
def service():
    running = Service()
    yield running
    running.close()


@pytest.fixture
def elsewhere():
    """Another service, to which nothing may come."""
    running = Service()
    yield running
    running.close()
