"""What a project file names in a Python file."""

import difflib
import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from dlt.common.configuration import ConfigFieldMissingException
from dlt.extract import DltResource, DltSource

import tailrace


def found_in(file: Path, name: str, option: str) -> Any:
    """Give what is called so in a file."""
    module = _imported(file.absolute())
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, vars(module), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise tailrace.ConfigError(tailrace.Problem(option, f"{file} has no {name!r}{hint}"))
    return getattr(module, name)


def resource_of(file: Path, name: str, arguments: Mapping[str, Any]) -> Any:
    """Give a resource or source of a file, called where it has to be."""
    found = found_in(file, name, "resource")
    if isinstance(found, DltSource) or (isinstance(found, DltResource) and not arguments):
        return found
    if not callable(found):
        told = f"{name!r} in {file} is no dlt resource or source"
        raise tailrace.ConfigError(tailrace.Problem("resource", told))
    try:
        return found(**arguments)
    except TypeError as error:
        raise tailrace.ConfigError(tailrace.Problem("arguments", str(error))) from None
    except ConfigFieldMissingException as error:
        told = f"{', '.join(error.fields)}: missing, also in dlt's configuration"
        raise tailrace.ConfigError(tailrace.Problem("arguments", told)) from None


def _imported(file: Path) -> ModuleType:
    """Import a file once, as `import` from its folder would."""
    name = file.stem
    there = sys.modules.get(name)
    if there is not None and getattr(there, "__file__", None) != str(file):
        # Another module has its name.
        name = f"{name}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise tailrace.ConfigError(tailrace.Problem("file", f"{file} is no Python file"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        told = f"{file} cannot be imported: {type(error).__name__}: {error}"
        raise tailrace.ConfigError(tailrace.Problem("file", told)) from error
    return module
