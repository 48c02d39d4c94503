"""Answers that tell of a fault: OperationOutcomes, with the HTTP status and FHIR's issue type that belong together.

Source: FHIR R4 2.34 (OperationOutcome), value set issue-type. No value of the data enters an outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

FHIR_JSON = "application/fhir+json"
_TYPES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
    504: "timeout",
}


class RefusedError(Exception):
    """A request that is not carried out: HTTP status, what is the matter, how to mend it."""

    def __init__(self, status: int, message: str, fix: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.fix, self.headers = status, message, fix, dict(headers or {})


def outcome(status: int, message: str, fix: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """An OperationOutcome of one issue."""
    text = f"{message} Fix: {fix}" if fix else message
    issue = {"severity": "error", "code": _TYPES.get(status, "processing"), "diagnostics": text}
    body = encode({"resourceType": "OperationOutcome", "issue": [issue]})
    return Response(body, status_code=status, media_type=FHIR_JSON, headers=dict(headers or {}))
