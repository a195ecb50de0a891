"""Ids and addresses: what names pages, data sources and people, and where the API is."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

_ID = re.compile("[0-9a-f]{32}$")


def identifier(text: str) -> str | None:
    """Give the id at a text's end, with its dashes; the text may be an address. None if there is none."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    found = _ID.search((parts.netloc + parts.path).lower().replace("-", ""))
    return None if found is None else str(UUID(found[0]))


def is_loopback(url: str) -> bool:
    """Tell whether an address is one of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
    return here and parts.scheme in ("http", "https")
