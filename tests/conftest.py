"""Hypothesis profiles: quick by default, thorough where CI is set, small where it was thorough before."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=100)
settings.register_profile("small", settings.get_profile("quick"), max_examples=10)
small = os.environ.get("TAILRACE_SIZE") == "small"
settings.load_profile("thorough" if os.environ.get("CI") else "small" if small else "quick")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path_factory, monkeypatch):
    """Let what a run remembers lie in a folder of its test."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
