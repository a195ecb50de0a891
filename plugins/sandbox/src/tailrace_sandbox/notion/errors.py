"""Notion's errors: what is raised, and the JSON, or the edge's HTML, that goes out."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson

from tailrace_sandbox.wire import Answer

CODES = {
    400: ("validation_error", "The request is not valid."),
    401: ("unauthorized", "API token is invalid."),
    403: ("restricted_resource", "Insufficient permissions for this endpoint."),
    404: ("object_not_found", "Could not find what the path names."),
    409: ("conflict_error", "Conflict occurred while saving. Please try again."),
    429: ("rate_limited", "You have been rate limited. Please try again in a moment."),
    500: ("internal_server_error", "Unexpected error occurred."),
    503: ("service_unavailable", "Notion is unavailable, please try again later."),
    529: ("service_overload", "Notion is overloaded, please try again later."),
}
EDGE = frozenset({502, 504})
"""Statuses that do not come from the API itself, and are no JSON."""


class ApiError(Exception):
    """Refuse a request."""

    def __init__(
        self, status: int, message: str = "", *, code: str = "", more: dict[str, Any] | None = None
    ) -> None:
        known, said = CODES.get(status, CODES[500])
        super().__init__(message or said)
        self.status = status
        self.message = message or said
        self.code = code or known
        self.more = more


def invalid(path: str, told: str) -> ApiError:
    """Return the refusal of a body, with the place in it."""
    return ApiError(400, f"body failed validation: {path} {told}")


def not_found(kind: str, name: str) -> ApiError:
    """Return the refusal of what is not there, or not shared: Notion does not tell which."""
    told = f"Could not find {kind} with ID: {name}."
    shared = "Make sure the relevant pages and databases are shared with your integration."
    return ApiError(404, f"{told} {shared}")


def error_answer(error: ApiError, *headers: tuple[str, str]) -> Answer:
    """Return what goes out for an error."""
    if error.status in EDGE:
        text = f"<html><head><title>{error.status}</title></head><body>cloudflare</body></html>\n"
        return Answer(
            status=error.status, body=text.encode(), content_type="text/html", headers=headers
        )
    body: dict[str, Any] = {
        "object": "error",
        "status": error.status,
        "code": error.code,
        "message": error.message,
        "request_id": str(uuid4()),
    }
    if error.more is not None:
        body["additional_data"] = error.more
    return Answer(status=error.status, body=orjson.dumps(body), headers=headers)
