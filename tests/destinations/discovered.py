"""Google's client for Sheets takes a tenth of a second to build, which many runs would add up."""

import functools
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from googleapiclient import discovery

_build = discovery.build


@functools.cache
def built(endpoint):
    """Build the client for an address, once."""
    service = _build(
        "sheets",
        "v4",
        http=object(),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": endpoint},
    )
    methods = service.spreadsheets()
    values = methods.values()
    methods.values = lambda: values
    return SimpleNamespace(spreadsheets=lambda: methods)


@contextmanager
def built_once():
    """Let the plugin get what is built already."""

    def found(*_, client_options, **how):
        return built(client_options["api_endpoint"])

    with patch.object(discovery, "build", found):
        yield
