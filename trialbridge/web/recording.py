"""The record of each request: its id, what it is counted as, and its line in the log."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trialbridge.web.metering import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trialbridge.web.metering import Meters

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CLIENT_CLOSED = 499
"""The caller went before all of the request was here; whatever was answered, nobody heard it (nginx's number for it)."""


class Recorded:
    """Counts and logs each request, and gives it an id; outermost, so that nothing escapes it."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        name = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        seen = {"status": 500, "received": 0, "sent": 0}
        body = {"whole": False, "cut": False}
        begun = time.perf_counter()

        async def receiving() -> Message:
            message = await receive()
            seen["received"] += len(message.get("body", b""))
            body["whole"] |= message["type"] == "http.request" and not message.get("more_body", False)
            body["cut"] |= message["type"] == "http.disconnect" and not body["whole"]
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            seen["sent"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        finally:
            if body["cut"]:
                seen["status"] = _CLIENT_CLOSED
            with _quiet():
                self._record(scope, name, seen, time.perf_counter() - begun)

    def _record(self, scope: Scope, name: str, seen: dict[str, int], seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        self._meters.count(route, seen["status"], seconds, seen["received"])
        log(
            {
                "requestId": name,
                "method": scope["method"],
                "route": route,
                "status": seen["status"],
                "milliseconds": round(seconds * 1000),
                "received": seen["received"],
                "sent": seen["sent"],
                "caller": scope.get("state", {}).get("caller", ""),
            }
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """A record that fails must not fail the request."""
    try:
        yield
    except Exception:  # noqa: BLE001 - the answer has gone out
        log({"level": "error", "message": "a request could not be recorded"})
