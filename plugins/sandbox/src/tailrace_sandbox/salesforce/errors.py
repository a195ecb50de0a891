"""Salesforce's errors: what is raised, and the JSON that goes out."""

from __future__ import annotations

from typing import Any

import orjson

from tailrace_sandbox.wire import Answer

CODES = {
    400: ("JSON_PARSER_ERROR", "The request could not be read"),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    405: ("METHOD_NOT_ALLOWED", "HTTP method is not allowed"),
    503: ("SERVER_UNAVAILABLE", "The server is not available; try again later"),
}
UNKNOWN = ("UNKNOWN_EXCEPTION", "An unexpected error occurred")


class ApiError(Exception):
    """Refuse a request as a whole."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        known, said = CODES.get(status, UNKNOWN)
        super().__init__(message or said)
        self.status = status
        self.code = code or known
        self.message = message or said

    def answer(self) -> Answer:
        """Return what goes out."""
        body = [{"message": self.message, "errorCode": self.code}]
        return Answer(status=self.status, body=orjson.dumps(body))


class RecordError(Exception):
    """Refuse one record."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    def result(self) -> dict[str, Any]:
        """Return the record's result in a collection."""
        told = {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}
        return {"success": False, "errors": [told]}

    def line(self) -> str:
        """Return what the results of a bulk job say."""
        return f"{self.code}:{self.message}:{','.join(self.fields)} --"
