"""The destinations, and a service that answers as told, for whoever attacks them."""

import pytest

from ..core.conftest import Service
from ..destinations.conftest import (
    PLACES,
    _built_once,
    place,
    pytest_generate_tests,
    sandbox,
    served,
    server,
)

__all__ = ["_built_once", "place", "pytest_generate_tests", "sandbox", "served", "server"]


@pytest.fixture
def databases(request, sandbox, tmp_path, monkeypatch):
    """Make one of the databases, empty."""

    def make(name):
        if name == "postgresql":
            monkeypatch.setattr(PLACES[name], "server", request.getfixturevalue("server"))
        return PLACES[name](sandbox, tmp_path)

    return make


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
