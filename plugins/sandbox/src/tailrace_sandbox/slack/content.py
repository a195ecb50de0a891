"""What a message says, and what Slack refuses of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

MAX_TEXT = 40_000
"""Characters of a text; what is longer is cut, posted all the same, and only a warning says so."""
MAX_BLOCKS, MAX_ATTACHMENTS = 50, 100
MAX_BLOCK_BYTES = 13_200
"""Of all blocks together; Slack tells no number, and users have measured about this."""
MAX_METADATA = 8_000
_LIMITS = {"section": 3_000, "header": 150}


class RefusedError(Exception):
    """Say why a method did nothing: Slack's code, and what stands beside it in the answer."""

    def __init__(self, code: str, **beside: Any) -> None:
        super().__init__(code)
        self.code = code
        self.beside = beside


def content(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Take what a message says, as it was sent, with the warnings about it; or refuse it."""
    text = given.get("text") or ""
    blocks, attachments = _list(given, "blocks"), _list(given, "attachments")
    if not isinstance(text, str) or not (text.strip() or blocks or attachments):
        raise RefusedError("no_text")
    if attachments is not None and len(attachments) > MAX_ATTACHMENTS:
        raise RefusedError("too_many_attachments")
    _check(blocks or [])
    warnings = []
    if len(text) > MAX_TEXT:
        text, warnings = text[:MAX_TEXT], ["message_truncated"]
    found: dict[str, Any] = {"text": text}
    if blocks:
        found["blocks"] = blocks
    if attachments:
        found["attachments"] = attachments
    metadata = _json(given.get("metadata"))
    if metadata is not None:
        found["metadata"] = _metadata(metadata)
    return found, warnings


def _metadata(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise RefusedError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise RefusedError("invalid_metadata_schema")
    if len(orjson.dumps(given)) > MAX_METADATA:
        raise RefusedError("metadata_too_large")
    return given


def _check(blocks: Iterable[Any]) -> None:
    problems, size = [], 0
    for place, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        at = f"[json-pointer:/blocks/{place}"
        if not isinstance(kind, str) or place >= MAX_BLOCKS:
            problems.append(f"[ERROR] no more than {MAX_BLOCKS} items, each with a type {at}]")
            continue
        text = block["text"].get("text") if isinstance(block.get("text"), dict) else None
        most = _LIMITS.get(kind)
        if most is not None and isinstance(text, str) and len(text) > most:
            problems.append(f"[ERROR] must be less than {most + 1} characters {at}/text/text]")
        size += len(orjson.dumps(block))
    if problems:
        raise RefusedError("invalid_blocks", response_metadata={"messages": problems})
    if size > MAX_BLOCK_BYTES:
        raise RefusedError("msg_blocks_too_long")


def _list(given: Mapping[str, Any], name: str) -> list[Any] | None:
    value = _json(given.get(name))
    if value is not None and not isinstance(value, list):
        raise RefusedError("invalid_blocks_format" if name == "blocks" else "invalid_attachments")
    return value


def _json(value: Any) -> Any:
    """Take a value that a form holds as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value) if value else None
    except orjson.JSONDecodeError:
        raise RefusedError("invalid_json") from None
