"""HubSpot's errors: what is raised, and the JSON that goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson

from tailrace_sandbox.wire import Answer

MESSAGES = {
    400: ("VALIDATION_ERROR", "Invalid input (details will vary based on the error)"),
    401: (
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    ),
    403: (
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call.",
    ),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    409: ("CONFLICT", "The record conflicts with another one."),
    423: ("LOCKED", "The object is locked; try again in a moment."),
    429: ("RATE_LIMITS", "You have reached your ten_secondly_rolling limit."),
}
UNKNOWN = ("ERROR", "internal error")


class ApiError(Exception):
    """Refuse a request, or one input of a batch."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        category: str = "",
        code: str = "",
        context: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        known, said = MESSAGES.get(status, UNKNOWN)
        super().__init__(message or said)
        self.status = status
        self.message = message or said
        self.category = category or known
        self.code = code
        self.context = dict(context or {})

    def details(self) -> list[dict[str, Any]]:
        """Return the errors within the error."""
        if not self.code:
            return []
        return [{"message": self.message, "code": self.code, "context": self.context}]

    def standard(self, trace: str | None, name: str) -> dict[str, Any]:
        """Return it as one of the errors of a batch that was done in part."""
        whose = {"ids": [name]} if trace is None else {"objectWriteTraceId": [trace]}
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": whose,
            "errors": self.details(),
            "links": {},
        }


def error_answer(error: ApiError) -> Answer:
    """Return the answer to a request that was refused as a whole."""
    body: dict[str, Any] = {
        "status": "error",
        "message": error.message,
        "correlationId": str(uuid4()),
        "category": error.category,
    }
    details = error.details()
    if details:
        body["errors"] = details
    if error.context:
        body["context"] = error.context
    return Answer(status=error.status, body=orjson.dumps(body))


def limited(policy: str) -> Answer:
    """Return the answer to a request above a limit."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": str(uuid4()),
        "policyName": policy,
        "requestId": str(uuid4()),
    }
    return Answer(status=HTTPStatus.TOO_MANY_REQUESTS, body=orjson.dumps(body))
