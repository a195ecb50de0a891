"""Google's errors: what is raised, and the JSON that goes out."""

from __future__ import annotations

from typing import Any

import orjson

from tailrace_sandbox.wire import Answer

INVALID = "INVALID_ARGUMENT"
STATUSES = {
    400: INVALID,
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    400: "Request contains an invalid argument.",
    401: (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential."
    ),
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: (
        "Quota exceeded for quota metric '{metric}' and limit '{metric} per minute per user' of "
        "service 'sheets.googleapis.com' for consumer 'project_number:100000000000'."
    ),
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline exceeded.",
}
DRIVE_REASONS = {
    400: "badRequest",
    401: "authError",
    403: "insufficientFilePermissions",
    404: "notFound",
    429: "rateLimitExceeded",
}


class ApiError(Exception):
    """Refuse a request with a status and a message of Google's."""

    def __init__(
        self, status: int, message: str = "", *, violations: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(message or MESSAGES.get(status, ""))
        self.status = status
        self.message = message or MESSAGES.get(status, "Unknown error.")
        self.violations = violations

    def within(self, where: str) -> ApiError:
        """Return the same error, with the place in the request in front of its message."""
        return ApiError(self.status, f"Invalid {where}: {self.message}", violations=self.violations)


def bad(message: str, *, field: str | None = None) -> ApiError:
    """Return a 400; with a field, Google's list of violations is part of it."""
    violations = None if field is None else [{"field": field, "description": message}]
    return ApiError(400, message, violations=violations)


def not_found() -> ApiError:
    """Return the 404 of an id that nobody knows."""
    return ApiError(404)


def error_answer(error: ApiError, *, drive: bool = False) -> Answer:
    """Put an error into Google's JSON: the Sheets shape, or the older one of Drive."""
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    if drive:
        reason = DRIVE_REASONS.get(error.status, "backendError")
        domain = "usageLimits" if error.status == 429 else "global"
        item = {"message": error.message, "domain": domain, "reason": reason}
        body["errors"] = [item]
    else:
        body["status"] = STATUSES.get(error.status, "UNKNOWN")
    if error.violations:
        kind = "type.googleapis.com/google.rpc.BadRequest"
        body["details"] = [{"@type": kind, "fieldViolations": error.violations}]
    data = orjson.dumps({"error": body}, option=orjson.OPT_INDENT_2)
    headers: tuple[tuple[str, str], ...] = (("Vary", "Origin"),)
    if error.status == 401:
        headers = (*headers, ("WWW-Authenticate", 'Bearer realm="https://accounts.google.com/"'))
    return Answer(status=error.status, body=data + b"\n", headers=headers)
