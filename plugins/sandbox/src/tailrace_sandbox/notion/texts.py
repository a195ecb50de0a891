"""Rich text: elements as they are written, and as they are given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tailrace_sandbox.notion.errors import ApiError, invalid

LONGEST = 2_000
"""UTF-16 units of one element's content, and of a url."""
MOST = 100
"""Elements of any list."""
_PLAIN = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}


def units(text: str) -> int:
    """Return a text's length as Notion counts it: in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def checked_list(value: Any, path: str, most: int = MOST) -> Sequence[Any]:
    """Return a list of a length that is taken."""
    if not isinstance(value, list):
        raise invalid(path, f"should be an array, instead was `{spelled(value)}`.")
    if len(value) > most:
        raise invalid(f"{path}.length", f"should be \u2264 `{most}`, instead was `{len(value)}`.")
    return value


def checked_text(value: Any, path: str, most: int = LONGEST) -> str:
    """Return a text of a length that is taken."""
    if not isinstance(value, str):
        raise invalid(path, f"should be a string, instead was `{spelled(value)}`.")
    if units(value) > most:
        told = f"should be \u2264 `{most}`, instead was `{units(value)}`."
        raise invalid(f"{path}.length", told)
    return value


def checked_url(value: Any, path: str) -> str:
    """Return an address; an empty one is none."""
    if not checked_text(value, path):
        raise invalid(path, 'should be a valid URL or `null`, instead was `""`.')
    return str(value)


def kept(value: Any, path: str) -> list[dict[str, Any]]:
    """Return rich text as it is kept; only elements of text are known here."""
    return [_element(each, f"{path}[{at}]") for at, each in enumerate(checked_list(value, path))]


def _element(given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not isinstance(given.get("text"), Mapping):
        raise invalid(f"{path}.text", "should be defined, instead was `undefined`.")
    content = checked_text(given["text"].get("content"), f"{path}.text.content")
    link = given["text"].get("link")
    if link is not None:
        url = link.get("url") if isinstance(link, Mapping) else None
        if not checked_url(url, f"{path}.text.link.url").startswith(("http://", "https://", "/")):
            raise ApiError(400, "Invalid URL for link.")
        link = {"url": url}
    return {
        "type": "text",
        "text": {"content": content, "link": link},
        "annotations": {**_PLAIN, **(given.get("annotations") or {})},
        "plain_text": content,
        "href": None if link is None else link["url"],
    }


def plain(elements: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of elements."""
    return "".join(each["plain_text"] for each in elements)


def spelled(value: Any) -> str:
    """Return a value as Notion's messages write it."""
    text = "null" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:80]}\u2026"
