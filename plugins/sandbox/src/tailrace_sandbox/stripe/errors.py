"""Stripe's errors: a status, and an object that says what was wrong."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson

from tailrace_sandbox.wire import Answer

DOCUMENTS = "https://stripe.com/docs/error-codes/"
_SAID = {
    HTTPStatus.UNAUTHORIZED: "Invalid API Key provided.",
    HTTPStatus.FORBIDDEN: "The provided key does not have the required permissions.",
    HTTPStatus.TOO_MANY_REQUESTS: "Request rate limit exceeded.",
}


class ApiError(Exception):
    """Refuse a request."""

    def __init__(
        self, message: str, status: int = 400, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


def error_answer(error: ApiError) -> Answer:
    """Return an error in Stripe's shape."""
    known = error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    told: dict[str, Any] = {
        "message": str(error),
        "type": "invalid_request_error" if known else "api_error",
    }
    if error.code is not None:
        told |= {"code": error.code, "doc_url": DOCUMENTS + error.code.replace("_", "-")}
    if error.param is not None:
        told["param"] = error.param
    return Answer(status=error.status, body=orjson.dumps({"error": told}))


def refusal(status: int) -> ApiError:
    """Return what Stripe says with a status when nothing is wrong with the request itself."""
    said = _SAID.get(HTTPStatus(status), "An unknown error occurred")
    code = "rate_limit" if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return ApiError(said, status, code=code)
