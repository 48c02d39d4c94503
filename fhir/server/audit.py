"""A log of every request that was sent, without patient data: no ids, no queries, no bodies.

One line of JSON a try: when, run, method, what was asked (`Observation/{id}`, `Patient?`, `transaction`), status, how
long, bytes sent and received, number of the try, error.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import httpx

from trialbridge.base.http import origin
from trialbridge.base.writing import PRIVATE
from trialbridge.fhir.jsontext import encode

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.http import Try

_KNOWN = re.compile(r"[A-Z][A-Za-z]*|_search|_history|\$[a-z-]+|metadata|\.well-known|smart-configuration|token")


class AuditLog:
    """Appends to a file; safe for several threads."""

    def __init__(self, file: Path, base_url: str, run: str) -> None:
        file.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        self._file = file.open("ab")
        self._base = httpx.URL(base_url)
        self._run = run
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def note(self, tried: Try) -> None:
        """Write one try."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run": self._run,
            "server": origin(tried.url),
            "method": tried.method,
            "what": what(tried.url, self._base, tried.method),
            "status": tried.status,
            "milliseconds": round(tried.seconds * 1000),
            "sent": tried.sent,
            "received": tried.received,
            "try": tried.number,
        }
        if tried.error:
            line["error"] = tried.error
        with self._lock:
            self._file.write(encode(line) + b"\n")
            self._file.flush()


def what(url: str, base: httpx.URL, method: str) -> str:
    """What an address asks for, with nothing in it that tells one patient from another.

    >>> base = httpx.URL("http://h/fhir")
    >>> what("http://h/fhir/Observation/123/_history/4", base, "GET")
    'Observation/{id}/_history/{id}'
    >>> what("http://h/fhir/Patient?identifier=x|123", base, "GET"), what("http://h/fhir", base, "POST")
    ('Patient?', 'transaction')
    """
    address = httpx.URL(url)
    path = address.path.removeprefix(base.path.rstrip("/")).strip("/")
    steps = ["{id}" if not _KNOWN.fullmatch(step) else step for step in path.split("/") if step]
    named = "/".join(steps) or ("transaction" if method == "POST" else "")
    return named + ("?" if address.query else "")
