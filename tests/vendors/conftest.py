"""Give the tests the checker, which is a plain file and not in any package."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def discovery() -> ModuleType:
    path = Path(__file__).with_name("discovery.py")
    spec = importlib.util.spec_from_file_location("vendor_discovery", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
